/* SPDX-License-Identifier: MIT
 *
 * What a task waits for and how it is to be treated: oom_score and its adjustment, schedstat,
 * wchan, syscall, children, timerslack_ns, personality; proc(5).
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/sched.h"
#include "kernel/lib/parse.h"
#include "kernel/mm/page.h"
#include "kernel/proc/core_dump.h"
#include "kernel/proc/ptrace.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"

enum { OOM_ADJ_MIN = -1000, OOM_ADJ_MAX = 1000, OOM_OLD_MAX = 15, OOM_OLD_DISABLE = -17 };
enum { NUMBER_BYTES = 32 };

/* ---- out of memory ---- */

static int oom_adjustment(struct task *task, uint64_t *out_pages)
{
    struct mm *mm = task_mm(task);
    int adjustment = 0;
    *out_pages = 0;
    if (mm) {
        adjustment = atomic_load_relaxed(&mm->oom_score_adj);
        *out_pages =
            atomic_load_relaxed(&mm->resident_anon) + atomic_load_relaxed(&mm->resident_file);
        mm_put(mm);
    }
    return adjustment;
}

/* The killer's points as thousandths of all memory, moved into 0 to 1333 (666: nothing special). */
int pid_show_oom_score(struct task *task, bool whole, struct strbuf *out)
{
    struct page_counts pages;
    uint64_t resident;
    (void)whole;
    int adjustment = oom_adjustment(task, &resident);
    page_count(task->thread.kernel, &pages);
    int64_t points = (int64_t)(resident * 1000 / MAX(pages.total, (uint64_t)1)) + adjustment;
    int64_t score = adjustment == OOM_ADJ_MIN ? 0 : (1000 + points) * 2 / 3;
    strbuf_printf(out, "%lld\n", (long long)MAX(score, (int64_t)0));
    return 0;
}

int pid_show_oom_score_adj(struct task *task, bool whole, struct strbuf *out)
{
    uint64_t resident;
    (void)whole;
    strbuf_printf(out, "%d\n", oom_adjustment(task, &resident));
    return 0;
}

/* Anybody may make a process likelier to die, and as likely again as processes are by default; less
 * likely only with CAP_SYS_RESOURCE. */
static int set_oom_adjustment(struct task *task, int value)
{
    struct mm *mm = task_mm(task);
    if (!mm)
        return -EINVAL;
    int error = 0;
    if (value < MIN(atomic_load_relaxed(&mm->oom_score_adj), 0) && !capable(CAP_SYS_RESOURCE))
        error = -EACCES;
    else
        atomic_store_relaxed(&mm->oom_score_adj, value);
    mm_put(mm);
    return error;
}

static int parse_number(const char *text, int low, int high, int *out)
{
    char digits[NUMBER_BYTES];
    int64_t value;
    text = kstr_skip_spaces(text);
    size_t length = kstrcspn(text, " \t\n");
    if (length >= sizeof(digits) || *kstr_skip_spaces(text + length))
        return -EINVAL;
    memcpy(digits, text, length);
    digits[length] = 0;
    if (kstrtos64(digits, 0, &value) || value < low || value > high)
        return -EINVAL;
    *out = (int)value;
    return 0;
}

int64_t pid_write_oom_score_adj(struct task *task, const char *text, size_t bytes)
{
    int value;
    int error = parse_number(text, OOM_ADJ_MIN, OOM_ADJ_MAX, &value);
    if (!error)
        error = set_oom_adjustment(task, value);
    return error ? error : (int64_t)bytes;
}

/* ---- core dumps ---- */

int pid_show_coredump_filter(struct task *task, bool whole, struct strbuf *out)
{
    struct mm *mm = task_mm(task);
    (void)whole;
    if (!mm)
        return 0;
    strbuf_printf(out, "%08x\n", atomic_load_relaxed(&mm->core_filter));
    mm_put(mm);
    return 0;
}

int64_t pid_write_coredump_filter(struct task *task, const char *text, size_t bytes)
{
    int value;
    int error = parse_number(text, 0, INT32_MAX, &value);
    struct mm *mm = error ? NULL : task_mm(task);
    if (!error && !mm)
        error = -ESRCH;
    if (error)
        return error;
    atomic_store_relaxed(&mm->core_filter, (unsigned)value & CORE_FILTER_MASK);
    mm_put(mm);
    return (int64_t)bytes;
}

