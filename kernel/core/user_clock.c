/* SPDX-License-Identifier: MIT
 *
 * Writing the clock page (user_clock.h): at boot, when CLOCK_REALTIME is set, and when the HAL's
 * clock has new parameters.
 */
#include "kernel/core/user_clock.h"

#include "hal/kernel_on.h"
#include "hal/time.h"
#include "kernel/core/clock.h"
#include "kernel/core/core_internal.h"
#include "kernel/lib/atomic.h"

void user_clock_update_locked(struct time_state *time)
{
    struct user_clock *clock = atomic_load_acquire(&time->user_clock);
    struct hal_user_clock hal;
    if (clock == NULL)
        return;
    bool usable = hal_time_user_clock(&hal);
    uint32_t sequence = clock->sequence;

    atomic_store_relaxed(&clock->sequence, sequence + 1);
    atomic_fence_seq(); /* whoever sees a new value below sees the odd number, too */
    atomic_store_relaxed(&clock->mode, usable ? USER_CLOCK_COUNTER : USER_CLOCK_NONE);
    if (usable) {
        atomic_store_relaxed(&clock->tsc, hal.tsc);
        atomic_store_relaxed(&clock->monotonic_ns, hal.ns - time->boot_base_ns);
        atomic_store_relaxed(&clock->ns_per_tsc, hal.ns_per_tsc);
    }
    atomic_store_relaxed(&clock->realtime_offset_ns, time->line.offset_ns);
    atomic_store_relaxed(&clock->realtime_base_ns, time->line.base_ns);
    atomic_store_relaxed(&clock->realtime_rate, time->line.rate);
    atomic_store_relaxed(&clock->tai_s, atomic_load_relaxed(&time->tai_s));
    atomic_store_release(&clock->sequence, sequence + 2);
}

void user_clock_update(struct kernel *kernel)
{
    struct time_state *time = kernel->time;
    bool irq = spin_lock_irqsave(&time->user_lock);
    user_clock_update_locked(time);
    spin_unlock_irqrestore(&time->user_lock, irq);
}

void user_clock_start(struct kernel *kernel, struct user_clock *clock)
{
    atomic_store_release(&kernel->time->user_clock, clock);
    user_clock_update(kernel);
}

void kernel_on_clock_change(void)
{
    user_clock_update(this_kernel());
}
