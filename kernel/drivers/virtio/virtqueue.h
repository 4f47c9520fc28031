/* SPDX-License-Identifier: MIT
 *
 * Split virtqueues from the driver's side: VIRTIO 1.1, section 2.6. No indirect descriptors, no
 * event index. The caller's lock guards a queue.
 */
#ifndef KERNEL_DRIVERS_VIRTIO_VIRTQUEUE_H
#define KERNEL_DRIVERS_VIRTIO_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct page;
struct virtio_pci;

enum { VIRTQUEUE_SIZE_MAX = 128 };

/* A piece of physical memory. */
struct virtqueue_part {
    uint64_t paddr;
    uint32_t bytes;
};

struct virtqueue {
    struct virtio_pci *pci;
    uint16_t index, notify_index;
    uint16_t size; /* descriptors; a power of two */

    /* Shared with the device, which writes only the used ring. */
    struct page *memory;
    struct virtqueue_descriptor *descriptors;
    uint16_t *available; /* flags, index, ring */
    uint16_t *used;      /* flags, index; then pairs of 32-bit words */
    uint64_t descriptors_paddr, available_paddr, used_paddr;

    /* The driver's own view: what the device may have overwritten is never read back. */
    uint16_t free_head, free_count;
    uint16_t available_index, used_index;
    uint16_t next[VIRTQUEUE_SIZE_MAX];   /* of a free descriptor, or in a chain */
    uint16_t length[VIRTQUEUE_SIZE_MAX]; /* of the chain that begins here; 0: none does */
    void *token[VIRTQUEUE_SIZE_MAX];     /* of that chain */
};

/* Memory for a queue of at most VIRTQUEUE_SIZE_MAX descriptors. 0 or -ENOMEM. */
int virtqueue_create(struct virtqueue *queue, struct virtio_pci *pci, uint16_t index);
void virtqueue_destroy(struct virtqueue *queue);

/* After a reset and the agreement on features: empty it and give it to the device. 0, or -EIO: the
 * device has no such queue or takes no interrupt for it. */
int virtqueue_enable(struct virtqueue *queue);

/* The head that the next chain will have; only if there is a free descriptor. */
static inline uint16_t virtqueue_next_head(const struct virtqueue *queue)
{
    return queue->free_head;
}

/* Make a chain available: `readable` parts for the device to read, then `writable` ones. 0, or
 * -EBUSY: too few free descriptors. virtqueue_kick tells the device. */
int virtqueue_add(struct virtqueue *queue, const struct virtqueue_part *parts, unsigned readable,
                  unsigned writable, void *token);
void virtqueue_kick(struct virtqueue *queue);

/* A chain that the device is done with: 1, with its token, head and how many bytes the device says
 * it has written; 0: none; -EIO: the device talks nonsense, and the queue is of no use any more. */
int virtqueue_take(struct virtqueue *queue, void **out_token, uint16_t *out_head,
                   uint32_t *out_bytes);

/* Of chains that the device has not given back: call for each (after a reset). */
void virtqueue_for_each_token(struct virtqueue *queue, void (*visit)(void *context, void *token),
                              void *context);

#endif
