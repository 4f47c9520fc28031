/* SPDX-License-Identifier: MIT
 *
 * Restartable sequences, rseq(2): a task's area in user memory tells on which CPU it runs, and a
 * critical section that it names there is left for its abort handler when the task has been
 * interrupted in it.
 */
#ifndef KERNEL_PROC_RSEQ_H
#define KERNEL_PROC_RSEQ_H

#include "kernel/lib/compiler.h"
#include "kernel/proc/task.h"

/* Register or (RSEQ_FLAG_UNREGISTER) unregister the current task's area. 0, -EINVAL, -EPERM (other
 * signature), -EBUSY (registered already), -EFAULT. May block. */
int rseq_register(uint64_t uaddr, uint32_t bytes, uint32_t signature);
int rseq_unregister(uint64_t uaddr, uint32_t bytes, uint32_t signature);

/* The child of a fork has a copy of the area; one that shares memory starts without. Also exec. */
void rseq_inherit(struct task *child, const struct task *parent);
void rseq_forget(struct task *task);

/* Before the current task goes on in user mode, where rseq_is_due: leave the critical section and
 * bring the CPU number up to date. Forces SIGSEGV where the area cannot be used. May block. */
void rseq_resume(struct task *task);

/* Before a signal handler's frame is made: it interrupts the critical section. 0, or
 * -EFAULT/-EINVAL when the area cannot be used. May block. */
int rseq_interrupt(struct task *task);

/* Has the current task an area, and lost its CPU since it was brought up to date? Counting switches
 * costs the scheduler nothing. */
static inline bool rseq_is_due(const struct task *task)
{
    return unlikely(task->rseq_uaddr != 0) &&
           task->rseq_switches !=
               task->thread.voluntary_switches + task->thread.involuntary_switches;
}

#endif
