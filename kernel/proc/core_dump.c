/* SPDX-License-Identifier: MIT
 *
 * Core dumps (core(5)): whether there is one, under which name, and keeping the process still for
 * it.
 *
 * The task that took the signal starts the end of the group, as any deadly signal does, with itself
 * as process->core_task. The others come to task_exit with their registers as they were in user
 * mode, and wait there. The dump goes to a file in the working directory, or wherever the pattern
 * says, made with the task's own rights in place of what has that name; or to a program
 * (core_pipe.c). SIGKILL ends the dump.
 */
#include "kernel/proc/core_dump.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/uname.h"
#include "kernel/abi/wait.h"
#include "kernel/core/clock.h"
#include "kernel/core/klog.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/strbuf.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/core_internal.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/proc/uts.h"
#include "kernel/security/cred.h"

enum { CORE_LIMIT_MIN = 4096, CORE_NAME_BYTES = 512, CORE_ARGUMENT_BYTES = 4096 };

/* ---- settings ---- */

void core_pattern_get(struct kernel *kernel, char *out)
{
    struct process_table *table = kernel->processes;
    spin_lock(&table->lock);
    memcpy(out, table->core_pattern, CORE_PATTERN_BYTES);
    spin_unlock(&table->lock);
}

void core_pattern_set(struct kernel *kernel, const char *pattern, size_t length)
{
    struct process_table *table = kernel->processes;
    length = MIN(length, (size_t)CORE_PATTERN_BYTES - 1);
    spin_lock(&table->lock);
    memset(table->core_pattern, 0, CORE_PATTERN_BYTES);
    memcpy(table->core_pattern, pattern, length);
    spin_unlock(&table->lock);
}

bool core_uses_pid(struct kernel *kernel)
{
    return atomic_load_relaxed(&kernel->processes->core_uses_pid);
}

void core_set_uses_pid(struct kernel *kernel, bool on)
{
    atomic_store_relaxed(&kernel->processes->core_uses_pid, on);
}

/* ---- the name ---- */

/* Names of programs and hosts must not lead elsewhere. */
static void put_name(struct strbuf *out, const char *name)
{
    if (!kstrcmp(name, ".") || !kstrcmp(name, "..")) {
        strbuf_puts(out, name[1] ? "!." : "!");
        return;
    }
    for (; *name; name++)
        strbuf_putc(out, *name == '/' ? '!' : *name);
}

static void put_program(struct strbuf *out, const struct core *core, bool whole_path)
{
    const struct file *exe = core->mm->exe;
    char *buffer = kmalloc(VFS_PATH_MAX), *path;
    if (buffer && exe && path_name(&exe->path, NULL, buffer, VFS_PATH_MAX, &path) == 0) {
        const char *slash = kstrrchr(path, '/');
        put_name(out, !whole_path && slash ? slash + 1 : path);
    } else {
        put_name(out, core->task->thread.name);
    }
    kfree(buffer);
}

static void put_field(struct strbuf *out, const struct core *core, char field)
{
    const struct task *task = core->task;
    struct linux_utsname uts;
    switch (field) {
    case 'p':
        strbuf_printf(out, "%d", task->process->own_pid);
        break;
    case 'P':
        strbuf_printf(out, "%d", task->process->pid);
        break;
    case 'i':
        strbuf_printf(out, "%d", task->own_tid);
        break;
    case 'I':
        strbuf_printf(out, "%d", task->tid);
        break;
    case 'u':
        strbuf_printf(out, "%u", task->thread.cred->uid);
        break;
    case 'g':
        strbuf_printf(out, "%u", task->thread.cred->gid);
        break;
    case 'd':
        strbuf_printf(out, "%u", atomic_load_relaxed(&task->process->dumpable));
        break;
    case 's':
        strbuf_printf(out, "%d", core->info->si_signo);
        break;
    case 't':
        strbuf_printf(out, "%llu", (unsigned long long)(clock_realtime_ns() / 1000000000u));
        break;
    case 'c':
        strbuf_printf(out, "%llu", (unsigned long long)core->limit);
        break;
    case 'h':
        uts_get(&uts);
        put_name(out, uts.nodename);
        break;
    case 'e':
        put_name(out, task->thread.name);
        break;
    case 'f':
        put_program(out, core, false);
        break;
    case 'E':
        put_program(out, core, true);
        break;
    case '%':
        strbuf_putc(out, '%');
        break;
    default: /* what is not known disappears */
        break;
    }
}

