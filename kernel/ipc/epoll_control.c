/* SPDX-License-Identifier: MIT
 *
 * Changing what an epoll set watches (epoll_ctl(2)), and taking watched files and sets apart. The
 * structures and locks are described in epoll_internal.h.
 */
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/ipc/epoll.h"
#include "kernel/ipc/epoll_internal.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/mm/slab.h"

/* ---- wake-ups ---- */

/* Under the lock of a wait queue of the file. True if an exclusive wake-up has found its thread. */
static bool item_wake(struct wait_entry *wait, uint32_t key)
{
    struct epoll_item *item = container_of(wait, struct epoll_link, wait)->item;
    uint32_t wanted = atomic_load_relaxed(&item->events);

    if (!(wanted & ~EPOLL_MODE_BITS) || (key && !(key & wanted)))
        return false;
    bool awaited = wait_queue_has_waiters(&item->epoll->wait);
    epoll_item_ready(item);
    return awaited || !(wanted & EPOLLEXCLUSIVE);
}

struct registration {
    struct poll_table table;
    struct epoll_item *item;
};

static void register_on_queue(struct poll_table *table, struct wait_queue *queue)
{
    struct epoll_item *item = container_of(table, struct registration, table)->item;
    struct epoll_link *link;

    if (item->link_count < EPOLL_LINKS_INLINE) {
        link = &item->links[item->link_count];
    } else {
        link = kmalloc(sizeof(*link));
        if (!link) {
            item->out_of_memory = true;
            return;
        }
        link->next = item->more_links;
        item->more_links = link;
    }
    item->link_count++;
    link->item = item;
    wait_entry_init_callback(&link->wait, item_wake);
    link->wait.exclusive = item->events & EPOLLEXCLUSIVE;
    wait_queue_add(queue, &link->wait);
}

static void leave_queues(struct epoll_item *item)
{
    for (unsigned i = 0; i < MIN(item->link_count, (unsigned)EPOLL_LINKS_INLINE); i++)
        wait_queue_remove(&item->links[i].wait);
    while (item->more_links) {
        struct epoll_link *link = item->more_links;
        item->more_links = link->next;
        wait_queue_remove(&link->wait);
        kfree(link);
    }
}

/* ---- items ---- */

struct item_key {
    int fd;
    struct file *file;
};

/* By descriptor first, so that the order does not depend on addresses. */
static int compare_item(const void *key_pointer, const struct rb_node *node)
{
    const struct item_key *key = key_pointer;
    const struct epoll_item *item = rb_entry(node, struct epoll_item, tree_node);
    if (key->fd != item->fd)
        return key->fd < item->fd ? -1 : 1;
    if (key->file != item->file)
        return (uintptr_t)key->file < (uintptr_t)item->file ? -1 : 1;
    return 0;
}

static bool item_less(const struct rb_node *a, const struct rb_node *b)
{
    const struct epoll_item *item = rb_entry(a, struct epoll_item, tree_node);
    struct item_key key = {.fd = item->fd, .file = item->file};
    return compare_item(&key, b) < 0;
}

static struct epoll_item *find_item_locked(struct epoll *epoll, int fd, struct file *file)
{
    struct item_key key = {.fd = fd, .file = file};
    return rb_entry_or_null(rb_find(&epoll->items, &key, compare_item), struct epoll_item,
                            tree_node);
}

const struct file *epoll_target(struct file *epoll_file, int fd, unsigned offset)
{
    struct epoll *epoll = epoll_file->private;
    const struct file *target = NULL;
    struct epoll_item *item;
    mutex_lock(&epoll->lock);
    rb_for_each_entry(item, &epoll->items, tree_node)
    {
        if (item->fd == fd && offset-- == 0) {
            target = item->file;
            break;
        }
    }
    mutex_unlock(&epoll->lock);
    return target;
}

static void remove_item_locked(struct epoll *epoll, struct epoll_item *item)
{
    leave_queues(item); /* from here on nothing puts it on the ready list */
    spin_lock(&item->file->epoll_lock);
    list_remove(&item->file_node);
    spin_unlock(&item->file->epoll_lock);
    rb_erase(&epoll->items, &item->tree_node, NULL);
    atomic_store_relaxed(&epoll->item_count, epoll->item_count - 1);
    bool irq = spin_lock_irqsave(&epoll->ready_lock);
    list_remove(&item->ready_node);
    epoll_ready_changed_locked(epoll);
    spin_unlock_irqrestore(&epoll->ready_lock, irq);
    kfree(item);
}

static int add_item_locked(struct epoll *epoll, int fd, struct file *file,
                           const struct linux_epoll_event *event)
{
    struct epoll_item *item = kzalloc(sizeof(*item));
    if (!item)
        return -ENOMEM;
    item->epoll = epoll;
    item->file = file;
    item->fd = fd;
    item->events = event->events | EPOLLERR | EPOLLHUP;
    item->data = event->data;
    rb_insert(&epoll->items, &item->tree_node, item_less, NULL);
    atomic_store_relaxed(&epoll->item_count, epoll->item_count + 1);
    atomic_store_relaxed(&file->epoll_used, true);
    spin_lock(&file->epoll_lock);
    list_add_tail(&file->epoll_items, &item->file_node);
    spin_unlock(&file->epoll_lock);

    struct registration registration = {
        .table = {.queue = register_on_queue, .events = item->events & ~EPOLL_MODE_BITS},
        .item = item,
    };
    uint32_t ready = epoll_item_poll(item, &registration.table);
    if (item->out_of_memory) {
        remove_item_locked(epoll, item);
        return -ENOMEM;
    }
    if (ready)
        epoll_item_ready(item);
    return 0;
}

