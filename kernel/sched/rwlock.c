/* SPDX-License-Identifier: MIT */
/*
 * Readers-writer sleeping locks. A spinlock guards the counts; contenders sleep. A writer that
 * waits holds back new readers, so a thread must not read-lock twice.
 */
#include "kernel/core/kernel.h"
#include "kernel/sched/mutex.h"

void rwlock_init(struct rwlock *lock, enum lock_rank rank)
{
    spin_lock_init(&lock->lock, LOCK_RANK_OBJECT);
    lock->readers = 0;
    lock->writer = NULL;
    lock->writers_waiting = 0;
    lock->rank = (uint16_t)rank;
    wait_queue_init(&lock->wait);
}

static void note_taken(struct rwlock *lock, bool nested)
{
    if (ASSAY_DEBUG) {
        lock_trace_acquire(&this_thread()->locks, NULL, lock, lock->rank, nested);
    }
}

static void note_released(struct rwlock *lock)
{
    if (ASSAY_DEBUG) {
        lock_trace_release(&this_thread()->locks, lock);
    }
}

static bool try_read(struct rwlock *lock)
{
    bool taken;

    spin_lock(&lock->lock);
    taken = lock->writer == NULL && lock->writers_waiting == 0;
    lock->readers += taken;
    spin_unlock(&lock->lock);
    return taken;
}

void rwlock_read_lock(struct rwlock *lock)
{
    if (ASSAY_DEBUG) {
        lock_trace_assert_may_block();
    }
    if (unlikely(!try_read(lock))) {
        wait_event(&lock->wait, try_read(lock));
    }
    note_taken(lock, false);
}

void rwlock_read_unlock(struct rwlock *lock)
{
    bool last;

    note_released(lock);
    spin_lock(&lock->lock);
    assert(lock->readers > 0);
    last = --lock->readers == 0 && lock->writers_waiting > 0;
    spin_unlock(&lock->lock);
    if (last) {
        wake_all(&lock->wait);
    }
}

static bool try_write(struct rwlock *lock, bool waiting)
{
    bool taken;

    spin_lock(&lock->lock);
    taken = lock->writer == NULL && lock->readers == 0;
    if (taken) {
        lock->writer = this_thread();
        lock->writers_waiting -= waiting;
    }
    spin_unlock(&lock->lock);
    return taken;
}

static void write_lock(struct rwlock *lock, bool nested)
{
    if (ASSAY_DEBUG) {
        lock_trace_assert_may_block();
    }
    if (unlikely(!try_write(lock, false))) {
        spin_lock(&lock->lock);
        lock->writers_waiting++;
        spin_unlock(&lock->lock);
        wait_event(&lock->wait, try_write(lock, true));
    }
    note_taken(lock, nested);
}

void rwlock_write_lock(struct rwlock *lock)
{
    write_lock(lock, false);
}

void rwlock_write_lock_nested(struct rwlock *lock)
{
    write_lock(lock, true);
}

void rwlock_write_unlock(struct rwlock *lock)
{
    note_released(lock);
    spin_lock(&lock->lock);
    assert(lock->writer == this_thread());
    lock->writer = NULL;
    spin_unlock(&lock->lock);
    wake_all(&lock->wait);
}
