/* SPDX-License-Identifier: MIT
 *
 * Syscall user dispatch: calls from outside one range of code become SIGSYS while a byte in user
 * memory says so. Emulators use it to serve the calls of another system's programs.
 *
 * The settings are the task's own: only it reads and changes them. A new task starts without, and
 * so does a new program.
 */
#include "kernel/proc/syscall_user_dispatch.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/seccomp.h"
#include "kernel/abi/signal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"

int64_t syscall_user_dispatch_set(struct task *task, uint64_t mode, uint64_t offset, uint64_t bytes,
                                  uint64_t selector)
{
    switch (mode) {
    case PR_SYS_DISPATCH_OFF:
        if (offset || bytes || selector)
            return -EINVAL;
        task_clear_syscall_work(task, SYSCALL_WORK_USER_DISPATCH);
        return 0;
    case PR_SYS_DISPATCH_ON:
        if (offset && offset + bytes <= offset)
            return -EINVAL;
        if (selector && !user_range_ok(selector, 1))
            return -EFAULT;
        task->user_dispatch.offset = offset;
        task->user_dispatch.bytes = bytes;
        task->user_dispatch.selector = selector;
        task_set_syscall_work(task, SYSCALL_WORK_USER_DISPATCH);
        return 0;
    default:
        return -EINVAL;
    }
}

static void end_process(int signo)
{
    struct linux_siginfo info = {.si_signo = signo, .si_code = SI_KERNEL};
    signal_force_exit(signo, &info);
}

static void hand_back(struct task *task)
{
    struct linux_siginfo info = {.si_signo = SIGSYS, .si_code = SYS_USER_DISPATCH};
    info.sys.call_addr = task->user.regs.rip;
    info.sys.syscall = (int32_t)task->syscall_nr;
    info.sys.arch = AUDIT_ARCH_X86_64;
    task->user.regs.rax = task->orig_rax;
    signal_force(SIGSYS, &info);
}

bool syscall_user_dispatch(struct task *task)
{
    uint8_t state = SYSCALL_DISPATCH_FILTER_BLOCK;
    uint64_t selector = task->user_dispatch.selector;

    if (task->user.regs.rip - task->user_dispatch.offset < task->user_dispatch.bytes)
        return false;
    bool readable = !selector || copy_from_user(&state, selector, sizeof(state)) == 0;
    if (readable && state == SYSCALL_DISPATCH_FILTER_ALLOW)
        return false;
    if (readable && state == SYSCALL_DISPATCH_FILTER_BLOCK)
        hand_back(task);
    else
        end_process(readable ? SIGSYS : SIGSEGV);
    task->orig_rax = UINT64_MAX; /* not restarted, whatever its number looks like */
    return true;
}
