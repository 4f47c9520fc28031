/* SPDX-License-Identifier: MIT
 *
 * Resource limits and usage: getrlimit(2), prlimit(2), getrusage(2), times(2).
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/task.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/syscalls.h"

static void apply_to_mm(struct process *process, unsigned resource, uint64_t value)
{
    struct mm *mm = process_mm(process);
    if (!mm)
        return;
    if (resource == RLIMIT_AS)
        atomic_store_relaxed(&mm->limit_as, value);
    else if (resource == RLIMIT_DATA)
        atomic_store_relaxed(&mm->limit_data, value);
    else if (resource == RLIMIT_STACK)
        atomic_store_relaxed(&mm->limit_stack, value);
    else if (resource == RLIMIT_MEMLOCK)
        atomic_store_relaxed(&mm->limit_memlock, value);
    mm_put(mm);
}

static int check_limit(unsigned resource, const struct linux_rlimit64 *limit)
{
    if (resource >= RLIM_NLIMITS)
        return -EINVAL;
    if (limit && limit->rlim_cur > limit->rlim_max)
        return -EINVAL;
    if (limit && resource == RLIMIT_NOFILE && limit->rlim_max > (uint64_t)tunable(nr_open))
        return -EPERM;
    return 0;
}

static int exchange_limit(struct process *process, unsigned resource,
                          const struct linux_rlimit64 *limit, struct linux_rlimit64 *old)
{
    bool may_raise = capable(CAP_SYS_RESOURCE);
    int error = 0;

    bool irq = spin_lock_irqsave(&process->signal_lock);
    struct linux_rlimit64 *slot = &process->rlimits[resource];
    *old = *slot;
    if (limit && limit->rlim_max > slot->rlim_max && !may_raise) {
        error = -EPERM;
    } else if (limit) {
        atomic_store_relaxed(&slot->rlim_cur, limit->rlim_cur); /* read without the lock */
        atomic_store_relaxed(&slot->rlim_max, limit->rlim_max);
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
    if (!error && limit && (resource == RLIMIT_CPU || resource == RLIMIT_RTTIME))
        process_cpu_limits_changed(process);
    else if (!error && limit)
        apply_to_mm(process, resource, limit->rlim_cur);
    return error;
}

int64_t sys_getrlimit(int resource, uint64_t limit)
{
    struct linux_rlimit64 old;
    int error = check_limit((unsigned)resource, NULL);
    if (error)
        return error;
    exchange_limit(current_process(), (unsigned)resource, NULL, &old);
    return copy_to_user(limit, &old, sizeof(old));
}

int64_t sys_setrlimit(int resource, uint64_t limit)
{
    struct linux_rlimit64 new, old;
    if (copy_from_user(&new, limit, sizeof(new)))
        return -EFAULT;
    int error = check_limit((unsigned)resource, &new);
    return error ? error : exchange_limit(current_process(), (unsigned)resource, &new, &old);
}

/* prlimit(2): the target's ids must all be ours, or CAP_SYS_RESOURCE in its user
 * namespace. */
static bool may_prlimit(struct process *target)
{
    const struct cred *mine = current_cred();
    spin_lock(process_tree_lock(target->kernel));
    const struct cred *theirs = cred_get(target->leader->thread.cred);
    spin_unlock(process_tree_lock(target->kernel));
    bool same = mine->uid == theirs->uid && mine->uid == theirs->euid &&
                mine->uid == theirs->suid && mine->gid == theirs->gid &&
                mine->gid == theirs->egid && mine->gid == theirs->sgid;
    bool allowed = same || cred_has_cap_in(mine, theirs->user_ns, CAP_SYS_RESOURCE);
    cred_put(theirs);
    return allowed;
}

int64_t sys_prlimit64(int pid, int resource, uint64_t new_uaddr, uint64_t old_uaddr)
{
    struct linux_rlimit64 new, old;

    if (new_uaddr && copy_from_user(&new, new_uaddr, sizeof(new)))
        return -EFAULT;
    struct process *self = current_process();
    struct task *task = pid ? task_find_unreaped_given(pid) : task_get(current_task());
    if (!task)
        return -ESRCH;
    int error = task->process != self && !may_prlimit(task->process) ? -EPERM : 0;
    if (!error)
        error = check_limit((unsigned)resource, new_uaddr ? &new : NULL);
    if (!error)
        error = exchange_limit(task->process, (unsigned)resource, new_uaddr ? &new : NULL, &old);
    task_put(task);
    if (!error && old_uaddr && copy_to_user(old_uaddr, &old, sizeof(old)))
        error = -EFAULT;
    return error;
}

int64_t sys_getrusage(int who, uint64_t usage)
{
    struct linux_rusage out;
    enum usage_who whose;

    switch (who) {
    case RUSAGE_SELF:
        whose = USAGE_SELF;
        break;
    case RUSAGE_CHILDREN:
        whose = USAGE_CHILDREN;
        break;
    case RUSAGE_THREAD:
        whose = USAGE_THREAD;
        break;
    default:
        return -EINVAL;
    }
    process_usage(current_process(), current_task(), whose, &out);
    return copy_to_user(usage, &out, sizeof(out));
}

static int64_t ticks_of(const struct linux_timeval *time)
{
    enum { TICKS_PER_SECOND = 100 };
    return time->tv_sec * TICKS_PER_SECOND + time->tv_usec / (1000000 / TICKS_PER_SECOND);
}

int64_t sys_times(uint64_t buf)
{
    struct linux_rusage self, children;
    const uint64_t tick_ns = 10000000;

    process_usage(current_process(), current_task(), USAGE_SELF, &self);
    process_usage(current_process(), current_task(), USAGE_CHILDREN, &children);
    struct linux_tms out = {
        .tms_utime = ticks_of(&self.ru_utime),
        .tms_stime = ticks_of(&self.ru_stime),
        .tms_cutime = ticks_of(&children.ru_utime),
        .tms_cstime = ticks_of(&children.ru_stime),
    };
    if (buf && copy_to_user(buf, &out, sizeof(out)))
        return -EFAULT;
    return (int64_t)(clock_monotonic_ns() / tick_ns);
}
