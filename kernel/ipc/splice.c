/* SPDX-License-Identifier: MIT
 *
 * Moving data between pipes and files (splice(2), tee(2), vmsplice(2)).
 *
 * From a page cache and between pipes, pages are shared, not copied: such slots are `fixed`. No pipe
 * is locked while a file reads or writes, because files have locks that come before a pipe's. So
 * slots are reserved first: free ones for what a file is going to be read into, and those of data
 * that is being written, so that the part which the file did not take can go back to the front.
 */
#include "kernel/ipc/splice.h"

#include "kernel/ipc/ipc.h"
#include "kernel/ipc/pipe_internal.h"
#include "kernel/ipc/socket.h"
#include "kernel/mm/page_cache.h"

enum { BATCH = 16 };

bool file_is_pipe(const struct file *file)
{
    return pipe_of_file(file) != NULL;
}

static bool is_nonblock(const struct file *file)
{
    return file_is_nonblocking(file);
}

/* ---- file to pipe ---- */

/* Slots that a file's bytes are read into. */
struct incoming {
    struct pipe_slot slots[BATCH];
    unsigned count;
};

static void drop_incoming(struct incoming *in)
{
    for (unsigned i = 0; i < in->count; i++)
        page_put(in->slots[i].page);
    in->count = 0;
}

static struct page *cached_page(struct page_cache *cache, uint64_t index, int *error)
{
    struct page *page;
    *error = page_cache_get(cache, index, cache->ops && cache->ops->read_page, &page);
    if (*error)
        return NULL;
    if (!page) { /* a hole */
        page = page_alloc(0, ALLOC_USER | ALLOC_ZERO);
        *error = page ? 0 : -ENOMEM;
    }
    return page;
}

/* Share the pages of a page cache. */
static int64_t share_cached(struct inode *inode, uint64_t pos, uint64_t count, unsigned slots,
                            struct incoming *out)
{
    uint64_t size = inode_size(inode), at = pos;
    int error = 0;
    if (at >= size)
        return 0;
    uint64_t end = at + MIN(count, size - at);
    while (at < end && out->count < slots) {
        struct page *page = cached_page(&inode->pages, at >> PAGE_SHIFT, &error);
        if (!page)
            break;
        uint32_t offset = (uint32_t)(at & (PAGE_SIZE - 1));
        uint32_t bytes = (uint32_t)MIN(end - at, (uint64_t)PAGE_SIZE - offset);
        out->slots[out->count++] =
            (struct pipe_slot){.page = page, .offset = offset, .bytes = bytes, .fixed = true};
        at += bytes;
    }
    return at > pos ? (int64_t)(at - pos) : error;
}

static int64_t read_into(struct file *file, struct uio *uio, uint64_t *pos, bool nonblock)
{
    struct socket *socket = file_socket(file);
    struct socket_message message;
    if (!socket || !nonblock)
        return vfs_read(file, uio, pos);
    message.uio = *uio;
    socket_message_init(&message, MSG_DONTWAIT);
    return socket_receive(socket, &message);
}

/* Read into fresh pages. */
static int64_t read_pages(struct file *file, uint64_t *pos, uint64_t count, unsigned slots,
                          bool nonblock, struct incoming *out)
{
    struct uio_segment segments[BATCH];
    struct uio uio;
    uint64_t left = count;
    while (left && out->count < slots) {
        struct page *page = page_alloc(0, ALLOC_USER);
        if (!page)
            break;
        uint64_t bytes = MIN(left, (uint64_t)PAGE_SIZE);
        segments[out->count] =
            (struct uio_segment){(uint64_t)(uintptr_t)page_address(page), bytes};
        out->slots[out->count++] = (struct pipe_slot){.page = page};
        left -= bytes;
    }
    if (out->count == 0)
        return -ENOMEM;
    uio_init_segments(&uio, segments, out->count);
    uio.kernel = true;
    int64_t got = read_into(file, &uio, pos, nonblock);
    uint64_t rest = got > 0 ? (uint64_t)got : 0;
    unsigned used = 0;
    for (; rest; used++) {
        out->slots[used].bytes = (uint32_t)MIN(rest, (uint64_t)PAGE_SIZE);
        rest -= out->slots[used].bytes;
    }
    while (out->count > used)
        page_put(out->slots[--out->count].page);
    return got;
}

static int64_t read_file(struct file *file, uint64_t *pos, uint64_t count, unsigned slots,
                         bool nonblock, struct incoming *out)
{
    out->count = 0;
    if (file->ops->read != generic_file_read)
        return read_pages(file, pos, count, slots, nonblock, out);
    uint64_t at = pos ? *pos : file->pos;
    int64_t got = share_cached(file->inode, at, count, slots, out);
    if (got > 0 && pos)
        *pos = at + (uint64_t)got;
    else if (got > 0)
        file->pos = at + (uint64_t)got;
    return got;
}

