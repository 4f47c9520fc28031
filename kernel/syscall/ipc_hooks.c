/* SPDX-License-Identifier: MIT
 *
 * What kernel/ipc/ needs from the tasks above it: signals, processes and limits.
 */
#include "kernel/syscall/ipc_hooks.h"

#include "kernel/abi/errno.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/signal.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

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

static int process_open(int pid)
{
    struct process *process = process_find(this_kernel(), pid);
    if (!process)
        return -ESRCH;
    int fd = pidfd_create(process, 0);
    process_put(process);
    return fd;
}

static uint64_t nofile_limit(void)
{
    return this_thread()->tgid ? current_limit(RLIMIT_NOFILE) : UINT64_MAX;
}

static uint64_t resource_limit(unsigned resource)
{
    return this_thread()->tgid ? current_limit(resource) : UINT64_MAX;
}

static void *process_get_current(void)
{
    return this_thread()->tgid ? process_get(current_process()) : NULL;
}

static void put_process(void *process)
{
    process_put(process);
}

static int process_pid(void *process)
{
    return current_pid_shown(((struct process *)process)->pid);
}

static bool process_is_current(void *process)
{
    return this_thread()->tgid && current_process() == process;
}

/* From the current process, as the other one sees it. */
static void process_signal(void *process, const struct linux_siginfo *info)
{
    struct process *target = process;
    struct linux_siginfo seen = *info;
    const struct cred *cred = thread_cred_get(&target->leader->thread);
    seen.rt.pid = pid_number_in(process_pid_namespace(target), current_process()->pid);
    seen.rt.uid = uid_shown(cred->user_ns, current_cred()->uid);
    cred_put(cred);
    signal_send_process(target, info->si_signo, &seen);
}

const struct ipc_hooks ipc_task_hooks = {
    .broken_pipe = broken_pipe,
    .process_exists = process_exists,
    .nofile_limit = nofile_limit,
    .resource_limit = resource_limit,
    .process_get_current = process_get_current,
    .process_put = put_process,
    .process_pid = process_pid,
    .process_is_current = process_is_current,
    .process_signal = process_signal,
    .process_open = process_open,
};
