/* SPDX-License-Identifier: MIT */
/*
 * CLOCK_MONOTONIC counts from boot; CLOCK_REALTIME is it plus an offset that clock_settime(2)
 * changes, and that grows or shrinks while adjtimex(2) makes the clock faster or slower. Both come
 * from the HAL's monotonic clock; readers never take a lock: the line is behind a sequence number.
 */
#include "kernel/core/clock.h"

#include "hal/cpu.h"
#include "hal/time.h"
#include "kernel/core/core_internal.h"
#include "kernel/core/user_clock.h"
#include "kernel/lib/atomic.h"

int clock_init(struct kernel *kernel)
{
    struct time_state *time = kernel->time;
    uint64_t now_ns = hal_time_monotonic_ns();

    time->boot_base_ns = now_ns - 1; /* the clock starts at 1: 0 means "no time" to some callers */
    time->line.offset_ns = (int64_t)(hal_time_realtime_ns() - 1);
    spin_lock_init(&time->user_lock, LOCK_RANK_USER_CLOCK);
    clock_adjust_init(&time->adjust);
    return 0;
}

uint64_t clock_monotonic_ns(void)
{
    return hal_time_monotonic_ns() - this_kernel()->time->boot_base_ns;
}

/* The high half of the product, rounded down. */
static int64_t gained_ns(int64_t elapsed_ns, int64_t rate)
{
    return (int64_t)((__int128)elapsed_ns * rate >> CLOCK_RATE_SHIFT);
}

static int64_t offset_on(const struct realtime_line *line, uint64_t monotonic_ns)
{
    int64_t rate = atomic_load_relaxed(&line->rate);
    int64_t offset_ns = atomic_load_relaxed(&line->offset_ns);
    if (likely(rate == 0))
        return offset_ns;
    int64_t elapsed_ns = (int64_t)(monotonic_ns - atomic_load_relaxed(&line->base_ns));
    return offset_ns + gained_ns(elapsed_ns, rate);
}

int64_t clock_realtime_offset_at_ns(uint64_t monotonic_ns)
{
    const struct time_state *time = this_kernel()->time;
    for (;;) {
        uint32_t sequence = atomic_load_acquire(&time->sequence);
        int64_t offset_ns = offset_on(&time->line, monotonic_ns);
        atomic_fence_acquire();
        if (likely(!(sequence & 1) && atomic_load_relaxed(&time->sequence) == sequence))
            return offset_ns;
        hal_cpu_relax();
    }
}

int64_t clock_realtime_offset_ns(void)
{
    return clock_realtime_offset_at_ns(clock_monotonic_ns());
}

uint64_t clock_realtime_ns(void)
{
    uint64_t now_ns = clock_monotonic_ns();
    return now_ns + (uint64_t)clock_realtime_offset_at_ns(now_ns);
}

/* ---- changes ---- */

static void write_line_locked(struct time_state *time, const struct realtime_line *line)
{
    atomic_store_relaxed(&time->sequence, time->sequence + 1);
    atomic_fence_seq(); /* whoever sees a new value below sees the odd number, too */
    atomic_store_relaxed(&time->line.base_ns, line->base_ns);
    atomic_store_relaxed(&time->line.offset_ns, line->offset_ns);
    atomic_store_relaxed(&time->line.rate, line->rate);
    atomic_store_release(&time->sequence, time->sequence + 1);
}

void clock_set_realtime_ns(uint64_t realtime_ns)
{
    struct time_state *time = this_kernel()->time;
    bool irq = spin_lock_irqsave(&time->user_lock);
    uint64_t now_ns = clock_monotonic_ns();
    struct realtime_line line = {
        .base_ns = now_ns, .offset_ns = (int64_t)(realtime_ns - now_ns), .rate = time->line.rate};
    write_line_locked(time, &line);
    user_clock_update_locked(time);
    spin_unlock_irqrestore(&time->user_lock, irq);
}

void clock_set_rate(int64_t rate)
{
    struct time_state *time = this_kernel()->time;
    bool irq = spin_lock_irqsave(&time->user_lock);
    uint64_t now_ns = clock_monotonic_ns();
    struct realtime_line line = {
        .base_ns = now_ns, .offset_ns = offset_on(&time->line, now_ns), .rate = rate};
    write_line_locked(time, &line);
    user_clock_update_locked(time);
    spin_unlock_irqrestore(&time->user_lock, irq);
}

int64_t clock_tai_offset_ns(void)
{
    return (int64_t)atomic_load_relaxed(&this_kernel()->time->tai_s) * 1000000000;
}

void clock_set_tai(int32_t seconds)
{
    atomic_store_relaxed(&this_kernel()->time->tai_s, seconds);
    user_clock_update(this_kernel());
}

uint64_t clock_boot_base_ns(void)
{
    return this_kernel()->time->boot_base_ns;
}
