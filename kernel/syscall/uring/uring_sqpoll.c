/* SPDX-License-Identifier: MIT
 *
 * IORING_SETUP_SQPOLL, io_uring_setup(2): what a program puts into the submission queue is
 * submitted without a system call.
 *
 * Linux has a thread that looks at the queue. Here a timer looks, at intervals that grow with the
 * time that nothing was found, and hands what there is to the task that made the ring (`owner`), as
 * work: requests belong to a task anyway. After sq_thread_idle without submissions the timer is not
 * armed again, IORING_SQ_NEED_WAKEUP is set, and io_uring_enter(2) with IORING_ENTER_SQ_WAKEUP
 * begins anew. When the owner ends, another task of its process takes its place.
 *
 * States (ring->lock): the timer acts on POLLING only. Who makes it CLAIMED, from POLLING or
 * ASLEEP, submits, or has it done by the owner, and then makes it one of these again. The claim
 * holds a reference to the ring. NONE: not started, or the ring's file is gone.
 */
#include "kernel/core/clock.h"
#include "kernel/syscall/uring/uring_internal.h"

enum {
    INTERVAL_MIN_NS = 10 * NSEC_PER_USEC,
    INTERVAL_MAX_NS = NSEC_PER_MSEC,
    INTERVAL_PART = 8, /* of the time without submissions */
    IDLE_DEFAULT_MS = 1000,
};

/* ring->lock is held. */
static void poll_on_locked(struct uring *ring, uint64_t now_ns)
{
    struct uring_sqpoll *poll = &ring->sqpoll;
    uint64_t interval_ns = (now_ns - poll->busy_at_ns) / INTERVAL_PART;
    interval_ns = MAX(interval_ns, (uint64_t)INTERVAL_MIN_NS);
    interval_ns = MIN(interval_ns, (uint64_t)INTERVAL_MAX_NS);
    poll->state = SQPOLL_POLLING;
    timer_arm(&poll->timer, now_ns + MIN(interval_ns, poll->idle_ns));
}

static bool claim(struct uring *ring)
{
    bool irq = spin_lock_irqsave(&ring->lock);
    enum sqpoll_state state = ring->sqpoll.state;
    bool claimed = state == SQPOLL_POLLING || state == SQPOLL_ASLEEP;
    if (claimed) {
        ring->sqpoll.state = SQPOLL_CLAIMED;
        atomic_fetch_add_relaxed(&ring->refs, 1);
        uring_sq_flag(ring, IORING_SQ_NEED_WAKEUP, false);
    }
    spin_unlock_irqrestore(&ring->lock, irq);
    return claimed;
}

/* The claim ends; with a reference to the ring, which the caller puts. */
static void unclaim(struct uring *ring, bool goes_on)
{
    uint64_t now_ns = clock_monotonic_ns();
    bool irq = spin_lock_irqsave(&ring->lock);
    if (ring->sqpoll.state == SQPOLL_CLAIMED && goes_on) {
        poll_on_locked(ring, now_ns);
    } else if (ring->sqpoll.state == SQPOLL_CLAIMED) {
        ring->sqpoll.state = SQPOLL_ASLEEP;
        uring_sq_flag(ring, IORING_SQ_NEED_WAKEUP, true);
    }
    spin_unlock_irqrestore(&ring->lock, irq);
}

/* Somebody else does it: the owner, or the next one. The claim is his. */
static bool hand_over(struct uring *ring)
{
    struct uring_sqpoll *poll = &ring->sqpoll;
    const struct task *owner = poll->owner;
    return (!atomic_load_relaxed(&owner->exiting) && task_work_add(poll->owner, &poll->work)) ||
           task_work_add_any(owner->process, &poll->work);
}

static bool current_may_submit(struct uring *ring)
{
    const struct task *task = current_task();
    const struct uring_task *mine = task->exiting ? NULL : uring_task_current();
    return mine && !mine->leaving && atomic_load_relaxed(&ring->sqpoll.state) != SQPOLL_NONE;
}

static void submit_all(struct uring *ring)
{
    int error = mutex_lock_interruptible(&ring->submit_mutex);
    if (error)
        return; /* the timer comes again */
    if (uring_submit(ring, ring->sq_entries) > 0)
        ring->sqpoll.busy_at_ns = clock_monotonic_ns();
    mutex_unlock(&ring->submit_mutex);
    wait_queue_wake(&ring->wait, 0, EPOLLOUT | EPOLLWRNORM); /* there is room */
}

