/* SPDX-License-Identifier: MIT
 *
 * Making, naming and connecting sockets: socket(2), socketpair(2), bind(2), listen(2), accept(2),
 * connect(2), getsockname(2), getpeername(2), shutdown(2), getsockopt(2), setsockopt(2).
 */
#include "kernel/ipc/socket.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/socket_internal.h"
#include "kernel/syscall/syscalls.h"

STATIC_ASSERT(SOCK_NONBLOCK == O_NONBLOCK);
STATIC_ASSERT(SOCK_CLOEXEC == O_CLOEXEC);

int socket_fd_get(int fd, struct socket_fd *out)
{
    out->fd = fd_borrow(fd);
    if (!out->fd.file)
        return -EBADF;
    out->socket = file_socket(out->fd.file);
    if (out->socket)
        return 0;
    fd_release(out->fd);
    return -ENOTSOCK;
}

int socket_address_from_user(uint64_t uaddr, int32_t bytes, struct socket_address *out)
{
    out->bytes = 0;
    if (bytes < 0 || (size_t)bytes > sizeof(out->storage))
        return -EINVAL;
    out->family = AF_UNSPEC;
    if (bytes && copy_from_user(out->raw, uaddr, (size_t)bytes))
        return -EFAULT;
    out->bytes = (uint32_t)bytes;
    return 0;
}

int socket_address_to_user(const struct socket_address *address, uint64_t uaddr,
                           uint64_t length_uaddr)
{
    int32_t room;
    if (get_user_u32((uint32_t *)&room, length_uaddr))
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    if (copy_to_user(uaddr, address->raw, MIN((uint32_t)room, address->bytes)))
        return -EFAULT;
    return put_user_u32(length_uaddr, address->bytes);
}

/* ---- creation ---- */

int64_t sys_socket(int family, uint32_t type, int protocol)
{
    uint32_t flags = type & ~(uint32_t)SOCK_TYPE_MASK;
    struct file *file;
    if (flags & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))
        return -EINVAL;
    int error = socket_create(this_kernel(), family, (int)(type & SOCK_TYPE_MASK), protocol,
                              flags & SOCK_NONBLOCK, &file);
    return error ? error : fd_add(file, flags & SOCK_CLOEXEC);
}

/* Two descriptors, already written to the user's array. */
static int reserve_two(int32_t fds[2], uint64_t fds_uaddr, bool cloexec)
{
    int error = -EFAULT;
    fds[0] = fd_reserve(0, cloexec);
    if (fds[0] < 0)
        return fds[0];
    fds[1] = fd_reserve(0, cloexec);
    if (fds[1] < 0)
        error = fds[1];
    else if (!copy_to_user(fds_uaddr, fds, 2 * sizeof(fds[0])))
        return 0;
    else
        fd_unreserve(fds[1]);
    fd_unreserve(fds[0]);
    return error;
}

int64_t sys_socketpair(int family, uint32_t type, int protocol, uint64_t fds_uaddr)
{
    uint32_t flags = type & ~(uint32_t)SOCK_TYPE_MASK;
    struct file *a, *b;
    int32_t fds[2];

    if (flags & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))
        return -EINVAL;
    int error = reserve_two(fds, fds_uaddr, flags & SOCK_CLOEXEC);
    if (error)
        return error;
    error = socket_create_pair(this_kernel(), family, (int)(type & SOCK_TYPE_MASK), protocol,
                               flags & SOCK_NONBLOCK, &a, &b);
    if (error) {
        fd_unreserve(fds[1]);
        fd_unreserve(fds[0]);
        return error;
    }
    fd_install(fds[0], a);
    fd_install(fds[1], b);
    return 0;
}

/* ---- names and connections ---- */

int64_t sys_bind(int fd, uint64_t addr, uint32_t length)
{
    struct socket_address address;
    struct socket_fd socket;
    int error = socket_fd_get(fd, &socket);
    if (error)
        return error;
    error = socket_address_from_user(addr, (int32_t)length, &address);
    if (!error)
        error = socket.socket->ops->bind ? socket.socket->ops->bind(socket.socket, &address)
                                         : -EOPNOTSUPP;
    fd_release(socket.fd);
    return error;
}

int64_t sys_listen(int fd, int backlog)
{
    struct socket_fd socket;
    int error = socket_fd_get(fd, &socket);
    if (error)
        return error;
    backlog = (int)MIN((unsigned)backlog, (unsigned)SOMAXCONN);
    error = socket.socket->ops->listen ? socket.socket->ops->listen(socket.socket, backlog)
                                       : -EOPNOTSUPP;
    fd_release(socket.fd);
    return error;
}

