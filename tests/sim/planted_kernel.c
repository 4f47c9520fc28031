/* SPDX-License-Identifier: MIT */
/*
 * Concurrency bugs in kernel data structures, planted when the test is linked: --wrap of ld(1)
 * sends the kernel's calls of these lock and wait functions here. The kernel itself has no switch
 * for it.
 */
#include "hal/cpu.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"
#include "tests/sim/planted.h"

enum { THREADS_MAX = 64 };

enum planted planted;

void __real_mutex_lock(struct mutex *mutex);
void __real_mutex_unlock(struct mutex *mutex);
int __real_mutex_lock_interruptible(struct mutex *mutex);
void __real_rwlock_write_lock(struct rwlock *lock);
void __real_rwlock_write_unlock(struct rwlock *lock);
void __real_sched_prepare_block(enum thread_state state);
bool __real_sched_block_until(uint64_t deadline_ns);

void __wrap_mutex_lock(struct mutex *mutex);
void __wrap_mutex_unlock(struct mutex *mutex);
int __wrap_mutex_lock_interruptible(struct mutex *mutex);
void __wrap_rwlock_write_lock(struct rwlock *lock);
void __wrap_rwlock_write_unlock(struct rwlock *lock);
void __wrap_sched_prepare_block(enum thread_state state);
bool __wrap_sched_block_until(uint64_t deadline_ns);

/* ---- locks that are not taken ---- */

static bool is_missing(unsigned rank)
{
    return (planted == PLANTED_NO_DIRECTORY_LOCK && rank == LOCK_RANK_INODE_DIR) ||
           (planted == PLANTED_NO_PIPE_LOCK && rank == LOCK_RANK_PIPE) ||
           (planted == PLANTED_NO_FILE_LOCK && rank == LOCK_RANK_INODE);
}

void __wrap_mutex_lock(struct mutex *mutex)
{
    if (is_missing(mutex->rank))
        hal_cpu_schedule_point(SCHEDULE_POINT_LOCK);
    else
        __real_mutex_lock(mutex);
}

int __wrap_mutex_lock_interruptible(struct mutex *mutex)
{
    if (!is_missing(mutex->rank))
        return __real_mutex_lock_interruptible(mutex);
    hal_cpu_schedule_point(SCHEDULE_POINT_LOCK);
    return 0;
}

void __wrap_mutex_unlock(struct mutex *mutex)
{
    if (!is_missing(mutex->rank))
        __real_mutex_unlock(mutex);
}

/* ---- a lock that does not exclude ---- */

void __wrap_rwlock_write_lock(struct rwlock *lock)
{
    if (planted == PLANTED_SHARED_MM_LOCK && lock->rank == LOCK_RANK_MM)
        rwlock_read_lock(lock);
    else
        __real_rwlock_write_lock(lock);
}

void __wrap_rwlock_write_unlock(struct rwlock *lock)
{
    if (planted == PLANTED_SHARED_MM_LOCK && lock->rank == LOCK_RANK_MM)
        rwlock_read_unlock(lock);
    else
        __real_rwlock_write_unlock(lock);
}

/* ---- a wake-up that is lost ---- */

/* By thread: it has asked to be prepared, and was not. Part of no snapshot: it is 0 between calls.
 */
static bool unprepared[THREADS_MAX];

static bool is_late(void)
{
    return planted == PLANTED_LATE_PREPARATION && this_thread()->tid > 0 &&
           this_thread()->tid < THREADS_MAX;
}

void __wrap_sched_prepare_block(enum thread_state state)
{
    if (is_late() && state == THREAD_INTERRUPTIBLE)
        unprepared[this_thread()->tid] = true;
    else
        __real_sched_prepare_block(state);
}

bool __wrap_sched_block_until(uint64_t deadline_ns)
{
    if (is_late() && unprepared[this_thread()->tid]) {
        unprepared[this_thread()->tid] = false;
        hal_cpu_schedule_point(SCHEDULE_POINT_BLOCK);
        __real_sched_prepare_block(THREAD_INTERRUPTIBLE);
    }
    return __real_sched_block_until(deadline_ns);
}
