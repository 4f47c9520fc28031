/* SPDX-License-Identifier: MIT
 *
 * What kernel/ipc/ needs from the tasks above it: signals, processes and limits.
 */
#include "kernel/syscall/ipc_hooks.h"

#include "kernel/proc/signal.h"

static void broken_pipe(void)
{
    if (this_thread()->tgid) /* a kernel thread has nobody to tell */
        signal_send_task(current_task(), SIGPIPE, NULL);
}

static bool process_exists(int pid)
{
    struct process *process = process_find(this_kernel(), pid);
    if (process)
        process_put(process);
    return process != NULL;
}

static uint64_t nofile_limit(void)
{
    return this_thread()->tgid ? current_limit(RLIMIT_NOFILE) : UINT64_MAX;
}

const struct ipc_hooks ipc_task_hooks = {
    .broken_pipe = broken_pipe,
    .process_exists = process_exists,
    .nofile_limit = nofile_limit,
};
