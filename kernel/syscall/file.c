/* SPDX-License-Identifier: MIT
 *
 * Opening, closing and duplicating descriptors, positions, syncing: open(2), openat2(2), close(2),
 * dup(2), lseek(2), fsync(2), fallocate(2).
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/mman.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/locks.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/tmpfs.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/signal.h"
#include "kernel/syscall/at_path.h"
#include "kernel/syscall/syscalls.h"

#define OPEN_FLAGS_VALID                                                                           \
    (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |          \
     O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC |         \
     O_PATH | __O_TMPFILE)

static int64_t open_at(int dirfd, uint64_t path, uint32_t flags, uint32_t mode, unsigned walk_flags)
{
    struct at_path at;
    int error = vfs_check_open_flags(flags);
    if (!error)
        error = at_path_begin(&at, dirfd, path, walk_flags);
    if (error)
        return error;
    int fd = fd_reserve(0, flags & O_CLOEXEC);
    if (fd >= 0) {
        struct file *file;
        error = vfs_open(at_path_start(&at), at.name.name, flags, mode, walk_flags, &file);
        if (error) {
            fd_unreserve(fd);
            fd = error;
        } else {
            fd_install(fd, file);
        }
    }
    at_path_end(&at);
    return fd;
}

int64_t sys_openat(int dir, uint64_t path, uint32_t flags, uint32_t mode)
{
    flags &= OPEN_FLAGS_VALID;
    if (!(flags & O_PATH))
        flags |= O_LARGEFILE;
    return open_at(dir, path, flags, mode, 0);
}

int64_t sys_open(uint64_t path, uint32_t flags, uint32_t mode)
{
    return sys_openat(AT_FDCWD, path, flags, mode);
}

int64_t sys_creat(uint64_t path, uint32_t mode)
{
    return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

static int check_open_how(const struct linux_open_how *how)
{
    const uint64_t resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS |
                             RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;
    if ((how->flags & ~(uint64_t)OPEN_FLAGS_VALID) || (how->resolve & ~resolve))
        return -EINVAL;
    if ((how->resolve & RESOLVE_BENEATH) && (how->resolve & RESOLVE_IN_ROOT))
        return -EINVAL;
    bool creates = how->flags & (O_CREAT | __O_TMPFILE);
    if (creates ? how->mode & ~07777ull : how->mode)
        return -EINVAL;
    if ((how->flags & O_PATH) &&
        (how->flags & ~(uint64_t)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)))
        return -EINVAL;
    if ((how->resolve & RESOLVE_CACHED) && (how->flags & (O_TRUNC | O_CREAT | __O_TMPFILE)))
        return -EAGAIN;
    return 0;
}

static unsigned resolve_to_walk(uint64_t resolve)
{
    static const struct {
        unsigned resolve, walk;
    } map[] = {
        {RESOLVE_NO_XDEV, WALK_NO_XDEV},         {RESOLVE_NO_MAGICLINKS, WALK_NO_MAGICLINKS},
        {RESOLVE_NO_SYMLINKS, WALK_NO_SYMLINKS}, {RESOLVE_BENEATH, WALK_BENEATH},
        {RESOLVE_IN_ROOT, WALK_IN_ROOT},         {RESOLVE_CACHED, WALK_CACHED},
    };
    unsigned walk = 0;
    for (size_t i = 0; i < ARRAY_SIZE(map); i++)
        if (resolve & map[i].resolve)
            walk |= map[i].walk;
    if (walk & WALK_NO_SYMLINKS)
        walk |= WALK_NO_MAGICLINKS;
    return walk;
}

int64_t sys_openat2(int dir, uint64_t path, uint64_t how_uaddr, uint64_t size)
{
    struct linux_open_how how;
    if (size > 4096)
        return -E2BIG;
    int error = copy_struct_from_user(&how, sizeof(how), how_uaddr, size, OPEN_HOW_SIZE_VER0);
    if (!error)
        error = check_open_how(&how);
    if (error)
        return error;
    return open_at(dir, path, (uint32_t)how.flags, (uint32_t)how.mode,
                   resolve_to_walk(how.resolve));
}

int64_t sys_close(int fd)
{
    int error = fd_close(fd);
    /* The descriptor is gone in any case: the call must not be made again. */
    if (unlikely(error <= -ERESTARTSYS && error >= -ERESTART_RESTARTBLOCK))
        return -EINTR;
    return error;
}