/* One word or all of a pattern; true if the process's number is in it. */
static bool expand(const struct core *core, const char *pattern, size_t length, struct strbuf *out)
{
    bool has_pid = false;
    for (size_t i = 0; i < length; i++) {
        if (pattern[i] != '%') {
            strbuf_putc(out, pattern[i]);
        } else if (++i < length) {
            has_pid = has_pid || pattern[i] == 'p';
            put_field(out, core, pattern[i]);
        }
    }
    return has_pid;
}

/* False if the name is too long. */
static bool make_name(const struct core *core, char *name)
{
    struct strbuf out;
    strbuf_init(&out, name, CORE_NAME_BYTES);
    bool has_pid = expand(core, core->pattern, kstrlen(core->pattern), &out);
    if (!has_pid && core_uses_pid(core->task->thread.kernel))
        strbuf_printf(&out, ".%d", core->task->process->own_pid);
    return name[0] && !strbuf_overflowed(&out);
}

/* ---- the file ---- */

/* Only a plain file of ours, that nobody else can open by another name. */
static bool file_is_safe(const struct file *file)
{
    const struct inode *inode = file->inode;
    uint32_t mode = atomic_load_relaxed(&inode->mode);
    return S_ISREG(mode) && atomic_load_relaxed(&inode->nlink) == 1 &&
           atomic_load_relaxed(&inode->uid) == current_cred()->fsuid && (mode & 0677) == 0600;
}

static int open_file(struct core *core)
{
    enum { MODE = 0600 };
    char *name = kmalloc(CORE_NAME_BYTES);
    int error = -ENOMEM;
    if (name)
        error = make_name(core, name) ? 0 : -ENAMETOOLONG;
    if (!error) {
        vfs_unlink(NULL, name); /* what has the name may lead elsewhere */
        error =
            vfs_open(NULL, name, O_CREAT | O_RDWR | O_NOFOLLOW | O_LARGEFILE, MODE, 0, &core->file);
    }
    kfree(name);
    if (error)
        return error;
    error = file_is_safe(core->file) ? vfs_ftruncate(core->file, 0) : -EPERM;
    if (error)
        file_put(core->file);
    return error;
}

/* ---- the program ---- */

/* The words of the pattern, each expanded on its own, one behind the other in `text`. */
static int make_arguments(const struct core *core, char *text, char **argv)
{
    struct strbuf out;
    unsigned count = 0;
    strbuf_init(&out, text, CORE_ARGUMENT_BYTES);
    for (const char *word = core->pattern + 1;;) {
        word = kstr_skip_spaces(word);
        if (!*word)
            break;
        size_t length = kstrcspn(word, " \t");
        argv[count++] = text + out.length;
        expand(core, word, length, &out);
        strbuf_putc(&out, '\0');
        word += length;
    }
    argv[count] = NULL;
    return count == 0 || strbuf_overflowed(&out) ? -ENOMEM : 0;
}

static int open_pipe(struct core *core)
{
    char *text = kmalloc(CORE_ARGUMENT_BYTES);
    char **argv = kmalloc(CORE_PATTERN_BYTES * sizeof(*argv));
    int error = text && argv ? make_arguments(core, text, argv) : -ENOMEM;
    if (!error)
        error = core_open_pipe(core, argv);
    core->limit = UINT64_MAX;
    kfree(argv);
    kfree(text);
    return error;
}

/* ---- keeping still ---- */

