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

static void write_locked(const struct time_state *time, struct user_clock *clock)
{
    struct hal_user_clock hal;
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
    atomic_store_relaxed(&clock->realtime_offset_ns, clock_realtime_offset_ns());
    atomic_store_release(&clock->sequence, sequence + 2);
}

void user_clock_update(struct kernel *kernel)
{
    struct time_state *time = kernel->time;
    struct user_clock *clock = atomic_load_acquire(&time->user_clock);

    if (clock == NULL) {
        return;
    }
    bool irq = spin_lock_irqsave(&time->user_lock);
    write_locked(time, clock);
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