/* The current task has the claim. It is the owner from now on, and submits. */
static void submit_claimed(struct uring *ring)
{
    struct uring_sqpoll *poll = &ring->sqpoll;
    bool can = current_may_submit(ring);
    if (!can && current_task()->exiting && hand_over(ring))
        return;
    if (can && poll->owner != current_task()) {
        task_put(poll->owner);
        poll->owner = task_get(current_task());
    }
    if (can)
        submit_all(ring);
    unclaim(ring, can);
    uring_put(ring);
}

static void run_work(struct task_work *work)
{
    submit_claimed(container_of(work, struct uring, sqpoll.work));
}

static void fire(struct timer *timer)
{
    struct uring *ring = container_of(timer, struct uring, sqpoll.timer);
    struct uring_sqpoll *poll = &ring->sqpoll;
    uint64_t now_ns = clock_monotonic_ns();
    bool irq = spin_lock_irqsave(&ring->lock);
    bool polling = poll->state == SQPOLL_POLLING, found = false;
    if (polling) {
        bool idle = now_ns - poll->busy_at_ns >= poll->idle_ns;
        if (idle) {
            uring_sq_flag(ring, IORING_SQ_NEED_WAKEUP, true);
            atomic_fence_seq(); /* the program puts an entry, then looks at the flag */
        }
        found = uring_submittable(ring) != 0;
        if (!found && idle)
            poll->state = SQPOLL_ASLEEP;
        else if (!found)
            poll_on_locked(ring, now_ns);
    }
    spin_unlock_irqrestore(&ring->lock, irq);
    if (!found || !claim(ring))
        return;
    if (!hand_over(ring)) {
        unclaim(ring, false);
        atomic_sub_fetch_acq_rel(&ring->refs, 1); /* not the last: its file waits for this timer */
    }
}

/* ---- from the ring's calls ---- */

void uring_sqpoll_init(struct uring *ring, uint32_t idle_ms)
{
    ring->sqpoll.idle_ns = (idle_ms ? idle_ms : IDLE_DEFAULT_MS) * (uint64_t)NSEC_PER_MSEC;
    ring->sqpoll.work.run = run_work;
    timer_init(&ring->sqpoll.timer, fire);
}

void uring_sqpoll_start(struct uring *ring)
{
    uint64_t now_ns = clock_monotonic_ns();
    ring->sqpoll.owner = task_get(current_task());
    ring->sqpoll.busy_at_ns = now_ns;
    bool irq = spin_lock_irqsave(&ring->lock);
    poll_on_locked(ring, now_ns);
    spin_unlock_irqrestore(&ring->lock, irq);
}

/* The ring's file is gone. The owner may still have work to do for it, and finds it ended. */
void uring_sqpoll_stop(struct uring *ring)
{
    bool irq = spin_lock_irqsave(&ring->lock);
    atomic_store_relaxed(&ring->sqpoll.state, SQPOLL_NONE);
    spin_unlock_irqrestore(&ring->lock, irq);
    timer_cancel_sync(&ring->sqpoll.timer);
}

/* Submit now, or have it done. 0, -EOWNERDEAD. */
static int kick(struct uring *ring)
{
    struct uring_sqpoll *poll = &ring->sqpoll;
    if (!claim(ring))
        return 0;
    poll->busy_at_ns = clock_monotonic_ns();
    bool own_process = poll->owner->process == current_task()->process;
    if (poll->owner != current_task() && hand_over(ring))
        return 0;
    if (own_process) {
        submit_claimed(ring);
        return 0;
    }
    unclaim(ring, false);
    uring_put(ring);
    return -EOWNERDEAD;
}

/* IORING_ENTER_SQ_WAIT: until there is room in the queue, or a signal comes. */
static void wait_for_room(struct uring *ring)
{
    while (uring_submittable(ring) == ring->sq_entries) {
        int error = kick(ring);
        if (!error)
            error =
                wait_event_interruptible(&ring->wait, uring_submittable(ring) < ring->sq_entries ||
                                                          task_work_pending(current_task()));
        if (task_work_pending(current_task()))
            task_work_run();
        else if (error)
            return;
    }
}

/* `submit` entries are in the queue, the program says. That number, or an error. */
int64_t uring_sqpoll_enter(struct uring *ring, uint32_t submit, uint32_t flags)
{
    uring_flush_overflow(ring);
    int error = flags & IORING_ENTER_SQ_WAKEUP ? kick(ring) : 0;
    if (error)
        return error;
    if (flags & IORING_ENTER_SQ_WAIT)
        wait_for_room(ring);
    return submit;
}
