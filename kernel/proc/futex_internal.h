/* SPDX-License-Identifier: MIT
 *
 * The futex hash table and its waiters, for the futex files.
 *
 * A waiter lives on its thread's stack. While it is queued its bucket's lock guards it; who takes
 * it out of the list (wakes it) does everything under that lock, thread_wake included, and the
 * waiter takes the lock once more before it returns: so a waiter never vanishes under its waker.
 */
#ifndef KERNEL_PROC_FUTEX_INTERNAL_H
#define KERNEL_PROC_FUTEX_INTERNAL_H

#include "kernel/core/spinlock.h"
#include "kernel/lib/list.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/futex.h"
#include "kernel/sched/wait.h"

struct task;

enum { FUTEX_BUCKETS = 256 };

struct futex_bucket {
    struct spinlock lock; /* LOCK_RANK_FUTEX; the lower address first if two are held */
    uint32_t waiters;     /* atomic; counts also who is about to queue */
    struct list queue;    /* struct futex_waiter, by priority, then arrival */
} ALIGNED(64);

struct futex_waiter {
    struct list_node node;
    struct futex_key key;
    struct futex_bucket *bucket; /* atomic: changes when requeued; the lock to take */
    struct thread *thread;
    int priority; /* real-time, when it began to wait: higher goes first */
    uint32_t bitset;
    bool woken;    /* atomic */
    bool wants_pi; /* FUTEX_WAIT_REQUEUE_PI: to be requeued to requeue_key only */
    struct futex_key requeue_key;
    struct pi_waiter *pi; /* of wants_pi: where it continues */
};

/* A priority-inheritance futex that somebody waits for. futex_pi.c */
struct pi_lock {
    struct list_node node;
    struct futex_key key;
    struct task *owner;  /* referenced */
    struct list_node owned_node; /* in owner->pi_owned */
    struct list waiters; /* struct pi_waiter, highest priority first */
    bool correcting;     /* a dead owner's successor is writing the word */
};

struct pi_waiter {
    struct list_node node;
    struct pi_lock *lock; /* NULL: not queued */
    struct task *task;
    uint64_t uaddr;
    int priority;    /* real-time, of its task: higher goes first */
    bool granted;    /* atomic: it owns the futex */
    bool owner_died; /* granted by a dying owner, which could not write the word */
};

struct futex_table {
    struct futex_bucket buckets[FUTEX_BUCKETS];
    struct spinlock pi_lock; /* nests inside a bucket's lock: all of futex_pi.c's state */
    struct list pi_locks;    /* struct pi_lock */
};

struct futex_table *futex_table(void);
/* -EINVAL -EFAULT */
int futex_get_key(uint64_t uaddr, bool private, struct futex_key *out);
struct futex_bucket *futex_bucket(const struct futex_key *key);

static inline bool futex_key_equal(const struct futex_key *a, const struct futex_key *b)
{
    return a->object == b->object && a->offset == b->offset;
}

void futex_waiter_init(struct futex_waiter *waiter, const struct futex_key *key, uint32_t bitset);
/* Queue it if *uaddr == value, atomically with regard to wakers. 0, -EAGAIN (another value),
 * -EFAULT. */
int futex_waiter_queue(struct futex_waiter *waiter, uint64_t uaddr, uint32_t value);
/* Afterwards it is not queued and nobody uses it. True if it had been woken. */
bool futex_waiter_unqueue(struct futex_waiter *waiter);
static inline bool futex_waiter_is_woken(const struct futex_waiter *waiter)
{
    return atomic_load_acquire(&waiter->woken);
}
void futex_waiter_wake_locked(struct futex_waiter *waiter);

/* Two buckets in their order; they may be the same one. */
void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b);
void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b);

/* Read a user word without resolving faults (under a lock), and resolve one without a lock. */
int futex_fault_in(uint64_t uaddr, bool write);

/* One step of waiting until `condition` holds: 0 when it does, -ETIMEDOUT, -ERESTARTSYS. */
int futex_block(bool (*condition)(const void *argument), const void *argument,
                struct futex_timeout timeout);

/* futex_pi.c: an exiting task's futexes go to their next waiters. */
void futex_pi_release_task(struct task *task);

#endif
