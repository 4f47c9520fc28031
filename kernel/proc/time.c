/* SPDX-License-Identifier: MIT
 *
 * Conversion between the times of programs and of the kernel; see time.h.
 */
#include "kernel/proc/time.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/uaccess.h"

bool timespec_is_valid(const struct linux_timespec *time)
{
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < (int64_t)NSEC_PER_SEC;
}

bool timeval_is_valid(const struct linux_timeval *time)
{
    return time->tv_sec >= 0 && time->tv_usec >= 0 && time->tv_usec < (int64_t)USEC_PER_SEC;
}

static uint64_t seconds_and(int64_t seconds, uint64_t ns)
{
    if ((uint64_t)seconds >= TIME_MAX_NS / NSEC_PER_SEC)
        return TIME_MAX_NS;
    return (uint64_t)seconds * NSEC_PER_SEC + ns;
}

uint64_t timespec_to_ns(const struct linux_timespec *time)
{
    return seconds_and(time->tv_sec, (uint64_t)time->tv_nsec);
}

uint64_t timeval_to_ns(const struct linux_timeval *time)
{
    return seconds_and(time->tv_sec, (uint64_t)time->tv_usec * NSEC_PER_USEC);
}

struct linux_timespec timespec_from_ns(uint64_t ns)
{
    return (struct linux_timespec){.tv_sec = (int64_t)(ns / NSEC_PER_SEC),
                                   .tv_nsec = (int64_t)(ns % NSEC_PER_SEC)};
}

struct linux_timeval timeval_of_ns(uint64_t ns)
{
    return (struct linux_timeval){.tv_sec = (int64_t)(ns / NSEC_PER_SEC),
                                  .tv_usec = (int64_t)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
}

int time_from_user(uint64_t uaddr, uint64_t *out_ns)
{
    struct linux_timespec time;
    if (copy_from_user(&time, uaddr, sizeof(time)))
        return -EFAULT;
    if (!timespec_is_valid(&time))
        return -EINVAL;
    *out_ns = timespec_to_ns(&time);
    return 0;
}

uint64_t time_add(uint64_t a_ns, uint64_t b_ns)
{
    uint64_t sum;
    return add_overflows(a_ns, b_ns, &sum) || sum > TIME_MAX_NS ? TIME_MAX_NS : sum;
}
