/* SPDX-License-Identifier: MIT
 *
 * Task and process objects: references, creation, destruction, resource figures.
 *
 * References on a task: one of its thread (dropped after its last switch), one of the pid slot
 * (dropped when it exits), and those of lookups. A process is held by its tasks, by its pid slot
 * until it is reaped, and by its children. What a dead task no longer needs (memory, files) is
 * dropped in task_exit, so the last put may run with interrupts masked.
 */
#include "kernel/abi/errno.h"
#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/process_table.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/seccomp.h"
#include "kernel/proc/session.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"

struct task *task_get(struct task *task)
{
    refcount_inc(&task->refs);
    return task;
}

void task_put(struct task *task)
{
    if (!refcount_dec_and_test(&task->refs))
        return;
    struct process_table *table = task->thread.kernel->processes;
    if (task->thread.cred)
        cred_put(task->thread.cred);
    if (task->user.fpu)
        slab_free(table->fpu_cache, task->user.fpu);
    ptrace_free(task);
    if (task->process) {
        seccomp_release(task);
        process_put(task->process);
    }
    slab_free(table->task_cache, task);
}

static void task_on_free(struct thread *thread)
{
    task_put(task_of(thread));
}

struct process *process_get(struct process *process)
{
    refcount_inc(&process->refs);
    return process;
}

void process_put(struct process *process)
{
    if (!refcount_dec_and_test(&process->refs))
        return;
    assert(list_empty(&process->children) && list_empty(&process->tasks));
    signal_actions_put(process->actions);
    pid_namespace_put(process->pid_ns);
    slab_free(process->kernel->processes->process_cache, process);
}

int task_allocate(struct kernel *kernel, const char *name, void (*entry)(void *), struct task **out)
{
    struct process_table *table = kernel->processes;
    struct task *task = slab_alloc_zeroed(table->task_cache);
    if (!task)
        return -ENOMEM;

    int error = -ENOMEM;
    task->user.fpu = slab_alloc(table->fpu_cache);
    if (!task->user.fpu)
        goto free_task;
    error = thread_init(&task->thread, kernel, name, entry, task);
    if (error)
        goto free_fpu;
    task->thread.on_free = task_on_free;
    refcount_init(&task->refs, 1);
    hal_fpu_init(task->user.fpu);
    hal_user_init(&task->user);
    signal_pending_init(&task->pending);
    list_init(&task->tracees);
    list_init(&task->works);
    list_init(&task->pi_owned);
    task->altstack.ss_flags = SS_DISABLE;
    task->syscall_nr = -1;
    task->orig_rax = UINT64_MAX;
    task->syscall_work = kernel->options.trace ? SYSCALL_WORK_STRACE : 0;
    task->timer_slack_ns = task->timer_slack_default_ns = TIMER_SLACK_DEFAULT_NS;
    *out = task;
    return 0;

free_fpu:
    slab_free(table->fpu_cache, task->user.fpu);
free_task:
    slab_free(table->task_cache, task);
    return error;
}

void task_discard(struct task *task)
{
    hal_user_exit(&task->user);
    thread_discard(&task->thread);
    task_put(task);
}

int process_allocate(struct kernel *kernel, struct process **out)
{
    struct process *process = slab_alloc_zeroed(kernel->processes->process_cache);
    if (!process)
        return -ENOMEM;
    refcount_init(&process->refs, 1);
    process->kernel = kernel;
    list_init(&process->tasks);
    list_init(&process->children);
    spin_lock_init(&process->signal_lock, LOCK_RANK_SIGNAL);
    signal_pending_init(&process->shared_pending);
    wait_queue_init(&process->child_wait);
    wait_queue_init(&process->exit_wait);
    wait_queue_init(&process->signalfd_wait);
    signal_timers_init(process);
    process->dumpable = 1;
    process->start_ns = clock_monotonic_ns();
    *out = process;
    return 0;
}

