/* SPDX-License-Identifier: MIT
 *
 * Acting on signals on the way to user mode: default actions, job-control stops, handlers, and the
 * restart of interrupted system calls (signal(7), "Interruption of system calls"). Also taking
 * signals without handlers (sigtimedwait, signalfd), and the end of a task's signals.
 *
 * Group stop: the task that takes a stop signal sets group_stopping and interrupts the others; each
 * parks here in THREAD_STOPPED with stop_counted set; who finds it set in all of them tells the
 * parent. Traced tasks stop for their tracers instead (ptrace_stop.c). SIGCONT (signal.c) ends it
 * from outside. Taking a stop signal and acting on it are two steps with the lock dropped between
 * them (the orphan check needs the process-tree lock), so task->stop_dequeued, which SIGCONT
 * clears, says whether the stop still stands.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/wait.h"
#include "kernel/core/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/cgroup_ops.h"
#include "kernel/proc/core_dump.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/rseq.h"
#include "kernel/proc/session.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/proc/user_loop.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/wait.h"

enum { SYSCALL_INSTRUCTION_BYTES = 2, NUMBER_OF_RESTART_SYSCALL = 219 };

/* ---- group stop ---- */

/* The last task that had to stop has stopped: the parent may be told. */
bool signal_complete_stop_locked(struct process *process)
{
    struct task *task;
    bool any = false;

    if (!process->group_stopping || process->group_stopped)
        return false;
    list_for_each_entry(task, &process->tasks, process_node)
    {
        if (task->exiting || task->signals_closed)
            continue;
        if (!task->stop_counted)
            return false;
        any = true;
    }
    if (!any)
        return false;
    process->group_stopped = true;
    process->child_flags = CHILD_STOPPED_UNREPORTED;
    return true;
}

static void begin_stop_locked(struct process *process, struct task *task, int signo)
{
    struct task *other;
    if (!process->group_stopping) {
        process->stop_signal = signo;
        process->notify_code = 0;
    }
    bool again = process->group_stopping; /* traced threads go on in a stopped group */
    atomic_store_release(&process->group_stopping, true);
    list_for_each_entry(other, &process->tasks, process_node)
    {
        if (again && !other->traced)
            continue;
        atomic_store_release(&other->stop_counted, false);
        if (other != task)
            thread_interrupt(&other->thread, false);
    }
    ptrace_group_changed_locked(process);
}

static bool must_stay_stopped(struct task *task)
{
    /* No longer counted: the stop is over, and another one has begun. */
    return atomic_load_acquire(&task->process->group_stopping) &&
           atomic_load_acquire(&task->stop_counted) && !task_is_traced(task) &&
           !atomic_load_acquire(&task->thread.killed);
}

/* Called and returns with the signal lock held (its irq flag in *irq). */
static void park_locked(struct task *task, bool *irq)
{
    struct process *process = task->process;

    atomic_store_release(&task->stop_counted, true);
    bool complete = signal_complete_stop_locked(process);
    int signo = process->stop_signal;
    spin_unlock_irqrestore(&process->signal_lock, *irq);
    if (complete)
        process_notify_parent_of_stop(process, CLD_STOPPED, signo);
    task_set_parked(task, true);
    for (;;) {
        sched_prepare_block(THREAD_STOPPED);
        if (!must_stay_stopped(task))
            break;
        sched_block();
    }
    sched_finish_block();
    task_set_parked(task, false);
    *irq = spin_lock_irqsave(&process->signal_lock);
}

/* ---- default actions ---- */

static bool is_orphaned(struct process *process)
{
    struct spinlock *tree = process_tree_lock(process->kernel);
    spin_lock(tree);
    bool orphaned = !process->group || process_group_is_orphaned(process->group);
    spin_unlock(tree);
    return orphaned;
}

static void default_action_locked(struct task *task, const struct linux_siginfo *info, bool *irq)
{
    struct process *process = task->process;
    int signo = info->si_signo;

    if (signal_in(SIGNALS_IGNORED_BY_DEFAULT, signo))
        return;
    if (process->is_unkillable && !signal_in(SIGNALS_UNBLOCKABLE, signo))
        return;
    if (signal_in(SIGNALS_STOPPING, signo)) {
        if (signo != SIGSTOP) {
            spin_unlock_irqrestore(&process->signal_lock, *irq);
            bool orphaned = is_orphaned(process);
            *irq = spin_lock_irqsave(&process->signal_lock);
            if (orphaned)
                return;
        }
        if (task->stop_dequeued && !process->group_exiting)
            begin_stop_locked(process, task, signo);
        return;
    }
    if (signal_in(SIGNALS_DUMPING_CORE, signo)) {
        spin_unlock_irqrestore(&process->signal_lock, *irq);
        core_dump(task, info);
        *irq = spin_lock_irqsave(&process->signal_lock);
        return;
    }
    signal_kill_group_locked(process, linux_wait_killed(signo, 0));
}

