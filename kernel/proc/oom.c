/* SPDX-License-Identifier: MIT
 *
 * The out-of-memory killer: picks by proc(5)'s oom_score rule: resident pages plus
 * oom_score_adj thousandths of all memory. While an earlier victim is still exiting no other is
 * chosen. vm.panic_on_oom and vm.oom_kill_allocating_task change what happens, proc_sys_vm(5).
 */
#include "kernel/proc/oom.h"

#include "kernel/core/klog.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/page.h"
#include "kernel/proc/process_internal.h"
#include "kernel/security/cred.h"

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

/* The process that asks, if it may be killed at all. */
static struct process *choose_current(uint64_t total_pages, bool *out_dying, int64_t *out_points)
{
    struct process *process = this_thread()->tgid ? current_process() : NULL;
    if (!process || process->is_init)
        return NULL;
    *out_points = badness(process, total_pages, out_dying);
    return *out_points > 0 ? process : NULL;
}

/* In Linux's words, which people search their logs for. */
static void tell(struct process *victim)
{
    const unsigned kib = PAGE_SIZE / 1024;
    struct thread *thread = &victim->leader->thread;
    const struct cred *cred = thread_cred_get(thread);
    uint32_t uid = cred->uid;
    cred_put(cred);
    struct mm *mm = task_mm(victim->leader);
    if (!mm)
        return;
    uint64_t shmem = atomic_load_relaxed(&mm->resident_memory);
    klog_err("Out of memory: Killed process %d (%s) total-vm:%llukB, anon-rss:%llukB, "
             "file-rss:%llukB, shmem-rss:%llukB, UID:%u oom_score_adj:%d",
             victim->pid, thread->name,
             (unsigned long long)atomic_load_relaxed(&mm->total_pages) * kib,
             (unsigned long long)atomic_load_relaxed(&mm->resident_anon) * kib,
             (unsigned long long)(atomic_load_relaxed(&mm->resident_file) - shmem) * kib,
             (unsigned long long)shmem * kib, uid, mm->oom_score_adj);
    mm_put(mm);
}

static bool kill_something(struct kernel *kernel)
{
    struct process_table *table = kernel->processes;
    const struct mm_limits *limits = mm_limits(kernel);
    struct process *victim = NULL;
    struct page_counts counts;
    bool dying = false;
    int64_t points;

    if (atomic_load_relaxed(&limits->panic_on_oom))
        kernel_panic("Out of memory: vm.panic_on_oom is set");
    page_count(kernel, &counts);
    spin_lock(&table->lock);
    if (atomic_load_relaxed(&limits->oom_kill_allocating_task))
        victim = choose_current(counts.total, &dying, &points);
    if (!victim && !dying)
        victim = choose_victim_locked(table, counts.total, &dying, &points);
    if (victim && !dying)
        process_get(victim);
    spin_unlock(&table->lock);
    if (dying) /* its memory is on the way back */
        return true;
    if (!victim)
        return false;
    tell(victim);
    signal_kill_group(victim, SIGKILL);
    process_put(victim);
    return true;
}

void oom_init(struct kernel *kernel)
{
    static const struct mm_oom_ops ops = {.kill_something = kill_something};
    mm_set_oom_ops(kernel, &ops);
}
