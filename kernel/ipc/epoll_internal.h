/* SPDX-License-Identifier: MIT
 *
 * An epoll set and its items, shared by waiting (epoll.c) and changing (epoll_control.c).
 *
 * An item ties a watched (file, fd) to a set and holds neither alive. It is in four places: the set's
 * tree, the file's list, the wait queues of the file's object, and while it may be ready the set's
 * ready list.
 *
 * Locks, in the order in which they are taken:
 *  - ipc->epoll_teardown (sleeping): held while a watched file or a set goes away, so that the two
 *    ends of an item do not both free it; and while edges between sets change, so that the graph of
 *    sets stays free of cycles. Unranked: the last put of a file may happen under other locks.
 *  - epoll->lock (sleeping, an outer set before an inner one): the tree and who collects. No user
 *    memory is touched under it, so a put under an mm's lock cannot close a cycle.
 *  - epoll->ready_lock: the ready list. Taken inside wake-up callbacks, under a wait queue's lock.
 *  - epoll->wait's own lock is unranked, since waking an outer set happens under it; the graph of
 *    sets has no cycles, so its users cannot wait for each other in a circle.
 */
#ifndef KERNEL_IPC_EPOLL_INTERNAL_H
#define KERNEL_IPC_EPOLL_INTERNAL_H

#include "kernel/abi/poll.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/rbtree.h"
#include "kernel/sched/mutex.h"

/* Bits of epoll_event.events that are not conditions. */
#define EPOLL_MODE_BITS (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE)

enum { EPOLL_NESTS_MAX = 4, EPOLL_LINKS_INLINE = 2 };

struct epoll {
    struct file *file;           /* its own; not referenced */
    struct mutex lock;
    struct rb_root items;        /* epoll_item.tree_node */
    unsigned item_count;         /* changed under the lock, read anywhere */

    struct spinlock ready_lock;  /* irqsave */
    struct list ready;           /* epoll_item.ready_node */
    bool any_ready;              /* the list is not empty; read without the lock; atomic */

    struct wait_queue wait;      /* threads in epoll_wait (exclusive), pollers of the set itself */
};

/* An item's place on one wait queue of its file. */
struct epoll_link {
    struct wait_entry wait;
    struct epoll_item *item;
    struct epoll_link *next;
};

struct epoll_item {
    struct rb_node tree_node;
    struct list_node ready_node; /* in epoll->ready, or taken by who collects; ready_lock */
    struct list_node file_node;  /* file->epoll_lock */
    struct epoll *epoll;
    struct file *file;
    int fd;
    uint32_t events;             /* wanted, and mode bits; changed under epoll->lock; atomic */
    uint64_t data;               /* epoll->lock */
    unsigned link_count;
    bool out_of_memory;          /* a queue could not be registered on */
    struct epoll_link links[EPOLL_LINKS_INLINE];
    struct epoll_link *more_links;
};

/* What the item has to report now. epoll->lock is held. */
uint32_t epoll_item_poll(struct epoll_item *item, struct poll_table *table);

/* Put the item on the ready list, if it is not there, and wake waiters. Any context. */
void epoll_item_ready(struct epoll_item *item);

/* After a change of the ready list, under its lock. */
static inline void epoll_ready_changed_locked(struct epoll *epoll)
{
    atomic_store_relaxed(&epoll->any_ready, !list_empty(&epoll->ready));
}

/* Take every item out of the set (which nobody else can reach any more) and free it. */
void epoll_remove_all(struct epoll *epoll);

/* Hook of the VFS: `file`, watched at some time, has lost its last reference. */
void epoll_file_released(struct file *file);

#endif
