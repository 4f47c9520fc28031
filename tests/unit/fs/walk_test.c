/* SPDX-License-Identifier: MIT */
/* kernel/fs/walk.c and dcache*.c: what guest programs cannot see or provoke: file systems whose
 * names come and go by themselves, magic links, the cache's bounds and its parts. */
#include "tests/unit/fs/fs_fixture.h"

#include "kernel/lib/printf.h"

/* ---- a file system made for the tests: "N" is a file for every N < limit, "jump" a magic link
 * ---- */

struct numbers {
    unsigned limit, lookups;
    struct path jump;
};

static const struct inode_ops number_ops, jump_ops;

static int numbers_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    struct numbers *numbers = dir->sb->private;
    numbers->lookups++;
    if (kstr_is(name, length, "jump")) {
        int error = inode_create(dir->sb, NULL, S_IFLNK | 0777, out);
        if (!error)
            (*out)->ops = &jump_ops;
        return error;
    }
    if (length != 1 || name[0] < '0' || (unsigned)(name[0] - '0') >= numbers->limit)
        return -ENOENT;
    int error = inode_create(dir->sb, NULL, S_IFREG | 0444, out);
    if (!error) {
        (*out)->ops = &number_ops;
        (*out)->private_u64 = (unsigned)(name[0] - '0');
    }
    return error;
}

static bool numbers_revalidate(struct dentry *dentry)
{
    struct numbers *numbers = dentry->sb->private;
    struct inode *inode = dentry_inode(dentry);
    if (!inode)
        return false;
    return inode->ops == &jump_ops || inode->private_u64 < numbers->limit;
}

static int jump_follow(struct inode *inode, struct path *out)
{
    struct numbers *numbers = inode->sb->private;
    if (!numbers->jump.mount)
        return -EACCES;
    *out = numbers->jump;
    path_get(out);
    return 0;
}

static const struct inode_ops numbers_dir_ops = {.lookup = numbers_lookup,
                                                 .revalidate = numbers_revalidate};
static const struct inode_ops number_ops = {0};
static const struct inode_ops jump_ops = {.follow = jump_follow};

static const struct filesystem numbers_type;

static int numbers_mount(struct kernel *kernel, const struct filesystem *type, const char *source,
                         unsigned flags, const char *options, struct superblock **out)
{
    struct inode *root;
    (void)source;
    (void)flags;
    ck_assert_int_eq(superblock_create(kernel, type, NULL, out), 0);
    ck_assert_int_eq(inode_create(*out, NULL, S_IFDIR | 0755, &root), 0);
    root->ops = &numbers_dir_ops;
    /* The caller hands its struct over as text. */
    uint64_t address = 0;
    for (const char *c = options; *c; c++)
        address = address * 16 + (uint64_t)(*c <= '9' ? *c - '0' : *c - 'a' + 10);
    (*out)->private = (void *)address;
    return dentry_create_root(*out, root);
}

static const struct filesystem numbers_type = {.name = "numbers", .mount = numbers_mount};

static void mount_numbers(struct numbers *numbers)
{
    char options[32];
    struct path at;
    ck_assert_int_eq(vfs_mkdir(NULL, "n", 0755), 0);
    ksnprintf(options, sizeof(options), "%llx", (unsigned long long)(uintptr_t)numbers);
    ck_assert_int_eq(path_walk(NULL, "n", 0, &at), 0);
    ck_assert_int_eq(mount_attach_new(this_kernel(), &numbers_type, "", 0, options, &at), 0);
    path_put(&at);
}

static void names_that_vanish(void *argument)
{
    struct numbers numbers = {.limit = 5};
    (void)argument;
    mount_numbers(&numbers);
    ck_assert(fs_exists("n/4"));
    ck_assert(fs_exists("n/4"));
    ck_assert_uint_eq(numbers.lookups, 1); /* the second time from the cache */
    ck_assert(!fs_exists("n/7"));
    numbers.limit = 8;
    ck_assert(fs_exists("n/7")); /* a cached absence is asked about */
    struct file *file = fs_open("n/7", O_PATH, 0);
    numbers.limit = 3;
    ck_assert(!fs_exists("n/7") && !fs_exists("n/4"));
    char text[64], *name;
    ck_assert_int_eq(path_name(&file->path, NULL, text, sizeof(text), &name), 0);
    ck_assert_str_eq(name, "/t/n/7 (deleted)");
    file_put(file);
    ck_assert_int_eq(fs_umount("n", 0), 0);
}
FS_TEST(names_that_vanish_by_themselves_are_noticed, names_that_vanish)

