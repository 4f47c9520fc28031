/* SPDX-License-Identifier: MIT */
/* kernel/fs/initramfs.c: well-formed, odd and hostile archives. */
#include "tests/unit/fs/fs_fixture.h"

#include "kernel/lib/printf.h"
#include "kernel/lib/random.h"

enum { ARCHIVE_MAX = 1 << 20 };

struct archive {
    unsigned char *bytes;
    size_t size;
    unsigned next_inode;
};

static void archive_init(struct archive *archive)
{
    archive->bytes = kzalloc(ARCHIVE_MAX);
    archive->size = 0;
    archive->next_inode = 1;
    ck_assert_ptr_nonnull(archive->bytes);
}

static void pad4(struct archive *archive)
{
    while (archive->size % 4)
        archive->bytes[archive->size++] = 0;
}

struct entry {
    const char *name;
    unsigned mode, links, inode, rdev_major, rdev_minor, mtime;
    const void *data;
    size_t bytes;
};

static void put(struct archive *archive, struct entry entry)
{
    char header[128];
    size_t name_bytes = kstrlen(entry.name) + 1;
    unsigned inode = entry.inode ? entry.inode : archive->next_inode++;
    ksnprintf(header, sizeof(header), "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
              inode, entry.mode, 0, 0, entry.links ? entry.links : 1, entry.mtime,
              (unsigned)entry.bytes, 0, 0, entry.rdev_major, entry.rdev_minor, (unsigned)name_bytes,
              0);
    memcpy(archive->bytes + archive->size, header, 110);
    archive->size += 110;
    memcpy(archive->bytes + archive->size, entry.name, name_bytes);
    archive->size += name_bytes;
    pad4(archive);
    if (entry.bytes)
        memcpy(archive->bytes + archive->size, entry.data, entry.bytes);
    archive->size += entry.bytes;
    pad4(archive);
}

static void put_file(struct archive *archive, const char *name, const char *text)
{
    put(archive, (struct entry){.name = name,
                                .mode = S_IFREG | 0644,
                                .data = text,
                                .bytes = kstrlen(text),
                                .mtime = 1000});
}

static void put_dir(struct archive *archive, const char *name)
{
    put(archive, (struct entry){.name = name, .mode = S_IFDIR | 0755});
}

static void put_trailer(struct archive *archive)
{
    put(archive, (struct entry){.name = "TRAILER!!!"});
}

static int unpack(const struct archive *archive)
{
    return initramfs_unpack(this_kernel(), archive->bytes, archive->size, false);
}

/* Archives unpack into the machine's root: tests work below /x and take it away again. */
static void remove_tree(const char *name)
{
    struct path path;
    if (path_walk(NULL, name, 0, &path))
        return;
    struct dentry *root = path.dentry, *at = dentry_get(root);
    while (at) {
        struct inode *inode = dentry_inode(at);
        struct dentry *child = NULL, *other;
        if (S_ISDIR(inode->mode)) {
            list_for_each_entry(other, &at->children,
                                sibling_node) if (dentry_inode(other) && !dentry_is_unlinked(other))
            {
                child = dentry_get(other);
                break;
            }
        }
        if (child) {
            dentry_put(at);
            at = child;
            continue;
        }
        struct dentry *parent = dentry_parent(at);
        char text[VFS_NAME_MAX + 1];
        memcpy(text, at->name, at->length + 1u);
        size_t length = at->length;
        bool done = at == root;
        dentry_put(at);
        if (done)
            path_put(&path);
        ck_assert_int_eq(tmpfs_remove(parent, text, length), 0);
        at = done ? (dentry_put(parent), NULL) : parent;
    }
}

static void expect_text(const char *name, const char *text)
{
    char buffer[64];
    struct file *file = fs_open(name, O_RDONLY, 0);
    int64_t got = fs_read(file, buffer, sizeof(buffer));
    ck_assert_int_eq(got, (int64_t)kstrlen(text));
    ck_assert(memcmp(buffer, text, (size_t)got) == 0);
    file_put(file);
}

