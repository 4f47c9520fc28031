/* SPDX-License-Identifier: MIT
 *
 * Futexes with an owner (futex(2), "Priority-inheritance futexes").
 *
 * The user word holds the owner's tid; FUTEX_WAITERS sends unlockers into the kernel. A struct
 * pi_lock exists while anybody waits (or has just been given the futex by a dying owner and has not
 * yet corrected the word). Ownership is handed over directly to the waiter of highest priority. The
 * owner runs with at least the real-time priority of its highest waiter; if it waits itself, so
 * does the owner of what it waits for, and so on. Waiters that are not real-time lend nothing
 * (neither does a nice value in Linux 6.1, but for the number that /proc shows). Locking:
 * table->pi_lock guards every pi_lock, pi_waiter, task->pi_waiter and task->futexes_closed. Rare
 * operations share one lock of the machine. A waiter lives on its thread's stack; it takes the lock
 * once more after it was granted the futex, so its granter is done with it.
 */
#include "hal/aspace.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/futex.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/futex_internal.h"
#include "kernel/proc/process_internal.h"
#include "kernel/sched/sched.h"

/* Look again: the word has changed, or its page is absent (resolved by the caller). */
enum { AGAIN = 1, FAULT = 2 };

/* ---- locks and waiters; all under table->pi_lock ---- */

static struct pi_lock *find_locked(const struct futex_key *key)
{
    struct pi_lock *lock;
    list_for_each_entry(lock, &futex_table()->pi_locks, node)
    {
        if (futex_key_equal(&lock->key, key))
            return lock;
    }
    return NULL;
}

static void set_owner_locked(struct pi_lock *lock, struct task *owner)
{
    struct task *old = lock->owner;
    lock->owner = owner ? task_get(owner) : NULL;
    if (old)
        list_remove(&lock->owned_node);
    if (owner)
        list_add_tail(&owner->pi_owned, &lock->owned_node);
    if (old)
        task_put(old);
}

static void drop_if_unused_locked(struct pi_lock *lock)
{
    if (!list_empty(&lock->waiters) || lock->correcting)
        return;
    list_remove(&lock->node);
    set_owner_locked(lock, NULL);
    kfree(lock);
}

static struct pi_waiter *first_locked(struct pi_lock *lock)
{
    return list_first_entry(&lock->waiters, struct pi_waiter, node);
}

/* Behind those of its priority. */
static void insert_locked(struct pi_lock *lock, struct pi_waiter *waiter)
{
    struct pi_waiter *other;
    list_for_each_entry(other, &lock->waiters, node)
    {
        if (other->priority < waiter->priority) {
            list_insert_before(&other->node, &waiter->node);
            return;
        }
    }
    list_add_tail(&lock->waiters, &waiter->node);
}

/* Lend the task what its waiters have, and see to its own place where it waits; the owner there may
 * get another priority by that, and so on along the chain, which has no circles (deadlocks_locked).
 */
static void lend_locked(struct task *task)
{
    while (task) {
        int highest = 0;
        struct pi_lock *owned;
        list_for_each_entry(owned, &task->pi_owned, owned_node)
        {
            if (!list_empty(&owned->waiters))
                highest = MAX(highest, first_locked(owned)->priority);
        }
        int priority = sched_lend_priority(&task->thread, highest);
        struct pi_waiter *waiter = task->pi_waiter;
        if (!waiter || !waiter->lock || waiter->priority == priority)
            return;
        waiter->priority = priority;
        list_remove(&waiter->node);
        insert_locked(waiter->lock, waiter);
        task = waiter->lock->owner;
    }
}

void futex_pi_priority_changed(struct task *task)
{
    struct futex_table *table = futex_table();
    spin_lock(&table->pi_lock);
    lend_locked(task);
    spin_unlock(&table->pi_lock);
}

