/* SPDX-License-Identifier: MIT
 *
 * Where a traced task stops (ptrace(2), "Stopped states"): signals, events, system calls, single
 * steps, and the group's stop.
 *
 * To stop, a task takes the process-tree lock and its signal lock, checks that it still has a
 * tracer, publishes the stop and tells the tracer before the tree lock is dropped: a tracer that
 * has been told finds the stop, and one that finds it has been told. Then it sleeps in
 * THREAD_STOPPED until `stopped` is cleared by a request or by the end of the tracing, or the task
 * is killed; in each case not while a request works on it (`frozen`).
 *
 * A traced task takes part in its group's stop by such a stop, once (task->stop_counted), and may
 * be resumed although the group stays stopped.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/wait.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/string.h"
#include "kernel/proc/cgroup_ops.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"
#include "kernel/security/user_namespace.h"

static int event_code(int signo, int event)
{
    return signo | event << 8;
}

/* ---- telling the tracer ---- */

static void tell_tracer_locked(struct task *task, int why, int status)
{
    struct process *tracer = task->ptrace->tracer->process;
    struct linux_siginfo info = {.si_signo = SIGCHLD, .si_code = why};
    info.chld.pid = pid_seen_by(tracer, task->tid);
    info.chld.uid = uid_seen_by(tracer, task->thread.cred->uid);
    info.chld.status = status & 0x7f;
    spin_lock(&tracer->actions->lock);
    const struct linux_sigaction *action = &tracer->actions->actions[SIGCHLD - 1];
    bool wanted = action->handler != SIG_IGN && !(action->flags & SA_NOCLDSTOP);
    spin_unlock(&tracer->actions->lock);
    if (wanted)
        signal_send_process(tracer, SIGCHLD, &info);
    wake_all(&tracer->child_wait);
}

/* ---- stopping ---- */

void ptrace_end_step(struct task *task)
{
    struct ptrace_state *trace = task->ptrace;
    if (trace->step_forced)
        task->user.regs.rflags &= ~FLAG_TF;
    trace->step_forced = false;
}

static void publish_locked(struct task *task, const struct ptrace_stop *stop)
{
    struct ptrace_state *trace = task->ptrace;
    trace->code = stop->code;
    trace->why = stop->why;
    trace->message = stop->message;
    trace->has_info = stop->info != NULL;
    if (stop->info)
        trace->info = *stop->info;
    trace->trap_stop = trace->trapping = trace->listening = trace->resumed = false;
    if (stop->code >> 8 == PTRACE_EVENT_STOP)
        trace->trap_notify = false;
    ptrace_end_step(task);
    trace->step = false;
    atomic_store_release(&trace->stopped, true);
}

/* Does the task go on sleeping? */
static bool must_stay(struct task *task)
{
    const struct ptrace_state *trace = task->ptrace;
    if (atomic_load_acquire(&trace->frozen))
        return true;
    return atomic_load_acquire(&trace->stopped) && !atomic_load_acquire(&task->thread.killed);
}

static void sleep_stopped(struct task *task)
{
    for (;;) {
        sched_prepare_block(THREAD_STOPPED);
        if (!must_stay(task))
            break;
        sched_block();
    }
    sched_finish_block();
}

/* Called and returns without the signal lock, with the tree lock held. False: no longer traced. */
static bool begin_stop(struct task *task, const struct ptrace_stop *stop)
{
    struct process *process = task->process;
    bool complete = false;

    bool irq = spin_lock_irqsave(&process->signal_lock);
    bool stops = task->traced && !atomic_load_relaxed(&task->thread.killed);
    if (stops) {
        publish_locked(task, stop);
        if (stop->why == CLD_STOPPED && process->group_stopping && !task->stop_counted) {
            atomic_store_release(&task->stop_counted, true);
            complete = signal_complete_stop_locked(process);
        }
    }
    int stop_signal = process->stop_signal;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    if (!stops)
        return false;
    tell_tracer_locked(task, stop->why, stop->why == CLD_STOPPED ? stop_signal : stop->code);
    if (complete && ptrace_is_reparented_locked(task))
        process_notify_parent_of_stop_locked(process, CLD_STOPPED, stop_signal);
    return true;
}

int ptrace_stop_locked(struct task *task, const struct ptrace_stop *stop, bool *irq)
{
    struct process *process = task->process;
    struct ptrace_state *trace = task->ptrace;
    struct spinlock *tree = process_tree_lock(process->kernel);

    spin_unlock_irqrestore(&process->signal_lock, *irq);
    spin_lock(tree);
    bool stops = begin_stop(task, stop);
    if (stops)
        task_set_parked_locked(task, true);
    spin_unlock(tree);
    if (stops) {
        cgroup_settle(process->kernel);
        sleep_stopped(task);
        task_set_parked(task, false);
    }
    *irq = spin_lock_irqsave(&process->signal_lock);
    if (!stops) { /* nobody to ask any more: a signal is delivered as if there never had been */
        trace->resumed = false;
        return stop->code;
    }
    atomic_store_relaxed(&trace->stopped, false);
    trace->listening = false;
    if (stop->info)
        *stop->info = trace->info;
    trace->has_info = false;
    trace->message = 0;
    int signo = trace->code;
    trace->code = 0;
    return signo;
}

/* A stop of the current task's own accord, with information that says so. */
static int notify_locked(struct task *task, int signo, int code, int why, uint64_t message,
                         bool *irq)
{
    struct linux_siginfo info = {.si_signo = signo, .si_code = code};
    info.kill.pid = task->own_tid;
    info.kill.uid = current_uid_shown(task->thread.cred->uid);
    const struct ptrace_stop stop = {.code = code, .why = why, .message = message, .info = &info};
    int injected = ptrace_stop_locked(task, &stop, irq);
    return task->ptrace->resumed ? injected : 0;
}

