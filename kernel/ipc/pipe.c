/* SPDX-License-Identifier: MIT
 *
 * Pipes and FIFOs (pipe(7), fifo(7)): a ring of slots, each up to a page of bytes.
 *
 * A write of at most PIPE_BUF (one page) goes into a single slot and so is atomic; small writes are
 * merged into the last slot where they fit whole. In packet mode (O_DIRECT) nothing is merged and
 * a read takes one slot at most.
 * Invariants under the lock: tail <= head <= tail + slot_count (free-running counters); slots in
 * [tail, head) hold at least one byte and a page.
 * Locking: pipe->lock (sleeping: user memory is copied under it). Lifetime: one reference per open
 * file, and one of the inode for a FIFO; a FIFO that nobody has open holds no data.
 */
#include "kernel/ipc/pipe.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/ioctl.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"

enum {
    SLOTS_DEFAULT = 16,
    SLOTS_MAX = 256,             /* /proc/sys/fs/pipe-max-size: 1 MiB */
};

struct pipe_slot {
    struct page *page;
    uint32_t offset, bytes;
    bool packet;
};

struct pipe {
    struct refcount refs;
    struct mutex lock;
    struct pipe_slot *slots;     /* slot_count entries, a power of two */
    unsigned slot_count, head, tail;
    struct page *spare;          /* the page last emptied, for the next write */
    unsigned readers, writers;   /* open files */
    unsigned reader_opens, writer_opens; /* ever: what a FIFO's open waits for */
    struct wait_queue read_wait, write_wait;
};

/* ---- the ring ---- */

static unsigned pipe_used(const struct pipe *pipe)
{
    return atomic_load_relaxed(&pipe->head) - atomic_load_relaxed(&pipe->tail);
}

static bool pipe_is_full(const struct pipe *pipe)
{
    return pipe_used(pipe) >= atomic_load_relaxed(&pipe->slot_count);
}

static struct pipe_slot *slot_at(struct pipe *pipe, unsigned index)
{
    return &pipe->slots[index & (pipe->slot_count - 1)];
}

static struct page *take_page_locked(struct pipe *pipe)
{
    struct page *page = pipe->spare;
    pipe->spare = NULL;
    return page ? page : page_alloc(0, ALLOC_USER);
}

static void give_page_locked(struct pipe *pipe, struct page *page)
{
    if (pipe->spare)
        page_put(page);
    else
        pipe->spare = page;
}

static void drop_tail_locked(struct pipe *pipe)
{
    give_page_locked(pipe, slot_at(pipe, pipe->tail)->page);
    atomic_store_relaxed(&pipe->tail, pipe->tail + 1);
}

static void discard_data_locked(struct pipe *pipe)
{
    while (pipe_used(pipe))
        drop_tail_locked(pipe);
    if (pipe->spare)
        page_put(pipe->spare);
    pipe->spare = NULL;
}

static struct pipe *pipe_allocate(void)
{
    struct pipe *pipe = kzalloc(sizeof(*pipe));
    if (!pipe)
        return NULL;
    pipe->slots = kzalloc(SLOTS_DEFAULT * sizeof(*pipe->slots));
    if (!pipe->slots) {
        kfree(pipe);
        return NULL;
    }
    pipe->slot_count = SLOTS_DEFAULT;
    refcount_init(&pipe->refs, 1);
    mutex_init(&pipe->lock, LOCK_RANK_PIPE);
    wait_queue_init(&pipe->read_wait);
    wait_queue_init(&pipe->write_wait);
    return pipe;
}

static void pipe_put(void *object)
{
    struct pipe *pipe = object;
    if (!refcount_dec_and_test(&pipe->refs))
        return;
    discard_data_locked(pipe); /* nobody else can see it any more */
    kfree(pipe->slots);
    kfree(pipe);
}

/* ---- read ---- */

