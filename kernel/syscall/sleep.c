/* SPDX-License-Identifier: MIT
 *
 * Sleeping: nanosleep(2), clock_nanosleep(2).
 *
 * A relative sleep is a monotonic deadline; interrupted, it is resumed to the same deadline. A
 * sleep until a point of the wall clock follows the clock when that is set.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/process_table.h"
#include "kernel/proc/task.h"
#include "kernel/proc/time.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/proc/wall_timer.h"
#include "kernel/sched/wait.h"
#include "kernel/syscall/syscalls.h"

enum sleep_clock { SLEEP_MONOTONIC, SLEEP_REALTIME, SLEEP_PROCESS_CPU };

/* ---- until a point in time: 0 or -ERESTARTSYS ---- */

static int sleep_until_monotonic(uint64_t deadline_ns)
{
    int error = 0;
    for (;;) {
        sched_prepare_block(THREAD_INTERRUPTIBLE);
        if (clock_monotonic_ns() >= deadline_ns)
            break;
        error = wait_interrupted(THREAD_INTERRUPTIBLE);
        if (error)
            break;
        sched_block_until(deadline_ns);
    }
    sched_finish_block();
    return error;
}

static int sleep_until_realtime(uint64_t realtime_ns)
{
    struct wait_entry entry; /* woken when the clock is set */
    int error = 0;
    wait_entry_init(&entry);
    wait_queue_add(&this_kernel()->processes->clock_set, &entry);
    for (;;) {
        sched_prepare_block(THREAD_INTERRUPTIBLE);
        if (clock_realtime_ns() >= realtime_ns)
            break;
        error = wait_interrupted(THREAD_INTERRUPTIBLE);
        if (error)
            break;
        sched_block_until(wall_clock_to_monotonic(realtime_ns));
    }
    sched_finish_block();
    wait_queue_remove(&entry);
    return error;
}

/* Other threads of the process use up the time. Looks again after the shortest time it can take. */
static int sleep_until_cpu(uint64_t cpu_ns)
{
    struct process *process = current_process();
    unsigned cpus = this_kernel()->cpu_count;
    for (;;) {
        uint64_t now_ns = process_cpu_ns(process, false);
        if (now_ns >= cpu_ns)
            return 0;
        uint64_t step_ns = MAX((cpu_ns - now_ns) / cpus, (uint64_t)NSEC_PER_MSEC);
        int error = sleep_until_monotonic(time_add(clock_monotonic_ns(), step_ns));
        if (error)
            return error;
    }
}

static int sleep_until(enum sleep_clock clock, uint64_t deadline_ns)
{
    switch (clock) {
    case SLEEP_REALTIME:
        return sleep_until_realtime(deadline_ns);
    case SLEEP_PROCESS_CPU:
        return sleep_until_cpu(deadline_ns);
    default:
        return sleep_until_monotonic(deadline_ns);
    }
}

/* ---- relative, with its way back after a signal ---- */

static uint64_t sleep_clock_now(enum sleep_clock clock)
{
    return clock == SLEEP_PROCESS_CPU ? process_cpu_ns(current_process(), false)
                                      : clock_monotonic_ns();
}

static int64_t restart_sleep(struct task *task);

static int64_t sleep_relative(enum sleep_clock clock, uint64_t deadline_ns, uint64_t remaining)
{
    struct task *task = current_task();
    if (!sleep_until(clock, deadline_ns))
        return 0;
    uint64_t now_ns = sleep_clock_now(clock);
    if (now_ns >= deadline_ns)
        return 0;
    struct linux_timespec left = timespec_from_ns(deadline_ns - now_ns);
    if (remaining && copy_to_user(remaining, &left, sizeof(left)))
        return -EFAULT;
    task->restart = restart_sleep;
    task->restart_args.args[0] = clock;
    task->restart_args.args[1] = deadline_ns;
    task->restart_args.args[2] = remaining;
    return -ERESTART_RESTARTBLOCK;
}

static int64_t restart_sleep(struct task *task)
{
    const uint64_t *args = task->restart_args.args;
    return sleep_relative((enum sleep_clock)args[0], args[1], args[2]);
}

/* ---- system calls ---- */

int64_t sys_nanosleep(uint64_t request, uint64_t remaining)
{
    uint64_t duration_ns;
    int error = time_from_user(request, &duration_ns);
    if (error)
        return error;
    return sleep_relative(SLEEP_MONOTONIC, time_add(clock_monotonic_ns(), duration_ns), remaining);
}

static int decode_clock(int clock, enum sleep_clock *out)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
        *out = SLEEP_REALTIME;
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        *out = SLEEP_MONOTONIC;
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
        *out = SLEEP_PROCESS_CPU;
        return 0;
    case CLOCK_THREAD_CPUTIME_ID:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}

int64_t sys_clock_nanosleep(int clock, uint32_t flags, uint64_t request, uint64_t remaining)
{
    enum sleep_clock which;
    uint64_t time_ns;
    int error = decode_clock(clock, &which);
    if (!error)
        error = time_from_user(request, &time_ns);
    if (error)
        return error;
    if (flags & TIMER_ABSTIME)
        return sleep_until(which, time_namespace_to_kernel_ns(clock, time_ns)) ? -ERESTARTNOHAND
                                                                               : 0;
    if (which == SLEEP_REALTIME) /* a duration is not moved by setting the clock */
        which = SLEEP_MONOTONIC;
    return sleep_relative(which, time_add(sleep_clock_now(which), time_ns), remaining);
}
