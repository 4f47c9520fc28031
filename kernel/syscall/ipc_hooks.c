/* SPDX-License-Identifier: MIT
 *
 * What kernel/ipc/ needs from the tasks above it: signals.
 */
#include "kernel/syscall/ipc_hooks.h"

#include "kernel/proc/signal.h"

static void broken_pipe(void)
{
    if (this_thread()->tgid) /* a kernel thread has nobody to tell */
        signal_send_task(current_task(), SIGPIPE, NULL);
}

const struct ipc_hooks ipc_task_hooks = {.broken_pipe = broken_pipe};