static void enqueue_locked(struct pi_lock *lock, struct pi_waiter *waiter)
{
    struct sched_params params;
    sched_get_params(&waiter->task->thread, &params);
    waiter->priority = params.effective_rt_priority;
    waiter->lock = lock;
    waiter->task->pi_waiter = waiter;
    insert_locked(lock, waiter);
    lend_locked(lock->owner);
}

static void dequeue_locked(struct pi_waiter *waiter)
{
    list_remove(&waiter->node);
    waiter->lock = NULL;
    waiter->task->pi_waiter = NULL;
}

static void grant_locked(struct pi_waiter *waiter)
{
    waiter->task->pi_waiter = NULL;
    atomic_store_release(&waiter->granted, true);
    thread_wake(&waiter->task->thread);
}

/* The first waiter owns the futex from now on. */
static void hand_over_locked(struct pi_lock *lock)
{
    struct pi_waiter *waiter = first_locked(lock);
    struct task *old = task_get(lock->owner);
    dequeue_locked(waiter);
    set_owner_locked(lock, waiter->task);
    lend_locked(old); /* before the new owner is woken, which may then displace it */
    lend_locked(waiter->task);
    grant_locked(waiter);
    task_put(old);
    drop_if_unused_locked(lock);
}

/* Would `task` wait for itself, directly or through others? */
static bool deadlocks_locked(const struct task *task, const struct task *owner)
{
    while (owner && owner != task) {
        const struct pi_waiter *waiting = owner->pi_waiter;
        owner = waiting && waiting->lock ? waiting->lock->owner : NULL;
    }
    return owner == task;
}

static void waiter_init(struct pi_waiter *waiter, uint64_t uaddr)
{
    *waiter = (struct pi_waiter){.task = current_task(), .uaddr = uaddr};
    list_node_init(&waiter->node);
}

/* ---- taking ---- */

struct attempt {
    struct futex_key key;
    uint64_t uaddr;
    struct pi_waiter *waiter;    /* of the task that wants it */
    bool try_only;
    bool set_waiters;            /* more waiters will follow: unlock must come to the kernel */
    struct task *owner;          /* found by the tid that the word held; referenced; or NULL */
    uint32_t owner_tid;
    struct pi_lock *spare;       /* allocated beforehand */
};

static int exchange(uint64_t uaddr, uint32_t old, uint32_t new)
{
    uint32_t seen;
    if (hal_user_cmpxchg32(uaddr, old, new, &seen))
        return FAULT;
    return seen == old ? 0 : AGAIN;
}

/* Queue behind the owner. */
static int attach_locked(struct attempt *attempt, uint32_t value)
{
    struct pi_lock *lock = find_locked(&attempt->key);
    if (!lock) {
        struct task *owner = attempt->owner;
        if ((value & FUTEX_TID_MASK) != attempt->owner_tid)
            return AGAIN;
        if (owner == attempt->waiter->task)
            return -EDEADLK;
        if (!(value & FUTEX_WAITERS)) { /* also if it comes to nothing, as in Linux */
            int error = exchange(attempt->uaddr, value, value | FUTEX_WAITERS);
            if (error)
                return error;
        }
        if (!owner || owner->futexes_closed)
            return -ESRCH; /* gone, and did not leave the futex to anybody */
        if (attempt->try_only)
            return -EAGAIN;
        if (deadlocks_locked(attempt->waiter->task, owner))
            return -EDEADLK;
        lock = attempt->spare;
        attempt->spare = NULL;
        *lock = (struct pi_lock){.key = attempt->key};
        list_init(&lock->waiters);
        set_owner_locked(lock, owner);
        list_add_tail(&futex_table()->pi_locks, &lock->node);
    } else {
        if (attempt->try_only)
            return -EAGAIN;
        if (deadlocks_locked(attempt->waiter->task, lock->owner))
            return -EDEADLK;
    }
    enqueue_locked(lock, attempt->waiter);
    return -EINPROGRESS;
}

