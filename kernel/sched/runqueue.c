/* SPDX-License-Identifier: MIT */
/*
 * A CPU's run queue: the two classes put together, who runs next, and when the tick is needed.
 *
 * The tick runs only while it can change something: a fair thread with competitors (end of its
 * slice), an RR thread with equals (end of its quantum), real-time and fair threads together
 * (throttling), a queued thread that an idle CPU might take (SPREAD_NS after it was queued); and to
 * sample what CPU time goes to (ACCOUNT_TICK_NS). An idle CPU has no tick.
 *
 * Locking: see sched_internal.h; everything here runs with the queue's lock held.
 */
#include "kernel/sched/sched_internal.h"
#include "kernel/sched/timer.h"

static inline struct thread *thread_of(struct sched_entity *entity)
{
    return entity == NULL ? NULL : container_of(entity, struct thread, se);
}

struct runqueue *runqueue_lock_of(struct thread *thread)
{
    for (;;) {
        unsigned cpu = atomic_load_acquire(&thread->cpu);
        struct runqueue *rq = cpu_runqueue(thread->kernel, cpu);

        spin_lock(&rq->lock);
        if (likely(atomic_load_relaxed(&thread->cpu) == cpu)) {
            return rq;
        }
        spin_unlock(&rq->lock);
    }
}

void runqueue_init(struct runqueue *rq, struct cpu *cpu, struct thread *idle)
{
    spin_lock_init(&rq->lock, LOCK_RANK_RUNQUEUE);
    rq->cpu = cpu;
    rq->current = idle;
    rq->idle = idle;
    rq->switched_from = NULL;
    rq->migrating = NULL;
    rq->runnable = 0;
    rq->running_priority = 0;
    rq->tick_ns = UINT64_MAX;
    rq->balance_ns = 0;
    rq->spread_ns = UINT64_MAX;
    fair_queue_init(&rq->fair);
    rt_queue_init(&rq->rt);
}

/* ---- accounting ---- */

/* The tick of accounting runs whenever somebody but idle does. Where it is overdue, a host has let
 * others use this CPU (a busy machine below QEMU, or below the process that we are): what lies
 * between is nobody's CPU time. Asking a host how long it took would cost a call at each switch. */
static uint64_t ran_until(struct runqueue *rq, uint64_t now_ns)
{
    uint64_t until_ns = rq->account_ns + STOLEN_MIN_NS, from_ns = rq->current->se.exec_start_ns;

    if (now_ns <= until_ns) {
        return now_ns;
    }
    until_ns = MAX(until_ns, from_ns);
    atomic_store_relaxed(&rq->cpu->stolen_ns, rq->cpu->stolen_ns + (now_ns - until_ns));
    return until_ns;
}

void runqueue_charge_current(struct runqueue *rq, uint64_t now_ns)
{
    struct thread *thread = rq->current;
    struct sched_entity *entity = &thread->se;
    int64_t exec_ns = (int64_t)(now_ns - entity->exec_start_ns);
    bool turn_over;

    if (exec_ns <= 0 || thread == rq->idle || !entity->queued) {
        return; /* clocks of two CPUs may differ by a little */
    }
    exec_ns = (int64_t)(ran_until(rq, now_ns) - entity->exec_start_ns);
    entity->exec_start_ns = now_ns;
    entity->sum_exec_ns += (uint64_t)exec_ns;
    if (policy_is_rt(entity->policy)) {
        turn_over = rt_charge(&rq->rt, entity, now_ns, (uint64_t)exec_ns);
    } else {
        turn_over = fair_charge(&rq->fair, (uint64_t)exec_ns) && rq->fair.count > 0;
    }
    if (turn_over) {
        runqueue_resched(rq);
    }
}

static void set_runnable(struct runqueue *rq, unsigned runnable)
{
    struct sched_state *sched = rq->cpu->kernel->sched;
    uint64_t bit = 1ull << rq->cpu->id;

    if (runnable == 0) {
        atomic_fetch_or_seq(&sched->idle_cpus, bit);
    } else if (rq->runnable == 0) {
        atomic_fetch_and_seq(&sched->idle_cpus, ~bit);
    }
    atomic_store_relaxed(&rq->runnable, runnable);
}

/* ---- membership ---- */

void runqueue_attach(struct runqueue *rq, struct thread *thread)
{
    struct sched_entity *entity = &thread->se;

    if (policy_is_rt(entity->policy)) {
        if (thread != rq->current) {
            rt_enqueue(&rq->rt, entity, false);
        }
    } else if (thread == rq->current) {
        fair_enqueue_current(&rq->fair, entity);
    } else {
        fair_enqueue(&rq->fair, entity);
    }
}

void runqueue_detach(struct runqueue *rq, struct thread *thread)
{
    struct sched_entity *entity = &thread->se;

    if (!policy_is_rt(entity->policy)) {
        fair_dequeue(&rq->fair, entity);
    } else if (thread != rq->current) {
        rt_dequeue(&rq->rt, entity);
    }
}

void runqueue_enqueue(struct runqueue *rq, struct thread *thread, uint64_t now_ns)
{
    load_update(thread->kernel->sched, now_ns);
    runqueue_charge_current(rq, now_ns); /* placement is relative to an up to date average */
    thread->se.queued = true;
    runqueue_attach(rq, thread);
    set_runnable(rq, rq->runnable + 1);
    if (rq->runnable >= 2 && rq->spread_ns == UINT64_MAX &&
        (atomic_load_relaxed(&thread->kernel->sched->idle_cpus) & thread->affinity.bits) != 0) {
        rq->spread_ns = now_ns + SPREAD_NS;
    }
}

