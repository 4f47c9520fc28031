/* SPDX-License-Identifier: MIT
 *
 * Pipes and FIFOs (pipe(7), fifo(7)).
 */
#ifndef KERNEL_IPC_PIPE_H
#define KERNEL_IPC_PIPE_H

#include <stdint.h>

struct file;
struct file_ops;
struct kernel;

/* pipe2(2): flags of O_CLOEXEC (ignored here), O_NONBLOCK, O_DIRECT. Two files with one reference
 * each. 0, -ENOMEM, -ENFILE. */
int pipe_create(struct kernel *kernel, uint32_t flags, struct file **out_read,
                struct file **out_write);

/* For named pipes: given to the VFS at boot. */
extern const struct file_ops fifo_file_ops;

#endif
