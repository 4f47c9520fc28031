/* SPDX-License-Identifier: MIT
 *
 * Pipes and FIFOs as files: creation, readiness, size, opening of named pipes (pipe(7), fifo(7)).
 */
#include "kernel/ipc/pipe.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/ioctl.h"
#include "kernel/ipc/pipe_internal.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"

enum {
    SLOTS_DEFAULT = 16,
    SLOTS_MAX = 256, /* /proc/sys/fs/pipe-max-size: 1 MiB */
};

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
    pipe_discard_data_locked(pipe); /* nobody else can see it any more */
    kfree(pipe->slots);
    kfree(pipe);
}

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
        pipe_discard_data_locked(pipe);
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
        bytes += pipe_slot_at(pipe, i)->bytes;
    mutex_unlock(&pipe->lock);
    return put_user_u32(argument, bytes);
}

/* F_SETPIPE_SZ: the size in bytes is rounded up to a power of two pages. */
static int64_t resize(struct pipe *pipe, uint64_t bytes)
{
    unsigned count = 1;
    if (bytes > 1ull << 31)
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
    if (used + pipe->reserved > count) {
        mutex_unlock(&pipe->lock);
        kfree(slots);
        return -EBUSY;
    }
    for (unsigned i = 0; i < used; i++)
        slots[i] = *pipe_slot_at(pipe, pipe->tail + i);
    struct pipe_slot *old = pipe->slots;
    pipe->slots = slots;
    atomic_store_relaxed(&pipe->slot_count, count);
    atomic_store_relaxed(&pipe->tail, 0u);
    atomic_store_relaxed(&pipe->head, used);
    mutex_unlock(&pipe->lock);
    kfree(old);
    pipe_wake_writers(pipe, 0);
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
    pipe->nameless = true;
    pipe->readers = pipe->writers = 1;
    pipe->reader_opens = pipe->writer_opens = 1;
    int error = file_create_anon(kernel, "pipe", &pipe_file_ops, pipe,
                                 (flags & O_NONBLOCK) | O_RDONLY, S_IFIFO | 0600, out_read);
    if (error) {
        pipe_put(pipe);
        return error;
    }
    refcount_inc(&pipe->refs);
    error = file_create_anon_peer(*out_read, &pipe_file_ops, pipe,
                                  (flags & (O_NONBLOCK | O_DIRECT)) | O_WRONLY, out_write);
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

    bool nameless = pipe->nameless; /* opened as /proc/PID/fd/N: waits for nobody */
    mutex_lock(&pipe->lock);
    if (writes && !reads && nonblock && !nameless && pipe->readers == 0) {
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
    bool first = reads && !writes && writers == 0 && !nameless;
    file->pos = first ? writer_opens : UINT64_MAX; /* no HUP before one */
    mutex_unlock(&pipe->lock);

    if (reads)
        wake_all(&pipe->write_wait);
    if (writes)
        wake_all(&pipe->read_wait);
    if (first && !nonblock)
        error = wait_for_peer(&pipe->writer_opens, writer_opens, &pipe->read_wait);
    else if (writes && !reads && readers == 0 && !nameless)
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

struct pipe *pipe_of_file(const struct file *file)
{
    return file->ops == &pipe_file_ops || file->ops == &fifo_file_ops ? file->private : NULL;
}
