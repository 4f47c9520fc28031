/* SPDX-License-Identifier: MIT */
/*
 * Switching threads: blocking, yielding, rescheduling, and the accounting that goes with it.
 *
 * A switch: the outgoing thread takes its run queue's lock, picks, and switches contexts with the
 * lock held; the incoming one finishes the switch (finish_switch): only then is the outgoing
 * thread's on_cpu cleared and the lock released. Until then nobody can start the outgoing thread
 * elsewhere, because waking it takes the same lock; afterwards its context is complete in memory.
 *
 * Why no wake-up is lost. A waiter does
 *     W1 state = blocked;   W2 look at the condition;   W3 sched_block: under the lock, if state is
 *     still blocked, leave the queue
 * and a waker does
 *     K1 make the condition true;   K2 look at state;   K3 if blocked: under the lock, state =
 *     RUNNABLE, and queue the thread if it has left.
 * W1 is a sequentially consistent store and K2 follows a full fence, so W2 sees K1 or K2 sees W1
 * (or both). In the second case K3 comes before W3, which then finds RUNNABLE and returns, or after
 * it, and queues the thread. Condition loops make a wake-up too many harmless.
 *
 * A thread's own stores to its state need no lock: only the thread itself leaves RUNNABLE, and
 * others only change a blocked state to RUNNABLE, by compare-exchange under the lock.
 */
#include "hal/aspace.h"
#include "hal/context.h"
#include "hal/cpu.h"
#include "kernel/sched/sched_internal.h"
#include "kernel/sched/timer.h"

/* ---- accounting ---- */

/* CPU time as such is measured exactly, at every switch. How it divides into user and system time
 * is sampled, for reading a clock twice in every system call would be a good part of a short one:
 * the tick counts, and who comes next knows what it has interrupted. */

static void add_time(uint64_t *counter, uint64_t ns)
{
    atomic_store_relaxed(counter, *counter + ns); /* one writer */
}

static void account_idle(struct cpu *cpu, uint64_t now_ns)
{
    if (now_ns > cpu->idle_since_ns) {
        add_time(&cpu->idle_ns, now_ns - cpu->idle_since_ns);
    }
}

static void account_ticks(struct cpu *cpu, bool user)
{
    struct thread *thread = cpu->current;
    uint32_t *ticks = user ? &thread->user_ticks : &thread->system_ticks;

    atomic_store_relaxed(ticks, *ticks + cpu->ticks_due);
    add_time(user ? &cpu->user_ns : &cpu->system_ns, cpu->ticks_due * ACCOUNT_TICK_NS);
    cpu->ticks_due = 0;
}

void sched_account_ticks(bool user)
{
    bool irq = hal_irq_save();

    account_ticks(this_cpu(), user);
    hal_irq_restore(irq);
}

/* As much of `total` as `part` is of `whole`. */
static uint64_t proportion(uint64_t total, uint32_t part, uint32_t whole)
{
    return total / whole * part + total % whole * part / whole;
}

static uint64_t charged_ns(struct runqueue *rq, struct thread *thread)
{
    if (rq->current == thread) {
        runqueue_charge_current(rq, sched_clock_ns());
    }
    return thread->se.sum_exec_ns;
}

void sched_cpu_times(struct thread *thread, uint64_t *out_user_ns, uint64_t *out_system_ns)
{
    bool irq = hal_irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);
    uint64_t total_ns = charged_ns(rq, thread), system_ns = 0;
    uint32_t system_ticks = atomic_load_relaxed(&thread->system_ticks);
    uint32_t ticks = system_ticks + atomic_load_relaxed(&thread->user_ticks);

    if (ticks > 0) {
        system_ns = proportion(total_ns, system_ticks, ticks);
    }
    /* Neither ever runs backwards. */
    system_ns = MAX(system_ns, thread->stime_ns);
    if (total_ns - system_ns < thread->utime_ns) {
        system_ns = total_ns - thread->utime_ns;
    }
    *out_system_ns = thread->stime_ns = system_ns;
    *out_user_ns = thread->utime_ns = total_ns - system_ns;
    spin_unlock(&rq->lock);
    hal_irq_restore(irq);
}

