/* SPDX-License-Identifier: MIT
 *
 * Process 1: part of the kernel, not a program. It mounts the usual file systems, runs the
 * machine's job as its child in a session on the console, reaps orphans, and when the job has ended
 * powers the machine off with its status (128 + n for signal n, as a shell reports it).
 */
#include "kernel/core/init.h"
#include "hal/kernel_on.h"
#include "hal/power.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/mount.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/stat.h"
#include "kernel/abi/wait.h"
#include "kernel/core/kernel.h"
#include "kernel/core/klog.h"
#include "kernel/fs/block_file.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/fs/tmpfs.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/string.h"
#include "kernel/lib/xarray.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/core_internal.h"
#include "kernel/proc/namespaces.h"
#include "kernel/proc/oom.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/session_internal.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/user_count.h"
#include "kernel/proc/user_loop.h"
#include "kernel/proc/uts.h"
#include "kernel/proc/vdso_internal.h"
#include "kernel/security/cred.h"
#include "kernel/security/key.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };

/* ---- the tables ---- */

int proc_init(struct kernel *kernel)
{
    struct process_table *table = kzalloc(sizeof(*table));
    if (!table)
        return -ENOMEM;
    spin_lock_init(&table->lock, LOCK_RANK_PROCESS_TREE);
    user_count_init(table);
    table->ptrace_scope = PTRACE_SCOPE_DEFAULT;
    memcpy(table->core_pattern, "core", 5);
    list_init(&table->core_helpers);
    table->task_cache = slab_cache_create("task", sizeof(struct task), 64);
    table->process_cache = slab_cache_create("process", sizeof(struct process), 64);
    table->fpu_cache = slab_cache_create("fpu", hal_fpu_size(), 64);
    if (!table->task_cache || !table->process_cache || !table->fpu_cache)
        return -ENOMEM;
    kernel->processes = table;
    if (pid_namespaces_init(kernel))
        return -ENOMEM;
    table->pids = &kernel->pids->initial;
    if (namespaces_init(kernel) || keys_init(kernel))
        return -ENOMEM;
    uts_set(UTS_NODENAME, "assay");
    uts_set(UTS_DOMAINNAME, "(none)");
    oom_init(kernel);
    int error = vdso_init(kernel);
    return error ? error : futex_init(kernel);
}

/* ---- mounts and the console ---- */

/* Larger images stay where they are, and files are read from them when they are needed. */
enum { UNPACK_BYTES_MAX = 32 << 20 };

/* The initial root file system, from the archives that the backend has put in memory. A small one
 * in the machine's RAM is copied out, and its memory used. */
static void unpack_root(struct kernel *kernel)
{
    const struct hal_boot *boot = kernel->boot;
    if (!boot->initrd)
        return;
    bool in_place = !boot->initrd_paddr || boot->initrd_bytes > UNPACK_BYTES_MAX;
    int error = initramfs_unpack(kernel, boot->initrd, boot->initrd_bytes, in_place);
    if (error)
        kernel_panic("init: cannot unpack the root file system: error %d%s", -error,
                     error == -ENOMEM || error == -ENOSPC ? " (too little memory)" : "");
    if (!in_place)
        page_release_range(boot->initrd_paddr, boot->initrd_bytes);
}

static void mount_at_boot(struct kernel *kernel, const char *type, const char *target,
                          unsigned flags, const char *options)
{
    int error = vfs_mkdir(NULL, target, 0755);
    if (!error || error == -EEXIST)
        error = vfs_mount(kernel, type, target, type, flags, options);
    if (error)
        klog_warn("init: cannot mount %s on %s: error %d", type, target, -error);
}

