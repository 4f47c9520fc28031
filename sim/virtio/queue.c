/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues from the device's side (sim/virtio/virtio.h; VIRTIO 1.1, section 2.6). Rings and
 * descriptors are in the driver's memory and are read once, then checked.
 */
#include <string.h>

#include "sim/virtio/virtio_internal.h"

struct descriptor {
    uint64_t address;
    uint32_t bytes;
    uint16_t flags, next;
};

enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2, DESCRIPTOR_INDIRECT = 4, NO_INTERRUPT = 1 };

/* A 16-bit word of the driver's memory, which another CPU may be writing. */
static uint16_t load16(const void *at)
{
    return __atomic_load_n((const uint16_t *)at, __ATOMIC_ACQUIRE);
}

static void *memory(const struct virtio_model *model, uint64_t address, size_t bytes)
{
    return model->host.memory(model->host.context, address, bytes);
}

/* The rings; NULL if they are not where memory is, or not aligned. */
static uint8_t *available_ring(const struct virtio_model *model, const struct virtio_queue *queue)
{
    return queue->available % 2 != 0 ? NULL : memory(model, queue->available, 4 + 2u * queue->size);
}

static uint8_t *used_ring(const struct virtio_model *model, const struct virtio_queue *queue)
{
    return queue->used % 4 != 0 ? NULL : memory(model, queue->used, 4 + 8u * queue->size);
}

static bool add_part(struct virtio_model *model, struct virtio_chain *chain,
                     const struct descriptor *descriptor)
{
    const bool writable = descriptor->flags & DESCRIPTOR_WRITE;
    uint8_t *bytes = memory(model, descriptor->address, descriptor->bytes);

    /* What the device reads comes first. */
    if (bytes == NULL || descriptor->flags & DESCRIPTOR_INDIRECT ||
        (!writable && chain->count > 0 && chain->parts[chain->count - 1].writable)) {
        return false;
    }
    chain->parts[chain->count].bytes = bytes;
    chain->parts[chain->count].count = descriptor->bytes;
    chain->parts[chain->count++].writable = writable;
    return true;
}

static bool follow(struct virtio_model *model, const struct virtio_queue *queue,
                   struct virtio_chain *chain)
{
    const uint8_t *table =
        memory(model, queue->descriptors, sizeof(struct descriptor) * queue->size);
    struct descriptor descriptor;
    unsigned index = chain->head;

    if (table == NULL) {
        return false;
    }
    for (unsigned i = 0; i < queue->size; i++) { /* a longer chain is a circle */
        if (index >= queue->size) {
            return false;
        }
        memcpy(&descriptor, table + index * sizeof(descriptor), sizeof(descriptor));
        if (!add_part(model, chain, &descriptor)) {
            return false;
        }
        if (!(descriptor.flags & DESCRIPTOR_NEXT)) {
            return true;
        }
        index = descriptor.next;
    }
    return false;
}

bool virtio_pop(struct virtio_model *model, unsigned index, struct virtio_chain *out)
{
    struct virtio_queue *queue = &model->queues[index];

    if (!queue->enabled || model->status & VIRTIO_STATUS_NEEDS_RESET) {
        return false;
    }
    const uint8_t *ring = available_ring(model, queue);
    if (ring == NULL) {
        virtio_break(model);
        return false;
    }
    const uint16_t waiting = (uint16_t)(load16(ring + 2) - queue->next);
    if (waiting == 0) {
        return false;
    }
    out->head = load16(ring + 4 + 2u * (queue->next % queue->size));
    out->count = 0;
    if (waiting > queue->size || !follow(model, queue, out)) {
        virtio_break(model);
        return false;
    }
    queue->next++;
    return true;
}

void virtio_interrupt(struct virtio_model *model, unsigned index)
{
    const struct virtio_queue *queue = &model->queues[index];
    const uint8_t *ring = available_ring(model, queue);

    if (ring != NULL && load16(ring) & NO_INTERRUPT) {
        return;
    }
    if (queue->vector == VIRTIO_NO_VECTOR) {
        model->isr |= 1;
    }
    model->host.raise(model->host.context, queue->vector == VIRTIO_NO_VECTOR ? 0 : queue->vector);
}

void virtio_push(struct virtio_model *model, unsigned index, unsigned head, uint32_t written)
{
    const struct virtio_queue *queue = &model->queues[index];
    uint8_t *ring = used_ring(model, queue);
    const uint32_t element[2] = {head, written};

    if (ring == NULL) {
        virtio_break(model);
        return;
    }
    const uint16_t used = load16(ring + 2);
    memcpy(ring + 4 + 8u * (used % queue->size), element, sizeof(element));
    __atomic_store_n((uint16_t *)(ring + 2), (uint16_t)(used + 1), __ATOMIC_RELEASE);
    virtio_interrupt(model, index);
}

uint64_t virtio_chain_bytes(const struct virtio_chain *chain, bool writable)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < chain->count; i++) {
        bytes += chain->parts[i].writable == writable ? chain->parts[i].count : 0;
    }
    return bytes;
}

/* Copy between the chain's parts of one kind and a buffer: out of the chain if `out` is not NULL,
 * else into it. */
static void copy(const struct virtio_chain *chain, bool writable, uint64_t offset, uint8_t *out,
                 const uint8_t *in, size_t count)
{
    for (unsigned i = 0; i < chain->count && count > 0; i++) {
        const uint64_t bytes = chain->parts[i].count;
        if (chain->parts[i].writable != writable) {
            continue;
        }
        if (offset >= bytes) {
            offset -= bytes;
            continue;
        }
        const size_t now = count < bytes - offset ? count : (size_t)(bytes - offset);
        uint8_t *part = chain->parts[i].bytes + offset;
        if (out != NULL) {
            memcpy(out, part, now);
            out += now;
        } else {
            memcpy(part, in, now);
            in += now;
        }
        count -= now;
        offset = 0;
    }
}

void virtio_chain_read(const struct virtio_chain *chain, uint64_t offset, void *out, size_t bytes)
{
    copy(chain, false, offset, out, NULL, bytes);
}

void virtio_chain_write(const struct virtio_chain *chain, uint64_t offset, const void *bytes,
                        size_t count)
{
    copy(chain, true, offset, NULL, bytes, count);
}
