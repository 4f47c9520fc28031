/* SPDX-License-Identifier: MIT
 *
 * Waiting for a file to become ready without a thread that waits: Linux aio's IOCB_CMD_POLL, and
 * io_uring.
 *
 * A wake-up on one of the file's wait queues hands the poll to a kernel thread of the machine,
 * which calls `ready`; so that may lock and poll like any thread, and completes nothing inside the
 * wake-up.
 */
#ifndef KERNEL_IPC_ASYNC_POLL_H
#define KERNEL_IPC_ASYNC_POLL_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/list.h"
#include "kernel/sched/wait.h"

struct async_poll;
struct file;
struct kernel;

enum { ASYNC_POLL_LINKS_INLINE = 2 };

/* A place on one wait queue of the file. */
struct async_poll_link {
    struct wait_entry wait;
    struct async_poll *poll;
    struct async_poll_link *next;
};

struct async_poll {
    /* The owner's. */
    struct file *file; /* the owner's reference */
    uint32_t events;
    bool edge; /* start even if the file is ready: that is the first call */
    /* The file may be ready: ask it. In the machine's poll thread, no lock held, must not wait for
     * long. Called any number of times until async_poll_stop, which it may call itself; afterwards
     * the poll may be freed. */
    void (*ready)(struct async_poll *poll);

    /* async_poll.c's. */
    struct list_node node; /* in the thread's list; its lock, as the two flags */
    bool starting, fired;
    bool out_of_memory;
    unsigned link_count;
    struct async_poll_link links[ASYNC_POLL_LINKS_INLINE];
    struct async_poll_link *more_links;
};

/* Start with file, events and ready filled in. The events that are ready already: then nothing has
 * been started; else 0, and from then on the poll may be called and freed; -ENOMEM. May block. */
int64_t async_poll_start(struct async_poll *poll);

/* No call of `ready` is running or will come. Waits for one in progress, unless called by it. */
void async_poll_stop(struct async_poll *poll);

int async_poll_init(struct kernel *kernel); /* boot */

#endif