static void mount_all(struct kernel *kernel)
{
    mount_at_boot(kernel, "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "");
    mount_at_boot(kernel, "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, "");
    mount_at_boot(kernel, "devtmpfs", "/dev", MS_NOSUID, "mode=0755");
    mount_at_boot(kernel, "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
                  "gid=5,mode=0620,ptmxmode=0666");
    mount_at_boot(kernel, "mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, "");
    mount_at_boot(kernel, "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
    mount_at_boot(kernel, "tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777");
    mount_at_boot(kernel, "tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755");
}

/* The names that a user space daemon would make in /dev. */
static void link_at_boot(const char *name, const char *target)
{
    int error = vfs_symlink(target, NULL, name);
    if (error && error != -EEXIST)
        klog_warn("init: cannot make %s: error %d", name, -error);
}

static void make_links(void)
{
    link_at_boot("/dev/fd", "/proc/self/fd");
    link_at_boot("/dev/stdin", "/proc/self/fd/0");
    link_at_boot("/dev/stdout", "/proc/self/fd/1");
    link_at_boot("/dev/stderr", "/proc/self/fd/2");
}

/* Descriptors 0, 1 and 2 on the console, which becomes the controlling terminal of the caller's
 * new session. */
static int open_console(void)
{
    struct file *file;
    int error = vfs_open(NULL, "/dev/ttyS0", O_RDWR, 0, WALK_FOLLOW, &file);
    if (error)
        return error;
    for (int fd = 0; fd < 3; fd++) {
        int got = fd_add(file_get(file), false);
        if (got < 0) {
            error = got;
            break;
        }
    }
    file_put(file);
    return error;
}

/* ---- the job ---- */

static int exec_along_path(const char *name, char *const *argv, char *const *envp)
{
    const char *path = DEFAULT_PATH;
    for (char *const *variable = envp; *variable; variable++) {
        if (kstr_starts_with(*variable, "PATH="))
            path = *variable + 5;
    }
    if (kstrchr(name, '/'))
        return task_exec_kernel(name, argv, envp);

    int error = -ENOENT;
    while (*path && (error == -ENOENT || error == -ENOTDIR || error == -EACCES)) {
        char candidate[512];
        size_t length = kstrcspn(path, ":");
        int bytes = ksnprintf(candidate, sizeof(candidate), "%.*s/%s", (int)length, path, name);
        int result =
            bytes < (int)sizeof(candidate) ? task_exec_kernel(candidate, argv, envp) : -ENOENT;
        if (result != -ENOENT || error == -ENOENT)
            error = result;
        path += length + (path[length] == ':');
    }
    return error;
}

static bool has_variable(char *const *envp, const char *assignment)
{
    size_t name = kstrcspn(assignment, "=") + 1;
    for (; *envp; envp++) {
        if (kstrncmp(*envp, assignment, name) == 0)
            return true;
    }
    return false;
}

/* What the command line gives and what every program expects. Never freed: the job is exec'ed once.
 */
static char *const *job_environment(char *const *given)
{
    static const char *const defaults[] = {"PATH=" DEFAULT_PATH, "HOME=/root"};
    size_t count = 0;
    while (given[count])
        count++;
    const char **envp = kmalloc((count + ARRAY_SIZE(defaults) + 1) * sizeof(*envp));
    if (!envp)
        return given;
    memcpy(envp, given, count * sizeof(*envp));
    for (unsigned i = 0; i < ARRAY_SIZE(defaults); i++) {
        if (!has_variable(given, defaults[i]))
            envp[count++] = defaults[i];
    }
    envp[count] = NULL;
    return (char *const *)envp;
}

static NORETURN void job_main(void *argument)
{
    struct task *task = argument;
    const struct boot_options *options = &task->thread.kernel->options;
    static const char *const shell[] = {"-sh", NULL};
    char *const *argv = options->argv && options->argv[0] ? options->argv : (char *const *)shell;
    const char *program = argv == (char *const *)shell ? "/bin/sh" : argv[0];

    process_setsid(task->process);
    int error = open_console();
    if (error)
        klog_warn("init: cannot open /dev/ttyS0: error %d", -error);
    klog_info("Run %s as init process", program);
    error = exec_along_path(program, argv, job_environment(options->envp));
    if (error) {
        klog_err("init: cannot run %s: %s (error %d)", program,
                 error == -ENOENT    ? "no such program"
                 : error == -EACCES  ? "no execute permission"
                 : error == -ENOEXEC ? "not a program for this machine"
                 : error == -ENOMEM  ? "not enough memory"
                                     : "execve failed",
                 -error);
        process_exit(
            linux_wait_exited(error == -ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE));
    }
    user_loop_run(task);
    unreachable_panic();
}

static int run_job(void)
{
    const struct clone_args args = {.exit_signal = SIGCHLD};
    struct task *job;
    int error = task_create(&args, job_main, &job);
    if (error)
        return error;
    int pid = job->tid;
    thread_start(&job->thread);
    return pid;
}

static int status_to_exit_code(int status)
{
    return (status & 0x7f) ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

/* The environment asks for the end: interrupt init, which passes it on. */
void kernel_on_power_button(void)
{
    struct process_table *table = this_kernel()->processes;
    if (!table || !table->init)
        return;
    irq_enter();
    atomic_store_release(&table->power_requested, true);
    thread_interrupt(&table->init->leader->thread, false);
    irq_exit();
}

/* The job gets SIGTERM, and its end ends the machine. */
static void handle_interrupt(struct task *init, int job)
{
    struct process_table *table = init->thread.kernel->processes;

    thread_clear_interrupt(&init->thread);
    core_start_helpers(init->thread.kernel);
    if (!atomic_exchange_acq_rel(&table->power_requested, false))
        return;
    struct process *process = process_find(init->thread.kernel, job);
    if (!process)
        return;
    signal_send_process(process, SIGTERM, SIGINFO_KERNEL);
    process_put(process);
}

static void init_main(void *argument)
{
    struct task *init = argument;
    struct wait_result result;

    unpack_root(init->thread.kernel);
    mount_all(init->thread.kernel);
    block_files_scan(init->thread.kernel);
    make_links();
    int job = run_job();
    if (job < 0)
        kernel_panic("init: cannot create the first process: error %d", -job);
    for (;;) {
        int64_t pid = process_wait(P_ALL, 0, WEXITED | __WALL, &result);
        if (pid == job)
            break;
        if (pid < 0)
            handle_interrupt(init, job);
    }
    vfs_sync_all(init->thread.kernel);
    hal_power_off(status_to_exit_code(result.status));
}

/* ---- creation of process 1 ---- */

static int give_resources(struct task *init, struct kernel *kernel)
{
    struct process *process = init->process;
    struct cred *cred = cred_create_root();
    init->thread.cred = cred;
    if (!cred)
        return -ENOMEM;
    init->thread.namespaces = namespaces_get(kernel->namespaces);
    int error = signal_actions_create(&process->actions);
    if (!error)
        error = fs_context_create(kernel, &init->thread.fs);
    if (!error)
        error = file_table_create(&init->thread.files);
    return error;
}

static int enter_table(struct process_table *table, struct task *init)
{
    struct process *process = init->process;
    struct session *session = session_create(PID_INIT);
    struct process_group *group = process_group_create(PID_INIT);
    struct pid_slot *slot;
    if (!session || !group)
        return -ENOMEM;
    int error = pid_alloc(table->pids, NULL, 0, &slot);
    if (error)
        return error;
    init->tid = init->own_tid = pid_slot_kernel_pid(slot);
    assert(init->tid == PID_INIT);

    spin_lock(&table->lock);
    slot->task = task_get(init);
    slot->process = process_get(process);
    list_add_tail(&process->tasks, &init->process_node);
    process->task_count = 1;
    session->leader = process;
    session_publish_locked(table, session);
    process_group_publish_locked(table, group, session);
    process_join_group_locked(process, group);
    table->task_count = 1;
    table->init = table->pids->init = process;
    spin_unlock(&table->lock);
    process_group_put(group);
    session_put(session);
    return 0;
}

int proc_start_init(struct kernel *kernel)
{
    struct task *init;
    int error = task_allocate(kernel, "init", init_main, &init);
    if (error)
        return error;
    error = process_allocate(kernel, &init->process);
    if (error)
        return error;
    struct process *process = init->process;
    process->leader = init;
    process->is_init = process->is_unkillable = true;
    process->pid = process->own_pid = PID_INIT;
    process_set_default_limits(process);
    error = give_resources(init, kernel);
    if (!error)
        error = enter_table(kernel->processes, init);
    if (error)
        return error;
    init->thread.tid = init->thread.tgid = PID_INIT;
    thread_start(&init->thread);
    return 0;
}
