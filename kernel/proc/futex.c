/* SPDX-License-Identifier: MIT
 *
 * Futexes: waiting on a user word, waking, requeueing (futex(2)).
 *
 * Waiters are hashed by key (memory object and offset). FUTEX_WAIT reads the word under its
 * bucket's lock, after counting itself in bucket->waiters: a waker stores the word, then looks at
 * that count, so either it sees the waiter or the waiter sees the new word. An empty bucket costs a
 * waker no lock. User words are read under the lock by HAL accesses that never fault; if the page
 * is absent the lock is dropped, the fault resolved, and everything begins anew.
 */
#include "kernel/abi/futex.h"

#include "hal/aspace.h"
#include "kernel/abi/errno.h"
#include "kernel/core/clock.h"
#include "kernel/lib/hash.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/futex_internal.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/wall_timer.h"

int futex_init(struct kernel *kernel)
{
    struct futex_table *table = kzalloc(sizeof(*table));
    if (!table)
        return -ENOMEM;
    for (unsigned i = 0; i < FUTEX_BUCKETS; i++) {
        spin_lock_init(&table->buckets[i].lock, LOCK_RANK_FUTEX);
        list_init(&table->buckets[i].queue);
    }
    spin_lock_init(&table->pi_lock, LOCK_RANK_FUTEX_PI);
    list_init(&table->pi_locks);
    kernel->processes->futexes = table;
    wait_queue_init(&kernel->processes->clock_set);
    return 0;
}

struct futex_table *futex_table(void)
{
    return this_kernel()->processes->futexes;
}

int futex_get_key(uint64_t uaddr, bool private, struct futex_key *out)
{
    if (!IS_ALIGNED(uaddr, 4))
        return -EINVAL;
    return futex_key_get(uaddr, private, out);
}

struct futex_bucket *futex_bucket(const struct futex_key *key)
{
    uint64_t hash = hash_combine(hash_u64(key->object), key->offset);
    return &futex_table()->buckets[hash % FUTEX_BUCKETS];
}

/* ---- waiters ---- */

void futex_waiter_init(struct futex_waiter *waiter, const struct futex_key *key, uint32_t bitset)
{
    *waiter = (struct futex_waiter){.key = *key,
                                    .bucket = futex_bucket(key),
                                    .thread = this_thread(),
                                    .bitset = bitset,
                                    .priority = this_thread()->se.rt_priority};
    list_node_init(&waiter->node);
}

/* Behind all of its priority or a higher one: the usual case ends at once. */
static void enqueue_locked(struct futex_bucket *bucket, struct futex_waiter *waiter)
{
    struct futex_waiter *before;
    list_for_each_entry_reverse(before, &bucket->queue,
                                node) if (before->priority >= waiter->priority) break;
    list_insert_after(&before->node, &waiter->node);
}

int futex_fault_in(uint64_t uaddr, bool write)
{
    uint32_t value;
    if (!write)
        return get_user_u32(&value, uaddr);
    /* Exchange the word with itself: proves that it can be written. */
    int error = get_user_u32(&value, uaddr);
    return error ? error : cmpxchg_user_u32(uaddr, value, value, &value);
}

int futex_waiter_queue(struct futex_waiter *waiter, uint64_t uaddr, uint32_t value)
{
    struct futex_bucket *bucket = waiter->bucket;
    uint32_t current;

    for (;;) {
        atomic_fetch_add_seq(&bucket->waiters, 1);
        spin_lock(&bucket->lock);
        int fault = hal_user_load32(uaddr, &current);
        if (!fault && current == value) {
            enqueue_locked(bucket, waiter);
            spin_unlock(&bucket->lock);
            return 0;
        }
        spin_unlock(&bucket->lock);
        atomic_fetch_sub_relaxed(&bucket->waiters, 1);
        if (!fault)
            return -EAGAIN;
        if (futex_fault_in(uaddr, false))
            return -EFAULT;
    }
}

