/* SPDX-License-Identifier: MIT
 *
 * A cursor over a scattered buffer in user or kernel memory: what read and write operations of
 * files copy to and from.
 */
#ifndef KERNEL_MM_UIO_H
#define KERNEL_MM_UIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

struct uio_segment { /* same layout as struct iovec */
    uint64_t base;   /* user address, or kernel pointer */
    uint64_t bytes;
};

struct uio {
    const struct uio_segment *segments;
    size_t segment_count;
    size_t segment_offset; /* into segments[0] */
    uint64_t remaining;    /* bytes left in total */
    bool kernel;           /* segments are kernel memory */
    struct uio_segment inline_segment;
};

#define MAX_RW_COUNT 0x7ffff000u

static inline void uio_init_one(struct uio *uio, uint64_t base, uint64_t bytes, bool kernel)
{
    uio->inline_segment = (struct uio_segment){base, bytes};
    uio->segments = &uio->inline_segment;
    uio->segment_count = 1;
    uio->segment_offset = 0;
    uio->remaining = bytes;
    uio->kernel = kernel;
}

/* At most MAX_RW_COUNT bytes. */
static inline void uio_init_user(struct uio *uio, uint64_t uaddr, uint64_t bytes)
{
    uio_init_one(uio, uaddr, MIN(bytes, (uint64_t)MAX_RW_COUNT), false);
}
void uio_init_kernel(struct uio *uio, void *buffer, uint64_t bytes);
void uio_init_segments(struct uio *uio, const struct uio_segment *segments, size_t count);

/* Import a user iovec array (readv(2)): checks IOV_MAX and the total (-EINVAL), copies it. A short
 * array goes into `stack` (UIO_FAST entries), else *out_allocated must be kfree'd. Total clamped to
 * MAX_RW_COUNT. 0 or -EINVAL -EFAULT -ENOMEM. */
enum { UIO_FAST = 8, UIO_SEGMENTS_MAX = 1024 };
int uio_import(struct uio *uio, uint64_t iov_uaddr, uint64_t count, struct uio_segment *stack,
               struct uio_segment **out_allocated);

/* Copy and advance. Return the bytes copied, short at a user fault or at the end. */
size_t uio_copy_to(struct uio *uio, const void *src, size_t bytes); /* kernel -> uio (read) */
size_t uio_copy_from(void *dst, struct uio *uio, size_t bytes);     /* uio -> kernel (write) */
size_t uio_zero(struct uio *uio, size_t bytes);
void uio_advance(struct uio *uio, size_t bytes);
void uio_revert(struct uio *uio, size_t bytes); /* go back; only bytes advanced from this uio */

#endif
