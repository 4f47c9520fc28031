/* SPDX-License-Identifier: MIT
 *
 * splice(2), tee(2), vmsplice(2).
 */
#include "kernel/ipc/splice.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/syscalls.h"

#define SPLICE_FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)

/* An offset argument of what is no pipe, as the VFS wants it: it must be seekable. */
static int check_offset(const struct file *file, uint64_t uaddr, uint64_t *value, uint64_t **pos)
{
    *pos = uaddr ? value : NULL;
    if (!uaddr)
        return 0;
    return (file->mode & FILE_SEEK) && (int64_t)*value >= 0 ? 0 : -EINVAL;
}

static int64_t do_splice(struct file *in, uint64_t in_offset, struct file *out,
                         uint64_t out_offset, uint64_t count, bool nonblock)
{
    uint64_t in_value = 0, out_value = 0, *in_pos, *out_pos;
    if ((in_offset && file_is_pipe(in)) || (out_offset && file_is_pipe(out)))
        return -ESPIPE;
    if ((out_offset && get_user_u64(&out_value, out_offset)) ||
        (in_offset && get_user_u64(&in_value, in_offset)))
        return -EFAULT;
    if (!(in->mode & FILE_READ) || !(out->mode & FILE_WRITE))
        return -EBADF;
    if (!file_is_pipe(in) && !file_is_pipe(out))
        return -EINVAL;
    int error = check_offset(in, in_offset, &in_value, &in_pos);
    if (!error)
        error = check_offset(out, out_offset, &out_value, &out_pos);
    if (error)
        return error;
    if ((int64_t)count < 0 && !file_is_pipe(out))
        return -EINVAL;
    count = MIN(count, (uint64_t)MAX_RW_COUNT);
    int64_t done = splice_files(in, in_pos, out, out_pos, count, nonblock);
    if (done >= 0 && ((in_pos && put_user_u64(in_offset, in_value)) ||
                      (out_pos && put_user_u64(out_offset, out_value))))
        return -EFAULT;
    return done;
}

int64_t sys_splice(int in, uint64_t in_offset, int out, uint64_t out_offset, uint64_t count,
                   uint32_t flags)
{
    if (count == 0)
        return 0;
    if (flags & ~(uint32_t)SPLICE_FLAGS)
        return -EINVAL;
    struct fd_borrow in_file = fd_borrow(in), out_file = fd_borrow(out);
    int64_t result = -EBADF;
    if (in_file.file && out_file.file)
        result = do_splice(in_file.file, in_offset, out_file.file, out_offset, count,
                           flags & SPLICE_F_NONBLOCK);
    if (in_file.file)
        fd_release(in_file);
    if (out_file.file)
        fd_release(out_file);
    return result;
}

int64_t sys_tee(int in, int out, uint64_t count, uint32_t flags)
{
    if (flags & ~(uint32_t)SPLICE_FLAGS)
        return -EINVAL;
    if (count == 0)
        return 0;
    struct fd_borrow in_file = fd_borrow(in), out_file = fd_borrow(out);
    int64_t result = -EBADF;
    if (in_file.file && out_file.file && (in_file.file->mode & FILE_READ) &&
        (out_file.file->mode & FILE_WRITE))
        result = splice_tee(in_file.file, out_file.file, count, flags & SPLICE_F_NONBLOCK);
    if (in_file.file)
        fd_release(in_file);
    if (out_file.file)
        fd_release(out_file);
    return result;
}

static int64_t do_vmsplice(struct file *file, struct uio *uio, bool nonblock)
{
    if (!file_is_pipe(file))
        return -EBADF;
    if (uio->remaining == 0)
        return 0;
    if (file->mode & FILE_WRITE)
        return splice_from_user(file, uio, nonblock);
    return vfs_read(file, uio, NULL);
}

int64_t sys_vmsplice(int fd, uint64_t vec, uint64_t count, uint32_t flags)
{
    struct uio_segment inline_segments[UIO_FAST], *allocated;
    struct uio uio;
    if (flags & ~(uint32_t)SPLICE_FLAGS)
        return -EINVAL;
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = uio_import(&uio, vec, count, inline_segments, &allocated);
    if (!result) {
        result = do_vmsplice(file.file, &uio, flags & SPLICE_F_NONBLOCK);
        kfree(allocated);
    }
    fd_release(file);
    return result;
}