bool futex_waiter_unqueue(struct futex_waiter *waiter)
{
    for (;;) {
        struct futex_bucket *bucket = atomic_load_acquire(&waiter->bucket);
        spin_lock(&bucket->lock);
        if (likely(bucket == atomic_load_relaxed(&waiter->bucket))) {
            bool woken = waiter->woken;
            if (!woken) {
                list_remove(&waiter->node);
                atomic_fetch_sub_relaxed(&bucket->waiters, 1);
            }
            spin_unlock(&bucket->lock);
            return woken;
        }
        spin_unlock(&bucket->lock);
    }
}

void futex_waiter_wake_locked(struct futex_waiter *waiter)
{
    list_remove(&waiter->node);
    atomic_fetch_sub_relaxed(&waiter->bucket->waiters, 1);
    atomic_store_release(&waiter->woken, true);
    thread_wake(waiter->thread);
}

void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
    struct futex_bucket *first = a < b ? a : b, *second = a < b ? b : a;
    spin_lock(&first->lock);
    if (first != second)
        spin_lock_nested(&second->lock);
}

void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
    if (a != b)
        spin_unlock(&b->lock);
    spin_unlock(&a->lock);
}

/* ---- waiting ---- */

/* The deadline on the monotonic clock as things stand. */
static uint64_t monotonic_deadline(struct futex_timeout timeout)
{
    if (timeout.deadline_ns == FUTEX_NO_TIMEOUT || !timeout.realtime)
        return timeout.deadline_ns;
    return wall_clock_to_monotonic(timeout.deadline_ns);
}

int futex_block(bool (*condition)(const void *argument), const void *argument,
                struct futex_timeout timeout)
{
    struct wait_entry clock_entry; /* a realtime deadline moves when the clock is set */
    bool follows_clock = timeout.realtime && timeout.deadline_ns != FUTEX_NO_TIMEOUT;
    bool timed_out = false;
    int result = 0;

    if (follows_clock) {
        wait_entry_init(&clock_entry);
        wait_queue_add(&this_kernel()->processes->clock_set, &clock_entry);
    }
    for (;;) {
        sched_prepare_block(THREAD_INTERRUPTIBLE);
        if (condition(argument))
            break;
        result = wait_interrupted(THREAD_INTERRUPTIBLE);
        if (result)
            break;
        uint64_t deadline_ns = monotonic_deadline(timeout);
        if (timed_out && clock_monotonic_ns() >= deadline_ns) {
            result = -ETIMEDOUT;
            break;
        }
        timed_out = sched_block_until(deadline_ns);
    }
    sched_finish_block();
    if (follows_clock)
        wait_queue_remove(&clock_entry);
    return result;
}

static bool is_woken(const void *waiter)
{
    return futex_waiter_is_woken(waiter);
}

int64_t futex_wait(uint64_t uaddr, bool private, uint32_t value, struct futex_timeout timeout,
                   uint32_t bitset)
{
    struct futex_waiter waiter;
    struct futex_key key;
    int error = futex_get_key(uaddr, private, &key);
    if (error)
        return error;
    futex_waiter_init(&waiter, &key, bitset);
    error = futex_waiter_queue(&waiter, uaddr, value);
    if (error)
        return error;
    error = futex_block(is_woken, &waiter, timeout);
    return futex_waiter_unqueue(&waiter) ? 0 : error;
}

/* ---- waking ---- */

/* Wake up to `count` waiters of a key. FUTEX_WAKE on what PI waiters wait for is -EINVAL. */
static int wake_locked(struct futex_bucket *bucket, const struct futex_key *key, int count,
                       uint32_t bitset)
{
    struct futex_waiter *waiter, *following;
    int woken = 0;
    list_for_each_entry_safe(waiter, following, &bucket->queue, node)
    {
        if (!futex_key_equal(&waiter->key, key) || !(waiter->bitset & bitset))
            continue;
        if (waiter->wants_pi)
            return -EINVAL;
        futex_waiter_wake_locked(waiter);
        if (++woken >= count)
            break;
    }
    return woken;
}

static bool bucket_is_empty(struct futex_bucket *bucket)
{
    atomic_fence_seq(); /* after the caller's store to the user word */
    return atomic_load_relaxed(&bucket->waiters) == 0;
}