static void unpacks_everything(void *argument)
{
    struct archive archive;
    struct linux_statx statx;
    (void)argument;
    archive_init(&archive);
    put_dir(&archive, ".");
    put_dir(&archive, "x");
    put_dir(&archive, "./x/dir/");
    put_file(&archive, "x/dir/file", "hello");
    put_file(&archive, "/x//dir/./absolute", "rooted");
    put(&archive,
        (struct entry){.name = "x/link", .mode = S_IFLNK | 0777, .data = "dir/file", .bytes = 8});
    put(&archive,
        (struct entry){.name = "x/null", .mode = S_IFCHR | 0666, .rdev_major = 1, .rdev_minor = 3});
    put(&archive, (struct entry){.name = "x/fifo", .mode = S_IFIFO | 0600});
    put_file(&archive, "x/empty", "");
    put_trailer(&archive);
    ck_assert_int_eq(unpack(&archive), 0);
    expect_text("/x/dir/file", "hello");
    expect_text("/x/dir/absolute", "rooted");
    expect_text("/x/link", "hello");
    expect_text("/x/empty", "");
    ck_assert_int_eq(fs_stat("/x/null", 0, &statx), 0);
    ck_assert_uint_eq(statx.stx_rdev_minor, 3);
    ck_assert_int_eq(fs_stat("/x/dir/file", 0, &statx), 0);
    ck_assert_uint_eq(statx.stx_mode, S_IFREG | 0644);
    ck_assert_int_eq(statx.stx_mtime.tv_sec, 1000);
    kfree(archive.bytes);
    remove_tree("/x");
}
FS_TEST(unpacks_files_directories_links_and_nodes, unpacks_everything)

static void several_archives(void *argument)
{
    struct archive archive;
    (void)argument;
    archive_init(&archive);
    put_dir(&archive, "x");
    put_file(&archive, "x/kept", "first");
    put_file(&archive, "x/replaced", "first, and longer than the second");
    put_file(&archive, "x/becomes-dir", "file");
    put_trailer(&archive);
    archive.size += 512; /* padding between archives */
    put_dir(&archive, "x");
    put_file(&archive, "x/replaced", "second");
    put_dir(&archive, "x/becomes-dir");
    put_file(&archive, "x/becomes-dir/inner", "inner");
    put_trailer(&archive);
    ck_assert_int_eq(unpack(&archive), 0);
    expect_text("/x/kept", "first");
    expect_text("/x/replaced", "second");
    expect_text("/x/becomes-dir/inner", "inner");
    kfree(archive.bytes);
    remove_tree("/x");
}
FS_TEST(later_archives_add_to_and_replace_earlier_ones, several_archives)

static void hard_links(void *argument)
{
    struct archive archive;
    struct linux_statx a, b;
    (void)argument;
    archive_init(&archive);
    put_dir(&archive, "x");
    put_dir(&archive, "x/d");
    /* The contents come with the last name. */
    put(&archive, (struct entry){.name = "x/a", .mode = S_IFREG | 0600, .links = 3, .inode = 77});
    put(&archive, (struct entry){.name = "x/d/b", .mode = S_IFREG | 0600, .links = 3, .inode = 77});
    put(&archive, (struct entry){.name = "x/c",
                                 .mode = S_IFREG | 0600,
                                 .links = 3,
                                 .inode = 77,
                                 .data = "shared",
                                 .bytes = 6});
    put_trailer(&archive);
    ck_assert_int_eq(unpack(&archive), 0);
    expect_text("/x/a", "shared");
    expect_text("/x/d/b", "shared");
    ck_assert_int_eq(fs_stat("/x/a", 0, &a), 0);
    ck_assert_int_eq(fs_stat("/x/c", 0, &b), 0);
    ck_assert_uint_eq(a.stx_ino, b.stx_ino);
    ck_assert_uint_eq(a.stx_nlink, 3);
    kfree(archive.bytes);
    remove_tree("/x");
}
FS_TEST(hard_links_share_an_inode, hard_links)

