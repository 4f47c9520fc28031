/* SPDX-License-Identifier: MIT
 *
 * Sockets as files, and what is the same for every family (socket(7)).
 */
#include "kernel/ipc/socket.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/netdevice.h"
#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/nsfs.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/ipc/net_namespace.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"

enum { SOCK_TYPE_MAX = 11 };

/* ---- creation ---- */

void socket_register_family(struct kernel *kernel, const struct socket_family *family)
{
    assert(family->family >= 0 && family->family < AF_MAX);
    atomic_store_release(&kernel->ipc->families[family->family], family);
}

static struct socket *socket_alloc(struct net_namespace *net, int family, int type, int protocol)
{
    struct socket *socket = kzalloc(sizeof(*socket));
    if (!socket)
        return NULL;
    socket->kernel = net->common.kernel;
    socket->net = net_namespace_get(net);
    socket->family = (uint16_t)family;
    socket->type = (uint16_t)type;
    socket->protocol = protocol;
    socket->sndbuf = socket->rcvbuf = SOCKET_BUFFER_DEFAULT;
    socket->rcvlowat = 1;
    socket->peek_offset = -1;
    return socket;
}

static void socket_free(struct socket *socket)
{
    net_namespace_put(socket->net);
    kfree(socket);
}

/* ---- file operations ---- */

static bool is_nonblock(const struct socket *socket)
{
    return file_is_nonblocking(socket->file);
}

int64_t socket_send(struct socket *socket, struct socket_message *message)
{
    if (is_nonblock(socket))
        message->flags |= MSG_DONTWAIT;
    return socket->ops->send(socket, message);
}

int64_t socket_receive(struct socket *socket, struct socket_message *message)
{
    if (is_nonblock(socket))
        message->flags |= MSG_DONTWAIT;
    return socket->ops->receive(socket, message);
}

static void message_init(struct socket_message *message, const struct uio *uio)
{
    message->uio = *uio;
    if (uio->segments == &uio->inline_segment)
        message->uio.segments = &message->uio.inline_segment;
    socket_message_init(message, 0);
}

static void message_finish(const struct socket_message *message, struct uio *uio)
{
    uint64_t done = uio->remaining - message->uio.remaining;
    uio_advance(uio, done);
}

static int64_t socket_file_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct socket_message message;
    (void)pos;
    if (uio->remaining == 0)
        return 0;
    message_init(&message, uio);
    int64_t result = socket_receive(file->private, &message);
    message_finish(&message, uio);
    return result;
}

static int64_t socket_file_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct socket_message message;
    struct socket *socket = file->private;
    (void)pos;
    message_init(&message, uio);
    if (socket->type == SOCK_SEQPACKET)
        message.flags |= MSG_EOR;
    int64_t result = socket_send(socket, &message);
    message_finish(&message, uio);
    return result;
}

static uint32_t socket_file_poll(struct file *file, struct poll_table *table)
{
    struct socket *socket = file->private;
    return socket->ops->poll(socket, table);
}

/* SIOCGSKNS: a descriptor for the network namespace. */
static int64_t open_net_namespace(struct socket *socket)
{
    struct ns_common *ns = &socket->net->common;
    return capable_in(ns->owner, CAP_NET_ADMIN) ? nsfs_open(namespace_get(ns)) : -EPERM;
}

static int64_t socket_file_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    struct socket *socket = file->private;
    if (command == SIOCGSKNS)
        return open_net_namespace(socket);
    int64_t result = socket->ops->ioctl ? socket->ops->ioctl(socket, command, argument) : -ENOTTY;
    const struct net_stack_ops *ops = socket->kernel->ipc->net_ops;
    return result == -ENOTTY && ops ? ops->ioctl(socket->net, command, argument) : result;
}

static void socket_file_release(struct file *file)
{
    struct socket *socket = file->private;
    if (socket->ops)
        socket->ops->release(socket);
    socket_free(socket);
}

static const struct file_ops socket_file_ops = {
    .read = socket_file_read,
    .write = socket_file_write,
    .poll = socket_file_poll,
    .ioctl = socket_file_ioctl,
    .release = socket_file_release,
};

struct socket *file_socket(const struct file *file)
{
    return file->ops == &socket_file_ops ? file->private : NULL;
}