/* 0: taken; -EINPROGRESS: queued; AGAIN, FAULT; or a negative errno. */
static int take_locked(struct attempt *attempt)
{
    uint32_t value, tid = (uint32_t)attempt->waiter->task->own_tid;
    if (hal_user_load32(attempt->uaddr, &value))
        return FAULT;
    if ((value & FUTEX_TID_MASK) == tid)
        return -EDEADLK;
    if ((value & FUTEX_TID_MASK) == 0 && !find_locked(&attempt->key)) {
        uint32_t flags = (value & FUTEX_OWNER_DIED) | (attempt->set_waiters ? FUTEX_WAITERS : 0);
        return exchange(attempt->uaddr, value, tid | flags);
    }
    return attach_locked(attempt, value);
}

/* What take_locked needs and cannot get under its lock. */
static int prepare(struct attempt *attempt)
{
    uint32_t value;
    if (get_user_u32(&value, attempt->uaddr))
        return -EFAULT;
    if (attempt->owner)
        task_put(attempt->owner);
    attempt->owner_tid = value & FUTEX_TID_MASK;
    attempt->owner = attempt->owner_tid ? task_find_given((int)attempt->owner_tid) : NULL;
    if (!attempt->spare)
        attempt->spare = kmalloc(sizeof(*attempt->spare));
    return attempt->spare ? 0 : -ENOMEM;
}

static void finish(struct attempt *attempt)
{
    if (attempt->owner)
        task_put(attempt->owner);
    kfree(attempt->spare);
}

static int take(struct attempt *attempt)
{
    struct spinlock *lock = &futex_table()->pi_lock;
    int result;
    do {
        result = prepare(attempt);
        if (result)
            return result;
        spin_lock(lock);
        result = take_locked(attempt);
        spin_unlock(lock);
        if (result == FAULT && futex_fault_in(attempt->uaddr, true))
            return -EFAULT;
    } while (result == AGAIN || result == FAULT);
    return result;
}

/* ---- waiting ---- */

static bool is_granted(const void *argument)
{
    const struct pi_waiter *waiter = argument;
    return atomic_load_acquire(&waiter->granted);
}

/* The previous owner died: the new one writes itself into the word. */
static void correct_word(struct pi_waiter *waiter, const struct futex_key *key)
{
    struct futex_table *table = futex_table();
    uint32_t tid = (uint32_t)waiter->task->own_tid, value, seen;

    bool written = false;
    if (!get_user_u32(&value, waiter->uaddr)) {
        for (;;) {
            if (cmpxchg_user_u32(waiter->uaddr, value, tid | FUTEX_WAITERS | FUTEX_OWNER_DIED, &seen))
                break;
            written = seen == value;
            if (written)
                break;
            value = seen;
        }
    }
    (void)written; /* a word that is gone is its program's loss */
    spin_lock(&table->pi_lock);
    struct pi_lock *lock = find_locked(key);
    if (lock) {
        lock->correcting = false;
        drop_if_unused_locked(lock);
    }
    spin_unlock(&table->pi_lock);
}

/* After waiting: 0 if the futex is ours, else the reason for giving up. */
static int leave_queue(struct pi_waiter *waiter, const struct futex_key *key, int error)
{
    struct futex_table *table = futex_table();

    spin_lock(&table->pi_lock);
    bool granted = waiter->granted, owner_died = waiter->owner_died;
    if (!granted && waiter->lock) {
        struct pi_lock *lock = waiter->lock;
        dequeue_locked(waiter);
        lend_locked(lock->owner);
        drop_if_unused_locked(lock);
    }
    spin_unlock(&table->pi_lock);
    if (!granted)
        return error;
    if (owner_died)
        correct_word(waiter, key);
    return 0;
}