/* Move what is there to the reader. True if the ring was full before. */
static int64_t read_locked(struct pipe *pipe, struct uio *uio, bool *out_was_full)
{
    int64_t done = 0;
    *out_was_full = pipe_is_full(pipe);
    while (uio->remaining && pipe_used(pipe)) {
        struct pipe_slot *slot = slot_at(pipe, pipe->tail);
        const char *bytes = page_address(slot->page);
        size_t want = MIN((uint64_t)slot->bytes, uio->remaining);
        size_t copied = uio_copy_to(uio, bytes + slot->offset, want);
        bool packet = slot->packet;
        done += (int64_t)copied;
        slot->offset += (uint32_t)copied;
        slot->bytes -= (uint32_t)copied;
        if (copied < want)
            return done ? done : -EFAULT;
        if (slot->bytes == 0 || packet) /* the rest of a packet is lost */
            drop_tail_locked(pipe);
        if (packet)
            break;
    }
    return done;
}

static bool pipe_is_readable(const struct pipe *pipe)
{
    return pipe_used(pipe) || atomic_load_relaxed(&pipe->writers) == 0;
}

static int64_t pipe_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct pipe *pipe = file->private;
    bool was_full, more, waited = false;
    (void)pos;

    if (uio->remaining == 0)
        return 0;
    for (;;) {
        mutex_lock(&pipe->lock);
        int64_t done = read_locked(pipe, uio, &was_full);
        unsigned writers = pipe->writers;
        more = pipe_used(pipe) != 0;
        mutex_unlock(&pipe->lock);
        if (done) {
            if (done > 0)
                wait_queue_wake(&pipe->write_wait, was_full ? 1 : 0, EPOLLOUT | EPOLLWRNORM);
            if (more && waited) /* our exclusive wake-up may have been for another reader, too */
                wait_queue_wake(&pipe->read_wait, 1, EPOLLIN | EPOLLRDNORM);
            return done;
        }
        if (writers == 0)
            return 0;
        if (atomic_load_relaxed(&file->flags) & O_NONBLOCK)
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
    struct pipe_slot *slot = slot_at(pipe, pipe->head - 1);
    uint32_t end = slot->offset + slot->bytes;
    if (slot->packet || end + bytes > PAGE_SIZE)
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
    struct page *page = take_page_locked(pipe);
    if (!page)
        return -ENOMEM;
    size_t want = MIN(uio->remaining, (uint64_t)PAGE_SIZE);
    size_t copied = uio_copy_from(page_address(page), uio, want);
    if (copied < want) {
        uio_revert(uio, copied);
        give_page_locked(pipe, page);
        return -EFAULT;
    }
    *slot_at(pipe, pipe->head) =
        (struct pipe_slot){.page = page, .bytes = (uint32_t)copied, .packet = packet};
    atomic_store_relaxed(&pipe->head, pipe->head + 1);
    return (int64_t)copied;
}

/* Take as much as there is room for. Adds to *done; an error only if nothing was taken. */
static int fill_locked(struct pipe *pipe, struct uio *uio, bool packet, int64_t *done)
{
    while (uio->remaining && !pipe_is_full(pipe)) {
        int64_t taken = append_slot_locked(pipe, uio, packet);
        if (taken < 0)
            return *done ? 0 : (int)taken;
        *done += taken;
    }
    return 0;
}

static bool pipe_is_writable(const struct pipe *pipe)
{
    return !pipe_is_full(pipe) || atomic_load_relaxed(&pipe->readers) == 0;
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
            result = fill_locked(pipe, uio, packet, done);
        if (!result && uio->remaining && pipe_is_full(pipe))
            result = 1;
    }
    mutex_unlock(&pipe->lock);
    return result;
}

static int64_t pipe_write(struct file *file, struct uio *uio, uint64_t *pos)
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
            wait_queue_wake(&pipe->read_wait, 1, EPOLLIN | EPOLLRDNORM);
        if (result != 1)
            break;
        if (atomic_load_relaxed(&file->flags) & O_NONBLOCK) {
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
        wait_queue_wake(&pipe->write_wait, 1, EPOLLOUT | EPOLLWRNORM);
    return done ? done : result;
}

/* ---- the rest of the file operations ---- */

