/* SPDX-License-Identifier: MIT
 *
 * System calls on signals: sigaction(2), sigprocmask(2), sigsuspend(2), sigwaitinfo(2),
 * sigaltstack(2), kill(2), tgkill(2), rt_sigqueueinfo(2), rt_sigreturn.
 */
#include "kernel/abi/signal.h"
#include "kernel/abi/errno.h"
#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/session.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/time.h"
#include "kernel/sched/wait.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"
#include "kernel/syscall/siginfo.h"
#include "kernel/syscall/syscalls.h"

static bool is_signal(int sig)
{
    return sig >= 1 && sig <= SIGNALS_MAX;
}

static struct linux_siginfo user_info(int sig, int code)
{
    struct linux_siginfo info = {.si_signo = sig, .si_code = code};
    info.kill.pid = current_process()->own_pid;
    info.kill.uid = current_uid_shown(current_cred()->uid);
    return info;
}

/* ---- handlers and masks ---- */

int64_t sys_rt_sigaction(int sig, uint64_t action, uint64_t old, uint64_t sigsetsize)
{
    struct linux_sigaction new, previous;

    if (sigsetsize != sizeof(linux_sigset))
        return -EINVAL;
    if (action && copy_from_user(&new, action, sizeof(new)))
        return -EFAULT;
    if (!is_signal(sig) || (action && (sig == SIGKILL || sig == SIGSTOP)))
        return -EINVAL;
    signal_change_action(sig, action ? &new : NULL, &previous);
    return old && copy_to_user(old, &previous, sizeof(previous)) ? -EFAULT : 0;
}

int64_t sys_rt_sigprocmask(int how, uint64_t set, uint64_t old, uint64_t sigsetsize)
{
    struct task *task = current_task();
    uint64_t mask, previous = task->blocked;

    if (sigsetsize != sizeof(linux_sigset))
        return -EINVAL;
    if (set) {
        int error = signal_mask_from_user(set, sigsetsize, &mask);
        if (error)
            return error;
        switch (how) {
        case SIG_BLOCK:
            mask |= previous;
            break;
        case SIG_UNBLOCK:
            mask = previous & ~mask;
            break;
        case SIG_SETMASK:
            break;
        default:
            return -EINVAL;
        }
        signal_set_blocked(mask);
    }
    return old && put_user_u64(old, previous) ? -EFAULT : 0;
}

int64_t sys_rt_sigpending(uint64_t set, uint64_t sigsetsize)
{
    struct task *task = current_task();
    if (sigsetsize > sizeof(linux_sigset))
        return -EINVAL;
    uint64_t pending = signal_pending_set(task) & task->blocked;
    return copy_to_user(set, &pending, sigsetsize);
}

int64_t sys_rt_sigreturn(void)
{
    struct task *task = current_task();
    if (!signal_return(task)) {
        signal_force(SIGSEGV, SIGINFO_KERNEL);
        return 0;
    }
    return (int64_t)task->user.regs.rax;
}

int64_t sys_sigaltstack(uint64_t stack, uint64_t old)
{
    struct linux_stack new, previous;
    if (stack && copy_from_user(&new, stack, sizeof(new)))
        return -EFAULT;
    int64_t error = signal_change_altstack(stack ? &new : NULL, &previous);
    if (!error && old && copy_to_user(old, &previous, sizeof(previous)))
        return -EFAULT;
    return error;
}

/* ---- waiting ---- */

static void wait_for_signal(void)
{
    for (;;) {
        sched_prepare_block(THREAD_INTERRUPTIBLE);
        if (wait_interrupted(THREAD_INTERRUPTIBLE))
            break;
        sched_block();
    }
    sched_finish_block();
}

int64_t sys_pause(void)
{
    wait_for_signal();
    return -ERESTARTNOHAND;
}

int64_t sys_rt_sigsuspend(uint64_t mask, uint64_t sigsetsize)
{
    uint64_t blocked;
    int error = signal_mask_from_user(mask, sigsetsize, &blocked);
    if (error)
        return error;
    signal_set_temporary_mask(blocked);
    wait_for_signal();
    return -ERESTARTNOHAND;
}

int64_t sys_rt_sigtimedwait(uint64_t set, uint64_t info, uint64_t timeout, uint64_t sigsetsize)
{
    uint64_t wanted, timeout_ns = UINT64_MAX;
    struct linux_siginfo found;

    int error = signal_mask_from_user(set, sigsetsize, &wanted);
    if (error)
        return error;
    if (timeout) {
        error = time_from_user(timeout, &timeout_ns);
        if (error)
            return error;
    }
    int signo = signal_wait(wanted, timeout_ns, &found);
    if (signo > 0 && info && copy_to_user(info, &found, sizeof(found)))
        return -EFAULT;
    return signo;
}

int64_t sys_restart_syscall(void)
{
    struct task *task = current_task();
    int64_t (*restart)(struct task *task) = task->restart;
    if (!restart)
        return -EINTR;
    task->restart = NULL;
    return restart(task);
}

/* ---- kill(2) ---- */

