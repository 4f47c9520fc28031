/* SPDX-License-Identifier: MIT
 *
 * The life of requests: running, waiting, chains, cancellation, the end. See uring_internal.h.
 */
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/uring/uring_internal.h"

void uring_request_free(struct uring_request *request)
{
    if (request->file)
        file_put(request->file);
    cred_put(request->cred);
    task_put(request->task);
    uring_put(request->ring);
    kfree(request);
}

/* ---- waiting ---- */

void uring_watch(struct uring_request *request)
{
    struct uring_task *mine = request->task->uring;
    if (list_node_linked(&request->ring_node))
        return;
    list_add_tail(&request->ring->waiting, &request->ring_node);
    spin_lock(&mine->lock);
    list_add_tail(&mine->requests, &request->task_node);
    spin_unlock(&mine->lock);
}

static void unwatch_locked(struct uring_request *request)
{
    struct uring_task *mine = request->task->uring;
    if (!list_node_linked(&request->ring_node))
        return;
    list_remove(&request->ring_node);
    if (list_node_linked(&request->count_node))
        list_remove(&request->count_node);
    spin_lock(&mine->lock);
    list_remove(&request->task_node);
    spin_unlock(&mine->lock);
}

static unsigned chain_length(const struct uring_request *request)
{
    unsigned length = 0;
    for (; request; request = request->next)
        length += 1 + (request->link_timeout != NULL);
    return length;
}

static bool claim_locked(struct uring_request *request)
{
    enum uring_state state = request->state;
    if (state != URING_POLLING && state != URING_TIMING && state != URING_DRAINING)
        return false;
    if (state == URING_DRAINING)
        request->ring->drained_count -= chain_length(request);
    unwatch_locked(request);
    request->state = URING_DONE;
    return true;
}

/* What was claimed is left alone by its poll and its timer. */
static void disarm(struct uring_request *request, enum uring_state state)
{
    if (state == URING_POLLING)
        async_poll_stop(&request->poll);
    else if (state == URING_TIMING)
        timer_cancel_sync(&request->timer);
}

struct uring_request *uring_claim_one(struct uring *ring, uint64_t user_data, unsigned opcode,
                                      bool *busy)
{
    struct uring_request *request, *found = NULL;
    enum uring_state state = URING_DONE;
    *busy = false;
    bool irq = spin_lock_irqsave(&ring->lock);
    list_for_each_entry(request, &ring->waiting, ring_node)
    {
        if (request->sqe.opcode != opcode || request->sqe.user_data != user_data)
            continue;
        state = request->state;
        if (claim_locked(request)) {
            found = request;
            break;
        }
        *busy = true;
    }
    spin_unlock_irqrestore(&ring->lock, irq);
    if (found)
        disarm(found, state);
    return found;
}

struct uring_request *uring_claim_timed(struct uring_request *timeout)
{
    struct uring *ring = timeout->ring;
    enum uring_state state = URING_DONE;
    bool irq = spin_lock_irqsave(&ring->lock);
    struct uring_request *timed = timeout->timed;
    timeout->timed = NULL;
    if (timed) {
        timed->link_timeout = NULL;
        state = timed->state;
        if (!claim_locked(timed))
            timed = NULL;
    }
    spin_unlock_irqrestore(&ring->lock, irq);
    if (timed)
        disarm(timed, state);
    return timed;
}

/* ---- as work of its task ---- */

static void run_work(struct task_work *work)
{
    struct uring_request *request = container_of(work, struct uring_request, work);
    struct uring *ring = request->ring;
    bool irq = spin_lock_irqsave(&ring->lock);
    unwatch_locked(request);
    request->state = URING_RUNNING;
    spin_unlock_irqrestore(&ring->lock, irq);
    uring_run(request);
}

/* The task must not be exiting, or still be in uring_leave, which waits for this. */
void uring_enqueue(struct uring_request *request)
{
    request->work.run = run_work;
    if (!task_work_add(request->task, &request->work))
        kernel_panic("io_uring: request outlives its task");
}

/* ---- running ---- */

static int resolve_file(struct uring_request *request, const struct uring_op *op)
{
    if (!op->needs_file || request->file)
        return 0;
    request->file = request->sqe.flags & IOSQE_FIXED_FILE
                        ? uring_fixed_file(request->ring, (uint32_t)request->sqe.fd)
                        : fd_get(request->sqe.fd);
    return request->file ? 0 : -EBADF;
}

