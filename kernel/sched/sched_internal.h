/* SPDX-License-Identifier: MIT
 *
 * Run queues and what the files of sched/ share.
 *
 * One run queue per CPU. Its lock guards everything in it and, of each thread whose `cpu` field names
 * it: state changes made by others, se, affinity, and `cpu` itself. Two run queue locks are taken in
 * order of CPU ids. The lock is held across a context switch: the thread that switches away takes it,
 * the one that is switched to releases it (finish_switch). So whoever holds the lock of thread->cpu
 * and finds the thread not queued knows that its context is saved and may be started elsewhere.
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
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"

#define SLICE_NS        3000000ull    /* fair class: request size */
#define RR_QUANTUM_NS   100000000ull
#define RT_PERIOD_NS    1000000000ull /* real-time threads get RT_RUNTIME_NS of each period ... */
#define RT_RUNTIME_NS   950000000ull  /* ... when fair threads want to run */
#define TICK_MIN_NS     50000ull      /* no two ticks closer than this */

enum {
    WEIGHT_NICE_0 = 1024,
    WEIGHT_POLICY_IDLE = 3,
    NICE_MIN = -20,
    NICE_MAX = 19,
    RT_PRIORITY_MAX = 99,
};

/* ---- fair class (fair.c): EEVDF ---- */

struct fair_queue {
    struct rb_root tree;          /* queued entities by deadline, without the current one */
    struct sched_entity *current; /* the CPU's current thread if it is fair and runnable */
    unsigned count;               /* in the tree */
    uint64_t load;                /* sum of the weights in the tree */
    uint64_t base;                /* virtual time that `sum` is relative to */
    int64_t sum;                  /* sum of weight * (vruntime - base) over the tree */
};

void fair_queue_init(struct fair_queue *queue);
uint32_t fair_weight(int policy, int nice);
uint64_t fair_average(const struct fair_queue *queue); /* virtual time */
/* Place an entity that becomes runnable and put it in the tree. */
void fair_enqueue(struct fair_queue *queue, struct sched_entity *entity);
/* Remove one that stops being runnable (the current one too); keeps its lag. */
void fair_dequeue(struct fair_queue *queue, struct sched_entity *entity);
/* Place one that becomes fair while it is the CPU's current thread. */
void fair_enqueue_current(struct fair_queue *queue, struct sched_entity *entity);
/* tree -> current and back. */
void fair_set_next(struct fair_queue *queue, struct sched_entity *entity);
void fair_put_prev(struct fair_queue *queue, struct sched_entity *entity);
/* Charge the current entity; true if its slice is used up (a new one has begun). */
bool fair_charge(struct fair_queue *queue, uint64_t exec_ns);
/* Who should run: the current one, one from the tree, NULL if there is neither. */
struct sched_entity *fair_pick(const struct fair_queue *queue);
/* The current entity gives up its claim to run now. */
void fair_yield(struct fair_queue *queue);
/* CPU time until the current entity's slice is over. */
uint64_t fair_slice_left_ns(const struct fair_queue *queue);
/* Change the weight of an entity that is not queued. */
void fair_reweight(struct sched_entity *entity, uint32_t weight);

/* ---- real-time class (rt.c): FIFO and RR ---- */

struct rt_queue {
    struct list lists[RT_PRIORITY_MAX + 1]; /* index RT_PRIORITY_MAX - priority */
    uint64_t bitmap[2];           /* lists that are not empty */
    unsigned count;               /* queued, without the current one */
    uint64_t period_start_ns, used_ns;
};

void rt_queue_init(struct rt_queue *queue);
void rt_enqueue(struct rt_queue *queue, struct sched_entity *entity, bool at_head);
void rt_dequeue(struct rt_queue *queue, struct sched_entity *entity);
struct sched_entity *rt_first(const struct rt_queue *queue);
/* Choose between the current entity (NULL if not real-time or not runnable) and the queued. */
struct sched_entity *rt_pick(const struct rt_queue *queue, struct sched_entity *current);
/* Account CPU time of the current entity; true if someone else of its priority has the turn. */
bool rt_charge(struct rt_queue *queue, struct sched_entity *current, uint64_t now_ns,
               uint64_t exec_ns);
/* Has the class used up its share of this period? */
bool rt_throttled(struct rt_queue *queue, uint64_t now_ns);

static inline bool policy_is_rt(int policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* ---- run queues (runqueue.c) ---- */

struct runqueue {
    struct spinlock lock;
    struct cpu *cpu;
    struct thread *current;       /* equal to cpu->current */
    struct thread *idle;
    struct thread *switched_from; /* between a switch and its finish_switch */
    struct thread *migrating;     /* likewise: must continue on another CPU */
    unsigned runnable;            /* threads queued and current, without idle; atomic for readers */
    int running_priority;         /* of the current thread: 0 unless real-time; atomic for readers */
    uint64_t tick_ns;             /* what timer_set_tick was last told */
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
/* Queue a RUNNABLE, unqueued, switched-out thread that the caller has claimed. No lock held. */
void place_thread(struct thread *thread, unsigned cpu);

/* Take a thread from a busy CPU onto this idle one: true if one came. With try_only never waits for a
 * lock. rq is locked and stays so (without try_only it may be released meanwhile). */
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