/* ---- what comes before any signal ---- */

/* True if there was something: look again. Does not return if the task has to end. */
static bool handle_group_locked(struct task *task, bool *irq)
{
    struct process *process = task->process;

    if (process->group_exiting || (process->exec_task && process->exec_task != task)) {
        int status = process->group_exiting ? process->group_exit_status : 0;
        spin_unlock_irqrestore(&process->signal_lock, *irq);
        task_exit(status);
    }
    if (process->notify_code) {
        int code = process->notify_code;
        int signo = code == CLD_CONTINUED ? SIGCONT : process->stop_signal;
        process->notify_code = 0;
        spin_unlock_irqrestore(&process->signal_lock, *irq);
        process_notify_parent_of_stop(process, code, signo);
        *irq = spin_lock_irqsave(&process->signal_lock);
        return true;
    }
    if (task->traced && ptrace_trap_locked(task, irq))
        return true;
    if (!task->traced && process->group_stopping) {
        park_locked(task, irq);
        return true;
    }
    if (unlikely(task->freeze)) {
        task_freeze_park(task, irq);
        return true;
    }
    return false;
}

/* The action for a signal that was just taken; a one-shot handler is reset. */
static struct linux_sigaction take_action_locked(struct process *process, int signo)
{
    struct signal_actions *actions = process->actions;
    struct linux_sigaction *slot = &actions->actions[signo - 1];

    spin_lock(&actions->lock);
    struct linux_sigaction action = *slot;
    if (action.handler > SIG_IGN && (action.flags & SA_RESETHAND))
        atomic_store_relaxed(&slot->handler, SIG_DFL);
    spin_unlock(&actions->lock);
    return action;
}

/* Handle signals until one needs a handler: its number, 0 if none is left. */
static int take_for_handler(struct task *task, struct linux_siginfo *info,
                            struct linux_sigaction *action)
{
    struct process *process = task->process;
    int signo;

    bool irq = spin_lock_irqsave(&process->signal_lock);
    for (;;) {
        if (handle_group_locked(task, &irq))
            continue;
        signo = signal_dequeue_locked(task, task->blocked, info);
        if (!signo)
            break;
        if (unlikely(task->traced) && signo != SIGKILL && signo != task->ending_signal) {
            signo = ptrace_signal_locked(task, signo, info, &irq);
            if (!signo)
                continue;
        }
        *action = take_action_locked(process, signo);
        if (action->handler > SIG_IGN)
            break;
        if (action->handler == SIG_DFL)
            default_action_locked(task, info, &irq);
    }
    signal_recalculate(task);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return signo;
}

/* ---- interrupted system calls ---- */

static void restart_call(struct task *task, uint64_t number)
{
    task->user.regs.rax = number;
    task->user.regs.rip -= SYSCALL_INSTRUCTION_BYTES;
    task->orig_rax = UINT64_MAX; /* no longer in a system call */
}

/* Decide about the interrupted system call. action: the handler about to run, or NULL. */
static void finish_call(struct task *task, const struct linux_sigaction *action)
{
    struct hal_regs *regs = &task->user.regs;
    if (task->orig_rax == UINT64_MAX)
        return;
    switch (-(int64_t)regs->rax) {
    case ERESTARTNOINTR:
        restart_call(task, task->orig_rax);
        break;
    case ERESTARTSYS:
        if (action && !(action->flags & SA_RESTART))
            regs->rax = (uint64_t)-EINTR;
        else
            restart_call(task, task->orig_rax);
        break;
    case ERESTARTNOHAND:
        if (action)
            regs->rax = (uint64_t)-EINTR;
        else
            restart_call(task, task->orig_rax);
        break;
    case ERESTART_RESTARTBLOCK:
        if (action)
            regs->rax = (uint64_t)-EINTR;
        else
            restart_call(task, NUMBER_OF_RESTART_SYSCALL);
        break;
    case ENOIOCTLCMD:
        regs->rax = (uint64_t)-ENOTTY;
        break;
    default:
        break;
    }
}

/* ---- handlers ---- */

/* The end by a signal that nothing can be done about. */
static void dump_core(struct task *task, int signo)
{
    const struct linux_siginfo info = {.si_signo = signo, .si_code = SI_KERNEL};
    core_dump(task, &info);
}