/* The old scale, -17 to 15. */
int pid_show_oom_adj(struct task *task, bool whole, struct strbuf *out)
{
    uint64_t resident;
    (void)whole;
    int value = oom_adjustment(task, &resident);
    int old = value == OOM_ADJ_MAX ? OOM_OLD_MAX : value * -OOM_OLD_DISABLE / OOM_ADJ_MAX;
    strbuf_printf(out, "%d\n", old);
    return 0;
}

int64_t pid_write_oom_adj(struct task *task, const char *text, size_t bytes)
{
    int old;
    int error = parse_number(text, OOM_OLD_DISABLE, OOM_OLD_MAX, &old);
    int value = 0;
    if (!error)
        value = old == OOM_OLD_MAX ? OOM_ADJ_MAX : old * OOM_ADJ_MAX / -OOM_OLD_DISABLE;
    if (!error)
        error = set_oom_adjustment(task, value);
    return error ? error : (int64_t)bytes;
}

/* ---- scheduling ---- */

/* CPU time, time spent waiting for a CPU (not measured), and how often it got one. */
int pid_show_schedstat(struct task *task, bool whole, struct strbuf *out)
{
    (void)whole;
    uint64_t switches = atomic_load_relaxed(&task->thread.voluntary_switches) +
                        atomic_load_relaxed(&task->thread.involuntary_switches);
    strbuf_printf(out, "%llu 0 %llu\n", (unsigned long long)sched_cpu_time_ns(&task->thread),
                  (unsigned long long)switches);
    return 0;
}

/* A kernel without symbol names says 0 here for every task. */
int pid_show_wchan(struct task *task, bool whole, struct strbuf *out)
{
    (void)task;
    (void)whole;
    strbuf_putc(out, '0');
    return 0;
}

/* The system call that a sleeping task, or the reader itself, is in, with its arguments, stack and
 * instruction pointer. */
int pid_show_syscall(struct task *task, bool whole, struct strbuf *out)
{
    (void)whole;
    enum thread_state state = atomic_load_relaxed(&task->thread.state);
    if (task != current_task() &&
        (state == THREAD_RUNNABLE || state == THREAD_NEW || state == THREAD_DEAD)) {
        strbuf_puts(out, "running\n");
        return 0;
    }
    const struct hal_regs *regs = &task->user.regs;
    int64_t number = task->syscall_nr;
    if (number < 0) {
        strbuf_printf(out, "-1 %#llx %#llx\n", (unsigned long long)regs->rsp,
                      (unsigned long long)regs->rip);
        return 0;
    }
    strbuf_printf(out, "%lld %#llx %#llx %#llx %#llx %#llx %#llx %#llx %#llx\n", (long long)number,
                  (unsigned long long)regs->rdi, (unsigned long long)regs->rsi,
                  (unsigned long long)regs->rdx, (unsigned long long)regs->r10,
                  (unsigned long long)regs->r8, (unsigned long long)regs->r9,
                  (unsigned long long)regs->rsp, (unsigned long long)regs->rip);
    return 0;
}

int pid_show_timerslack(struct task *task, bool whole, struct strbuf *out)
{
    (void)whole;
    strbuf_printf(out, "%llu\n", (unsigned long long)atomic_load_relaxed(&task->timer_slack_ns));
    return 0;
}

int64_t pid_write_timerslack(struct task *task, const char *text, size_t bytes)
{
    enum { DEFAULT_NS = 50000 };
    uint64_t value;
    if (task != current_task() && !capable(CAP_SYS_NICE))
        return -EPERM;
    if (kstrtou64(kstr_skip_spaces(text), 0, &value))
        return -EINVAL;
    atomic_store_relaxed(&task->timer_slack_ns, value ? value : DEFAULT_NS);
    return (int64_t)bytes;
}

int pid_show_personality(struct task *task, bool whole, struct strbuf *out)
{
    (void)whole;
    strbuf_printf(out, "%08x\n", task->personality);
    return 0;
}

/* ---- the family ---- */

/* Children belong to the process; they are shown with its main thread. */
int pid_show_children(struct task *task, bool whole, struct pid_namespace *ns, struct strbuf *out)
{
    struct process *process = task->process, *child;
    struct spinlock *lock = process_tree_lock(process->kernel);
    (void)whole;
    if (task->tid != process->pid)
        return 0;
    spin_lock(lock);
    list_for_each_entry(child, &process->children, sibling_node)
        strbuf_printf(out, "%d ", pid_number_in(ns, child->pid));
    spin_unlock(lock);
    return 0;
}

int proc_tracer_pid(struct task *task)
{
    return ptrace_tracer_tid(task);
}
