/* SPDX-License-Identifier: MIT
 *
 * Reading and writing pipes (pipe(7)).
 *
 * A write of at most PIPE_BUF (one page) goes into a single slot and so is atomic; small writes are
 * merged into the last slot where they fit whole. In packet mode (O_DIRECT) nothing is merged and
 * a read takes one slot at most. The ring is described in pipe_internal.h.
 */
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/pipe_internal.h"

/* ---- the ring ---- */

struct page *pipe_take_page_locked(struct pipe *pipe)
{
    return pipe->spare_count ? pipe->spares[--pipe->spare_count] : page_alloc(0, ALLOC_USER);
}

void pipe_give_page_locked(struct pipe *pipe, struct page *page)
{
    if (pipe->spare_count < PIPE_SPARES_MAX && atomic_load_acquire(&page->refs) == 1 &&
        !(atomic_load_relaxed(&page->flags) & PAGE_CACHE))
        pipe->spares[pipe->spare_count++] = page;
    else
        page_put(page);
}

static void drop_tail_locked(struct pipe *pipe)
{
    pipe_give_page_locked(pipe, pipe_slot_at(pipe, pipe->tail)->page);
    atomic_store_relaxed(&pipe->tail, pipe->tail + 1);
}

void pipe_push_locked(struct pipe *pipe, const struct pipe_slot *slot)
{
    assert(!pipe_is_full(pipe) && slot->bytes);
    *pipe_slot_at(pipe, pipe->head) = *slot;
    atomic_store_relaxed(&pipe->head, pipe->head + 1);
}

void pipe_discard_data_locked(struct pipe *pipe)
{
    while (pipe_used(pipe))
        drop_tail_locked(pipe);
    while (pipe->spare_count)
        page_put(pipe->spares[--pipe->spare_count]);
}

/* ---- waiting ---- */

int pipe_lock_readable(struct pipe *pipe, bool nonblock)
{
    for (;;) {
        mutex_lock(&pipe->lock);
        if (pipe_used(pipe))
            return 0;
        bool end = pipe->writers == 0;
        mutex_unlock(&pipe->lock);
        if (end)
            return 1;
        if (nonblock)
            return -EAGAIN;
        int error = wait_event_exclusive(&pipe->read_wait, pipe_is_readable(pipe));
        if (error)
            return error;
    }
}

int pipe_lock_writable(struct pipe *pipe, bool nonblock)
{
    for (;;) {
        mutex_lock(&pipe->lock);
        bool broken = pipe->readers == 0;
        if (!broken && !pipe_is_full(pipe))
            return 0;
        mutex_unlock(&pipe->lock);
        if (broken) {
            ipc_broken_pipe();
            return -EPIPE;
        }
        if (nonblock)
            return -EAGAIN;
        int error = wait_event_exclusive(&pipe->write_wait, pipe_is_writable(pipe));
        if (error)
            return error;
    }
}

/* ---- read ---- */

/* Move what is there to the reader. *out_made_room: the ring was full and is no more. */
static int64_t read_locked(struct pipe *pipe, struct uio *uio, bool *out_made_room)
{
    int64_t done = 0;
    bool was_full = pipe_is_full(pipe);
    *out_made_room = false;
    while (uio->remaining && pipe_used(pipe)) {
        struct pipe_slot *slot = pipe_slot_at(pipe, pipe->tail);
        const char *bytes = page_address(slot->page);
        size_t want = MIN((uint64_t)slot->bytes, uio->remaining);
        size_t copied = uio_copy_to(uio, bytes + slot->offset, want);
        bool packet = slot->packet;
        if (copied < want) /* the slot stays as it is: nothing is lost */
            return done ? done : -EFAULT;
        done += (int64_t)copied;
        slot->offset += (uint32_t)copied;
        slot->bytes -= (uint32_t)copied;
        if (slot->bytes == 0 || packet) { /* the rest of a packet is lost */
            drop_tail_locked(pipe);
            *out_made_room = was_full;
        }
        if (packet)
            break;
    }
    return done;
}