int64_t futex_wake(uint64_t uaddr, bool private, int count, uint32_t bitset)
{
    struct futex_key key;
    int error = futex_get_key(uaddr, private, &key);
    if (error)
        return error;
    struct futex_bucket *bucket = futex_bucket(&key);
    if (bucket_is_empty(bucket))
        return 0;
    spin_lock(&bucket->lock);
    int woken = wake_locked(bucket, &key, count, bitset);
    spin_unlock(&bucket->lock);
    return woken;
}

/* ---- requeueing ---- */

static void requeue_locked(struct futex_waiter *waiter, struct futex_bucket *to,
                           const struct futex_key *key)
{
    struct futex_bucket *from = waiter->bucket;
    waiter->key = *key;
    if (from == to)
        return;
    list_remove(&waiter->node);
    atomic_fetch_sub_relaxed(&from->waiters, 1);
    atomic_fetch_add_seq(&to->waiters, 1);
    enqueue_locked(to, waiter);
    atomic_store_release(&waiter->bucket, to);
}

static int requeue_all_locked(struct futex_bucket *from, const struct futex_key *key,
                              struct futex_bucket *to, const struct futex_key *key2, int wake_count,
                              int requeue_count)
{
    struct futex_waiter *waiter, *following;
    int woken = 0, moved = 0;
    list_for_each_entry_safe(waiter, following, &from->queue, node)
    {
        if (!futex_key_equal(&waiter->key, key))
            continue;
        if (waiter->wants_pi)
            return -EINVAL;
        if (woken < wake_count) {
            futex_waiter_wake_locked(waiter);
            woken++;
        } else if (moved < requeue_count) {
            requeue_locked(waiter, to, key2);
            moved++;
        } else {
            break;
        }
    }
    return woken + moved;
}

int64_t futex_requeue(uint64_t uaddr, uint64_t uaddr2, bool private, int wake_count,
                      int requeue_count, const uint32_t *compare)
{
    struct futex_key key, key2;
    int result = futex_get_key(uaddr, private, &key);
    if (!result)
        result = futex_get_key(uaddr2, private, &key2);
    if (result)
        return result;

    struct futex_bucket *from = futex_bucket(&key), *to = futex_bucket(&key2);
    for (;;) {
        uint32_t value;
        futex_lock_two(from, to);
        int fault = compare ? hal_user_load32(uaddr, &value) : 0;
        if (!fault) {
            result = compare && value != *compare
                         ? -EAGAIN
                         : requeue_all_locked(from, &key, to, &key2, wake_count, requeue_count);
        }
        futex_unlock_two(from, to);
        if (!fault)
            return result;
        if (futex_fault_in(uaddr, false))
            return -EFAULT;
    }
}

/* ---- FUTEX_WAKE_OP ---- */

struct wake_op {
    unsigned operation, comparison;
    uint32_t operand;
    int32_t compared;
};

static int32_t sign_extend_12(uint32_t bits)
{
    return (int32_t)(bits << 20) >> 20;
}

static int decode_wake_op(uint32_t encoded, struct wake_op *out)
{
    out->operation = encoded >> 28 & 7;
    out->comparison = encoded >> 24 & 15;
    out->operand = (uint32_t)sign_extend_12(encoded >> 12);
    out->compared = sign_extend_12(encoded);
    if (encoded >> 28 & FUTEX_OP_OPARG_SHIFT)
        out->operand = 1u << (out->operand & 31);
    if (out->operation > FUTEX_OP_XOR || out->comparison > FUTEX_OP_CMP_GE)
        return -ENOSYS;
    return 0;
}

static uint32_t apply(const struct wake_op *op, uint32_t old)
{
    switch (op->operation) {
    case FUTEX_OP_SET:
        return op->operand;
    case FUTEX_OP_ADD:
        return old + op->operand;
    case FUTEX_OP_OR:
        return old | op->operand;
    case FUTEX_OP_ANDN:
        return old & ~op->operand;
    default:
        return old ^ op->operand;
    }
}

