/* SPDX-License-Identifier: MIT
 *
 * ioctl(2): what is the same for every kind of file; the rest is file->ops.
 */
#include "kernel/abi/ioctl.h"
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/stat.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/syscalls.h"

static int64_t set_status_flag(struct file *file, uint64_t argument, uint32_t flag)
{
    uint32_t on;
    if (get_user_u32(&on, argument))
        return -EFAULT;
    if (on)
        atomic_fetch_or_relaxed(&file->flags, flag);
    else
        atomic_fetch_and_relaxed(&file->flags, ~flag);
    return 0;
}

/* Files that never signal: asking for what is already so is no error. */
static int64_t async_ioctl_refused(uint64_t argument)
{
    uint32_t on;
    if (get_user_u32(&on, argument))
        return -EFAULT;
    return on ? -ENOTTY : 0;
}

/* No file system here tells where on a disk its blocks are. */
static int64_t map_block(uint64_t argument)
{
    uint32_t block;
    if (!capable(CAP_SYS_RAWIO))
        return -EPERM;
    return get_user_u32(&block, argument) ? -EFAULT : -EINVAL;
}

static int64_t regular_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    switch (command) {
    case FIBMAP:
        return map_block(argument);
    case FIONREAD:
        return put_user_u32(argument, (uint32_t)(inode_size(file->inode) - file->pos));
    default:
        return -ENOIOCTLCMD;
    }
}

static int64_t put_block_size(const struct file *file, uint64_t argument)
{
    return put_user_u32(argument, (uint32_t)file->inode->sb->block_size);
}

static int64_t put_size(const struct file *file, uint64_t argument)
{
    uint32_t type = inode_mode(file->inode) & S_IFMT;
    if (type != S_IFREG && type != S_IFDIR && type != S_IFLNK)
        return -ENOTTY;
    return put_user_u64(argument, inode_size(file->inode));
}

/* What Linux asks of every file system, and none here can: these are refusals of their own. */
static int64_t refused_ioctl(uint32_t command, uint64_t argument)
{
    struct fd_borrow source;
    switch (command) {
    case FIFREEZE:
        return capable(CAP_SYS_ADMIN) ? -EOPNOTSUPP : -EPERM;
    case FITHAW:
        return capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM; /* never frozen */
    case FS_IOC_FIEMAP:
        return -EOPNOTSUPP;
    case FICLONE:
        source = fd_borrow((int)argument);
        fd_release(source);
        return source.file ? -EOPNOTSUPP : -EBADF;
    default:
        return -ENOIOCTLCMD;
    }
}

static int64_t file_ioctl(int fd, struct file *file, uint32_t command, uint64_t argument)
{
    switch (command) {
    case FIOCLEX:
        return fd_set_cloexec(fd, true);
    case FIONCLEX:
        return fd_set_cloexec(fd, false);
    case FIONBIO:
        return set_status_flag(file, argument, O_NONBLOCK);
    case FIOASYNC:
        if (!(file->mode & FILE_STREAM))
            return async_ioctl_refused(argument);
        return set_status_flag(file, argument, O_ASYNC);
    case FIGETBSZ:
        return put_block_size(file, argument);
    case FIOQSIZE:
        return put_size(file, argument);
    default:
        break;
    }
    int64_t result = refused_ioctl(command, argument);
    if (result == -ENOIOCTLCMD && S_ISREG(inode_mode(file->inode)))
        result = regular_ioctl(file, command, argument);
    if (result == -ENOIOCTLCMD && file->ops->ioctl)
        result = file->ops->ioctl(file, command, argument);
    return result == -ENOIOCTLCMD ? -ENOTTY : result;
}

int64_t sys_ioctl(int fd, int command, uint64_t argument)
{
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = file_ioctl(fd, file.file, (uint32_t)command, argument);
    fd_release(file);
    return result;
}