uint64_t sched_cpu_time_ns(struct thread *thread)
{
    bool irq = hal_irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);
    uint64_t total_ns = charged_ns(rq, thread);

    spin_unlock(&rq->lock);
    hal_irq_restore(irq);
    return total_ns;
}

bool sched_rt_time(struct thread *thread, uint64_t *out_ns)
{
    bool irq = hal_irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);
    bool is_rt = policy_is_rt(thread->se.policy);

    *out_ns = charged_ns(rq, thread) - thread->se.rt_from_ns;
    spin_unlock(&rq->lock);
    hal_irq_restore(irq);
    return is_rt;
}

/* ---- the switch ---- */

static void finish_switch(void)
{
    struct runqueue *rq = this_runqueue();
    struct thread *previous = rq->switched_from;
    struct thread *migrating = rq->migrating;
    bool dead = atomic_load_relaxed(&previous->state) == THREAD_DEAD;
    unsigned target = 0;

    rq->switched_from = NULL;
    rq->migrating = NULL;
    atomic_store_release(&previous->on_cpu, false);
    if (migrating != NULL) {
        target = select_cpu(migrating, rq->cpu->id);
        atomic_store_release(&migrating->cpu, target);
    }
    spin_unlock(&rq->lock);
    if (dead) {
        thread_reap(previous);
    }
    if (migrating != NULL) {
        place_thread(migrating, target);
    }
}

void schedule_finish_first(void)
{
    finish_switch();
}

static void activate_aspace(struct cpu *cpu, struct hal_aspace *aspace)
{
    if (cpu->aspace != aspace) {
        cpu->aspace = aspace;
        hal_aspace_activate(aspace);
    }
}

void thread_set_aspace(struct hal_aspace *aspace)
{
    bool irq = hal_irq_save();
    struct cpu *cpu = this_cpu();

    cpu->current->aspace = aspace;
    activate_aspace(cpu, aspace);
    hal_irq_restore(irq);
}

static void switch_to(struct runqueue *rq, struct thread *previous, struct thread *next,
                      uint64_t now_ns)
{
    struct cpu *cpu = rq->cpu;

    runqueue_put_prev(rq, previous);
    runqueue_set_next(rq, next, now_ns);
    account_ticks(cpu, false);
    if (previous == cpu->idle) {
        account_idle(cpu, now_ns);
        rq->account_ns = now_ns - now_ns % ACCOUNT_TICK_NS + ACCOUNT_TICK_NS;
    } else if (next == cpu->idle) {
        cpu->idle_since_ns = now_ns;
    }
    if (previous->se.queued) {
        atomic_store_relaxed(&previous->involuntary_switches, previous->involuntary_switches + 1);
    } else {
        atomic_store_relaxed(&previous->voluntary_switches, previous->voluntary_switches + 1);
    }
    atomic_store_relaxed(&cpu->context_switches, cpu->context_switches + 1);
    rq->current = next;
    rq->switched_from = previous;
    cpu->current = next;
    runqueue_note_priority(rq);
    /* Before it looks at `interrupted` on its way to user mode: see sched_kick. */
    atomic_store_seq(&next->on_cpu, true);
    activate_aspace(cpu, next->aspace);
    runqueue_update_tick(rq, now_ns);
    hal_context_switch(&previous->context, &next->context);
    finish_switch(); /* previous and rq are those of another time here */
}

void schedule_locked(struct runqueue *rq, uint64_t now_ns)
{
    struct thread *previous = rq->current;
    struct thread *next;

    if (previous->se.queued && unlikely(!thread_allowed_on(previous, rq->cpu->id))) {
        runqueue_dequeue(rq, previous);
        rq->migrating = previous;
    }
    next = runqueue_pick(rq, now_ns);
    if (next == rq->idle && previous != rq->idle && balance_pull(rq, true)) {
        next = runqueue_pick(rq, now_ns);
    }
    rq->cpu->need_resched = false;
    if (next == previous) {
        previous->se.picked_deadline = previous->se.deadline;
        runqueue_update_tick(rq, now_ns);
        spin_unlock(&rq->lock);
        return;
    }
    switch_to(rq, previous, next, now_ns);
}

/* ---- giving up the CPU ---- */

static struct runqueue *lock_this_runqueue(void)
{
    struct runqueue *rq = this_runqueue();

    spin_lock(&rq->lock);
    return rq;
}

