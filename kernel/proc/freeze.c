/* SPDX-License-Identifier: MIT
 *
 * Tasks that do nothing for a while because their control group is frozen (cgroup.freeze), and the
 * account of those that do nothing anyway.
 *
 * task->freeze is set by the group, under the process-tree and the signal lock, and makes the task
 * look at its signals, where it parks; a signal that kills it ends the parking, others wait.
 * task->parked, under the process-tree lock, says that it sits still: frozen, stopped, or waiting
 * for a vfork child.
 */
#include "kernel/proc/cgroup_ops.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/sched.h"

void task_set_parked_locked(struct task *task, bool parked)
{
    if (task->parked == parked)
        return;
    task->parked = parked;
    if (task->cgroup)
        task->thread.kernel->processes->cgroup_ops->parked(task);
}

void task_set_parked(struct task *task, bool parked)
{
    struct kernel *kernel = task->thread.kernel;
    spin_lock(process_tree_lock(kernel));
    task_set_parked_locked(task, parked);
    spin_unlock(process_tree_lock(kernel));
    cgroup_settle(kernel);
}

void task_freeze_locked(struct task *task, bool freeze)
{
    struct process *process = task->process;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    bool changed = task->freeze != freeze;
    task->freeze = freeze;
    if (changed && freeze)
        thread_interrupt(&task->thread, false);
    else if (changed)
        thread_wake_state(&task->thread, 1u << THREAD_INTERRUPTIBLE);
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

static bool must_stay_frozen(struct task *task)
{
    bool irq = spin_lock_irqsave(&task->process->signal_lock);
    bool stays = task->freeze && !atomic_load_acquire(&task->thread.killed) &&
                 !ptrace_trap_pending(task) && !task->works_pending;
    spin_unlock_irqrestore(&task->process->signal_lock, irq);
    return stays;
}

void task_freeze_park(struct task *task, bool *irq)
{
    struct process *process = task->process;
    spin_unlock_irqrestore(&process->signal_lock, *irq);
    task_set_parked(task, true);
    for (;;) {
        sched_prepare_block(THREAD_INTERRUPTIBLE);
        if (!must_stay_frozen(task))
            break;
        sched_block();
    }
    sched_finish_block();
    task_set_parked(task, false);
    *irq = spin_lock_irqsave(&process->signal_lock);
}
