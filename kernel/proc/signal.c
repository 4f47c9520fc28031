/* SPDX-License-Identifier: MIT
 *
 * Sending signals: kill(2), sigqueue(3), signal(7).
 *
 * A send, under the target process's signal lock: undo what the signal contradicts (SIGCONT and the
 * stop signals), drop it if it is ignored, queue it, and pick a thread that takes it: one that does
 * not block it, the main thread first. A signal that is certain to kill starts the end of the whole
 * group at once. Everything else happens in the target, on its way to user mode (signal_deliver.c).
 * The task list of a process is read under the signal lock, so that timer interrupts can send.
 * Handlers are read without actions->lock: one word decides.
 */
#include "kernel/proc/signal.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/wait.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/session.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

uint64_t signal_handler(struct process *process, int signo)
{
    return atomic_load_relaxed(&process->actions->actions[signo - 1].handler);
}

/* ---- attention ---- */

static bool needs_attention(struct task *task)
{
    const struct process *process = task->process;
    return ((task->pending.set | process->shared_pending.set) & ~task->blocked) ||
           process->group_exiting || process->notify_code ||
           (process->group_stopping && !(task->traced && task->stop_counted)) ||
           ptrace_trap_pending(task) || task->works_pending || task->freeze ||
           (process->exec_task && process->exec_task != task);
}

void signal_recalculate(struct task *task)
{
    if (!needs_attention(task))
        thread_clear_interrupt(&task->thread);
    else if (!atomic_load_relaxed(&task->thread.interrupted))
        thread_interrupt(&task->thread, false);
}

bool signal_pending_current(void)
{
    return atomic_load_acquire(&this_thread()->interrupted);
}

/* ---- the end of the group ---- */

void signal_kill_group_locked(struct process *process, int status)
{
    struct task *task;
    if (process->group_exiting)
        return;
    process->group_exiting = true;
    process->group_exit_status = status;
    atomic_store_release(&process->group_stopping, false);
    process->group_stopped = false;
    process->notify_code = 0;
    list_for_each_entry(task, &process->tasks, process_node)
        thread_interrupt(&task->thread, true);
}

