/* SPDX-License-Identifier: MIT */
/* Every operation of kernel/fs with each of its allocations failing in turn: ENOMEM, nothing
 * changed, nothing leaked. */
#include "tests/unit/fs/fs_fixture.h"

#include "kernel/fs/locks.h"
#include "kernel/fs/xattr.h"

#define LONG_NAME "a-name-that-is-too-long-to-be-kept-inside-the-dentry-itself"

static int call_create(void)
{
    struct file *file;
    int error = vfs_open(NULL, LONG_NAME, O_CREAT | O_RDWR, 0600, 0, &file);
    if (error)
        return error;
    int64_t written = fs_write(file, "content", 7);
    file_put(file);
    if (written == 7)
        return 0;
    ck_assert_int_eq(written, -ENOMEM);
    vfs_unlink(NULL, LONG_NAME);
    return -ENOMEM;
}

static void undo_unlink(void)
{
    ck_assert_int_eq(vfs_unlink(NULL, LONG_NAME), 0);
    dcache_shrink(this_vfs(), 0);
}

static int call_mkdir(void)
{
    return vfs_mkdir(NULL, LONG_NAME, 0755);
}

static void undo_rmdir(void)
{
    ck_assert_int_eq(vfs_rmdir(NULL, LONG_NAME), 0);
    dcache_shrink(this_vfs(), 0);
}

static int call_symlink(void)
{
    return vfs_symlink("target", NULL, LONG_NAME);
}

static int call_mknod(void)
{
    return vfs_mknod(NULL, LONG_NAME, S_IFIFO | 0600, 0);
}

static int call_link(void)
{
    return fs_link("file", LONG_NAME);
}

static int call_rename(void)
{
    int error = fs_rename("file", "dir/" LONG_NAME, 0);
    if (error)
        ck_assert(fs_exists("file"));
    return error;
}

static void undo_rename(void)
{
    ck_assert_int_eq(fs_rename("dir/" LONG_NAME, "file", 0), 0);
    dcache_shrink(this_vfs(), 0);
}

static int call_tmpfile(void)
{
    struct file *file;
    int error = vfs_open(NULL, ".", O_TMPFILE | O_RDWR, 0600, 0, &file);
    if (!error)
        file_put(file);
    return error;
}

static int call_mount(void)
{
    return vfs_mount(this_kernel(), "none", "dir", "tmpfs", 0, "size=1m,mode=0700");
}

static void undo_umount(void)
{
    ck_assert_int_eq(fs_umount("dir", 0), 0);
}

static int call_bind(void)
{
    struct path from, at;
    int error = path_walk(NULL, ".", 0, &from);
    if (error)
        return error;
    error = path_walk(NULL, "dir", 0, &at);
    if (!error) {
        error = mount_bind(&from, &at, true);
        path_put(&at);
    }
    path_put(&from);
    return error;
}

static void undo_bind(void)
{
    ck_assert_int_eq(fs_umount("dir", MNT_DETACH), 0);
}

static int call_xattr(void)
{
    struct path path;
    int error = path_walk(NULL, "file", 0, &path);
    if (error)
        return error;
    error = vfs_setxattr(&path, "trusted.name", "value", 5, 0);
    path_put(&path);
    return error;
}

static void undo_xattr(void)
{
    struct path path;
    ck_assert_int_eq(path_walk(NULL, "file", 0, &path), 0);
    ck_assert_int_eq(vfs_removexattr(&path, "trusted.name"), 0);
    path_put(&path);
}

static int call_locks(void)
{
    struct file *file;
    int error = vfs_open(NULL, "file", O_RDWR, 0, 0, &file);
    if (error)
        return error;
    for (int64_t at = 0; !error && at < 20; at += 5) {
        struct linux_flock lock = {.l_type = F_WRLCK, .l_start = at, .l_len = 2};
        error = file_lock_fcntl(file, F_SETLK, &lock);
    }
    if (!error)
        error = file_lock_flock(file, LOCK_EX);
    file_locks_close(file, this_thread()->files);
    file_put(file);
    return error;
}

static int call_descriptors(void)
{
    int fds[100], made = 0, error = 0;
    for (; !error && made < 100; made++) {
        struct file *file;
        error = vfs_open(NULL, "file", O_RDONLY, 0, 0, &file);
        if (error)
            break;
        fds[made] = fd_add(file, false);
        if (fds[made] < 0) {
            error = fds[made];
            break;
        }
    }
    struct file_table *copy = NULL;
    if (!error)
        error = file_table_copy(this_thread()->files, &copy);
    file_table_put(copy);
    while (made-- > 0)
        ck_assert_int_eq(fd_close(fds[made]), 0);
    return error;
}

static int call_memfd(void)
{
    struct file *file;
    int error = memfd_create_file(this_kernel(), LONG_NAME, 0, &file);
    if (!error)
        file_put(file);
    return error;
}

static int call_contexts(void)
{
    struct fs_context *fs;
    int error = fs_context_copy(this_thread()->fs, &fs);
    if (!error)
        fs_context_put(fs);
    return error;
}

static int call_device_node(void)
{
    return devtmpfs_create_node(this_kernel(), "some/where/" LONG_NAME, S_IFCHR | 0600,
                                MAKE_DEV(1, 3));
}

static void undo_device_node(void)
{
    ck_assert_int_eq(devtmpfs_remove_node(this_kernel(), "some/where/" LONG_NAME), 0);
}

static const struct file_ops anon_ops = {0};

static int call_anon(void)
{
    struct file *file, *peer;
    int error = file_create_anon(this_kernel(), "pipe", &anon_ops, NULL, O_RDONLY, S_IFIFO, &file);
    if (error)
        return error;
    error = file_create_anon_peer(file, &anon_ops, NULL, O_WRONLY, &peer);
    if (!error)
        file_put(peer);
    file_put(file);
    return error;
}

static void all_operations(void *argument)
{
    (void)argument;
    fs_make("file", "content of the file");
    ck_assert_int_eq(vfs_mkdir(NULL, "dir", 0755), 0);
    fs_fail_each_allocation(call_create, undo_unlink, 0);
    fs_fail_each_allocation(call_mkdir, undo_rmdir, 0);
    fs_fail_each_allocation(call_symlink, undo_unlink, 0);
    fs_fail_each_allocation(call_mknod, undo_unlink, 0);
    fs_fail_each_allocation(call_link, undo_unlink, 0);
    fs_fail_each_allocation(call_rename, undo_rename, 0);
    fs_fail_each_allocation(call_tmpfile, NULL, 0);
    fs_fail_each_allocation(call_mount, undo_umount, 0);
    fs_fail_each_allocation(call_bind, undo_bind, 0);
    fs_fail_each_allocation(call_xattr, undo_xattr, 0);
    fs_fail_each_allocation(call_locks, NULL, -ENOLCK);
    fs_fail_each_allocation(call_descriptors, NULL, 0);
    fs_fail_each_allocation(call_memfd, NULL, 0);
    fs_fail_each_allocation(call_contexts, NULL, 0);
    fs_fail_each_allocation(call_anon, NULL, 0);
    fs_fail_each_allocation(call_device_node, undo_device_node, 0);
    ck_assert_int_eq(devtmpfs_remove_node(this_kernel(), "some/where"), 0);
    ck_assert_int_eq(devtmpfs_remove_node(this_kernel(), "some"), 0);
}
FS_TEST(each_operation_survives_failure_of_each_allocation, all_operations)

static void add(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, each_operation_survives_failure_of_each_allocation);
}

static Suite *suite(void)
{
    return unit_suite("allocation", add);
}
UNIT_MAIN(suite)
