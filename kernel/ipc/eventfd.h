/* SPDX-License-Identifier: MIT
 *
 * Event counters as files (eventfd(2)).
 */
#ifndef KERNEL_IPC_EVENTFD_H
#define KERNEL_IPC_EVENTFD_H

#include <stdint.h>

struct file;
struct kernel;

/* flags: EFD_SEMAPHORE, O_NONBLOCK. 0 and a file with one reference, or -ENOMEM. */
int eventfd_create(struct kernel *kernel, uint64_t initial, uint32_t flags, struct file **out);

#endif