static uint32_t pipe_poll(struct file *file, struct poll_table *table)
{
    struct pipe *pipe = file->private;
    uint32_t events = 0;

    if (file->mode & FILE_READ)
        poll_wait(table, &pipe->read_wait);
    if (file->mode & FILE_WRITE)
        poll_wait(table, &pipe->write_wait);
    atomic_fence_seq(); /* registered before looking */
    if (file->mode & FILE_READ) {
        if (pipe_used(pipe))
            events |= EPOLLIN | EPOLLRDNORM;
        if (atomic_load_relaxed(&pipe->writers) == 0 &&
            file->pos != atomic_load_relaxed(&pipe->writer_opens))
            events |= EPOLLHUP;
    }
    if (file->mode & FILE_WRITE) {
        if (!pipe_is_full(pipe))
            events |= EPOLLOUT | EPOLLWRNORM;
        if (atomic_load_relaxed(&pipe->readers) == 0)
            events |= EPOLLERR;
    }
    return events;
}

static void pipe_release(struct file *file)
{
    struct pipe *pipe = file->private;

    mutex_lock(&pipe->lock);
    if (file->mode & FILE_READ)
        atomic_store_relaxed(&pipe->readers, pipe->readers - 1);
    if (file->mode & FILE_WRITE)
        atomic_store_relaxed(&pipe->writers, pipe->writers - 1);
    if (pipe->readers == 0 && pipe->writers == 0)
        discard_data_locked(pipe);
    mutex_unlock(&pipe->lock);
    wait_queue_wake(&pipe->read_wait, 0, EPOLLIN | EPOLLRDNORM | EPOLLHUP | EPOLLERR);
    wait_queue_wake(&pipe->write_wait, 0, EPOLLOUT | EPOLLWRNORM | EPOLLHUP | EPOLLERR);
    pipe_put(pipe);
}

static int64_t pipe_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    struct pipe *pipe = file->private;
    uint32_t bytes = 0;

    if (command != FIONREAD)
        return -ENOTTY;
    mutex_lock(&pipe->lock);
    for (unsigned i = pipe->tail; i != pipe->head; i++)
        bytes += slot_at(pipe, i)->bytes;
    mutex_unlock(&pipe->lock);
    return put_user_u32(argument, bytes);
}

/* F_SETPIPE_SZ: the size in bytes is rounded up to a power of two pages. */
static int64_t resize(struct pipe *pipe, uint64_t bytes)
{
    unsigned count = 1;
    if (bytes > INT32_MAX)
        return -EINVAL;
    while ((uint64_t)count * PAGE_SIZE < bytes)
        count *= 2;
    if (count > SLOTS_MAX && count > pipe->slot_count && !capable(CAP_SYS_RESOURCE))
        return -EPERM;
    struct pipe_slot *slots = kzalloc(count * sizeof(*slots));
    if (!slots)
        return -ENOMEM;

    mutex_lock(&pipe->lock);
    unsigned used = pipe_used(pipe);
    if (used > count) {
        mutex_unlock(&pipe->lock);
        kfree(slots);
        return -EBUSY;
    }
    for (unsigned i = 0; i < used; i++)
        slots[i] = *slot_at(pipe, pipe->tail + i);
    struct pipe_slot *old = pipe->slots;
    pipe->slots = slots;
    atomic_store_relaxed(&pipe->slot_count, count);
    atomic_store_relaxed(&pipe->tail, 0u);
    atomic_store_relaxed(&pipe->head, used);
    mutex_unlock(&pipe->lock);
    kfree(old);
    wait_queue_wake(&pipe->write_wait, 0, EPOLLOUT | EPOLLWRNORM);
    return (int64_t)count * PAGE_SIZE;
}

static int64_t pipe_fcntl(struct file *file, int command, uint64_t argument)
{
    struct pipe *pipe = file->private;
    switch (command) {
    case F_GETPIPE_SZ:
        return (int64_t)atomic_load_relaxed(&pipe->slot_count) * PAGE_SIZE;
    case F_SETPIPE_SZ:
        return resize(pipe, argument);
    default:
        return -EINVAL;
    }
}

static const struct file_ops pipe_file_ops = {
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .release = pipe_release,
    .ioctl = pipe_ioctl,
    .fcntl = pipe_fcntl,
};

