/* SPDX-License-Identifier: MIT
 *
 * Cursors over scattered buffers (readv(2), writev(2)).
 *
 * Invariant: `remaining` is the number of bytes from segment_offset of segments[0] to the end, and
 * a segment is left only when another byte is needed, so that uio_revert can step back over empty
 * and finished segments.
 */
#include "kernel/mm/uio.h"

#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"

void uio_init_kernel(struct uio *uio, void *buffer, uint64_t bytes)
{
    uio_init_one(uio, (uint64_t)(uintptr_t)buffer, bytes, true);
}

void uio_init_segments(struct uio *uio, const struct uio_segment *segments, size_t count)
{
    uio->segments = segments;
    uio->segment_count = count;
    uio->segment_offset = 0;
    uio->remaining = 0;
    uio->kernel = false;
    for (size_t i = 0; i < count; i++)
        uio->remaining += segments[i].bytes;
}

/* Cut the array at MAX_RW_COUNT bytes in total and check every range. */
static int check_segments(struct uio_segment *segments, size_t count)
{
    uint64_t limit = this_kernel()->boot->user_addr_limit, total = 0;
    for (size_t i = 0; i < count; i++) {
        struct uio_segment *segment = &segments[i];
        if ((int64_t)segment->bytes < 0)
            return -EINVAL;
        if (segment->bytes && (segment->base > limit || segment->bytes > limit - segment->base))
            return -EFAULT;
        segment->bytes = MIN(segment->bytes, MAX_RW_COUNT - total);
        total += segment->bytes;
    }
    return 0;
}

int uio_import(struct uio *uio, uint64_t iov_uaddr, uint64_t count, struct uio_segment *stack,
               struct uio_segment **out_allocated)
{
    *out_allocated = NULL;
    count = (uint32_t)count; /* Linux counts segments in 32 bits */
    if (count > UIO_SEGMENTS_MAX)
        return -EINVAL;
    struct uio_segment *segments = stack;
    if (count > UIO_FAST) {
        segments = kmalloc(count * sizeof(*segments));
        if (!segments)
            return -ENOMEM;
    }
    int error = copy_from_user(segments, iov_uaddr, count * sizeof(*segments));
    if (!error)
        error = check_segments(segments, count);
    if (error) {
        if (segments != stack)
            kfree(segments);
        return error;
    }
    if (segments != stack)
        *out_allocated = segments;
    uio_init_segments(uio, segments, count);
    return 0;
}

/* The next contiguous piece of at most `bytes` bytes; uio->remaining is not 0. */
static uint64_t next_piece(struct uio *uio, size_t bytes, size_t *out_bytes)
{
    while (uio->segment_offset == uio->segments->bytes) {
        assert(uio->segment_count > 1);
        uio->segments++;
        uio->segment_count--;
        uio->segment_offset = 0;
    }
    uint64_t left = uio->segments->bytes - uio->segment_offset;
    *out_bytes = MIN(bytes, left);
    return uio->segments->base + uio->segment_offset;
}

static void consume(struct uio *uio, size_t bytes)
{
    uio->segment_offset += bytes;
    uio->remaining -= bytes;
}

static inline void *kernel_pointer(uint64_t base)
{
    return (void *)(uintptr_t)base;
}

size_t uio_copy_to(struct uio *uio, const void *src, size_t bytes)
{
    size_t wanted = MIN(bytes, uio->remaining), done = 0;
    while (done < wanted) {
        size_t part, copied;
        uint64_t base = next_piece(uio, wanted - done, &part);
        if (uio->kernel) {
            memcpy(kernel_pointer(base), (const char *)src + done, part);
            copied = part;
        } else {
            copied = copy_to_user_partial(base, (const char *)src + done, part);
        }
        consume(uio, copied);
        done += copied;
        if (copied < part)
            break;
    }
    return done;
}

size_t uio_copy_from(void *dst, struct uio *uio, size_t bytes)
{
    size_t wanted = MIN(bytes, uio->remaining), done = 0;
    while (done < wanted) {
        size_t part, copied;
        uint64_t base = next_piece(uio, wanted - done, &part);
        if (uio->kernel) {
            memcpy((char *)dst + done, kernel_pointer(base), part);
            copied = part;
        } else {
            copied = copy_from_user_partial((char *)dst + done, base, part);
        }
        consume(uio, copied);
        done += copied;
        if (copied < part)
            break;
    }
    return done;
}

size_t uio_zero(struct uio *uio, size_t bytes)
{
    size_t wanted = MIN(bytes, uio->remaining), done = 0;
    while (done < wanted) {
        size_t part, copied;
        uint64_t base = next_piece(uio, wanted - done, &part);
        if (uio->kernel) {
            memset(kernel_pointer(base), 0, part);
            copied = part;
        } else {
            copied = clear_user_partial(base, part);
        }
        consume(uio, copied);
        done += copied;
        if (copied < part)
            break;
    }
    return done;
}

void uio_advance(struct uio *uio, size_t bytes)
{
    assert(bytes <= uio->remaining);
    while (bytes) {
        size_t part;
        next_piece(uio, bytes, &part);
        consume(uio, part);
        bytes -= part;
    }
}

void uio_revert(struct uio *uio, size_t bytes)
{
    uio->remaining += bytes;
    while (bytes > uio->segment_offset) {
        bytes -= uio->segment_offset;
        uio->segments--;
        uio->segment_count++;
        uio->segment_offset = uio->segments->bytes;
    }
    uio->segment_offset -= bytes;
}
