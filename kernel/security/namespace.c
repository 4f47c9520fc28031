/* SPDX-License-Identifier: MIT
 *
 * Namespaces as counted objects with a number and an owner, namespaces(7).
 */
#include "kernel/security/namespace.h"

#include "kernel/core/kernel.h"
#include "kernel/security/user_namespace.h"

void namespace_init(struct ns_common *ns, struct kernel *kernel, const struct ns_ops *ops,
                    uint32_t number, struct user_namespace *owner)
{
    refcount_init(&ns->refs, 1);
    ns->kernel = kernel;
    ns->ops = ops;
    ns->number =
        number ? number
               : NAMESPACE_NUMBER_FIRST + atomic_fetch_add_relaxed(&kernel->namespaces_made, 1);
    ns->owner = user_namespace_get(owner);
}

void namespace_put(struct ns_common *ns)
{
    if (!ns || !refcount_dec_and_test(&ns->refs))
        return;
    struct user_namespace *owner = ns->owner;
    ns->ops->free(ns);
    user_namespace_put(owner);
}