static int check_sending(struct process *process, int sig, struct linux_siginfo *info)
{
    if (sig < 0 || sig > SIGNALS_MAX)
        return -EINVAL;
    return signal_check_permission(process, sig, info);
}

static int kill_process(struct process *process, int sig, const struct linux_siginfo *info)
{
    struct linux_siginfo seen = *info;
    int error = check_sending(process, sig, &seen);
    if (!error)
        error = signal_send_process(process, sig, &seen);
    return error == -ESRCH ? 0 : error; /* a zombie is still there */
}

static int64_t kill_one(int pid, int sig, const struct linux_siginfo *info)
{
    struct process *process = process_find(this_kernel(), pid);
    if (!process) {
        /* The number of any thread names its process. */
        struct task *task = task_find(this_kernel(), pid);
        if (!task)
            return -ESRCH;
        process = process_get(task->process);
        task_put(task);
    }
    int error = kill_process(process, sig, info);
    process_put(process);
    return error;
}

/* Succeeds if it may signal any member. */
static int64_t kill_group(int pgid, int sig, const struct linux_siginfo *info)
{
    struct process_group *group = pgid ? process_group_find(this_kernel(), pgid) : NULL;
    struct spinlock *tree = process_tree_lock(this_kernel());
    struct process *member;
    int64_t result = -ESRCH;

    if (pgid && !group)
        return -ESRCH;
    spin_lock(tree);
    struct process_group *target = group ? group : current_process()->group;
    list_for_each_entry(member, &target->members, group_node)
    {
        int error = kill_process(member, sig, info);
        if (!error || result)
            result = error;
    }
    spin_unlock(tree);
    if (group)
        process_group_put(group);
    return result;
}

/* Everything that the caller sees but init and itself. */
static int64_t kill_all(int sig, const struct linux_siginfo *info)
{
    struct process *self = current_process(), *process;
    int64_t result = -ESRCH;

    struct pid_namespace *ns = current_pid_namespace();
    for (int number = PID_INIT; (process = process_next(ns, &number)); process_put(process)) {
        if (process == self)
            continue;
        int error = kill_process(process, sig, info);
        if (result == -ESRCH)
            result = 0;
        if (error != -EPERM)
            result = error;
    }
    return result;
}

int64_t sys_kill(int pid, int sig)
{
    struct linux_siginfo info = user_info(sig, SI_USER);
    if (pid > 0)
        return kill_one(current_pid_given(pid), sig, &info);
    if (pid == -1)
        return kill_all(sig, &info);
    if (pid == INT32_MIN)
        return -ESRCH;
    return kill_group(current_pid_given(-pid), sig, &info);
}

/* ---- to one thread ---- */

static int64_t kill_thread(int tgid, int tid, int sig, const struct linux_siginfo *info)
{
    struct task *task = task_find(this_kernel(), current_pid_given(tid));
    struct linux_siginfo seen = *info;
    if (!task)
        return -ESRCH;
    int64_t result = -ESRCH;
    if (tgid == 0 || task->process->pid == current_pid_given(tgid)) {
        result = check_sending(task->process, sig, &seen);
        if (!result)
            result = signal_send_task(task, sig, &seen);
        if (result == -ESRCH && sig == 0)
            result = 0; /* a zombie is still there */
    }
    task_put(task);
    return result;
}

int64_t sys_tgkill(int tgid, int tid, int sig)
{
    struct linux_siginfo info = user_info(sig, SI_TKILL);
    if (tgid <= 0 || tid <= 0)
        return -EINVAL;
    return kill_thread(tgid, tid, sig, &info);
}

int64_t sys_tkill(int tid, int sig)
{
    struct linux_siginfo info = user_info(sig, SI_TKILL);
    if (tid <= 0)
        return -EINVAL;
    return kill_thread(0, tid, sig, &info);
}

/* ---- with information ---- */

/* Nobody may claim to be kill(2) or the kernel, except to itself. */
static int info_from_user(uint64_t uaddr, int sig, int target_pid, struct linux_siginfo *out)
{
    int error = siginfo_from_user(out, uaddr);
    if (error)
        return error;
    out->si_signo = sig;
    if ((out->si_code >= 0 || out->si_code == SI_TKILL) && target_pid != current_process()->own_pid)
        return -EPERM;
    return 0;
}

int64_t sys_rt_sigqueueinfo(int pid, int sig, uint64_t info_uaddr)
{
    struct linux_siginfo info;
    int error = info_from_user(info_uaddr, sig, pid, &info);
    if (error)
        return error;
    return pid > 0 ? kill_one(current_pid_given(pid), sig, &info) : -ESRCH;
}

int64_t sys_rt_tgsigqueueinfo(int tgid, int tid, int sig, uint64_t info_uaddr)
{
    struct linux_siginfo info;
    int error = info_from_user(info_uaddr, sig, tgid, &info);
    if (error == -EFAULT || error == -E2BIG)
        return error;
    if (tgid <= 0 || tid <= 0)
        return -EINVAL;
    if (error)
        return error;
    return kill_thread(tgid, tid, sig, &info);
}
