/* SPDX-License-Identifier: MIT */
/*
 * Atomic operations on plain integers and pointers, with the ordering in the name. The macros are
 * type-generic over naturally aligned objects of 1, 2, 4 or 8 bytes; `p` is a pointer to one.
 * Names avoid those of <stdatomic.h>, so tests may include both. refcount is the lifetime counter.
 */
#ifndef KERNEL_LIB_ATOMIC_H
#define KERNEL_LIB_ATOMIC_H

#include "kernel/lib/assert.h"
#include "kernel/lib/compiler.h"

#define atomic_load_relaxed(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define atomic_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define atomic_load_seq(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)

#define atomic_store_relaxed(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define atomic_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define atomic_store_seq(p, v) __atomic_store_n(p, v, __ATOMIC_SEQ_CST)

/* Exchange: stores v, returns the old value. */
#define atomic_exchange_relaxed(p, v) __atomic_exchange_n(p, v, __ATOMIC_RELAXED)
#define atomic_exchange_acquire(p, v) __atomic_exchange_n(p, v, __ATOMIC_ACQUIRE)
#define atomic_exchange_release(p, v) __atomic_exchange_n(p, v, __ATOMIC_RELEASE)
#define atomic_exchange_acq_rel(p, v) __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL)
#define atomic_exchange_seq(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)

/* Strong compare-exchange: true if *p was *expected and is now v; otherwise *expected := *p. */
#define atomic_cmpxchg_order_(p, expected, v, order, fail)                                         \
    __atomic_compare_exchange_n(p, expected, v, false, order, fail)
#define atomic_cmpxchg_relaxed(p, expected, v)                                                     \
    atomic_cmpxchg_order_(p, expected, v, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#define atomic_cmpxchg_acquire(p, expected, v)                                                     \
    atomic_cmpxchg_order_(p, expected, v, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define atomic_cmpxchg_release(p, expected, v)                                                     \
    atomic_cmpxchg_order_(p, expected, v, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define atomic_cmpxchg_acq_rel(p, expected, v)                                                     \
    atomic_cmpxchg_order_(p, expected, v, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
#define atomic_cmpxchg_seq(p, expected, v)                                                         \
    atomic_cmpxchg_order_(p, expected, v, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

/* Read-modify-write: atomic_fetch_* return the old value, atomic_*_fetch the new one. */
#define atomic_fetch_add_relaxed(p, v) __atomic_fetch_add(p, v, __ATOMIC_RELAXED)
#define atomic_fetch_add_acquire(p, v) __atomic_fetch_add(p, v, __ATOMIC_ACQUIRE)
#define atomic_fetch_add_release(p, v) __atomic_fetch_add(p, v, __ATOMIC_RELEASE)
#define atomic_fetch_add_acq_rel(p, v) __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL)
#define atomic_fetch_add_seq(p, v) __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_sub_relaxed(p, v) __atomic_fetch_sub(p, v, __ATOMIC_RELAXED)
#define atomic_fetch_sub_release(p, v) __atomic_fetch_sub(p, v, __ATOMIC_RELEASE)
#define atomic_fetch_sub_acq_rel(p, v) __atomic_fetch_sub(p, v, __ATOMIC_ACQ_REL)
#define atomic_fetch_sub_seq(p, v) __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST)
#define atomic_add_fetch_relaxed(p, v) __atomic_add_fetch(p, v, __ATOMIC_RELAXED)
#define atomic_add_fetch_acq_rel(p, v) __atomic_add_fetch(p, v, __ATOMIC_ACQ_REL)
#define atomic_add_fetch_seq(p, v) __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST)
#define atomic_sub_fetch_relaxed(p, v) __atomic_sub_fetch(p, v, __ATOMIC_RELAXED)
#define atomic_sub_fetch_acq_rel(p, v) __atomic_sub_fetch(p, v, __ATOMIC_ACQ_REL)
#define atomic_sub_fetch_seq(p, v) __atomic_sub_fetch(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_or_relaxed(p, v) __atomic_fetch_or(p, v, __ATOMIC_RELAXED)
#define atomic_fetch_or_acquire(p, v) __atomic_fetch_or(p, v, __ATOMIC_ACQUIRE)
#define atomic_fetch_or_release(p, v) __atomic_fetch_or(p, v, __ATOMIC_RELEASE)
#define atomic_fetch_or_acq_rel(p, v) __atomic_fetch_or(p, v, __ATOMIC_ACQ_REL)
#define atomic_fetch_or_seq(p, v) __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_and_relaxed(p, v) __atomic_fetch_and(p, v, __ATOMIC_RELAXED)
#define atomic_fetch_and_release(p, v) __atomic_fetch_and(p, v, __ATOMIC_RELEASE)
#define atomic_fetch_and_acq_rel(p, v) __atomic_fetch_and(p, v, __ATOMIC_ACQ_REL)
#define atomic_fetch_and_seq(p, v) __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_xor_seq(p, v) __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST)

#define atomic_fence_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define atomic_fence_release() __atomic_thread_fence(__ATOMIC_RELEASE)
#define atomic_fence_seq() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/*
 * A count of references. It saturates: once it has reached REFCOUNT_SATURATED it never changes
 * again, so an overflow leaks the object instead of freeing it early. A taken reference must not
 * revive a dead object, so refcount_inc asserts that the count was not zero.
 */
struct refcount {
    uint32_t value;
};

#define REFCOUNT_SATURATED 0x80000000u
#define REFCOUNT_INIT(n)                                                                           \
    (struct refcount)                                                                              \
    {                                                                                              \
        .value = (n)                                                                               \
    }

static inline void refcount_init(struct refcount *ref, uint32_t value)
{
    atomic_store_relaxed(&ref->value, value);
}

static inline uint32_t refcount_read(const struct refcount *ref)
{
    return atomic_load_relaxed(&ref->value);
}

/* Takes a reference unless the count is zero (the object is being destroyed): false then. */
static inline MUST_CHECK bool refcount_inc_not_zero(struct refcount *ref)
{
    uint32_t old = atomic_load_relaxed(&ref->value);
    do {
        if (old == 0)
            return false;
        if (old >= REFCOUNT_SATURATED)
            return true;
    } while (!atomic_cmpxchg_relaxed(&ref->value, &old, old + 1));
    return true;
}

/* Takes another reference; the caller holds one already. */
static inline void refcount_inc(struct refcount *ref)
{
    bool alive = refcount_inc_not_zero(ref);
    assert(alive);
}

/* Drops a reference; true for the caller that dropped the last one and must destroy the object. */
static inline MUST_CHECK bool refcount_dec_and_test(struct refcount *ref)
{
    uint32_t old = atomic_load_relaxed(&ref->value);
    do {
        assert(old != 0);
        if (old >= REFCOUNT_SATURATED)
            return false;
    } while (!atomic_cmpxchg_acq_rel(&ref->value, &old, old - 1));
    return old == 1;
}

#endif
