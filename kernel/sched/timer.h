/* SPDX-License-Identifier: MIT
 *
 * Kernel timers: a function called in interrupt context at a time on the monotonic clock.
 */
#ifndef KERNEL_SCHED_TIMER_H
#define KERNEL_SCHED_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/rbtree.h"

struct cpu;
struct kernel;

struct timer {
    struct rb_node node;
    uint64_t deadline_ns; /* clock_monotonic_ns scale */
    void (*fire)(struct timer *timer); /* interrupt context, interrupts masked, no lock held */
    unsigned cpu;         /* queue it is on */
    uint32_t state;       /* private: idle, armed, firing */
};

int timer_init_cpu(struct kernel *kernel, struct cpu *cpu);

void timer_init(struct timer *timer, void (*fire)(struct timer *timer));

/* (Re)arm on this CPU. A deadline in the past fires soon. May be called from fire. Any context. */
void timer_arm(struct timer *timer, uint64_t deadline_ns);

/* Disarm; true if it was armed. With _sync: also waits until fire is not running (not from fire,
 * not with a lock that fire takes). Any context / thread context. */
bool timer_cancel(struct timer *timer);
bool timer_cancel_sync(struct timer *timer);

/* From kernel_on_timer. */
void timer_on_interrupt(void);

/* Scheduler tick request for this CPU: call sched_on_tick at or after deadline (UINT64_MAX:
 * none). */
void timer_set_tick(uint64_t deadline_ns);

#endif
