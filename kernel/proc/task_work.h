/* SPDX-License-Identifier: MIT
 *
 * Work that a task has to do itself before it goes on in user mode: it is interrupted for that as
 * for a signal, and a blocking system call is restarted afterwards.
 */
#ifndef KERNEL_PROC_TASK_WORK_H
#define KERNEL_PROC_TASK_WORK_H

#include <stdbool.h>

#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/proc/task.h"

struct task_work {
    struct list_node node;
    void (*run)(struct task_work *work); /* thread context, no lock held; may block */
};

/* Any context that may take the signal lock. False if the task does no more work: it is exiting. */
bool task_work_add(struct task *task, struct task_work *work);

/* The same, for any task of the process that is not exiting. False: all are. */
bool task_work_add_any(struct process *process, struct task_work *work);

/* The current task does all of its work now. */
void task_work_run(void);

/* It does the last of it, and takes none any more. */
void task_work_close(void);

static inline bool task_work_pending(const struct task *task)
{
    return atomic_load_relaxed(&task->works_pending);
}

#endif
