/* SPDX-License-Identifier: MIT
 *
 * A pipe: a ring of slots, each up to a page of bytes. Shared by reading and writing (pipe.c), the
 * file operations (pipe_file.c) and splice (splice.c).
 *
 * Invariants under the lock: tail <= head <= tail + slot_count - reserved (free-running counters);
 * slots in [tail, head) hold at least one byte and a page.
 * Locking: pipe->lock (sleeping: user memory is copied under it); two pipes: see splice.c. Lifetime:
 * one reference for each open file, and one of the inode for a FIFO; a FIFO that nobody has open
 * holds no data.
 */
#ifndef KERNEL_IPC_PIPE_INTERNAL_H
#define KERNEL_IPC_PIPE_INTERNAL_H

#include "kernel/abi/errno.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/page.h"
#include "kernel/sched/mutex.h"

enum { PIPE_SPARES_MAX = 2 };

struct pipe_slot {
    struct page *page;           /* referenced */
    uint32_t offset, bytes;
    bool packet;                 /* O_DIRECT: read as a whole or cut */
    bool fixed;                  /* the page is shared: nothing may be written behind the bytes */
};

struct pipe {
    bool nameless; /* of pipe(2); set before anybody else sees it */
    struct refcount refs;
    struct mutex lock;
    struct pipe_slot *slots;     /* slot_count entries, a power of two */
    unsigned slot_count, head, tail;
    uint32_t uid;                /* for whom slot_count counts in USER_PIPE_PAGES */
    unsigned reserved;           /* slots promised to a splice at work */
    struct page *spares[PIPE_SPARES_MAX]; /* pages last emptied, for the next writes */
    unsigned spare_count;
    unsigned readers, writers;   /* open files */
    unsigned reader_opens, writer_opens; /* ever: what a FIFO's open waits for */
    struct wait_queue read_wait, write_wait;
};

/* The first four read atomically, for conditions without the lock. */
static inline unsigned pipe_used(const struct pipe *pipe)
{
    return atomic_load_relaxed(&pipe->head) - atomic_load_relaxed(&pipe->tail);
}
static inline bool pipe_is_full(const struct pipe *pipe)
{
    return pipe_used(pipe) + atomic_load_relaxed(&pipe->reserved) >=
           atomic_load_relaxed(&pipe->slot_count);
}
static inline bool pipe_is_readable(const struct pipe *pipe)
{
    return pipe_used(pipe) || atomic_load_relaxed(&pipe->writers) == 0;
}
static inline bool pipe_is_writable(const struct pipe *pipe)
{
    return !pipe_is_full(pipe) || atomic_load_relaxed(&pipe->readers) == 0;
}

static inline struct pipe_slot *pipe_slot_at(struct pipe *pipe, unsigned index)
{
    return &pipe->slots[index & (pipe->slot_count - 1)];
}
static inline void pipe_wake_readers(struct pipe *pipe, unsigned max)
{
    wait_queue_wake(&pipe->read_wait, max, EPOLLIN | EPOLLRDNORM);
}
static inline void pipe_wake_writers(struct pipe *pipe, unsigned max)
{
    wait_queue_wake(&pipe->write_wait, max, EPOLLOUT | EPOLLWRNORM);
}

/* ---- pipe.c; _locked: with pipe->lock ---- */

struct page *pipe_take_page_locked(struct pipe *pipe);
void pipe_give_page_locked(struct pipe *pipe, struct page *page);
/* Into a free slot; the page's reference is the ring's from now on. */
void pipe_push_locked(struct pipe *pipe, const struct pipe_slot *slot);
/* Fill slots from the uio until it ends or the pipe is full; adds to *done. An error only if nothing
 * was taken. */
int pipe_fill_locked(struct pipe *pipe, struct uio *uio, bool packet, int64_t *done);

/* Lock the pipe once it has data (room). 0 with the lock held; without it: 1 at the end of the data,
 * -EAGAIN, -EPIPE (SIGPIPE was sent), -ERESTARTSYS. */
int pipe_lock_readable(struct pipe *pipe, bool nonblock);
int pipe_lock_writable(struct pipe *pipe, bool nonblock);

int64_t pipe_read(struct file *file, struct uio *uio, uint64_t *pos);
int64_t pipe_write(struct file *file, struct uio *uio, uint64_t *pos);
void pipe_discard_data_locked(struct pipe *pipe);

/* ---- pipe_file.c ---- */

/* The pipe or FIFO behind a file, not referenced; or NULL. */
struct pipe *pipe_of_file(const struct file *file);

#endif