int64_t sys_close_range(uint32_t first, uint32_t last, uint32_t flags)
{
    if ((flags & ~(uint32_t)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
        return -EINVAL;
    if (flags & CLOSE_RANGE_UNSHARE) {
        int error = file_table_unshare();
        if (error)
            return error;
    }
    return fd_close_range(first, last, flags & CLOSE_RANGE_CLOEXEC);
}

int64_t sys_dup(int old)
{
    struct file *file = fd_get_any(old);
    return file ? fd_add(file, false) : -EBADF;
}

int64_t sys_dup3(int old, int new, uint32_t flags)
{
    if ((flags & ~(uint32_t)O_CLOEXEC) || old == new)
        return -EINVAL;
    return fd_dup2(old, new, flags & O_CLOEXEC);
}

int64_t sys_dup2(int old, int new)
{
    if (old != new)
        return fd_dup2(old, new, false);
    return fd_get_cloexec(old) < 0 ? -EBADF : new;
}

int64_t sys_lseek(int fd, int64_t offset, int whence)
{
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = -EINVAL;
    if (whence >= SEEK_SET && whence <= SEEK_HOLE)
        result = vfs_seek(file.file, offset, whence);
    fd_release(file);
    return result;
}

/* ---- syncing ---- */

static int64_t sync_file(int fd, bool data_only)
{
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = -EINVAL;
    if (file.file->ops->fsync)
        result = file.file->ops->fsync(file.file, data_only);
    fd_release(file);
    return result;
}

int64_t sys_fsync(int fd)
{
    return sync_file(fd, false);
}

int64_t sys_fdatasync(int fd)
{
    return sync_file(fd, true);
}

int64_t sys_sync(void)
{
    vfs_sync_all(this_kernel());
    return 0;
}

int64_t sys_syncfs(int fd)
{
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = vfs_sync_superblock(file.file->path.mount->sb);
    fd_release(file);
    return result;
}

/* ---- size ---- */

int64_t sys_truncate(uint64_t path, int64_t length)
{
    struct path found;
    if (length < 0)
        return -EINVAL;
    int error = path_walk_at(AT_FDCWD, path, WALK_FOLLOW, &found);
    if (error)
        return error;
    error = vfs_truncate(&found, (uint64_t)length);
    path_put(&found);
    return error;
}

int64_t sys_ftruncate(int fd, int64_t length)
{
    if (length < 0)
        return -EINVAL;
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = vfs_ftruncate(file.file, (uint64_t)length);
    fd_release(file);
    return result;
}

static int64_t file_fallocate(struct file *file, int mode, int64_t offset, int64_t length)
{
    const int known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE |
                      FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE;
    const int exclusive = FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE;
    uint32_t type = inode_mode(file->inode) & S_IFMT;
    int64_t end;
    if (offset < 0 || length <= 0)
        return -EINVAL;
    if ((mode & ~known) ||
        (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) ==
            (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE) ||
        ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE)) ||
        ((mode & exclusive) && (mode & (mode - 1))))
        return -EOPNOTSUPP;
    if (!(file->mode & FILE_WRITE))
        return -EBADF;
    if (file->inode->flags & (INODE_IMMUTABLE | INODE_APPEND))
        return -EPERM;
    if (type == S_IFIFO)
        return -ESPIPE;
    if (type == S_IFDIR)
        return -EISDIR;
    if (type != S_IFREG && type != S_IFBLK)
        return -ENODEV;
    if (add_overflows(offset, length, &end) || (uint64_t)end > file->inode->sb->max_bytes)
        return -EFBIG;
    if (!file->ops->fallocate)
        return -EOPNOTSUPP;
    return file->ops->fallocate(file, mode, (uint64_t)offset, (uint64_t)length);
}

int64_t sys_fallocate(int fd, int mode, int64_t offset, int64_t length)
{
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = file_fallocate(file.file, mode, offset, length);
    fd_release(file);
    return result;
}

int64_t sys_flock(int fd, uint32_t operation)
{
    int error = file_lock_check_flock((int)operation);
    if (error)
        return MIN(error, 0);
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = file_lock_flock(file.file, (int)operation);
    fd_release(file);
    return result;
}

/* On unless switched off at boot, as from Linux 6.5 on. */
int64_t sys_memfd_secret(uint32_t flags)
{
    struct file *file;
    if (this_kernel()->options.no_secretmem)
        return -ENOSYS;
    if (flags & ~(uint32_t)O_CLOEXEC)
        return -EINVAL;
    int error = secretmem_create_file(this_kernel(), &file);
    return error ? error : fd_add(file, flags & O_CLOEXEC);
}

int64_t sys_memfd_create(uint64_t name_uaddr, uint32_t flags)
{
    char name[VFS_NAME_MAX - 6 + 1]; /* with "memfd:" before it */
    if (flags & ~(uint32_t)(MFD_CLOEXEC | MFD_ALLOW_SEALING))
        return -EINVAL;
    int64_t length = copy_string_from_user(name, name_uaddr, sizeof(name));
    if (length < 0)
        return length == -ENAMETOOLONG ? -EINVAL : length;
    int fd = fd_reserve(0, flags & MFD_CLOEXEC);
    if (fd < 0)
        return fd;
    struct file *file;
    int error = memfd_create_file(this_kernel(), name, flags, &file);
    if (error) {
        fd_unreserve(fd);
        return error;
    }
    fd_install(fd, file);
    return fd;
}