static int64_t issue_once(struct uring_request *request, const struct uring_op *op)
{
    enum { PATIENCE = 3 };
    struct thread *thread = this_thread();
    bool pollable = op->poll_events && request->file && request->file->ops->poll;
    thread->request_file = request->file;
    thread->no_wait = pollable && request->attempts < PATIENCE;
    int64_t result = op->issue(request);
    bool was_no_wait = thread->no_wait;
    thread->no_wait = false;
    thread->request_file = NULL;
    if (!was_no_wait || (result != -EAGAIN && result != -EINPROGRESS))
        return result;
    uring_unselect(request);
    if (request->impatient)
        return result;
    request->attempts++;
    return uring_wait_for_file(request, op->poll_events);
}

static int64_t issue_plainly(struct uring_request *request)
{
    const struct uring_op *op = uring_op(request->sqe.opcode);
    int64_t result = resolve_file(request, op);
    if (result)
        return result;
    do {
        result = issue_once(request, op);
    } while (result == -ERESTARTNOINTR);
    if (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK)
        result = -EINTR;
    return result;
}

/* With the credentials of its personality, if it has one. */
static int64_t issue(struct uring_request *request)
{
    if (!request->cred)
        return issue_plainly(request);
    struct cred *saved = cred_get(current_cred());
    cred_install(cred_get(request->cred));
    int64_t result = issue_plainly(request); /* it may be gone now */
    cred_install(saved);
    return result;
}

void uring_run(struct uring_request *request)
{
    while (request) {
        int64_t result = request->cancelled ? -ECANCELED : issue(request);
        if (result == URING_AGAIN_LATER)
            return; /* and may be gone by now */
        request = uring_finish(request, result);
    }
}

/* ---- the end ---- */

/* All before the first drained chain are done: it starts, alone if it is a drain itself. */
static void start_drained(struct uring *ring)
{
    bool alone = false;
    for (bool first = true; !alone; first = false) {
        bool irq = spin_lock_irqsave(&ring->lock);
        struct uring_request *request =
            list_first_entry(&ring->drained, struct uring_request, count_node);
        alone = request && (request->sqe.flags & IOSQE_IO_DRAIN);
        if (!request || (first ? ring->unfinished != ring->drained_count : alone)) {
            spin_unlock_irqrestore(&ring->lock, irq);
            return;
        }
        list_remove(&request->count_node);
        ring->drained_count -= chain_length(request);
        request->state = URING_QUEUED;
        spin_unlock_irqrestore(&ring->lock, irq);
        uring_enqueue(request);
    }
}

static void complete(struct uring_request *request, int64_t result)
{
    struct uring *ring = request->ring;
    bool skip = (request->sqe.flags & IOSQE_CQE_SKIP_SUCCESS) && result >= 0;
    if (!skip)
        uring_post(ring, request->sqe.user_data, result, request->cqe_flags);
    bool irq = spin_lock_irqsave(&ring->lock);
    atomic_store_relaxed(&ring->unfinished, ring->unfinished - 1);
    bool drained = !list_empty(&ring->drained);
    bool counted = !list_empty(&ring->timeouts);
    spin_unlock_irqrestore(&ring->lock, irq);
    if (counted)
        uring_check_counts(ring);
    if (drained)
        start_drained(ring);
}

/* The link timeout of a request that is over. */
static void end_link_timeout(struct uring_request *request)
{
    struct uring *ring = request->ring;
    bool irq = spin_lock_irqsave(&ring->lock);
    struct uring_request *timeout = request->link_timeout;
    request->link_timeout = NULL;
    bool mine = timeout && (timeout->state == URING_RUNNING || claim_locked(timeout));
    bool armed = mine && timeout->timed;
    if (timeout)
        timeout->timed = NULL;
    spin_unlock_irqrestore(&ring->lock, irq);
    if (!mine)
        return; /* it has fired and ends by itself */
    if (armed)
        timer_cancel_sync(&timeout->timer);
    complete(timeout, -ECANCELED);
    uring_request_free(timeout);
}

