/* SPDX-License-Identifier: MIT
 *
 * read(2), write(2) and their relatives: pread(2), readv(2), preadv2(2).
 */
#include "kernel/abi/errno.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/syscalls.h"

/* Counters for /proc/PID/io. Threads may lose each other's updates; the sums are statistics. */
static ALWAYS_INLINE void count_io(uint64_t *calls, uint64_t *bytes, int64_t result)
{
    atomic_store_relaxed(calls, atomic_load_relaxed(calls) + 1);
    if (result > 0)
        atomic_store_relaxed(bytes, atomic_load_relaxed(bytes) + (uint64_t)result);
}

static int64_t after_read(int64_t result)
{
    struct process *process = current_process();
    count_io(&process->read_calls, &process->read_bytes, result);
    return result;
}

static int64_t after_write(int64_t result)
{
    struct process *process = current_process();
    count_io(&process->write_calls, &process->written_bytes, result);
    return result;
}

/* A buffer that is not all in user space: an error, after those of the file and before any other. */
static int64_t outside(const struct file *file, bool write)
{
    if (!(file->mode & (write ? FILE_WRITE : FILE_READ)))
        return -EBADF;
    if (write ? !file->ops->write : !file->ops->read && !S_ISDIR(inode_mode(file->inode)))
        return -EINVAL;
    return -EFAULT;
}

static bool takes_position(const struct file *file, bool write)
{
    if (write && (file->mode & FILE_NO_PWRITE))
        return false;
    return (file->mode & (FILE_SEEK | FILE_NO_POSITION)) == FILE_SEEK;
}

int64_t sys_read(int fd, uint64_t buf, uint64_t count)
{
    struct fd_borrow file = fd_borrow(fd);
    if (unlikely(!file.file))
        return -EBADF;
    int64_t result;
    if (likely(user_range_ok(buf, count))) {
        struct uio uio;
        uio_init_user(&uio, buf, count);
        result = vfs_read(file.file, &uio, NULL);
    } else {
        result = outside(file.file, false);
    }
    fd_release(file);
    return after_read(result);
}

int64_t sys_write(int fd, uint64_t buf, uint64_t count)
{
    struct fd_borrow file = fd_borrow(fd);
    if (unlikely(!file.file))
        return -EBADF;
    int64_t result;
    if (likely(user_range_ok(buf, count))) {
        struct uio uio;
        uio_init_user(&uio, buf, count);
        result = vfs_write(file.file, &uio, NULL);
    } else {
        result = outside(file.file, true);
    }
    fd_release(file);
    return after_write(result);
}

/* At a position; pos is not the file's own. */
static int64_t positioned(int fd, uint64_t buf, uint64_t count, int64_t offset, bool write)
{
    struct uio uio;
    if (offset < 0)
        return -EINVAL;
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = -ESPIPE;
    uint64_t pos = (uint64_t)offset;
    if (takes_position(file.file, write)) {
        if (!user_range_ok(buf, count)) {
            result = outside(file.file, write);
        } else {
            uio_init_user(&uio, buf, count);
            result = write ? vfs_write(file.file, &uio, &pos) : vfs_read(file.file, &uio, &pos);
        }
    }
    fd_release(file);
    return write ? after_write(result) : after_read(result);
}

int64_t sys_pread64(int fd, uint64_t buf, uint64_t count, int64_t offset)
{
    return positioned(fd, buf, count, offset, false);
}

int64_t sys_pwrite64(int fd, uint64_t buf, uint64_t count, int64_t offset)
{
    return positioned(fd, buf, count, offset, true);
}

/* ---- vectors ---- */

enum { RWF_KNOWN = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND };

static int64_t sync_written(struct file *file, uint32_t flags, int64_t result)
{
    if (result <= 0 || !(flags & (RWF_DSYNC | RWF_SYNC)) || !file->ops->fsync)
        return result;
    int error = file->ops->fsync(file, !(flags & RWF_SYNC));
    return error ? error : result;
}

/* Only what is in memory anyway can promise not to wait. */
static bool never_waits(const struct file *file)
{
    return S_ISCHR(inode_mode(file->inode)) && !(file->mode & FILE_STREAM);
}

/* Checks in Linux's order, after those of the vector itself. 1 if there is something to transfer. */
static int64_t check_transfer(const struct file *file, const struct uio *uio, uint32_t flags,
                              bool write)
{
    bool directory = S_ISDIR(inode_mode(file->inode));
    if (!(file->mode & (write ? FILE_WRITE : FILE_READ)))
        return -EBADF;
    if (write ? !file->ops->write : !file->ops->read && !directory)
        return -EINVAL;
    if (!uio->remaining)
        return 0;
    if ((flags & ~(uint32_t)RWF_KNOWN) || ((flags & RWF_NOWAIT) && !never_waits(file)))
        return -EOPNOTSUPP;
    return 1;
}

static int64_t transfer(struct file *file, struct uio *uio, const int64_t *offset, uint32_t flags,
                        bool write)
{
    uint64_t pos = offset ? (uint64_t)*offset : 0;
    if (!write)
        return vfs_read(file, uio, offset ? &pos : NULL);
    if ((flags & RWF_APPEND) && (file->mode & FILE_SEEK)) {
        pos = VFS_POS_END;
        int64_t result = vfs_write(file, uio, &pos);
        if (result > 0 && !offset)
            file->pos = pos;
        return sync_written(file, flags, result);
    }
    return sync_written(file, flags, vfs_write(file, uio, offset ? &pos : NULL));
}

static int64_t vectored(int fd, uint64_t vec, uint64_t count, const int64_t *offset, uint32_t flags,
                        bool write)
{
    struct uio_segment stack[UIO_FAST], *allocated = NULL;
    struct uio uio;
    if (offset && *offset < 0)
        return -EINVAL;
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = -ESPIPE;
    if (!offset || takes_position(file.file, write))
        result = uio_import(&uio, vec, count, stack, &allocated);
    if (result == 0)
        result = check_transfer(file.file, &uio, flags, write);
    if (result > 0)
        result = transfer(file.file, &uio, offset, flags, write);
    kfree(allocated);
    fd_release(file);
    return write ? after_write(result) : after_read(result);
}

int64_t sys_readv(int fd, uint64_t vec, uint64_t count)
{
    return vectored(fd, vec, count, NULL, 0, false);
}

int64_t sys_writev(int fd, uint64_t vec, uint64_t count)
{
    return vectored(fd, vec, count, NULL, 0, true);
}

/* On 64-bit machines the low word of the offset is all of it. */
int64_t sys_preadv(int fd, uint64_t vec, uint64_t count, int64_t offset, uint64_t offset_high)
{
    (void)offset_high;
    return vectored(fd, vec, count, &offset, 0, false);
}

int64_t sys_pwritev(int fd, uint64_t vec, uint64_t count, int64_t offset, uint64_t offset_high)
{
    (void)offset_high;
    return vectored(fd, vec, count, &offset, 0, true);
}

int64_t sys_preadv2(int fd, uint64_t vec, uint64_t count, int64_t offset, uint64_t offset_high,
                    uint32_t flags)
{
    (void)offset_high;
    return vectored(fd, vec, count, offset == -1 ? NULL : &offset, flags, false);
}

int64_t sys_pwritev2(int fd, uint64_t vec, uint64_t count, int64_t offset, uint64_t offset_high,
                     uint32_t flags)
{
    (void)offset_high;
    return vectored(fd, vec, count, offset == -1 ? NULL : &offset, flags, true);
}
