/* SPDX-License-Identifier: MIT
 *
 * The ring of events that a context of asynchronous I/O shares with its program. Locking: see
 * aio_internal.h.
 */
#include "kernel/abi/errno.h"
#include "kernel/ipc/aio_internal.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/shared_pages.h"
#include "kernel/mm/uaccess.h"

enum { HEADER_BYTES = sizeof(struct linux_aio_ring), EVENT_BYTES = sizeof(struct linux_io_event) };

static struct linux_aio_ring *header(const struct aio_context *context)
{
    return shared_pages_at(context->pages, 0);
}

static struct linux_io_event *slot(const struct aio_context *context, unsigned index)
{
    return shared_pages_at(context->pages, HEADER_BYTES + (size_t)index * EVENT_BYTES);
}

/* Twice as many as asked for, because one CPU's share may lie idle; two more for a full ring. */
int aio_ring_map(struct aio_context *context, uint32_t request_count)
{
    size_t bytes = HEADER_BYTES + (2 * (size_t)request_count + 2) * EVENT_BYTES;
    unsigned pages = (unsigned)(ALIGN_UP(bytes, (size_t)PAGE_SIZE) >> PAGE_SHIFT);
    context->pages = shared_pages_create(pages, "/[aio] (deleted)");
    if (!context->pages)
        return -ENOMEM;
    context->bytes = (uint64_t)pages << PAGE_SHIFT;
    context->slots = (unsigned)((context->bytes - HEADER_BYTES) / EVENT_BYTES);
    *header(context) = (struct linux_aio_ring){
        .nr = context->slots,
        .magic = AIO_RING_MAGIC,
        .compat_features = AIO_RING_COMPAT_FEATURES,
        .incompat_features = AIO_RING_INCOMPAT_FEATURES,
        .header_length = HEADER_BYTES,
    };
    struct mm_map_request request = {
        .bytes = context->bytes,
        .vma_flags =
            VMA_READ | VMA_WRITE | VMA_MAY_READ | VMA_MAY_WRITE | VMA_SHARED | VMA_DONTEXPAND,
    };
    shared_pages_request(context->pages, 0, &request);
    return mm_map(this_thread()->mm, &request, &context->id);
}

/* ---- ends ---- */

/* What the program says, whatever it says. */
static unsigned read_head(const struct aio_context *context)
{
    return atomic_load_acquire(&header(context)->head) % context->slots;
}

static unsigned used_locked(const struct aio_context *context)
{
    return (context->tail + context->slots - read_head(context)) % context->slots;
}

int aio_take_slot(struct aio_context *context)
{
    int error = 0;
    spin_lock(&context->lock);
    if (used_locked(context) + context->in_flight >= context->slots - 1)
        error = -EAGAIN;
    else if (context->dead)
        error = -EINVAL;
    else
        atomic_store_relaxed(&context->in_flight, context->in_flight + 1);
    spin_unlock(&context->lock);
    return error;
}

void aio_return_slot(struct aio_context *context)
{
    spin_lock(&context->lock);
    assert(context->in_flight > 0);
    atomic_store_release(&context->in_flight, context->in_flight - 1);
    spin_unlock(&context->lock);
    wake_all(&context->wait);
}

void aio_post(struct aio_context *context, const struct linux_io_event *event)
{
    spin_lock(&context->lock);
    *slot(context, context->tail) = *event;
    atomic_store_relaxed(&context->tail, (context->tail + 1) % context->slots);
    atomic_store_release(&header(context)->tail, context->tail);
    assert(context->in_flight > 0);
    atomic_store_release(&context->in_flight, context->in_flight - 1);
    spin_unlock(&context->lock);
    wake_all(&context->wait);
}

/* Up to `count` that are there now. */
static int64_t take_events(struct aio_context *context, int64_t count, uint64_t uaddr)
{
    int64_t taken = 0;
    int error = 0;
    mutex_lock(&context->read_mutex);
    unsigned head = read_head(context);
    while (taken < count && head != atomic_load_acquire(&context->tail)) {
        struct linux_io_event event = *slot(context, head);
        error = copy_to_user(uaddr + (uint64_t)taken * EVENT_BYTES, &event, EVENT_BYTES);
        if (error)
            break;
        head = (head + 1) % context->slots;
        taken++;
    }
    atomic_store_release(&header(context)->head, head);
    mutex_unlock(&context->read_mutex);
    return taken ? taken : error;
}

static bool has_news(struct aio_context *context)
{
    return read_head(context) != atomic_load_acquire(&context->tail) ||
           atomic_load_relaxed(&context->dead);
}

int64_t aio_read_events(struct aio_context *context, int64_t min, int64_t count, uint64_t uaddr,
                        uint64_t deadline_ns)
{
    int64_t total = 0;
    for (bool last = false;;) {
        int64_t taken = take_events(context, count - total, uaddr + (uint64_t)total * EVENT_BYTES);
        if (taken < 0)
            return total ? total : taken;
        total += taken;
        if (total >= min || last)
            return total;
        if (atomic_load_relaxed(&context->dead))
            return total ? total : -EINVAL;
        if (deadline_ns == 0)
            return total;
        int error = wait_event_until(&context->wait, has_news(context), deadline_ns);
        if (error == -ETIMEDOUT)
            last = true; /* one more look */
        else if (error)
            return total ? total : -EINTR;
    }
}
