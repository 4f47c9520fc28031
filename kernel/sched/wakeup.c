/* SPDX-License-Identifier: MIT */
/*
 * Making threads runnable: waking, starting, interrupting, and choosing their CPU.
 *
 * Who changes a blocked thread's state to RUNNABLE, under the lock of the run queue that it left,
 * owns it until it is queued again: nobody else will queue it. Between the two it may be on its way
 * from one run queue to another with neither locked; `cpu` already names the new one, so that
 * changes of affinity and policy find the right lock. See schedule.c for why no wake-up is lost.
 */
#include "hal/cpu.h"
#include "kernel/sched/sched_internal.h"

enum {
    WAKEABLE = 1 << THREAD_INTERRUPTIBLE | 1 << THREAD_UNINTERRUPTIBLE | 1 << THREAD_KILLABLE,
};

/* ---- choosing a CPU ---- */

/* Lower is better: an idle CPU; for a real-time thread then one that it can displace at once; else
 * the one with the shortest queue, but with a liking for staying where the caches are warm. */
static unsigned cost_of(const struct thread *thread, const struct runqueue *rq, unsigned previous)
{
    unsigned runnable = atomic_load_relaxed(&rq->runnable);
    unsigned cost;

    if (runnable == 0) {
        return rq->cpu->id == previous ? 0 : 1;
    }
    if (thread->se.rt_priority > 0) {
        cost = 2 + (unsigned)atomic_load_relaxed(&rq->running_priority);
        return 2 * cost + (rq->cpu->id != previous);
    }
    return rq->cpu->id == previous ? 2 : 2 + runnable;
}

unsigned select_cpu(const struct thread *thread, unsigned previous)
{
    const struct kernel *kernel = thread->kernel;
    unsigned online = cpus_online(kernel);
    unsigned best = previous;
    unsigned best_cost = UINT32_MAX;

    if (thread_allowed_on(thread, previous) && runqueue_is_idle(cpu_runqueue(kernel, previous))) {
        return previous;
    }
    for (unsigned cpu = 0; cpu < online; cpu++) {
        unsigned cost;

        if (!thread_allowed_on(thread, cpu)) {
            continue;
        }
        cost = cost_of(thread, cpu_runqueue(kernel, cpu), previous);
        if (cost < best_cost) {
            best = cpu;
            best_cost = cost;
        }
    }
    return best;
}

/*
 * Waking an idle CPU is dear: the interrupt, and on a hosted machine a host thread that has to be
 * scheduled, tens of microseconds. Most wakers (the other end of a pipe, a parent about to wait for
 * its child) block soon, and then their own CPU is the quickest. So a thread is queued behind a
 * waker that is alone on its CPU, and goes to an idle CPU when the waker has not blocked after
 * SPREAD_NS, which is about what the interrupt would have cost (runqueue.c arms the tick for that,
 * balance.c moves it). A waker that lets others wait repeatedly is known by its sync_score, and
 * wakes onto idle CPUs at once.
 */
static bool waker_will_block(const struct cpu *cpu, const struct thread *thread)
{
    return cpu->irq_depth == 0 && thread->se.rt_priority == 0 &&
           cpu->current->sync_score >= SYNC_SCORE_LIKELY &&
           atomic_load_relaxed(&cpu->runqueue->runnable) == 1;
}

static unsigned select_wake_cpu(const struct thread *thread, unsigned previous, uint64_t now_ns)
{
    struct cpu *cpu = this_cpu();

    if (cpu->irq_depth == 0) {
        cpu->current->woke_ns = now_ns;
    }
    if (thread_allowed_on(thread, cpu->id) &&
        (runqueue_is_idle(cpu->runqueue) || waker_will_block(cpu, thread))) {
        return cpu->id;
    }
    return select_cpu(thread, previous);
}

void wake_predict(struct thread *waker, bool blocked_soon)
{
    waker->woke_ns = 0;
    if (!blocked_soon) {
        waker->sync_score -= waker->sync_score > 0;
    } else if (waker->sync_score < SYNC_SCORE_MAX) {
        waker->sync_score++;
    }
}

/* ---- queueing ---- */

static void queue_here(struct runqueue *rq, struct thread *thread, uint64_t now_ns)
{
    runqueue_enqueue(rq, thread, now_ns);
    runqueue_check_preempt(rq, thread, now_ns);
}

