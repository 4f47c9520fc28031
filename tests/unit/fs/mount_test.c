/* SPDX-License-Identifier: MIT */
/* kernel/fs/mount*.c, umount.c: the tree as seen from inside, mountinfo, pivot_root, recursive
 * copies. */
#include "tests/unit/fs/fs_fixture.h"

#include "kernel/fs/mount_namespace.h"
#include "kernel/lib/strbuf.h"

static void do_mkdir(const char *name)
{
    ck_assert_int_eq(vfs_mkdir(NULL, name, 0755), 0);
}

static void do_mount(const char *name)
{
    ck_assert_int_eq(vfs_mount(this_kernel(), "dev", name, "tmpfs", 0, NULL), 0);
}

static int do_bind(const char *from_name, const char *at_name, bool recursive)
{
    struct path from, at;
    ck_assert_int_eq(path_walk(NULL, from_name, WALK_FOLLOW, &from), 0);
    ck_assert_int_eq(path_walk(NULL, at_name, WALK_FOLLOW, &at), 0);
    int error = mount_bind(&from, &at, recursive);
    path_put(&at);
    path_put(&from);
    return error;
}

static int do_propagation(const char *name, unsigned flags)
{
    struct path path;
    ck_assert_int_eq(path_walk(NULL, name, WALK_FOLLOW, &path), 0);
    int error = mount_set_propagation(&path, flags);
    path_put(&path);
    return error;
}

static unsigned count_mounts(void)
{
    unsigned count = 0;
    int id = 0;
    struct mount *mount;
    while ((mount = mount_next(this_kernel(), mount_namespace_current(), id))) {
        id = mount->id;
        count++;
        mount_put(mount);
    }
    return count;
}

/* The mount point names of all mounts below /t, in order, separated by spaces. */
static void list_mounts(char *text, size_t bytes)
{
    struct strbuf out;
    struct mount *mount;
    int id = 0;
    strbuf_init(&out, text, bytes);
    while ((mount = mount_next(this_kernel(), mount_namespace_current(), id))) {
        char buffer[256], *name;
        id = mount->id;
        ck_assert_int_eq(mount_point_name(mount, NULL, buffer, sizeof(buffer), &name), 0);
        if (kstr_starts_with(name, "/t/"))
            strbuf_printf(&out, "%s ", name);
        mount_put(mount);
    }
}

static void recursive_bind(void *argument)
{
    char text[512];
    (void)argument;
    unsigned before = count_mounts();
    do_mkdir("src");
    do_mount("src");
    do_mkdir("src/a");
    do_mkdir("src/b");
    do_mount("src/a");
    do_mkdir("src/a/deep");
    do_mount("src/a/deep");
    do_mount("src/b");
    do_mkdir("dst");
    ck_assert_int_eq(do_bind("src", "dst", true), 0);
    list_mounts(text, sizeof(text));
    ck_assert_str_eq(text, "/t/src /t/src/a /t/src/a/deep /t/src/b /t/dst /t/dst/a /t/dst/a/deep "
                           "/t/dst/b ");
    fs_make("src/a/deep/file", "x");
    ck_assert(fs_exists("dst/a/deep/file"));
    /* An unbindable mount is left out with everything below it. */
    ck_assert_int_eq(fs_umount("dst", MNT_DETACH), 0);
    ck_assert_int_eq(do_propagation("src/a", MS_UNBINDABLE), 0);
    ck_assert_int_eq(do_bind("src", "dst", true), 0);
    list_mounts(text, sizeof(text));
    ck_assert_str_eq(text, "/t/src /t/src/a /t/src/a/deep /t/src/b /t/dst /t/dst/b ");
    ck_assert_int_eq(fs_umount("dst", MNT_DETACH), 0);
    /* Of a part: only what is mounted below that part. */
    ck_assert_int_eq(do_propagation("src/a", MS_PRIVATE), 0);
    ck_assert_int_eq(do_bind("src/b", "dst", true), 0);
    list_mounts(text, sizeof(text));
    ck_assert_str_eq(text, "/t/src /t/src/a /t/src/a/deep /t/src/b /t/dst ");
    ck_assert_int_eq(fs_umount("dst", 0), 0);
    ck_assert_int_eq(fs_umount("src", 0), -EBUSY);
    ck_assert_int_eq(fs_umount("src", MNT_DETACH), 0);
    ck_assert_uint_eq(count_mounts(), before);
}
FS_TEST(recursive_binds_copy_the_tree_below, recursive_bind)

