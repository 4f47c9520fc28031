/* SPDX-License-Identifier: MIT */
/*
 * Bringing CPUs into the scheduler, the idle loop, and the scheduler's side of interrupts.
 *
 * The context that entered the kernel on a CPU becomes its idle thread. It runs when nothing else
 * can, is on no queue, and never blocks.
 */
#include "hal/context.h"
#include "hal/cpu.h"
#include "hal/kernel_on.h"
#include "kernel/core/init.h"
#include "kernel/core/klog.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched_internal.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"
#include "kernel/security/cred.h"

int sched_init_cpu(struct kernel *kernel, struct cpu *cpu)
{
    struct runqueue *rq = kzalloc(sizeof *rq);
    struct thread *idle = kzalloc(sizeof *idle);
    int error = rq == NULL || idle == NULL ? -ENOMEM : timer_init_cpu(kernel, cpu);

    if (error < 0) {
        kfree(rq);
        kfree(idle);
        return error;
    }
    thread_init_idle(idle, kernel, cpu->id);
    runqueue_init(rq, cpu, idle);
    cpu->runqueue = rq;
    cpu->idle = idle;
    cpu->current = idle;
    cpu->idle_since_ns = sched_clock_ns();
    return 0;
}

int sched_init(struct kernel *kernel)
{
    struct sched_state *sched = kzalloc(sizeof *sched);

    if (sched == NULL) {
        return -ENOMEM;
    }
    kernel->sched = sched;
    sched->kernel = kernel;
    spin_lock_init(&sched->stacks.lock, LOCK_RANK_OBJECT);
    sched->load_next_ns = sched_clock_ns() + 5000000000ull;
    sched->root_cred = cred_create_root();
    if (sched->root_cred == NULL) {
        return -ENOMEM;
    }
    sched->idle_cpus = 1;
    return sched_init_cpu(kernel, kernel->cpus[0]);
}

/* ---- other CPUs ---- */

static struct cpu *cpu_create(struct kernel *kernel, unsigned id)
{
    struct cpu *cpu = kzalloc(sizeof *cpu);

    if (cpu == NULL) {
        return NULL;
    }
    cpu->kernel = kernel;
    cpu->id = id;
    cpu->locks = kzalloc(sizeof *cpu->locks);
    if (cpu->locks == NULL || sched_init_cpu(kernel, cpu) < 0) {
        return NULL; /* what it has is lost: a machine that is out of memory at boot is lost, too */
    }
    return cpu;
}

void sched_start_cpus(struct kernel *kernel)
{
    for (unsigned id = 1; id < kernel->boot->cpu_count; id++) {
        struct cpu *cpu = cpu_create(kernel, id);
        int error;

        if (cpu == NULL) {
            klog_err("CPU %u: no memory", id);
            return;
        }
        kernel->cpus[id] = cpu;
        error = hal_cpu_start(id, cpu);
        if (error < 0) {
            klog_err("CPU %u did not start: error %d", id, -error);
            return;
        }
        atomic_store_release(&kernel->cpu_count, id + 1);
        atomic_fetch_or_seq(&kernel->sched->idle_cpus, 1ull << id);
    }
}

void kernel_on_cpu_start(unsigned cpu)
{
    assert(this_cpu() != NULL && this_cpu()->id == cpu);
    sched_idle_loop();
}

/* ---- idle ---- */

/* Something to run? Interrupts masked. */
static bool find_work(struct runqueue *rq)
{
    spin_lock(&rq->lock);
    if (rq->runnable > 0 || balance_pull(rq, false)) {
        schedule_locked(rq, sched_clock_ns()); /* unlocks */
        return true;
    }
    spin_unlock(&rq->lock);
    return false;
}

void sched_idle_loop(void)
{
    struct cpu *cpu = this_cpu(); /* an idle thread stays on its CPU */

    hal_irq_disable();
    for (;;) {
        if (find_work(cpu->runqueue)) {
            continue;
        }
        if (stack_cache_is_large(cpu->kernel->sched)) {
            hal_irq_enable();
            stack_cache_trim(cpu->kernel->sched, 8);
            hal_irq_disable();
            continue;
        }
        /* Whoever queues a thread here after find_work looked sends an interrupt, which stays
         * pending until hal_cpu_idle unmasks. */
        hal_cpu_idle();
    }
}

/* ---- interrupts ---- */

void sched_on_ipi(void)
{
    struct cpu *cpu = this_cpu();
    uint32_t work = atomic_exchange_seq(&cpu->work, 0);

    if (work & CPU_WORK_RESCHED) {
        cpu->need_resched = true;
    }
    if (work & CPU_WORK_PREEMPTED) {
        struct thread *thread = this_thread();
        atomic_store_relaxed(&thread->involuntary_switches, thread->involuntary_switches + 1);
    }
    if (work & CPU_WORK_TICK) {
        struct runqueue *rq = cpu->runqueue;

        spin_lock(&rq->lock);
        runqueue_charge_current(rq, sched_clock_ns());
        runqueue_update_tick(rq, sched_clock_ns());
        spin_unlock(&rq->lock);
    }
    if (work & CPU_WORK_KLOG) {
        wake_all(klog_wait_queue());
    }
}

void kernel_on_timer(void)
{
    irq_enter();
    timer_on_interrupt();
    irq_exit();
}

/* Which thread runs instead is for the classes to say, as after sched_yield(2). */
void kernel_on_preempt(void)
{
    irq_enter();
    this_cpu()->need_resched = true;
    this_cpu()->need_yield = true;
    irq_exit();
}

void kernel_on_ipi(void)
{
    irq_enter();
    sched_on_ipi();
    irq_exit();
}
