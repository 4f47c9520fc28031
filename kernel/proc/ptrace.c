/* SPDX-License-Identifier: MIT
 *
 * Who traces whom (ptrace(2)): linking tracer and tracee, following new tasks, and their ends.
 *
 * A tracer is a thread; its tracees hang in its list. Neither holds a reference on the other: a
 * tracer lets go of all tracees before it leaves the tree, and a tracee leaves the list before it
 * is freed. A traced thread that is not its group's leader stays in the table when it has ended,
 * until its tracer has waited for it or is gone.
 *
 * Locking: everything here changes under the process-tree lock and, inside it, the signal lock of
 * the tracee's process.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/proc/cgroup_ops.h"
#include "kernel/proc/user_count.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"

int ptrace_allocate(struct task *task)
{
    if (atomic_load_acquire(&task->ptrace))
        return 0;
    struct ptrace_state *trace = kzalloc(sizeof(*trace));
    if (!trace)
        return -ENOMEM;
    trace->task = task;
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    spin_lock(tree);
    if (!task->ptrace) {
        atomic_store_release(&task->ptrace, trace);
        trace = NULL;
    }
    spin_unlock(tree);
    kfree(trace); /* another tracer was faster */
    return 0;
}

void ptrace_free(struct task *task)
{
    assert(!task->traced && list_empty(&task->tracees));
    kfree(task->ptrace);
}

