/* SPDX-License-Identifier: MIT */
/*
 * Load averages (proc_loadavg(5)) and other sums over all CPUs.
 *
 * Every five seconds the number of runnable and uninterruptible threads is folded into three
 * exponentially decaying averages. There is no clock tick to do this: whoever changes a run queue
 * after the time has come does it first, so the counts it uses are those of the time that has
 * passed.
 */
#include "kernel/sched/sched_internal.h"

#define LOAD_PERIOD_NS 5000000000ull

enum { FIXED_1 = 1 << 16, PERIODS_MAX = 4096 };

/* exp(-5 s / 1 min), exp(-5 s / 5 min), exp(-5 s / 15 min) in 16.16 fixed point */
static const uint64_t decay_fixed16[3] = {60296, 64453, 65173};

static unsigned active_count(struct sched_state *sched)
{
    return sched_runnable_count(sched->kernel) + atomic_load_relaxed(&sched->uninterruptible);
}

static void fold(uint64_t *load, uint64_t decay, uint64_t active_fixed, uint64_t periods)
{
    uint64_t value = atomic_load_relaxed(load);

    for (uint64_t i = 0; i < periods; i++) {
        value = (value * decay + active_fixed * (FIXED_1 - decay) + FIXED_1 / 2) / FIXED_1;
    }
    atomic_store_relaxed(load, value);
}

void load_update(struct sched_state *sched, uint64_t now_ns)
{
    uint64_t due_ns = atomic_load_relaxed(&sched->load_next_ns);
    uint64_t periods, active_fixed;

    if (likely((int64_t)(now_ns - due_ns) < 0)) {
        return;
    }
    periods = (now_ns - due_ns) / LOAD_PERIOD_NS + 1;
    if (!atomic_cmpxchg_acq_rel(&sched->load_next_ns, &due_ns, due_ns + periods * LOAD_PERIOD_NS)) {
        return; /* another CPU does it */
    }
    active_fixed = (uint64_t)active_count(sched) * FIXED_1;
    for (unsigned i = 0; i < 3; i++) {
        fold(&sched->load_fixed16[i], decay_fixed16[i], active_fixed, MIN(periods, PERIODS_MAX));
    }
}

unsigned sched_runnable_count(struct kernel *kernel)
{
    unsigned online = cpus_online(kernel);
    unsigned total = 0;

    for (unsigned cpu = 0; cpu < online; cpu++) {
        total += atomic_load_relaxed(&cpu_runqueue(kernel, cpu)->runnable);
    }
    return total;
}

void sched_load_average(struct kernel *kernel, uint64_t out_fixed16[3])
{
    load_update(kernel->sched, sched_clock_ns());
    for (unsigned i = 0; i < 3; i++) {
        out_fixed16[i] = atomic_load_relaxed(&kernel->sched->load_fixed16[i]);
    }
}

void sched_cpu_usage(struct kernel *kernel, unsigned cpu, struct sched_cpu_usage *out)
{
    struct cpu *target = kernel->cpus[cpu];
    struct runqueue *rq = target->runqueue;
    bool irq = spin_lock_irqsave(&rq->lock);

    out->user_ns = atomic_load_relaxed(&target->user_ns);
    out->system_ns = atomic_load_relaxed(&target->system_ns);
    out->idle_ns = atomic_load_relaxed(&target->idle_ns);
    out->stolen_ns = atomic_load_relaxed(&target->stolen_ns);
    out->context_switches = atomic_load_relaxed(&target->context_switches);
    out->interrupts = atomic_load_relaxed(&target->interrupts);
    if (rq->current == rq->idle) {
        int64_t stretch_ns = (int64_t)(sched_clock_ns() - target->idle_since_ns);

        out->idle_ns += stretch_ns > 0 ? (uint64_t)stretch_ns : 0;
    }
    spin_unlock_irqrestore(&rq->lock, irq);
}
