/* SPDX-License-Identifier: MIT
 *
 * Epoll sets as files: waiting for events, and being polled (epoll(7), epoll_wait(2)).
 *
 * The ready list holds every item that may be ready: a wake-up puts it there, and whoever collects
 * asks the file again before reporting. While one thread collects, under epoll->lock, it keeps the
 * list's items to itself; new wake-ups go to the list, which is empty meanwhile. A level-triggered
 * item that was reported goes back to the end. Items are described in epoll_internal.h.
 */
#include "kernel/ipc/epoll.h"

#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/ipc/epoll_internal.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/lib/strbuf.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"

enum { EVENTS_INLINE = 32 };

/* ---- the ready list ---- */

static bool has_ready(struct epoll *epoll)
{
    return atomic_load_relaxed(&epoll->any_ready);
}

static void wake_waiters(struct epoll *epoll)
{
    wait_queue_wake(&epoll->wait, 1, EPOLLIN | EPOLLRDNORM);
}

void epoll_item_ready(struct epoll_item *item)
{
    struct epoll *epoll = item->epoll;
    bool irq = spin_lock_irqsave(&epoll->ready_lock);
    if (!list_node_linked(&item->ready_node))
        list_add_tail(&epoll->ready, &item->ready_node);
    epoll_ready_changed_locked(epoll);
    spin_unlock_irqrestore(&epoll->ready_lock, irq);
    wake_waiters(epoll);
}

uint32_t epoll_item_poll(struct epoll_item *item, struct poll_table *table)
{
    uint32_t wanted = atomic_load_relaxed(&item->events) & ~EPOLL_MODE_BITS;
    return wanted ? vfs_poll(item->file, table) & wanted : 0;
}

/* Report an item that is on no list. True if it goes back to the ready list. */
static bool report(struct epoll_item *item, struct linux_epoll_event *events, unsigned *found)
{
    uint32_t ready = epoll_item_poll(item, NULL);
    if (!ready)
        return false;
    events[(*found)++] = (struct linux_epoll_event){.events = ready, .data = item->data};
    uint32_t mode = atomic_load_relaxed(&item->events) & EPOLL_MODE_BITS;
    if (mode & EPOLLONESHOT)
        atomic_store_relaxed(&item->events, mode);
    return !(mode & (EPOLLONESHOT | EPOLLET));
}

static void list_item(struct list *list, struct epoll_item *item)
{
    if (!list_node_linked(&item->ready_node)) /* else a wake-up was faster */
        list_add_tail(list, &item->ready_node);
}

/* Every ready item is taken at first, for the caller alone. At the end the ready list is: what was
 * not looked at, then what came meanwhile, then what was reported and will be again. */
static unsigned collect(struct epoll *epoll, struct linux_epoll_event *events, unsigned count)
{
    struct list taken, again;
    struct epoll_item *item;
    unsigned found = 0;

    list_init(&taken);
    list_init(&again);
    mutex_lock(&epoll->lock);
    bool irq = spin_lock_irqsave(&epoll->ready_lock);
    list_splice_tail(&taken, &epoll->ready);
    epoll_ready_changed_locked(epoll);
    while (found < count && (item = list_pop_head_entry(&taken, struct epoll_item, ready_node))) {
        spin_unlock_irqrestore(&epoll->ready_lock, irq);
        bool stays = report(item, events, &found);
        irq = spin_lock_irqsave(&epoll->ready_lock);
        if (stays)
            list_item(&again, item);
    }
    list_splice_tail(&taken, &epoll->ready);
    list_splice_tail(&taken, &again);
    list_splice_tail(&epoll->ready, &taken);
    epoll_ready_changed_locked(epoll);
    spin_unlock_irqrestore(&epoll->ready_lock, irq);
    mutex_unlock(&epoll->lock);
    if (has_ready(epoll))
        wake_waiters(epoll); /* there may be work for another thread */
    return found;
}

/* ---- waiting ---- */

int64_t epoll_wait_kernel(struct file *file, struct linux_epoll_event *events, unsigned count,
                          uint64_t deadline_ns)
{
    struct epoll *epoll = file->private;
    for (;;) {
        unsigned found = has_ready(epoll) ? collect(epoll, events, count) : 0;
        if (found || deadline_ns == 0)
            return found;
        int error = wait_event_state(&epoll->wait, has_ready(epoll), THREAD_INTERRUPTIBLE,
                                     deadline_ns, true);
        if (error == -ETIMEDOUT)
            deadline_ns = 0; /* one last look */
        else if (error)
            return -EINTR; /* never restarted, whatever the handler's flags */
    }
}

