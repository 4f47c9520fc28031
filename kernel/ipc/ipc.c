/* SPDX-License-Identifier: MIT
 *
 * Boot of the inter-process communication subsystem, and its hooks to the layers above.
 */
#include "kernel/ipc/ipc.h"
#include "kernel/abi/errno.h"

#include "kernel/core/init.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/aio_internal.h"
#include "kernel/ipc/async_poll.h"
#include "kernel/ipc/epoll_internal.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/ipc/mqueue.h"
#include "kernel/ipc/net_namespace.h"
#include "kernel/ipc/notify_marks.h"
#include "kernel/ipc/pipe.h"
#include "kernel/ipc/sysv.h"
#include "kernel/ipc/unix_internal.h"
#include "kernel/ipc/userfaultfd.h"
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

int ipc_process_open(int pid)
{
    const struct ipc_hooks *hooks = atomic_load_acquire(&this_kernel()->ipc->hooks);
    return hooks ? hooks->process_open(pid) : -ESRCH;
}

uint64_t ipc_nofile_limit(void)
{
    const struct ipc_hooks *hooks = atomic_load_acquire(&this_kernel()->ipc->hooks);
    return hooks ? hooks->nofile_limit() : UINT64_MAX;
}

uint64_t ipc_resource_limit(unsigned resource)
{
    const struct ipc_hooks *hooks = atomic_load_acquire(&this_kernel()->ipc->hooks);
    return hooks ? hooks->resource_limit(resource) : UINT64_MAX;
}

void *ipc_process_get_current(void)
{
    const struct ipc_hooks *hooks = atomic_load_acquire(&this_kernel()->ipc->hooks);
    return hooks ? hooks->process_get_current() : NULL;
}

void ipc_process_put(void *process)
{
    if (process)
        atomic_load_acquire(&this_kernel()->ipc->hooks)->process_put(process);
}

int ipc_process_pid(void *process)
{
    return process ? atomic_load_acquire(&this_kernel()->ipc->hooks)->process_pid(process) : 0;
}

bool ipc_process_is_current(void *process)
{
    return process && atomic_load_acquire(&this_kernel()->ipc->hooks)->process_is_current(process);
}

void ipc_process_signal(void *process, const struct linux_siginfo *info)
{
    if (process)
        atomic_load_acquire(&this_kernel()->ipc->hooks)->process_signal(process, info);
}

int ipc_init(struct kernel *kernel)
{
    struct ipc_state *ipc = kzalloc(sizeof(*ipc));
    if (!ipc)
        return -ENOMEM;
    mutex_init(&ipc->epoll_teardown, LOCK_RANK_NONE);
    spin_lock_init(&ipc->users_lock, LOCK_RANK_OBJECT);
    xarray_init(&ipc->users, &kmalloc_allocator);
    kernel->ipc = ipc;
    int error = async_poll_init(kernel);
    if (!error)
        error = aio_subsystem_init(kernel);
    vfs_set_fifo_ops(kernel, &fifo_file_ops);
    vfs_set_epoll_release(kernel, epoll_file_released);
    if (!error)
        error = ipc_namespace_create(kernel, NULL, &ipc->namespace);
    if (!error)
        error = net_namespaces_init(kernel);
    if (!error)
        error = mqueue_init(kernel);
    if (!error)
        error = notify_init(kernel);
    if (!error)
        error = userfaultfd_init(kernel);
    return error ? error : unix_init(kernel);
}
