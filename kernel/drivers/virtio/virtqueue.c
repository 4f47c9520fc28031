/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues (virtqueue.h; VIRTIO 1.1, 2.6). All three rings are in one page.
 *
 * The device's answers are an index and pairs of words in the used ring. An answer for a chain that
 * is not under way, or more answers than the queue has descriptors, and the queue is broken.
 */
#include "kernel/drivers/virtio/virtqueue.h"

#include "hal/bus.h"
#include "kernel/abi/errno.h"
#include "kernel/drivers/virtio/virtio_internal.h"
#include "kernel/drivers/virtio/virtio_pci.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/page.h"

struct virtqueue_descriptor {
    uint64_t address;
    uint32_t bytes;
    uint16_t flags, next;
};

enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2 };

/* Where the rings are in the page. */
enum {
    AVAILABLE_AT = VIRTQUEUE_SIZE_MAX * sizeof(struct virtqueue_descriptor),
    AVAILABLE_BYTES = 6 + 2 * VIRTQUEUE_SIZE_MAX,
    USED_AT = (AVAILABLE_AT + AVAILABLE_BYTES + 3) & ~3,
    USED_BYTES = 6 + 8 * VIRTQUEUE_SIZE_MAX,
};
_Static_assert((int)USED_AT + (int)USED_BYTES <= (int)PAGE_SIZE, "rings fit one page");

int virtqueue_create(struct virtqueue *queue, struct virtio_pci *pci, uint16_t index)
{
    *queue = (struct virtqueue){.pci = pci, .index = index};
    queue->memory = page_alloc(0, ALLOC_ZERO);
    if (!queue->memory) {
        return -ENOMEM;
    }
    char *memory = page_address(queue->memory);
    uint64_t paddr = hal_device_dma_address(pci->device, page_to_phys(queue->memory));
    queue->descriptors = (struct virtqueue_descriptor *)memory;
    queue->available = (uint16_t *)(memory + AVAILABLE_AT);
    queue->used = (uint16_t *)(memory + USED_AT);
    queue->descriptors_paddr = paddr;
    queue->available_paddr = paddr + AVAILABLE_AT;
    queue->used_paddr = paddr + USED_AT;
    return 0;
}

void virtqueue_destroy(struct virtqueue *queue)
{
    if (queue->memory) {
        page_put(queue->memory);
    }
    queue->memory = NULL;
}

/* All descriptors free. */
static void make_empty(struct virtqueue *queue)
{
    memset(page_address(queue->memory), 0, PAGE_SIZE);
    for (uint16_t i = 0; i < queue->size; i++) {
        queue->next[i] = (uint16_t)(i + 1);
        queue->length[i] = 0;
    }
    queue->free_head = 0;
    queue->free_count = queue->size;
    queue->available_index = queue->used_index = 0;
}

int virtqueue_enable(struct virtqueue *queue)
{
    struct virtio_pci *pci = queue->pci;
    unsigned vector = pci->messages ? VECTOR_QUEUE : VECTOR_NONE;

    virtio_pci_write(pci, COMMON_QUEUE_SELECT, 2, queue->index);
    unsigned size = (unsigned)virtio_pci_read(pci, COMMON_QUEUE_SIZE, 2);
    if (size == 0 || size > 32768 || (size & (size - 1)) != 0) {
        return -EIO;
    }
    queue->size = (uint16_t)MIN(size, (unsigned)VIRTQUEUE_SIZE_MAX);
    make_empty(queue);
    virtio_pci_write(pci, COMMON_QUEUE_SIZE, 2, queue->size);
    virtio_pci_write(pci, COMMON_QUEUE_VECTOR, 2, vector);
    if (virtio_pci_read(pci, COMMON_QUEUE_VECTOR, 2) != vector) {
        return -EIO;
    }
    virtio_pci_write(pci, COMMON_QUEUE_DESCRIPTORS, 8, queue->descriptors_paddr);
    virtio_pci_write(pci, COMMON_QUEUE_AVAILABLE, 8, queue->available_paddr);
    virtio_pci_write(pci, COMMON_QUEUE_USED, 8, queue->used_paddr);
    queue->notify_index = (uint16_t)virtio_pci_read(pci, COMMON_QUEUE_NOTIFY, 2);
    virtio_pci_write(pci, COMMON_QUEUE_ENABLE, 2, 1);
    return 0;
}

static void fill_descriptor(struct virtqueue *queue, uint16_t at, const struct virtqueue_part *part,
                            unsigned flags)
{
    queue->descriptors[at] = (struct virtqueue_descriptor){
        .address = hal_device_dma_address(queue->pci->device, part->paddr),
        .bytes = part->bytes,
        .flags = (uint16_t)flags,
        .next = flags & DESCRIPTOR_NEXT ? queue->next[at] : 0,
    };
}

int virtqueue_add(struct virtqueue *queue, const struct virtqueue_part *parts, unsigned readable,
                  unsigned writable, void *token)
{
    unsigned count = readable + writable;
    uint16_t head = queue->free_head, at = head;

    assert(count > 0);
    if (count > queue->free_count) {
        return -EBUSY;
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned flags =
            (i + 1 < count ? DESCRIPTOR_NEXT : 0) | (i >= readable ? DESCRIPTOR_WRITE : 0);
        fill_descriptor(queue, at, &parts[i], flags);
        at = queue->next[at];
    }
    queue->free_head = at;
    queue->free_count = (uint16_t)(queue->free_count - count);
    queue->length[head] = (uint16_t)count;
    queue->token[head] = token;
    queue->available[2 + queue->available_index % queue->size] = head;
    queue->available_index++;
    atomic_store_release(&queue->available[1], queue->available_index);
    return 0;
}

void virtqueue_kick(struct virtqueue *queue)
{
    atomic_fence_seq();
    virtio_pci_notify(queue->pci, queue->index, queue->notify_index);
}

/* Its descriptors, still linked in order, go to the front of the free ones. */
static void free_chain(struct virtqueue *queue, uint16_t head)
{
    uint16_t last = head, count = queue->length[head];

    for (uint16_t i = 1; i < count; i++) {
        last = queue->next[last];
    }
    queue->next[last] = queue->free_head;
    queue->free_head = head;
    queue->free_count = (uint16_t)(queue->free_count + count);
    queue->length[head] = 0;
}

int virtqueue_take(struct virtqueue *queue, void **out_token, uint16_t *out_head,
                   uint32_t *out_bytes)
{
    uint16_t waiting = (uint16_t)(atomic_load_acquire(&queue->used[1]) - queue->used_index);

    if (waiting == 0) {
        return 0;
    }
    const uint32_t *element =
        (const uint32_t *)(queue->used + 2) + 2 * (queue->used_index % queue->size);
    uint32_t head = atomic_load_relaxed(&element[0]);
    if (waiting > queue->size || head >= queue->size || queue->length[head] == 0) {
        return -EIO;
    }
    *out_bytes = atomic_load_relaxed(&element[1]);
    *out_token = queue->token[head];
    *out_head = (uint16_t)head;
    queue->used_index++;
    free_chain(queue, (uint16_t)head);
    return 1;
}

void virtqueue_for_each_token(struct virtqueue *queue, void (*visit)(void *context, void *token),
                              void *context)
{
    for (uint16_t i = 0; i < queue->size; i++) {
        if (queue->length[i] > 0) {
            visit(context, queue->token[i]);
        }
    }
}
