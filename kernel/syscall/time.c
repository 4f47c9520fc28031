/* SPDX-License-Identifier: MIT
 *
 * System calls on clocks: clock_gettime(2), clock_nanosleep(2), gettimeofday(2), adjtimex(2).
 *
 * There are two real clocks, monotonic and wall-clock time; boot time, raw and coarse clocks are
 * the same to the nanosecond, and TAI is wall-clock time (its offset is 0, as on a Linux that
 * nobody told better). Negative numbers name CPU clocks.
 */
#include "kernel/abi/time.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/core/clock.h"
#include "kernel/core/clock_adjust.h"
#include "kernel/core/kernel.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/task.h"
#include "kernel/proc/time.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/proc/wall_timer.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/syscalls.h"

/* ---- CPU clocks ---- */

struct cpu_clock {
    int pid; /* 0: the caller */
    bool thread, user_only;
};

static int decode_cpu_clock(int clock, struct cpu_clock *out)
{
    *out = (struct cpu_clock){.thread = clock == CLOCK_THREAD_CPUTIME_ID};
    if (clock >= 0)
        return 0;
    unsigned type = (unsigned)clock & CPUCLOCK_CLOCK_MASK;
    if (type == CPUCLOCK_FD)
        return -EINVAL;
    out->pid = (int)~((unsigned)clock >> 3 | 0xe0000000u);
    out->thread = (unsigned)clock & CPUCLOCK_PERTHREAD_MASK;
    out->user_only = type == CPUCLOCK_VIRT;
    return 0;
}

/* Threads of other processes have no clock for us; processes do. */
static int read_cpu_clock(int clock, uint64_t *out_ns)
{
    struct cpu_clock which;
    int error = decode_cpu_clock(clock, &which);
    if (error)
        return error;
    if (!which.thread && which.pid != 0 && which.pid != current_process()->own_pid) {
        struct process *process = process_find_given(which.pid);
        if (!process)
            return -EINVAL;
        *out_ns = process_cpu_ns(process, which.user_only);
        process_put(process);
        return 0;
    }
    if (!which.thread) {
        *out_ns = process_cpu_ns(current_process(), which.user_only);
        return 0;
    }
    struct task *task = which.pid ? task_find_given(which.pid) : task_get(current_task());
    if (!task)
        return -EINVAL;
    if (task->process == current_process())
        *out_ns = task_cpu_ns(task, which.user_only);
    else
        error = -EINVAL;
    task_put(task);
    return error;
}

/* ---- reading ---- */

static int read_clock(int clock, uint64_t *out_ns)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
        *out_ns = clock_realtime_ns();
        return 0;
    case CLOCK_TAI:
        *out_ns = time_namespace_to_user_ns(clock, clock_realtime_ns());
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        *out_ns = time_namespace_to_user_ns(clock, clock_monotonic_ns());
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
        return read_cpu_clock(clock, out_ns);
    default:
        return clock < 0 ? read_cpu_clock(clock, out_ns) : -EINVAL;
    }
}

int64_t sys_clock_gettime(int clock, uint64_t time)
{
    uint64_t now_ns;
    int error = read_clock(clock, &now_ns);
    if (error)
        return error;
    struct linux_timespec out = timespec_from_ns(now_ns);
    return copy_to_user(time, &out, sizeof(out));
}

int64_t sys_clock_getres(int clock, uint64_t resolution)
{
    const uint64_t coarse_ns = 4 * NSEC_PER_MSEC; /* what programs know from Linux */
    uint64_t ignored_ns;
    int error = read_clock(clock, &ignored_ns);
    if (error || !resolution)
        return error;
    bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
    struct linux_timespec out = timespec_from_ns(coarse ? coarse_ns : 1);
    return copy_to_user(resolution, &out, sizeof(out));
}

int64_t sys_time(uint64_t seconds)
{
    uint64_t now = clock_realtime_ns() / NSEC_PER_SEC;
    return seconds && put_user_u64(seconds, now) ? -EFAULT : (int64_t)now;
}

int64_t sys_gettimeofday(uint64_t tv, uint64_t tz)
{
    if (tv) {
        struct linux_timeval now = timeval_of_ns(clock_realtime_ns());
        if (copy_to_user(tv, &now, sizeof(now)))
            return -EFAULT;
    }
    const struct linux_timezone zone = clock_timezone();
    return tz ? copy_to_user(tz, &zone, sizeof(zone)) : 0;
}

/* ---- setting ---- */

static int set_realtime(uint64_t realtime_ns)
{
    if (!capable(CAP_SYS_TIME))
        return -EPERM;
    if (realtime_ns < clock_monotonic_ns() || realtime_ns >= TIME_MAX_NS)
        return -EINVAL; /* a wall clock before 1970 at boot, or beyond its range */
    wall_clock_set(realtime_ns);
    return 0;
}

