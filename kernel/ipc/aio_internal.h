/* SPDX-License-Identifier: MIT
 *
 * What the files about asynchronous I/O share.
 *
 * A context belongs to an address space and is found there by the address of its ring. The ring's
 * pages are the kernel's, which writes events through the direct map; programs map them and may
 * write anything there at any time: only `head` is read back, and reduced to the ring's size.
 *
 * Locks: context->read_mutex: who takes events out (user memory is written under it).
 * context->lock: the ring's ends, slots, the list of polls; taken by the poll thread, too.
 */
#ifndef KERNEL_IPC_AIO_INTERNAL_H
#define KERNEL_IPC_AIO_INTERNAL_H

#include "kernel/ipc/aio.h"
#include "kernel/ipc/async_poll.h"
#include "kernel/lib/list.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/wait.h"

struct mm;
struct shared_pages;

struct aio_state {
    struct mutex table_mutex; /* creation of an address space's table */
    uint64_t limit, used;     /* requests; atomic */
};

/* The contexts of one address space. */
struct aio_table {
    struct spinlock lock; /* LOCK_RANK_OBJECT */
    struct list contexts;
};

struct aio_context {
    uint32_t refs; /* atomic; the table holds one */
    struct list_node node;
    struct kernel *kernel;
    uint64_t id, bytes; /* address and length of the ring */
    unsigned slots;     /* events that the ring holds, plus one */
    uint32_t charged;   /* against the system-wide limit */
    struct shared_pages *pages;

    struct mutex read_mutex;
    struct spinlock lock;   /* LOCK_RANK_OBJECT; the fields below */
    unsigned tail;          /* the true one */
    unsigned in_flight;     /* slots taken, not posted; atomic for who waits */
    bool dead;              /* atomic */
    struct list polls;      /* aio_poll_request.node: those that can be cancelled */
    struct wait_queue wait; /* events have come, requests are done, or it is dead */
};

int aio_subsystem_init(struct kernel *kernel);

/* aio_poll.c: stop every poll, without an event. */
void aio_poll_stop_all(struct aio_context *context);

/* aio_ring.c */
int aio_ring_map(struct aio_context *context, uint32_t request_count);

#endif
