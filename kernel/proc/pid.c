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
#include "kernel/mm/slab.h"
#include "kernel/proc/process_table.h"
#include "kernel/proc/session.h"

int pid_alloc(struct process_table *table, int want, struct pid_slot **out_slot, int *out_pid)
{
    struct pid_slot *slot = kzalloc(sizeof(*slot));
    if (!slot)
        return -ENOMEM;

    uint64_t number = (uint64_t)want;
    spin_lock(&table->lock);
    int error = want ? xarray_insert(&table->slots, number, slot)
                     : xarray_alloc_cyclic(&table->slots, slot, PID_INIT, PID_MAX - 1,
                                           &table->cursor, &number);
    if (!error && !want)
        atomic_store_relaxed(&table->last_pid, (int)number);
    spin_unlock(&table->lock);
    if (error) {
        kfree(slot);
        return error == -ENOSPC ? -EAGAIN : error;
    }
    *out_slot = slot;
    *out_pid = (int)number;
    return 0;
}

struct pid_slot *pid_slot_find(struct process_table *table, int pid)
{
    return pid > 0 ? xarray_get(&table->slots, (uint64_t)pid) : NULL;
}

void pid_slot_release(struct process_table *table, int pid)
{
    struct pid_slot *slot = pid_slot_find(table, pid);
    assert(slot != NULL);
    if (slot->task || slot->process || slot->group || slot->session)
        return;
    xarray_erase(&table->slots, (uint64_t)pid);
    kfree(slot);
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

struct process *process_next(struct kernel *kernel, int after)
{
    struct process_table *table = kernel->processes;
    struct process *found = NULL;
    uint64_t index = after < 0 ? 0 : (uint64_t)after + 1;
    struct pid_slot *slot;

    spin_lock(&table->lock);
    xarray_for_each_from(&table->slots, index, slot, index) {
        if (slot->process) {
            found = process_get(slot->process);
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

int process_last_pid(struct kernel *kernel)
{
    return atomic_load_relaxed(&kernel->processes->last_pid);
}

uint64_t process_forks(struct kernel *kernel)
{
    return atomic_load_relaxed(&kernel->processes->forks);
}

struct spinlock *process_tree_lock(struct kernel *kernel)
{
    return &kernel->processes->lock;
}
