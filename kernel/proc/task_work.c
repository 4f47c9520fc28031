/* SPDX-License-Identifier: MIT
 *
 * Work of tasks (task_work.h). The list is guarded by the process's signal lock, so that
 * signal_recalculate cannot clear the flag that a new work has just raised.
 */
#include "kernel/proc/task_work.h"

#include "kernel/proc/signal.h"

bool task_work_add(struct task *task, struct task_work *work)
{
    struct process *process = task->process;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    bool accepted = !task->works_closed;
    if (accepted) {
        list_add_tail(&task->works, &work->node);
        atomic_store_relaxed(&task->works_pending, true);
        thread_interrupt(&task->thread, false);
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
