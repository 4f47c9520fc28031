/* SPDX-License-Identifier: MIT
 *
 * A timer at a point of CLOCK_MONOTONIC or of CLOCK_REALTIME; the latter moves with
 * clock_settime(2). The owner serialises start and stop, by a lock that fire takes too.
 */
#ifndef KERNEL_PROC_WALL_TIMER_H
#define KERNEL_PROC_WALL_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"

struct wall_timer {
    struct timer timer;
    struct wait_entry clock_entry; /* on the kernel's clock_set queue while it follows that clock */
    uint64_t expires_ns;           /* on its clock; atomic */
    bool realtime;
    bool clock_was_set; /* atomic: since the last start */
    bool fire_on_clock_set;
};

/* fire: as of struct timer; finds the wall timer by container_of. It may come early if the clock is
 * set or the timer restarted at that moment: it starts with wall_timer_is_due. */
void wall_timer_init(struct wall_timer *timer, void (*fire)(struct timer *timer));

void wall_timer_start(struct wall_timer *timer, uint64_t expires_ns, bool realtime);
void wall_timer_stop(struct wall_timer *timer);
/* Stop, and wait until fire is not running. Not with a lock that fire takes. */
void wall_timer_destroy(struct wall_timer *timer);

/* Now, on the timer's clock. */
uint64_t wall_timer_now(const struct wall_timer *timer);
static inline bool wall_timer_is_due(const struct wall_timer *timer)
{
    return wall_timer_now(timer) >= __atomic_load_n(&timer->expires_ns, __ATOMIC_RELAXED);
}
/* It fired too early: wait on. */
void wall_timer_rearm(struct wall_timer *timer);

/* clock_settime(CLOCK_REALTIME): set the clock, then everything that follows it. */
void wall_clock_set(uint64_t realtime_ns);

/* Its rate has changed: deadlines are converted anew. */
void wall_clock_slewed(void);

/* A point of CLOCK_REALTIME on CLOCK_MONOTONIC, as the clocks stand. */
uint64_t wall_clock_to_monotonic(uint64_t realtime_ns);

#endif