int64_t pipe_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct pipe *pipe = file->private;
    bool made_room, more, waited = false;
    (void)pos;

    if (uio->remaining == 0)
        return 0;
    for (;;) {
        mutex_lock(&pipe->lock);
        int64_t done = read_locked(pipe, uio, &made_room);
        unsigned writers = pipe->writers;
        more = pipe_used(pipe) != 0;
        mutex_unlock(&pipe->lock);
        if (done) {
            if (made_room)
                pipe_wake_writers(pipe, 1);
            if (more && waited) /* our exclusive wake-up may have been for another reader, too */
                pipe_wake_readers(pipe, 1);
            return done;
        }
        if (writers == 0)
            return 0;
        if (file_is_nonblocking(file))
            return -EAGAIN;
        int error = wait_event_exclusive(&pipe->read_wait, pipe_is_readable(pipe));
        if (error)
            return error;
        waited = true;
    }
}

/* ---- write ---- */

/* Append to the last slot if all of `bytes` fit there. Bytes merged, 0, or -EFAULT. */
static int64_t merge_locked(struct pipe *pipe, struct uio *uio, size_t bytes)
{
    if (pipe_used(pipe) == 0 || bytes == 0)
        return 0;
    struct pipe_slot *slot = pipe_slot_at(pipe, pipe->head - 1);
    uint32_t end = slot->offset + slot->bytes;
    if (slot->packet || slot->fixed || end + bytes > PAGE_SIZE)
        return 0;
    size_t copied = uio_copy_from((char *)page_address(slot->page) + end, uio, bytes);
    if (copied < bytes) {
        uio_revert(uio, copied); /* a fault: nothing of a small write is taken */
        return -EFAULT;
    }
    slot->bytes += (uint32_t)copied;
    return (int64_t)copied;
}

static int64_t append_slot_locked(struct pipe *pipe, struct uio *uio, bool packet)
{
    struct page *page = pipe_take_page_locked(pipe);
    if (!page)
        return -ENOMEM;
    size_t want = MIN(uio->remaining, (uint64_t)PAGE_SIZE);
    size_t copied = uio_copy_from(page_address(page), uio, want);
    if (copied < want) {
        uio_revert(uio, copied);
        pipe_give_page_locked(pipe, page);
        return -EFAULT;
    }
    pipe_push_locked(pipe, &(struct pipe_slot){
                               .page = page, .bytes = (uint32_t)copied, .packet = packet});
    return (int64_t)copied;
}

int pipe_fill_locked(struct pipe *pipe, struct uio *uio, bool packet, int64_t *done)
{
    while (uio->remaining && !pipe_is_full(pipe)) {
        int64_t taken = append_slot_locked(pipe, uio, packet);
        if (taken < 0)
            return *done ? 0 : (int)taken;
        *done += taken;
    }
    return 0;
}

/* One round under the lock: 1 to wait for room, 0 when finished, or an error. */
static int write_round(struct file *file, struct pipe *pipe, struct uio *uio, int64_t *done)
{
    bool packet = atomic_load_relaxed(&file->flags) & O_DIRECT;
    int result = 0;

    mutex_lock(&pipe->lock);
    if (pipe->readers == 0) {
        result = -EPIPE;
    } else {
        if (*done == 0 && !packet) {
            int64_t merged = merge_locked(pipe, uio, uio->remaining % PAGE_SIZE);
            if (merged < 0)
                result = (int)merged;
            else
                *done += merged;
        }
        if (!result)
            result = pipe_fill_locked(pipe, uio, packet, done);
        if (!result && uio->remaining && pipe_is_full(pipe))
            result = 1;
    }
    mutex_unlock(&pipe->lock);
    return result;
}

int64_t pipe_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct pipe *pipe = file->private;
    int64_t done = 0;
    bool waited = false;
    int result;
    (void)pos;

    if (uio->remaining == 0)
        return 0;
    for (;;) {
        int64_t before = done;
        result = write_round(file, pipe, uio, &done);
        if (done > before)
            pipe_wake_readers(pipe, 1);
        if (result != 1)
            break;
        if (file_is_nonblocking(file)) {
            result = -EAGAIN;
            break;
        }
        result = wait_event_exclusive(&pipe->write_wait, pipe_is_writable(pipe));
        if (result)
            break;
        waited = true;
    }
    if (result == -EPIPE)
        ipc_broken_pipe(); /* even if some bytes were taken */
    if (waited && !pipe_is_full(pipe)) /* pass an exclusive wake-up on */
        pipe_wake_writers(pipe, 1);
    return done ? done : result;
}
