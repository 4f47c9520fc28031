/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/stat, statm and status; proc_pid_stat(5), proc_pid_statm(5), proc_pid_status(5).
 *
 * The figures are collected first, each under its own lock, and then written, so that nothing is
 * held while text is made.
 */
#include "kernel/abi/sched.h"
#include "kernel/abi/time.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/lib/bits.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/seccomp.h"
#include "kernel/proc/session.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"
#include "kernel/security/user_namespace.h"

/* The state as a letter and a word. Process-tree lock held. */
static const char *state_locked(struct task *task)
{
    if (task->exited || task->process->state != PROCESS_ALIVE)
        return "Z (zombie)";
    if (ptrace_is_stopped(task))
        return "t (tracing stop)";
    switch (atomic_load_relaxed(&task->thread.state)) {
    case THREAD_NEW:
    case THREAD_RUNNABLE:
        return "R (running)";
    case THREAD_INTERRUPTIBLE:
        return "S (sleeping)";
    case THREAD_UNINTERRUPTIBLE:
    case THREAD_KILLABLE:
        return "D (disk sleep)";
    case THREAD_STOPPED:
        return "T (stopped)";
    default:
        return "Z (zombie)";
    }
}

static uint64_t ticks(uint64_t ns)
{
    return ns / (NSEC_PER_SEC / USER_HZ);
}

static uint64_t timeval_ticks(struct linux_timeval time)
{
    return (uint64_t)time.tv_sec * USER_HZ + (uint64_t)time.tv_usec / (USEC_PER_SEC / USER_HZ);
}

/* ---- memory ---- */

struct memory_figures {
    uint64_t virtual_pages, resident_pages, peak_pages, locked_pages, data_pages, stack_pages;
    uint64_t text_bytes, library_bytes, anon_pages, file_pages;
    uint64_t memory_pages, virtual_peak_pages;
};

static void collect_memory(struct mm *mm, struct memory_figures *out)
{
    *out = (struct memory_figures){0};
    rwlock_read_lock(&mm->lock);
    uint64_t exec_pages = mm->exec_pages;
    out->stack_pages = mm->stack_pages;
    out->text_bytes = ALIGN_UP(mm->code_end, (uint64_t)PAGE_SIZE) -
                      ALIGN_DOWN(mm->code_start, (uint64_t)PAGE_SIZE);
    out->text_bytes = MIN(out->text_bytes, exec_pages << PAGE_SHIFT);
    out->library_bytes = (exec_pages << PAGE_SHIFT) - out->text_bytes;
    out->virtual_pages = mm->total_pages;
    out->virtual_peak_pages = MAX(mm->total_peak, mm->total_pages);
    out->locked_pages = mm->locked_pages;
    out->data_pages = mm->data_pages;
    rwlock_read_unlock(&mm->lock);
    spin_lock(&mm->table_lock);
    out->anon_pages = mm->resident_anon;
    out->file_pages = mm->resident_file;
    out->memory_pages = mm->resident_memory;
    out->resident_pages = mm->resident_anon + mm->resident_file;
    out->peak_pages = MAX(mm->resident_peak, out->resident_pages);
    spin_unlock(&mm->table_lock);
}

int pid_show_statm(struct task *task, bool whole, struct strbuf *out)
{
    struct memory_figures memory = {0};
    struct mm *mm = task_mm(task);
    (void)whole;
    if (mm) {
        collect_memory(mm, &memory);
        mm_put(mm);
    }
    strbuf_printf(out, "%llu %llu %llu %llu 0 %llu 0\n", (unsigned long long)memory.virtual_pages,
                  (unsigned long long)memory.resident_pages, (unsigned long long)memory.file_pages,
                  (unsigned long long)memory.text_bytes >> PAGE_SHIFT,
                  (unsigned long long)(memory.data_pages + memory.stack_pages));
    return 0;
}

/* ---- the tree and the terminal ---- */

/* Of the flags in stat, which are Linux's own, those that mean something here. */
enum { TASK_FORKED = 0x40 /* and has not executed a program */, TASK_RANDOMIZE = 0x400000 };

struct tree_figures {
    const char *state;
    int ppid, pgid, sid, foreground;
    uint64_t tty;
    unsigned threads;
    bool did_exec;
    int exit_signal;
    int exit_code;
};

