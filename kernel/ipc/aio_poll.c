/* SPDX-License-Identifier: MIT
 *
 * IOCB_CMD_POLL: asynchronous polls that end in an event of their context. Locking: see
 * aio_internal.h.
 *
 * A request is finished once: by the poll thread, by io_cancel(2) or with its context; `finished`
 * says that somebody does. Who submits and who may still be called hold a reference each.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/aio_internal.h"
#include "kernel/ipc/eventfd.h"
#include "kernel/mm/slab.h"

struct aio_poll_request {
    struct async_poll poll;
    uint32_t refs;               /* atomic */
    struct aio_context *context; /* referenced */
    struct file *eventfd;        /* or NULL */
    struct linux_io_event event;
    struct list_node node; /* context->lock */
    bool finished;         /* context->lock */
};

static void request_put(struct aio_poll_request *request)
{
    if (atomic_sub_fetch_acq_rel(&request->refs, 1) != 0)
        return;
    file_put(request->poll.file);
    if (request->eventfd)
        file_put(request->eventfd);
    aio_put(request->context);
    kfree(request);
}

static bool claim_locked(struct aio_poll_request *request)
{
    bool mine = !request->finished;
    request->finished = true;
    if (list_node_linked(&request->node))
        list_remove(&request->node);
    return mine;
}

static bool claim(struct aio_poll_request *request)
{
    spin_lock(&request->context->lock);
    bool mine = claim_locked(request);
    spin_unlock(&request->context->lock);
    return mine;
}

static void complete(struct aio_poll_request *request, int64_t result)
{
    request->event.res = result;
    aio_post(request->context, &request->event);
    if (request->eventfd)
        eventfd_signal(request->eventfd);
}

static void ready(struct async_poll *poll)
{
    struct aio_poll_request *request = container_of(poll, struct aio_poll_request, poll);
    uint32_t events = vfs_poll(poll->file, NULL) & poll->events;
    if (!events || !claim(request))
        return;
    async_poll_stop(poll);
    complete(request, events);
    request_put(request);
}

/* So that others can cancel it, unless it is over already. */
static void enlist(struct aio_poll_request *request)
{
    struct aio_context *context = request->context;
    spin_lock(&context->lock);
    bool late = context->dead && claim_locked(request);
    if (!request->finished)
        list_add_tail(&context->polls, &request->node);
    spin_unlock(&context->lock);
    if (late) {
        async_poll_stop(&request->poll);
        aio_return_slot(context);
        request_put(request);
    }
}

int aio_poll(struct aio_context *context, struct file *file, uint32_t events,
             const struct linux_io_event *event, struct file *eventfd)
{
    struct aio_poll_request *request = kzalloc(sizeof(*request));
    if (!request)
        return -ENOMEM;
    request->refs = 2;
    request->poll.file = file_get(file);
    request->poll.events = events | EPOLLERR | EPOLLHUP;
    request->poll.ready = ready;
    request->context = context;
    atomic_fetch_add_relaxed(&context->refs, 1);
    request->eventfd = eventfd ? file_get(eventfd) : NULL;
    request->event = *event;
    list_node_init(&request->node);

    int64_t result = async_poll_start(&request->poll);
    if (result == 0) {
        enlist(request);
    } else {
        if (result > 0)
            complete(request, result);
        request_put(request);
    }
    request_put(request);
    return result < 0 ? (int)result : 0;
}

static struct aio_poll_request *take_first(struct aio_context *context)
{
    struct aio_poll_request *request = NULL;
    spin_lock(&context->lock);
    if (!list_empty(&context->polls)) {
        request = list_first_entry(&context->polls, struct aio_poll_request, node);
        claim_locked(request);
    }
    spin_unlock(&context->lock);
    return request;
}

void aio_poll_stop_all(struct aio_context *context)
{
    struct aio_poll_request *request;
    while ((request = take_first(context))) {
        async_poll_stop(&request->poll);
        aio_return_slot(context);
        request_put(request);
    }
}

int aio_cancel_request(struct aio_context *context, uint64_t iocb_uaddr)
{
    struct aio_poll_request *request, *found = NULL;
    spin_lock(&context->lock);
    list_for_each_entry(request, &context->polls, node)
    {
        if (request->event.obj == iocb_uaddr) {
            found = request;
            break;
        }
    }
    if (found)
        claim_locked(found);
    spin_unlock(&context->lock);
    if (!found)
        return -EINVAL;
    async_poll_stop(&found->poll);
    complete(found, 0);
    request_put(found);
    return -EINPROGRESS;
}
