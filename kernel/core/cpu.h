/* SPDX-License-Identifier: MIT
 *
 * Per-CPU data. The only ambient state of the kernel: found through the HAL's per-CPU pointer.
 */
#ifndef KERNEL_CORE_CPU_H
#define KERNEL_CORE_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/cpu.h"

struct hal_aspace;
struct kernel;
struct thread;
struct runqueue;    /* sched/runqueue_internal.h */
struct timer_queue; /* sched/timer.c */
struct page_cpu_cache;
struct lock_trace;  /* core/spinlock.c: held locks, debug builds */

struct cpu {
    struct kernel *kernel;
    unsigned id;

    struct thread *current;       /* the running thread; written by sched with interrupts masked */
    struct thread *idle;
    struct runqueue *runqueue;
    struct timer_queue *timers;
    struct page_cpu_cache *page_cache; /* order-0 free pages */
    struct lock_trace *locks;

    unsigned irq_depth;           /* > 0 inside kernel_on_* interrupt handlers */
    bool need_resched;            /* set by wake-ups and ticks; read at return to user and yield */

    struct hal_aspace *aspace;    /* active address space */
    uint32_t work;                /* enum cpu_work bits, atomic: what the next IPI is to do */

    uint64_t context_switches;    /* for /proc/stat */
    uint64_t interrupts;
    uint64_t idle_ns, user_ns, system_ns;
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

#endif