/* A file around the socket, which is freed on failure. */
static int open_file(struct socket *socket, uint32_t file_flags, struct file **out)
{
    int error = file_create_anon(socket->kernel, "socket", &socket_file_ops, socket,
                                 O_RDWR | (file_flags & O_NONBLOCK), S_IFSOCK | 0777, out);
    if (error) {
        if (socket->ops)
            socket->ops->release(socket);
        socket_free(socket);
        return error;
    }
    socket->file = *out;
    return 0;
}

int socket_create(struct kernel *kernel, int family, int type, int protocol, uint32_t file_flags,
                  struct file **out)
{
    if (family < 0 || family >= AF_MAX)
        return -EAFNOSUPPORT;
    if (type < 0 || type >= SOCK_TYPE_MAX)
        return -EINVAL;
    const struct socket_family *ops = atomic_load_acquire(&kernel->ipc->families[family]);
    if (!ops)
        return -EAFNOSUPPORT;
    struct socket *socket = socket_alloc(net_namespace_current(), family, type, protocol);
    if (!socket)
        return -ENOMEM;
    int error = ops->create(socket, protocol);
    if (error) {
        socket_free(socket);
        return error;
    }
    return open_file(socket, file_flags, out);
}

int socket_create_pair(struct kernel *kernel, int family, int type, int protocol,
                       uint32_t file_flags, struct file **out_a, struct file **out_b)
{
    int error = socket_create(kernel, family, type, protocol, file_flags, out_a);
    if (error)
        return error;
    error = socket_create(kernel, family, type, protocol, file_flags, out_b);
    if (error)
        goto put_a;
    struct socket *a = (*out_a)->private, *b = (*out_b)->private;
    error = a->ops->pair ? a->ops->pair(a, b) : -EOPNOTSUPP;
    if (!error)
        return 0;
    file_put(*out_b);
put_a:
    file_put(*out_a);
    return error;
}

int socket_accept(struct file *listener_file, uint32_t file_flags, struct file **out)
{
    struct socket *listener = listener_file->private;
    struct socket *fresh =
        socket_alloc(listener->net, listener->family, listener->type, listener->protocol);
    if (!fresh)
        return -ENOMEM;
    int error = open_file(fresh, file_flags, out);
    if (error)
        return error;
    error = listener->ops->accept ? listener->ops->accept(listener, fresh, is_nonblock(listener))
                                  : -EOPNOTSUPP;
    if (error)
        file_put(*out);
    return error;
}

/* ---- for families ---- */

void socket_set_flag(struct socket *socket, uint32_t flag, bool on)
{
    if (on)
        atomic_fetch_or_relaxed(&socket->flags, flag);
    else
        atomic_fetch_and_relaxed(&socket->flags, ~flag);
}

void socket_set_error(struct socket *socket, int error)
{
    atomic_store_relaxed(&socket->error, error);
}

int socket_take_error(struct socket *socket)
{
    if (likely(atomic_load_relaxed(&socket->error) == 0))
        return 0;
    return -atomic_exchange_relaxed(&socket->error, 0);
}

uint64_t socket_deadline(uint64_t timeout_ns, bool nonblock)
{
    uint64_t deadline;
    if (nonblock)
        return 0;
    if (timeout_ns == 0)
        return UINT64_MAX;
    return add_overflows(clock_monotonic_ns(), timeout_ns, &deadline) ? UINT64_MAX : deadline;
}

int socket_wait_error(int result, uint64_t deadline_ns)
{
    if (result == -ETIMEDOUT)
        return -EAGAIN;
    if (result == -ERESTARTSYS && deadline_ns != UINT64_MAX)
        return -EINTR;
    return result;
}

int socket_put_control(struct socket_message *message, int level, int type, const void *data,
                       size_t bytes)
{
    struct linux_cmsghdr header = {
        .cmsg_len = LINUX_CMSG_LEN(bytes), .cmsg_level = level, .cmsg_type = type};
    uint64_t at = message->control_uaddr + message->control_used;

    if (!message->control_uaddr || message->control_bytes < sizeof(header)) {
        message->out_flags |= MSG_CTRUNC;
        return 0;
    }
    if (message->control_bytes < header.cmsg_len) {
        message->out_flags |= MSG_CTRUNC;
        header.cmsg_len = message->control_bytes;
    }
    if (copy_to_user(at, &header, sizeof(header)) ||
        copy_to_user(at + sizeof(header), data, header.cmsg_len - sizeof(header)))
        return -EFAULT;
    size_t used = MIN(LINUX_CMSG_SPACE(bytes), message->control_bytes);
    message->control_used += used;
    message->control_bytes -= used;
    return 0;
}
