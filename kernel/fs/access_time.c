/* SPDX-License-Identifier: MIT
 *
 * When reading a file changes its access time: noatime, relatime, strictatime of mount(8).
 */
#include "kernel/fs/vfs_internal.h"

enum { SECONDS_PER_DAY = 24 * 60 * 60 };

static bool is_before(const struct timestamp *a, const struct timestamp *b)
{
    return a->seconds != b->seconds ? a->seconds < b->seconds : a->nanoseconds < b->nanoseconds;
}

void path_accessed(const struct path *path, uint32_t file_flags)
{
    struct inode *inode = dentry_inode(path->dentry);
    unsigned flags = mount_flags(path->mount);
    if ((file_flags & O_NOATIME) || (flags & MS_NOATIME) || mount_is_readonly(path->mount))
        return;
    if ((flags & MS_NODIRATIME) && S_ISDIR(inode_mode(inode)))
        return;
    struct timestamp now = timestamp_now();
    spin_lock(&inode->lock);
    bool update = true;
    if (flags & MS_RELATIME)
        update = !is_before(&inode->mtime, &inode->atime) ||
                 !is_before(&inode->ctime, &inode->atime) ||
                 now.seconds - inode->atime.seconds >= SECONDS_PER_DAY;
    if (update)
        inode->atime = now;
    spin_unlock(&inode->lock);
}
