/* SPDX-License-Identifier: MIT
 *
 * The two queues of a ring. The kernel keeps the true values of the indices that it owns; those
 * that the program owns are read once and checked against them.
 */
#include "kernel/ipc/eventfd.h"
#include "kernel/syscall/uring/uring_internal.h"

static struct uring_header *header(const struct uring *ring)
{
    return shared_pages_at(ring->rings, 0);
}

static struct linux_io_uring_cqe *completion(const struct uring *ring, uint32_t index)
{
    size_t at = (size_t)(index & (ring->cq_entries - 1)) * ring->cqe_bytes;
    return shared_pages_at(ring->rings, ring->cqes_offset + at);
}

/* ---- completions ---- */

static unsigned used_locked(const struct uring *ring)
{
    uint32_t used = ring->cq_tail - atomic_load_acquire(&header(ring)->cq.head);
    return MIN(used, ring->cq_entries); /* nonsense counts as full */
}

static void put_locked(struct uring *ring, const struct linux_io_uring_cqe *cqe)
{
    struct linux_io_uring_cqe *slot = completion(ring, ring->cq_tail);
    memcpy(slot, cqe, sizeof(*cqe));
    if (ring->cqe_bytes > sizeof(*cqe))
        memset(slot + 1, 0, ring->cqe_bytes - sizeof(*cqe));
    ring->cq_tail++;
    atomic_store_release(&header(ring)->cq.tail, ring->cq_tail);
}

void uring_sq_flag(struct uring *ring, uint32_t flag, bool on)
{
    if (on)
        atomic_fetch_or_seq(&header(ring)->sq_flags, flag);
    else
        atomic_fetch_and_seq(&header(ring)->sq_flags, ~flag);
}

/* There is no room: kept until there is. Without memory it is lost, and counted. */
static void overflow_locked(struct uring *ring, const struct linux_io_uring_cqe *cqe)
{
    struct uring_overflow *entry =
        ring->overflow_count < URING_REQUESTS_MAX ? kmalloc(sizeof(*entry)) : NULL;
    if (!entry) {
        struct uring_header *head = header(ring);
        atomic_store_relaxed(&head->cq_overflow, atomic_load_relaxed(&head->cq_overflow) + 1);
        return;
    }
    entry->cqe = *cqe;
    list_add_tail(&ring->overflow, &entry->node);
    ring->overflow_count++;
    uring_sq_flag(ring, IORING_SQ_CQ_OVERFLOW, true);
}

bool uring_flush_overflow(struct uring *ring)
{
    bool irq = spin_lock_irqsave(&ring->lock);
    while (ring->overflow_count && used_locked(ring) < ring->cq_entries) {
        struct uring_overflow *entry =
            list_pop_head_entry(&ring->overflow, struct uring_overflow, node);
        put_locked(ring, &entry->cqe);
        kfree(entry);
        ring->overflow_count--;
    }
    bool empty = ring->overflow_count == 0;
    if (empty)
        uring_sq_flag(ring, IORING_SQ_CQ_OVERFLOW, false);
    spin_unlock_irqrestore(&ring->lock, irq);
    return empty;
}

static void tell_eventfd(struct uring *ring)
{
    bool irq = spin_lock_irqsave(&ring->lock);
    struct file *eventfd = ring->eventfd;
    if (eventfd && (header(ring)->cq_flags & IORING_CQ_EVENTFD_DISABLED))
        eventfd = NULL;
    if (eventfd)
        file_get(eventfd);
    spin_unlock_irqrestore(&ring->lock, irq);
    if (eventfd) {
        eventfd_signal(eventfd);
        file_put(eventfd);
    }
}

void uring_post(struct uring *ring, uint64_t user_data, int64_t result, uint32_t flags)
{
    const struct linux_io_uring_cqe cqe = {
        .user_data = user_data, .res = (int32_t)result, .flags = flags};
    bool irq = spin_lock_irqsave(&ring->lock);
    if (ring->overflow_count || used_locked(ring) >= ring->cq_entries)
        overflow_locked(ring, &cqe);
    else
        put_locked(ring, &cqe);
    ring->completions++;
    spin_unlock_irqrestore(&ring->lock, irq);
    wait_queue_wake(&ring->wait, 0, EPOLLIN | EPOLLRDNORM);
    if (atomic_load_relaxed(&ring->eventfd))
        tell_eventfd(ring);
}

unsigned uring_available(struct uring *ring)
{
    bool irq = spin_lock_irqsave(&ring->lock);
    unsigned used = used_locked(ring);
    spin_unlock_irqrestore(&ring->lock, irq);
    return used;
}

/* ---- submissions ---- */

unsigned uring_submittable(struct uring *ring)
{
    uint32_t waiting = atomic_load_acquire(&header(ring)->sq.tail) - ring->sq_head;
    return MIN(waiting, ring->sq_entries);
}

/* The next entry; false if its index is nonsense, which is counted. */
bool uring_take_sqe(struct uring *ring, struct linux_io_uring_sqe *out)
{
    uint32_t at = ring->sq_head & (ring->sq_entries - 1);
    const uint32_t *array = shared_pages_at(ring->rings, ring->array_offset + at * sizeof(*array));
    uint32_t index = atomic_load_relaxed(array);
    ring->sq_head++;
    bool good = index < ring->sq_entries;
    if (good)
        memcpy(out, shared_pages_at(ring->sqes, (size_t)index * ring->sqe_bytes), sizeof(*out));
    else
        header(ring)->sq_dropped++;
    atomic_store_release(&header(ring)->sq.head, ring->sq_head);
    return good;
}
