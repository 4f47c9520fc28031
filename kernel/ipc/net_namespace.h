/* SPDX-License-Identifier: MIT
 *
 * Network namespaces, network_namespaces(7): what belongs to a network rather than to the machine.
 *
 * A socket holds the one that it was made in for life. What a family of sockets keeps for each
 * network is a member here; so far that is the abstract names of AF_UNIX. A network stack adds its
 * devices and routes in the same way.
 */
#ifndef KERNEL_IPC_NET_NAMESPACE_H
#define KERNEL_IPC_NET_NAMESPACE_H

#include "kernel/security/namespace.h"

struct net_namespace {
    struct ns_common common; /* must be first */
    struct unix_names *unix_names;
};

/* The first one, at boot: 0 or -ENOMEM. */
int net_namespaces_init(struct kernel *kernel);
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
