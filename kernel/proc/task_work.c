/* SPDX-License-Identifier: MIT
 *
 * Work of tasks (task_work.h). The list is guarded by the process's signal lock, so that
 * signal_recalculate cannot clear the flag that a new work has just raised.
 */
#include "kernel/proc/task_work.h"

#include "kernel/proc/signal.h"

/* The signal lock is held. */
static bool add_locked(struct task *task, struct task_work *work)
{
    if (task->works_closed)
        return false;
    list_add_tail(&task->works, &work->node);
    atomic_store_relaxed(&task->works_pending, true);
    thread_interrupt(&task->thread, false);
    return true;
}

bool task_work_add(struct task *task, struct task_work *work)
{
    struct process *process = task->process;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    bool accepted = add_locked(task, work);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return accepted;
}

bool task_work_add_any(struct process *process, struct task_work *work)
{
    struct task *task;
    bool accepted = false;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    list_for_each_entry(task, &process->tasks, process_node)
    {
        if (!atomic_load_relaxed(&task->exiting) && add_locked(task, work)) {
            accepted = true;
            break;
        }
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return accepted;
}

static void run(bool close)
{
    struct task *task = current_task();
    struct process *process = task->process;
    struct list works;
    struct list_node *node;

    list_init(&works);
    bool irq = spin_lock_irqsave(&process->signal_lock);
    list_splice_tail(&works, &task->works);
    atomic_store_relaxed(&task->works_pending, false);
    task->works_closed |= close;
    if (!close)
        signal_recalculate(task);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    while ((node = list_pop_head(&works))) {
        struct task_work *work = container_of(node, struct task_work, node);
        work->run(work);
    }
}

void task_work_run(void)
{
    run(false);
}

void task_work_close(void)
{
    run(true);
}
