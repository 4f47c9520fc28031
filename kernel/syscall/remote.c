/* SPDX-License-Identifier: MIT
 *
 * Calls about the memory of other processes: process_madvise(2), process_mrelease(2).
 */
#include "kernel/syscall/remote.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uio.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/task.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/syscalls.h"

int remote_mm_by_pid(int pid, struct mm **out)
{
    struct task *task = pid ? task_find_given(pid) : task_get(current_task());
    if (!task)
        return -ESRCH;
    int error = ptrace_access_mm(task, PTRACE_MODE_READ | PTRACE_MODE_REALCREDS, out);
    task_put(task);
    return error == -ESRCH ? -EINVAL : error;
}

int remote_process_by_pidfd(int pidfd, struct process **out)
{
    struct file *file = fd_get(pidfd);
    if (!file)
        return -EBADF;
    *out = pidfd_process(file);
    file_put(file);
    if (!*out)
        return -EBADF;
    if (atomic_load_relaxed(&(*out)->task_count) == 0) {
        process_put(*out);
        return -ESRCH;
    }
    return 0;
}

static int64_t advise_all(struct mm *mm, const struct uio_segment *segments, size_t count,
                          int advice)
{
    int64_t done = 0;
    for (size_t i = 0; i < count; i++) {
        int error = mm_advise(mm, segments[i].base, segments[i].bytes, advice);
        if (error)
            return done ? done : error;
        done += (int64_t)segments[i].bytes;
    }
    return done;
}

static int64_t advise_process(struct process *process, const struct uio *uio, int advice)
{
    if (advice != MADV_COLD && advice != MADV_PAGEOUT && advice != MADV_WILLNEED &&
        advice != MADV_COLLAPSE)
        return -EINVAL;
    struct task *task = task_find(this_kernel(), process->pid);
    struct mm *mm;
    if (!task)
        return -ESRCH;
    int error = ptrace_access_mm(task, PTRACE_MODE_READ | PTRACE_MODE_FSCREDS, &mm);
    task_put(task);
    if (error) /* told otherwise here than by process_vm_readv, in Linux as well */
        return error == -EPERM ? -EACCES : error;
    int64_t result =
        capable(CAP_SYS_NICE) ? advise_all(mm, uio->segments, uio->segment_count, advice) : -EPERM;
    mm_put(mm);
    return result;
}

int64_t sys_process_madvise(int pidfd, uint64_t vec, uint64_t count, int advice, uint32_t flags)
{
    struct uio_segment fast[UIO_FAST], *allocated = NULL;
    struct process *process;
    struct uio uio;
    if (flags)
        return -EINVAL;
    int64_t result = uio_import(&uio, vec, count, fast, &allocated);
    if (result)
        return result;
    result = remote_process_by_pidfd(pidfd, &process);
    if (!result) {
        result = advise_process(process, &uio, advice);
        process_put(process);
    }
    kfree(allocated);
    return result;
}

/* The memory of a dying process goes by itself as soon as it runs; others are not touched. */
int64_t sys_process_mrelease(int pidfd, uint32_t flags)
{
    struct process *process;
    if (flags)
        return -EINVAL;
    int error = remote_process_by_pidfd(pidfd, &process);
    if (error)
        return error;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    bool dying = process->group_exiting;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    process_put(process);
    return dying ? 0 : -EINVAL;
}
