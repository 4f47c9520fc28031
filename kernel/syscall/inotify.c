/* SPDX-License-Identifier: MIT
 *
 * System calls of inotify(7): inotify_init(2), inotify_add_watch(2), inotify_rm_watch(2).
 */
#include "kernel/ipc/inotify.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/inotify.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/syscall/syscalls.h"

#define KNOWN_BITS                                                                                 \
    (IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW |       \
     IN_EXCL_UNLINK | IN_MASK_ADD | IN_MASK_CREATE | IN_ISDIR | IN_ONESHOT)

#define ALL_BITS ((uint32_t)(KNOWN_BITS))

int64_t sys_inotify_init1(uint32_t flags)
{
    struct file *file;
    if (flags & ~(uint32_t)(IN_CLOEXEC | IN_NONBLOCK))
        return -EINVAL;
    int error = inotify_create(this_kernel(), flags, &file);
    return error ? error : fd_add(file, flags & IN_CLOEXEC);
}

int64_t sys_inotify_init(void)
{
    return sys_inotify_init1(0);
}

static int64_t add_watch(struct file *file, uint64_t path_uaddr, uint32_t mask)
{
    struct path path;
    unsigned walk_flags = mask & IN_DONT_FOLLOW ? 0 : WALK_FOLLOW;
    if ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE))
        return -EINVAL;
    if (!inotify_is_file(file))
        return -EINVAL;
    if (mask & IN_ONLYDIR)
        walk_flags |= WALK_DIRECTORY;
    int error = path_walk_at(AT_FDCWD, path_uaddr, walk_flags, &path);
    if (error)
        return error;
    int64_t result = inode_permission(dentry_inode(path.dentry), MAY_READ);
    if (!result)
        result = inotify_add(file, dentry_inode(path.dentry), mask);
    path_put(&path);
    return result;
}

int64_t sys_inotify_add_watch(int fd, uint64_t path, uint32_t mask)
{
    if ((mask & ~ALL_BITS) || !(mask & KNOWN_BITS))
        return -EINVAL;
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    int64_t result = add_watch(file, path, mask);
    file_put(file);
    return result;
}

int64_t sys_inotify_rm_watch(int fd, int watch)
{
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    int error = inotify_is_file(file) ? inotify_remove(file, watch) : -EINVAL;
    file_put(file);
    return error;
}