void signal_kill_group(struct process *process, int status)
{
    bool irq = spin_lock_irqsave(&process->signal_lock);
    signal_kill_group_locked(process, status);
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

/* ---- what a signal undoes ---- */

void signal_discard_everywhere_locked(struct process *process, uint64_t set)
{
    struct task *task;
    signal_discard_locked(process, &process->shared_pending, set);
    list_for_each_entry(task, &process->tasks, process_node)
        signal_discard_locked(process, &task->pending, set);
}

/* SIGCONT acts when it is sent, whether or not it is blocked or ignored. */
static void continue_group(struct process *process)
{
    struct task *task;
    signal_discard_everywhere_locked(process, SIGNALS_STOPPING);
    list_for_each_entry(task, &process->tasks, process_node)
        task->stop_dequeued = false;
    if (!process->group_stopping) {
        ptrace_group_changed_locked(process);
        return;
    }
    /* The parent hears of it from the first task that runs. */
    process->notify_code = process->group_stopped ? CLD_CONTINUED : CLD_STOPPED;
    process->child_flags = CHILD_CONTINUED_UNREPORTED;
    process->group_stopped = false;
    atomic_store_release(&process->group_stopping, false);
    ptrace_group_changed_locked(process);
    list_for_each_entry(task, &process->tasks, process_node)
        thread_wake_state(&task->thread, 1u << THREAD_STOPPED);
}

/* ---- who takes it ---- */

static bool is_ignored(struct process *process, const struct task *subject, int signo, bool force)
{
    if (subject->traced && signo != SIGKILL)
        return false; /* the tracer sees it */
    /* A blocked signal is kept: the handler may be another one when it is unblocked. */
    if (signal_in(subject->blocked | subject->real_blocked, signo) && signo != SIGKILL)
        return false;
    uint64_t handler = signal_handler(process, signo);
    if (handler == SIG_DFL) {
        bool spared = process->is_unkillable &&
                      (process->is_init || !force || !signal_in(SIGNALS_UNBLOCKABLE, signo));
        return spared || signal_in(SIGNALS_IGNORED_BY_DEFAULT, signo);
    }
    return handler == SIG_IGN;
}

static bool can_take(struct task *task, int signo)
{
    struct thread *thread = &task->thread;
    if (signal_in(task->blocked, signo) || task->signals_closed || task->exiting)
        return false;
    if (signo == SIGKILL)
        return true;
    if (atomic_load_relaxed(&thread->state) == THREAD_STOPPED)
        return false;
    /* One that is busy with another signal looks at the queues again anyway. */
    return !atomic_load_relaxed(&thread->interrupted);
}

static struct task *choose_task(struct process *process, struct task *task, int signo)
{
    struct task *other;
    if (task)
        return can_take(task, signo) ? task : NULL;
    other = process->leader;
    if (!other->signals_closed && can_take(other, signo))
        return other;
    list_for_each_entry(other, &process->tasks, process_node)
    {
        if (can_take(other, signo))
            return other;
    }
    return NULL;
}

/* Certain to end the process without a core dump (which the taking thread would have to write). */
static bool kills_at_once(struct process *process, const struct task *taker, int signo)
{
    if (signo == SIGKILL)
        return true;
    return signal_handler(process, signo) == SIG_DFL && !process->is_unkillable && !taker->traced &&
           !signal_in(taker->real_blocked, signo) &&
           !signal_in(SIGNALS_IGNORED_BY_DEFAULT | SIGNALS_STOPPING | SIGNALS_DUMPING_CORE, signo);
}

static void announce(struct process *process, struct task *task, int signo)
{
    wake_all(&process->signalfd_wait);
    struct task *taker = choose_task(process, task, signo);
    if (!taker)
        return;
    if (kills_at_once(process, taker, signo))
        signal_kill_group_locked(process, linux_wait_killed(signo, 0));
    else
        thread_interrupt(&taker->thread, false);
}

/* ---- sending ---- */

static bool has_live_task(struct process *process)
{
    struct task *task;
    list_for_each_entry(task, &process->tasks, process_node)
    {
        if (!task->signals_closed)
            return true;
    }
    return false;
}

/* Does it come from the kernel, or from a process that the target does not see? Such get SIGKILL
 * and SIGSTOP through to the init of a namespace. */
static bool is_from_above(const struct process *process, const struct linux_siginfo *info)
{
    if (info && (info == SIGINFO_KERNEL || info->si_code == SI_KERNEL))
        return true;
    return process->pid_ns && !signal_sender_is_seen(process);
}

/* 1: go on; 0: the signal is ignored; -ESRCH. */
static int prepare(struct process *process, struct task *task, int signo,
                   const struct linux_siginfo *info)
{
    if (task ? task->signals_closed : !has_live_task(process))
        return -ESRCH;
    if (process->group_exiting) {
        if (process->core_task && signo == SIGKILL) /* enough of the dump */
            thread_interrupt(&process->core_task->thread, true);
        return 0;
    }
    if (signo == SIGCONT)
        continue_group(process);
    else if (signal_in(SIGNALS_STOPPING, signo))
        signal_discard_everywhere_locked(process, LINUX_SIGMASK(SIGCONT));
    return !is_ignored(process, task ? task : process->leader, signo,
                       process->is_unkillable && is_from_above(process, info));
}

int signal_send_locked(struct process *process, struct task *task, int signo,
                       const struct linux_siginfo *info)
{
    struct signal_pending *pending = task ? &task->pending : &process->shared_pending;
    int go_on = prepare(process, task, signo, info);
    if (go_on <= 0)
        return go_on;
    if (signo < SIGRTMIN && signal_in(pending->set, signo))
        return 0;
    int error = signal_queue_locked(process, pending, signo, info);
    if (!error)
        announce(process, task, signo);
    return error;
}

int signal_send_entry_locked(struct process *process, struct task *task, struct signal_info *entry)
{
    struct signal_pending *pending = task ? &task->pending : &process->shared_pending;
    int signo = entry->info.si_signo;
    if (list_node_linked(&entry->node))
        return -EAGAIN;
    int go_on = prepare(process, task, signo, &entry->info);
    if (go_on <= 0)
        return go_on;
    list_add_tail(&pending->queue, &entry->node);
    pending->set |= LINUX_SIGMASK(signo);
    announce(process, task, signo);
    return 1;
}

static int send(struct process *process, struct task *task, int signo,
                const struct linux_siginfo *info)
{
    if (signo == 0)
        return 0;
    assert(signal_number_valid(signo));
    bool irq = spin_lock_irqsave(&process->signal_lock);
    int error = signal_send_locked(process, task, signo, info);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return error;
}

int signal_send_process(struct process *process, int signo, const struct linux_siginfo *info)
{
    return send(process, NULL, signo, info);
}

int signal_send_task(struct task *task, int signo, const struct linux_siginfo *info)
{
    return send(task->process, task, signo, info);
}

int signal_send_group(struct process_group *group, int signo, const struct linux_siginfo *info)
{
    struct kernel *kernel = this_kernel();
    struct process *member;
    int result = -ESRCH;

    spin_lock(process_tree_lock(kernel));
    list_for_each_entry(member, &group->members, group_node)
    {
        signal_send_process(member, signo, info);
        result = 0;
    }
    spin_unlock(process_tree_lock(kernel));
    return result;
}

/* ---- faults ---- */

static void force(int signo, const struct linux_siginfo *info, bool end)
{
    struct task *task = current_task();
    struct process *process = task->process;
    uint64_t mask = LINUX_SIGMASK(signo);

    bool irq = spin_lock_irqsave(&process->signal_lock);
    spin_lock(&process->actions->lock);
    uint64_t *handler = &process->actions->actions[signo - 1].handler;
    if ((task->blocked & mask) || *handler == SIG_IGN || end) {
        atomic_store_relaxed(handler, SIG_DFL);
        task->blocked &= ~mask;
    }
    if (*handler == SIG_DFL && !process->is_init && (!task->traced || end))
        process->is_unkillable = false;
    if (end)
        task->ending_signal = signo;
    spin_unlock(&process->actions->lock);
    signal_send_locked(process, task, signo, info);
    signal_recalculate(task);
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

void signal_force(int signo, const struct linux_siginfo *info)
{
    force(signo, info, false);
}

void signal_force_exit(int signo, const struct linux_siginfo *info)
{
    force(signo, info, true);
}

void signal_force_fault(int signo, int code, uint64_t address)
{
    struct linux_siginfo info = {.si_signo = signo, .si_code = code};
    info.fault.addr = address;
    signal_force(signo, &info);
}

/* ---- permission ---- */

static bool same_session(struct process *a, struct process *b)
{
    return a->group && b->group && a->group->session == b->group->session;
}

bool signal_sender_is_seen(const struct process *target)
{
    return !target->pid_ns ||
           (this_thread()->pid_ns && pid_namespace_is_below(this_thread()->pid_ns, target->pid_ns));
}

bool signal_has_sender(const struct linux_siginfo *info)
{
    return info->si_code == SI_USER ||
           (info->si_code < 0 && info->si_code != SI_TIMER && info->si_code != SI_SIGIO);
}

/* The sender's user as the target's namespace calls it. */
static void translate_uid(const struct cred *mine, const struct cred *theirs,
                          struct linux_siginfo *info)
{
    if (mine->user_ns != theirs->user_ns && signal_has_sender(info))
        info->kill.uid = uid_shown(theirs->user_ns, uid_from_user(mine->user_ns, info->kill.uid));
}

int signal_check_permission(struct process *target, int signo, struct linux_siginfo *info)
{
    const struct cred *mine = current_cred();
    struct process *self = current_process();
    if (target == self)
        return 0;

    struct spinlock *tree = process_tree_lock(target->kernel);
    bool held = spin_is_held(tree); /* group sends check under it */
    if (!held)
        spin_lock(tree);
    bool allowed = true; /* one that has been reaped has no leader; the send says -ESRCH */
    if (target->state != PROCESS_REAPED) {
        const struct cred *theirs = target->leader->thread.cred;
        allowed = mine->euid == theirs->suid || mine->euid == theirs->uid ||
                  mine->uid == theirs->suid || mine->uid == theirs->uid ||
                  cred_has_cap_in(mine, theirs->user_ns, CAP_KILL) ||
                  (signo == SIGCONT && same_session(self, target));
        if (info)
            translate_uid(mine, theirs, info);
    }
    if (!held)
        spin_unlock(tree);
    return allowed ? 0 : -EPERM;
}