int64_t sys_connect(int fd, uint64_t addr, uint32_t length)
{
    struct socket_address address;
    struct socket_fd socket;
    int error = socket_fd_get(fd, &socket);
    if (error)
        return error;
    bool nonblock = file_is_nonblocking(socket.fd.file);
    error = socket_address_from_user(addr, (int32_t)length, &address);
    if (!error)
        error = socket.socket->ops->connect
                    ? socket.socket->ops->connect(socket.socket, &address, nonblock)
                    : -EOPNOTSUPP;
    fd_release(socket.fd);
    return error;
}

/* The next connection as a file; its peer's name where the caller wants it. */
static int accept_file(struct file *listener, uint32_t flags, uint64_t addr, uint64_t length,
                       struct file **out)
{
    struct socket_address address;
    int error = socket_accept(listener, flags & SOCK_NONBLOCK, out);
    if (error || !addr)
        return error;
    struct socket *socket = file_socket(*out);
    error = socket->ops->name(socket, true, &address) ? -ECONNABORTED : 0;
    if (!error)
        error = socket_address_to_user(&address, addr, length);
    if (error)
        file_put(*out);
    return error;
}

int64_t sys_accept4(int fd, uint64_t addr, uint64_t length, uint32_t flags)
{
    struct socket_fd socket;
    struct file *file;
    struct fd_borrow borrow = fd_borrow(fd);
    if (!borrow.file)
        return -EBADF;
    fd_release(borrow);
    if (flags & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))
        return -EINVAL;
    int error = socket_fd_get(fd, &socket);
    if (error)
        return error;
    int fresh = fd_reserve(0, flags & SOCK_CLOEXEC);
    if (fresh >= 0) {
        error = accept_file(socket.fd.file, flags, addr, length, &file);
        if (error) {
            fd_unreserve(fresh);
            fresh = error;
        } else {
            fd_install(fresh, file);
        }
    }
    fd_release(socket.fd);
    return fresh;
}

int64_t sys_accept(int fd, uint64_t addr, uint64_t length)
{
    return sys_accept4(fd, addr, length, 0);
}

static int64_t get_name(int fd, bool peer, uint64_t addr, uint64_t length)
{
    struct socket_address address;
    struct socket_fd socket;
    int error = socket_fd_get(fd, &socket);
    if (error)
        return error;
    error = socket.socket->ops->name ? socket.socket->ops->name(socket.socket, peer, &address)
                                     : -EOPNOTSUPP;
    if (!error)
        error = socket_address_to_user(&address, addr, length);
    fd_release(socket.fd);
    return error;
}

int64_t sys_getsockname(int fd, uint64_t addr, uint64_t length)
{
    return get_name(fd, false, addr, length);
}

int64_t sys_getpeername(int fd, uint64_t addr, uint64_t length)
{
    return get_name(fd, true, addr, length);
}

int64_t sys_shutdown(int fd, int how)
{
    struct socket_fd socket;
    int error = socket_fd_get(fd, &socket);
    if (error)
        return error;
    error = socket.socket->ops->shutdown ? socket.socket->ops->shutdown(socket.socket, how)
                                         : -EOPNOTSUPP;
    fd_release(socket.fd);
    return error;
}

/* ---- options ---- */

int64_t sys_setsockopt(int fd, int level, int option, uint64_t value, uint32_t length)
{
    struct socket_fd socket;
    if ((int32_t)length < 0)
        return -EINVAL;
    int error = socket_fd_get(fd, &socket);
    if (error)
        return error;
    error = socket_set_option(socket.socket, level, option, value, length);
    fd_release(socket.fd);
    return error;
}

int64_t sys_getsockopt(int fd, int level, int option, uint64_t value, uint64_t length)
{
    struct socket_fd socket;
    uint32_t bytes;
    int error = socket_fd_get(fd, &socket);
    if (error)
        return error;
    if (level != SOL_SOCKET && socket.socket->family == AF_UNIX)
        error = -EOPNOTSUPP; /* before its buffer is looked at */
    else if (get_user_u32(&bytes, length))
        error = -EFAULT;
    else if ((int32_t)bytes < 0)
        error = -EINVAL;
    else
        error = socket_get_option(socket.socket, level, option, value, &bytes);
    /* -ERANGE says how much room it takes. */
    if ((!error || error == -ERANGE) && put_user_u32(length, bytes))
        error = -EFAULT;
    fd_release(socket.fd);
    return error;
}
