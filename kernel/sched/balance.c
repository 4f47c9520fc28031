/* SPDX-License-Identifier: MIT */
/*
 * Spreading threads over CPUs after they have become runnable.
 *
 * A CPU that runs out of work pulls (balance_pull). A CPU with more than one runnable thread has a
 * tick, and from it gives work to idle CPUs soon (spread) and to clearly less loaded ones from time
 * to time (balance_tick). A CPU with one
 * thread or none needs no tick for balancing: those with more take care of it.
 *
 * Locking: a thread moves with both run queues locked, in order of CPU ids.
 */
#include "kernel/lib/bits.h"
#include "kernel/sched/sched_internal.h"

#define BALANCE_INTERVAL_NS 4000000ull

/* A queued (not running) thread of `from` that may run on `cpu`, or NULL. Real-time ones first,
 * then the fair thread that would run last here. */
static struct thread *find_movable(struct runqueue *from, unsigned cpu)
{
    struct rb_node *node;

    if (from->rt.count > 0) {
        for (unsigned i = 0; i <= RT_PRIORITY_MAX; i++) {
            struct thread *thread;

            list_for_each_entry(thread, &from->rt.lists[i], se.rt_node)
            {
                if (thread_allowed_on(thread, cpu)) {
                    return thread;
                }
            }
        }
    }
    for (node = rb_last(&from->fair.tree); node != NULL; node = rb_prev(node)) {
        struct thread *thread = rb_entry(node, struct thread, se.run_node);

        if (thread_allowed_on(thread, cpu)) {
            return thread;
        }
    }
    return NULL;
}

static void move(struct runqueue *from, struct runqueue *to, struct thread *thread, uint64_t now_ns)
{
    runqueue_charge_current(from, now_ns);
    runqueue_dequeue(from, thread);
    atomic_store_release(&thread->cpu, to->cpu->id);
    runqueue_enqueue(to, thread, now_ns);
    runqueue_check_preempt(to, thread, now_ns);
}

/* Move one thread from the locked `from` to the locked `to`. */
static bool move_one(struct runqueue *from, struct runqueue *to)
{
    struct thread *thread;

    if (from->runnable < 2) {
        return false;
    }
    thread = find_movable(from, to->cpu->id);
    if (thread == NULL) {
        return false;
    }
    move(from, to, thread, sched_clock_ns());
    return true;
}

/* With `held` locked, lock `other` as well. A lock of a lower id needs a release in between (or a
 * trylock): false if `held` was or would have been released. */
static bool lock_second(struct runqueue *held, struct runqueue *other)
{
    if (other->cpu->id > held->cpu->id) {
        spin_lock_nested(&other->lock);
        return true;
    }
    return spin_trylock(&other->lock);
}

static void lock_both(struct runqueue *held, struct runqueue *other)
{
    if (!lock_second(held, other)) {
        spin_unlock(&held->lock);
        spin_lock(&other->lock);
        spin_lock_nested(&held->lock);
    }
}

bool balance_pull(struct runqueue *rq, bool try_only)
{
    const struct kernel *kernel = rq->cpu->kernel;
    unsigned online = cpus_online(kernel);

    for (unsigned i = 1; i < online; i++) {
        struct runqueue *from = cpu_runqueue(kernel, (rq->cpu->id + i) % online);
        bool moved;

        if (atomic_load_relaxed(&from->runnable) < 2) {
            continue;
        }
        if (!try_only) {
            lock_both(rq, from);
        } else if (!spin_trylock(&from->lock)) {
            continue;
        }
        moved = move_one(from, rq);
        spin_unlock(&from->lock);
        if (moved || rq->runnable > 0) {
            return true;
        }
    }
    return false;
}

/* The idle CPU (lowest number) that may get a thread of rq, or NULL. */
static struct runqueue *find_idle(struct runqueue *rq)
{
    const struct kernel *kernel = rq->cpu->kernel;
    uint64_t idle = atomic_load_relaxed(&kernel->sched->idle_cpus);

    while (idle != 0) {
        unsigned cpu = bits_lowest(idle);

        if (find_movable(rq, cpu) != NULL) {
            return cpu_runqueue(kernel, cpu);
        }
        idle &= idle - 1;
    }
    return NULL;
}

/* Queued threads have waited for SPREAD_NS: the current one did not make room for them. */
static void spread(struct runqueue *rq, uint64_t now_ns)
{
    struct runqueue *to = find_idle(rq);

    if (rq->current->woke_ns != 0) {
        wake_predict(rq->current, false);
    }
    rq->spread_ns = UINT64_MAX;
    if (to != NULL && lock_second(rq, to)) {
        if (move_one(rq, to) && rq->runnable >= 2) {
            rq->spread_ns = now_ns + SPREAD_NS;
        }
        spin_unlock(&to->lock);
    }
}

static struct runqueue *find_less_loaded(struct runqueue *rq)
{
    const struct kernel *kernel = rq->cpu->kernel;
    unsigned online = cpus_online(kernel);
    unsigned least = rq->runnable - 1; /* moving one must make things better */
    struct runqueue *to = NULL;

    for (unsigned i = 1; i < online; i++) {
        struct runqueue *other = cpu_runqueue(kernel, (rq->cpu->id + i) % online);
        unsigned runnable = atomic_load_relaxed(&other->runnable);

        if (runnable < least) {
            least = runnable;
            to = other;
        }
    }
    return to;
}

void balance_tick(struct runqueue *rq, uint64_t now_ns)
{
    struct runqueue *to;

    if (now_ns >= rq->spread_ns) {
        spread(rq, now_ns);
    }
    if (now_ns < rq->balance_ns || rq->runnable < 2) {
        return;
    }
    rq->balance_ns = now_ns + BALANCE_INTERVAL_NS;
    to = find_less_loaded(rq);
    if (to != NULL && lock_second(rq, to)) {
        move_one(rq, to);
        spin_unlock(&to->lock);
    }
}