void ptrace_link_locked(struct task *task, struct task *tracer, const struct cred *cred,
                        bool seized, uint32_t options)
{
    struct process *process = task->process;
    struct ptrace_state *trace = task->ptrace;

    list_add_tail(&tracer->tracees, &trace->node);
    trace->tracer_cred = cred_get(cred);
    if (task->thread.mm) /* a debugger wants to see the program as it is */
        atomic_store_relaxed(&task->thread.mm->no_patches, true);
    bool irq = spin_lock_irqsave(&process->signal_lock);
    trace->tracer = tracer;
    trace->seized = seized;
    trace->options = options;
    trace->code = 0;
    atomic_store_release(&task->traced, true);
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

/* What the tracer had asked for is forgotten. */
static void reset(struct ptrace_state *trace)
{
    trace->tracer = NULL;
    trace->options = 0;
    trace->seized = trace->listening = false;
    trace->trap_stop = trace->trap_notify = trace->trapping = false;
    trace->trace_calls = trace->emulate_calls = trace->step = false;
    atomic_store_release(&trace->stopped, false);
    atomic_store_release(&trace->frozen, false);
}

void ptrace_unlink_locked(struct task *task)
{
    struct process *process = task->process;
    struct ptrace_state *trace = task->ptrace;

    list_remove(&trace->node);
    bool irq = spin_lock_irqsave(&process->signal_lock);
    atomic_store_release(&task->traced, false);
    reset(trace);
    task_clear_syscall_work(task, SYSCALL_WORK_PTRACE);
    thread_wake_state(&task->thread, 1u << THREAD_STOPPED);
    /* The group may be stopped, and it with it from now on. */
    if (!task->signals_closed && !task->exiting)
        signal_recalculate(task);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    cred_put(trace->tracer_cred);
    trace->tracer_cred = NULL;
}

bool ptrace_is_reparented_locked(const struct task *task)
{
    const struct task *tracer = ptrace_tracer_locked(task);
    return tracer && tracer->process != task->process->parent;
}

/* ---- new tasks ---- */

bool ptrace_follows(const struct task *parent, const struct clone_args *args, int *out_event)
{
    *out_event = 0;
    if (!task_is_traced(parent))
        return false;
    if (!(args->flags & CLONE_UNTRACED)) {
        int event = (args->flags & CLONE_VFORK)    ? PTRACE_EVENT_VFORK
                    : args->exit_signal != SIGCHLD ? PTRACE_EVENT_CLONE
                                                   : PTRACE_EVENT_FORK;
        if (parent->ptrace->options & 1u << event)
            *out_event = event;
    }
    return *out_event || (args->flags & CLONE_PTRACE);
}

void ptrace_inherit_locked(struct task *child, struct task *parent)
{
    struct ptrace_state *from = parent->ptrace;
    if (!parent->traced || !child->ptrace)
        return;
    ptrace_link_locked(child, from->tracer, from->tracer_cred, from->seized, from->options);
    if (from->seized)
        child->ptrace->trap_stop = true;
    else
        child->pending.set |= LINUX_SIGMASK(SIGSTOP);
    atomic_store_seq(&child->thread.interrupted, true);
}

/* ---- ends ---- */

void ptrace_notify_exit_locked(struct task *task, int signo)
{
    struct task *tracer = task->ptrace->tracer;
    struct process *process = task->process;
    int status = task == process->leader ? process->exit_status : task->exit_status;
    struct linux_siginfo info = {.si_signo = signo};

    info.chld.pid = pid_seen_by(tracer->process, task->tid);
    info.chld.uid = uid_seen_by(tracer->process, task->thread.cred->uid);
    info.si_code = (status & 0x7f) == 0 ? CLD_EXITED : (status & 0x80) ? CLD_DUMPED : CLD_KILLED;
    info.chld.status = (status & 0x7f) == 0 ? status >> 8 & 0xff : status & 0x7f;
    if (signo >= 1 && signo <= SIGNALS_MAX)
        signal_send_process(tracer->process, signo, &info);
    wake_all(&tracer->process->child_wait);
}

void ptrace_bury_locked(struct task *task, struct list *reaped)
{
    struct process *process = task->process;
    struct process_table *table = task->thread.kernel->processes;
    struct pid_slot *slot = pid_slot_find(table, task->tid);
    assert(task->exited && task != task->process->leader && slot->task == task);
    if (task->traced)
        ptrace_unlink_locked(task);
    slot->task = NULL;
    pid_slot_release(table, task->tid);
    user_count_remove_locked(table, task);
    cgroup_release_locked(table, task);
    if (--process->unburied == 0 && process->state == PROCESS_ZOMBIE)
        process_announce_locked(process, reaped);
}

void ptrace_release_tracees_locked(struct task *tracer, struct list *dead, struct list *reaped)
{
    struct ptrace_state *trace, *following;
    list_for_each_entry_safe(trace, following, &tracer->tracees, node)
    {
        struct task *task = trace->task;
        bool kill = trace->options & PTRACE_O_EXITKILL;
        ptrace_unlink_locked(task);
        if (task->exited && task != task->process->leader) {
            ptrace_bury_locked(task, reaped);
            list_add_tail(dead, &task->process_node);
        } else if (task->process->state == PROCESS_ZOMBIE) {
            process_announce_again_locked(task->process, tracer->process, reaped);
        } else if (kill) {
            signal_send_process(task->process, SIGKILL, SIGINFO_KERNEL);
        }
    }
}

bool ptrace_tracer_is_capable(struct task *task)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    spin_lock(tree);
    bool capable_tracer = !task->traced || cred_has_cap(task->ptrace->tracer_cred, CAP_SYS_PTRACE);
    spin_unlock(tree);
    return capable_tracer;
}

void ptrace_drop_incapable(struct task *task)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    spin_lock(tree);
    if (task->traced && !cred_has_cap(task->ptrace->tracer_cred, CAP_SYS_PTRACE))
        ptrace_unlink_locked(task);
    spin_unlock(tree);
}

bool ptrace_is_stopped(const struct task *task)
{
    return task_is_traced(task) && atomic_load_acquire(&task->ptrace->stopped);
}

int ptrace_tracer_tid(struct task *task)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    spin_lock(tree);
    const struct task *tracer = ptrace_tracer_locked(task);
    int tid = tracer ? tracer->tid : 0;
    spin_unlock(tree);
    return tid;
}
