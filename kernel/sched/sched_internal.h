/* SPDX-License-Identifier: MIT
 *
 * Run queues and what the files of sched/ share.
 *
 * One run queue per CPU. Its lock guards everything in it and, of each thread whose `cpu` field
 * names it: state changes made by others, se, affinity, and `cpu` itself. Two run queue locks are
 * taken in order of CPU ids. The lock is held across a context switch: the thread that switches
 * away takes it, the one that is switched to releases it (finish_switch). So whoever holds the lock
 * of thread->cpu and finds the thread not queued knows that its context is saved and may be started
 * elsewhere.
 */
#ifndef KERNEL_SCHED_SCHED_INTERNAL_H
#define KERNEL_SCHED_SCHED_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/time.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/core/clock.h"
#include "kernel/core/cpu.h"
#include "kernel/core/kernel.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/sched/fair.h"
#include "kernel/sched/rt.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"

#define ACCOUNT_TICK_NS 4000000ull    /* CPU time is divided into user and system by such samples */
#define STOLEN_MIN_NS 2000000ull      /* a tick later than this: the CPU itself was away */
#define TICK_MIN_NS     50000ull      /* no two ticks of the classes closer than this */
#define SPREAD_NS       100000ull     /* a queued thread waits so long before an idle CPU gets it */

/* ---- run queues (runqueue.c) ---- */

enum { SYNC_SCORE_MAX = 3, SYNC_SCORE_LIKELY = 2 };

struct runqueue {
    struct spinlock lock;
    struct cpu *cpu;
    struct thread *current;       /* equal to cpu->current */
    struct thread *idle;
    struct thread *switched_from; /* between a switch and its finish_switch */
    struct thread *migrating;     /* likewise: must continue on another CPU */
    unsigned runnable;            /* threads queued and current, without idle; atomic for readers */
    int running_priority;         /* of the current thread, 0 unless real-time; atomic */
    uint64_t account_ns;          /* when the next sample is due, unless idle runs */
    uint64_t tick_ns;             /* what timer_set_tick was last told */
    uint64_t spread_ns;           /* when to offer a queued thread to an idle CPU */
    uint64_t balance_ns;          /* when the next tick looks at other CPUs */
    struct fair_queue fair;
    struct rt_queue rt;
};

struct stack_cache {
    struct spinlock lock;         /* LOCK_RANK_OBJECT, irqsave */
    struct page *first;           /* chained through page->slab_cache; page->slab: the stack */
    unsigned count;
};

struct sched_state {
    struct kernel *kernel;
    const struct cred *root_cred; /* of kernel threads */
    struct stack_cache stacks;
    uint64_t idle_cpus;           /* bit set: the CPU's queue is empty; atomic */
    unsigned uninterruptible;     /* blocked in THREAD_UNINTERRUPTIBLE; atomic */
    uint64_t load_next_ns;        /* when load averages are next due; atomic */
    uint64_t load_fixed16[3];     /* atomic */
};

static inline uint64_t sched_clock_ns(void)
{
    return hal_time_monotonic_ns();
}

static inline struct runqueue *this_runqueue(void)
{
    return this_cpu()->runqueue;
}

static inline struct runqueue *cpu_runqueue(const struct kernel *kernel, unsigned cpu)
{
    return kernel->cpus[cpu]->runqueue;
}

static inline unsigned cpus_online(const struct kernel *kernel)
{
    return atomic_load_acquire(&kernel->cpu_count);
}

static inline bool runqueue_is_idle(const struct runqueue *rq)
{
    return atomic_load_relaxed(&rq->runnable) == 0;
}

static inline void runqueue_note_priority(struct runqueue *rq)
{
    atomic_store_relaxed(&rq->running_priority, rq->current->se.rt_priority);
}

static inline bool thread_allowed_on(const struct thread *thread, unsigned cpu)
{
    return (thread->affinity.bits >> cpu) & 1;
}

/* Lock the run queue that thread->cpu names; interrupts masked. */
struct runqueue *runqueue_lock_of(struct thread *thread);

/* All with rq->lock held. */
void runqueue_init(struct runqueue *rq, struct cpu *cpu, struct thread *idle);
void runqueue_charge_current(struct runqueue *rq, uint64_t now_ns);
void runqueue_enqueue(struct runqueue *rq, struct thread *thread, uint64_t now_ns);
void runqueue_dequeue(struct runqueue *rq, struct thread *thread);
/* Take a queued thread out of its class and put it back, around a change of its parameters. */
void runqueue_detach(struct runqueue *rq, struct thread *thread);
void runqueue_attach(struct runqueue *rq, struct thread *thread);
struct thread *runqueue_pick(struct runqueue *rq, uint64_t now_ns);
void runqueue_set_next(struct runqueue *rq, struct thread *thread, uint64_t now_ns);
void runqueue_put_prev(struct runqueue *rq, struct thread *thread);
/* Make the CPU reschedule at its next opportunity. */
void runqueue_resched(struct runqueue *rq);
/* Does a newly queued thread displace the current one? Then reschedule; else see to the tick. */
void runqueue_check_preempt(struct runqueue *rq, struct thread *woken, uint64_t now_ns);
/* Tell the timer when the tick is needed. This CPU's queue. */
void runqueue_update_tick(struct runqueue *rq, uint64_t now_ns);

/* ---- switching (schedule.c) ---- */

/* Let the best thread run. This CPU's queue locked, interrupts masked, current thread charged (and
 * dequeued if it blocks). Returns unlocked, when the caller's thread runs again, maybe on another
 * CPU, and interrupts still masked. */
void schedule_locked(struct runqueue *rq, uint64_t now_ns);
/* First thing that a new thread does. */
void schedule_finish_first(void);

/* ---- placement and balance (wakeup.c, balance.c) ---- */

/* The CPU on which a thread should become runnable; its run queue lock is held. */
unsigned select_cpu(const struct thread *thread, unsigned previous);
/* The current thread blocks, or did not for SPREAD_NS since it woke another: learn from it. */
void wake_predict(struct thread *waker, bool blocked_soon);
/* Queue a RUNNABLE, unqueued, switched-out thread that the caller has claimed. No lock held. */
void place_thread(struct thread *thread, unsigned cpu);

/* Take a thread from a busy CPU onto this idle one: true if one came. With try_only never waits
 * for a lock. rq is locked and stays so (without try_only it may be released meanwhile). */
bool balance_pull(struct runqueue *rq, bool try_only);
/* From the tick: give work away. rq is locked. */
void balance_tick(struct runqueue *rq, uint64_t now_ns);

/* ---- thread.c ---- */

void thread_init_idle(struct thread *thread, struct kernel *kernel, unsigned cpu);
/* Release everything of a thread that has switched away for good. Interrupts masked. */
void thread_reap(struct thread *thread);
void stack_cache_trim(struct sched_state *sched, unsigned keep);
static inline bool stack_cache_is_large(const struct sched_state *sched)
{
    return atomic_load_relaxed(&sched->stacks.count) > 16;
}

/* ---- loadavg.c ---- */

void load_update(struct sched_state *sched, uint64_t now_ns);

#endif