void sched_prepare_block(enum thread_state state)
{
    atomic_store_seq(&this_thread()->state, state);
}

void sched_finish_block(void)
{
    atomic_store_relaxed(&this_thread()->state, THREAD_RUNNABLE);
}

void sched_block(void)
{
    struct thread *thread = this_thread();
    struct runqueue *rq;
    enum thread_state state;
    uint64_t now_ns;
    bool irq;

    if (ASSAY_DEBUG) {
        lock_trace_assert_may_block();
    }
    hal_cpu_schedule_point(SCHEDULE_POINT_BLOCK);
    irq = hal_irq_save();
    rq = lock_this_runqueue();
    state = atomic_load_relaxed(&thread->state);
    if (state == THREAD_RUNNABLE) {
        spin_unlock(&rq->lock);
        hal_irq_restore(irq);
        return;
    }
    now_ns = sched_clock_ns();
    load_update(thread->kernel->sched, now_ns);
    if (state == THREAD_UNINTERRUPTIBLE) {
        atomic_fetch_add_relaxed(&thread->kernel->sched->uninterruptible, 1);
    }
    if (thread->woke_ns != 0) {
        wake_predict(thread, now_ns - thread->woke_ns < SPREAD_NS);
    }
    runqueue_charge_current(rq, now_ns);
    runqueue_dequeue(rq, thread);
    schedule_locked(rq, now_ns);
    hal_irq_restore(irq);
}

static void reschedule(bool yield)
{
    bool irq = hal_irq_save();
    struct runqueue *rq = lock_this_runqueue();
    uint64_t now_ns = sched_clock_ns();

    runqueue_charge_current(rq, now_ns);
    if (yield && rq->current != rq->idle) {
        if (policy_is_rt(rq->current->se.policy)) {
            rq->current->se.rr_left_ns = 0;
        } else {
            fair_yield(&rq->fair);
        }
    }
    schedule_locked(rq, now_ns);
    hal_irq_restore(irq);
}

void sched_yield_cpu(void)
{
    if (ASSAY_DEBUG) {
        lock_trace_assert_may_block();
    }
    reschedule(true);
}

void sched_resched_if_needed(void)
{
    if (!this_cpu()->need_resched) {
        return;
    }
    if (ASSAY_DEBUG) {
        lock_trace_assert_may_block();
    }
    bool yield = this_cpu()->need_yield;

    this_cpu()->need_yield = false;
    reschedule(yield);
}

/* ---- with a deadline ---- */

struct block_timer {
    struct timer timer;
    struct thread *thread;
    bool expired; /* atomic */
};

static void block_timer_fire(struct timer *timer)
{
    struct block_timer *block = container_of(timer, struct block_timer, timer);
    struct thread *thread = block->thread;

    atomic_store_release(&block->expired, true);
    thread_wake(thread);
}

bool sched_block_until(uint64_t deadline_ns)
{
    struct block_timer block;

    if (deadline_ns == UINT64_MAX) {
        sched_block();
        return false;
    }
    block.thread = this_thread();
    block.expired = false;
    timer_init(&block.timer, block_timer_fire);
    timer_arm(&block.timer, deadline_ns);
    sched_block();
    timer_cancel_sync(&block.timer);
    return atomic_load_acquire(&block.expired);
}

/* ---- interrupts ---- */

void sched_on_tick(void)
{
    struct runqueue *rq = lock_this_runqueue();
    uint64_t now_ns = sched_clock_ns();

    rq->tick_ns = UINT64_MAX;
    runqueue_charge_current(rq, now_ns);
    if (rq->current != rq->idle && now_ns >= rq->account_ns) {
        bool stolen = now_ns - rq->account_ns > STOLEN_MIN_NS;

        rq->cpu->ticks_due++; /* those that were missed had no CPU to happen on */
        rq->account_ns = (stolen ? now_ns : rq->account_ns) + ACCOUNT_TICK_NS;
    }
    load_update(rq->cpu->kernel->sched, now_ns);
    if (rq->runnable >= 2) {
        balance_tick(rq, now_ns);
    }
    if (runqueue_pick(rq, now_ns) != rq->current) {
        rq->cpu->need_resched = true;
    }
    runqueue_update_tick(rq, now_ns);
    spin_unlock(&rq->lock);
}
