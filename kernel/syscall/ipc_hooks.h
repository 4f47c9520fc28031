/* SPDX-License-Identifier: MIT
 *
 * What kernel/ipc/ needs from the tasks above it.
 */
#ifndef KERNEL_SYSCALL_IPC_HOOKS_H
#define KERNEL_SYSCALL_IPC_HOOKS_H

#include "kernel/ipc/ipc.h"

extern const struct ipc_hooks ipc_task_hooks;

/* What vfs_signal_owner does. */
struct file;
void fcntl_signal_owner(struct file *file, int fd, int code);

#endif
