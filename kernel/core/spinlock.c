/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks: test and test-and-set.
 *
 * A hosted CPU is a host thread that can lose its host CPU at any instruction. A fair (ticket,
 * queue) lock would then make everyone wait for a sleeping CPU's turn; here whoever runs takes the
 * lock. hal_cpu_relax() lets the host, or the simulator, run the holder.
 *
 * Debug builds check three things at each acquisition, and panic naming both locks:
 *  - ranks increase: against the spinlocks held by this CPU (interrupted code included: an
 *    interrupt handler that takes a lower rank can close a cycle through another CPU) and against
 *    the sleeping locks held by the current thread;
 *  - a lock that interrupt handlers take is never taken with interrupts enabled;
 *  - a CPU does not take a lock twice, and only the holder releases.
 * The run queue lock is held across a context switch; it stays with the CPU, as the trace does.
 */
#include "kernel/core/spinlock.h"

#include "hal/cpu.h"
#include "kernel/core/cpu.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"
#include "kernel/sched/thread.h"

enum lock_usage {
    USED_WITH_INTERRUPTS_ENABLED = 1,
    USED_IN_INTERRUPT = 2,
};

void spin_lock_init(struct spinlock *lock, enum lock_rank rank)
{
    lock->locked = 0;
    lock->usage = 0;
    lock->rank = (uint16_t)rank;
    lock->owner = 0;
}

static uint16_t owner_id(void)
{
    const struct cpu *cpu = this_cpu();

    return cpu != NULL ? (uint16_t)(cpu->id + 1) : UINT16_MAX;
}

/* ---- checks ---- */

static void check_interrupt_usage(struct spinlock *lock, const struct cpu *cpu)
{
    unsigned usage = 0;

    if (cpu->irq_depth > 0) {
        usage = USED_IN_INTERRUPT;
    } else if (hal_irq_enabled()) {
        usage = USED_WITH_INTERRUPTS_ENABLED;
    }
    if ((atomic_load_relaxed(&lock->usage) & usage) == usage) {
        return;
    }
    usage |= atomic_fetch_or_relaxed(&lock->usage, (uint16_t)usage);
    if (usage == (USED_IN_INTERRUPT | USED_WITH_INTERRUPTS_ENABLED)) {
        kernel_panic("lock %s (%p) is taken both by interrupt handlers and with interrupts enabled",
                     lock_rank_name(lock->rank), (const void *)lock);
    }
}

static void check_before_acquire(struct spinlock *lock)
{
    const struct cpu *cpu = this_cpu();

    if (cpu == NULL) {
        return;
    }
    if (spin_is_held(lock)) {
        kernel_panic("lock %s (%p) is taken twice by CPU %u", lock_rank_name(lock->rank),
                     (const void *)lock, cpu->id);
    }
    check_interrupt_usage(lock, cpu);
}

static void note_acquired(struct spinlock *lock, bool nested)
{
    struct cpu *cpu = this_cpu();

    if (cpu == NULL || cpu->locks == NULL) {
        return;
    }
    lock_trace_acquire(cpu->locks, cpu->current != NULL ? &cpu->current->locks : NULL, lock,
                       lock->rank, nested);
}

static void note_released(struct spinlock *lock)
{
    struct cpu *cpu = this_cpu();

    if (!spin_is_held(lock)) {
        kernel_panic("lock %s (%p) is released by CPU %u but held by %d",
                     lock_rank_name(lock->rank), (const void *)lock, cpu ? cpu->id : 0,
                     (int)atomic_load_relaxed(&lock->owner) - 1);
    }
    if (cpu != NULL && cpu->locks != NULL) {
        lock_trace_release(cpu->locks, lock);
    }
}

/* ---- the lock ---- */

static ALWAYS_INLINE bool try_take(struct spinlock *lock)
{
    if (atomic_exchange_acquire(&lock->locked, 1) != 0) {
        return false;
    }
    atomic_store_relaxed(&lock->owner, owner_id());
    return true;
}

static NOINLINE void take_contended(struct spinlock *lock)
{
    do {
        do {
            hal_cpu_relax();
        } while (atomic_load_relaxed(&lock->locked) != 0);
    } while (!try_take(lock));
}

static ALWAYS_INLINE void take(struct spinlock *lock, bool nested)
{
    if (ASSAY_DEBUG) {
        check_before_acquire(lock);
    }
    hal_cpu_schedule_point(SCHEDULE_POINT_LOCK);
    if (unlikely(!try_take(lock))) {
        take_contended(lock);
    }
    if (ASSAY_DEBUG) {
        note_acquired(lock, nested);
    }
}

void spin_lock(struct spinlock *lock) NO_THREAD_SAFETY
{
    take(lock, false);
}

void spin_lock_nested(struct spinlock *lock) NO_THREAD_SAFETY
{
    take(lock, true);
}

bool spin_trylock(struct spinlock *lock) NO_THREAD_SAFETY
{
    /* No rank check: what does not wait cannot deadlock. */
    if (atomic_load_relaxed(&lock->locked) != 0 || !try_take(lock)) {
        return false;
    }
    if (ASSAY_DEBUG && this_cpu() != NULL && this_cpu()->locks != NULL) {
        lock_trace_note(this_cpu()->locks, lock, lock->rank);
    }
    return true;
}

void spin_unlock(struct spinlock *lock) NO_THREAD_SAFETY
{
    if (ASSAY_DEBUG) {
        note_released(lock);
    }
    atomic_store_relaxed(&lock->owner, 0);
    atomic_store_release(&lock->locked, 0);
}

bool spin_lock_irqsave(struct spinlock *lock) NO_THREAD_SAFETY
{
    bool irq_were_enabled = hal_irq_save();

    take(lock, false);
    return irq_were_enabled;
}

void spin_unlock_irqrestore(struct spinlock *lock, bool irq_were_enabled) NO_THREAD_SAFETY
{
    spin_unlock(lock);
    hal_irq_restore(irq_were_enabled);
}

bool spin_is_held(const struct spinlock *lock)
{
    return atomic_load_relaxed(&lock->owner) == owner_id();
}