static void hostile_names(void *argument)
{
    struct archive archive;
    char long_name[600];
    (void)argument;
    archive_init(&archive);
    put_dir(&archive, "x");
    fs_make("/outside", "untouched");
    put(&archive,
        (struct entry){.name = "x/escape", .mode = S_IFLNK | 0777, .data = "/", .bytes = 1});
    put_file(&archive, "x/escape/outside", "through a link");
    put_file(&archive, "x/../outside", "through dots");
    put_file(&archive, "../outside", "through dots");
    put_file(&archive, "..", "dots");
    put_file(&archive, "/", "root");
    put_file(&archive, "x/none/file", "no directory");
    put_file(&archive, "x/file", "a file");
    put_file(&archive, "x/file/below", "below a file");
    memset(long_name, 'n', sizeof(long_name));
    memcpy(long_name, "x/", 2);
    long_name[sizeof(long_name) - 1] = 0;
    put_file(&archive, long_name, "too long");
    put(&archive, (struct entry){.name = "x/type", .mode = 0170000});
    put(&archive, (struct entry){.name = "x/nolink", .mode = S_IFLNK | 0777});
    put_file(&archive, "x/last", "still here");
    put_trailer(&archive);
    ck_assert_int_ne(unpack(&archive), 0);
    expect_text("/outside", "untouched");
    expect_text("/x/file", "a file");
    expect_text("/x/last", "still here");
    ck_assert(!fs_exists("/x/nolink") && !fs_exists("/x/type"));
    kfree(archive.bytes);
    remove_tree("/x");
    ck_assert_int_eq(vfs_unlink(NULL, "/outside"), 0);
}
FS_TEST(hostile_names_stay_inside_and_do_no_harm, hostile_names)

/* Cut and damaged archives: no crash, no leak. */
static void damaged(void *argument)
{
    struct archive archive;
    struct prng prng;
    (void)argument;
    prng_seed(&prng, 42);
    for (unsigned round = 0; round < 300; round++) {
        archive_init(&archive);
        put_dir(&archive, "x");
        put_dir(&archive, "x/d");
        put_file(&archive, "x/d/file", "some content that is a bit longer");
        put(&archive, (struct entry){.name = "x/a",
                                     .mode = S_IFREG | 0600,
                                     .links = 2,
                                     .inode = 9,
                                     .data = "abc",
                                     .bytes = 3});
        put(&archive,
            (struct entry){.name = "x/b", .mode = S_IFREG | 0600, .links = 2, .inode = 9});
        put(&archive, (struct entry){.name = "x/l", .mode = S_IFLNK, .data = "d", .bytes = 1});
        put_trailer(&archive);
        if (round % 3 == 0)
            archive.size = prng_below(&prng, archive.size);
        for (unsigned i = 0; i < round % 7; i++) {
            /* Mostly digits and letters of names, so that headers stay plausible. */
            uint64_t at = prng_below(&prng, MAX(archive.size, (size_t)1));
            static const unsigned char likely_bytes[] = "0123456789abcdefx/.";
            archive.bytes[at] = likely_bytes[prng_below(&prng, sizeof(likely_bytes) - 1)];
        }
        unpack(&archive);
        kfree(archive.bytes);
        static const char *const names[] = {"/x", "/d", "/a", "/b", "/l", "/file"};
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            remove_tree(names[i]);
    }
}

