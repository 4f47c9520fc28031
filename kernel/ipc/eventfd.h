/* SPDX-License-Identifier: MIT
 *
 * Event counters as files (eventfd(2)).
 */
#ifndef KERNEL_IPC_EVENTFD_H
#define KERNEL_IPC_EVENTFD_H

#include <stdbool.h>
#include <stdint.h>

struct file;
struct kernel;

/* flags: EFD_SEMAPHORE, O_NONBLOCK. 0 and a file with one reference, or -ENOMEM. */
int eventfd_create(struct kernel *kernel, uint64_t initial, uint32_t flags, struct file **out);

bool file_is_eventfd(const struct file *file);
/* Count an event that the kernel reports; a full counter stays full. No lock below LOCK_RANK_OBJECT. */
void eventfd_signal(struct file *file);

#endif
