/* SPDX-License-Identifier: MIT
 *
 * Sleeping locks: mutex and readers-writer lock. Thread context only. Ranked like spinlocks.
 */
#ifndef KERNEL_SCHED_MUTEX_H
#define KERNEL_SCHED_MUTEX_H

#include <stdbool.h>

#include "kernel/core/spinlock.h"
#include "kernel/sched/wait.h"

struct CAPABILITY("mutex") mutex {
    struct thread *owner;  /* NULL when free; atomic */
    uint32_t waiters;      /* atomic */
    uint16_t rank;
    struct wait_queue wait;
};

void mutex_init(struct mutex *mutex, enum lock_rank rank);
void mutex_lock(struct mutex *mutex) ACQUIRES(mutex);
/* A second mutex of a rank already held; the caller states its order among equals. */
void mutex_lock_nested(struct mutex *mutex) ACQUIRES(mutex);
int mutex_lock_interruptible(struct mutex *mutex); /* 0 or -ERESTARTSYS */
bool mutex_trylock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex) RELEASES(mutex);
bool mutex_is_held(const struct mutex *mutex);     /* by the current thread */

/* Writers exclude everyone; a waiting writer holds back new readers. */
struct rwlock {
    struct spinlock lock;
    unsigned readers;
    struct thread *writer;
    unsigned writers_waiting;
    uint16_t rank;
    struct wait_queue wait;
};

void rwlock_init(struct rwlock *lock, enum lock_rank rank);
void rwlock_read_lock(struct rwlock *lock);
void rwlock_read_unlock(struct rwlock *lock);
void rwlock_write_lock(struct rwlock *lock);
void rwlock_write_lock_nested(struct rwlock *lock); /* as mutex_lock_nested */
void rwlock_write_unlock(struct rwlock *lock);

#endif