void process_set_default_limits(struct process *process)
{
    enum { NPROC_DEFAULT = 7823, STACK_DEFAULT = 8 << 20, MEMLOCK_DEFAULT = 8 << 20 };
    for (unsigned i = 0; i < RLIM_NLIMITS; i++)
        process->rlimits[i] =
            (struct linux_rlimit64){.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    process->rlimits[RLIMIT_STACK].rlim_cur = STACK_DEFAULT;
    process->rlimits[RLIMIT_CORE].rlim_cur = 0;
    process->rlimits[RLIMIT_NPROC] =
        (struct linux_rlimit64){.rlim_cur = NPROC_DEFAULT, .rlim_max = NPROC_DEFAULT};
    process->rlimits[RLIMIT_NOFILE] =
        (struct linux_rlimit64){.rlim_cur = 1024, .rlim_max = 1048576};
    process->rlimits[RLIMIT_MEMLOCK] =
        (struct linux_rlimit64){.rlim_cur = MEMLOCK_DEFAULT, .rlim_max = MEMLOCK_DEFAULT};
    process->rlimits[RLIMIT_SIGPENDING] =
        (struct linux_rlimit64){.rlim_cur = NPROC_DEFAULT, .rlim_max = NPROC_DEFAULT};
    process->rlimits[RLIMIT_MSGQUEUE] =
        (struct linux_rlimit64){.rlim_cur = 819200, .rlim_max = 819200};
    process->rlimits[RLIMIT_NICE] = process->rlimits[RLIMIT_RTPRIO] =
        (struct linux_rlimit64){.rlim_cur = 0, .rlim_max = 0};
}

uint64_t process_limit(struct process *process, unsigned resource)
{
    assert(resource < RLIM_NLIMITS);
    return atomic_load_relaxed(&process->rlimits[resource].rlim_cur);
}

/* ---- figures ---- */

struct usage_sums {
    uint64_t user_ns, system_ns, minor, major, voluntary, involuntary, rss_pages;
};

static void usage_add_task(struct usage_sums *sums, struct task *task)
{
    struct thread *thread = &task->thread;
    uint64_t user, system;
    sched_cpu_times(thread, &user, &system);
    sums->user_ns += user;
    sums->system_ns += system;
    sums->minor += atomic_load_relaxed(&thread->minor_faults);
    sums->major += atomic_load_relaxed(&thread->major_faults);
    sums->voluntary += atomic_load_relaxed(&thread->voluntary_switches);
    sums->involuntary += atomic_load_relaxed(&thread->involuntary_switches);
}

static void usage_add_self(struct usage_sums *sums, struct process *process)
{
    struct task *task;
    list_for_each_entry(task, &process->tasks, process_node)
        usage_add_task(sums, task);
    sums->user_ns += process->dead_utime_ns;
    sums->system_ns += process->dead_stime_ns;
    sums->minor += process->dead_minor_faults;
    sums->major += process->dead_major_faults;
    sums->voluntary += process->dead_voluntary_switches;
    sums->involuntary += process->dead_involuntary_switches;
    sums->rss_pages = MAX(sums->rss_pages, process->max_rss_pages);
    list_for_each_entry(task, &process->tasks, process_node)
    {
        struct mm *mm = task->thread.mm; /* cannot go away: the process-tree lock is held */
        if (mm) {
            sums->rss_pages = MAX(sums->rss_pages, atomic_load_relaxed(&mm->resident_peak));
            break;
        }
    }
}

static void usage_add_children(struct usage_sums *sums, struct process *process)
{
    sums->user_ns += process->children_utime_ns;
    sums->system_ns += process->children_stime_ns;
    sums->minor += process->children_minor_faults;
    sums->major += process->children_major_faults;
    sums->voluntary += process->children_voluntary_switches;
    sums->involuntary += process->children_involuntary_switches;
    sums->rss_pages = MAX(sums->rss_pages, process->children_max_rss_pages);
}

static struct linux_timeval timeval_from_ns(uint64_t ns)
{
    return (struct linux_timeval){.tv_sec = (int64_t)(ns / 1000000000u),
                                  .tv_usec = (int64_t)(ns % 1000000000u / 1000u)};
}

void process_usage_locked(struct process *process, struct task *task, enum usage_who who,
                          struct linux_rusage *out)
{
    struct usage_sums sums = {0};
    if (who == USAGE_THREAD)
        usage_add_task(&sums, task);
    if (who == USAGE_SELF || who == USAGE_BOTH)
        usage_add_self(&sums, process);
    if (who == USAGE_CHILDREN || who == USAGE_BOTH)
        usage_add_children(&sums, process);

    memset(out, 0, sizeof(*out));
    out->ru_utime = timeval_from_ns(sums.user_ns);
    out->ru_stime = timeval_from_ns(sums.system_ns);
    out->ru_maxrss = (int64_t)(sums.rss_pages * (PAGE_SIZE / 1024));
    out->ru_minflt = (int64_t)sums.minor;
    out->ru_majflt = (int64_t)sums.major;
    out->ru_nvcsw = (int64_t)sums.voluntary;
    out->ru_nivcsw = (int64_t)sums.involuntary;
}

void process_usage(struct process *process, struct task *task, enum usage_who who,
                   struct linux_rusage *out)
{
    struct spinlock *lock = process_tree_lock(process->kernel);
    spin_lock(lock);
    process_usage_locked(process, task, who, out);
    spin_unlock(lock);
}

void process_cpu_time(struct process *process, uint64_t *out_user_ns, uint64_t *out_system_ns)
{
    struct spinlock *lock = process_tree_lock(process->kernel);
    struct usage_sums sums = {0};
    spin_lock(lock);
    usage_add_self(&sums, process);
    spin_unlock(lock);
    *out_user_ns = sums.user_ns;
    *out_system_ns = sums.system_ns;
}

/* The exiting task's figures move to its process. */
void process_absorb_task_locked(struct process *process, struct task *task)
{
    struct usage_sums sums = {0};
    usage_add_task(&sums, task);
    process->dead_utime_ns += sums.user_ns;
    process->dead_stime_ns += sums.system_ns;
    process->dead_minor_faults += sums.minor;
    process->dead_major_faults += sums.major;
    process->dead_voluntary_switches += sums.voluntary;
    process->dead_involuntary_switches += sums.involuntary;
}

/* A reaped child's figures, its own children's included, move to its parent (getrusage(2)). */
void process_absorb_child_locked(struct process *parent, struct process *child)
{
    struct usage_sums sums = {0};
    usage_add_self(&sums, child);
    usage_add_children(&sums, child);
    parent->children_utime_ns += sums.user_ns;
    parent->children_stime_ns += sums.system_ns;
    parent->children_minor_faults += sums.minor;
    parent->children_major_faults += sums.major;
    parent->children_voluntary_switches += sums.voluntary;
    parent->children_involuntary_switches += sums.involuntary;
    parent->children_max_rss_pages = MAX(parent->children_max_rss_pages, sums.rss_pages);
}
