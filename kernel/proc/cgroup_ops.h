/* SPDX-License-Identifier: MIT
 *
 * What tasks tell the control groups (kernel/cgroup/), which lie above: cgroups(7). A task whose
 * group is NULL is in the root group, and then none of it costs more than one load.
 */
#ifndef KERNEL_PROC_CGROUP_OPS_H
#define KERNEL_PROC_CGROUP_OPS_H

#include "kernel/proc/process_table.h"
#include "kernel/security/namespace.h"

struct cgroup;

/* "_locked" and all that take a task: the process-tree lock is held. */
struct cgroup_ops {
    /* CLONE_INTO_CGROUP: the group behind the descriptor if the caller may start a task (or, with
     * `thread`, another thread of its process) there; referenced. 0, -EBADF, -EACCES, -ENOENT,
     * -EBUSY, -EOPNOTSUPP. Without locks; may block. */
    int (*target)(int fd, bool thread, struct cgroup **out);
    /* The child becomes a member: of `into` if that is not NULL, else of its parent's. The parent's
     * signal lock is held, too. 0, -EAGAIN beyond pids.max, -ENODEV. */
    int (*fork)(struct task *child, struct task *parent, struct cgroup *into);
    /* It is no longer a member, but counts as a process. */
    void (*leave)(struct task *task);
    /* It counts no longer; task->cgroup becomes NULL. */
    void (*release)(struct task *task);
    /* task->parked has changed: it counts as frozen, or no longer does. */
    void (*parked)(struct task *task);
    /* Tell watchers what happened to groups' files. Without locks; may block. */
    void (*settle)(struct kernel *kernel);
    struct cgroup *(*get)(struct cgroup *group);
    void (*put)(struct cgroup *group); /* any locks of a rank below OBJECT */
};

/* What a namespace of it shows as the root; cgroup_namespaces(7). */
struct cgroup_namespace {
    struct ns_common common;
    struct cgroup *root; /* referenced; NULL: the real one; constant */
};

static inline struct cgroup_namespace *cgroup_namespace_of(struct ns_common *ns)
{
    return (struct cgroup_namespace *)ns;
}

static inline void cgroup_leave_locked(struct process_table *table, struct task *task)
{
    if (unlikely(task->cgroup != NULL))
        table->cgroup_ops->leave(task);
}

static inline void cgroup_release_locked(struct process_table *table, struct task *task)
{
    if (unlikely(task->cgroup != NULL))
        table->cgroup_ops->release(task);
}

/* After the process-tree lock was released: there may be news. */
static inline void cgroup_settle(struct kernel *kernel)
{
    struct process_table *table = kernel->processes;
    if (unlikely(atomic_load_relaxed(&table->cgroup_news)))
        table->cgroup_ops->settle(kernel);
}

/* freeze.c. The current task stops, or waits for a vfork child, or goes on: while it does nothing
 * it counts as frozen. Takes the process-tree lock. */
void task_set_parked(struct task *task, bool parked);
void task_set_parked_locked(struct task *task, bool parked);
/* Freeze the task at its next look, or let it go on. Process-tree lock. */
void task_freeze_locked(struct task *task, bool freeze);
/* The current task has to freeze: sleep until it need not, is killed or its tracer wants it. Called
 * and returns with its process's signal lock held. */
void task_freeze_park(struct task *task, bool *irq);

#endif