void runqueue_dequeue(struct runqueue *rq, struct thread *thread)
{
    runqueue_detach(rq, thread);
    thread->se.queued = false;
    set_runnable(rq, rq->runnable - 1);
}

/* ---- choice ---- */

static bool fair_has_somebody(const struct runqueue *rq)
{
    return rq->fair.count > 0 || rq->fair.current != NULL;
}

struct thread *runqueue_pick(struct runqueue *rq, uint64_t now_ns)
{
    struct sched_entity *current = rq->current->se.queued ? &rq->current->se : NULL;
    struct sched_entity *best;

    if (current != NULL && !policy_is_rt(current->policy)) {
        current = NULL; /* the fair queue knows it */
    }
    if (current != NULL || rq->rt.count > 0) {
        if (!fair_has_somebody(rq) || !rt_throttled(&rq->rt, now_ns)) {
            best = rt_pick(&rq->rt, current);
            if (best->rr_left_ns == 0) {
                best->rr_left_ns = RR_QUANTUM_NS;
            }
            return thread_of(best);
        }
    }
    best = fair_pick(&rq->fair);
    return best != NULL ? thread_of(best) : rq->idle;
}

void runqueue_set_next(struct runqueue *rq, struct thread *thread, uint64_t now_ns)
{
    struct sched_entity *entity = &thread->se;

    entity->exec_start_ns = now_ns;
    if (thread == rq->idle) {
        return;
    }
    if (policy_is_rt(entity->policy)) {
        rt_dequeue(&rq->rt, entity);
    } else {
        fair_set_next(&rq->fair, entity);
    }
}

void runqueue_put_prev(struct runqueue *rq, struct thread *thread)
{
    struct sched_entity *entity = &thread->se;

    if (thread == rq->idle || !entity->queued) {
        return;
    }
    if (policy_is_rt(entity->policy)) {
        /* Displaced by a higher priority it stays first; at the end of its turn it goes last. */
        rt_enqueue(&rq->rt, entity, entity->rr_left_ns != 0);
        if (entity->rr_left_ns == 0) {
            entity->rr_left_ns = RR_QUANTUM_NS;
        }
    } else {
        fair_put_prev(&rq->fair, entity);
    }
}

/* ---- preemption and tick ---- */

void runqueue_resched(struct runqueue *rq)
{
    if (rq->cpu == this_cpu()) {
        rq->cpu->need_resched = true;
    } else {
        cpu_request(rq->cpu, CPU_WORK_RESCHED);
    }
}

static bool displaces_current(struct runqueue *rq, const struct thread *woken)
{
    const struct sched_entity *current = &rq->current->se;

    if (rq->current == rq->idle || !current->queued) {
        return true;
    }
    if (policy_is_rt(woken->se.policy)) {
        return !policy_is_rt(current->policy) || woken->se.rt_priority > current->rt_priority;
    }
    if (policy_is_rt(current->policy)) {
        return false;
    }
    if (woken->se.policy == SCHED_IDLE || woken->se.policy == SCHED_BATCH) {
        return false;
    }
    return current->policy == SCHED_IDLE || fair_pick(&rq->fair) != current;
}

void runqueue_check_preempt(struct runqueue *rq, struct thread *woken, uint64_t now_ns)
{
    if (displaces_current(rq, woken)) {
        runqueue_resched(rq);
    } else if (rq->cpu == this_cpu()) {
        runqueue_update_tick(rq, now_ns);
    } else if (rq->tick_ns == UINT64_MAX) {
        cpu_request(rq->cpu, CPU_WORK_TICK);
    }
}

static uint64_t tick_deadline(struct runqueue *rq, uint64_t now_ns)
{
    const struct sched_entity *current = &rq->current->se;
    uint64_t deadline = UINT64_MAX;

    if (rq->runnable < 2) {
        rq->spread_ns = UINT64_MAX;
    }
    if (rq->current == rq->idle || !current->queued) {
        return UINT64_MAX;
    }
    if (rq->runnable < 2) {
        return rq->account_ns;
    }
    if (!policy_is_rt(current->policy)) {
        if (rq->fair.count > 0) {
            deadline = now_ns + fair_slice_left_ns(&rq->fair);
        }
        if (rq->rt.count > 0) {
            deadline = MIN(deadline, rq->rt.period_start_ns + RT_PERIOD_NS);
        }
    } else {
        if (current->policy == SCHED_RR) {
            deadline = now_ns + current->rr_left_ns;
        }
        if (rq->fair.count > 0 && rq->rt.used_ns < RT_RUNTIME_NS) {
            deadline = MIN(deadline, now_ns + RT_RUNTIME_NS - rq->rt.used_ns);
        }
    }
    deadline = MIN(MAX(deadline, now_ns + TICK_MIN_NS), rq->spread_ns);
    return MIN(deadline, rq->account_ns);
}

void runqueue_update_tick(struct runqueue *rq, uint64_t now_ns)
{
    uint64_t deadline = tick_deadline(rq, now_ns);

    if (deadline != rq->tick_ns) {
        rq->tick_ns = deadline;
        timer_set_tick(deadline);
    }
}