static bool compare(const struct wake_op *op, uint32_t value)
{
    int32_t old = (int32_t)value;
    switch (op->comparison) {
    case FUTEX_OP_CMP_EQ:
        return old == op->compared;
    case FUTEX_OP_CMP_NE:
        return old != op->compared;
    case FUTEX_OP_CMP_LT:
        return old < op->compared;
    case FUTEX_OP_CMP_LE:
        return old <= op->compared;
    case FUTEX_OP_CMP_GT:
        return old > op->compared;
    default:
        return old >= op->compared;
    }
}

static int exchange_locked(uint64_t uaddr, const struct wake_op *op, uint32_t *out_old)
{
    uint32_t seen, old;
    if (hal_user_load32(uaddr, &old))
        return -EFAULT;
    for (;;) {
        if (hal_user_cmpxchg32(uaddr, old, apply(op, old), &seen))
            return -EFAULT;
        if (seen == old)
            break;
        old = seen;
    }
    *out_old = old;
    return 0;
}

int64_t futex_wake_op(uint64_t uaddr, uint64_t uaddr2, bool private, int count, int count2,
                      uint32_t operation)
{
    struct futex_key key, key2;
    struct wake_op op;
    int result = futex_get_key(uaddr, private, &key);
    if (!result)
        result = futex_get_key(uaddr2, private, &key2);
    if (!result)
        result = decode_wake_op(operation, &op);
    if (result)
        return result;

    struct futex_bucket *first = futex_bucket(&key), *second = futex_bucket(&key2);
    for (;;) {
        uint32_t old;
        futex_lock_two(first, second);
        int fault = exchange_locked(uaddr2, &op, &old);
        if (!fault) {
            result = wake_locked(first, &key, count, FUTEX_BITSET_MATCH_ANY);
            if (result >= 0 && compare(&op, old)) {
                int more = wake_locked(second, &key2, count2, FUTEX_BITSET_MATCH_ANY);
                result = more < 0 ? more : result + more;
            }
        }
        futex_unlock_two(first, second);
        if (!fault)
            return result;
        if (futex_fault_in(uaddr2, true))
            return -EFAULT;
    }
}

/* ---- futex_waitv(2) ---- */

struct waitv {
    struct futex_waiter *waiters;
    unsigned count;
};

static bool any_woken(const void *argument)
{
    const struct waitv *all = argument;
    for (unsigned i = 0; i < all->count; i++) {
        if (futex_waiter_is_woken(&all->waiters[i]))
            return true;
    }
    return false;
}

/* Unqueue the first `count`: the index of the last one that was woken, or -1. */
static int unqueue_all(struct waitv *all, unsigned count)
{
    int woken = -1;
    for (unsigned i = 0; i < count; i++) {
        if (futex_waiter_unqueue(&all->waiters[i]))
            woken = (int)i;
    }
    return woken;
}

static int64_t wait_on_all(struct waitv *all, const struct linux_futex_waitv *requests,
                           struct futex_timeout timeout)
{
    for (unsigned i = 0; i < all->count; i++) {
        int error =
            futex_waiter_queue(&all->waiters[i], requests[i].uaddr, (uint32_t)requests[i].val);
        if (error) {
            int woken = unqueue_all(all, i);
            return woken >= 0 ? woken : error;
        }
    }
    int error = futex_block(any_woken, all, timeout);
    int woken = unqueue_all(all, all->count);
    return woken >= 0 ? woken : error;
}

int64_t futex_waitv(const struct linux_futex_waitv *requests, unsigned count,
                    struct futex_timeout timeout)
{
    struct waitv all = {.count = count};
    int64_t result = 0;

    all.waiters = kmalloc(count * sizeof(*all.waiters));
    if (!all.waiters)
        return -ENOMEM;
    for (unsigned i = 0; i < count && !result; i++) {
        struct futex_key key;
        result = futex_get_key(requests[i].uaddr, requests[i].flags & FUTEX_PRIVATE_FLAG, &key);
        if (!result)
            futex_waiter_init(&all.waiters[i], &key, FUTEX_BITSET_MATCH_ANY);
    }
    if (!result)
        result = wait_on_all(&all, requests, timeout);
    kfree(all.waiters);
    return result;
}
