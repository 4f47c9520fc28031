/* SPDX-License-Identifier: MIT */
/*
 * Mutexes: one atomic owner word; contenders sleep on a wait queue.
 *
 * No lost wake-up: a contender counts itself in `waiters` before it tries for the last time, the
 * holder clears `owner` before it reads `waiters`, all sequentially consistent. So the contender
 * gets the mutex or the holder sees it. The released mutex is up for grabs: a running thread may
 * take it before the woken one does, which costs fairness but keeps CPUs busy.
 */
#include "kernel/sched/mutex.h"

#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"

void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
    mutex->owner = NULL;
    mutex->waiters = 0;
    mutex->rank = (uint16_t)rank;
    wait_queue_init(&mutex->wait);
}

static bool take(struct mutex *mutex)
{
    struct thread *nobody = NULL;

    return atomic_cmpxchg_seq(&mutex->owner, &nobody, this_thread());
}

static void check_before(const struct mutex *mutex)
{
    if (ASSAY_DEBUG) {
        lock_trace_assert_may_block();
        if (mutex_is_held(mutex)) {
            kernel_panic("mutex %s (%p) is taken twice by thread %s", lock_rank_name(mutex->rank),
                         (const void *)mutex, this_thread()->name);
        }
    }
}

static void note_taken(struct mutex *mutex, bool nested)
{
    if (ASSAY_DEBUG) {
        lock_trace_acquire(&this_thread()->locks, NULL, mutex, mutex->rank, nested);
    }
}

static int lock_slow(struct mutex *mutex, enum thread_state state)
{
    int error;

    atomic_fetch_add_seq(&mutex->waiters, 1);
    error = wait_event_state(&mutex->wait, take(mutex), state, UINT64_MAX, true);
    atomic_fetch_sub_relaxed(&mutex->waiters, 1);
    return error;
}

static int lock(struct mutex *mutex, enum thread_state state, bool nested)
{
    int error = 0;

    check_before(mutex);
    hal_cpu_schedule_point(SCHEDULE_POINT_LOCK);
    if (unlikely(!take(mutex))) {
        error = lock_slow(mutex, state);
    }
    if (error == 0) {
        note_taken(mutex, nested);
    }
    return error;
}

void mutex_lock(struct mutex *mutex) NO_THREAD_SAFETY
{
    (void)lock(mutex, THREAD_UNINTERRUPTIBLE, false);
}

void mutex_lock_nested(struct mutex *mutex) NO_THREAD_SAFETY
{
    (void)lock(mutex, THREAD_UNINTERRUPTIBLE, true);
}

int mutex_lock_interruptible(struct mutex *mutex)
{
    return lock(mutex, THREAD_INTERRUPTIBLE, false);
}

bool mutex_trylock(struct mutex *mutex)
{
    if (!take(mutex)) {
        return false;
    }
    if (ASSAY_DEBUG) {
        lock_trace_note(&this_thread()->locks, mutex, mutex->rank);
    }
    return true;
}

void mutex_unlock(struct mutex *mutex) NO_THREAD_SAFETY
{
    assert(mutex_is_held(mutex));
    if (ASSAY_DEBUG) {
        lock_trace_release(&this_thread()->locks, mutex);
    }
    atomic_store_seq(&mutex->owner, NULL);
    if (unlikely(atomic_load_seq(&mutex->waiters) != 0)) {
        wake_one(&mutex->wait);
    }
}

bool mutex_is_held(const struct mutex *mutex)
{
    return atomic_load_relaxed(&mutex->owner) == this_thread();
}
