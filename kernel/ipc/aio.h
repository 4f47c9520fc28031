/* SPDX-License-Identifier: MIT
 *
 * Contexts of Linux asynchronous I/O (io_setup(2)): a ring of events in user memory, and the
 * requests that will put events into it. What a request does is the system calls' business.
 */
#ifndef KERNEL_IPC_AIO_H
#define KERNEL_IPC_AIO_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi/aio.h"

struct aio_context;
struct file;
struct kernel;
struct thread;

/* The system-wide limit of requests (/proc/sys/fs/aio-max-nr), and how many are spoken for. */
uint64_t aio_limit(struct kernel *kernel);
uint64_t aio_used(struct kernel *kernel);
void aio_set_limit(struct kernel *kernel, uint64_t limit);

/* A new context of the current address space; its number is the ring's address. 0, -EINVAL (too
 * large), -EAGAIN (over the limit), -ENOMEM. May block. */
int aio_create(uint32_t request_count, uint64_t *out_id);
/* Cancel its requests and forget it: 0 or -EINVAL. Blocks until requests in progress are done. */
int aio_destroy(uint64_t id);

/* A reference, or NULL. */
struct aio_context *aio_find(uint64_t id);
void aio_put(struct aio_context *context);
unsigned aio_slots(const struct aio_context *context);

/* Take a place in the ring for one request's event: 0 or -EAGAIN; give it back unused, or post. */
int aio_take_slot(struct aio_context *context);
void aio_return_slot(struct aio_context *context);
void aio_post(struct aio_context *context, const struct linux_io_event *event);

/* Take up to `count` events out of the ring, into user memory, waiting for `min` until the
 * deadline. The number, -EFAULT, -EINVAL (destroyed meanwhile), -EINTR. */
int64_t aio_read_events(struct aio_context *context, int64_t min, int64_t count, uint64_t uaddr,
                        uint64_t deadline_ns);

/* IOCB_CMD_POLL: an event when the file has one of `events`; it takes the slot, and `eventfd` (or
 * NULL) is told. 0 or -ENOMEM (the slot is the caller's again). Takes references of its own. */
int aio_poll(struct aio_context *context, struct file *file, uint32_t events,
             const struct linux_io_event *event, struct file *eventfd);
/* Take back the poll that was submitted with this iocb: -EINPROGRESS (it is and its event comes
 * soon), or -EINVAL. */
int aio_cancel_request(struct aio_context *context, uint64_t iocb_uaddr);

#endif
