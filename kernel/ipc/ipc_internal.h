/* SPDX-License-Identifier: MIT
 *
 * The machine-wide state of kernel/ipc/.
 */
#ifndef KERNEL_IPC_IPC_INTERNAL_H
#define KERNEL_IPC_IPC_INTERNAL_H

#include "kernel/sched/mutex.h"

struct ipc_hooks;

struct ipc_state {
    const struct ipc_hooks *hooks; /* NULL until they are installed; atomic */
    struct mutex epoll_teardown;   /* see epoll_internal.h */
};

#endif