static void magic_links(void *argument)
{
    struct numbers numbers = {.limit = 1};
    struct path path;
    (void)argument;
    mount_numbers(&numbers);
    fs_make("target", "x");
    ck_assert_int_eq(vfs_mkdir(NULL, "dir", 0755), 0);
    fs_make("dir/inside", "x");
    ck_assert_int_eq(path_walk(NULL, "n/jump", WALK_FOLLOW, &path), -EACCES);
    ck_assert_int_eq(path_walk(NULL, "target", 0, &numbers.jump), 0);
    ck_assert_int_eq(path_walk(NULL, "n/jump", WALK_FOLLOW, &path), 0);
    ck_assert(path_equal(&path, &numbers.jump));
    path_put(&path);
    ck_assert_int_eq(path_walk(NULL, "n/jump/", WALK_FOLLOW, &path), -ENOTDIR);
    ck_assert_int_eq(path_walk(NULL, "n/jump/x", WALK_FOLLOW, &path), -ENOTDIR);
    ck_assert_int_eq(path_walk(NULL, "n/jump", WALK_FOLLOW | WALK_NO_MAGICLINKS, &path), -ELOOP);
    ck_assert_int_eq(path_walk(NULL, "n/jump", WALK_FOLLOW | WALK_BENEATH, &path), -EXDEV);
    ck_assert_int_eq(path_walk(NULL, "n/jump", WALK_FOLLOW | WALK_NO_XDEV, &path), -EXDEV);
    /* O_CREAT through a magic link opens what is there. */
    struct file *file = fs_open("n/jump", O_CREAT | O_RDWR, 0600);
    ck_assert(path_equal(&file->path, &numbers.jump));
    file_put(file);
    path_put(&numbers.jump);
    ck_assert_int_eq(path_walk(NULL, "dir", 0, &numbers.jump), 0);
    ck_assert_int_eq(path_walk(NULL, "n/jump/inside", WALK_FOLLOW, &path), 0);
    path_put(&path);
    ck_assert_int_eq(path_walk(NULL, "n/jump/../target", WALK_FOLLOW, &path), 0);
    path_put(&path);
    path_put(&numbers.jump);
    numbers.jump.mount = NULL;
    ck_assert_int_eq(fs_umount("n", 0), 0);
}
FS_TEST(magic_links_jump_to_their_target, magic_links)

static void cache_bounds(void *argument)
{
    struct vfs_state *vfs = this_vfs();
    char name[32];
    (void)argument;
    unsigned saved = vfs->lru_max;
    vfs->lru_max = 100;
    for (unsigned i = 0; i < 1000; i++) {
        ksnprintf(name, sizeof(name), "missing%u", i);
        ck_assert(!fs_exists(name));
        ck_assert_uint_le(vfs->lru_count, 101);
    }
    fs_make("kept", "x"); /* names of a tmpfs are pinned: no shrinking loses them */
    dcache_shrink(vfs, 0);
    ck_assert_uint_eq(vfs->lru_count, 0);
    ck_assert(fs_exists("kept"));
    vfs->lru_max = saved;
}
FS_TEST(unused_dentries_are_bounded_and_pinned_ones_stay, cache_bounds)

static void uncached(void *argument)
{
    struct path path;
    (void)argument;
    fs_make("file", "x");
    ck_assert_int_eq(path_walk(NULL, "file", WALK_CACHED, &path), 0);
    path_put(&path);
    ck_assert_int_eq(path_walk(NULL, "never-asked", WALK_CACHED, &path), -EAGAIN);
    ck_assert(!fs_exists("never-asked"));
    ck_assert_int_eq(path_walk(NULL, "never-asked", WALK_CACHED, &path), -ENOENT);
}
FS_TEST(cached_walk_does_not_ask_the_file_system, uncached)

static void long_names(void *argument)
{
    char a[VFS_NAME_MAX + 1], b[VFS_NAME_MAX + 1];
    (void)argument;
    for (size_t length = 1; length <= VFS_NAME_MAX; length += 7) {
        memset(a, 'a', length);
        a[length] = 0;
        memset(b, 'b', VFS_NAME_MAX + 1 - length);
        b[VFS_NAME_MAX + 1 - length] = 0;
        fs_make(a, a);
        ck_assert_int_eq(fs_rename(a, b, 0), 0);
        ck_assert(!fs_exists(a));
        fs_make(a, "other");
        ck_assert_int_eq(fs_rename(a, b, RENAME_EXCHANGE), 0);
        struct linux_statx statx;
        ck_assert_int_eq(fs_stat(a, 0, &statx), 0);
        ck_assert_uint_eq(statx.stx_size, length);
        ck_assert_int_eq(fs_rename(a, b, 0), 0);
        struct file *file = fs_open(b, O_RDONLY, 0);
        char text[4096], *name;
        ck_assert_int_eq(path_name(&file->path, NULL, text, sizeof(text), &name), 0);
        ck_assert_str_eq(name + 3, b);
        ck_assert_int_eq(vfs_unlink(NULL, b), 0);
        file_put(file);
    }
}
FS_TEST(names_of_every_length_can_be_renamed, long_names)

