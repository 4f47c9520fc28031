/* SPDX-License-Identifier: MIT
 *
 * ioprio_set(2), ioprio_get(2): remembered and reported; there is no queue that asks for it.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mempolicy.h"
#include "kernel/abi/sched.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/syscall/syscalls.h"

enum { CLASS_MASK = 7, DATA_MASK = (1 << IOPRIO_CLASS_SHIFT) - 1, NICE_MIN = -20, NICES_A_LEVEL = 5 };

static int check_priority(int priority)
{
    int data = priority & DATA_MASK;
    switch ((priority >> IOPRIO_CLASS_SHIFT) & CLASS_MASK) { /* other bits mean nothing */
    case IOPRIO_CLASS_RT:
        if (!capable(CAP_SYS_ADMIN) && !capable(CAP_SYS_NICE))
            return -EPERM;
        return data < IOPRIO_NR_LEVELS ? 0 : -EINVAL;
    case IOPRIO_CLASS_BE:
        return data < IOPRIO_NR_LEVELS ? 0 : -EINVAL;
    case IOPRIO_CLASS_IDLE:
        return 0;
    case IOPRIO_CLASS_NONE:
        return data ? -EINVAL : 0;
    default:
        return -EINVAL;
    }
}

/* What the task's priority amounts to: without one of its own it follows the scheduling. */
static int effective(const struct task *task)
{
    int priority = atomic_load_relaxed(&task->io_priority);
    const struct sched_entity *se = &task->thread.se;
    if (priority >> IOPRIO_CLASS_SHIFT != IOPRIO_CLASS_NONE)
        return priority;
    int policy = atomic_load_relaxed(&se->policy);
    int class = policy == SCHED_IDLE                         ? IOPRIO_CLASS_IDLE
                : policy == SCHED_FIFO || policy == SCHED_RR ? IOPRIO_CLASS_RT
                                                             : IOPRIO_CLASS_BE;
    return class << IOPRIO_CLASS_SHIFT |
           (atomic_load_relaxed(&se->nice) - NICE_MIN) / NICES_A_LEVEL;
}

/* What is done with each task that a call means; `value` accumulates. */
typedef int visit_fn(struct task *task, int *value);

static int visit_set(struct task *task, int *value)
{
    const struct cred *self = current_cred(), *other = thread_cred_get(&task->thread);
    bool allowed = other->uid == self->euid || other->uid == self->uid || capable(CAP_SYS_NICE);
    cred_put(other);
    if (!allowed)
        return -EPERM;
    atomic_store_relaxed(&task->io_priority, (uint16_t)*value);
    return 0;
}

/* The highest, which is the smallest number. */
static int visit_get(struct task *task, int *value)
{
    int priority = effective(task);
    *value = *value < 0 ? priority : MIN(*value, priority);
    return 0;
}

static int group_of(struct process *process)
{
    spin_lock(process_tree_lock(process->kernel));
    int group = process->group ? process->group->pgid : 0;
    spin_unlock(process_tree_lock(process->kernel));
    return group;
}

static bool belongs(struct process *process, struct task *task, int which, int who)
{
    if (which == IOPRIO_WHO_PGRP)
        return group_of(process) == who;
    const struct cred *cred = thread_cred_get(&task->thread);
    bool same = cred->uid == (uint32_t)who;
    cred_put(cred);
    return same;
}

/* -ESRCH if there is none; stops at the first error. */
static int visit_all(int which, int who, visit_fn *visit, int *value)
{
    struct pid_namespace *ns = current_pid_namespace();
    int number = 0;
    struct process *process = process_next(ns, &number), *next_process;
    int result = -ESRCH;
    for (; process; process = next_process) {
        struct task *task = process_next_task(process, 0), *next;
        for (; task; task = next) {
            if ((result == 0 || result == -ESRCH) && belongs(process, task, which, who))
                result = visit(task, value);
            next = process_next_task(process, task->tid);
            task_put(task);
        }
        next_process = process_next(ns, &number);
        process_put(process);
    }
    return result;
}

static int visit_which(int which, int who, visit_fn *visit, int *value)
{
    switch (which) {
    case IOPRIO_WHO_PGRP:
        who = who ? current_pid_given(who) : group_of(current_process());
        return visit_all(which, who, visit, value);
    case IOPRIO_WHO_USER:
        return visit_all(which, who ? who : (int)current_cred()->uid, visit, value);
    default:
        return -EINVAL;
    }
}

int64_t sys_ioprio_set(int which, int who, int priority)
{
    int error = check_priority(priority);
    if (error || which != IOPRIO_WHO_PROCESS)
        return error ? error : visit_which(which, who, visit_set, &priority);
    struct task *task = who ? task_find_unreaped_given(who) : task_get(current_task());
    if (!task)
        return -ESRCH;
    error = visit_set(task, &priority);
    task_put(task);
    return error;
}

int64_t sys_ioprio_get(int which, int who)
{
    int value = -1;
    if (which != IOPRIO_WHO_PROCESS) {
        int error = visit_which(which, who, visit_get, &value);
        return error ? error : value;
    }
    struct task *task = who ? task_find_unreaped_given(who) : task_get(current_task());
    if (!task)
        return -ESRCH;
    value = atomic_load_relaxed(&task->io_priority);
    task_put(task);
    return value;
}
