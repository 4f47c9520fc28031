/* SPDX-License-Identifier: MIT
 *
 * Pipes and FIFOs as files: creation, readiness, size, opening of named pipes (pipe(7), fifo(7)).
 */
#include "kernel/ipc/pipe.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/ioctl.h"
#include "kernel/core/kernel.h"
#include "kernel/ipc/pipe_internal.h"
#include "kernel/ipc/user_totals.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"

enum {
    SLOTS_DEFAULT = 16,
    SLOTS_FEW = 2, /* beyond fs.pipe-user-pages-soft */
};

/* ---- what a user's pipes may hold: pipe(7), "/proc files" ---- */

static uint64_t pages_limit(int64_t tunable)
{
    return tunable && !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN) ? (uint64_t)tunable
                                                                            : UINT64_MAX;
}

static int count_pages(uint32_t uid, uint64_t pages, uint64_t limit)
{
    return user_total_add(this_kernel(), uid, USER_PIPE_PAGES, pages, limit);
}

/* Slots for a new pipe, counted; 0, -ENOMEM, -ENFILE. */
static int claim_slots(uint32_t uid, unsigned *out)
{
    uint64_t soft = pages_limit(tunable(pipe_user_pages_soft));
    uint64_t hard = pages_limit(tunable(pipe_user_pages_hard));
    uint32_t most = (uint32_t)tunable(pipe_bytes_max) / PAGE_SIZE;
    *out = SLOTS_DEFAULT;
    if (most < SLOTS_DEFAULT && !capable(CAP_SYS_RESOURCE))
        *out = most;
    int error = count_pages(uid, *out, MIN(soft, hard));
    if (error == -EMFILE) {
        *out = MIN(*out, (unsigned)SLOTS_FEW);
        error = count_pages(uid, *out, hard);
    }
    return error == -EMFILE ? -ENFILE : error;
}

static int pipe_allocate(struct pipe **out)
{
    uint32_t uid = current_cred()->uid;
    unsigned count;
    int error = claim_slots(uid, &count);
    if (error)
        return error;
    struct pipe *pipe = kzalloc(sizeof(*pipe));
    struct pipe_slot *slots = kzalloc(count * sizeof(*slots));
    if (!pipe || !slots) {
        kfree(pipe);
        kfree(slots);
        user_total_sub(this_kernel(), uid, USER_PIPE_PAGES, count);
        return -ENOMEM;
    }
    pipe->slots = slots;
    pipe->slot_count = count;
    pipe->uid = uid;
    refcount_init(&pipe->refs, 1);
    mutex_init(&pipe->lock, LOCK_RANK_PIPE);
    wait_queue_init(&pipe->read_wait);
    wait_queue_init(&pipe->write_wait);
    *out = pipe;
    return 0;
}

static void pipe_put(void *object)
{
    struct pipe *pipe = object;
    if (!refcount_dec_and_test(&pipe->refs))
        return;
    pipe_discard_data_locked(pipe); /* nobody else can see it any more */
    user_total_sub(this_kernel(), pipe->uid, USER_PIPE_PAGES, pipe->slot_count);
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

/* Exchange the ring. 0, -EBUSY: its data would not fit; -EPERM: more than the user may have. The
 * old one, or the one that was not taken, is left in *ring. */
static int resize_locked(struct pipe *pipe, struct pipe_slot **ring, unsigned count)
{
    unsigned used = pipe_used(pipe), before = pipe->slot_count;
    struct pipe_slot *slots = *ring;
    if (used + pipe->reserved > count)
        return -EBUSY;
    if (count > before) {
        uint64_t limit = MIN(pages_limit(tunable(pipe_user_pages_soft)),
                             pages_limit(tunable(pipe_user_pages_hard)));
        int error = count_pages(pipe->uid, count - before, limit);
        if (error)
            return error == -EMFILE ? -EPERM : error;
    } else {
        user_total_sub(this_kernel(), pipe->uid, USER_PIPE_PAGES, before - count);
    }
    for (unsigned i = 0; i < used; i++)
        slots[i] = *pipe_slot_at(pipe, pipe->tail + i);
    *ring = pipe->slots;
    pipe->slots = slots;
    atomic_store_relaxed(&pipe->slot_count, count);
    atomic_store_relaxed(&pipe->tail, 0u);
    atomic_store_relaxed(&pipe->head, used);
    return 0;
}

/* F_SETPIPE_SZ: the size in bytes is rounded up to a power of two pages. */
static int64_t resize(struct pipe *pipe, uint64_t bytes)
{
    unsigned count = 1;
    if (bytes > 1ull << 31)
        return -EINVAL;
    while ((uint64_t)count * PAGE_SIZE < bytes)
        count *= 2;
    if ((uint64_t)count * PAGE_SIZE > (uint64_t)tunable(pipe_bytes_max) &&
        count > pipe->slot_count && !capable(CAP_SYS_RESOURCE))
        return -EPERM;
    struct pipe_slot *ring = kzalloc(count * sizeof(*ring));
    if (!ring)
        return -ENOMEM;
    mutex_lock(&pipe->lock);
    int error = resize_locked(pipe, &ring, count);
    mutex_unlock(&pipe->lock);
    kfree(ring);
    if (error)
        return error;
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
    struct pipe *pipe;
    int error = pipe_allocate(&pipe);
    if (error)
        return error;
    pipe->nameless = true;
    pipe->readers = pipe->writers = 1;
    pipe->reader_opens = pipe->writer_opens = 1;
    error = file_create_anon(kernel, "pipe", &pipe_file_ops, pipe, (flags & O_NONBLOCK) | O_RDONLY,
                             S_IFIFO | 0600, out_read);
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
static int fifo_pipe(struct inode *inode, struct pipe **out)
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
        *out = pipe;
        int error = pipe ? 0 : pipe_allocate(&fresh);
        if (pipe || error)
            return error == -ENFILE ? -ENOMEM : error; /* as Linux has it for FIFOs */
    }
}

/* Wait until the other side has been opened at least once since we came. */
static int wait_for_peer(const unsigned *opens, unsigned before, struct wait_queue *queue)
{
    return wait_event_interruptible(queue, atomic_load_relaxed(opens) != before) ? -ERESTARTSYS : 0;
}

static int fifo_open(struct inode *inode, struct file *file)
{
    struct pipe *pipe;
    bool reads = file->mode & FILE_READ, writes = file->mode & FILE_WRITE;
    bool nonblock = file->flags & O_NONBLOCK;
    int error = fifo_pipe(inode, &pipe);
    if (error)
        return error;

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
