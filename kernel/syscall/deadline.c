/* SPDX-License-Identifier: MIT
 *
 * Timeouts of waiting system calls as absolute times: poll(2), select(2), epoll_wait(2).
 */
#include "kernel/syscall/deadline.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/uaccess.h"

#define NS_PER_SECOND 1000000000u

uint64_t deadline_after_ns(uint64_t ns)
{
    uint64_t deadline;
    if (ns == 0)
        return 0;
    return add_overflows(clock_monotonic_ns(), ns, &deadline) ? UINT64_MAX : deadline;
}

uint64_t deadline_after_ms(int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : deadline_after_ns((uint64_t)timeout_ms * 1000000u);
}

int deadline_from_timespec(const struct linux_timespec *time, uint64_t *out_ns)
{
    uint64_t ns;
    if (time->tv_sec < 0 || (uint64_t)time->tv_nsec >= NS_PER_SECOND)
        return -EINVAL;
    if (mul_overflows((uint64_t)time->tv_sec, (uint64_t)NS_PER_SECOND, &ns) ||
        add_overflows(ns, (uint64_t)time->tv_nsec, &ns))
        ns = UINT64_MAX;
    *out_ns = deadline_after_ns(ns);
    return 0;
}

int deadline_from_user(uint64_t uaddr, uint64_t *out_ns)
{
    struct linux_timespec time;
    *out_ns = UINT64_MAX;
    if (!uaddr)
        return 0;
    if (copy_from_user(&time, uaddr, sizeof(time)))
        return -EFAULT;
    return deadline_from_timespec(&time, out_ns);
}

struct linux_timespec deadline_left(uint64_t deadline_ns)
{
    uint64_t now = clock_monotonic_ns();
    uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    return (struct linux_timespec){.tv_sec = (int64_t)(left / NS_PER_SECOND),
                                   .tv_nsec = (int64_t)(left % NS_PER_SECOND)};
}