/* The user's array could not be written: what was taken off the list has to be found again. */
static void mark_all_ready(struct epoll *epoll)
{
    struct epoll_item *item;
    mutex_lock(&epoll->lock);
    rb_for_each_entry(item, &epoll->items, tree_node)
        epoll_item_ready(item);
    mutex_unlock(&epoll->lock);
}

int64_t epoll_wait_events(struct file *file, uint64_t events_uaddr, unsigned count,
                          uint64_t deadline_ns)
{
    struct epoll *epoll = file->private;
    struct linux_epoll_event inline_events[EVENTS_INLINE], *events = inline_events;

    if (count > EVENTS_INLINE) {
        count = MIN(count, MAX(atomic_load_relaxed(&epoll->item_count), (unsigned)EVENTS_INLINE));
        if (count > EVENTS_INLINE)
            events = kmalloc(count * sizeof(*events));
        if (!events) { /* then fewer at a time */
            events = inline_events;
            count = EVENTS_INLINE;
        }
    }
    int64_t result = epoll_wait_kernel(file, events, count, deadline_ns);
    if (result > 0 && copy_to_user(events_uaddr, events, (size_t)result * sizeof(*events))) {
        mark_all_ready(epoll);
        result = -EFAULT;
    }
    if (events != inline_events)
        kfree(events);
    return result;
}

/* ---- file operations ---- */

static uint32_t epoll_poll(struct file *file, struct poll_table *table)
{
    struct epoll *epoll = file->private;
    struct epoll_item *item;
    uint32_t events = 0;

    poll_wait(table, &epoll->wait);
    atomic_fence_seq(); /* registered before looking */
    mutex_lock_nested(&epoll->lock); /* perhaps under an outer set's */
    bool irq = spin_lock_irqsave(&epoll->ready_lock);
    while (!events && (item = list_pop_head_entry(&epoll->ready, struct epoll_item, ready_node))) {
        spin_unlock_irqrestore(&epoll->ready_lock, irq);
        if (epoll_item_poll(item, NULL))
            events = EPOLLIN | EPOLLRDNORM;
        irq = spin_lock_irqsave(&epoll->ready_lock);
        if (events)
            list_item(&epoll->ready, item);
    }
    epoll_ready_changed_locked(epoll);
    spin_unlock_irqrestore(&epoll->ready_lock, irq);
    mutex_unlock(&epoll->lock);
    return events;
}

static void epoll_release(struct file *file)
{
    struct epoll *epoll = file->private;
    epoll_remove_all(epoll);
    kfree(epoll);
}

static void epoll_show(struct file *file, struct strbuf *out)
{
    struct epoll *epoll = file->private;
    struct epoll_item *item;

    mutex_lock(&epoll->lock);
    rb_for_each_entry(item, &epoll->items, tree_node)
    {
        const struct inode *inode = item->file->inode;
        strbuf_printf(out, "tfd: %8d events: %8x data: %16llx  pos:%lli ino:%llx sdev:%llx\n",
                      item->fd, atomic_load_relaxed(&item->events), (unsigned long long)item->data,
                      (long long)item->file->pos, (unsigned long long)inode->ino,
                      (unsigned long long)inode->sb->dev);
    }
    mutex_unlock(&epoll->lock);
}

static const struct file_ops epoll_file_ops = {
    .poll = epoll_poll,
    .seek = null_seek,
    .release = epoll_release,
    .show_fdinfo = epoll_show,
};

bool file_is_epoll(const struct file *file)
{
    return file->ops == &epoll_file_ops;
}

int epoll_file_create(struct kernel *kernel, struct file **out)
{
    struct epoll *epoll = kzalloc(sizeof(*epoll));
    if (!epoll)
        return -ENOMEM;
    mutex_init(&epoll->lock, LOCK_RANK_EPOLL);
    spin_lock_init(&epoll->ready_lock, LOCK_RANK_EPOLL_READY);
    list_init(&epoll->ready);
    wait_queue_init(&epoll->wait);
    spin_lock_init(&epoll->wait.lock, LOCK_RANK_NONE);
    int error = file_create_anon(kernel, "eventpoll", &epoll_file_ops, epoll, O_RDWR, 0, out);
    if (error) {
        kfree(epoll);
        return error;
    }
    epoll->file = *out;
    return 0;
}