/* A file of three pages and a half in the archive: read, mapped sizes, cut, written, removed. */
static void works_in_place(void *argument)
{
    enum { BYTES = 14000 };
    struct archive archive;
    struct linux_statx statx;
    static char data[BYTES];
    char back[16];
    (void)argument;
    for (unsigned i = 0; i < BYTES; i++)
        data[i] = (char)(i >> 8);
    archive_init(&archive);
    static const char *const names[] = {"x/read", "x/cut", "x/written", "x/emptied", "x/grown"};
    put_dir(&archive, "x");
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        put(&archive,
            (struct entry){.name = names[i], .mode = S_IFREG | 0644, .data = data, .bytes = BYTES});
    put_trailer(&archive);
    ck_assert_int_eq(initramfs_unpack(this_kernel(), archive.bytes, archive.size, true), 0);

    struct file *file = fs_open("/x/read", O_RDONLY, 0);
    vfs_getattr(&file->path, &statx);
    ck_assert_uint_eq(statx.stx_size, BYTES);
    ck_assert_uint_eq(statx.stx_blocks, 4 * 8);
    ck_assert_int_eq(fs_pread(file, back, 16, 13995), 5);
    ck_assert_int_eq(back[0], 13995 >> 8);
    file_put(file);

    struct path path;
    ck_assert_int_eq(path_walk(NULL, "/x/cut", 0, &path), 0);
    ck_assert_int_eq(vfs_truncate(&path, 5000), 0);
    ck_assert_int_eq(vfs_truncate(&path, 9000), 0);
    path_put(&path);
    file = fs_open("/x/cut", O_RDONLY, 0);
    ck_assert_int_eq(fs_pread(file, back, 16, 4990), 16);
    ck_assert_int_eq(back[9], 4999 >> 8);
    ck_assert_int_eq(back[10], 0);
    ck_assert_int_eq(fs_pread(file, back, 16, 8990), 10);
    ck_assert_int_eq(back[0], 0);
    file_put(file);

    file = fs_open("/x/written", O_RDWR, 0);
    ck_assert_int_eq(fs_write(file, "changed", 7), 7);
    ck_assert_int_eq(fs_pread(file, back, 8, 0), 8);
    ck_assert(memcmp(back, "changed", 7) == 0);
    ck_assert_int_eq(fs_pread(file, back, 16, 13990), 10);
    ck_assert_int_eq(back[0], 13990 >> 8);
    vfs_getattr(&file->path, &statx);
    ck_assert_uint_eq(statx.stx_blocks, 4 * 8);
    file_put(file);

    file = fs_open("/x/emptied", O_RDWR | O_TRUNC, 0);
    vfs_getattr(&file->path, &statx);
    ck_assert_uint_eq(statx.stx_size, 0);
    ck_assert_uint_eq(statx.stx_blocks, 0);
    file_put(file);

    file = fs_open("/x/grown", O_WRONLY | O_APPEND, 0);
    ck_assert_int_eq(fs_write(file, "more", 4), 4);
    file_put(file);
    file = fs_open("/x/grown", O_RDONLY, 0);
    ck_assert_int_eq(fs_pread(file, back, 16, BYTES - 1), 5);
    ck_assert(back[0] == (BYTES - 1) >> 8 && memcmp(back + 1, "more", 4) == 0);
    file_put(file);
    remove_tree("/x");
    kfree(archive.bytes);
}

FS_TEST(contents_in_place_can_be_read_and_changed, works_in_place)

/* Damaged names may land anywhere in the root: leaks cannot be told from files. */
START_TEST(damaged_archives_never_crash)
{
    struct fs_test test = {.body = damaged};
    kernel_fixture_run_leaky(1, fs_test_enter, &test);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, unpacks_files_directories_links_and_nodes);
    tcase_add_test(tcase, later_archives_add_to_and_replace_earlier_ones);
    tcase_add_test(tcase, hard_links_share_an_inode);
    tcase_add_test(tcase, contents_in_place_can_be_read_and_changed);
    tcase_add_test(tcase, hostile_names_stay_inside_and_do_no_harm);
    tcase_add_test(tcase, damaged_archives_never_crash);
}

static Suite *suite(void)
{
    return unit_suite("initramfs", add);
}
UNIT_MAIN(suite)
