/* SPDX-License-Identifier: MIT
 *
 * The operations on files, names and memory, and the table of all operations. Most are the system
 * calls of the same names, on the request's file instead of a descriptor (FD_OF_REQUEST).
 */
#include "kernel/abi/fcntl.h"
#include "kernel/abi/poll.h"
#include "kernel/ipc/splice.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/uring/uring_internal.h"
#include "kernel/syscall/uring/uring_net.h"

/* ---- checks: fields that the operation does not know must be zero ---- */

enum field {
    OFF = 1,
    ADDR = 2,
    LEN = 4,
    OP_FLAGS = 8,
    BUF_INDEX = 16,
    FILE_INDEX = 32,
    NO_FIXED = 64, /* IOSQE_FIXED_FILE means nothing here: -EBADF */
};

static int check(const struct uring_request *request, unsigned zero)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    if (((zero & OFF) && sqe->off) || ((zero & ADDR) && sqe->addr) || ((zero & LEN) && sqe->len) ||
        ((zero & OP_FLAGS) && sqe->op_flags) || ((zero & BUF_INDEX) && sqe->buf_index) ||
        ((zero & FILE_INDEX) && sqe->file_index))
        return -EINVAL;
    return (zero & NO_FIXED) && (sqe->flags & IOSQE_FIXED_FILE) ? -EBADF : 0;
}

#define PREPARE(name_, zero_)                                                                      \
    static int prepare_##name_(struct uring_request *request)                                      \
    {                                                                                              \
        return check(request, zero_);                                                              \
    }
PREPARE(fallocate, BUF_INDEX | OP_FLAGS | FILE_INDEX)
PREPARE(fadvise, BUF_INDEX | ADDR | FILE_INDEX)
PREPARE(madvise, BUF_INDEX | OFF | FILE_INDEX)
PREPARE(sync_range, BUF_INDEX | ADDR | FILE_INDEX)
PREPARE(open, BUF_INDEX | NO_FIXED)
PREPARE(statx, BUF_INDEX | FILE_INDEX | NO_FIXED)
PREPARE(names, BUF_INDEX | FILE_INDEX | NO_FIXED)
PREPARE(mkdir, OFF | OP_FLAGS | BUF_INDEX | FILE_INDEX | NO_FIXED)
PREPARE(symlink, LEN | OP_FLAGS | BUF_INDEX | FILE_INDEX | NO_FIXED)
PREPARE(epoll_ctl, BUF_INDEX | FILE_INDEX)

static int prepare_fsync(struct uring_request *request)
{
    int error = check(request, ADDR | BUF_INDEX | FILE_INDEX);
    return error ? error : request->sqe.op_flags & ~IORING_FSYNC_DATASYNC ? -EINVAL : 0;
}

static int prepare_unlink(struct uring_request *request)
{
    int error = check(request, OFF | LEN | BUF_INDEX | FILE_INDEX | NO_FIXED);
    return error ? error : request->sqe.op_flags & ~(uint32_t)AT_REMOVEDIR ? -EINVAL : 0;
}

static int prepare_close(struct uring_request *request)
{
    int error = check(request, OFF | ADDR | LEN | OP_FLAGS | BUF_INDEX | NO_FIXED);
    return error ? error : request->sqe.file_index && request->sqe.fd ? -EINVAL : 0;
}

static int prepare_splice(struct uring_request *request)
{
    const uint32_t known =
        SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT | SPLICE_F_FD_IN_FIXED;
    return request->sqe.op_flags & ~known ? -EINVAL : 0;
}

static int prepare_tee(struct uring_request *request)
{
    int error = check(request, ADDR | OFF);
    return error ? error : prepare_splice(request);
}

static int prepare_files_update(struct uring_request *request)
{
    if (request->sqe.flags & (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT))
        return -EINVAL;
    int error = check(request, OP_FLAGS | FILE_INDEX);
    return error ? error : request->sqe.len ? 0 : -EINVAL;
}

static int prepare_cancel(struct uring_request *request)
{
    const uint32_t known = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD |
                           IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD_FIXED;
    uint32_t flags = request->sqe.op_flags;
    if ((request->sqe.flags & IOSQE_BUFFER_SELECT) || check(request, OFF | LEN | FILE_INDEX) ||
        (flags & ~known))
        return -EINVAL;
    return (flags & IORING_ASYNC_CANCEL_FD) && (flags & IORING_ASYNC_CANCEL_ANY) ? -EINVAL : 0;
}