static void descriptions(void *argument)
{
    char text[256], *name;
    struct strbuf out;
    struct path path;
    struct mount_info info;
    (void)argument;
    do_mkdir("m");
    ck_assert_int_eq(vfs_mount(this_kernel(), "source", "m", "tmpfs", MS_NOSUID | MS_NODEV,
                               "size=2m,nr_inodes=77,mode=0700,uid=5"),
                     0);
    ck_assert_int_eq(path_walk(NULL, "m", 0, &path), 0);
    mount_describe(path.mount, &info);
    ck_assert_str_eq(info.type, "tmpfs");
    ck_assert_str_eq(info.source, "source");
    ck_assert_int_gt(info.id, info.parent_id);
    strbuf_init(&out, text, sizeof(text));
    mount_option_text(path.mount, &out);
    ck_assert_str_eq(text, "rw,nosuid,nodev,relatime");
    strbuf_init(&out, text, sizeof(text));
    superblock_option_text(path.mount->sb, &out);
    ck_assert_str_eq(text, "rw,size=2048k,nr_inodes=77,mode=700,uid=5");
    ck_assert_int_eq(mount_root_name(path.mount, text, sizeof(text), &name), 0);
    ck_assert_str_eq(name, "/");
    ck_assert_int_eq(do_propagation("m", MS_SHARED), 0);
    mount_describe(path.mount, &info);
    ck_assert_int_ne(info.shared_group, 0);
    ck_assert_int_eq(do_propagation("m", MS_SLAVE), 0); /* without peers: private */
    mount_describe(path.mount, &info);
    ck_assert_int_eq(info.shared_group | info.master_group, 0);
    ck_assert_int_eq(do_propagation("m", MS_SHARED), 0);
    do_mkdir("m/part");
    do_mkdir("m2");
    ck_assert_int_eq(do_bind("m/part", "m2", false), 0);
    struct path copy;
    ck_assert_int_eq(path_walk(NULL, "m2", 0, &copy), 0);
    ck_assert_int_eq(mount_root_name(copy.mount, text, sizeof(text), &name), 0);
    ck_assert_str_eq(name, "/part");
    ck_assert_int_eq(do_propagation("m2", MS_SLAVE), 0);
    struct mount_info slave;
    mount_describe(path.mount, &info);
    mount_describe(copy.mount, &slave);
    ck_assert_int_eq(slave.master_group, info.shared_group);
    path_put(&copy);
    path_put(&path);
    uint64_t sequence = mount_sequence(this_kernel());
    ck_assert_int_eq(fs_umount("m2", 0), 0);
    ck_assert_uint_ne(mount_sequence(this_kernel()), sequence);
    ck_assert_int_eq(fs_umount("m", 0), 0);
}
FS_TEST(mounts_are_described_as_linux_shows_them, descriptions)

static void pivoting(void *argument)
{
    struct path new_root, put_old, root, old;
    (void)argument;
    do_mkdir("new");
    do_mount("new");
    do_mkdir("new/old");
    do_mkdir("inside");
    ck_assert_int_eq(path_walk(NULL, "new", 0, &new_root), 0);
    ck_assert_int_eq(path_walk(NULL, "new/old", 0, &put_old), 0);
    fs_context_root(this_thread()->fs, &old);
    /* The initial root has no parent to hang a new one on; the one over it has. */
    ck_assert_ptr_eq(old.mount->parent, this_kernel()->vfs->root);
    const struct path bottom = {.mount = old.mount->parent, .dentry = old.mount->parent->root};
    fs_context_set_root(this_thread()->fs, &bottom);
    ck_assert_int_eq(mount_pivot_root(&new_root, &put_old), -EINVAL);
    ck_assert_int_eq(path_walk(NULL, ".", 0, &root), 0); /* /t, a mount with a parent */
    fs_context_set_root(this_thread()->fs, &root);
    struct path inside;
    ck_assert_int_eq(path_walk(NULL, "inside", 0, &inside), 0);
    ck_assert_int_eq(mount_pivot_root(&inside, &put_old), -EBUSY);
    ck_assert_int_eq(mount_pivot_root(&new_root, &inside), -EBUSY);
    path_put(&inside);
    ck_assert_int_eq(mount_pivot_root(&new_root, &put_old), 0);
    /* Root and working directory moved with it. */
    ck_assert(path_equal(&this_thread()->fs->root, &new_root));
    ck_assert(path_equal(&this_thread()->fs->cwd, &new_root));
    ck_assert(fs_exists("/old/inside"));
    char text[64], *name;
    ck_assert_int_eq(path_name(&root, &new_root, text, sizeof(text), &name), 0);
    ck_assert_str_eq(name, "/old");
    /* And back, for the fixture. */
    struct path again;
    ck_assert_int_eq(path_walk(NULL, "/old/new", 0, &again), 0);
    ck_assert_int_eq(mount_pivot_root(&root, &again), 0);
    path_put(&again);
    ck_assert(path_equal(&this_thread()->fs->root, &root));
    fs_context_set_root(this_thread()->fs, &old);
    path_put(&old);
    path_put(&root);
    path_put(&put_old);
    path_put(&new_root);
    ck_assert_int_eq(fs_umount("/t/new", 0), 0);
}
FS_TEST(pivot_root_exchanges_roots, pivoting)

static void same_place(void *argument)
{
    (void)argument;
    do_mkdir("m");
    do_mount("m");
    ck_assert_int_eq(vfs_mkdir(NULL, "dev1", 0755), 0);
    ck_assert_int_eq(vfs_mount(this_kernel(), "d", "dev1", "devtmpfs", 0, NULL), 0);
    ck_assert_int_eq(vfs_mount(this_kernel(), "d", "dev1", "devtmpfs", 0, NULL), -EBUSY);
    ck_assert(fs_exists("dev1/null"));
    ck_assert_int_eq(fs_umount("dev1", 0), 0);
    ck_assert_int_eq(vfs_mount(this_kernel(), "d", "m", "nosuch", 0, NULL), -ENODEV);
    ck_assert_int_eq(fs_umount("m", 0), 0);
}
FS_TEST(one_file_system_is_not_mounted_on_itself, same_place)

static void add(TCase *tcase)
{
    tcase_add_test(tcase, recursive_binds_copy_the_tree_below);
    tcase_add_test(tcase, mounts_are_described_as_linux_shows_them);
    tcase_add_test(tcase, pivot_root_exchanges_roots);
    tcase_add_test(tcase, one_file_system_is_not_mounted_on_itself);
}

static Suite *suite(void)
{
    return unit_suite("mount", add);
}
UNIT_MAIN(suite)