static void modify_item_locked(struct epoll_item *item, const struct linux_epoll_event *event)
{
    item->data = event->data;
    atomic_store_relaxed(&item->events, event->events | EPOLLERR | EPOLLHUP);
    atomic_fence_seq(); /* a wake-up sees the new events, or we see what it announces */
    if (epoll_item_poll(item, NULL))
        epoll_item_ready(item);
}

/* ---- sets in sets; epoll_teardown is held, so edges between sets do not change ---- */

/* Levels of sets below `epoll`, or more than EPOLL_NESTS_MAX if `target` is among them. */
static int depth_below(struct epoll *epoll, const struct epoll *target, int level)
{
    struct epoll_item *item;
    int deepest = 0;

    if (epoll == target || level > EPOLL_NESTS_MAX)
        return EPOLL_NESTS_MAX + 1;
    mutex_lock_nested(&epoll->lock);
    rb_for_each_entry(item, &epoll->items, tree_node)
    {
        if (file_is_epoll(item->file))
            deepest = MAX(deepest, 1 + depth_below(item->file->private, target, level + 1));
    }
    mutex_unlock(&epoll->lock);
    return deepest;
}

static int depth_above(const struct epoll *epoll, int level)
{
    struct epoll_item *item;
    int highest = 0;

    if (level > EPOLL_NESTS_MAX)
        return EPOLL_NESTS_MAX + 1;
    list_for_each_entry(item, &epoll->file->epoll_items, file_node) highest =
        MAX(highest, 1 + depth_above(item->epoll, level + 1));
    return highest;
}

static bool may_nest(struct epoll *outer, struct epoll *inner)
{
    return depth_below(inner, outer, 0) + 1 + depth_above(outer, 0) <= EPOLL_NESTS_MAX;
}

/* ---- epoll_ctl ---- */

static bool exclusive_allowed(int operation, const struct file *file, uint32_t events)
{
    const uint32_t allowed =
        EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;
    return operation == EPOLL_CTL_ADD && !file_is_epoll(file) && !(events & ~allowed);
}

static int control_locked(struct epoll *epoll, int operation, int fd, struct file *file,
                          const struct linux_epoll_event *event)
{
    struct epoll_item *item = find_item_locked(epoll, fd, file);
    switch (operation) {
    case EPOLL_CTL_ADD:
        return item ? -EEXIST : add_item_locked(epoll, fd, file, event);
    case EPOLL_CTL_DEL:
        if (!item)
            return -ENOENT;
        remove_item_locked(epoll, item);
        return 0;
    case EPOLL_CTL_MOD:
        if (!item)
            return -ENOENT;
        if (item->events & EPOLLEXCLUSIVE)
            return -EINVAL;
        modify_item_locked(item, event);
        return 0;
    default:
        return -EINVAL;
    }
}

int epoll_control(struct file *epoll_file, int operation, int fd, struct file *file,
                  const struct linux_epoll_event *event)
{
    struct epoll *epoll = epoll_file->private;
    struct mutex *edges = file_is_epoll(file) ? &file->kernel->ipc->epoll_teardown : NULL;
    struct linux_epoll_event wanted = {0};
    int error = 0;

    if (!file->ops->poll)
        return -EPERM;
    if (file == epoll_file)
        return -EINVAL;
    if (operation != EPOLL_CTL_DEL) {
        wanted = *event;
        wanted.events &= ~EPOLLWAKEUP; /* this kernel does not suspend */
        if ((wanted.events & EPOLLEXCLUSIVE) && !exclusive_allowed(operation, file, wanted.events))
            return -EINVAL;
    }
    if (edges) {
        mutex_lock(edges);
        if (operation == EPOLL_CTL_ADD && !may_nest(epoll, file->private))
            error = -ELOOP;
    }
    if (!error) {
        mutex_lock(&epoll->lock);
        error = control_locked(epoll, operation, fd, file, &wanted);
        mutex_unlock(&epoll->lock);
    }
    if (edges)
        mutex_unlock(edges);
    return error;
}

/* ---- the end ---- */

void epoll_remove_all(struct epoll *epoll)
{
    struct mutex *teardown = &epoll->file->kernel->ipc->epoll_teardown;
    struct epoll_item *item, *following;

    mutex_lock(teardown);
    mutex_lock(&epoll->lock);
    rb_for_each_entry_safe(item, following, &epoll->items, tree_node)
        remove_item_locked(epoll, item);
    mutex_unlock(&epoll->lock);
    mutex_unlock(teardown);
}

/* No lock for the list: a file without references gets no new items, and loses them only here and
 * when a set goes away, which waits for the mutex. */
void epoll_file_released(struct file *file)
{
    struct mutex *teardown = &file->kernel->ipc->epoll_teardown;
    struct epoll_item *item;

    mutex_lock(teardown);
    while ((item = list_first_entry(&file->epoll_items, struct epoll_item, file_node))) {
        struct epoll *epoll = item->epoll;
        mutex_lock(&epoll->lock);
        remove_item_locked(epoll, item);
        mutex_unlock(&epoll->lock);
    }
    mutex_unlock(teardown);
}
