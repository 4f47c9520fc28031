/* SPDX-License-Identifier: MIT
 *
 * Network namespaces, network_namespaces(7); see net_namespace.h.
 */
#include "kernel/ipc/net_namespace.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/core/kernel.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/ipc/unix_internal.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/thread.h"

static void free_net_namespace(struct ns_common *common)
{
    struct net_namespace *ns = net_namespace_of(common);
    if (ns->stack)
        common->kernel->ipc->net_ops->destroy(ns->stack);
    unix_names_destroy(ns->unix_names);
    kfree(ns);
}

int net_namespace_create(struct kernel *kernel, struct user_namespace *owner,
                         struct net_namespace **out)
{
    static const struct ns_ops net_ops = {
        .name = "net", .type = CLONE_NEWNET, .free = free_net_namespace};
    struct net_namespace *ns = kzalloc(sizeof(*ns));
    if (!ns)
        return -ENOMEM;
    const struct net_stack_ops *ops = kernel->ipc->net_ops;
    ns->unix_names = unix_names_create();
    int error = ns->unix_names ? 0 : -ENOMEM;
    if (!error && ops)
        error = ops->create(ns, &ns->stack);
    if (error) {
        unix_names_destroy(ns->unix_names);
        kfree(ns);
        return error;
    }
    namespace_init(&ns->common, kernel, &net_ops, 0, owner);
    *out = ns;
    return 0;
}

int net_namespaces_init(struct kernel *kernel)
{
    return net_namespace_create(kernel, NULL, &kernel->ipc->net);
}

int net_namespaces_set_stack(struct kernel *kernel, const struct net_stack_ops *ops)
{
    struct net_namespace *first = kernel->ipc->net;
    int error = ops->create(first, &first->stack);
    if (!error)
        kernel->ipc->net_ops = ops;
    return error;
}

struct net_namespace *net_namespace_get(struct net_namespace *ns)
{
    namespace_get(&ns->common);
    return ns;
}

void net_namespace_put(struct net_namespace *ns)
{
    if (ns)
        namespace_put(&ns->common);
}

struct net_namespace *net_namespace_current(void)
{
    const struct namespaces *set = this_thread()->namespaces;
    return set && set->net ? set->net : this_kernel()->ipc->net;
}
