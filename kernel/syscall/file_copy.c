/* SPDX-License-Identifier: MIT
 *
 * Moving bytes between files inside the kernel, and advice about them: sendfile(2),
 * copy_file_range(2), readahead(2), posix_fadvise(2), sync_file_range(2).
 *
 * Bytes go through a kernel buffer. What the destination did not take is given back to the source
 * by not advancing its position.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/drivers/block_cache.h"
#include "kernel/fs/block_file.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/wait.h"
#include "kernel/syscall/syscalls.h"

enum { COPY_CHUNK = 64 * 1024 };

/* Up to `bytes` bytes from one file to another. *in_pos moves; *out_pos too unless it is NULL, when
 * the file's own position is used. */
static int64_t copy_between(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos,
                            uint64_t bytes)
{
    void *buffer = kmalloc(COPY_CHUNK);
    int64_t done = 0, result = 0;
    if (!buffer)
        return -ENOMEM;
    while (bytes > 0) {
        struct uio uio;
        uint64_t pos = *in_pos;
        uio_init_kernel(&uio, buffer, MIN(bytes, (uint64_t)COPY_CHUNK));
        int64_t got = result = vfs_read(in, &uio, &pos);
        if (got <= 0)
            break;
        uio_init_kernel(&uio, buffer, (uint64_t)got);
        result = vfs_write(out, &uio, out_pos);
        if (result <= 0)
            break;
        *in_pos += (uint64_t)result;
        done += result;
        bytes -= (uint64_t)result;
        if (result < got || wait_interrupted(THREAD_INTERRUPTIBLE))
            break;
        sched_resched_if_needed();
    }
    kfree(buffer);
    return done ? done : result;
}

static int64_t send(struct file *out, struct file *in, uint64_t *pos, uint64_t count)
{
    if (!(in->mode & FILE_READ))
        return -EBADF;
    if (pos && (in->mode & (FILE_SEEK | FILE_NO_POSITION)) != FILE_SEEK)
        return -ESPIPE;
    if ((pos && (int64_t)*pos < 0) || (int64_t)count < 0)
        return -EINVAL;
    if (!out || !(out->mode & FILE_WRITE))
        return -EBADF;
    if (!(in->mode & FILE_SEEK) || (in->mode & FILE_NO_PWRITE) || !in->ops->read ||
        in->ops->no_splice || S_ISDIR(inode_mode(in->inode)) || !out->ops->write ||
        (atomic_load_relaxed(&out->flags) & O_APPEND))
        return -EINVAL;
    uint64_t own = in->pos;
    int64_t result = copy_between(in, pos ? pos : &own, out, NULL, MIN(count, MAX_RW_COUNT));
    if (!pos)
        in->pos = own;
    return result;
}

int64_t sys_sendfile(int out, int in, uint64_t offset_uaddr, uint64_t count)
{
    uint64_t offset = 0;
    if (offset_uaddr && get_user_u64(&offset, offset_uaddr))
        return -EFAULT;
    struct fd_borrow in_file = fd_borrow(in), out_file = fd_borrow(out);
    int64_t result = -EBADF;
    if (in_file.file)
        result = send(out_file.file, in_file.file, offset_uaddr ? &offset : NULL, count);
    fd_release(out_file);
    fd_release(in_file);
    if (result >= 0 && offset_uaddr && put_user_u64(offset_uaddr, offset))
        return -EFAULT;
    return result;
}

