/* SPDX-License-Identifier: MIT
 *
 * System calls on timers: setitimer(2), alarm(2), timer_create(2), timerfd_create(2).
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/time.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/posix_timers.h"
#include "kernel/proc/time.h"
#include "kernel/proc/timerfd.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/syscalls.h"

/* ---- interval timers ---- */

static int put_itimerval(uint64_t uaddr, const struct itimer_setting *setting)
{
    struct linux_itimerval out = {.it_interval = timeval_of_ns(setting->interval_ns),
                                  .it_value = timeval_of_ns(setting->value_ns)};
    /* Something that is still running never reads as off. */
    if (setting->value_ns && !out.it_value.tv_sec && !out.it_value.tv_usec)
        out.it_value.tv_usec = 1;
    return copy_to_user(uaddr, &out, sizeof(out));
}

int64_t sys_getitimer(int which, uint64_t value)
{
    struct itimer_setting setting;
    if (which < ITIMER_REAL || which > ITIMER_PROF)
        return -EINVAL;
    itimer_get(which, &setting);
    return put_itimerval(value, &setting);
}

int64_t sys_setitimer(int which, uint64_t value, uint64_t old)
{
    struct linux_itimerval in = {0};
    struct itimer_setting previous;

    if (value && copy_from_user(&in, value, sizeof(in)))
        return -EFAULT;
    if (!timeval_is_valid(&in.it_value) || !timeval_is_valid(&in.it_interval))
        return -EINVAL;
    if (which < ITIMER_REAL || which > ITIMER_PROF)
        return -EINVAL;
    struct itimer_setting setting = {.value_ns = timeval_to_ns(&in.it_value),
                                     .interval_ns = timeval_to_ns(&in.it_interval)};
    itimer_set(which, &setting, &previous);
    return old ? put_itimerval(old, &previous) : 0;
}

int64_t sys_alarm(uint32_t seconds)
{
    struct itimer_setting setting = {.value_ns = seconds * NSEC_PER_SEC}, previous;
    itimer_set(ITIMER_REAL, &setting, &previous);
    if (!previous.value_ns)
        return 0;
    /* To the nearest second, but not to none. */
    uint64_t left = (previous.value_ns + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
    return left ? (int64_t)left : 1;
}

/* ---- POSIX timers ---- */

static int get_itimerspec(uint64_t uaddr, uint64_t *out_value_ns, uint64_t *out_interval_ns)
{
    struct linux_itimerspec in;
    if (copy_from_user(&in, uaddr, sizeof(in)))
        return -EFAULT;
    if (!timespec_is_valid(&in.it_value) || !timespec_is_valid(&in.it_interval))
        return -EINVAL;
    *out_value_ns = timespec_to_ns(&in.it_value);
    *out_interval_ns = timespec_to_ns(&in.it_interval);
    return 0;
}

static int put_itimerspec(uint64_t uaddr, uint64_t value_ns, uint64_t interval_ns)
{
    struct linux_itimerspec out = {.it_interval = timespec_from_ns(interval_ns),
                                   .it_value = timespec_from_ns(value_ns)};
    return copy_to_user(uaddr, &out, sizeof(out));
}

int64_t sys_timer_create(int clock, uint64_t event, uint64_t id)
{
    struct linux_sigevent in;
    int timer;
    if (event && copy_from_user(&in, event, sizeof(in)))
        return -EFAULT;
    int error = posix_timer_create(clock, event ? &in : NULL, &timer);
    if (error)
        return error;
    if (put_user_u32(id, (uint32_t)timer)) {
        posix_timer_delete(timer);
        return -EFAULT;
    }
    return 0;
}

int64_t sys_timer_settime(int id, uint32_t flags, uint64_t value, uint64_t old)
{
    struct posix_timer_setting setting, previous;
    if (!value)
        return -EINVAL;
    int error = get_itimerspec(value, &setting.value_ns, &setting.interval_ns);
    if (!error)
        error = posix_timer_set(id, flags & TIMER_ABSTIME, &setting, &previous);
    if (!error && old)
        error = put_itimerspec(old, previous.value_ns, previous.interval_ns);
    return error;
}

int64_t sys_timer_gettime(int id, uint64_t value)
{
    struct posix_timer_setting setting;
    int error = posix_timer_get(id, &setting);
    return error ? error : put_itimerspec(value, setting.value_ns, setting.interval_ns);
}

int64_t sys_timer_getoverrun(int id)
{
    return posix_timer_overrun(id);
}

int64_t sys_timer_delete(int id)
{
    return posix_timer_delete(id);
}

/* ---- timerfd ---- */

int64_t sys_timerfd_create(int clock, uint32_t flags)
{
    bool wakes = clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
    bool realtime = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;

    if (flags & ~(uint32_t)(TFD_CLOEXEC | TFD_NONBLOCK))
        return -EINVAL;
    if (!realtime && !wakes && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
        return -EINVAL;
    if (wakes && !capable(CAP_WAKE_ALARM))
        return -EPERM;
    return timerfd_file_create(clock, realtime, flags);
}

int64_t sys_timerfd_settime(int fd, uint32_t flags, uint64_t value, uint64_t old)
{
    struct timerfd_setting setting, previous;
    int error = get_itimerspec(value, &setting.value_ns, &setting.interval_ns);
    if (error)
        return error;
    if (flags & ~(uint32_t)(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
        return -EINVAL;
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    error = timerfd_set(file, flags, &setting, &previous);
    file_put(file);
    if (error && error != -ECANCELED)
        return error;
    if (old && put_itimerspec(old, previous.value_ns, previous.interval_ns))
        return -EFAULT;
    return error;
}

int64_t sys_timerfd_gettime(int fd, uint64_t value)
{
    struct timerfd_setting setting;
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    int error = timerfd_get(file, &setting);
    file_put(file);
    return error ? error : put_itimerspec(value, setting.value_ns, setting.interval_ns);
}
