/* SPDX-License-Identifier: MIT */
/*
 * Wait queues. The queue's lock guards its list; an entry belongs to its owner, who alone adds and
 * removes it. Waking holds the lock, so that an entry on a waiter's stack cannot vanish under it.
 *
 * An exclusive wake-up is consumed only by a thread that was really blocked (thread_wake is true):
 * one that is running anyway will look at its condition itself, and the wake-up goes to the next.
 */
#include "kernel/sched/wait.h"

void wait_queue_init(struct wait_queue *queue)
{
    spin_lock_init(&queue->lock, LOCK_RANK_WAIT_QUEUE);
    list_init(&queue->entries);
    queue->waiting = 0;
}

void wait_entry_init(struct wait_entry *entry)
{
    list_node_init(&entry->node);
    entry->queue = NULL;
    entry->thread = this_thread();
    entry->wake = NULL;
    entry->exclusive = false;
}

void wait_entry_init_callback(struct wait_entry *entry,
                              bool (*wake)(struct wait_entry *entry, uint32_t key))
{
    wait_entry_init(entry);
    entry->thread = NULL;
    entry->wake = wake;
}

void wait_queue_add(struct wait_queue *queue, struct wait_entry *entry)
{
    bool irq;

    if (entry->queue != NULL) {
        assert(entry->queue == queue);
        return;
    }
    irq = spin_lock_irqsave(&queue->lock);
    entry->queue = queue;
    if (entry->exclusive) {
        list_add_tail(&queue->entries, &entry->node);
    } else {
        list_add_head(&queue->entries, &entry->node);
    }
    /* Sequentially consistent: before the owner looks at its condition, see
     * wait_queue_has_waiters. */
    atomic_fetch_add_seq(&queue->waiting, 1);
    spin_unlock_irqrestore(&queue->lock, irq);
}

void wait_queue_remove(struct wait_entry *entry)
{
    struct wait_queue *queue = entry->queue;
    bool irq;

    if (queue == NULL) {
        return;
    }
    irq = spin_lock_irqsave(&queue->lock);
    list_remove(&entry->node);
    entry->queue = NULL;
    atomic_fetch_sub_relaxed(&queue->waiting, 1);
    spin_unlock_irqrestore(&queue->lock, irq);
}

static bool wake_entry(struct wait_entry *entry, uint32_t key)
{
    return entry->wake != NULL ? entry->wake(entry, key) : thread_wake(entry->thread);
}

void wait_queue_wake(struct wait_queue *queue, unsigned exclusive_max, uint32_t key)
{
    unsigned exclusive = 0;
    struct list_node *node, *following;
    bool irq;

    if (!wait_queue_has_waiters(queue)) {
        return;
    }
    irq = spin_lock_irqsave(&queue->lock);
    list_for_each_safe(node, following, &queue->entries)
    {
        struct wait_entry *entry = list_entry(node, struct wait_entry, node);

        if (wake_entry(entry, key) && entry->exclusive && ++exclusive == exclusive_max) {
            break;
        }
    }
    spin_unlock_irqrestore(&queue->lock, irq);
}