static int notify(struct task *task, int code, uint64_t message)
{
    struct process *process = task->process;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    int signo = notify_locked(task, SIGTRAP, code, CLD_TRAPPED, message, &irq);
    signal_recalculate(task);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return signo;
}

/* ---- the group's stop, PTRACE_INTERRUPT ---- */

void ptrace_group_changed_locked(struct process *process)
{
    struct task *task;
    list_for_each_entry(task, &process->tasks, process_node)
    {
        struct ptrace_state *trace = task->ptrace;
        if (!task->traced || !trace->seized)
            continue;
        trace->trap_notify = true;
        if (trace->listening) {
            trace->listening = false;
            atomic_store_release(&trace->stopped, false);
            thread_wake_state(&task->thread, 1u << THREAD_STOPPED);
        } else {
            thread_interrupt(&task->thread, false);
        }
    }
}

bool ptrace_trap_locked(struct task *task, bool *irq)
{
    struct process *process = task->process;
    struct ptrace_state *trace = task->ptrace;
    bool group = process->group_stopping && !task->stop_counted;

    if (!task->traced || !(group || ptrace_trap_pending(task)))
        return false;
    if (trace->seized) {
        int signo = process->group_stopping ? process->stop_signal : SIGTRAP;
        notify_locked(task, signo, event_code(signo, PTRACE_EVENT_STOP), CLD_STOPPED, 0, irq);
    } else {
        const struct ptrace_stop stop = {
            .code = process->stop_signal ? process->stop_signal : SIGSTOP, .why = CLD_STOPPED};
        ptrace_stop_locked(task, &stop, irq);
    }
    return true;
}

/* ---- signals ---- */

int ptrace_signal_locked(struct task *task, int signo, struct linux_siginfo *info, bool *irq)
{
    struct process *process = task->process;
    const struct ptrace_stop stop = {.code = signo, .why = CLD_TRAPPED, .info = info};
    task->stop_dequeued = true; /* whatever the tracer makes of it */
    int injected = ptrace_stop_locked(task, &stop, irq);
    if (!injected || process->group_exiting)
        return 0;
    if (injected != info->si_signo) {
        *info = (struct linux_siginfo){.si_signo = injected, .si_code = SI_USER};
        if (task->traced) {
            info->kill.pid = pid_seen_by(process, task->ptrace->tracer->process->pid);
            info->kill.uid = current_uid_shown(task->ptrace->tracer_cred->uid);
        }
    }
    if (signal_in(task->blocked, injected)) {
        signal_send_locked(process, task, injected, info);
        return 0;
    }
    return injected;
}

/* ---- events ---- */

int ptrace_tracer_sees(struct task *task, int tid)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    if (likely(!task_is_traced(task)))
        return tid;
    spin_lock(tree);
    const struct task *tracer = ptrace_tracer_locked(task);
    if (tracer)
        tid = pid_seen_by(tracer->process, tid);
    spin_unlock(tree);
    return tid;
}

bool ptrace_event(struct task *task, int event, uint64_t message)
{
    if (likely(!task_is_traced(task)) || !(task->ptrace->options & 1u << event))
        return false;
    notify(task, event_code(SIGTRAP, event), message);
    return true;
}

void ptrace_event_exec(struct task *task, int old_tid)
{
    if (likely(!task_is_traced(task)) || ptrace_event(task, PTRACE_EVENT_EXEC, (uint64_t)old_tid))
        return;
    struct linux_siginfo info = {.si_signo = SIGTRAP, .si_code = SI_USER};
    info.kill.pid = task->process->own_pid;
    info.kill.uid = current_uid_shown(task->thread.cred->uid);
    if (!task->ptrace->seized)
        signal_send_task(task, SIGTRAP, &info);
}

void ptrace_report_handler(struct task *task)
{
    notify(task, SIGTRAP, 0);
}

/* ---- system calls ---- */

static void report_call(struct task *task, uint64_t message)
{
    int code = SIGTRAP | ((task->ptrace->options & PTRACE_O_TRACESYSGOOD) ? 0x80 : 0);
    int signo = notify(task, code, message);
    if (signo)
        signal_send_task(task, signo, SIGINFO_KERNEL);
}

bool ptrace_syscall_enter(struct task *task)
{
    struct ptrace_state *trace = task->ptrace;
    bool emulate = trace->emulate_calls;

    if (!task_is_traced(task) || !(trace->trace_calls || emulate))
        return true;
    task->user.regs.rax = (uint64_t)-ENOSYS;
    report_call(task, PTRACE_EVENTMSG_SYSCALL_ENTRY);
    if (emulate || atomic_load_relaxed(&task->thread.killed))
        return false;
    return (int32_t)task->orig_rax != -1;
}

void ptrace_syscall_leave(struct task *task)
{
    const struct ptrace_state *trace = task->ptrace;
    if (!task_is_traced(task))
        return;
    if (trace->step && !trace->emulate_calls) {
        ptrace_end_step(task);
        signal_force_fault(SIGTRAP, TRAP_BRKPT, task->user.regs.rip);
    } else if (trace->trace_calls) {
        report_call(task, PTRACE_EVENTMSG_SYSCALL_EXIT);
    }
}

int ptrace_seccomp_event(struct task *task, uint32_t data)
{
    if (!ptrace_event(task, PTRACE_EVENT_SECCOMP, data))
        return -ENOSYS;
    return atomic_load_relaxed(&task->thread.killed) ? -EINTR : 0;
}