static void path_names(void *argument)
{
    char text[64], *name;
    struct path root, path;
    bool reachable;
    (void)argument;
    ck_assert_int_eq(vfs_mkdir(NULL, "a", 0755), 0);
    ck_assert_int_eq(vfs_mkdir(NULL, "a/b", 0755), 0);
    ck_assert_int_eq(path_walk(NULL, "a", 0, &root), 0);
    ck_assert_int_eq(path_walk(NULL, "a/b", 0, &path), 0);
    ck_assert_int_eq(path_name(&path, NULL, text, sizeof(text), &name), 0);
    ck_assert_str_eq(name, "/t/a/b");
    ck_assert_int_eq(path_name(&path, &root, text, sizeof(text), &name), 0);
    ck_assert_str_eq(name, "/b");
    ck_assert_int_eq(path_name(&root, &root, text, sizeof(text), &name), 0);
    ck_assert_str_eq(name, "/");
    ck_assert_int_eq(path_name_reachable(&root, &path, text, sizeof(text), &name, &reachable), 0);
    ck_assert(!reachable);
    for (size_t bytes = 0; bytes < 7; bytes++)
        ck_assert_int_eq(path_name(&path, NULL, text, bytes, &name), -ENAMETOOLONG);
    ck_assert_int_eq(path_name(&path, NULL, text, 7, &name), 0);
    ck_assert_int_eq(vfs_rmdir(NULL, "a/b"), 0);
    ck_assert_int_eq(path_name(&path, NULL, text, sizeof(text), &name), 0);
    ck_assert_str_eq(name, "/t/a/b (deleted)");
    path_put(&path);
    path_put(&root);
}
FS_TEST(path_names_are_relative_to_the_root_given, path_names)

static const struct file_ops nothing = {0};

static void nameless(void *argument)
{
    char text[64], wanted[64], *name;
    struct file *file, *peer;
    (void)argument;
    ck_assert_int_eq(file_create_anon(this_kernel(), "eventfd", &nothing, NULL, O_RDWR, 0, &file),
                     0);
    ck_assert_int_eq(path_name(&file->path, NULL, text, sizeof(text), &name), 0);
    ck_assert_str_eq(name, "anon_inode:[eventfd]");
    file_put(file);
    ck_assert_int_eq(
        file_create_anon(this_kernel(), "pipe", &nothing, NULL, O_RDONLY, S_IFIFO, &file), 0);
    ck_assert_int_eq(file_create_anon_peer(file, &nothing, NULL, O_WRONLY, &peer), 0);
    ck_assert_ptr_eq(file->inode, peer->inode);
    ksnprintf(wanted, sizeof(wanted), "pipe:[%llu]", (unsigned long long)file->inode->ino);
    ck_assert_int_eq(path_name(&peer->path, NULL, text, sizeof(text), &name), 0);
    ck_assert_str_eq(name, wanted);
    file_put(file);
    file_put(peer);
    ck_assert_int_eq(memfd_create_file(this_kernel(), "x", 0, &file), 0);
    ck_assert_int_eq(path_name(&file->path, NULL, text, sizeof(text), &name), 0);
    ck_assert_str_eq(name, "/memfd:x (deleted)");
    file_put(file);
}
FS_TEST(nameless_files_have_the_names_that_linux_shows, nameless)

static void add(TCase *tcase)
{
    tcase_add_test(tcase, names_that_vanish_by_themselves_are_noticed);
    tcase_add_test(tcase, magic_links_jump_to_their_target);
    tcase_add_test(tcase, unused_dentries_are_bounded_and_pinned_ones_stay);
    tcase_add_test(tcase, cached_walk_does_not_ask_the_file_system);
    tcase_add_test(tcase, names_of_every_length_can_be_renamed);
    tcase_add_test(tcase, path_names_are_relative_to_the_root_given);
    tcase_add_test(tcase, nameless_files_have_the_names_that_linux_shows);
}

static Suite *suite(void)
{
    return unit_suite("walk", add);
}
UNIT_MAIN(suite)