/* ---- reading and writing ---- */

enum { RWF_KNOWN = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND };

static int64_t transfer(struct uring_request *request, struct uio *uio, bool write)
{
    struct file *file = request->file;
    uint64_t pos = request->sqe.off, *at = &pos;
    uint32_t flags = request->sqe.op_flags,
             wanted = uio->remaining > UINT32_MAX ? UINT32_MAX : (uint32_t)uio->remaining;
    if (flags & ~(uint32_t)RWF_KNOWN)
        return -EOPNOTSUPP;
    if (flags & RWF_NOWAIT)
        request->impatient = true; /* the caller does not want it to wait */
    if (pos == UINT64_MAX || !(file->mode & FILE_SEEK))
        at = NULL;
    else if ((int64_t)pos < 0)
        return -EINVAL;
    if (write && (flags & RWF_APPEND) && (file->mode & FILE_SEEK)) {
        pos = VFS_POS_END;
        at = &pos;
    }
    int64_t result = write ? vfs_write(file, uio, at) : vfs_read(file, uio, at);
    if (write && result > 0 && (flags & (RWF_DSYNC | RWF_SYNC)) && file->ops->fsync) {
        int error = file->ops->fsync(file, !(flags & RWF_SYNC));
        result = error ? error : result;
    }
    request->failed = result != (int64_t)wanted;
    return result;
}

static int64_t issue_vectored(struct uring_request *request, bool write)
{
    struct uio_segment stack[UIO_FAST], *allocated = NULL;
    struct uio uio;
    int64_t result;
    if (request->sqe.flags & IOSQE_BUFFER_SELECT) { /* into a group's buffer: one segment */
        struct uio_segment segment;
        if (request->sqe.len != 1)
            return -EINVAL;
        if (copy_from_user(&segment, request->sqe.addr, sizeof(segment)))
            return -EFAULT;
        result = uring_select(request, &segment.base, &segment.bytes);
        if (!result)
            uio_init_user(&uio, segment.base, segment.bytes);
    } else {
        result = uio_import(&uio, request->sqe.addr, request->sqe.len, stack, &allocated);
    }
    if (!result)
        result = transfer(request, &uio, write);
    kfree(allocated);
    return result;
}

static int64_t issue_readv(struct uring_request *request)
{
    return issue_vectored(request, false);
}

static int64_t issue_writev(struct uring_request *request)
{
    return issue_vectored(request, true);
}

static int64_t issue_plain(struct uring_request *request, bool write)
{
    struct uio uio;
    uint64_t addr = request->sqe.addr, bytes = request->sqe.len;
    int error = uring_select(request, &addr, &bytes);
    if (error)
        return error;
    uio_init_user(&uio, addr, MIN(bytes, (uint64_t)MAX_RW_COUNT));
    return transfer(request, &uio, write);
}

static int64_t issue_read(struct uring_request *request)
{
    return issue_plain(request, false);
}

static int64_t issue_write(struct uring_request *request)
{
    return issue_plain(request, true);
}

static int64_t issue_read_fixed(struct uring_request *request)
{
    int error = uring_fixed_buffer(request, request->sqe.addr, request->sqe.len);
    return error ? error : issue_plain(request, false);
}

static int64_t issue_write_fixed(struct uring_request *request)
{
    int error = uring_fixed_buffer(request, request->sqe.addr, request->sqe.len);
    return error ? error : issue_plain(request, true);
}

/* ---- files ---- */

static int64_t issue_nop(struct uring_request *request)
{
    (void)request;
    return 0;
}

static int64_t issue_fsync(struct uring_request *request)
{
    return request->sqe.op_flags & IORING_FSYNC_DATASYNC ? sys_fdatasync(FD_OF_REQUEST)
                                                         : sys_fsync(FD_OF_REQUEST);
}

static int64_t issue_sync_range(struct uring_request *request)
{
    return sys_sync_file_range(FD_OF_REQUEST, (int64_t)request->sqe.off, request->sqe.len,
                               request->sqe.op_flags);
}

static int64_t issue_fallocate(struct uring_request *request)
{
    return sys_fallocate(FD_OF_REQUEST, (int)request->sqe.len, (int64_t)request->sqe.off,
                         (int64_t)request->sqe.addr);
}

static int64_t issue_fadvise(struct uring_request *request)
{
    return sys_fadvise64(FD_OF_REQUEST, (int64_t)request->sqe.off, request->sqe.len,
                         (int)request->sqe.op_flags);
}

