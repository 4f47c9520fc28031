/* SPDX-License-Identifier: MIT
 *
 * RLIMIT_NOFILE and RLIMIT_FSIZE for the file system, which knows no processes; getrlimit(2).
 * Kernel threads have no limits.
 */
#include "kernel/syscall/file_limits.h"

#include "kernel/abi/resource.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"

static uint64_t limit_of(unsigned resource)
{
    return this_thread()->tgid ? current_limit(resource) : UINT64_MAX;
}

static uint64_t nofile_limit(void)
{
    return limit_of(RLIMIT_NOFILE);
}

static uint64_t fsize_limit(void)
{
    return limit_of(RLIMIT_FSIZE);
}

static void fsize_exceeded(void)
{
    signal_send_task(current_task(), SIGXFSZ, NULL);
}

const struct file_limits_ops file_task_limits = {
    .nofile_limit = nofile_limit,
    .fsize_limit = fsize_limit,
    .fsize_exceeded = fsize_exceeded,
};
