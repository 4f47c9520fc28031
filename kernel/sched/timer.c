/* SPDX-License-Identifier: MIT */
/*
 * Kernel timers: per CPU, a tree of timers by deadline and the scheduler's tick, multiplexed onto
 * the HAL's one one-shot timer.
 *
 * timer->cpu names the queue whose lock guards the timer; it changes only under the lock of the
 * queue it names. A queue is armed for by its own CPU only: others may remove timers from it but
 * not insert, so the hardware may fire for a timer that is gone, never too late for one that is
 * there.
 *
 * The hardware is reprogrammed only for an earlier time. A deadline that moved away costs at most
 * one spurious interrupt, which then programs the right one; a tick that is armed and disarmed at
 * every switch costs nothing.
 *
 * timer_set_tick is called with the run queue locked, which ranks after the timer lock; so the tick
 * and what is programmed belong to the CPU itself and are touched with interrupts masked, unlocked.
 */
#include "kernel/sched/timer.h"

#include "hal/cpu.h"
#include "hal/time.h"
#include "kernel/abi/errno.h"
#include "kernel/core/clock.h"
#include "kernel/core/cpu.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"

enum timer_state { TIMER_IDLE, TIMER_ARMED };

struct timer_queue {
    struct spinlock lock;     /* LOCK_RANK_TIMER, irqsave: tree, and timers that name this CPU */
    struct rb_root tree;
    struct timer *firing;     /* atomic: its fire() is running on this CPU */

    /* This CPU only, interrupts masked. HAL time. */
    uint64_t next_ns;         /* not later than the first timer */
    uint64_t tick_ns;
    uint64_t programmed_ns;
};

static inline struct timer *timer_of(struct rb_node *node)
{
    return rb_entry_or_null(node, struct timer, node);
}

static bool timer_less(const struct rb_node *a, const struct rb_node *b)
{
    return rb_entry((struct rb_node *)a, struct timer, node)->deadline_ns <
           rb_entry((struct rb_node *)b, struct timer, node)->deadline_ns;
}

int timer_init_cpu(struct kernel *kernel, struct cpu *cpu)
{
    struct timer_queue *queue = kzalloc(sizeof *queue);

    (void)kernel;
    if (queue == NULL) {
        return -ENOMEM;
    }
    spin_lock_init(&queue->lock, LOCK_RANK_TIMER);
    rb_root_init(&queue->tree);
    queue->next_ns = queue->tick_ns = queue->programmed_ns = UINT64_MAX;
    cpu->timers = queue;
    return 0;
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
    rb_node_init(&timer->node);
    timer->deadline_ns = 0;
    timer->fire = fire;
    timer->cpu = 0;
    timer->state = TIMER_IDLE;
}

/* ---- the hardware ---- */

static uint64_t to_hal_time(uint64_t deadline_ns)
{
    uint64_t hal_ns = deadline_ns + clock_boot_base_ns();

    return hal_ns < deadline_ns ? UINT64_MAX : hal_ns;
}

static void program(struct timer_queue *queue)
{
    uint64_t earliest_ns = MIN(queue->next_ns, queue->tick_ns);

    if (earliest_ns < queue->programmed_ns) {
        queue->programmed_ns = earliest_ns;
        hal_timer_arm(earliest_ns);
    }
}

void timer_set_tick(uint64_t deadline_ns)
{
    struct timer_queue *queue = this_cpu()->timers;

    queue->tick_ns = deadline_ns;
    program(queue);
}

/* ---- arming ---- */

static struct timer_queue *lock_queue_of(struct timer *timer)
{
    const struct kernel *kernel = this_kernel();

    for (;;) {
        unsigned cpu = atomic_load_acquire(&timer->cpu);
        struct timer_queue *queue = kernel->cpus[cpu]->timers;

        spin_lock(&queue->lock);
        if (likely(atomic_load_relaxed(&timer->cpu) == cpu)) {
            return queue;
        }
        spin_unlock(&queue->lock);
    }
}

static bool disarm_locked(struct timer_queue *queue, struct timer *timer)
{
    if (timer->state != TIMER_ARMED) {
        return false;
    }
    rb_erase(&queue->tree, &timer->node, NULL);
    timer->state = TIMER_IDLE;
    return true;
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    bool irq = hal_irq_save();
    struct cpu *cpu = this_cpu();
    struct timer_queue *queue;

    /* If the timer belongs to another CPU, take it away from there first; the loop ends when it is
     * ours and locked. */
    for (;;) {
        queue = lock_queue_of(timer);
        disarm_locked(queue, timer);
        if (likely(queue == cpu->timers)) {
            break;
        }
        atomic_store_release(&timer->cpu, cpu->id);
        spin_unlock(&queue->lock);
    }
    timer->deadline_ns = deadline_ns;
    timer->state = TIMER_ARMED;
    rb_insert(&queue->tree, &timer->node, timer_less, NULL);
    spin_unlock(&queue->lock);
    queue->next_ns = MIN(queue->next_ns, to_hal_time(deadline_ns));
    program(queue);
    hal_irq_restore(irq);
}

bool timer_cancel(struct timer *timer)
{
    bool irq = hal_irq_save();
    struct timer_queue *queue = lock_queue_of(timer);
    bool was_armed = disarm_locked(queue, timer);

    spin_unlock(&queue->lock);
    hal_irq_restore(irq);
    return was_armed;
}

bool timer_cancel_sync(struct timer *timer)
{
    const struct kernel *kernel = this_kernel();
    unsigned cpus = atomic_load_acquire(&kernel->cpu_count);
    bool was_armed = timer_cancel(timer);

    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        while (atomic_load_acquire(&kernel->cpus[cpu]->timers->firing) == timer) {
            hal_cpu_relax();
        }
    }
    /* fire() may have armed it again meanwhile. */
    return timer_cancel(timer) || was_armed;
}

/* ---- expiry ---- */

/* Take the first timer that is due, or NULL and set next_ns. */
static struct timer *take_due(struct timer_queue *queue, uint64_t now_ns)
{
    struct timer *timer;

    spin_lock(&queue->lock);
    timer = timer_of(rb_first(&queue->tree));
    if (timer == NULL) {
        queue->next_ns = UINT64_MAX;
    } else if (to_hal_time(timer->deadline_ns) > now_ns) {
        queue->next_ns = to_hal_time(timer->deadline_ns);
        timer = NULL;
    } else {
        disarm_locked(queue, timer);
        atomic_store_relaxed(&queue->firing, timer);
    }
    spin_unlock(&queue->lock);
    return timer;
}

void timer_on_interrupt(void)
{
    struct timer_queue *queue = this_cpu()->timers;
    struct timer *timer;

    queue->programmed_ns = UINT64_MAX;
    while ((timer = take_due(queue, hal_time_monotonic_ns())) != NULL) {
        timer->fire(timer); /* may free the timer */
        atomic_store_release(&queue->firing, NULL);
    }
    if (queue->tick_ns <= hal_time_monotonic_ns()) {
        queue->tick_ns = UINT64_MAX;
        sched_on_tick();
    }
    program(queue);
}
