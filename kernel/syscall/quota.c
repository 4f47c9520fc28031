/* SPDX-License-Identifier: MIT
 *
 * quotactl(2), quotactl_fd(2), on file systems of which none keeps quotas: everything is checked as
 * by a Linux with quota support, and the file system found, which then has no answer (ENOSYS). Only
 * a Q_SYNC of all file systems has nobody to ask, and succeeds.
 */
#include "kernel/abi/quota.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mount.h"
#include "kernel/abi/stat.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/path.h"
#include "kernel/syscall/syscalls.h"

/* The mounted file system on a block device; referenced. */
static int find_superblock(uint64_t name, struct superblock **out)
{
    struct path path;
    int error = path_walk_at(AT_FDCWD, name, WALK_FOLLOW, &path);
    if (error)
        return error;
    const struct inode *inode = dentry_inode(path.dentry);
    if (!S_ISBLK(inode_mode(inode)))
        error = -ENOTBLK;
    else if (mount_flags(path.mount) & MS_NODEV)
        error = -EACCES;
    else if (!(*out = superblock_find_dev(this_kernel(), inode->rdev)))
        error = -ENODEV;
    path_put(&path);
    return error;
}

int64_t sys_quotactl(uint32_t command, uint64_t special, uint32_t id, uint64_t addr)
{
    struct superblock *sb;
    (void)id, (void)addr;
    if (QUOTA_TYPE(command) >= QUOTA_TYPES)
        return -EINVAL;
    if (!special)
        return QUOTA_COMMAND(command) == Q_SYNC ? 0 : -ENODEV;
    int error = find_superblock(special, &sb);
    if (error)
        return error;
    superblock_put(sb);
    return -ENOSYS;
}

static bool is_reading(uint32_t command)
{
    switch (QUOTA_COMMAND(command)) {
    case Q_GETFMT:
    case Q_GETINFO:
    case Q_SYNC:
    case Q_XGETQSTAT:
    case Q_XGETQSTATV:
    case Q_XGETQUOTA:
    case Q_XGETNEXTQUOTA:
    case Q_XQUOTASYNC:
        return true;
    default:
        return false;
    }
}

int64_t sys_quotactl_fd(int fd, uint32_t command, uint32_t id, uint64_t addr)
{
    struct file *file = fd_get_any(fd);
    int error = -ENOSYS;
    (void)id, (void)addr;
    if (!file)
        return -EBADF;
    if (QUOTA_TYPE(command) >= QUOTA_TYPES)
        error = -EINVAL;
    else if (!is_reading(command) && mount_is_readonly(file->path.mount))
        error = -EROFS;
    file_put(file);
    return error;
}