int64_t futex_lock_pi(uint64_t uaddr, bool private, struct futex_timeout timeout, bool try_only)
{
    struct pi_waiter waiter;
    struct attempt attempt = {.uaddr = uaddr, .waiter = &waiter, .try_only = try_only};

    int error = futex_get_key(uaddr, private, &attempt.key);
    if (error)
        return error;
    waiter_init(&waiter, uaddr);
    error = take(&attempt);
    finish(&attempt);
    if (error != -EINPROGRESS)
        return error;
    error = futex_block(is_granted, &waiter, timeout);
    error = leave_queue(&waiter, &attempt.key, error);
    return error == -ERESTARTSYS ? -ERESTARTNOINTR : error;
}

/* ---- releasing ---- */

/* 0, AGAIN, FAULT, or a negative errno. */
static int unlock_locked(uint64_t uaddr, const struct futex_key *key)
{
    struct task *self = current_task();
    uint32_t value;

    if (hal_user_load32(uaddr, &value))
        return FAULT;
    if ((value & FUTEX_TID_MASK) != (uint32_t)self->own_tid)
        return -EPERM;
    struct pi_lock *lock = find_locked(key);
    struct pi_waiter *next = lock ? first_locked(lock) : NULL;
    if (!next)
        return exchange(uaddr, value, 0);
    if (lock->owner != self)
        return -EINVAL;
    int error = exchange(uaddr, value, (uint32_t)next->task->own_tid | FUTEX_WAITERS);
    if (!error)
        hand_over_locked(lock);
    return error;
}

int64_t futex_unlock_pi(uint64_t uaddr, bool private)
{
    struct spinlock *pi_lock = &futex_table()->pi_lock;
    struct futex_key key;
    uint32_t value;

    if (get_user_u32(&value, uaddr))
        return -EFAULT;
    if ((value & FUTEX_TID_MASK) != (uint32_t)current_task()->own_tid)
        return -EPERM;
    int error = futex_get_key(uaddr, private, &key);
    if (error)
        return error;
    do {
        spin_lock(pi_lock);
        error = unlock_locked(uaddr, &key);
        spin_unlock(pi_lock);
        if (error == FAULT && futex_fault_in(uaddr, true))
            return -EFAULT;
    } while (error == AGAIN || error == FAULT);
    return error;
}

/* The task's futexes go to their first waiters; what nobody waits for stays as the word says. */
void futex_pi_release_task(struct task *task)
{
    struct futex_table *table = futex_table();
    struct pi_lock *lock, *following;

    spin_lock(&table->pi_lock);
    task->futexes_closed = task->exiting; /* execve releases too, and goes on */
    list_for_each_entry_safe(lock, following, &table->pi_locks, node)
    {
        if (lock->owner != task || list_empty(&lock->waiters))
            continue;
        first_locked(lock)->owner_died = true;
        lock->correcting = true;
        hand_over_locked(lock);
    }
    spin_unlock(&table->pi_lock);
}

/* ---- condition variables: waiting on one futex, moved to a PI one ---- */

static bool is_moved(const void *argument)
{
    return futex_waiter_is_woken(argument);
}

/* Both stages of FUTEX_WAIT_REQUEUE_PI end here: `moved` says which one the waiter had reached. */
static int64_t finish_requeue(struct futex_waiter *waiter, struct pi_waiter *pi,
                              struct futex_timeout timeout, int error)
{
    if (!futex_waiter_unqueue(waiter))
        return error == -ERESTARTSYS ? -ERESTARTNOINTR : error;
    error = futex_block(is_granted, pi, timeout);
    error = leave_queue(pi, &waiter->requeue_key, error);
    /* It cannot be restarted as a wait on the first futex. */
    return error == -ERESTARTSYS ? -EAGAIN : error;
}

int64_t futex_wait_requeue_pi(uint64_t uaddr, bool private, uint32_t value,
                              struct futex_timeout timeout, uint32_t bitset, uint64_t uaddr2)
{
    struct futex_waiter waiter;
    struct pi_waiter pi;
    struct futex_key key, key2;

