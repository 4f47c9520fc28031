/* SPDX-License-Identifier: MIT
 *
 * Network namespaces, network_namespaces(7): what belongs to a network rather than to the machine.
 *
 * A socket holds the one that it was made in for life. What a family of sockets keeps for each
 * network is a member here: the abstract names of AF_UNIX; devices and addresses (kernel/net/).
 */
#ifndef KERNEL_IPC_NET_NAMESPACE_H
#define KERNEL_IPC_NET_NAMESPACE_H

#include "kernel/security/namespace.h"

struct net_namespace {
    struct ns_common common; /* must be first */
    struct unix_names *unix_names;
    void *stack; /* kernel/net's part */
};

/* What kernel/net, a layer above, does for the namespaces. */
struct net_stack_ops {
    int (*create)(struct net_namespace *ns, void **out); /* 0 or -ENOMEM */
    void (*destroy)(void *stack);
    /* Of any socket: what netdevice(7) answers; -ENOTTY. */
    int64_t (*ioctl)(struct net_namespace *ns, uint32_t command, uint64_t argument);
};

/* The first one, at boot: 0 or -ENOMEM. */
int net_namespaces_init(struct kernel *kernel);
/* Boot: from now on each has a stack, the first one too. 0 or -ENOMEM. */
int net_namespaces_set_stack(struct kernel *kernel, const struct net_stack_ops *ops);
/* One more, owned by the user namespace. 0 or -ENOMEM. */
int net_namespace_create(struct kernel *kernel, struct user_namespace *owner,
                         struct net_namespace **out);
struct net_namespace *net_namespace_get(struct net_namespace *ns);
void net_namespace_put(struct net_namespace *ns); /* may block; NULL is fine */
static inline struct net_namespace *net_namespace_of(struct ns_common *common)
{
    return (struct net_namespace *)common;
}

/* Of the current thread; the first one for kernel threads. Not referenced. */
struct net_namespace *net_namespace_current(void);

#endif
