/* SPDX-License-Identifier: MIT
 *
 * System call dispatch: number to handler, with the trace around it when it is on.
 *
 * A result is stored in rax as is, internal -ERESTART* values included: signal delivery, which
 * follows every system call, turns them into a restart or -EINTR (proc/signal_deliver.c).
 */
#include "kernel/syscall/file_limits.h"
#include "kernel/syscall/dispatch.h"

#include "hal/user.h"
#include "kernel/abi/errno.h"
#include "kernel/core/init.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/seccomp.h"
#include "kernel/proc/syscall_user_dispatch.h"
#include "kernel/proc/task.h"
#include "kernel/proc/user_loop.h"
#include "kernel/syscall/ipc_hooks.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/trace.h"
#include "kernel/syscall/uring/uring_internal.h"

static syscall_handler find_handler(uint64_t number)
{
    return number < SYSCALLS_MAX ? syscall_handlers[number] : NULL;
}

static int64_t call_handler(uint64_t number, struct hal_regs *regs)
{
    syscall_handler handler = find_handler(number);
    return handler ? handler(regs) : -ENOSYS;
}

static bool watches(const struct task *task, uint32_t work)
{
    return atomic_load_relaxed(&task->syscall_work) & work;
}

/* A call that somebody watches. The order is Linux's: the program itself first, which may have the
 * call handed back unseen, the tracer, who may change the call, then the filters, then the call. */
NOINLINE static void dispatch_watched(struct task *task, struct hal_regs *regs)
{
    if (watches(task, SYSCALL_WORK_USER_DISPATCH) && syscall_user_dispatch(task))
        return;
    bool trace = task->thread.kernel->trace != NULL;
    bool make = !watches(task, SYSCALL_WORK_PTRACE) || ptrace_syscall_enter(task);
    if (trace)
        trace_enter(task, regs);
    if (make && (!watches(task, SYSCALL_WORK_SECCOMP) || seccomp_enter(task)))
        regs->rax = (uint64_t)call_handler((uint32_t)task->orig_rax, regs);
    if (trace)
        trace_leave(task, regs);
    if (watches(task, SYSCALL_WORK_PTRACE))
        ptrace_syscall_leave(task);
}

void syscall_dispatch(struct hal_regs *regs)
{
    struct task *task = current_task();
    uint64_t number = (uint32_t)regs->rax; /* as in Linux the upper half does not count */

    task->orig_rax = regs->rax;
    task->syscall_nr = (int32_t)number;
    if (unlikely(atomic_load_relaxed(&task->syscall_work)))
        dispatch_watched(task, regs);
    else
        regs->rax = (uint64_t)call_handler(number, regs);
    task->syscall_nr = -1;
}

int syscall_init(struct kernel *kernel)
{
    static const struct user_loop_ops ops = {
        .syscall = syscall_dispatch, .signal = trace_signal, .leave = uring_leave};
    user_loop_set_ops(kernel, &ops);
    ipc_set_hooks(kernel, &ipc_task_hooks);
    vfs_set_signal_owner(kernel, fcntl_signal_owner);
    file_table_set_limits_ops(kernel, &file_task_limits);
    return kernel->options.trace ? trace_init(kernel) : 0;
}