static int64_t issue_madvise(struct uring_request *request)
{
    return sys_madvise(request->sqe.addr, request->sqe.len, (int)request->sqe.op_flags);
}

static int64_t installed(struct uring_request *request, int64_t fd)
{
    return fd < 0 || !request->sqe.file_index
               ? fd
               : uring_install_fixed(request->ring, (int)fd, request->sqe.file_index);
}

static int64_t issue_openat(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    if (sqe->file_index && (sqe->op_flags & O_CLOEXEC))
        return -EINVAL;
    return installed(request, sys_openat(sqe->fd, sqe->addr, sqe->op_flags, sqe->len));
}

static int64_t issue_openat2(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    return installed(request, sys_openat2(sqe->fd, sqe->addr, sqe->off, sqe->len));
}

static int64_t issue_close(struct uring_request *request)
{
    if (request->sqe.file_index)
        return uring_close_fixed(request->ring, request->sqe.file_index);
    struct file *file = fd_get_any(request->sqe.fd);
    if (!file)
        return -EBADF;
    bool ring = file_is_uring(file);
    file_put(file);
    return ring ? -EBADF : sys_close(request->sqe.fd);
}

static int64_t issue_statx(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    return sys_statx(sqe->fd, sqe->addr, sqe->op_flags, sqe->len, sqe->off);
}

static int64_t issue_renameat(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    return sys_renameat2(sqe->fd, sqe->addr, (int)sqe->len, sqe->off, sqe->op_flags);
}

static int64_t issue_unlinkat(struct uring_request *request)
{
    return sys_unlinkat(request->sqe.fd, request->sqe.addr, request->sqe.op_flags);
}

static int64_t issue_mkdirat(struct uring_request *request)
{
    return sys_mkdirat(request->sqe.fd, request->sqe.addr, request->sqe.len);
}

static int64_t issue_symlinkat(struct uring_request *request)
{
    return sys_symlinkat(request->sqe.addr, request->sqe.fd, request->sqe.off);
}

static int64_t issue_linkat(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    return sys_linkat(sqe->fd, sqe->addr, (int)sqe->len, sqe->off, sqe->op_flags);
}

static int64_t issue_epoll_ctl(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    return sys_epoll_ctl(sqe->fd, (int)sqe->len, (int)sqe->off, sqe->addr);
}

static int64_t issue_files_update(struct uring_request *request)
{
    return uring_update_files(request->ring, (uint32_t)request->sqe.off, request->sqe.addr,
                              request->sqe.len);
}

/* ---- pipes: `file` is where data goes ---- */

static int64_t do_splice(struct uring_request *request, bool tee)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    uint32_t flags = sqe->op_flags & ~SPLICE_F_FD_IN_FIXED;
    struct file *in = sqe->op_flags & SPLICE_F_FD_IN_FIXED
                          ? uring_fixed_file(request->ring, sqe->file_index)
                          : fd_get((int)sqe->file_index);
    if (!in)
        return -EBADF;
    uint64_t in_value = sqe->addr, out_value = sqe->off;
    int64_t result = -EINVAL;
    if (!(in->mode & FILE_READ) || !(request->file->mode & FILE_WRITE))
        result = -EBADF;
    else if (tee)
        result = splice_tee(in, request->file, sqe->len, flags & SPLICE_F_NONBLOCK);
    else if (file_is_pipe(in) || file_is_pipe(request->file))
        result = splice_files(in, in_value == UINT64_MAX ? NULL : &in_value, request->file,
                              out_value == UINT64_MAX ? NULL : &out_value, sqe->len,
                              flags & SPLICE_F_NONBLOCK);
    file_put(in);
    request->failed = result != (int64_t)sqe->len;
    return result;
}

static int64_t issue_splice(struct uring_request *request)
{
    return request->sqe.len ? do_splice(request, false) : 0;
}

static int64_t issue_tee(struct uring_request *request)
{
    return request->sqe.len ? do_splice(request, true) : 0;
}

/* ---- others ---- */

