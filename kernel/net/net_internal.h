/* SPDX-License-Identifier: MIT
 *
 * What belongs to one network namespace (ipc/net_namespace.h): its devices and netlink sockets.
 *
 * The one device is the loopback interface, as in every fresh namespace; programs that isolate
 * themselves bring it up. No packets pass it yet.
 */
#ifndef KERNEL_NET_NET_INTERNAL_H
#define KERNEL_NET_NET_INTERNAL_H

#include "kernel/abi/netlink.h"
#include "kernel/core/spinlock.h"
#include "kernel/ipc/net_namespace.h"
#include "kernel/ipc/socket.h"
#include "kernel/lib/list.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/wait.h"

enum { NET_LOOPBACK_INDEX = 1, NET_LOOPBACK_MTU = 65536, NET_ADDRESSES_MAX = 16 };
#define NET_LOOPBACK_NAME "lo"

/* An IPv4 address of the device. */
struct net_address {
    uint32_t local; /* network byte order */
    uint8_t prefix_bits, flags, scope;
};

struct net_stack {
    struct net_namespace *ns; /* not referenced: it owns us */
    struct spinlock lock;     /* LOCK_RANK_OBJECT: the fields below */
    struct list netlink_sockets;
    uint32_t last_port; /* of the numbers given to a process's second socket */
    bool loopback_up;
    struct net_address addresses[NET_ADDRESSES_MAX];
    unsigned address_count;
};

static inline struct net_stack *net_stack_of(struct net_namespace *ns)
{
    return ns->stack;
}

uint32_t net_loopback_flags(const struct net_stack *stack); /* IFF_* */

/* ---- netlink.c ---- */

enum { NETLINK_BUFFER_MIN = 32 };

struct netlink_socket {
    struct socket *socket;
    struct list_node node; /* in net_stack.netlink_sockets; stack->lock, like the next */
    uint32_t port;         /* 0: not bound yet; atomic */
    uint32_t peer, groups; /* of connect and bind; atomic */
    uint32_t options;      /* 1 << NETLINK_*; atomic */

    struct mutex reader;  /* who takes messages; held while user memory is written */
    struct spinlock lock; /* LOCK_RANK_SOCKET_TABLE: the queue */
    struct list queue;    /* struct socket_datagram */
    uint32_t queued_bytes;
    struct wait_queue wait;
};

int netlink_init(struct kernel *kernel);
/* A message for one's own socket; dropped, with ENOBUFS for the reader, if there is no room. */
void netlink_reply(struct netlink_socket *nl, const void *bytes, size_t count);

/* ---- rtnetlink.c ---- */

/* One request of NETLINK_ROUTE, `bytes` long with its header: 0 or the error to acknowledge with;
 * NETLINK_ANSWERED if the answer needs no acknowledgement. */
enum { NETLINK_ANSWERED = 1 };
int rtnetlink_request(struct netlink_socket *nl, const struct linux_nlmsghdr *header, size_t bytes);

#endif