static int64_t file_to_pipe(struct file *in, uint64_t *pos, struct pipe *pipe, uint64_t count,
                            bool nonblock)
{
    struct incoming incoming;
    int error = pipe_lock_writable(pipe, nonblock);
    if (error)
        return error;
    unsigned room = pipe->slot_count - pipe_used(pipe) - pipe->reserved;
    unsigned slots = MIN(room, (unsigned)BATCH);
    atomic_store_relaxed(&pipe->reserved, pipe->reserved + slots);
    mutex_unlock(&pipe->lock);

    int64_t got = read_file(in, pos, count, slots, nonblock, &incoming);

    mutex_lock(&pipe->lock);
    atomic_store_relaxed(&pipe->reserved, pipe->reserved - slots);
    bool broken = got > 0 && pipe->readers == 0;
    for (unsigned i = 0; !broken && i < incoming.count; i++)
        pipe_push_locked(pipe, &incoming.slots[i]);
    bool room_left = !pipe_is_full(pipe);
    mutex_unlock(&pipe->lock);
    if (broken) {
        drop_incoming(&incoming);
        ipc_broken_pipe();
        return -EPIPE;
    }
    if (got > 0)
        pipe_wake_readers(pipe, 1);
    if (room_left)
        pipe_wake_writers(pipe, 1);
    return got;
}

/* ---- pipe to file ---- */

/* Slots on their way from a pipe into a file. */
struct outgoing {
    struct pipe_slot slots[BATCH];
    struct uio_segment segments[BATCH];
    unsigned count;
    uint64_t bytes;              /* to be written */
};

/* Take slots of up to `count` bytes out; their places stay reserved. */
static void take_slots_locked(struct pipe *pipe, uint64_t count, struct outgoing *out)
{
    out->count = 0;
    out->bytes = 0;
    while (out->count < BATCH && out->bytes < count && pipe_used(pipe)) {
        struct pipe_slot *slot = pipe_slot_at(pipe, pipe->tail);
        uint64_t bytes = MIN((uint64_t)slot->bytes, count - out->bytes);
        out->segments[out->count] = (struct uio_segment){
            (uint64_t)(uintptr_t)page_address(slot->page) + slot->offset, bytes};
        out->slots[out->count++] = *slot;
        out->bytes += bytes;
        atomic_store_relaxed(&pipe->tail, pipe->tail + 1);
    }
    atomic_store_relaxed(&pipe->reserved, pipe->reserved + out->count);
}

/* `written` bytes are gone; the rest goes back to the front. True if a slot became free. */
static bool return_slots_locked(struct pipe *pipe, struct outgoing *out, uint64_t written)
{
    unsigned done = 0;
    while (done < out->count && written >= out->slots[done].bytes) {
        written -= out->slots[done].bytes;
        pipe_give_page_locked(pipe, out->slots[done++].page);
    }
    atomic_store_relaxed(&pipe->reserved, pipe->reserved - out->count);
    for (unsigned i = out->count; i-- > done;) {
        atomic_store_relaxed(&pipe->tail, pipe->tail - 1);
        *pipe_slot_at(pipe, pipe->tail) = out->slots[i];
    }
    if (done < out->count) {
        struct pipe_slot *first = pipe_slot_at(pipe, pipe->tail);
        first->offset += (uint32_t)written;
        first->bytes -= (uint32_t)written;
    }
    return done > 0;
}

static int64_t write_from(struct file *file, struct uio *uio, uint64_t *pos, bool nonblock)
{
    struct socket *socket = file_socket(file);
    struct socket_message message;
    if (!socket || !nonblock)
        return vfs_write(file, uio, pos);
    message.uio = *uio;
    socket_message_init(&message, MSG_DONTWAIT);
    return socket_send(socket, &message);
}

/* One batch; the pipe is locked and has data, and is unlocked at the end. */
static int64_t write_batch(struct pipe *pipe, struct file *out, uint64_t *pos, uint64_t count,
                           bool nonblock)
{
    struct outgoing outgoing;
    struct uio uio;

    take_slots_locked(pipe, count, &outgoing);
    mutex_unlock(&pipe->lock);
    uio_init_segments(&uio, outgoing.segments, outgoing.count);
    uio.kernel = true;
    int64_t written = write_from(out, &uio, pos, nonblock);
    mutex_lock(&pipe->lock);
    bool freed = return_slots_locked(pipe, &outgoing, written > 0 ? (uint64_t)written : 0);
    bool more = pipe_used(pipe) != 0;
    mutex_unlock(&pipe->lock);
    if (freed)
        pipe_wake_writers(pipe, 1);
    if (more)
        pipe_wake_readers(pipe, 1);
    return written;
}

static int64_t pipe_to_file(struct pipe *pipe, struct file *out, uint64_t *pos, uint64_t count,
                            bool nonblock)
{
    int64_t done = 0;
    while (count) {
        int error = pipe_lock_readable(pipe, nonblock || done > 0);
        if (error)
            return done || error == 1 ? done : error;
        int64_t written = write_batch(pipe, out, pos, count, nonblock);
        if (written <= 0)
            return done ? done : written;
        done += written;
        count -= (uint64_t)written;
        sched_resched_if_needed();
    }
    return done;
}

/* ---- pipe to pipe ---- */

