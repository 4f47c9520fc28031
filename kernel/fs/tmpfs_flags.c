/* SPDX-License-Identifier: MIT
 *
 * Flags of tmpfs files: FS_IOC_GETFLAGS and FS_IOC_SETFLAGS, ioctl_iflags(2), chattr(1),
 * and what FS_IOC_FSGETXATTR shows of them.
 *
 * What they mean is enforced for every file system, by inode->flags.
 */
#include "kernel/fs/tmpfs_internal.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/ioctl.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"

static const struct {
    uint32_t user, inode, extended;
} flag_pairs[] = {
    {FS_IMMUTABLE_FL, INODE_IMMUTABLE, FS_XFLAG_IMMUTABLE},
    {FS_APPEND_FL, INODE_APPEND, FS_XFLAG_APPEND},
    {FS_NODUMP_FL, INODE_NODUMP, FS_XFLAG_NODUMP},
    {FS_NOATIME_FL, INODE_NOATIME, FS_XFLAG_NOATIME},
};

static int64_t get_flags(struct inode *inode, uint64_t argument)
{
    uint32_t flags = atomic_load_relaxed(&inode->flags), shown = 0;
    for (size_t i = 0; i < ARRAY_SIZE(flag_pairs); i++) {
        if (flags & flag_pairs[i].inode)
            shown |= flag_pairs[i].user;
    }
    return put_user_u32(argument, shown);
}

static int64_t get_extended_flags(struct inode *inode, uint64_t argument)
{
    struct linux_fsxattr shown = {0};
    uint32_t flags = atomic_load_relaxed(&inode->flags);
    for (size_t i = 0; i < ARRAY_SIZE(flag_pairs); i++) {
        if (flags & flag_pairs[i].inode)
            shown.fsx_xflags |= flag_pairs[i].extended;
    }
    return copy_to_user(argument, &shown, sizeof(shown)) ? -EFAULT : 0;
}

static int64_t change_flags_locked(struct inode *inode, uint32_t mask, uint32_t flags)
{
    uint32_t old = inode->flags;
    if (((old ^ flags) & mask & (INODE_IMMUTABLE | INODE_APPEND)) && !capable(CAP_LINUX_IMMUTABLE))
        return -EPERM;
    atomic_store_relaxed(&inode->flags, (old & ~mask) | flags);
    inode->ctime = timestamp_now();
    return 0;
}

static int64_t set_flags(struct file *file, uint64_t argument)
{
    struct inode *inode = file->inode;
    uint32_t wanted, mask = 0, flags = 0;
    if (get_user_u32(&wanted, argument))
        return -EFAULT;
    int64_t error = mount_want_write(file->path.mount);
    if (error)
        return error;
    if (!inode_owner_or_capable(inode))
        return -EPERM;
    for (size_t i = 0; i < ARRAY_SIZE(flag_pairs); i++) {
        mask |= flag_pairs[i].inode;
        if (wanted & flag_pairs[i].user)
            flags |= flag_pairs[i].inode;
        wanted &= ~flag_pairs[i].user;
    }
    if (wanted)
        return -EOPNOTSUPP;
    spin_lock(&inode->lock);
    error = change_flags_locked(inode, mask, flags);
    spin_unlock(&inode->lock);
    return error;
}

int64_t tmpfs_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    switch (command) {
    case FS_IOC_GETFLAGS:
        return get_flags(file->inode, argument);
    case FS_IOC_SETFLAGS:
        return set_flags(file, argument);
    case FS_IOC_FSGETXATTR:
        return get_extended_flags(file->inode, argument);
    default:
        return -ENOIOCTLCMD;
    }
}