int64_t sys_clock_settime(int clock, uint64_t time)
{
    uint64_t realtime_ns, ignored_ns;
    if (clock > CLOCK_REALTIME)
        return -EINVAL;
    int error = time_from_user(time, &realtime_ns);
    if (clock < 0 && error != -EFAULT) /* those of processes; the time does not matter */
        return read_clock(clock, &ignored_ns) ? -EINVAL : -EPERM;
    return error ? error : set_realtime(realtime_ns);
}

/* The first one that comes without a time tells that the clock so far was that of the zone. */
static int set_timezone(const struct linux_timezone *zone, bool alone)
{
    const int32_t minutes_max = 15 * 60;
    int32_t minutes = zone->tz_minuteswest;
    if (minutes > minutes_max || minutes < -minutes_max)
        return -EINVAL;
    if (!clock_set_timezone(zone) || !alone || !minutes)
        return 0;
    return set_realtime(clock_realtime_ns() + (uint64_t)((int64_t)minutes * 60 * 1000000000));
}

int64_t sys_settimeofday(uint64_t tv, uint64_t tz)
{
    struct linux_timezone zone;
    struct linux_timeval time;

    if (tv) {
        if (copy_from_user(&time, tv, sizeof(time)))
            return -EFAULT;
        if (!timeval_is_valid(&time))
            return -EINVAL;
    }
    if (tz && copy_from_user(&zone, tz, sizeof(zone)))
        return -EFAULT;
    if (!capable(CAP_SYS_TIME))
        return -EPERM;
    if (tz) {
        int error = set_timezone(&zone, !tv);
        if (error)
            return error;
    }
    return tv ? set_realtime(timeval_to_ns(&time)) : 0;
}

/* ---- adjtimex(2) ---- */

static int step_clock(const struct linux_timex *in)
{
    bool nano = in->modes & ADJ_NANO;
    int64_t unit = nano ? 1 : (int64_t)NSEC_PER_USEC;
    int64_t fraction_max = nano ? (int64_t)NSEC_PER_SEC : (int64_t)USEC_PER_SEC;
    int64_t delta_ns;

    if (in->time.tv_usec < 0 || in->time.tv_usec >= fraction_max)
        return -EINVAL;
    if (mul_overflows(in->time.tv_sec, (int64_t)NSEC_PER_SEC, &delta_ns) ||
        add_overflows(delta_ns, in->time.tv_usec * unit, &delta_ns) ||
        add_overflows(delta_ns, (int64_t)clock_realtime_ns(), &delta_ns) || delta_ns < 0)
        return -EINVAL;
    return set_realtime((uint64_t)delta_ns);
}

/* What may be asked for, by whom. */
static int check_timex(const struct linux_timex *in)
{
    const int64_t frequency_max = INT64_MAX / 65536000;
    uint32_t modes = in->modes;
    if ((modes & ADJ_ADJTIME) && !(modes & ADJ_OFFSET))
        return -EINVAL;
    bool reads = modes & ADJ_ADJTIME ? modes & ADJ_OFFSET_READONLY : !modes;
    if ((!reads || (modes & ADJ_SETOFFSET)) && !capable(CAP_SYS_TIME))
        return -EPERM;
    if (!(modes & ADJ_ADJTIME) && (modes & ADJ_TICK) &&
        (in->tick < 900000 / USER_HZ || in->tick > 1100000 / USER_HZ))
        return -EINVAL;
    if ((modes & ADJ_FREQUENCY) && (in->freq > frequency_max || in->freq < -frequency_max))
        return -EINVAL;
    return 0;
}

static int64_t adjust(uint64_t timex_uaddr)
{
    const uint32_t rate_modes = ADJ_OFFSET | ADJ_FREQUENCY | ADJ_TICK;
    struct linux_timex timex;
    if (copy_from_user(&timex, timex_uaddr, sizeof(timex)))
        return -EFAULT;
    int error = check_timex(&timex);
    if (!error && (timex.modes & ADJ_SETOFFSET))
        error = step_clock(&timex);
    if (error)
        return error;
    int state = clock_adjust(&timex);
    if (timex.modes & rate_modes)
        wall_clock_slewed();
    uint64_t now_ns = clock_realtime_ns();
    timex.time = timeval_of_ns(now_ns);
    if (timex.status & STA_NANO)
        timex.time.tv_usec = (int64_t)(now_ns % NSEC_PER_SEC);
    return copy_to_user(timex_uaddr, &timex, sizeof(timex)) ? -EFAULT : state;
}

int64_t sys_adjtimex(uint64_t timex)
{
    return adjust(timex);
}

int64_t sys_clock_adjtime(int clock, uint64_t timex)
{
    enum { CPU_CLOCK_MASK = 7, CPU_CLOCK_FD = 3 };
    struct linux_timex ignored;
    uint64_t ignored_ns;
    if (clock == CLOCK_REALTIME)
        return adjust(timex);
    if (copy_from_user(&ignored, timex, sizeof(ignored)))
        return -EFAULT;
    bool cpu = clock < 0 && (clock & CPU_CLOCK_MASK) != CPU_CLOCK_FD;
    return cpu || !read_clock(clock, &ignored_ns) ? -EOPNOTSUPP : -EINVAL;
}
