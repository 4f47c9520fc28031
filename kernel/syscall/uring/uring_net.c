/* SPDX-License-Identifier: MIT
 *
 * io_uring's operations on sockets: the system calls, on the request's file.
 */
#include "kernel/syscall/uring/uring_net.h"

#include "kernel/abi/socket.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/uring/uring_internal.h"

int uring_message_prepare(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    if (sqe->off || sqe->file_index)
        return -EINVAL;
    bool multi = sqe->opcode == IORING_OP_RECV && (sqe->ioprio & IORING_RECV_MULTISHOT);
    if (sqe->ioprio & ~(IORING_RECVSEND_POLL_FIRST | (multi ? IORING_RECV_MULTISHOT : 0)))
        return -EINVAL;
    if (multi && (!(sqe->flags & IOSQE_BUFFER_SELECT) || (sqe->op_flags & MSG_WAITALL) || sqe->len))
        return -EINVAL;
    if (sqe->op_flags & MSG_DONTWAIT)
        request->impatient = true;
    return 0;
}

int64_t uring_sendmsg(struct uring_request *request)
{
    return sys_sendmsg(FD_OF_REQUEST, request->sqe.addr, request->sqe.op_flags);
}

/* With a selected buffer: it takes the place of the first of the message's. */
static int64_t receive_selected(struct uring_request *request)
{
    struct linux_msghdr header;
    struct uio_segment segment = {0};
    if (copy_from_user(&header, request->sqe.addr, sizeof(header)))
        return -EFAULT;
    if (header.msg_iovlen > 1)
        return -EINVAL;
    if (header.msg_iovlen && copy_from_user(&segment, header.msg_iov, sizeof(segment)))
        return -EFAULT;
    int error = uring_select(request, &segment.base, &segment.bytes);
    if (error)
        return error;
    return sys_recvfrom(FD_OF_REQUEST, segment.base, segment.bytes, request->sqe.op_flags, 0, 0);
}

int64_t uring_recvmsg(struct uring_request *request)
{
    return request->sqe.flags & IOSQE_BUFFER_SELECT
               ? receive_selected(request)
               : sys_recvmsg(FD_OF_REQUEST, request->sqe.addr, request->sqe.op_flags);
}

int64_t uring_send(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    int64_t result = sys_sendto(FD_OF_REQUEST, sqe->addr, sqe->len, sqe->op_flags, 0, 0);
    request->failed = result < (int64_t)sqe->len && (sqe->op_flags & MSG_WAITALL);
    return result;
}

static int64_t receive_once(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    uint64_t addr = sqe->addr, bytes = sqe->len;
    int error = uring_select(request, &addr, &bytes);
    if (error)
        return error;
    int64_t result = sys_recvfrom(FD_OF_REQUEST, addr, bytes, sqe->op_flags, 0, 0);
    request->failed = result < (int64_t)bytes && (sqe->op_flags & MSG_WAITALL);
    return result;
}

/* With many shots: until there is nothing now, the end, an error, or no buffer. */
int64_t uring_recv(struct uring_request *request)
{
    for (;;) {
        int64_t result = receive_once(request);
        if (!(request->sqe.ioprio & IORING_RECV_MULTISHOT) || result == -EAGAIN)
            return result;
        if (result <= 0) {
            uring_unselect(request);
            return result;
        }
        uring_post(request->ring, request->sqe.user_data, result,
                   request->cqe_flags | IORING_CQE_F_MORE);
        request->has_buffer = false;
        request->cqe_flags = 0;
        request->attempts = 0;
    }
}

int uring_accept_prepare(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    if (sqe->len || sqe->buf_index)
        return -EINVAL;
    if (sqe->op_flags & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))
        return -EINVAL;
    if (sqe->ioprio & ~IORING_ACCEPT_MULTISHOT)
        return -EINVAL;
    if (sqe->file_index && (sqe->op_flags & SOCK_CLOEXEC))
        return -EINVAL;
    return 0;
}

int64_t uring_accept(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    for (;;) {
        int64_t fd = sys_accept4(FD_OF_REQUEST, sqe->addr, sqe->off, sqe->op_flags);
        if (fd >= 0 && sqe->file_index)
            fd = uring_install_fixed(request->ring, (int)fd, sqe->file_index);
        if (fd < 0 || !(sqe->ioprio & IORING_ACCEPT_MULTISHOT))
            return fd;
        request->attempts = 0;
        uring_post(request->ring, sqe->user_data, fd, IORING_CQE_F_MORE);
    }
}

int uring_connect_prepare(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    return sqe->len || sqe->buf_index || sqe->op_flags || sqe->file_index ? -EINVAL : 0;
}

int64_t uring_connect(struct uring_request *request)
{
    int64_t result = sys_connect(FD_OF_REQUEST, request->sqe.addr, (uint32_t)request->sqe.off);
    return result == -EISCONN && request->attempts ? 0 : result; /* it has connected meanwhile */
}

int uring_shutdown_prepare(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    return sqe->off || sqe->addr || sqe->op_flags || sqe->buf_index || sqe->file_index ? -EINVAL
                                                                                       : 0;
}

int64_t uring_shutdown(struct uring_request *request)
{
    return sys_shutdown(FD_OF_REQUEST, (int)request->sqe.len);
}

int uring_socket_prepare(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    if (sqe->addr || sqe->op_flags || sqe->buf_index)
        return -EINVAL;
    if (sqe->file_index && (sqe->off & SOCK_CLOEXEC))
        return -EINVAL;
    return sqe->off & ~(uint64_t)UINT32_MAX ? -EINVAL : 0;
}

int64_t uring_socket(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    int64_t fd = sys_socket(sqe->fd, (uint32_t)sqe->off, (int)sqe->len);
    return fd < 0 || !sqe->file_index
               ? fd
               : uring_install_fixed(request->ring, (int)fd, sqe->file_index);
}
