/* SPDX-License-Identifier: MIT
 *
 * What every kind of namespace has in common, namespaces(7). The object itself embeds it first.
 */
#ifndef KERNEL_SECURITY_NAMESPACE_H
#define KERNEL_SECURITY_NAMESPACE_H

#include <stdint.h>

#include "kernel/lib/atomic.h"

struct kernel;
struct ns_common;
struct ipc_namespace;
struct net_namespace;
struct pid_namespace;
struct time_namespace;
struct user_namespace;
struct uts_namespace;

struct ns_ops {
    const char *name; /* in /proc/PID/ns: "mnt", "uts" … */
    uint32_t type;    /* CLONE_NEW* */
    /* The one above, referenced; NULL if the caller may not see it. No op: such have none. */
    struct ns_common *(*parent)(struct ns_common *ns);
    void (*free)(struct ns_common *ns); /* the last reference is gone; may block */
};

struct ns_common {
    struct refcount refs;
    uint32_t number; /* inode number: what tells namespaces of one kind apart */
    const struct ns_ops *ops;
    struct kernel *kernel;
    struct user_namespace
        *owner; /* whose capabilities count for it; referenced; NULL: the initial */
};

/* One reference. number 0: a new one. The owner gets a reference of its own. */
void namespace_init(struct ns_common *ns, struct kernel *kernel, const struct ns_ops *ops,
                    uint32_t number, struct user_namespace *owner);

static inline struct ns_common *namespace_get(struct ns_common *ns)
{
    if (ns)
        refcount_inc(&ns->refs);
    return ns;
}
/* The last put drops the owner and calls ops->free. May block. NULL is fine. */
void namespace_put(struct ns_common *ns);

/* The set that a thread is in (proc/namespaces.h). Immutable, shared by reference. A thread's
 * pointer is changed by itself under the process-tree lock; others look under that lock. Mount
 * namespaces are not in it: they belong to the fs_context; user namespaces belong to the
 * credentials. */
struct namespaces {
    struct refcount refs;
    struct ns_common *cgroup; /* each of these referenced */
    struct uts_namespace *uts;
    struct ipc_namespace *ipc;
    struct net_namespace *net;
    struct time_namespace *time, *time_for_children;
    struct pid_namespace *pid_for_children; /* their own is task.h's process.pid_ns */
};

/* Numbers of the namespaces that a machine boots with; the others count up from FIRST. */
#define NAMESPACE_NUMBER_IPC 0xefffffffu
#define NAMESPACE_NUMBER_UTS 0xeffffffeu
#define NAMESPACE_NUMBER_USER 0xeffffffdu
#define NAMESPACE_NUMBER_PID 0xeffffffcu
#define NAMESPACE_NUMBER_CGROUP 0xeffffffbu
#define NAMESPACE_NUMBER_TIME 0xeffffffau
#define NAMESPACE_NUMBER_FIRST 0xf0000000u

#endif