    if (uaddr == uaddr2 || !bitset)
        return -EINVAL;
    int error = futex_get_key(uaddr2, private, &key2);
    if (!error)
        error = futex_get_key(uaddr, private, &key);
    if (error)
        return error;
    if (futex_key_equal(&key, &key2))
        return -EINVAL;
    waiter_init(&pi, uaddr2);
    futex_waiter_init(&waiter, &key, bitset);
    waiter.wants_pi = true;
    waiter.requeue_key = key2;
    waiter.pi = &pi;
    error = futex_waiter_queue(&waiter, uaddr, value);
    if (error)
        return error;
    error = futex_block(is_moved, &waiter, timeout);
    return finish_requeue(&waiter, &pi, timeout, error);
}

static struct futex_waiter *next_waiter_locked(struct futex_bucket *bucket,
                                               const struct futex_key *key)
{
    struct futex_waiter *waiter;
    list_for_each_entry(waiter, &bucket->queue, node)
    {
        if (futex_key_equal(&waiter->key, key))
            return waiter;
    }
    return NULL;
}

/* Give the PI futex to the waiter, or queue it there. Its bucket is locked. 1: it has left the
 * bucket; AGAIN.. as take_locked. */
static int move_one_locked(struct attempt *attempt, struct futex_waiter *waiter)
{
    struct spinlock *pi_lock = &futex_table()->pi_lock;

    if (!waiter->wants_pi || !futex_key_equal(&waiter->requeue_key, &attempt->key))
        return -EINVAL;
    attempt->waiter = waiter->pi;
    spin_lock(pi_lock);
    int result = take_locked(attempt);
    if (result == 0)
        waiter->pi->granted = true;
    if (result == 0 || result == -EINPROGRESS)
        futex_waiter_wake_locked(waiter); /* it goes on to wait for pi->granted */
    spin_unlock(pi_lock);
    return result == -EINPROGRESS ? 0 : result;
}

/* One step: 0 if a waiter was moved, -ENOENT if there is none, else as move_one_locked. */
static int requeue_step(struct attempt *attempt, uint64_t uaddr, const struct futex_key *key,
                        const uint32_t *compare)
{
    struct futex_bucket *bucket = futex_bucket(key);
    uint32_t value;
    int result;

    spin_lock(&bucket->lock);
    if (compare && hal_user_load32(uaddr, &value)) {
        spin_unlock(&bucket->lock);
        return futex_fault_in(uaddr, false) ? -EFAULT : AGAIN;
    }
    struct futex_waiter *waiter = next_waiter_locked(bucket, key);
    if (compare && value != *compare)
        result = -EAGAIN;
    else
        result = waiter ? move_one_locked(attempt, waiter) : -ENOENT;
    spin_unlock(&bucket->lock);
    if (result == FAULT)
        return futex_fault_in(attempt->uaddr, true) ? -EFAULT : AGAIN;
    return result;
}

int64_t futex_cmp_requeue_pi(uint64_t uaddr, uint64_t uaddr2, bool private, int wake_count,
                             int requeue_count, uint32_t compare)
{
    struct attempt attempt = {.uaddr = uaddr2, .set_waiters = requeue_count > 0};
    struct futex_key key;
    int moved = 0;

    if (uaddr == uaddr2 || wake_count != 1 || requeue_count < 0)
        return -EINVAL;
    int error = futex_get_key(uaddr, private, &key);
    if (!error)
        error = futex_get_key(uaddr2, private, &attempt.key);
    if (!error && futex_key_equal(&key, &attempt.key))
        error = -EINVAL;
    while (!error && moved < 1 + requeue_count) {
        error = prepare(&attempt);
        if (error)
            break;
        /* The word is compared once: later waiters came with it. */
        int step = requeue_step(&attempt, uaddr, &key, moved ? NULL : &compare);
        if (step == 0)
            moved++;
        else if (step != AGAIN)
            error = step;
    }
    finish(&attempt);
    return moved || error == -ENOENT ? moved : error;
}
