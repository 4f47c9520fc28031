/* SPDX-License-Identifier: MIT
 *
 * IORING_OP_TIMEOUT, TIMEOUT_REMOVE and LINK_TIMEOUT. A timer's interrupt only hands the request to
 * its task.
 */
#include "kernel/core/clock.h"
#include "kernel/proc/time.h"
#include "kernel/syscall/deadline.h"
#include "kernel/syscall/uring/uring_internal.h"

#define CLOCK_FLAGS (IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME)

static int read_time(struct uring_request *request, uint64_t uaddr, uint32_t flags)
{
    if ((flags & CLOCK_FLAGS) == CLOCK_FLAGS)
        return -EINVAL;
    if (copy_from_user(&request->time, uaddr, sizeof(request->time)))
        return -EFAULT;
    return request->time.tv_sec < 0 || request->time.tv_nsec < 0 ? -EINVAL : 0;
}

static uint64_t deadline_of(const struct linux_timespec *time, uint32_t flags)
{
    uint64_t ns, relative_ns;
    if (add_overflows((uint64_t)MIN(time->tv_sec, (int64_t)9000000000) * NSEC_PER_SEC,
                      (uint64_t)time->tv_nsec, &ns))
        ns = UINT64_MAX - 1;
    if (flags & IORING_TIMEOUT_ABS) {
        if (!(flags & IORING_TIMEOUT_REALTIME))
            return ns;
        uint64_t now_ns = clock_realtime_ns();
        relative_ns = ns > now_ns ? ns - now_ns : 0;
    } else {
        relative_ns = ns;
    }
    return deadline_after_ns(relative_ns);
}

static void fire(struct timer *timer)
{
    struct uring_request *request = container_of(timer, struct uring_request, timer);
    struct uring *ring = request->ring;
    bool irq = spin_lock_irqsave(&ring->lock);
    bool mine = request->state == URING_TIMING;
    if (mine) {
        request->state = URING_QUEUED;
        request->ready = true;
    }
    spin_unlock_irqrestore(&ring->lock, irq);
    if (mine)
        uring_enqueue(request);
}

/* ring->lock is held. */
static void arm_locked(struct uring_request *request)
{
    request->state = URING_TIMING;
    timer_init(&request->timer, fire);
    uring_watch(request);
    timer_arm(&request->timer, request->deadline_ns);
}

/* ---- TIMEOUT ---- */

int uring_timeout_prepare(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    if (sqe->buf_index || sqe->len != 1 || sqe->file_index)
        return -EINVAL;
    if (sqe->op_flags & ~(IORING_TIMEOUT_ABS | CLOCK_FLAGS | IORING_TIMEOUT_ETIME_SUCCESS))
        return -EINVAL;
    return read_time(request, sqe->addr, sqe->op_flags);
}

int64_t uring_timeout_issue(struct uring_request *request)
{
    struct uring *ring = request->ring;
    uint32_t count = (uint32_t)request->sqe.off;
    if (request->ready) {
        request->failed = !(request->sqe.op_flags & IORING_TIMEOUT_ETIME_SUCCESS);
        return -ETIME;
    }
    request->deadline_ns = deadline_of(&request->time, request->sqe.op_flags);
    bool irq = spin_lock_irqsave(&ring->lock);
    request->target = ring->completions + count;
    if (count)
        list_add_tail(&ring->timeouts, &request->count_node);
    arm_locked(request);
    spin_unlock_irqrestore(&ring->lock, irq);
    return URING_AGAIN_LATER;
}

/* Completions were posted: some timeouts have waited for that many. */
void uring_check_counts(struct uring *ring)
{
    for (;;) {
        struct uring_request *request;
        bool found = false, busy;
        uint64_t user_data = 0;
        bool irq = spin_lock_irqsave(&ring->lock);
        list_for_each_entry(request, &ring->timeouts, count_node)
        {
            if (request->target <= ring->completions && request->state == URING_TIMING) {
                found = true;
                user_data = request->sqe.user_data;
                list_remove(&request->count_node);
                break;
            }
        }
        spin_unlock_irqrestore(&ring->lock, irq);
        if (!found)
            return;
        request = uring_claim_one(ring, user_data, IORING_OP_TIMEOUT, &busy);
        if (request)
            uring_finish_any(request, 0);
    }
}

/* ---- TIMEOUT_REMOVE ---- */

int uring_timeout_remove_prepare(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    const uint32_t update = IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE;
    if (sqe->flags & (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT))
        return -EINVAL;
    if (sqe->buf_index || sqe->len || sqe->file_index)
        return -EINVAL;
    if (!(sqe->op_flags & update))
        return sqe->op_flags ? -EINVAL : 0;
    if (sqe->op_flags & ~(update | IORING_TIMEOUT_ABS | CLOCK_FLAGS))
        return -EINVAL;
    return read_time(request, sqe->off, sqe->op_flags);
}

int64_t uring_timeout_remove_issue(struct uring_request *request)
{
    struct uring *ring = request->ring;
    uint32_t flags = request->sqe.op_flags;
    unsigned opcode =
        flags & IORING_LINK_TIMEOUT_UPDATE ? IORING_OP_LINK_TIMEOUT : IORING_OP_TIMEOUT;
    bool busy;
    struct uring_request *found = uring_claim_one(ring, request->sqe.addr, opcode, &busy);
    if (!found)
        return busy ? -EALREADY : -ENOENT;
    if (!(flags & (IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE))) {
        uring_finish_any(found, -ECANCELED);
        return 0;
    }
    found->deadline_ns = deadline_of(&request->time, flags);
    bool irq = spin_lock_irqsave(&ring->lock);
    if (found->target > ring->completions)
        list_add_tail(&ring->timeouts, &found->count_node);
    arm_locked(found);
    spin_unlock_irqrestore(&ring->lock, irq);
    return 0;
}

/* ---- LINK_TIMEOUT ---- */

int uring_link_timeout_prepare(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    return sqe->off ? -EINVAL : uring_timeout_prepare(request);
}

/* `request` is about to wait: its time runs from its first wait on. */
void uring_link_timeout_arm(struct uring_request *request)
{
    struct uring_request *timeout = request->link_timeout;
    struct uring *ring = request->ring;
    if (!timeout || timeout->timed)
        return;
    timeout->deadline_ns = deadline_of(&timeout->time, timeout->sqe.op_flags);
    bool irq = spin_lock_irqsave(&ring->lock);
    timeout->timed = request;
    arm_locked(timeout);
    spin_unlock_irqrestore(&ring->lock, irq);
}

/* Its time is over: the request that it times is cancelled, if it still waits. */
int64_t uring_link_timeout_issue(struct uring_request *request)
{
    struct uring_request *timed = uring_claim_timed(request);
    if (timed)
        uring_finish_any(timed, -ECANCELED);
    request->failed = true;
    return -ETIME;
}