static int64_t issue_cancel(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    struct uring_match match = {
        .user_data = sqe->addr,
        .any = sqe->op_flags & IORING_ASYNC_CANCEL_ANY,
        .all = sqe->op_flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY),
    };
    if (sqe->op_flags & IORING_ASYNC_CANCEL_FD) {
        bool fixed =
            (sqe->flags & IOSQE_FIXED_FILE) || (sqe->op_flags & IORING_ASYNC_CANCEL_FD_FIXED);
        match.file = fixed ? uring_fixed_file(request->ring, (uint32_t)sqe->fd) : fd_get(sqe->fd);
        if (!match.file)
            return -EBADF;
    }
    int64_t result = uring_cancel(request->ring, &match, request);
    if (match.file)
        file_put(match.file);
    if (match.all)
        return result < 0 && result == -ENOENT ? 0 : result;
    return result > 0 ? 0 : result;
}

#define READABLE (EPOLLIN | EPOLLRDNORM)
#define WRITABLE (EPOLLOUT | EPOLLWRNORM)

/* ---- attributes, messages between rings ---- */

static int prepare_xattr(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    bool gets = sqe->opcode == IORING_OP_FGETXATTR || sqe->opcode == IORING_OP_GETXATTR;
    if (sqe->flags & IOSQE_FIXED_FILE)
        return -EBADF;
    return gets && sqe->op_flags ? -EINVAL : 0;
}

static int64_t issue_xattr(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    switch (sqe->opcode) {
    case IORING_OP_FSETXATTR:
        return sys_fsetxattr(sqe->fd, sqe->addr, sqe->off, sqe->len, sqe->op_flags);
    case IORING_OP_SETXATTR:
        return sys_setxattr(sqe->addr3, sqe->addr, sqe->off, sqe->len, sqe->op_flags);
    case IORING_OP_FGETXATTR:
        return sys_fgetxattr(sqe->fd, sqe->addr, sqe->off, sqe->len);
    default:
        return sys_getxattr(sqe->addr3, sqe->addr, sqe->off, sqe->len);
    }
}

static int prepare_message(struct uring_request *request)
{
    if (check(request, BUF_INDEX) || request->sqe.personality)
        return -EINVAL;
    return request->sqe.op_flags & ~IORING_MSG_RING_CQE_SKIP ? -EINVAL : 0;
}

/* A registered file becomes one of another ring. */
static int64_t send_file(struct uring_request *request, struct uring *target)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    if (target == request->ring)
        return -EINVAL;
    if (target->flags & IORING_SETUP_R_DISABLED)
        return -EBADFD;
    int64_t slot = uring_send_fixed(request->ring, sqe->addr3, target, sqe->file_index);
    if (slot >= 0 && !(sqe->op_flags & IORING_MSG_RING_CQE_SKIP))
        uring_post(target, sqe->off, (int32_t)sqe->len, 0);
    return slot;
}

/* A completion in another ring. */
static int64_t issue_message(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    if (!file_is_uring(request->file))
        return -EBADFD;
    struct uring *target = request->file->private;
    if (sqe->addr == IORING_MSG_SEND_FD)
        return send_file(request, target);
    if (sqe->addr != IORING_MSG_DATA || sqe->addr3 || sqe->file_index || sqe->op_flags)
        return -EINVAL;
    if (target->flags & IORING_SETUP_R_DISABLED)
        return -EBADFD;
    uring_post(target, sqe->off, (int32_t)sqe->len, 0);
    return 0;
}

