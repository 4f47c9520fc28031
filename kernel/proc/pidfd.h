/* SPDX-License-Identifier: MIT
 *
 * Process file descriptors (pidfd_open(2)).
 */
#ifndef KERNEL_PROC_PIDFD_H
#define KERNEL_PROC_PIDFD_H

#include <stdint.h>

struct file;
struct process;

/* A new close-on-exec descriptor for the process; flags: O_NONBLOCK. fd or negative errno. */
int pidfd_create(struct process *process, uint32_t flags);

/* The process of a pidfd, referenced; NULL if the file is none. */
struct process *pidfd_process(struct file *file);

#endif
