/* SPDX-License-Identifier: MIT
 *
 * Process numbers and the namespaces that they are seen in, pid_namespaces(7).
 *
 * Inside the kernel every task, process, group and session has one number, that of the initial
 * namespace, and everything is kept by it ("kernel pid"). Where user space gives or gets a number
 * it is translated; in the initial namespace every translation is the identity.
 */
#ifndef KERNEL_SECURITY_PID_NAMESPACE_H
#define KERNEL_SECURITY_PID_NAMESPACE_H

#include <stdbool.h>

#include "kernel/core/spinlock.h"
#include "kernel/lib/xarray.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"
#include "kernel/security/namespace.h"

struct pid_slot;
struct process;
struct process_group;
struct session;
struct task;

enum {
    PID_INIT = 1,
    PID_MAX = 32768,
    PID_NONE = 0x7fffffff, /* what a number that nobody has means: no kernel pid either */
    PID_NAMESPACE_LEVELS = 32,
};

struct pid_namespace {
    struct ns_common common;
    struct pid_namespace *parent; /* referenced; NULL: the initial one */
    unsigned level;               /* 0: the initial one */
    struct process *init;         /* who adopts the orphans; NULL: none; process-tree lock */
    int exit_status;              /* reboot(2): what its init ends with, or 0; atomic */
    bool closed;                  /* init is gone or going: no more numbers; atomic, pid lock */
    struct wait_queue freed;      /* closed: woken for each number that is free again */

    struct xarray numbers; /* number here -> struct pid_slot; pid lock, or the tree's */
    uint64_t cursor;
};

/* Everything that one number means. It stays taken while any of these is set, so that a pid is
 * not reused while it still names a group or a session. The process-tree lock. */
struct pid_slot {
    struct task *task;
    struct process *process;
    struct process_group *group;
    struct session *session;

    struct refcount refs;
    struct pid_namespace *ns; /* the innermost; valid while the slot is in the table */
    unsigned level;           /* of that */
    struct pid_name {
        int number;
        uint32_t ns; /* the namespace's number, which is never used again */
    } names[];       /* [level + 1], the initial namespace's first; constant */
};

/* What the machine has of this: kernel->pids. */
struct pid_state {
    struct spinlock lock; /* LOCK_RANK_PIDS, irqsave: the namespaces' numbers */
    struct pid_namespace initial;
};

int pid_namespaces_init(struct kernel *kernel);

/* A child of `parent`, referenced once. -ENOSPC for too many levels, -ENOMEM. */
int pid_namespace_create(struct pid_namespace *parent, struct user_namespace *owner,
                         struct pid_namespace **out);
static inline struct pid_namespace *pid_namespace_get(struct pid_namespace *ns)
{
    namespace_get(&ns->common);
    return ns;
}
/* Does not block. */
static inline void pid_namespace_put(struct pid_namespace *ns)
{
    if (ns)
        namespace_put(&ns->common);
}
static inline struct pid_namespace *pid_namespace_of(struct ns_common *common)
{
    return container_of(common, struct pid_namespace, common);
}
/* Is `ns` `ancestor` or below it? */
bool pid_namespace_is_below(const struct pid_namespace *ns, const struct pid_namespace *ancestor);

/* The one that a thread's numbers are of: constant, the thread's as long as it lives. */
struct pid_namespace *thread_pid_namespace(const struct thread *thread);
struct pid_namespace *current_pid_namespace(void);

/* A new number in `ns` and in each namespace above it. wanted: numbers asked for, the innermost
 * namespace's first; count of them. One reference, the table's. -EAGAIN (none is free), -EEXIST,
 * -EINVAL (a wanted number other than 1 for its first process), -ENOMEM (also: ns is closed). The
 * process-tree lock is held. */
int pid_slot_create(struct pid_namespace *ns, const int *wanted, unsigned count,
                    struct pid_slot **out);
/* Take the slot out of the table. The process-tree lock is held; nothing is set in it. */
void pid_slot_remove(struct pid_slot *slot);
/* No more numbers from now on. */
void pid_namespace_close(struct pid_namespace *ns);
/* The number given last, or what takes its place for the choice of the next one. */
int pid_namespace_last(struct pid_namespace *ns);
void pid_namespace_set_last(struct pid_namespace *ns, int last);
/* How many numbers are in use. */
uint64_t pid_namespace_count(struct pid_namespace *ns);

/* References of those that have to name a process that may be gone. The slot of a kernel pid, or
 * NULL; put: NULL is fine. */
struct pid_slot *pid_slot_get(struct pid_slot *slot);
struct pid_slot *pid_slot_of(struct kernel *kernel, int pid);
void pid_slot_put(struct pid_slot *slot);
static inline int pid_slot_kernel_pid(const struct pid_slot *slot)
{
    return slot ? slot->names[0].number : 0;
}
/* The number in a namespace; 0: it has none there. */
int pid_slot_number_in(const struct pid_namespace *ns, const struct pid_slot *slot);

/* A kernel pid's number in the namespace, and what a number there is to the kernel. pid_number_in:
 * 0 if it is not seen there; pid_from_number: PID_NONE if nobody has it. Numbers that are not
 * positive stay what they are. Any context but under LOCK_RANK_PIDS and later. */
int pid_number_in(struct pid_namespace *ns, int pid);
int pid_from_number(struct pid_namespace *ns, int number);

/* The same for the current thread's namespace. */
static inline int current_pid_shown(int pid)
{
    struct pid_namespace *ns = this_thread()->pid_ns;
    return likely(!ns) ? pid : pid_number_in(ns, pid);
}
static inline int current_pid_given(int number)
{
    struct pid_namespace *ns = this_thread()->pid_ns;
    return likely(!ns) ? number : pid_from_number(ns, number);
}
/* One that stands for a group if it is negative, as in kill(2). */
static inline int current_target_given(int number)
{
    return number >= -1 ? current_pid_given(number) : -current_pid_given(-number);
}

#endif