struct uring_request *uring_finish(struct uring_request *request, int64_t result)
{
    struct uring_request *next = request->next;
    bool broken = (result < 0 || request->failed) && !(request->sqe.flags & IOSQE_IO_HARDLINK);
    end_link_timeout(request);
    complete(request, result);
    uring_request_free(request);
    while (broken && next) {
        struct uring_request *dead = next;
        next = dead->next;
        end_link_timeout(dead);
        dead->sqe.flags &= (uint8_t)~IOSQE_CQE_SKIP_SUCCESS;
        complete(dead, -ECANCELED);
        uring_request_free(dead);
    }
    return next;
}

/* Another task may not go on with the chain: its own might be ending just now. */
void uring_finish_any(struct uring_request *request, int64_t result)
{
    struct uring_request *next = uring_finish(request, result);
    if (next && &next->task->thread != this_thread()) {
        next->sqe.flags &= (uint8_t)~IOSQE_IO_HARDLINK;
        for (struct uring_request *at = next->next; at; at = at->next)
            at->sqe.flags &= (uint8_t)~IOSQE_IO_HARDLINK;
        next = uring_finish(next, -ECANCELED);
    }
    if (next)
        uring_requeue(next);
}

void uring_requeue(struct uring_request *request)
{
    struct uring *ring = request->ring;
    bool irq = spin_lock_irqsave(&ring->lock);
    request->state = URING_QUEUED;
    uring_watch(request);
    spin_unlock_irqrestore(&ring->lock, irq);
    uring_enqueue(request);
}

/* ---- cancellation ---- */

static bool matches(const struct uring_request *request, const struct uring_match *match)
{
    if (match->any)
        return true;
    return match->file ? request->file == match->file : request->sqe.user_data == match->user_data;
}

int64_t uring_cancel(struct uring *ring, const struct uring_match *match,
                     const struct uring_request *self)
{
    int64_t cancelled = 0, busy = 0;
    for (;;) {
        struct uring_request *request, *found = NULL;
        enum uring_state state = URING_DONE;
        bool irq = spin_lock_irqsave(&ring->lock);
        list_for_each_entry(request, &ring->waiting, ring_node)
        {
            if (request == self || !matches(request, match))
                continue;
            state = request->state;
            if (claim_locked(request)) {
                found = request;
                break;
            }
            busy = 1;
        }
        spin_unlock_irqrestore(&ring->lock, irq);
        if (!found)
            break;
        disarm(found, state);
        uring_finish_any(found, -ECANCELED);
        cancelled++;
        if (!match->all && !match->any)
            return cancelled;
    }
    return cancelled ? cancelled : busy ? -EALREADY : -ENOENT;
}

void uring_cancel_all(struct uring *ring)
{
    const struct uring_match all = {.any = true};
    uring_cancel(ring, &all, NULL);
}

static bool first_of(struct uring_task *mine, struct uring **out)
{
    bool irq = spin_lock_irqsave(&mine->lock);
    struct uring_request *request =
        list_first_entry(&mine->requests, struct uring_request, task_node);
    if (request) {
        *out = request->ring; /* the request keeps it as long as it is listed */
        atomic_fetch_add_relaxed(&(*out)->refs, 1);
    }
    spin_unlock_irqrestore(&mine->lock, irq);
    return request != NULL;
}

/* Claim one of this task's requests in this ring. */
static struct uring_request *claim_of(struct uring *ring, const struct task *task,
                                      enum uring_state *state)
{
    struct uring_request *request, *found = NULL;
    bool irq = spin_lock_irqsave(&ring->lock);
    list_for_each_entry(request, &ring->waiting, ring_node)
    {
        if (request->task != task)
            continue;
        request->cancelled = true;
        *state = request->state;
        if (claim_locked(request)) {
            found = request;
            break;
        }
    }
    spin_unlock_irqrestore(&ring->lock, irq);
    return found;
}

void uring_leave(struct task *task, bool exiting)
{
    struct uring_task *mine = task->uring;
    struct uring *ring;
    enum uring_state state = URING_DONE;
    mine->leaving = true;
    uring_forget_rings(mine);
    while (first_of(mine, &ring)) {
        struct uring_request *request = claim_of(ring, task, &state);
        if (request) {
            disarm(request, state);
            for (struct uring_request *next = request->next; next; next = next->next)
                next->cancelled = true;
            uring_finish_any(request, -ECANCELED);
        } else if (task_work_pending(task)) {
            task_work_run();
        } else {
            sched_yield_cpu(); /* the poll thread is about to add it */
        }
        uring_put(ring);
    }
    mine->leaving = false;
    if (exiting) {
        task->uring = NULL;
        kfree(mine);
    }
}
