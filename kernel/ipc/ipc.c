/* SPDX-License-Identifier: MIT
 *
 * Boot of the inter-process communication subsystem, and its hooks to the layers above.
 */
#include "kernel/ipc/ipc.h"

#include "kernel/core/init.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/epoll_internal.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/ipc/pipe.h"
#include "kernel/ipc/unix_internal.h"
#include "kernel/mm/slab.h"

void ipc_set_hooks(struct kernel *kernel, const struct ipc_hooks *hooks)
{
    atomic_store_release(&kernel->ipc->hooks, hooks);
}

void ipc_broken_pipe(void)
{
    const struct ipc_hooks *hooks = atomic_load_acquire(&this_kernel()->ipc->hooks);
    if (hooks)
        hooks->broken_pipe();
}

bool ipc_process_exists(int pid)
{
    const struct ipc_hooks *hooks = atomic_load_acquire(&this_kernel()->ipc->hooks);
    return hooks && hooks->process_exists(pid);
}

uint64_t ipc_nofile_limit(void)
{
    const struct ipc_hooks *hooks = atomic_load_acquire(&this_kernel()->ipc->hooks);
    return hooks ? hooks->nofile_limit() : UINT64_MAX;
}

int ipc_init(struct kernel *kernel)
{
    struct ipc_state *ipc = kzalloc(sizeof(*ipc));
    if (!ipc)
        return -ENOMEM;
    mutex_init(&ipc->epoll_teardown, LOCK_RANK_NONE);
    kernel->ipc = ipc;
    vfs_set_fifo_ops(kernel, &fifo_file_ops);
    vfs_set_epoll_release(kernel, epoll_file_released);
    return unix_init(kernel);
}