/* By the kernel's numbers. */
static void collect_tree(struct task *task, struct tree_figures *out)
{
    struct process *process = task->process;
    struct kernel *kernel = process->kernel;
    const struct session_tty_ops *ops = session_tty_ops(kernel);
    *out = (struct tree_figures){.foreground = -1};
    spin_lock(process_tree_lock(kernel));
    out->state = state_locked(task);
    if (process->state != PROCESS_REAPED) {
        out->ppid = process->parent ? process->parent->pid : 0;
        out->threads = process->task_count;
        out->did_exec = process->did_exec;
        out->exit_signal = process->exit_signal;
        out->exit_code = process->state == PROCESS_ZOMBIE ? process->exit_status : 0;
    }
    if (process->group) {
        struct session *session = process->group->session;
        out->pgid = process->group->pgid;
        out->sid = session->sid;
        if (session->tty && ops) {
            out->tty = ops->number(session->tty);
            out->foreground = ops->foreground(session->tty);
        }
    }
    spin_unlock(process_tree_lock(kernel));
}

/* ---- signals ---- */

struct signal_figures {
    uint64_t pending, shared, blocked, ignored, caught;
    unsigned queued;
};

static void collect_signals(struct task *task, struct signal_figures *out)
{
    struct process *process = task->process;
    *out = (struct signal_figures){0};
    bool irq = spin_lock_irqsave(&process->signal_lock);
    out->pending = task->pending.set;
    out->shared = process->shared_pending.set;
    out->blocked = task->blocked;
    out->queued = process->signals_queued;
    struct signal_actions *actions = process->actions;
    spin_lock(&actions->lock);
    for (unsigned i = 0; i < SIGNALS_MAX; i++) {
        if (actions->actions[i].handler == SIG_IGN)
            out->ignored |= 1ull << i;
        else if (actions->actions[i].handler != SIG_DFL)
            out->caught |= 1ull << i;
    }
    spin_unlock(&actions->lock);
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

/* ---- stat ---- */

/* The name as it goes into stat, and escaped into status, where a line ends with it. */
static void put_name(struct task *task, struct strbuf *out, bool escape)
{
    for (unsigned i = 0; i < THREAD_NAME_MAX - 1; i++) {
        char c = atomic_load_relaxed(&task->thread.name[i]);
        if (!c)
            break;
        if (escape && (c == '\n' || c == '\\'))
            strbuf_puts(out, c == '\n' ? "\\n" : "\\\\");
        else
            strbuf_putc(out, c);
    }
}

static void put_stat_times(struct task *task, bool whole, struct strbuf *out)
{
    struct linux_rusage self, children;
    struct process *process = task->process;
    process_usage(process, task, whole ? USAGE_SELF : USAGE_THREAD, &self);
    process_usage(process, task, USAGE_CHILDREN, &children);
    strbuf_printf(out, " %lld %lld %lld %lld %llu %llu %llu %llu", (long long)self.ru_minflt,
                  (long long)children.ru_minflt, (long long)self.ru_majflt,
                  (long long)children.ru_majflt, (unsigned long long)timeval_ticks(self.ru_utime),
                  (unsigned long long)timeval_ticks(self.ru_stime),
                  (unsigned long long)timeval_ticks(children.ru_utime),
                  (unsigned long long)timeval_ticks(children.ru_stime));
}

static int kernel_priority(const struct sched_params *params)
{
    if (params->effective_rt_priority > 0)
        return -1 - params->effective_rt_priority;
    return 20 + params->nice;
}

/* Of an address space that a program may be loaded into at this moment. */
#define FIELD(name) ((unsigned long long)atomic_load_relaxed(&mm->name))

static void put_stat_memory(struct mm *mm, bool private_too, struct strbuf *out)
{
    if (!mm || !private_too) {
        strbuf_puts(out, mm ? " 1 1 0 0 0" : " 0 0 0 0 0");
        return;
    }
    strbuf_printf(out, " %llu %llu %llu 0 0", FIELD(code_start), FIELD(code_end),
                  (unsigned long long)mm->stack_top);
}

static void put_stat_signals(const struct signal_figures *signals, struct strbuf *out)
{
    const uint64_t mask = (1ull << 31) - 1; /* the obsolete fields show classic signals only */
    strbuf_printf(out, " %llu %llu %llu %llu", (unsigned long long)(signals->pending & mask),
                  (unsigned long long)(signals->blocked & mask),
                  (unsigned long long)(signals->ignored & mask),
                  (unsigned long long)(signals->caught & mask));
}

static void put_stat_end(struct task *task, struct mm *mm, const struct tree_figures *tree,
                         const struct sched_params *params, bool private_too, struct strbuf *out)
{
    strbuf_printf(out, " %d 0 0 %d %u %u %d 0 0 0", tree->state[0] == 'R' ? 0 : 1,
                  tree->exit_signal, atomic_load_relaxed(&task->thread.cpu),
                  (unsigned)params->rt_priority, params->policy);
    if (mm && private_too)
        strbuf_printf(out, " %llu %llu %llu %llu %llu %llu %llu %d\n", FIELD(data_start),
                      FIELD(data_end), FIELD(brk_start), FIELD(arg_start), FIELD(arg_end),
                      FIELD(env_start), FIELD(env_end), tree->exit_code);
    else
        strbuf_puts(out, " 0 0 0 0 0 0 0 0\n");
}

int pid_show_stat(struct task *task, bool whole, struct pid_namespace *ns, struct strbuf *out)
{
    struct tree_figures tree;
    struct signal_figures signals;
    struct sched_params params;
    uint64_t resident = 0;
    bool private_too = proc_may_access(task);
    struct mm *mm = task_mm(task);
    collect_tree(task, &tree);
    collect_signals(task, &signals);
    sched_get_params(&task->thread, &params);
    if (mm)
        resident =
            atomic_load_relaxed(&mm->resident_anon) + atomic_load_relaxed(&mm->resident_file);
    strbuf_printf(out, "%d (", pid_number_in(ns, task->tid));
    put_name(task, out, false);
    strbuf_printf(out, ") %c %d %d %d %d %d %u", tree.state[0], pid_number_in(ns, tree.ppid),
                  pid_number_in(ns, tree.pgid), pid_number_in(ns, tree.sid), (int)tree.tty,
                  pid_number_in(ns, tree.foreground),
                  TASK_RANDOMIZE | (tree.did_exec ? 0 : TASK_FORKED));
    put_stat_times(task, whole, out);
    strbuf_printf(
        out, " %d %d %u 0 %llu %llu %llu %llu", kernel_priority(&params), params.nice, tree.threads,
        (unsigned long long)ticks(time_namespace_to_user_ns(CLOCK_BOOTTIME, task->thread.start_ns)),
        (unsigned long long)(mm ? atomic_load_relaxed(&mm->total_pages) << PAGE_SHIFT : 0),
        (unsigned long long)resident,
        (unsigned long long)(mm ? process_limit(task->process, RLIMIT_RSS) : 0));
    put_stat_memory(mm, private_too, out);
    put_stat_signals(&signals, out);
    put_stat_end(task, mm, &tree, &params, private_too, out);
    if (mm)
        mm_put(mm);
    return 0;
}

/* ---- status ---- */

static void put_kib(struct strbuf *out, const char *label, uint64_t bytes)
{
    strbuf_printf(out, "%s:\t%8llu kB\n", label, (unsigned long long)bytes / 1024);
}

static void put_status_memory(struct mm *mm, struct strbuf *out)
{
    struct memory_figures memory;
    collect_memory(mm, &memory);
    put_kib(out, "VmPeak", memory.virtual_peak_pages << PAGE_SHIFT);
    put_kib(out, "VmSize", memory.virtual_pages << PAGE_SHIFT);
    put_kib(out, "VmLck", memory.locked_pages << PAGE_SHIFT);
    put_kib(out, "VmPin", 0);
    put_kib(out, "VmHWM", memory.peak_pages << PAGE_SHIFT);
    put_kib(out, "VmRSS", memory.resident_pages << PAGE_SHIFT);
    put_kib(out, "RssAnon", memory.anon_pages << PAGE_SHIFT);
    put_kib(out, "RssFile", (memory.file_pages - memory.memory_pages) << PAGE_SHIFT);
    put_kib(out, "RssShmem", memory.memory_pages << PAGE_SHIFT);
    put_kib(out, "VmData", memory.data_pages << PAGE_SHIFT);
    put_kib(out, "VmStk", memory.stack_pages << PAGE_SHIFT);
    put_kib(out, "VmExe", memory.text_bytes);
    put_kib(out, "VmLib", memory.library_bytes);
    put_kib(out, "VmPTE", DIV_ROUND_UP(memory.resident_pages, 512ull) << PAGE_SHIFT);
    put_kib(out, "VmSwap", 0);
    strbuf_puts(out, "CoreDumping:\t0\nTHP_enabled:\t0\n");
}

/* What a kernel pid is called in the viewer's namespace and in each below, down to the task's. */
static void put_numbers(struct strbuf *out, const char *label, struct task *task,
                        const struct pid_namespace *viewer, int pid)
{
    struct pid_namespace *own = process_pid_namespace(task->process);
    strbuf_printf(out, "%s:", label);
    for (unsigned level = viewer->level; level <= own->level; level++) {
        struct pid_namespace *ns = own;
        while (ns->level > level)
            ns = ns->parent;
        strbuf_printf(out, "\t%d", pid_number_in(ns, pid));
    }
    strbuf_putc(out, '\n');
}

static void put_status_ids(struct task *task, const struct cred *cred, struct pid_namespace *ns,
                           struct strbuf *out)
{
    struct tree_figures tree;
    struct fs_context *fs = proc_task_fs(task);
    collect_tree(task, &tree);
    strbuf_puts(out, "Name:\t");
    put_name(task, out, true);
    if (fs) {
        strbuf_printf(out, "\nUmask:\t%#04o", atomic_load_relaxed(&fs->umask));
        fs_context_put(fs);
    }
    strbuf_printf(out, "\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n",
                  tree.state, pid_number_in(ns, task->process->pid), pid_number_in(ns, task->tid),
                  pid_number_in(ns, tree.ppid), pid_number_in(ns, proc_tracer_pid(task)));
    strbuf_printf(out, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", current_uid_shown(cred->uid),
                  current_uid_shown(cred->euid), current_uid_shown(cred->suid),
                  current_uid_shown(cred->fsuid), current_gid_shown(cred->gid),
                  current_gid_shown(cred->egid), current_gid_shown(cred->sgid),
                  current_gid_shown(cred->fsgid));
    struct file_table *files = proc_task_files(task);
    strbuf_printf(out, "FDSize:\t%u\nGroups:\t", files ? atomic_load_relaxed(&files->capacity) : 0);
    if (files)
        file_table_put(files);
    for (unsigned i = 0; i < cred->group_count; i++)
        strbuf_printf(out, "%s%u", i ? " " : "", current_gid_shown(cred->groups[i]));
    strbuf_puts(out, " \n");
    put_numbers(out, "NStgid", task, ns, task->process->pid);
    put_numbers(out, "NSpid", task, ns, task->tid);
    put_numbers(out, "NSpgid", task, ns, tree.pgid);
    put_numbers(out, "NSsid", task, ns, tree.sid);
}

static void put_status_signals(struct task *task, struct strbuf *out)
{
    struct signal_figures signals;
    struct tree_figures tree;
    collect_tree(task, &tree);
    collect_signals(task, &signals);
    strbuf_printf(out, "Threads:\t%u\nSigQ:\t%u/%llu\n", tree.threads, signals.queued,
                  (unsigned long long)process_limit(task->process, RLIMIT_SIGPENDING));
    strbuf_printf(out, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n",
                  (unsigned long long)signals.pending, (unsigned long long)signals.shared,
                  (unsigned long long)signals.blocked);
    strbuf_printf(out, "SigIgn:\t%016llx\nSigCgt:\t%016llx\n", (unsigned long long)signals.ignored,
                  (unsigned long long)signals.caught);
}

/* "0-1,3": runs of CPUs. */
void proc_put_cpu_list(struct strbuf *out, uint64_t bits)
{
    bool first = true;
    while (bits) {
        unsigned low = bits_lowest(bits), high = low;
        while (high < 63 && ((bits >> (high + 1)) & 1))
            high++;
        strbuf_printf(out, high > low ? "%s%u-%u" : "%s%u", first ? "" : ",", low, high);
        first = false;
        bits &= high == 63 ? 0 : ~0ull << (high + 1);
    }
}

static void put_status_cpus(struct task *task, struct strbuf *out)
{
    struct sched_params params;
    sched_get_params(&task->thread, &params);
    uint64_t online = sched_online_mask(task->thread.kernel).bits;
    uint64_t allowed = params.affinity.bits & online;
    strbuf_printf(out, "Cpus_allowed:\t%llx\nCpus_allowed_list:\t", (unsigned long long)allowed);
    proc_put_cpu_list(out, allowed);
    strbuf_puts(out, "\nMems_allowed:\t1\nMems_allowed_list:\t0\n");
}

int pid_show_status(struct task *task, bool whole, struct pid_namespace *ns, struct strbuf *out)
{
    const struct cred *cred = thread_cred_get(&task->thread);
    struct linux_rusage usage;
    (void)whole;
    put_status_ids(task, cred, ns, out);
    struct mm *mm = task_mm(task);
    if (mm) {
        put_status_memory(mm, out);
        mm_put(mm);
    }
    put_status_signals(task, out);
    strbuf_printf(out,
                  "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\n"
                  "CapAmb:\t%016llx\nNoNewPrivs:\t%d\nSeccomp:\t%d\nSeccomp_filters:\t%d\n",
                  (unsigned long long)cred->cap_inheritable,
                  (unsigned long long)cred->cap_permitted, (unsigned long long)cred->cap_effective,
                  (unsigned long long)cred->cap_bounding, (unsigned long long)cred->cap_ambient,
                  atomic_load_relaxed(&task->no_new_privs), seccomp_mode_of(task),
                  seccomp_filters_of(task));
    put_status_cpus(task, out);
    process_usage(task->process, task, USAGE_THREAD, &usage);
    strbuf_printf(out, "voluntary_ctxt_switches:\t%lld\nnonvoluntary_ctxt_switches:\t%lld\n",
                  (long long)usage.ru_nvcsw, (long long)usage.ru_nivcsw);
    cred_put(cred);
    return 0;
}
