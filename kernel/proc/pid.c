/* SPDX-License-Identifier: MIT
 *
 * Process numbers: allocation, lookup, iteration.
 *
 * One number space serves tasks, processes, groups and sessions (credentials(7)). The table's lock
 * guards it; lookups return references, so a result stays valid after the lock is dropped.
 */
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/process_table.h"
#include "kernel/proc/session.h"

int pid_alloc(struct pid_namespace *ns, const int *wanted, unsigned count, struct pid_slot **out)
{
    struct process_table *table = ns->common.kernel->processes;
    spin_lock(&table->lock);
    int error = pid_slot_create(ns, wanted, count, out);
    spin_unlock(&table->lock);
    return error;
}

struct pid_slot *pid_slot_find(struct process_table *table, int pid)
{
    return pid > 0 ? xarray_get(&table->pids->numbers, (uint64_t)pid) : NULL;
}

void pid_slot_release(struct process_table *table, int pid)
{
    struct pid_slot *slot = pid_slot_find(table, pid);
    assert(slot != NULL);
    if (slot->task || slot->process || slot->group || slot->session)
        return;
    pid_slot_remove(slot);
}

struct task *task_find(struct kernel *kernel, int tid)
{
    struct process_table *table = kernel->processes;
    spin_lock(&table->lock);
    struct pid_slot *slot = pid_slot_find(table, tid);
    struct task *task = slot && slot->task && !slot->task->exited ? task_get(slot->task) : NULL;
    spin_unlock(&table->lock);
    return task;
}

struct process *process_find(struct kernel *kernel, int pid)
{
    struct process_table *table = kernel->processes;
    spin_lock(&table->lock);
    struct pid_slot *slot = pid_slot_find(table, pid);
    struct process *process = slot && slot->process ? process_get(slot->process) : NULL;
    spin_unlock(&table->lock);
    return process;
}

struct task *task_find_given(int number)
{
    return task_find(this_kernel(), current_pid_given(number));
}

struct task *task_find_unreaped_given(int number)
{
    int tid = current_pid_given(number);
    struct process_table *table = this_kernel()->processes;
    struct task *task = NULL;

    spin_lock(&table->lock);
    struct pid_slot *slot = pid_slot_find(table, tid);
    if (slot)
        task = slot->task ? slot->task : slot->process ? slot->process->leader : NULL;
    if (task)
        task_get(task);
    spin_unlock(&table->lock);
    return task;
}

struct process *process_find_given(int number)
{
    return process_find(this_kernel(), current_pid_given(number));
}

struct process *process_find_any(struct kernel *kernel, int tid)
{
    struct process_table *table = kernel->processes;
    struct process *process = NULL;
    spin_lock(&table->lock);
    struct pid_slot *slot = pid_slot_find(table, tid);
    if (slot)
        process = slot->process ? slot->process : slot->task ? slot->task->process : NULL;
    if (process)
        process_get(process);
    spin_unlock(&table->lock);
    return process;
}

struct process_group *process_group_find(struct kernel *kernel, int pgid)
{
    struct process_table *table = kernel->processes;
    spin_lock(&table->lock);
    struct pid_slot *slot = pid_slot_find(table, pgid);
    struct process_group *group =
        slot && slot->group ? process_group_get(slot->group) : NULL;
    spin_unlock(&table->lock);
    return group;
}

struct process *process_next(struct pid_namespace *ns, int *number)
{
    struct process_table *table = ns->common.kernel->processes;
    struct process *found = NULL;
    uint64_t index = *number < 0 ? 0 : (uint64_t)*number + 1;
    struct pid_slot *slot;

    spin_lock(&table->lock);
    xarray_for_each_from(&ns->numbers, index, slot, index)
    {
        if (slot->process) {
            found = process_get(slot->process);
            *number = (int)index;
            break;
        }
    }
    spin_unlock(&table->lock);
    return found;
}

struct task *process_next_task(struct process *process, int after)
{
    struct process_table *table = process->kernel->processes;
    struct task *best = NULL, *task;

    spin_lock(&table->lock);
    list_for_each_entry(task, &process->tasks, process_node)
    {
        if (task->tid > after && (!best || task->tid < best->tid))
            best = task;
    }
    if (best)
        task_get(best);
    spin_unlock(&table->lock);
    return best;
}

unsigned task_count(struct kernel *kernel)
{
    return atomic_load_relaxed(&kernel->processes->task_count);
}

uint64_t process_forks(struct kernel *kernel)
{
    return atomic_load_relaxed(&kernel->processes->forks);
}

struct pid_namespace *process_pid_namespace(const struct process *process)
{
    return process->pid_ns ? process->pid_ns : process->kernel->processes->pids;
}

struct spinlock *process_tree_lock(struct kernel *kernel)
{
    return &kernel->processes->lock;
}
