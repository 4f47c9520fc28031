/* SPDX-License-Identifier: MIT
 *
 * Wait queues.
 *
 * wake-ups carry a key (poll event mask, 0 = any). An entry either wakes a thread or calls a
 * function (epoll). Entries are removed by their owner.
 */
#ifndef KERNEL_SCHED_WAIT_H
#define KERNEL_SCHED_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi/errno.h"
#include "kernel/core/cpu.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"

struct wait_queue {
    struct spinlock lock; /* irqsave; LOCK_RANK_WAIT_QUEUE */
    struct list entries;
    uint32_t waiting; /* entries queued; atomic, changed under the lock */
};

struct wait_entry {
    struct list_node node;
    struct wait_queue *queue;     /* NULL when not queued */
    struct thread *thread;        /* to wake; or */
    /* Called under the queue's lock, interrupts masked. Returns true if it consumed an exclusive
     * wake-up. NULL: thread_wake(thread). */
    bool (*wake)(struct wait_entry *entry, uint32_t key);
    bool exclusive;               /* wake_one stops after one of these */
};

void wait_queue_init(struct wait_queue *queue);

/* Entry for the current thread. */
void wait_entry_init(struct wait_entry *entry);
void wait_entry_init_callback(struct wait_entry *entry,
                              bool (*wake)(struct wait_entry *entry, uint32_t key));

/* add is idempotent; exclusive entries go to the tail, others to the head. remove waits for nothing
 * and is idempotent; after it no wake callback runs. */
void wait_queue_add(struct wait_queue *queue, struct wait_entry *entry);
void wait_queue_remove(struct wait_entry *entry);

/* Wake everything that is not exclusive and at most `exclusive_max` exclusive entries (0: all).
 * Any context. Cheap when the queue is empty (a fence and one load). */
void wait_queue_wake(struct wait_queue *queue, unsigned exclusive_max, uint32_t key);

/* Is anyone waiting? A false answer is right for everything the caller stored before: a waiter adds
 * itself before it checks its condition. */
static inline bool wait_queue_has_waiters(struct wait_queue *queue)
{
    atomic_fence_seq();
    return atomic_load_relaxed(&queue->waiting) != 0;
}

static inline void wake_all(struct wait_queue *queue)
{
    wait_queue_wake(queue, 0, 0);
}
static inline void wake_one(struct wait_queue *queue)
{
    wait_queue_wake(queue, 1, 0);
}

/* Does a wait in `state` have to end because of a signal? 0 or -ERESTARTSYS. */
static inline int wait_interrupted(enum thread_state state)
{
    struct thread *thread = this_thread();
    if (state == THREAD_INTERRUPTIBLE && atomic_load_acquire(&thread->interrupted))
        return -ERESTARTSYS;
    if (state == THREAD_KILLABLE && atomic_load_acquire(&thread->killed))
        return -ERESTARTSYS;
    return 0;
}

/* Wait until condition is true. Evaluates to 0, -ERESTARTSYS (interrupted) or -ETIMEDOUT. The
 * condition is evaluated in thread context, without locks, any number of times. */
#define wait_event_state(queue_, condition_, state_, deadline_ns_, exclusive_)                     \
    ({                                                                                             \
        int wait_result_ = 0;                                                                      \
        if (!(condition_)) {                                                                       \
            struct wait_entry wait_entry_;                                                         \
            bool wait_timed_out_ = false;                                                          \
            wait_entry_init(&wait_entry_);                                                         \
            wait_entry_.exclusive = (exclusive_);                                                  \
            wait_queue_add((queue_), &wait_entry_);                                                \
            for (;;) {                                                                             \
                sched_prepare_block(state_);                                                       \
                if (condition_)                                                                    \
                    break;                                                                         \
                wait_result_ = wait_interrupted(state_);                                           \
                if (wait_result_)                                                                  \
                    break;                                                                         \
                if (wait_timed_out_) {                                                             \
                    wait_result_ = -ETIMEDOUT;                                                     \
                    break;                                                                         \
                }                                                                                  \
                wait_timed_out_ = sched_block_until(deadline_ns_);                                 \
            }                                                                                      \
            sched_finish_block();                                                                  \
            wait_queue_remove(&wait_entry_);                                                       \
        }                                                                                          \
        wait_result_;                                                                              \
    })

#define wait_event(queue_, condition_)                                                             \
    ((void)wait_event_state(queue_, condition_, THREAD_UNINTERRUPTIBLE, UINT64_MAX, false))
#define wait_event_interruptible(queue_, condition_)                                               \
    wait_event_state(queue_, condition_, THREAD_INTERRUPTIBLE, UINT64_MAX, false)
#define wait_event_exclusive(queue_, condition_)                                                   \
    wait_event_state(queue_, condition_, THREAD_INTERRUPTIBLE, UINT64_MAX, true)
#define wait_event_killable(queue_, condition_)                                                    \
    wait_event_state(queue_, condition_, THREAD_KILLABLE, UINT64_MAX, false)
#define wait_event_until(queue_, condition_, deadline_ns_)                                         \
    wait_event_state(queue_, condition_, THREAD_INTERRUPTIBLE, deadline_ns_, false)

#endif
