/* SPDX-License-Identifier: MIT
 *
 * Filters on sockets: SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER, SO_GET_FILTER
 * (socket(7)). The family keeps the filter and runs it where packets arrive. There is no eBPF: what
 * asks for a program of that kind finds that no descriptor is one.
 *
 * A filter never changes; it is counted, so that it can be read without the lock.
 */
#include "kernel/abi/seccomp.h"
#include "kernel/fs/file_table.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/ipc/socket.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/bpf.h"

struct socket_filter {
    struct refcount refs;
    uint16_t count;
    struct linux_sock_filter program[];
};

void socket_filter_put(struct socket_filter *filter)
{
    if (filter && refcount_dec_and_test(&filter->refs))
        kfree(filter);
}

uint32_t socket_filter_run(const struct socket_filter *filter, const struct bpf_packet *packet)
{
    return MIN(bpf_run_packet(filter->program, packet), packet->bytes);
}

/* A checked program from user memory. */
static int copy_program(uint64_t uaddr, uint32_t bytes, struct socket_filter **out)
{
    struct linux_sock_fprog user;
    if (bytes != sizeof(user))
        return -EINVAL;
    if (copy_from_user(&user, uaddr, sizeof(user)))
        return -EFAULT;
    if (!user.filter || !user.len || user.len > BPF_MAXINSNS)
        return -EINVAL;
    size_t size = user.len * sizeof(struct linux_sock_filter);
    struct socket_filter *filter = kmalloc(sizeof(*filter) + size);
    if (!filter)
        return -ENOMEM;
    refcount_init(&filter->refs, 1);
    filter->count = user.len;
    int error = copy_from_user(filter->program, user.filter, size) ? -EFAULT : 0;
    if (!error)
        error = bpf_check_packet(filter->program, filter->count);
    if (error)
        kfree(filter);
    else
        *out = filter;
    return error;
}

/* Put `fresh` in the filter's place; *out_old is the caller's. -ENOPROTOOPT: there is no place. */
static int swap(struct socket *socket, struct socket_filter *fresh, struct socket_filter **out_old)
{
    struct spinlock *lock;
    if (!socket->ops->filter_place)
        return -ENOPROTOOPT;
    struct socket_filter **place = socket->ops->filter_place(socket, &lock);
    spin_lock(lock);
    *out_old = *place;
    *place = fresh;
    spin_unlock(lock);
    return 0;
}

static int attach(struct socket *socket, uint64_t uaddr, uint32_t bytes)
{
    struct socket_filter *fresh, *old;
    if (socket_has_flag(socket, SOCKET_FILTER_LOCKED))
        return -EPERM;
    int error = copy_program(uaddr, bytes, &fresh);
    if (error)
        return error;
    error = swap(socket, fresh, &old);
    socket_filter_put(error ? fresh : old);
    return error;
}

static int detach(struct socket *socket)
{
    struct socket_filter *old;
    if (socket_has_flag(socket, SOCKET_FILTER_LOCKED))
        return -EPERM;
    int error = swap(socket, NULL, &old);
    if (error)
        return error;
    error = old ? 0 : -ENOENT;
    socket_filter_put(old);
    return error;
}

/* A descriptor of an eBPF program: none is. */
static int attach_extended(struct socket *socket, uint64_t uaddr, uint32_t bytes)
{
    uint32_t fd;
    if (bytes != sizeof(fd))
        return -EINVAL;
    if (get_user_u32(&fd, uaddr))
        return -EFAULT;
    if (socket_has_flag(socket, SOCKET_FILTER_LOCKED))
        return -EPERM;
    struct fd_borrow file = fd_borrow((int)fd);
    bool open = file.file != NULL;
    fd_release(file);
    return open ? -EINVAL : -EBADF;
}

/* Which socket of a group gets a packet: only of families with SO_REUSEPORT. */
static int attach_to_group(struct socket *socket, uint64_t uaddr, uint32_t bytes)
{
    struct socket_filter *filter;
    int error = socket_has_flag(socket, SOCKET_FILTER_LOCKED) ? -EPERM
                                                              : copy_program(uaddr, bytes, &filter);
    if (error)
        return error;
    socket_filter_put(filter);
    return -EINVAL;
}

int socket_set_filter_option(struct socket *socket, int option, uint64_t uaddr, uint32_t bytes)
{
    switch (option) {
    case SO_ATTACH_FILTER:
        return attach(socket, uaddr, bytes);
    case SO_DETACH_FILTER:
        return detach(socket);
    case SO_ATTACH_BPF:
    case SO_ATTACH_REUSEPORT_EBPF:
        return attach_extended(socket, uaddr, bytes);
    case SO_ATTACH_REUSEPORT_CBPF:
        return attach_to_group(socket, uaddr, bytes);
    case SO_DETACH_REUSEPORT_BPF:
        return -EINVAL;
    case SO_LOCK_FILTER: {
        uint32_t on;
        if (get_user_u32(&on, uaddr))
            return -EFAULT;
        if (!on && socket_has_flag(socket, SOCKET_FILTER_LOCKED))
            return -EPERM;
        if (on)
            socket_set_flag(socket, SOCKET_FILTER_LOCKED, true);
        return 0;
    }
    default:
        return -ENOPROTOOPT;
    }
}

int socket_get_filter(struct socket *socket, uint64_t uaddr, uint32_t *count)
{
    struct spinlock *lock;
    if (!socket->ops->filter_place)
        return -ENOPROTOOPT;
    struct socket_filter **place = socket->ops->filter_place(socket, &lock);
    spin_lock(lock);
    struct socket_filter *filter = *place;
    if (filter)
        refcount_inc(&filter->refs);
    spin_unlock(lock);
    uint32_t room = *count;
    *count = filter ? filter->count : 0;
    int error = 0;
    if (filter && room && room < filter->count)
        error = -EINVAL;
    else if (filter && room)
        error =
            copy_to_user(uaddr, filter->program, filter->count * sizeof(struct linux_sock_filter));
    socket_filter_put(filter);
    return error;
}
