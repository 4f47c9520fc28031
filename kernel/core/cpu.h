/* SPDX-License-Identifier: MIT
 *
 * Per-CPU data. The only ambient state of the kernel: found through the HAL's per-CPU pointer.
 */
#ifndef KERNEL_CORE_CPU_H
#define KERNEL_CORE_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/cpu.h"
#include "kernel/lib/atomic.h"

struct hal_aspace;
struct kernel;
struct thread;
struct runqueue;    /* sched/runqueue_internal.h */
struct timer_queue; /* sched/timer.c */
struct lock_trace;  /* core/spinlock.c: held locks, debug builds */

/* What another CPU (or a context that cannot do it itself) asks of a CPU before it sends an IPI. */
enum cpu_work {
    CPU_WORK_RESCHED = 1, /* set need_resched */
    CPU_WORK_TICK = 2,    /* a second thread became runnable: program the end of the slice */
    CPU_WORK_KLOG = 8,    /* wake the readers of the log */
    CPU_WORK_KICK = 16,   /* nothing but the interrupt itself: leave user mode for a moment */
    CPU_WORK_PREEMPTED = 32, /* count the running thread as preempted: rseq(2) sees it */
};

/* Places passed to hal_cpu_schedule_point. */
enum schedule_point {
    SCHEDULE_POINT_LOCK = 1,
    SCHEDULE_POINT_WAKE,
    SCHEDULE_POINT_BLOCK,
    SCHEDULE_POINT_SYSCALL,
};

struct cpu {
    struct kernel *kernel;
    unsigned id;

    struct thread *current;       /* the running thread; written by sched with interrupts masked */
    struct thread *idle;
    struct runqueue *runqueue;
    struct timer_queue *timers;
    struct lock_trace *locks;

    unsigned irq_depth;           /* > 0 inside kernel_on_* interrupt handlers */
    bool need_resched;            /* set by wake-ups and ticks; read at return to user and yield */
    bool need_yield;              /* with it: the current thread steps back (simulation) */
    uint32_t ticks_due;           /* to be accounted to the current thread; own CPU */

    struct hal_aspace *aspace;    /* active address space */
    uint32_t work;                /* enum cpu_work bits, atomic: what the next IPI is to do */

    uint64_t context_switches;    /* for /proc/stat */
    uint64_t interrupts;
    uint64_t idle_ns, user_ns, system_ns;
    uint64_t stolen_ns;           /* the machine's host ran others; run queue's lock, atomic */
    uint64_t idle_since_ns;       /* while idle runs */
};

/* This CPU. Do not keep the pointer across anything that may block. */
static inline struct cpu *this_cpu(void)
{
    return (struct cpu *)hal_cpu_local();
}

static inline struct thread *this_thread(void)
{
    return this_cpu()->current;
}

/* Every kernel_on_* interrupt handler brackets itself with these. */
static inline void irq_enter(void)
{
    struct cpu *cpu = this_cpu();
    cpu->irq_depth++;
    atomic_store_relaxed(&cpu->interrupts, cpu->interrupts + 1); /* /proc/stat reads it */
}

static inline void irq_exit(void)
{
    this_cpu()->irq_depth--;
}

/* Ask `cpu` (also the current one) for work (enum cpu_work) and interrupt it. Any context. */
void cpu_request(struct cpu *cpu, uint32_t work);

#endif
