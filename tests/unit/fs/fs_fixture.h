/* SPDX-License-Identifier: MIT
 *
 * What tests of the file system share: a machine whose test thread has a file system context and a
 * descriptor table of its own, stands in a fresh tmpfs mounted on /t, and must leave nothing
 * behind.
 */
#ifndef TESTS_UNIT_FS_FS_FIXTURE_H
#define TESTS_UNIT_FS_FS_FIXTURE_H

#include "kernel/fs/tmpfs.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"
#include "tests/unit/support/kernel_fixture.h"
#include "tests/unit/support/unit.h"

struct fs_test {
    void (*body)(void *argument);
    void *argument;
    const char *options;
};

/* Give the current thread its own view and table, or take them away. */
static inline void fs_thread_enter(void)
{
    struct thread *thread = this_thread();
    ck_assert_int_eq(fs_context_create(thread->kernel, &thread->fs), 0);
    thread->fs->umask = 0;
    ck_assert_int_eq(file_table_create(&thread->files), 0);
}

static inline void fs_thread_leave(void)
{
    struct thread *thread = this_thread();
    file_table_put(thread->files);
    thread->files = NULL;
    fs_context_put(thread->fs);
    thread->fs = NULL;
}

static inline void fs_chdir(const char *name)
{
    struct path path;
    ck_assert_int_eq(path_walk(NULL, name, WALK_FOLLOW | WALK_DIRECTORY, &path), 0);
    fs_context_set_cwd(this_thread()->fs, &path);
    path_put(&path);
}

static inline int fs_umount(const char *name, int flags)
{
    struct path path;
    int error = path_walk(NULL, name, WALK_FOLLOW, &path);
    return error ? error : mount_detach(&path, flags);
}

static inline void fs_test_enter(void *argument)
{
    struct fs_test *test = argument;
    struct kernel *kernel = this_kernel();
    fs_thread_enter();
    ck_assert_int_eq(vfs_mkdir(NULL, "/t", 0755), 0);
    ck_assert_int_eq(vfs_mount(kernel, "test", "/t", "tmpfs", 0, test->options), 0);
    fs_chdir("/t");
    test->body(test->argument);
    fs_chdir("/");
    ck_assert_int_eq(fs_umount("/t", 0), 0);
    ck_assert_int_eq(vfs_rmdir(NULL, "/t"), 0);
    fs_thread_leave();
    dcache_shrink(kernel->vfs, 0);
    ck_assert_uint_eq(kernel->vfs->lru_count, 0);
}

static inline void fs_run(unsigned cpus, void (*body)(void *argument), void *argument)
{
    struct fs_test test = {.body = body, .argument = argument};
    kernel_fixture_run(cpus, fs_test_enter, &test);
}

/* A Check test that runs body(NULL) on one CPU. */
#define FS_TEST(name, body)                                                                        \
    START_TEST(name)                                                                               \
    {                                                                                              \
        fs_run(1, body, NULL);                                                                     \
    }                                                                                              \
    END_TEST

/* ---- short forms ---- */

static inline struct file *fs_open(const char *name, uint32_t flags, uint32_t mode)
{
    struct file *file;
    int error = vfs_open(NULL, name, flags, mode, 0, &file);
    ck_assert_msg(error == 0, "open %s: error %d", name, error);
    return file;
}

static inline int fs_open_error(const char *name, uint32_t flags, uint32_t mode)
{
    struct file *file;
    int error = vfs_open(NULL, name, flags, mode, 0, &file);
    if (error == 0)
        file_put(file);
    return error;
}

static inline int64_t fs_write(struct file *file, const void *data, size_t bytes)
{
    struct uio uio;
    uio_init_kernel(&uio, (void *)(uintptr_t)data, bytes);
    return vfs_write(file, &uio, NULL);
}

static inline int64_t fs_read(struct file *file, void *data, size_t bytes)
{
    struct uio uio;
    uio_init_kernel(&uio, data, bytes);
    return vfs_read(file, &uio, NULL);
}

