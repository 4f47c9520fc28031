/* SPDX-License-Identifier: MIT
 *
 * What kernel/ipc/ needs from the tasks above it.
 */
#ifndef KERNEL_SYSCALL_IPC_HOOKS_H
#define KERNEL_SYSCALL_IPC_HOOKS_H

#include "kernel/ipc/ipc.h"

extern const struct ipc_hooks ipc_task_hooks;

#endif
