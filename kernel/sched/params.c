/* SPDX-License-Identifier: MIT */
/*
 * Scheduling parameters: policy, nice, affinity (sched(7), setpriority(2), sched_setaffinity(2)).
 * They are guarded by the lock of the thread's run queue. Permission checks are the callers'.
 */
#include "hal/cpu.h"
#include "kernel/sched/sched_internal.h"

/* What is asked for a thread. */
struct class {
    int policy, nice, rt_priority;
    int lent; /* sched_lend_priority */
};

static struct class class_of(const struct sched_entity *entity)
{
    return (struct class){entity->own_policy, entity->nice, entity->own_rt_priority,
                          entity->lent_rt_priority};
}

static void set_class(struct sched_entity *entity, struct class class)
{
    if (!policy_is_rt(entity->policy)) {
        entity->rt_from_ns = entity->sum_exec_ns;
    }
    entity->nice = class.nice;
    entity->own_policy = entity->policy = class.policy;
    entity->own_rt_priority = policy_is_rt(class.policy) ? class.rt_priority : 0;
    entity->rt_priority = MAX(entity->own_rt_priority, class.lent);
    entity->lent_rt_priority = class.lent;
    if (entity->rt_priority > 0 && !policy_is_rt(entity->policy)) {
        entity->policy = SCHED_FIFO;
    }
    entity->rr_left_ns = RR_QUANTUM_NS;
    fair_reweight(entity, fair_weight(class.policy, class.nice));
}

/* Change the parameters of a thread that may be queued or running; rq is its run queue. */
static void change_class_locked(struct runqueue *rq, struct thread *thread, struct class class)
{
    if (!thread->se.queued) {
        set_class(&thread->se, class);
    } else {
        runqueue_charge_current(rq, sched_clock_ns());
        runqueue_detach(rq, thread);
        set_class(&thread->se, class);
        runqueue_attach(rq, thread);
        runqueue_note_priority(rq);
        runqueue_resched(rq);
    }
}

void sched_set_policy(struct thread *thread, int policy, int rt_priority, bool reset_on_fork)
{
    bool irq = hal_irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);
    struct class class = class_of(&thread->se);

    atomic_store_relaxed(&thread->se.reset_on_fork, reset_on_fork);
    class.policy = policy;
    class.rt_priority = rt_priority;
    change_class_locked(rq, thread, class);
    spin_unlock(&rq->lock);
    hal_irq_restore(irq);
}

void sched_set_nice(struct thread *thread, int nice)
{
    bool irq = hal_irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);
    struct class class = class_of(&thread->se);

    class.nice = nice;
    change_class_locked(rq, thread, class);
    spin_unlock(&rq->lock);
    hal_irq_restore(irq);
}

int sched_lend_priority(struct thread *thread, int rt_priority)
{
    bool irq = hal_irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);
    struct class class = class_of(&thread->se);
    int result;

    if (class.lent != rt_priority) {
        class.lent = rt_priority;
        change_class_locked(rq, thread, class);
    }
    result = thread->se.rt_priority;
    spin_unlock(&rq->lock);
    hal_irq_restore(irq);
    return result;
}

void sched_get_params(struct thread *thread, struct sched_params *out)
{
    bool irq = hal_irq_save();
    struct runqueue *rq = runqueue_lock_of(thread);

    out->policy = thread->se.own_policy;
    out->nice = thread->se.nice;
    out->rt_priority = thread->se.own_rt_priority;
    out->effective_rt_priority = thread->se.rt_priority;
    out->reset_on_fork = atomic_load_relaxed(&thread->se.reset_on_fork);
    out->affinity = thread->affinity;
    spin_unlock(&rq->lock);
    hal_irq_restore(irq);
}

uint64_t sched_interval_ns(struct thread *thread)
{
    struct sched_params params;

    sched_get_params(thread, &params);
    if (policy_is_rt(params.policy)) {
        return params.policy == SCHED_RR ? RR_QUANTUM_NS : 0;
    }
    return SLICE_NS;
}

struct cpu_mask sched_online_mask(const struct kernel *kernel)
{
    return (struct cpu_mask){~0ull >> (64 - cpus_online(kernel))};
}

/* A queued thread whose CPU is no longer allowed moves; rq is its run queue, locked. Unlocks. */
static void leave_forbidden_cpu(struct runqueue *rq, struct thread *thread)
{
    unsigned target;

    if (thread == rq->current) {
        runqueue_resched(rq); /* it moves itself, in schedule_locked */
        spin_unlock(&rq->lock);
        return;
    }
    runqueue_charge_current(rq, sched_clock_ns());
    runqueue_dequeue(rq, thread);
    target = select_cpu(thread, rq->cpu->id);
    atomic_store_release(&thread->cpu, target);
    spin_unlock(&rq->lock);
    place_thread(thread, target);
}

int sched_set_affinity(struct thread *thread, struct cpu_mask mask)
{
    struct runqueue *rq;
    bool irq;

    mask.bits &= sched_online_mask(thread->kernel).bits;
    if (mask.bits == 0) {
        return -EINVAL;
    }
    irq = hal_irq_save();
    rq = runqueue_lock_of(thread);
    thread->affinity = mask;
    if (thread->se.queued && !thread_allowed_on(thread, rq->cpu->id)) {
        leave_forbidden_cpu(rq, thread);
    } else {
        spin_unlock(&rq->lock);
    }
    hal_irq_restore(irq);
    if (thread == this_thread()) {
        sched_resched_if_needed();
    }
    return 0;
}

void sched_inherit(struct thread *child, const struct thread *parent)
{
    struct sched_params params;
    int policy;

    sched_get_params((struct thread *)parent, &params);
    policy = params.policy;
    if (params.reset_on_fork) {
        if (policy_is_rt(policy)) {
            policy = SCHED_NORMAL;
        }
        params.nice = MAX(params.nice, 0);
    }
    child->affinity = params.affinity;
    child->se.reset_on_fork = false;
    set_class(&child->se, (struct class){policy, params.nice, params.rt_priority, 0});
}
