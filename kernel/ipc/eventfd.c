/* SPDX-License-Identifier: MIT
 *
 * Event counters as files (eventfd(2)).
 *
 * Invariant: count <= EVENTFD_MAX (2^64 - 2). eventfd->lock guards the count; user memory is copied
 * outside it.
 */
#include "kernel/ipc/eventfd.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/lib/strbuf.h"
#include "kernel/mm/slab.h"

#define EVENTFD_MAX (UINT64_MAX - 1)

struct eventfd {
    struct spinlock lock;
    uint64_t count;
    bool semaphore;
    uint64_t id;                 /* shown in fdinfo */
    struct wait_queue wait;
};

/* Take the count (or 1 of a semaphore). False if it is zero. */
static bool eventfd_take(struct eventfd *event, uint64_t *out)
{
    spin_lock(&event->lock);
    bool ready = event->count > 0;
    if (ready) {
        *out = event->semaphore ? 1 : event->count;
        atomic_store_relaxed(&event->count, event->count - *out);
    }
    spin_unlock(&event->lock);
    return ready;
}

static bool eventfd_add(struct eventfd *event, uint64_t value)
{
    spin_lock(&event->lock);
    bool room = EVENTFD_MAX - event->count >= value;
    if (room)
        atomic_store_relaxed(&event->count, event->count + value);
    spin_unlock(&event->lock);
    return room;
}

static int64_t eventfd_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct eventfd *event = file->private;
    uint64_t value;
    (void)pos;

    if (uio->remaining < sizeof(value))
        return -EINVAL;
    while (!eventfd_take(event, &value)) {
        if (file_is_nonblocking(file))
            return -EAGAIN;
        int error = wait_event_interruptible(&event->wait, atomic_load_relaxed(&event->count) > 0);
        if (error)
            return error;
    }
    wait_queue_wake(&event->wait, 0, EPOLLOUT);
    return uio_copy_to(uio, &value, sizeof(value)) == sizeof(value) ? (int64_t)sizeof(value)
                                                                    : -EFAULT;
}

static int64_t eventfd_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct eventfd *event = file->private;
    uint64_t value;
    (void)pos;

    if (uio->remaining != sizeof(value))
        return -EINVAL;
    if (uio_copy_from(&value, uio, sizeof(value)) != sizeof(value))
        return -EFAULT;
    if (value == UINT64_MAX)
        return -EINVAL;
    while (!eventfd_add(event, value)) {
        if (file_is_nonblocking(file))
            return -EAGAIN;
        int error = wait_event_interruptible(
            &event->wait, EVENTFD_MAX - atomic_load_relaxed(&event->count) >= value);
        if (error)
            return error;
    }
    wait_queue_wake(&event->wait, 0, EPOLLIN);
    return sizeof(value);
}

static uint32_t eventfd_poll(struct file *file, struct poll_table *table)
{
    struct eventfd *event = file->private;
    uint32_t events = 0;

    poll_wait(table, &event->wait);
    atomic_fence_seq(); /* registered before looking */
    uint64_t count = atomic_load_relaxed(&event->count);
    if (count > 0)
        events |= EPOLLIN;
    if (count == UINT64_MAX)
        events |= EPOLLERR;
    if (count < EVENTFD_MAX)
        events |= EPOLLOUT;
    return events;
}

static void eventfd_release(struct file *file)
{
    kfree(file->private);
}

static void eventfd_show(struct file *file, struct strbuf *out)
{
    struct eventfd *event = file->private;
    strbuf_printf(out, "eventfd-count: %16llx\neventfd-id: %llu\neventfd-semaphore: %d\n",
                  (unsigned long long)atomic_load_relaxed(&event->count),
                  (unsigned long long)event->id, event->semaphore);
}

static const struct file_ops eventfd_ops = {
    .read = eventfd_read,
    .write = eventfd_write,
    .poll = eventfd_poll,
    .seek = null_seek,
    .release = eventfd_release,
    .show_fdinfo = eventfd_show,
};

bool file_is_eventfd(const struct file *file)
{
    return file->ops == &eventfd_ops;
}

void eventfd_signal(struct file *file)
{
    struct eventfd *event = file->private;
    eventfd_add(event, 1);
    wait_queue_wake(&event->wait, 0, EPOLLIN);
}

int eventfd_create(struct kernel *kernel, uint64_t initial, uint32_t flags, struct file **out)
{
    struct eventfd *event = kzalloc(sizeof(*event));
    if (!event)
        return -ENOMEM;
    spin_lock_init(&event->lock, LOCK_RANK_OBJECT);
    wait_queue_init(&event->wait);
    event->count = initial;
    event->semaphore = flags & EFD_SEMAPHORE;
    event->id = atomic_fetch_add_relaxed(&kernel->ipc->next_eventfd_id, 1);
    int error = file_create_anon(kernel, "eventfd", &eventfd_ops, event,
                                 O_RDWR | (flags & O_NONBLOCK), 0600, out);
    if (error)
        kfree(event);
    else
        (*out)->mode |= FILE_STREAM; /* seeking is allowed and does nothing */
    return error;
}
