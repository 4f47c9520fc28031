/* SPDX-License-Identifier: MIT
 *
 * The out-of-memory killer: picks by proc(5)'s oom_score rule: resident pages plus
 * oom_score_adj thousandths of all memory. While an earlier victim is still exiting no other is
 * chosen.
 */
#include "kernel/proc/oom.h"

#include "kernel/core/klog.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/page.h"
#include "kernel/proc/process_internal.h"

static int64_t badness(struct process *process, uint64_t total_pages, bool *out_dying)
{
    enum { ADJ_NEVER = -1000 };
    struct task *task;
    int64_t points = -1;

    list_for_each_entry(task, &process->tasks, process_node)
    {
        struct mm *mm = task->thread.mm;
        if (!mm)
            continue;
        if (process->group_exiting)
            *out_dying = true;
        if (mm->oom_score_adj == ADJ_NEVER)
            return -1;
        points = (int64_t)(atomic_load_relaxed(&mm->resident_anon) +
                           atomic_load_relaxed(&mm->resident_file)) +
                 mm->oom_score_adj * (int64_t)total_pages / 1000;
        points = MAX(points, (int64_t)1);
        break;
    }
    return points;
}

static struct process *choose_victim_locked(struct process_table *table, uint64_t total_pages,
                                            bool *out_dying, int64_t *out_points)
{
    struct process *victim = NULL;
    struct pid_slot *slot;
    uint64_t index;

    *out_points = 0;
    xarray_for_each(&table->pids->numbers, index, slot)
    {
        if (!slot->process || slot->process->is_init || slot->process->state != PROCESS_ALIVE)
            continue;
        int64_t points = badness(slot->process, total_pages, out_dying);
        if (points > *out_points) {
            victim = slot->process;
            *out_points = points;
        }
    }
    return victim;
}

static bool kill_something(struct kernel *kernel)
{
    struct process_table *table = kernel->processes;
    struct page_counts counts;
    bool dying = false;
    int64_t points;

    page_count(kernel, &counts);
    spin_lock(&table->lock);
    struct process *victim = choose_victim_locked(table, counts.total, &dying, &points);
    if (victim && !dying)
        process_get(victim);
    spin_unlock(&table->lock);
    if (dying) /* its memory is on the way back */
        return true;
    if (!victim)
        return false;
    klog_err("Out of memory: killed process %d (%s), %lld KiB resident", victim->pid,
             victim->leader->thread.name, (long long)points * (PAGE_SIZE / 1024));
    signal_kill_group(victim, SIGKILL);
    process_put(victim);
    return true;
}

void oom_init(struct kernel *kernel)
{
    static const struct mm_oom_ops ops = {.kill_something = kill_something};
    mm_set_oom_ops(kernel, &ops);
}
