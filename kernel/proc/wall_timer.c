/* SPDX-License-Identifier: MIT
 *
 * Timers on CLOCK_MONOTONIC and CLOCK_REALTIME; see wall_timer.h.
 *
 * A realtime timer is a kernel timer at the converted time, and an entry on the kernel's clock_set
 * queue: setting the clock calls every entry, which converts and arms anew. The entry is added
 * after the first arming, and the offset then looked at again, so no change is missed. Stopping
 * removes the entry first: after that nobody arms the timer again.
 */
#include "kernel/proc/wall_timer.h"

#include "kernel/core/clock.h"
#include "kernel/core/clock_adjust.h"
#include "kernel/core/kernel.h"
#include "kernel/proc/process_table.h"
#include "kernel/proc/time.h"

uint64_t wall_clock_to_monotonic(uint64_t realtime_ns)
{
    uint64_t monotonic_ns = clock_monotonic_ns();
    /* Towards the point where the clock is there: each round is nearer by its rate, 10% at most. */
    for (unsigned round = 0; round < 8; round++) {
        int64_t offset_ns = clock_realtime_offset_at_ns(monotonic_ns);
        uint64_t last_ns = monotonic_ns;
        if (offset_ns < 0)
            monotonic_ns = time_add(realtime_ns, (uint64_t)-offset_ns);
        else
            monotonic_ns =
                realtime_ns > (uint64_t)offset_ns ? realtime_ns - (uint64_t)offset_ns : 0;
        if (monotonic_ns == last_ns)
            break;
    }
    return monotonic_ns;
}

enum { CLOCK_STEPPED, CLOCK_SLEWED }; /* keys of the clock_set queue */

static bool on_clock_set(struct wait_entry *entry, uint32_t key)
{
    struct wall_timer *timer = container_of(entry, struct wall_timer, clock_entry);
    if (key == CLOCK_SLEWED) {
        wall_timer_rearm(timer);
        return false;
    }
    atomic_store_release(&timer->clock_was_set, true);
    if (timer->fire_on_clock_set)
        timer_arm(&timer->timer, 0);
    else
        wall_timer_rearm(timer);
    return false;
}

void wall_timer_init(struct wall_timer *timer, void (*fire)(struct timer *timer))
{
    timer_init(&timer->timer, fire);
    wait_entry_init_callback(&timer->clock_entry, on_clock_set);
    timer->expires_ns = 0;
    timer->realtime = false;
    timer->clock_was_set = false;
    timer->fire_on_clock_set = false;
}

uint64_t wall_timer_now(const struct wall_timer *timer)
{
    return timer->realtime ? clock_realtime_ns() : clock_monotonic_ns();
}

void wall_timer_rearm(struct wall_timer *timer)
{
    uint64_t expires_ns = atomic_load_relaxed(&timer->expires_ns);
    timer_arm(&timer->timer, timer->realtime ? wall_clock_to_monotonic(expires_ns) : expires_ns);
}

void wall_timer_start(struct wall_timer *timer, uint64_t expires_ns, bool realtime)
{
    struct wait_queue *clock_set = &this_kernel()->processes->clock_set;

    wall_timer_stop(timer);
    timer->realtime = realtime;
    atomic_store_relaxed(&timer->expires_ns, expires_ns);
    int64_t offset_ns = clock_realtime_offset_ns();
    wall_timer_rearm(timer);
    if (!realtime)
        return;
    wait_queue_add(clock_set, &timer->clock_entry);
    if (clock_realtime_offset_ns() != offset_ns)
        wall_timer_rearm(timer);
}

void wall_timer_stop(struct wall_timer *timer)
{
    wait_queue_remove(&timer->clock_entry);
    timer_cancel(&timer->timer);
    atomic_store_relaxed(&timer->clock_was_set, false);
}

void wall_timer_destroy(struct wall_timer *timer)
{
    wall_timer_stop(timer);
    timer_cancel_sync(&timer->timer);
}

void wall_clock_set(uint64_t realtime_ns)
{
    clock_set_realtime_ns(realtime_ns);
    clock_adjust_reset();
    wait_queue_wake(&this_kernel()->processes->clock_set, 0, CLOCK_STEPPED);
}

void wall_clock_slewed(void)
{
    wait_queue_wake(&this_kernel()->processes->clock_set, 0, CLOCK_SLEWED);
}