static inline int64_t fs_pwrite(struct file *file, const void *data, size_t bytes, uint64_t pos)
{
    struct uio uio;
    uio_init_kernel(&uio, (void *)(uintptr_t)data, bytes);
    return vfs_write(file, &uio, &pos);
}

static inline int64_t fs_pread(struct file *file, void *data, size_t bytes, uint64_t pos)
{
    struct uio uio;
    uio_init_kernel(&uio, data, bytes);
    return vfs_read(file, &uio, &pos);
}

static inline void fs_make(const char *name, const char *text)
{
    struct file *file = fs_open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    ck_assert_int_eq(fs_write(file, text, strlen(text)), (int64_t)strlen(text));
    file_put(file);
}

static inline int fs_stat(const char *name, unsigned walk_flags, struct linux_statx *out)
{
    struct path path;
    int error = path_walk(NULL, name, walk_flags, &path);
    if (error)
        return error;
    error = vfs_getattr(&path, out);
    path_put(&path);
    return error;
}

static inline int fs_exists(const char *name)
{
    struct linux_statx statx;
    return fs_stat(name, 0, &statx) == 0;
}

static inline int fs_link(const char *old, const char *new)
{
    struct path path;
    int error = path_walk(NULL, old, 0, &path);
    if (error)
        return error;
    error = vfs_link(&path, NULL, new);
    path_put(&path);
    return error;
}

static inline int fs_rename(const char *old, const char *new, unsigned flags)
{
    return vfs_rename(NULL, old, NULL, new, flags);
}

static inline int fs_chmod(const char *name, uint32_t mode)
{
    struct path path;
    struct attr_change change = {.mask = ATTR_MODE, .mode = mode};
    int error = path_walk(NULL, name, WALK_FOLLOW, &path);
    if (error)
        return error;
    error = vfs_setattr(&path, &change);
    path_put(&path);
    return error;
}

static inline int fs_chown(const char *name, uint32_t uid, uint32_t gid)
{
    struct path path;
    struct attr_change change = {
        .mask = ATTR_UID | ATTR_GID | ATTR_KILL_PRIVILEGES, .uid = uid, .gid = gid};
    int error = path_walk(NULL, name, WALK_FOLLOW, &path);
    if (error)
        return error;
    error = vfs_setattr(&path, &change);
    path_put(&path);
    return error;
}

/* Act as a user without capabilities; fs_become_root takes it back. */
static inline void fs_become_user(uint32_t uid, uint32_t gid)
{
    struct cred *cred = cred_copy(current_cred());
    ck_assert_ptr_nonnull(cred);
    cred->uid = cred->euid = cred->suid = cred->fsuid = uid;
    cred->gid = cred->egid = cred->sgid = cred->fsgid = gid;
    cred->cap_effective = cred->cap_permitted = 0;
    cred_install(cred);
}

static inline void fs_become_root(void)
{
    struct cred *cred = cred_create_root();
    ck_assert_ptr_nonnull(cred);
    cred_install(cred);
}

/* Run call() with the n-th allocation failing, for n = 1, 2, … until it succeeds; undo() after each
 * success. What fails must fail with ENOMEM (or `other`) and leave nothing. */
static inline void fs_fail_each_allocation(int (*call)(void), void (*undo)(void), int other)
{
    struct fault_injection faults;
    struct kernel *kernel = this_kernel();
    for (uint64_t n = 1;; n++) {
        ck_assert_uint_lt(n, 1000);
        faults = (struct fault_injection){.fail_at = n};
        kernel->faults = &faults;
        int error = call();
        kernel->faults = NULL;
        if (error == 0) {
            if (undo)
                undo();
            if (faults.failed == 0)
                return;
        } else {
            ck_assert_msg(error == -ENOMEM || error == other, "allocation %d: error %d", (int)n,
                          error);
        }
    }
}

#endif