static int64_t check_copy(struct file *in, uint64_t in_pos, struct file *out, uint64_t out_pos,
                          uint64_t *count)
{
    uint32_t in_type = inode_mode(in->inode) & S_IFMT, out_type = inode_mode(out->inode) & S_IFMT;
    uint64_t in_end, out_end;
    if (in_type == S_IFDIR || out_type == S_IFDIR)
        return -EISDIR;
    if (in_type != S_IFREG || out_type != S_IFREG)
        return -EINVAL;
    if (!(in->mode & FILE_READ) || !(out->mode & FILE_WRITE) ||
        (atomic_load_relaxed(&out->flags) & O_APPEND))
        return -EBADF;
    if (in->inode->sb != out->inode->sb)
        return -EXDEV;
    if (atomic_load_relaxed(&out->inode->flags) & INODE_IMMUTABLE)
        return -EPERM;
    if (add_overflows(in_pos, *count, &in_end) || add_overflows(out_pos, *count, &out_end))
        return -EOVERFLOW;
    uint64_t max_out = out->inode->sb->max_bytes;
    if (*count && out_pos >= max_out)
        return -EFBIG;
    *count = MIN(*count, max_out - out_pos);
    uint64_t size = inode_size(in->inode);
    *count = in_pos >= size ? 0 : MIN(*count, size - in_pos);
    in_end = in_pos + *count;
    out_end = out_pos + *count;
    if (in->inode == out->inode && in_pos < out_end && out_pos < in_end)
        return -EINVAL;
    return 0;
}

int64_t sys_copy_file_range(int in, uint64_t in_offset, int out, uint64_t out_offset,
                            uint64_t count, uint32_t flags)
{
    struct fd_borrow in_file = fd_borrow(in), out_file = fd_borrow(out);
    uint64_t in_pos = 0, out_pos = 0;
    int64_t result = -EBADF;
    if (!in_file.file || !out_file.file)
        goto release;
    in_pos = in_file.file->pos;
    out_pos = out_file.file->pos;
    result = -EFAULT;
    if ((in_offset && get_user_u64(&in_pos, in_offset)) ||
        (out_offset && get_user_u64(&out_pos, out_offset)))
        goto release;
    result = flags ? -EINVAL : 0;
    if (!result)
        result = check_copy(in_file.file, in_pos, out_file.file, out_pos, &count);
    count = MIN(count, MAX_RW_COUNT);
    if (!result && count)
        result = copy_between(in_file.file, &in_pos, out_file.file, &out_pos, count);
    if (result > 0) {
        if (!in_offset)
            in_file.file->pos = in_pos;
        if (!out_offset)
            out_file.file->pos = out_pos;
        if (in_offset && put_user_u64(in_offset, in_pos))
            result = -EFAULT;
        if (out_offset && put_user_u64(out_offset, out_pos))
            result = -EFAULT;
    }
release:
    fd_release(out_file);
    fd_release(in_file);
    return result;
}

/* ---- advice: what is in memory needs none ---- */

int64_t sys_readahead(int fd, int64_t offset, uint64_t count)
{
    (void)offset;
    struct fd_borrow file = fd_borrow(fd);
    int64_t result = -EBADF;
    if (file.file && (file.file->mode & FILE_READ)) {
        uint32_t type = inode_mode(file.file->inode) & S_IFMT;
        bool cached = type == S_IFREG || type == S_IFBLK;
        result = cached && (int64_t)count >= 0 ? 0 : -EINVAL;
    }
    fd_release(file);
    return result;
}

int64_t sys_fadvise64(int fd, int64_t offset, uint64_t length, int advice)
{
    (void)offset;
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = 0;
    if (S_ISFIFO(inode_mode(file.file->inode)))
        result = -ESPIPE;
    else if ((int64_t)length < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
        result = -EINVAL;
    fd_release(file);
    return result;
}

int64_t sys_sync_file_range(int fd, int64_t offset, int64_t count, uint32_t flags)
{
    const uint32_t known =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    int64_t end;
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    uint32_t type = inode_mode(file.file->inode) & S_IFMT;
    int64_t result = 0;
    if ((flags & ~known) || offset < 0 || count < 0 || add_overflows(offset, count, &end))
        result = -EINVAL;
    else if (type != S_IFREG && type != S_IFBLK && type != S_IFDIR && type != S_IFLNK)
        result = -ESPIPE;
    else if (type == S_IFREG && flags && file.file->ops->fsync)
        result = page_cache_sync(&file.file->inode->pages, (uint64_t)offset >> PAGE_SHIFT,
                                 count ? (uint64_t)(end - 1) >> PAGE_SHIFT : UINT64_MAX);
    else if (flags && block_file_device(file.file))
        result = block_sync(block_file_device(file.file), (uint64_t)offset,
                            count ? (uint64_t)end : UINT64_MAX, false);
    fd_release(file);
    return result;
}
