/* SPDX-License-Identifier: MIT
 *
 * What secure computing does to a call that a task is about to make, seccomp(2): the filters run,
 * the strictest answer is obeyed.
 *
 * The task reads its own pointer to the filters without a lock, see seccomp.c.
 */
#include "kernel/proc/seccomp_internal.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/seccomp.h"
#include "kernel/abi/wait.h"
#include "kernel/lib/bits.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/seccomp_notify.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "kernel/security/bpf.h"

enum { CALL_READ = 0, CALL_WRITE = 1, CALL_RT_SIGRETURN = 15, CALL_EXIT = 60 };

static void roll_back(struct task *task)
{
    task->user.regs.rax = task->orig_rax;
    task->orig_rax = UINT64_MAX; /* not restarted, whatever its number looks like */
}

static struct linux_siginfo describe_call(const struct linux_seccomp_data *data, uint32_t reason)
{
    struct linux_siginfo info = {
        .si_signo = SIGSYS, .si_code = SYS_SECCOMP, .si_errno = (int32_t)reason};
    info.sys.call_addr = data->instruction_pointer;
    info.sys.syscall = data->nr;
    info.sys.arch = data->arch;
    return info;
}

/* The whole process by SIGSYS as if nobody handled it, or (the last thread aside) one thread. */
static void kill(struct task *task, const struct linux_seccomp_data *data, uint32_t action,
                 uint32_t reason)
{
    struct process *process = task->process;
    struct linux_siginfo info = describe_call(data, reason);

    atomic_store_relaxed(&task->seccomp_mode, SECCOMP_MODE_DEAD);
    if (action == SECCOMP_RET_KILL_THREAD && atomic_load_acquire(&process->task_count) > 1)
        task_exit(linux_wait_killed(SIGSYS, 0));
    roll_back(task);
    signal_force_exit(SIGSYS, &info);
}

/* What the call returns. A number that means a restart inside the kernel means none here, unless a
 * signal has ended the wait for it. */
static void set_result(struct task *task, int64_t value)
{
    task->user.regs.rax = (uint64_t)value;
    if (value <= -ERESTARTSYS && !atomic_load_acquire(&task->thread.interrupted))
        task->orig_rax = UINT64_MAX;
}

static bool enter_filtered(struct task *task, bool again);

/* Ask the tracer, who may have changed the call: the filters are asked once more. */
static bool trace(struct task *task, uint32_t data)
{
    task->user.regs.rax = (uint64_t)-ENOSYS;
    if (ptrace_seccomp_event(task, data) || (int32_t)task->orig_rax < 0)
        return false;
    return enter_filtered(task, true);
}

/* decider: whose answer it is, NULL if all filters allow. again: the tracer has been asked before.
 */
static bool act(struct task *task, const struct linux_seccomp_data *data, uint32_t result,
                const struct seccomp_filter *decider, bool again)
{
    uint32_t reason = result & SECCOMP_RET_DATA;
    uint32_t action = result & SECCOMP_RET_ACTION_FULL;
    struct linux_siginfo info;
    int64_t value;

    switch (action) {
    case SECCOMP_RET_ALLOW:
    case SECCOMP_RET_LOG:
        return true;
    case SECCOMP_RET_ERRNO:
        set_result(task, -MIN((int64_t)reason, (int64_t)ERRNO_MAX));
        return false;
    case SECCOMP_RET_TRAP:
        info = describe_call(data, reason);
        roll_back(task);
        signal_force(SIGSYS, &info);
        return false;
    case SECCOMP_RET_USER_NOTIF:
        if (seccomp_notify(decider->notifier, task, data, &value))
            return true;
        set_result(task, value);
        return false;
    case SECCOMP_RET_TRACE:
        return again || trace(task, reason);
    default:
        kill(task, data, action, reason);
        return false;
    }
}

/* What the strictest of the filters says; the newest of equals. */
static uint32_t run_filters(const struct seccomp_filter *filter,
                            const struct linux_seccomp_data *data,
                            const struct seccomp_filter **out_decider)
{
    *out_decider = NULL;
    uint32_t result = SECCOMP_RET_ALLOW;
    for (; filter; filter = filter->previous) {
        uint32_t one = bpf_run_seccomp(filter->program, data);
        if ((int32_t)(one & SECCOMP_RET_ACTION_FULL) <
            (int32_t)(result & SECCOMP_RET_ACTION_FULL)) {
            result = one;
            *out_decider = filter;
        }
    }
    return result;
}

static bool enter_filtered(struct task *task, bool again)
{
    const struct hal_regs *regs = &task->user.regs;
    const struct seccomp_filter *filter = atomic_load_acquire(&task->seccomp);
    uint32_t number = (uint32_t)task->orig_rax;

    if (number < SECCOMP_CALLS_CACHED && (filter->allowed[number / 64] & BIT(number % 64)))
        return true;
    const struct linux_seccomp_data data = {
        .nr = (int32_t)number,
        .arch = AUDIT_ARCH_X86_64,
        .instruction_pointer = regs->rip,
        .args = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9},
    };
    const struct seccomp_filter *decider;
    uint32_t result = run_filters(filter, &data, &decider);
    return act(task, &data, result, decider, again);
}

static bool enter_strict(struct task *task)
{
    switch ((uint32_t)task->orig_rax) {
    case CALL_READ:
    case CALL_WRITE:
    case CALL_EXIT:
    case CALL_RT_SIGRETURN:
        return true;
    default:
        atomic_store_relaxed(&task->seccomp_mode, SECCOMP_MODE_DEAD);
        task_exit(linux_wait_killed(SIGKILL, 0));
    }
}

bool seccomp_is_suspended(const struct task *task)
{
    return task_is_traced(task) && (task->ptrace->options & PTRACE_O_SUSPEND_SECCOMP);
}

bool seccomp_enter(struct task *task)
{
    if (unlikely(seccomp_is_suspended(task)))
        return true;
    switch (atomic_load_acquire(&task->seccomp_mode)) {
    case SECCOMP_MODE_DISABLED:
        return true;
    case SECCOMP_MODE_FILTER:
        return enter_filtered(task, false);
    default:
        return enter_strict(task);
    }
}
