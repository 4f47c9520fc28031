/* SPDX-License-Identifier: MIT
 *
 * Messages through sockets: sendto(2), sendmsg(2), sendmmsg(2), recvfrom(2), recvmsg(2), recvmmsg(2).
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/socket.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/deadline.h"
#include "kernel/syscall/socket_internal.h"
#include "kernel/syscall/syscalls.h"

enum { CONTROL_INLINE = 64, CONTROL_MAX = 131072 /* net.core.optmem_max */, BATCH_MAX = 1024 };

/* The part of user memory is checked as a whole before anything is done, as for iovecs. */
static int init_buffer(struct uio *uio, uint64_t uaddr, uint64_t bytes)
{
    uint64_t limit = this_kernel()->boot->user_addr_limit;
    uio_init_user(uio, uaddr, bytes);
    if (bytes && (uaddr > limit || uio->remaining > limit - uaddr))
        return -EFAULT;
    return 0;
}

int64_t sys_sendto(int fd, uint64_t buf, uint64_t count, uint32_t flags, uint64_t addr,
                   uint32_t length)
{
    struct socket_message message;
    struct socket_fd socket;
    socket_message_init(&message, flags);
    int64_t result = init_buffer(&message.uio, buf, count);
    if (!result)
        result = socket_fd_get(fd, &socket);
    if (result)
        return result;
    if (addr)
        result = socket_address_from_user(addr, (int32_t)length, &message.address);
    if (!result)
        result = socket_send(socket.socket, &message);
    fd_release(socket.fd);
    return result;
}

int64_t sys_recvfrom(int fd, uint64_t buf, uint64_t count, uint32_t flags, uint64_t addr,
                     uint64_t length)
{
    struct socket_message message;
    struct socket_fd socket;
    socket_message_init(&message, flags);
    message.want_address = addr != 0;
    int64_t result = init_buffer(&message.uio, buf, count);
    if (!result)
        result = socket_fd_get(fd, &socket);
    if (result)
        return result;
    result = socket_receive(socket.socket, &message);
    if (result >= 0 && addr) {
        int error = socket_address_to_user(&message.address, addr, length);
        result = error ? error : result;
    }
    fd_release(socket.fd);
    return result;
}

/* ---- struct msghdr ---- */

/* A msghdr in kernel memory, with what its parts needed. */
struct imported {
    struct linux_msghdr header;
    struct uio_segment segments_inline[UIO_FAST], *segments;
    uint8_t control_inline[CONTROL_INLINE], *control;
};

static int import_header(struct imported *in, uint64_t uaddr, struct socket_message *message)
{
    struct linux_msghdr *header = &in->header;
    in->segments = NULL;
    in->control = NULL;
    if (copy_from_user(header, uaddr, sizeof(*header)))
        return -EFAULT;
    if (!header->msg_name)
        header->msg_namelen = 0;
    if (header->msg_namelen < 0)
        return -EINVAL;
    header->msg_namelen =
        MIN(header->msg_namelen, (int32_t)sizeof(struct linux_sockaddr_storage));
    if (header->msg_iovlen > UIO_SEGMENTS_MAX)
        return -EMSGSIZE;
    return uio_import(&message->uio, header->msg_iov, header->msg_iovlen, in->segments_inline,
                      &in->segments);
}

static void release_import(struct imported *in)
{
    kfree(in->segments);
    if (in->control != in->control_inline)
        kfree(in->control);
}

static int import_control(struct imported *in, struct socket_message *message)
{
    uint64_t bytes = in->header.msg_controllen;
    if (bytes == 0)
        return 0;
    if (bytes > CONTROL_MAX)
        return -ENOBUFS;
    in->control = bytes <= CONTROL_INLINE ? in->control_inline : kmalloc(bytes);
    if (!in->control)
        return -ENOBUFS;
    if (copy_from_user(in->control, in->header.msg_control, bytes))
        return -EFAULT;
    message->control = in->control;
    message->control_bytes = bytes;
    return 0;
}

static int64_t send_header(struct socket *socket, uint64_t uaddr, uint32_t flags)
{
    struct socket_message message;
    struct imported in;

    socket_message_init(&message, flags);
    int64_t result = import_header(&in, uaddr, &message);
    if (result)
        return result;
    if (in.header.msg_namelen)
        result = socket_address_from_user(in.header.msg_name, in.header.msg_namelen,
                                          &message.address);
    if (!result)
        result = import_control(&in, &message);
    if (!result)
        result = socket_send(socket, &message);
    release_import(&in);
    return result;
}