/* Both locks, in an order that every caller uses. */
static void lock_two(struct pipe *a, struct pipe *b)
{
    bool swap = (uintptr_t)a > (uintptr_t)b;
    mutex_lock(swap ? &b->lock : &a->lock);
    mutex_lock_nested(swap ? &a->lock : &b->lock);
}

static void unlock_two(struct pipe *a, struct pipe *b)
{
    mutex_unlock(&a->lock);
    mutex_unlock(&b->lock);
}

/* A piece of a slot for another pipe, with a reference of its own. */
static void share_piece_locked(struct pipe *to, const struct pipe_slot *slot, uint64_t bytes)
{
    struct pipe_slot piece = *slot;
    piece.bytes = (uint32_t)bytes;
    piece.fixed = true;
    page_get(piece.page);
    pipe_push_locked(to, &piece);
}

static int64_t move_locked(struct pipe *from, struct pipe *to, uint64_t count)
{
    uint64_t done = 0;
    while (done < count && pipe_used(from) && !pipe_is_full(to)) {
        struct pipe_slot *slot = pipe_slot_at(from, from->tail);
        if (slot->bytes <= count - done) {
            pipe_push_locked(to, slot);
            done += slot->bytes;
            atomic_store_relaxed(&from->tail, from->tail + 1);
            continue;
        }
        uint32_t bytes = (uint32_t)(count - done);
        share_piece_locked(to, slot, bytes);
        slot->offset += bytes;
        slot->bytes -= bytes;
        done += bytes;
    }
    return (int64_t)done;
}

static int64_t copy_locked(struct pipe *from, struct pipe *to, uint64_t count)
{
    uint64_t done = 0;
    for (unsigned i = from->tail; done < count && i != from->head && !pipe_is_full(to); i++) {
        const struct pipe_slot *slot = pipe_slot_at(from, i);
        uint64_t bytes = MIN((uint64_t)slot->bytes, count - done);
        share_piece_locked(to, slot, bytes);
        done += bytes;
    }
    return (int64_t)done;
}

typedef int64_t transfer_fn(struct pipe *from, struct pipe *to, uint64_t count);

static int64_t pipe_to_pipe(struct pipe *from, struct pipe *to, uint64_t count, bool nonblock,
                            transfer_fn *transfer)
{
    for (;;) {
        int error = pipe_lock_readable(from, nonblock);
        if (error)
            return error == 1 ? 0 : error;
        mutex_unlock(&from->lock);
        error = pipe_lock_writable(to, nonblock);
        if (error)
            return error;
        mutex_unlock(&to->lock);

        lock_two(from, to);
        int64_t done = transfer(from, to, count);
        bool more = pipe_used(from) != 0, room = !pipe_is_full(to);
        unlock_two(from, to);
        if (done == 0)
            continue; /* somebody was faster */
        pipe_wake_readers(to, 1);
        pipe_wake_writers(from, 1);
        if (more) /* exclusive wake-ups that were ours may have been for others, too */
            pipe_wake_readers(from, 1);
        if (room)
            pipe_wake_writers(to, 1);
        return done;
    }
}

/* ---- the calls ---- */

/* Descriptors that only stand for something, like those of eventfd(2). */
static bool is_anonymous(const struct file *file)
{
    return (inode_mode(file->inode) & S_IFMT) == 0;
}

int64_t splice_files(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos,
                     uint64_t count, bool nonblock)
{
    struct pipe *from = pipe_of_file(in), *to = pipe_of_file(out);
    if (from && to) {
        if (from == to)
            return -EINVAL;
        nonblock |= is_nonblock(in) || is_nonblock(out);
        return pipe_to_pipe(from, to, count, nonblock, move_locked);
    }
    if (is_anonymous(in) || is_anonymous(out))
        return -EINVAL;
    if (from) {
        if (!out->ops->write || (atomic_load_relaxed(&out->flags) & O_APPEND))
            return -EINVAL;
        return pipe_to_file(from, out, out_pos, count, nonblock || is_nonblock(in));
    }
    if (!in->ops->read || in->ops->no_splice || S_ISDIR(inode_mode(in->inode)))
        return -EINVAL;
    return file_to_pipe(in, in_pos, to, count, nonblock || is_nonblock(out));
}

int64_t splice_tee(struct file *in, struct file *out, uint64_t count, bool nonblock)
{
    struct pipe *from = pipe_of_file(in), *to = pipe_of_file(out);
    if (!from || !to || from == to)
        return -EINVAL;
    nonblock |= is_nonblock(in) || is_nonblock(out);
    return pipe_to_pipe(from, to, count, nonblock, copy_locked);
}

int64_t splice_from_user(struct file *file, struct uio *uio, bool nonblock)
{
    struct pipe *pipe = pipe_of_file(file);
    int64_t done = 0;
    int error = pipe_lock_writable(pipe, nonblock || is_nonblock(file));
    if (error)
        return error;
    error = pipe_fill_locked(pipe, uio, false, &done);
    bool room = !pipe_is_full(pipe);
    mutex_unlock(&pipe->lock);
    if (done)
        pipe_wake_readers(pipe, 1);
    if (room)
        pipe_wake_writers(pipe, 1);
    return done ? done : error;
}
