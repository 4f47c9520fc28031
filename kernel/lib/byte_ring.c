/* SPDX-License-Identifier: MIT */
/* Byte queue. Invariant: fill <= capacity, head < capacity. The caller serialises. */
#include "kernel/lib/byte_ring.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"

void byte_ring_init(struct byte_ring *ring, void *buffer, size_t capacity)
{
    assert(capacity > 0);
    *ring = (struct byte_ring){.buffer = buffer, .capacity = capacity};
}

/* Index in the buffer of the byte `offset` from the front, offset <= capacity. */
static size_t index_of(const struct byte_ring *ring, size_t offset)
{
    size_t to_end = ring->capacity - ring->head;
    return offset < to_end ? ring->head + offset : offset - to_end;
}

bool byte_ring_put(struct byte_ring *ring, uint8_t byte)
{
    if (byte_ring_full(ring))
        return false;
    ring->buffer[index_of(ring, ring->fill)] = byte;
    ring->fill++;
    return true;
}

size_t byte_ring_write(struct byte_ring *ring, const void *from, size_t size)
{
    size = MIN(size, byte_ring_space(ring));
    size_t start = index_of(ring, ring->fill);
    if (size == 0)
        return 0;
    size_t first = MIN(size, ring->capacity - start);
    memcpy(ring->buffer + start, from, first);
    memcpy(ring->buffer, (const uint8_t *)from + first, size - first);
    ring->fill += size;
    return size;
}

int byte_ring_get(struct byte_ring *ring)
{
    int byte = byte_ring_at(ring, 0);
    byte_ring_skip(ring, 1);
    return byte;
}

size_t byte_ring_read(struct byte_ring *ring, void *to, size_t size)
{
    return byte_ring_skip(ring, byte_ring_peek(ring, 0, to, size));
}

size_t byte_ring_peek(const struct byte_ring *ring, size_t offset, void *to, size_t size)
{
    if (offset >= ring->fill)
        return 0;
    size = MIN(size, ring->fill - offset);
    if (size == 0)
        return 0;
    size_t start = index_of(ring, offset);
    size_t first = MIN(size, ring->capacity - start);
    memcpy(to, ring->buffer + start, first);
    memcpy((uint8_t *)to + first, ring->buffer, size - first);
    return size;
}

int byte_ring_at(const struct byte_ring *ring, size_t offset)
{
    return offset < ring->fill ? ring->buffer[index_of(ring, offset)] : -1;
}

size_t byte_ring_skip(struct byte_ring *ring, size_t size)
{
    size = MIN(size, ring->fill);
    ring->head = index_of(ring, size);
    ring->fill -= size;
    return size;
}

int byte_ring_unput(struct byte_ring *ring)
{
    if (byte_ring_empty(ring))
        return -1;
    ring->fill--;
    return ring->buffer[index_of(ring, ring->fill)];
}

size_t byte_ring_find(const struct byte_ring *ring, size_t offset, uint8_t byte)
{
    while (offset < ring->fill && ring->buffer[index_of(ring, offset)] != byte)
        offset++;
    return MIN(offset, ring->fill);
}

size_t byte_ring_front(const struct byte_ring *ring, const uint8_t **out)
{
    *out = ring->buffer + ring->head;
    return MIN(ring->fill, ring->capacity - ring->head);
}
