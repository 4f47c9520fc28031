/* SPDX-License-Identifier: MIT */
/*
 * First-in first-out queue of bytes over a caller's buffer, as terminals use. Any capacity. No
 * locking inside. Invariant: fill <= capacity, head < capacity.
 */
#ifndef KERNEL_LIB_BYTE_RING_H
#define KERNEL_LIB_BYTE_RING_H

#include "kernel/lib/compiler.h"

struct byte_ring {
    uint8_t *buffer;
    size_t capacity; /* > 0 */
    size_t head;     /* index of the oldest byte */
    size_t fill;     /* bytes held */
};

void byte_ring_init(struct byte_ring *ring, void *buffer, size_t capacity);

static inline size_t byte_ring_fill(const struct byte_ring *ring)
{
    return ring->fill;
}

static inline size_t byte_ring_space(const struct byte_ring *ring)
{
    return ring->capacity - ring->fill;
}

static inline bool byte_ring_empty(const struct byte_ring *ring)
{
    return ring->fill == 0;
}

static inline bool byte_ring_full(const struct byte_ring *ring)
{
    return ring->fill == ring->capacity;
}

static inline void byte_ring_clear(struct byte_ring *ring)
{
    ring->head = ring->fill = 0;
}

/* Append; false, count: what did not fit is left out. */
bool byte_ring_put(struct byte_ring *ring, uint8_t byte);
size_t byte_ring_write(struct byte_ring *ring, const void *from, size_t size);

/* Take from the front. byte_ring_get returns the byte, or -1 if empty. */
int byte_ring_get(struct byte_ring *ring);
size_t byte_ring_read(struct byte_ring *ring, void *to, size_t size);

/* Copies without taking, `offset` bytes from the front; returns the count. */
size_t byte_ring_peek(const struct byte_ring *ring, size_t offset, void *to, size_t size);
/* Byte `offset` from the front, or -1 past the end. */
int byte_ring_at(const struct byte_ring *ring, size_t offset);
/* Drops up to `size` bytes from the front; returns the count. */
size_t byte_ring_skip(struct byte_ring *ring, size_t size);
/* Takes back the newest byte (erase in line editing), or -1 if empty. */
int byte_ring_unput(struct byte_ring *ring);
/* Distance from the front of the first `byte` at or after offset; fill if there is none. */
size_t byte_ring_find(const struct byte_ring *ring, size_t offset, uint8_t byte);

/* The longest contiguous stretch of held bytes from the front, for output without a copy. */
size_t byte_ring_front(const struct byte_ring *ring, const uint8_t **out);

#endif
