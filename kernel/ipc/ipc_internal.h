/* SPDX-License-Identifier: MIT
 *
 * The machine-wide state of kernel/ipc/.
 */
#ifndef KERNEL_IPC_IPC_INTERNAL_H
#define KERNEL_IPC_IPC_INTERNAL_H

#include "kernel/abi/socket.h"
#include "kernel/lib/xarray.h"
#include "kernel/sched/mutex.h"

struct aio_state;
struct async_poll_state;
struct ipc_hooks;
struct ipc_namespace;
struct net_namespace;
struct net_stack_ops;
struct notify_state;
struct socket_family;
struct unix_state;

struct ipc_state {
    const struct ipc_hooks *hooks;                /* NULL until they are installed; atomic */
    struct mutex epoll_teardown;                  /* see epoll_internal.h */
    const struct socket_family *families[AF_MAX]; /* set at boot; atomic */
    uint64_t next_eventfd_id;                     /* atomic */
    uint64_t last_cookie;                         /* SO_COOKIE; atomic */
    struct async_poll_state *async_polls;         /* see async_poll.c */
    struct aio_state *aio;                        /* see aio.c */
    struct unix_state *unix_sockets;              /* see unix_internal.h */
    struct ipc_namespace *namespace;              /* the first one; see sysv.h */
    struct net_namespace *net;                    /* the first one; see net_namespace.h */
    const struct net_stack_ops *net_ops;          /* set at boot */
    struct notify_state *notify;                  /* see notify_marks.h */
    struct spinlock users_lock;                   /* see user_totals.h */
    struct xarray users;                          /* by user id; users_lock */
};

#endif