/* The fields of the user's msghdr that recvmsg changes. */
static int export_header(const struct imported *in, uint64_t uaddr,
                         const struct socket_message *message)
{
    uint64_t name_length = uaddr + offsetof(struct linux_msghdr, msg_namelen);
    uint32_t room = (uint32_t)in->header.msg_namelen;

    if (in->header.msg_name &&
        (copy_to_user(in->header.msg_name, message->address.raw,
                      MIN(room, message->address.bytes)) ||
         put_user_u32(name_length, message->address.bytes)))
        return -EFAULT;
    if (put_user_u32(uaddr + offsetof(struct linux_msghdr, msg_flags), message->out_flags) ||
        put_user_u64(uaddr + offsetof(struct linux_msghdr, msg_controllen),
                     message->control_used))
        return -EFAULT;
    return 0;
}

static int64_t receive_header(struct socket *socket, uint64_t uaddr, uint32_t flags)
{
    struct socket_message message;
    struct imported in;

    socket_message_init(&message, flags);
    message.out_flags = flags & MSG_CMSG_CLOEXEC;
    int64_t result = import_header(&in, uaddr, &message);
    if (result)
        return result;
    message.want_address = in.header.msg_name != 0;
    message.control_uaddr = in.header.msg_control;
    message.control_bytes = in.header.msg_control ? in.header.msg_controllen : 0;
    result = socket_receive(socket, &message);
    if (result >= 0) {
        int error = export_header(&in, uaddr, &message);
        result = error ? error : result;
    }
    release_import(&in);
    return result;
}

int64_t sys_sendmsg(int fd, uint64_t message, uint32_t flags)
{
    struct socket_fd socket;
    if (flags & MSG_CMSG_COMPAT)
        return -EINVAL;
    int64_t result = socket_fd_get(fd, &socket);
    if (result)
        return result;
    result = send_header(socket.socket, message, flags);
    fd_release(socket.fd);
    return result;
}

int64_t sys_recvmsg(int fd, uint64_t message, uint32_t flags)
{
    struct socket_fd socket;
    if (flags & MSG_CMSG_COMPAT)
        return -EINVAL;
    int64_t result = socket_fd_get(fd, &socket);
    if (result)
        return result;
    result = receive_header(socket.socket, message, flags);
    fd_release(socket.fd);
    return result;
}

/* ---- several at once ---- */

static int put_length(uint64_t uaddr, int64_t bytes)
{
    return put_user_u32(uaddr + offsetof(struct linux_mmsghdr, msg_len), (uint32_t)bytes);
}

int64_t sys_sendmmsg(int fd, uint64_t messages, uint32_t count, uint32_t flags)
{
    struct socket_fd socket;
    if (flags & MSG_CMSG_COMPAT)
        return -EINVAL;
    int64_t result = socket_fd_get(fd, &socket), done = 0;
    if (result)
        return result;
    for (; done < MIN(count, (uint32_t)BATCH_MAX); done++) {
        uint64_t at = messages + (uint64_t)done * sizeof(struct linux_mmsghdr);
        result = send_header(socket.socket, at, flags);
        if (result >= 0)
            result = put_length(at, result);
        if (result < 0)
            break;
    }
    fd_release(socket.fd);
    return done ? done : result;
}

static int64_t receive_many(struct socket *socket, uint64_t messages, uint32_t count,
                            uint32_t flags, uint64_t deadline_ns)
{
    int64_t done = 0, result = socket_take_error(socket);
    if (result)
        return result;
    while (done < count) {
        uint64_t at = messages + (uint64_t)done * sizeof(struct linux_mmsghdr);
        result = receive_header(socket, at, flags & ~(uint32_t)MSG_WAITFORONE);
        if (result >= 0)
            result = put_length(at, result);
        if (result < 0)
            break;
        done++;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
        if (clock_monotonic_ns() >= deadline_ns)
            break;
    }
    if (done && result < 0 && result != -EAGAIN && result > -ERESTARTSYS)
        socket_set_error(socket, (int)-result); /* for the next call */
    return done ? done : result;
}

int64_t sys_recvmmsg(int fd, uint64_t messages, uint32_t count, uint32_t flags, uint64_t timeout)
{
    struct socket_fd socket;
    uint64_t deadline_ns;
    if (flags & MSG_CMSG_COMPAT)
        return -EINVAL;
    int64_t result = deadline_from_user(timeout, &deadline_ns);
    if (!result)
        result = socket_fd_get(fd, &socket);
    if (result)
        return result;
    result = receive_many(socket.socket, messages, MIN(count, (uint32_t)BATCH_MAX), flags,
                          deadline_ns);
    fd_release(socket.fd);
    if (result > 0 && timeout) {
        struct linux_timespec left = deadline_left(deadline_ns);
        if (copy_to_user(timeout, &left, sizeof(left)))
            return -EFAULT;
    }
    return result;
}
