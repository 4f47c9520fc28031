/* SPDX-License-Identifier: MIT
 *
 * Short texts about a task: cmdline, comm, limits, io; proc(5).
 */
#include "kernel/abi/resource.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/procfs/proc_internal.h"

enum { STRINGS_MAX = 2 << 20, COPY_PIECE = 1024 };

/* Bytes of the task's memory, as they are. */
static void put_memory(struct mm *mm, uint64_t start, uint64_t end, struct strbuf *out)
{
    char piece[COPY_PIECE];
    while (start < end) {
        size_t wanted = (size_t)MIN(end - start, (uint64_t)COPY_PIECE);
        int64_t copied = mm_access_remote(mm, start, piece, wanted, false, true);
        if (copied <= 0)
            break;
        strbuf_write(out, piece, (size_t)copied);
        start += (uint64_t)copied;
    }
}

/* A program that wrote over the end of its arguments has a title that goes on into the environment
 * (setproctitle): up to the first NUL. */
static void put_long_title(struct mm *mm, uint64_t start, uint64_t end, struct strbuf *out)
{
    char piece[COPY_PIECE];
    while (start < end) {
        size_t wanted = (size_t)MIN(end - start, (uint64_t)COPY_PIECE);
        int64_t copied = mm_access_remote(mm, start, piece, wanted, false, true);
        if (copied <= 0)
            break;
        size_t length = kstrnlen(piece, (size_t)copied);
        strbuf_write(out, piece, length);
        if (length < (size_t)copied)
            break;
        start += (uint64_t)copied;
    }
}

int pid_show_cmdline(struct task *task, bool whole, struct strbuf *out)
{
    struct mm *mm = task_mm(task);
    char last = 0;
    (void)whole;
    if (!mm)
        return 0;
    uint64_t start = atomic_load_relaxed(&mm->arg_start), end = atomic_load_relaxed(&mm->arg_end);
    uint64_t env_start = atomic_load_relaxed(&mm->env_start);
    uint64_t env_end = atomic_load_relaxed(&mm->env_end);
    if (start < end && mm_access_remote(mm, end - 1, &last, 1, false, true) == 1 && last != 0 &&
        env_start == end && env_end > end) {
        put_long_title(mm, start, MIN(env_end, start + STRINGS_MAX), out);
        strbuf_putc(out, 0);
    } else {
        put_memory(mm, start, MIN(end, start + STRINGS_MAX), out);
    }
    mm_put(mm);
    return 0;
}

int pid_show_comm(struct task *task, bool whole, struct strbuf *out)
{
    char name[THREAD_NAME_MAX];
    (void)whole;
    memcpy(name, task->thread.name, sizeof(name));
    name[sizeof(name) - 1] = 0;
    strbuf_puts(out, name);
    strbuf_putc(out, '\n');
    return 0;
}

/* Only threads of the same process may rename one. */
int64_t pid_write_comm(struct task *task, const char *text, size_t bytes)
{
    if (this_thread()->tgid != task->thread.tgid)
        return -EINVAL;
    char name[THREAD_NAME_MAX] = "";
    memcpy(name, text, MIN(bytes, (size_t)THREAD_NAME_MAX - 1));
    for (unsigned i = 0; i < THREAD_NAME_MAX; i++)
        atomic_store_relaxed(&task->thread.name[i], name[i]);
    return (int64_t)bytes;
}

int pid_show_cgroup(struct task *task, bool whole, struct strbuf *out)
{
    (void)whole;
    return cgroup_show_task(task, out);
}

/* ---- limits ---- */

struct limit_name {
    const char *name, *unit;
};

static void put_limit(struct strbuf *out, uint64_t value)
{
    if (value == RLIM_INFINITY)
        strbuf_printf(out, "%-20s ", "unlimited");
    else
        strbuf_printf(out, "%-20llu ", (unsigned long long)value);
}

int pid_show_limits(struct task *task, bool whole, struct strbuf *out)
{
    static const struct limit_name names[RLIM_NLIMITS] = {
        [RLIMIT_CPU] = {"Max cpu time", "seconds"},
        [RLIMIT_FSIZE] = {"Max file size", "bytes"},
        [RLIMIT_DATA] = {"Max data size", "bytes"},
        [RLIMIT_STACK] = {"Max stack size", "bytes"},
        [RLIMIT_CORE] = {"Max core file size", "bytes"},
        [RLIMIT_RSS] = {"Max resident set", "bytes"},
        [RLIMIT_NPROC] = {"Max processes", "processes"},
        [RLIMIT_NOFILE] = {"Max open files", "files"},
        [RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
        [RLIMIT_AS] = {"Max address space", "bytes"},
        [RLIMIT_LOCKS] = {"Max file locks", "locks"},
        [RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
        [RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
        [RLIMIT_NICE] = {"Max nice priority", ""},
        [RLIMIT_RTPRIO] = {"Max realtime priority", ""},
        [RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
    };
    struct linux_rlimit64 limits[RLIM_NLIMITS];
    struct process *process = task->process;
    (void)whole;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    memcpy(limits, process->rlimits, sizeof(limits));
    spin_unlock_irqrestore(&process->signal_lock, irq);
    strbuf_printf(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
        strbuf_printf(out, "%-25s ", names[i].name);
        put_limit(out, limits[i].rlim_cur);
        put_limit(out, limits[i].rlim_max);
        if (names[i].unit[0])
            strbuf_printf(out, "%-10s", names[i].unit);
        strbuf_putc(out, '\n');
    }
    return 0;
}

int pid_show_io(struct task *task, bool whole, struct strbuf *out)
{
    const struct process *process = task->process;
    (void)whole;
    strbuf_printf(out,
                  "rchar: %llu\nwchar: %llu\nsyscr: %llu\nsyscw: %llu\nread_bytes: 0\n"
                  "write_bytes: 0\ncancelled_write_bytes: 0\n",
                  (unsigned long long)atomic_load_relaxed(&process->read_bytes),
                  (unsigned long long)atomic_load_relaxed(&process->written_bytes),
                  (unsigned long long)atomic_load_relaxed(&process->read_calls),
                  (unsigned long long)atomic_load_relaxed(&process->write_calls));
    return 0;
}