static void run_handler(struct task *task, int signo, const struct linux_siginfo *info,
                        const struct linux_sigaction *action)
{
    const struct user_loop_ops *ops = task->thread.kernel->processes->user_ops;
    bool steps = task_is_traced(task) && task->ptrace->step;
    bool watches = task_is_traced(task) && task->ptrace->watching;
    if (ops && ops->signal && task->thread.kernel->trace)
        ops->signal(task, info);
    if (steps || watches)
        ptrace_end_step(task);
    /* The frame has to show the abort handler if this interrupts a critical section. A bad area is
     * fatal, but at the next look: first the handler's frame, as always. */
    if (unlikely(rseq_interrupt(task))) {
        if (signo == SIGSEGV)
            signal_kill_group(task->process, linux_wait_killed(SIGSEGV, 0));
        else
            signal_force(SIGSEGV, SIGINFO_KERNEL);
    }
    if (signal_frame_push(task, signo, info, action)) {
        if (signo == SIGSEGV) {
            /* Not even this handler can run. */
            dump_core(task, SIGSEGV);
        }
        signal_force(SIGSEGV, SIGINFO_KERNEL);
        return;
    }
    uint64_t blocked = task->blocked | action->mask;
    if (!(action->flags & SA_NODEFER))
        blocked |= LINUX_SIGMASK(signo);
    task->restore_blocked = false; /* the frame has the mask to go back to */
    signal_set_blocked(blocked);
    if (watches)
        ptrace_watch_resume(task);
    if (steps)
        ptrace_report_handler(task);
}

void signal_deliver(struct task *task)
{
    struct linux_siginfo info;
    struct linux_sigaction action;
    int signo = take_for_handler(task, &info, &action);

    finish_call(task, signo ? &action : NULL);
    if (signo)
        run_handler(task, signo, &info, &action);
    else
        signal_end_temporary_mask();
}

/* ---- taking without handlers ---- */

int signal_take(struct task *task, uint64_t set, struct linux_siginfo *out)
{
    struct process *process = task->process;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    int signo = signal_dequeue_locked(task, ~set | SIGNALS_UNBLOCKABLE, out);
    if (signo)
        signal_recalculate(task);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return signo;
}

uint64_t signal_pending_set(struct task *task)
{
    struct process *process = task->process;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    uint64_t set = task->pending.set | process->shared_pending.set;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return set;
}

int signal_wait(uint64_t set, uint64_t timeout_ns, struct linux_siginfo *out)
{
    struct task *task = current_task();
    struct process *process = task->process;
    uint64_t now_ns = clock_monotonic_ns(), deadline_ns;
    bool interrupted = false;

    if (add_overflows(now_ns, timeout_ns, &deadline_ns))
        deadline_ns = UINT64_MAX;
    set &= ~SIGNALS_UNBLOCKABLE;
    int signo = signal_take(task, set, out);
    if (signo || timeout_ns == 0)
        return signo ? signo : -EAGAIN;

    /* Not blocked while we wait, so that senders choose and wake this task; real_blocked keeps them
     * from taking the signal for ignored or deadly. */
    bool irq = spin_lock_irqsave(&process->signal_lock);
    task->real_blocked = task->blocked;
    signal_set_blocked_locked(task, task->blocked & ~set);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    for (bool timed_out = false; !timed_out;) {
        sched_prepare_block(THREAD_INTERRUPTIBLE);
        interrupted = wait_interrupted(THREAD_INTERRUPTIBLE) != 0;
        if (interrupted)
            break;
        timed_out = sched_block_until(deadline_ns);
    }
    sched_finish_block();
    irq = spin_lock_irqsave(&process->signal_lock);
    signo = signal_dequeue_locked(task, ~set, out);
    uint64_t blocked = task->real_blocked;
    task->real_blocked = 0;
    signal_set_blocked_locked(task, blocked);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return signo ? signo : interrupted ? -EINTR : -EAGAIN;
}

/* ---- exit ---- */

void signal_task_exit(struct task *task)
{
    struct process *process = task->process;
    struct task *other;
    bool alive = false;

    bool irq = spin_lock_irqsave(&process->signal_lock);
    task->signals_closed = true;
    signal_discard_locked(process, &task->pending, ~0ull);
    list_for_each_entry(other, &process->tasks, process_node)
    {
        if (other->signals_closed)
            continue;
        alive = true;
        signal_recalculate(other);
    }
    if (!alive)
        signal_discard_locked(process, &process->shared_pending, ~0ull);
    bool complete = signal_complete_stop_locked(process);
    int stop_signal = process->stop_signal;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    if (complete)
        process_notify_parent_of_stop(process, CLD_STOPPED, stop_signal);
}