static const struct uring_op operations[IORING_OP_LAST] = {
    [IORING_OP_NOP] = {.issue = issue_nop},
    [IORING_OP_READV] = {true, true, true, false, READABLE, NULL, issue_readv},
    [IORING_OP_WRITEV] = {true, false, true, false, WRITABLE, NULL, issue_writev},
    [IORING_OP_FSYNC] = {.needs_file = true, .prepare = prepare_fsync, .issue = issue_fsync},
    [IORING_OP_READ_FIXED] = {true, false, true, false, READABLE, NULL, issue_read_fixed},
    [IORING_OP_WRITE_FIXED] = {true, false, true, false, WRITABLE, NULL, issue_write_fixed},
    [IORING_OP_POLL_ADD] = {.needs_file = true,
                            .prepare = uring_poll_prepare,
                            .issue = uring_poll_issue},
    [IORING_OP_POLL_REMOVE] = {.prepare = uring_poll_remove_prepare,
                               .issue = uring_poll_remove_issue},
    [IORING_OP_SYNC_FILE_RANGE] = {.needs_file = true,
                                   .prepare = prepare_sync_range,
                                   .issue = issue_sync_range},
    [IORING_OP_SENDMSG] = {true, false, true, false, WRITABLE, uring_message_prepare,
                           uring_sendmsg},
    [IORING_OP_RECVMSG] = {true, true, true, false, READABLE, uring_message_prepare, uring_recvmsg},
    [IORING_OP_TIMEOUT] = {.prepare = uring_timeout_prepare, .issue = uring_timeout_issue},
    [IORING_OP_TIMEOUT_REMOVE] = {.prepare = uring_timeout_remove_prepare,
                                  .issue = uring_timeout_remove_issue},
    [IORING_OP_ACCEPT] = {true, false, true, false, READABLE, uring_accept_prepare, uring_accept},
    [IORING_OP_ASYNC_CANCEL] = {.prepare = prepare_cancel, .issue = issue_cancel},
    [IORING_OP_LINK_TIMEOUT] = {.prepare = uring_link_timeout_prepare,
                                .issue = uring_link_timeout_issue},
    [IORING_OP_CONNECT] = {true, false, false, false, WRITABLE, uring_connect_prepare,
                           uring_connect},
    [IORING_OP_FALLOCATE] = {.needs_file = true,
                             .prepare = prepare_fallocate,
                             .issue = issue_fallocate},
    [IORING_OP_OPENAT] = {.prepare = prepare_open, .issue = issue_openat},
    [IORING_OP_CLOSE] = {.prepare = prepare_close, .issue = issue_close},
    [IORING_OP_FILES_UPDATE] = {.prepare = prepare_files_update, .issue = issue_files_update},
    [IORING_OP_STATX] = {.prepare = prepare_statx, .issue = issue_statx},
    [IORING_OP_READ] = {true, true, true, false, READABLE, NULL, issue_read},
    [IORING_OP_WRITE] = {true, false, true, false, WRITABLE, NULL, issue_write},
    [IORING_OP_FADVISE] = {.needs_file = true, .prepare = prepare_fadvise, .issue = issue_fadvise},
    [IORING_OP_MADVISE] = {.prepare = prepare_madvise, .issue = issue_madvise},
    [IORING_OP_SEND] = {true, false, true, false, WRITABLE, uring_message_prepare, uring_send},
    [IORING_OP_RECV] = {true, true, true, false, READABLE, uring_message_prepare, uring_recv},
    [IORING_OP_OPENAT2] = {.prepare = prepare_open, .issue = issue_openat2},
    [IORING_OP_EPOLL_CTL] = {.prepare = prepare_epoll_ctl, .issue = issue_epoll_ctl},
    [IORING_OP_SPLICE] = {true, false, false, false, 0, prepare_splice, issue_splice},
    [IORING_OP_PROVIDE_BUFFERS] = {.prepare = uring_provide_prepare, .issue = uring_provide_issue},
    [IORING_OP_REMOVE_BUFFERS] = {.prepare = uring_remove_prepare, .issue = uring_remove_issue},
    [IORING_OP_TEE] = {true, false, false, false, 0, prepare_tee, issue_tee},
    [IORING_OP_SHUTDOWN] = {.needs_file = true,
                            .prepare = uring_shutdown_prepare,
                            .issue = uring_shutdown},
    [IORING_OP_RENAMEAT] = {.prepare = prepare_names, .issue = issue_renameat},
    [IORING_OP_UNLINKAT] = {.prepare = prepare_unlink, .issue = issue_unlinkat},
    [IORING_OP_MKDIRAT] = {.prepare = prepare_mkdir, .issue = issue_mkdirat},
    [IORING_OP_SYMLINKAT] = {.prepare = prepare_symlink, .issue = issue_symlinkat},
    [IORING_OP_LINKAT] = {.prepare = prepare_names, .issue = issue_linkat},
    [IORING_OP_MSG_RING] = {.needs_file = true, .prepare = prepare_message, .issue = issue_message},
    [IORING_OP_FSETXATTR] = {.prepare = prepare_xattr, .issue = issue_xattr},
    [IORING_OP_SETXATTR] = {.prepare = prepare_xattr, .issue = issue_xattr},
    [IORING_OP_FGETXATTR] = {.prepare = prepare_xattr, .issue = issue_xattr},
    [IORING_OP_GETXATTR] = {.prepare = prepare_xattr, .issue = issue_xattr},
    [IORING_OP_SOCKET] = {.prepare = uring_socket_prepare, .issue = uring_socket},
};

const struct uring_op *uring_op(unsigned opcode)
{
    static const struct uring_op refused = {.ioprio = true, .not_supported = true};
    if (opcode >= IORING_OP_LAST)
        return NULL;
    return operations[opcode].issue ? &operations[opcode] : &refused;
}
