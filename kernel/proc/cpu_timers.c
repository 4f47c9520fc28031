/* SPDX-License-Identifier: MIT
 *
 * CPU-time clocks, and what expires on them: ITIMER_VIRTUAL, ITIMER_PROF, RLIMIT_CPU,
 * RLIMIT_RTTIME, POSIX timers (setitimer(2), setrlimit(2), timer_create(2)).
 *
 * While anything is set, a kernel timer of the process looks at its CPU time at the earliest moment
 * at which that can be reached: the CPU time left, divided by the CPUs that its threads can use. A
 * process that sleeps is looked at again and again; the step then grows to IDLE_STEP_MAX_NS.
 * Locking: the process's signal lock, under which tasks also leave the process.
 */
#include "kernel/abi/resource.h"
#include "kernel/abi/wait.h"
#include "kernel/core/clock.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/proc/time.h"
#include "kernel/sched/sched.h"

#define STEP_MIN_NS (1 * NSEC_PER_MSEC)
#define IDLE_STEP_MIN_NS (4 * NSEC_PER_MSEC)

/* ---- clocks ---- */

uint64_t task_cpu_ns(struct task *task, bool user_only)
{
    uint64_t user_ns, system_ns;
    if (!user_only)
        return sched_cpu_time_ns(&task->thread);
    sched_cpu_times(&task->thread, &user_ns, &system_ns);
    return user_ns;
}

uint64_t process_cpu_ns_locked(struct process *process, bool user_only)
{
    uint64_t sum_ns = process->dead_utime_ns + (user_only ? 0 : process->dead_stime_ns);
    struct task *task;
    list_for_each_entry(task, &process->tasks, process_node)
        sum_ns += task_cpu_ns(task, user_only);
    return sum_ns;
}

uint64_t process_cpu_ns(struct process *process, bool user_only)
{
    bool irq = spin_lock_irqsave(&process->signal_lock);
    uint64_t sum_ns = process_cpu_ns_locked(process, user_only);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return sum_ns;
}

/* ---- what expires; each returns the CPU time left, UINT64_MAX if nothing is set ---- */

static uint64_t check_itimer(struct process *process, uint64_t *expires_ns, uint64_t interval_ns,
                             uint64_t now_ns, int signo)
{
    if (!*expires_ns)
        return UINT64_MAX;
    if (now_ns >= *expires_ns) {
        uint64_t late_ns = now_ns - *expires_ns;
        *expires_ns = interval_ns ? time_add(*expires_ns + late_ns / interval_ns * interval_ns,
                                             interval_ns)
                                  : 0;
        signal_send_locked(process, NULL, signo, SIGINFO_KERNEL);
    }
    return *expires_ns ? *expires_ns - now_ns : UINT64_MAX;
}

/*
 * A limit of CPU time, in units of so many nanoseconds: SIGXCPU at the soft limit, which is then a
 * second later, and SIGKILL at the hard one.
 */
static uint64_t check_limit(struct process *process, unsigned resource, uint64_t unit_ns,
                            uint64_t now_ns)
{
    struct linux_rlimit64 *limit = &process->rlimits[resource];
    const uint64_t now = now_ns / unit_ns, second = NSEC_PER_SEC / unit_ns;
    uint64_t soft = limit->rlim_cur, next;

    if (now >= limit->rlim_max) {
        signal_send_locked(process, NULL, SIGKILL, SIGINFO_KERNEL);
        return UINT64_MAX;
    }
    if (now >= soft) {
        signal_send_locked(process, NULL, SIGXCPU, SIGINFO_KERNEL);
        soft += ((now - soft) / second + 1) * second;
        atomic_store_relaxed(&limit->rlim_cur, soft); /* read without the lock */
    }
    next = MIN(soft, limit->rlim_max);
    return next > UINT64_MAX / unit_ns ? UINT64_MAX : next * unit_ns - now_ns;
}

/* RLIMIT_RTTIME is about each task by itself, and off while it has no soft limit. */
static uint64_t check_real_time(struct process *process)
{
    uint64_t left_ns = UINT64_MAX, now_ns;
    struct task *task;

    if (process->rlimits[RLIMIT_RTTIME].rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    list_for_each_entry(task, &process->tasks, process_node)
    {
        if (sched_rt_time(&task->thread, &now_ns))
            left_ns = MIN(left_ns, check_limit(process, RLIMIT_RTTIME, NSEC_PER_USEC, now_ns));
    }
    return left_ns;
}

/* ---- looking ---- */

static uint64_t check_all(struct process *process, uint64_t total_ns)
{
    uint64_t left_ns = check_limit(process, RLIMIT_CPU, NSEC_PER_SEC, total_ns);
    left_ns = MIN(left_ns, check_real_time(process));
    left_ns = MIN(left_ns, check_itimer(process, &process->itimer_prof.expires_ns,
                                        process->itimer_prof.interval_ns, total_ns, SIGPROF));
    if (process->itimer_virtual.expires_ns) {
        uint64_t user_ns = process_cpu_ns_locked(process, true);
        left_ns = MIN(left_ns,
                      check_itimer(process, &process->itimer_virtual.expires_ns,
                                   process->itimer_virtual.interval_ns, user_ns, SIGVTALRM));
    }
    return MIN(left_ns, posix_timers_check_cpu_locked(process));
}

static unsigned cpus_in_use(struct process *process)
{
    unsigned cpus = atomic_load_relaxed(&process->kernel->cpu_count), tasks = 0;
    struct task *task;
    list_for_each_entry(task, &process->tasks, process_node)
    {
        if (++tasks >= cpus)
            break;
    }
    return tasks ? tasks : 1;
}

void cpu_timers_update_locked(struct process *process)
{
    if (list_empty(&process->tasks) || process->timers_closed)
        return;
    uint64_t total_ns = process_cpu_ns_locked(process, false);
    uint64_t left_ns = check_all(process, total_ns);
    if (left_ns == UINT64_MAX) {
        timer_cancel(&process->cpu_check);
        return;
    }
    bool idle = total_ns == process->cpu_checked_ns;
    process->cpu_checked_ns = total_ns;
    uint64_t step_ns = MAX(left_ns / cpus_in_use(process), (uint64_t)STEP_MIN_NS);
    if (idle)
        step_ns = MAX(step_ns, (uint64_t)IDLE_STEP_MIN_NS);
    timer_arm(&process->cpu_check, time_add(clock_monotonic_ns(), step_ns));
}

void cpu_timers_fire(struct timer *timer)
{
    struct process *process = container_of(timer, struct process, cpu_check);
    bool irq = spin_lock_irqsave(&process->signal_lock);
    cpu_timers_update_locked(process);
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

void process_cpu_limits_changed(struct process *process)
{
    /* Lifting a limit needs nothing: the next look, if one is due, finds none. */
    const struct linux_rlimit64 *limits = process->rlimits;
    if (atomic_load_relaxed(&limits[RLIMIT_CPU].rlim_cur) == RLIM_INFINITY &&
        atomic_load_relaxed(&limits[RLIMIT_CPU].rlim_max) == RLIM_INFINITY &&
        atomic_load_relaxed(&limits[RLIMIT_RTTIME].rlim_cur) == RLIM_INFINITY)
        return;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    cpu_timers_update_locked(process);
    spin_unlock_irqrestore(&process->signal_lock, irq);
}
