/* SPDX-License-Identifier: MIT */
/*
 * CLOCK_MONOTONIC counts from boot; CLOCK_REALTIME is it plus an offset that clock_settime(2)
 * changes. Both come from the HAL's monotonic clock and never touch a lock.
 */
#include "kernel/core/clock.h"

#include "hal/time.h"
#include "kernel/core/core_internal.h"
#include "kernel/core/user_clock.h"
#include "kernel/lib/atomic.h"

int clock_init(struct kernel *kernel)
{
    struct time_state *time = kernel->time;
    uint64_t now_ns = hal_time_monotonic_ns();

    time->boot_base_ns = now_ns - 1; /* the clock starts at 1: 0 means "no time" to some callers */
    time->realtime_offset_ns = (int64_t)(hal_time_realtime_ns() - 1);
    spin_lock_init(&time->user_lock, LOCK_RANK_USER_CLOCK);
    return 0;
}

uint64_t clock_monotonic_ns(void)
{
    return hal_time_monotonic_ns() - this_kernel()->time->boot_base_ns;
}

int64_t clock_realtime_offset_ns(void)
{
    return atomic_load_relaxed(&this_kernel()->time->realtime_offset_ns);
}

uint64_t clock_realtime_ns(void)
{
    return clock_monotonic_ns() + (uint64_t)clock_realtime_offset_ns();
}

void clock_set_realtime_ns(uint64_t realtime_ns)
{
    atomic_store_relaxed(&this_kernel()->time->realtime_offset_ns,
                         (int64_t)(realtime_ns - clock_monotonic_ns()));
    user_clock_update(this_kernel());
}

uint64_t clock_boot_base_ns(void)
{
    return this_kernel()->time->boot_base_ns;
}