void place_thread(struct thread *thread, unsigned cpu)
{
    for (;;) {
        struct runqueue *rq = cpu_runqueue(thread->kernel, cpu);

        spin_lock(&rq->lock);
        if (likely(thread_allowed_on(thread, cpu))) {
            queue_here(rq, thread, sched_clock_ns());
            spin_unlock(&rq->lock);
            return;
        }
        /* The affinity changed on the way. */
        cpu = select_cpu(thread, cpu);
        atomic_store_release(&thread->cpu, cpu);
        spin_unlock(&rq->lock);
    }
}

/* ---- waking ---- */

/* The thread has left its run queue rq (locked) and is ours. Unlocks. */
static void wake_blocked(struct runqueue *rq, struct thread *thread, enum thread_state was)
{
    uint64_t now_ns = sched_clock_ns();
    unsigned target = select_wake_cpu(thread, rq->cpu->id, now_ns);

    thread->se.rt_from_ns = thread->se.sum_exec_ns;
    if (was == THREAD_UNINTERRUPTIBLE) {
        atomic_fetch_sub_relaxed(&thread->kernel->sched->uninterruptible, 1);
    }
    if (likely(target == rq->cpu->id)) {
        queue_here(rq, thread, now_ns);
        spin_unlock(&rq->lock);
        return;
    }
    atomic_store_release(&thread->cpu, target);
    spin_unlock(&rq->lock);
    place_thread(thread, target);
}

static bool state_in(enum thread_state state, unsigned set)
{
    return (set >> state) & 1;
}

bool thread_wake_state(struct thread *thread, unsigned state_set)
{
    struct runqueue *rq;
    enum thread_state state;
    bool irq;

    hal_cpu_schedule_point(SCHEDULE_POINT_WAKE);
    atomic_fence_seq(); /* orders the caller's condition before this look at the state */
    if (!state_in(atomic_load_relaxed(&thread->state), state_set)) {
        return false;
    }
    irq = hal_irq_save();
    rq = runqueue_lock_of(thread);
    state = atomic_load_relaxed(&thread->state);
    do {
        if (!state_in(state, state_set)) {
            spin_unlock(&rq->lock);
            hal_irq_restore(irq);
            return false;
        }
    } while (!atomic_cmpxchg_seq(&thread->state, &state, THREAD_RUNNABLE));
    if (thread->se.queued) {
        spin_unlock(&rq->lock); /* it has not left yet, and now will not */
    } else {
        wake_blocked(rq, thread, state);
    }
    hal_irq_restore(irq);
    return true;
}

bool thread_wake(struct thread *thread)
{
    return thread_wake_state(thread, WAKEABLE);
}

void thread_start(struct thread *thread)
{
    bool irq = hal_irq_save();
    unsigned here = this_cpu()->id;
    unsigned cpu;

    assert(thread->state == THREAD_NEW);
    atomic_store_relaxed(&thread->state, THREAD_RUNNABLE);
    thread->start_ns = sched_clock_ns() - clock_boot_base_ns();
    cpu = select_wake_cpu(thread, here, sched_clock_ns());
    atomic_store_release(&thread->cpu, cpu);
    place_thread(thread, cpu);
    hal_irq_restore(irq);
}

/* ---- interrupting ---- */

void thread_interrupt(struct thread *thread, bool fatal)
{
    unsigned set = 1 << THREAD_INTERRUPTIBLE;

    if (fatal) {
        set |= 1 << THREAD_KILLABLE | 1 << THREAD_STOPPED;
        atomic_store_seq(&thread->killed, true);
    }
    atomic_store_seq(&thread->interrupted, true);
    if (!thread_wake_state(thread, set)) {
        sched_kick(thread);
    }
}

void thread_clear_interrupt(struct thread *thread)
{
    atomic_store_seq(&thread->interrupted, false);
}

void sched_kick(struct thread *thread)
{
    /* The caller has stored what the thread has to look at; a thread looks at it after it got a CPU
     * (on_cpu) and before it enters user mode. So if it is not seen on a CPU here, it will look; and
     * should it move meanwhile, it looks by doing so. */
    atomic_fence_seq();
    if (atomic_load_relaxed(&thread->on_cpu) && thread != this_thread()) {
        struct cpu *cpu = thread->kernel->cpus[atomic_load_acquire(&thread->cpu)];

        cpu_request(cpu, CPU_WORK_KICK);
    }
}