void core_dump_join(struct task *task)
{
    struct process *process = task->process;
    if (process->core_task == task)
        return;
    atomic_store_release(&task->core_joined, true);
    wake_all(&process->exit_wait);
    wait_event(&process->exit_wait, atomic_load_acquire(&process->core_task) == NULL);
}

static bool all_joined(struct process *process)
{
    struct task *task;
    bool joined = true;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    list_for_each_entry(task, &process->tasks, process_node)
    {
        if (task != process->core_task && !task->core_joined && !task->exiting)
            joined = false;
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return joined;
}

/* The group ends; the current task does not, yet. False if it is ending already. */
static bool begin(struct task *task, int signo)
{
    struct process *process = task->process;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    bool first = !process->group_exiting && !process->exec_task;
    if (first) {
        atomic_store_release(&process->core_task, task);
        signal_kill_group_locked(process, linux_wait_killed(signo, 0));
        atomic_store_seq(&task->thread.killed, false);
        thread_clear_interrupt(&task->thread);
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return first;
}

static void end(struct task *task, bool dumped)
{
    struct process *process = task->process;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    if (dumped)
        process->group_exit_status |= LINUX_WAIT_CORE;
    atomic_store_release(&process->core_task, NULL);
    thread_interrupt(&task->thread, true);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    wake_all(&process->exit_wait);
}

/* ---- the dump ---- */

static int collect_tasks(struct core *core)
{
    struct process *process = core->task->process;
    struct spinlock *tree = process_tree_lock(process->kernel);
    size_t room = atomic_load_relaxed(&process->task_count);
    struct task *task;

    core->tasks = kmalloc(room * sizeof(struct task *));
    if (!core->tasks)
        return -ENOMEM;
    core->tasks[core->task_count++] = task_get(core->task);
    spin_lock(tree);
    list_for_each_entry(task, &process->tasks, process_node)
    {
        if (task != core->task && core->task_count < room)
            core->tasks[core->task_count++] = task_get(task);
    }
    spin_unlock(tree);
    return 0;
}

static void release(struct core *core)
{
    for (size_t i = 0; i < core->task_count; i++)
        task_put(core->tasks[i]);
    kfree(core->tasks);
    kfree(core->segments);
    kfree(core->files);
    if (core->mm)
        mm_put(core->mm);
}

static bool dump(struct core *core)
{
    int error = collect_tasks(core);
    if (!error)
        error = core_collect_segments(core);
    if (!error)
        error = core_collect_files(core);
    if (!error)
        error = core->pattern[0] == '|' ? open_pipe(core) : open_file(core);
    if (error)
        return false;
    error = core_write(core);
    file_put(core->file);
    return core->written > 0;
}

static bool is_wanted(struct task *task, const struct core *core)
{
    /* A pipe has no limit; but 1 is that of a program that takes dumps. */
    bool limited = core->pattern[0] == '|' ? core->limit == 1 : core->limit < CORE_LIMIT_MIN;
    uint32_t dumpable = atomic_load_relaxed(&task->process->dumpable);
    /* At SUID_DUMP_ROOT a dump is for root's eyes: the program that takes dumps may have it. */
    return core->mm && !limited && core->mm->dumpable &&
           (dumpable == SUID_DUMP_USER || (dumpable == SUID_DUMP_ROOT && core->pattern[0] == '|'));
}

void core_dump(struct task *task, const struct linux_siginfo *info)
{
    struct core core = {
        .task = task, .info = info, .limit = current_limit(RLIMIT_CORE), .mm = task_mm(task)};

    core_pattern_get(task->thread.kernel, core.pattern);
    if (!is_wanted(task, &core)) {
        signal_kill_group(task->process, linux_wait_killed(info->si_signo, 0));
    } else if (begin(task, info->si_signo)) {
        bool dumped = false;
        if (!wait_event_killable(&task->process->exit_wait, all_joined(task->process)))
            dumped = dump(&core);
        end(task, dumped);
    }
    release(&core);
}