int pipe_create(struct kernel *kernel, uint32_t flags, struct file **out_read,
                struct file **out_write)
{
    struct pipe *pipe = pipe_allocate();
    if (!pipe)
        return -ENOMEM;
    pipe->readers = pipe->writers = 1;
    pipe->reader_opens = pipe->writer_opens = 1;
    flags &= O_NONBLOCK | O_DIRECT;
    int error = file_create_anon(kernel, "pipe", &pipe_file_ops, pipe, flags | O_RDONLY,
                                 S_IFIFO | 0600, out_read);
    if (error) {
        pipe_put(pipe);
        return error;
    }
    refcount_inc(&pipe->refs);
    error = file_create_anon_peer(*out_read, &pipe_file_ops, pipe, flags | O_WRONLY, out_write);
    if (error) {
        pipe->writers = 0;
        pipe_put(pipe);
        file_put(*out_read);
        return error;
    }
    /* Opening the pipe by a name, /proc/PID/fd/N, means this one. */
    struct inode *inode = (*out_read)->inode;
    refcount_inc(&pipe->refs);
    inode->object = pipe;
    inode->object_put = pipe_put;
    return 0;
}

/* ---- named pipes: fifo(7) ---- */

/* The inode's pipe with a reference for the new file, made on first use. inode->lock guards the
 * pointer. */
static struct pipe *fifo_pipe(struct inode *inode)
{
    struct pipe *fresh = NULL;
    for (;;) {
        spin_lock(&inode->lock);
        if (!inode->object && fresh) {
            inode->object = fresh;
            inode->object_put = pipe_put;
            fresh = NULL;
        }
        struct pipe *pipe = inode->object;
        if (pipe)
            refcount_inc(&pipe->refs);
        spin_unlock(&inode->lock);
        if (fresh)
            pipe_put(fresh);
        if (pipe)
            return pipe;
        fresh = pipe_allocate();
        if (!fresh)
            return NULL;
    }
}

/* Wait until the other side has been opened at least once since we came. */
static int wait_for_peer(const unsigned *opens, unsigned before, struct wait_queue *queue)
{
    return wait_event_interruptible(queue, atomic_load_relaxed(opens) != before) ? -ERESTARTSYS : 0;
}

static int fifo_open(struct inode *inode, struct file *file)
{
    struct pipe *pipe = fifo_pipe(inode);
    bool reads = file->mode & FILE_READ, writes = file->mode & FILE_WRITE;
    bool nonblock = file->flags & O_NONBLOCK;
    int error = 0;
    if (!pipe)
        return -ENOMEM;

    mutex_lock(&pipe->lock);
    if (writes && !reads && nonblock && pipe->readers == 0) {
        mutex_unlock(&pipe->lock);
        pipe_put(pipe);
        return -ENXIO;
    }
    unsigned readers = pipe->readers, writers = pipe->writers;
    unsigned reader_opens = pipe->reader_opens, writer_opens = pipe->writer_opens;
    if (reads) {
        atomic_store_relaxed(&pipe->readers, readers + 1);
        atomic_store_relaxed(&pipe->reader_opens, reader_opens + 1);
    }
    if (writes) {
        atomic_store_relaxed(&pipe->writers, writers + 1);
        atomic_store_relaxed(&pipe->writer_opens, writer_opens + 1);
    }
    file->private = pipe;
    file->mode |= FILE_STREAM;
    file->pos = reads && !writes && writers == 0 ? writer_opens : UINT64_MAX; /* no HUP before one */
    mutex_unlock(&pipe->lock);

    if (reads)
        wake_all(&pipe->write_wait);
    if (writes)
        wake_all(&pipe->read_wait);
    if (reads && !writes && writers == 0 && !nonblock)
        error = wait_for_peer(&pipe->writer_opens, writer_opens, &pipe->read_wait);
    else if (writes && !reads && readers == 0)
        error = wait_for_peer(&pipe->reader_opens, reader_opens, &pipe->write_wait);
    if (error)
        pipe_release(file);
    return error;
}

const struct file_ops fifo_file_ops = {
    .open = fifo_open,
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .release = pipe_release,
    .ioctl = pipe_ioctl,
    .fcntl = pipe_fcntl,
};
