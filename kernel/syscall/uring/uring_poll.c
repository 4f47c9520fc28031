/* SPDX-License-Identifier: MIT
 *
 * Waiting for files: requests whose file is not ready, and IORING_OP_POLL_ADD.
 */
#include "kernel/syscall/uring/uring_internal.h"

static bool is_multishot(const struct uring_request *request)
{
    return request->sqe.opcode == IORING_OP_POLL_ADD && (request->sqe.len & IORING_POLL_ADD_MULTI);
}

/* The poll thread: something has happened to the file. The request goes back to its task; one with
 * many shots stays, and only reports. */
static void poll_ready(struct async_poll *poll)
{
    struct uring_request *request = container_of(poll, struct uring_request, poll);
    struct uring *ring = request->ring;
    bool multi = is_multishot(request);
    uint32_t events = 0;
    if (request->sqe.opcode == IORING_OP_POLL_ADD) {
        events = vfs_poll(poll->file, NULL) & poll->events;
        if (!events)
            return;
    }
    bool irq = spin_lock_irqsave(&ring->lock);
    bool mine = request->state == URING_ARMING || request->state == URING_POLLING;
    if (mine && !multi) {
        request->state = URING_QUEUED;
        request->ready = true;
        uring_watch(request);
    }
    spin_unlock_irqrestore(&ring->lock, irq);
    if (!mine)
        return; /* somebody has cancelled it and waits for us */
    if (multi) {
        uring_post(ring, request->sqe.user_data, events, IORING_CQE_F_MORE);
        return;
    }
    async_poll_stop(poll);
    uring_enqueue(request);
}

/* URING_AGAIN_LATER, -ERESTARTNOINTR to try again at once, or an error. */
int64_t uring_wait_for_file(struct uring_request *request, uint32_t events)
{
    struct uring *ring = request->ring;
    request->poll.file = request->file;
    request->poll.events = events | EPOLLERR | EPOLLHUP;
    request->poll.ready = poll_ready;
    request->poll.edge = is_multishot(request);
    request->state = URING_ARMING;
    uring_link_timeout_arm(request);
    int64_t ready = async_poll_start(&request->poll);
    if (ready) {
        request->state = URING_RUNNING;
        return ready < 0 ? ready : -ERESTARTNOINTR;
    }
    bool irq = spin_lock_irqsave(&ring->lock);
    if (request->state == URING_ARMING) {
        request->state = URING_POLLING;
        uring_watch(request);
    }
    spin_unlock_irqrestore(&ring->lock, irq);
    return URING_AGAIN_LATER;
}

/* ---- operations ---- */

int uring_poll_prepare(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    if (sqe->buf_index || sqe->off || sqe->addr)
        return -EINVAL;
    if (sqe->len & ~IORING_POLL_ADD_MULTI)
        return -EINVAL;
    if ((sqe->len & IORING_POLL_ADD_MULTI) && (sqe->flags & IOSQE_CQE_SKIP_SUCCESS))
        return -EINVAL;
    return 0;
}

int64_t uring_poll_issue(struct uring_request *request)
{
    uint32_t wanted = (request->sqe.op_flags & 0xffff) | EPOLLERR | EPOLLHUP;
    for (;;) {
        uint32_t events = is_multishot(request) ? 0 : vfs_poll(request->file, NULL) & wanted;
        if (events)
            return events;
        int64_t result = uring_wait_for_file(request, wanted);
        if (result != -ERESTARTNOINTR)
            return result;
    }
}

int uring_poll_remove_prepare(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    const uint32_t update = IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA;
    if (sqe->buf_index || sqe->file_index)
        return -EINVAL;
    if (sqe->len & ~(update | IORING_POLL_ADD_MULTI) || sqe->len == IORING_POLL_ADD_MULTI)
        return -EINVAL;
    if (!(sqe->len & IORING_POLL_UPDATE_USER_DATA) && sqe->off)
        return -EINVAL;
    if (!(sqe->len & IORING_POLL_UPDATE_EVENTS) && sqe->op_flags)
        return -EINVAL;
    return 0;
}

int64_t uring_poll_remove_issue(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    bool busy;
    struct uring_request *found =
        uring_claim_one(request->ring, sqe->addr, IORING_OP_POLL_ADD, &busy);
    if (!found)
        return busy ? -EALREADY : -ENOENT;
    if (!(sqe->len & (IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA))) {
        uring_finish_any(found, -ECANCELED);
        return 0;
    }
    if (sqe->len & IORING_POLL_UPDATE_EVENTS) {
        found->sqe.op_flags = sqe->op_flags;
        found->sqe.len = sqe->len & IORING_POLL_ADD_MULTI;
    }
    if (sqe->len & IORING_POLL_UPDATE_USER_DATA)
        found->sqe.user_data = sqe->off;
    uring_requeue(found);
    return 0;
}
