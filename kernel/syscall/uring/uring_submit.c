/* SPDX-License-Identifier: MIT
 *
 * From submission entries to requests: checks, chains, drains. submit_mutex is held.
 */
#include "kernel/syscall/uring/uring_internal.h"

#define SQE_FLAGS                                                                                  \
    (IOSQE_FIXED_FILE | IOSQE_IO_DRAIN | IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_ASYNC |         \
     IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS)

static int check_restrictions(const struct uring *ring, const struct linux_io_uring_sqe *sqe)
{
    if (!ring->restricted)
        return 0;
    if (sqe->opcode >= 64 || !((ring->sqe_ops >> sqe->opcode) & 1))
        return -EACCES;
    if ((sqe->flags & ring->flags_required) != ring->flags_required)
        return -EACCES;
    return sqe->flags & ~(ring->flags_allowed | ring->flags_required) ? -EACCES : 0;
}

static int check(struct uring *ring, struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    const struct uring_op *op = uring_op(sqe->opcode);
    if (!op)
        return -EINVAL;
    if (sqe->flags & ~SQE_FLAGS)
        return -EINVAL;
    if ((sqe->flags & IOSQE_BUFFER_SELECT) && !op->buffer_select)
        return -EOPNOTSUPP;
    if (sqe->flags & IOSQE_CQE_SKIP_SUCCESS)
        ring->skips_used = true;
    if ((sqe->flags & IOSQE_IO_DRAIN) && ring->skips_used)
        return -EOPNOTSUPP;
    int error = check_restrictions(ring, sqe);
    if (error)
        return error;
    if (!op->ioprio && sqe->ioprio)
        return -EINVAL;
    if (op->not_supported)
        return -EOPNOTSUPP;
    error = sqe->personality ? uring_assume(request) : 0;
    if (error)
        return error;
    return op->prepare ? op->prepare(request) : 0;
}

struct uring_task *uring_task_current(void)
{
    struct task *task = current_task();
    struct uring_task *mine = task->uring;
    if (mine)
        return mine;
    mine = kzalloc(sizeof(*mine));
    if (mine) {
        spin_lock_init(&mine->lock, LOCK_RANK_URING_TASK);
        list_init(&mine->requests);
        task->uring = mine;
    }
    return mine;
}

static struct uring_request *create(struct uring *ring)
{
    struct task *task = current_task();
    if (atomic_load_relaxed(&ring->unfinished) >= URING_REQUESTS_MAX || !uring_task_current())
        return NULL;
    struct uring_request *request = kzalloc(sizeof(*request));
    if (!request)
        return NULL;
    request->ring = ring;
    atomic_fetch_add_relaxed(&ring->refs, 1);
    request->task = task_get(task);
    list_node_init(&request->ring_node);
    list_node_init(&request->task_node);
    list_node_init(&request->count_node);
    return request;
}

struct chain {
    struct uring_request *head, *tail;
    bool open; /* the last one had a link flag */
    int error; /* one of them is bad: all fail */
};

static unsigned length_of(const struct uring_request *head)
{
    unsigned length = 0;
    for (; head; head = head->next)
        length += 1 + (head->link_timeout != NULL);
    return length;
}

/* Does it have to wait for what was submitted before? Then it does from now on. */
static bool drain(struct uring *ring, struct uring_request *head)
{
    unsigned length = length_of(head);
    bool wants = false;
    for (const struct uring_request *at = head; at; at = at->next)
        wants |= (at->sqe.flags & IOSQE_IO_DRAIN) != 0;
    bool next = wants;
    wants |= ring->drain_next;
    ring->drain_next = next;
    if (wants)
        head->sqe.flags |= IOSQE_IO_DRAIN;
    bool irq = spin_lock_irqsave(&ring->lock);
    bool wait = wants ? ring->unfinished > length : !list_empty(&ring->drained);
    if (wait) {
        list_add_tail(&ring->drained, &head->count_node);
        ring->drained_count += length;
        head->state = URING_DRAINING;
        uring_watch(head);
    }
    spin_unlock_irqrestore(&ring->lock, irq);
    return wait;
}

/* IOSQE_ASYNC: not now, but as work of this task. */
static void start(struct uring *ring, struct uring_request *head)
{
    if (drain(ring, head))
        return;
    if (!(head->sqe.flags & IOSQE_ASYNC)) {
        uring_run(head);
        return;
    }
    uring_requeue(head);
}

static void end_chain(struct uring *ring, struct chain *chain)
{
    struct uring_request *head = chain->head;
    if (!head)
        return;
    if (chain->error) /* the bad one posts its own error: it runs into it */
        for (struct uring_request *at = head; at; at = at->next)
            at->cancelled = true;
    *chain = (struct chain){0};
    start(ring, head);
}

/* A bad entry: alone it fails, in a chain everybody does, with -ECANCELED for the others. */
static void fail(struct uring_request *request, struct chain *chain, int error)
{
    bool linked = chain->open || (request->sqe.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK));
    if (linked && chain->open) {
        for (struct uring_request *at = chain->head; at;) {
            struct uring_request *next = at->next;
            at->next = NULL;
            at->sqe.flags &= (uint8_t) ~(IOSQE_IO_HARDLINK | IOSQE_CQE_SKIP_SUCCESS);
            uring_finish(at, -ECANCELED);
            at = next;
        }
        chain->head = chain->tail = NULL;
    }
    chain->open = (request->sqe.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) != 0;
    chain->error = chain->open ? error : 0;
    request->sqe.flags = 0;
    uring_finish(request, error);
}

static void append(struct uring_request *request, struct chain *chain)
{
    if (request->sqe.opcode == IORING_OP_LINK_TIMEOUT && chain->tail) {
        chain->tail->link_timeout = request;
        return;
    }
    if (chain->tail)
        chain->tail->next = request;
    else
        chain->head = request;
    chain->tail = request;
}

/* 0, or the error of a bad entry (its completion says so). */
static int submit_one(struct uring *ring, struct uring_request *request, struct chain *chain)
{
    bool irq = spin_lock_irqsave(&ring->lock);
    atomic_store_relaxed(&ring->unfinished, ring->unfinished + 1);
    spin_unlock_irqrestore(&ring->lock, irq);
    bool link = (request->sqe.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) != 0;
    bool times_nobody =
        request->sqe.opcode == IORING_OP_LINK_TIMEOUT && !chain->tail && !chain->error;
    int error = times_nobody ? -EINVAL : check(ring, request);
    if (!error && chain->error) { /* a member of a chain that has failed */
        chain->open = link;
        chain->error = link ? chain->error : 0;
        request->sqe.flags = 0;
        uring_finish(request, -ECANCELED);
        return 0;
    }
    if (error) {
        fail(request, chain, error);
        return error;
    }
    append(request, chain);
    chain->open = link;
    if (!link)
        end_chain(ring, chain);
    return 0;
}

int64_t uring_submit(struct uring *ring, unsigned count)
{
    struct chain chain = {0};
    unsigned submitted = 0;
    int error = 0;
    count = MIN(count, uring_submittable(ring));
    while (submitted < count) {
        struct uring_request *request = create(ring);
        if (!request) {
            error = -EAGAIN;
            break;
        }
        if (!uring_take_sqe(ring, &request->sqe)) {
            uring_request_free(request);
            break;
        }
        submitted++;
        error = submit_one(ring, request, &chain);
        if (error && !(ring->flags & IORING_SETUP_SUBMIT_ALL))
            break;
    }
    end_chain(ring, &chain);
    return submitted ? (int64_t)submitted : error;
}
