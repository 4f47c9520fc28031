/* SPDX-License-Identifier: MIT
 *
 * execve(2): replace the program of the current process.
 *
 * First everything that can fail harmlessly: opening, strings, format checks, new credentials, an
 * empty address space. When the other threads have been ended there is no way back: from there on
 * an error kills the process, as in Linux.
 */
#include "kernel/proc/exec.h"
#include "kernel/abi/capability.h"
#include "kernel/abi/elf.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mount.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/uname.h"
#include "kernel/abi/wait.h"
#include "kernel/core/entropy.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/cgroup_ops.h"
#include "kernel/proc/keyrings.h"
#include "kernel/proc/namespaces.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/rseq.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/user_count.h"
#include "kernel/proc/user_loop.h"
#include "kernel/proc/vdso_internal.h"
#include "kernel/security/cred.h"
#include "kernel/security/user_namespace.h"

int exec_open(const char *path, struct file **out)
{
    struct file *file;
    if (!path[0])
        return -EACCES; /* to Linux the working directory, which is no program */
    int error = vfs_open_exec(NULL, path, WALK_FOLLOW, &file);
    if (error)
        return error;
    error = file_deny_write(file);
    if (error)
        file_put(file);
    else
        *out = file;
    return error;
}

void exec_close(struct file *file)
{
    file_allow_write(file);
    file_put(file);
}

int exec_read_header(struct exec *exec)
{
    memset(exec->header, 0, sizeof(exec->header));
    int64_t bytes = vfs_read_kernel(exec->file, exec->header, sizeof(exec->header), 0);
    return bytes < 0 ? (int)bytes : 0;
}

static void exec_free(struct exec *exec)
{
    exec_block_free(&exec->argv);
    exec_block_free(&exec->envp);
    if (exec->cred)
        cred_put(exec->cred);
    if (exec->file)
        exec_close(exec->file);
    kfree(exec->filename);
    kfree(exec->program);
    kfree(exec);
}

static int add_kernel_strings(struct exec *exec, struct exec_block *block, const char *const *list)
{
    int error = 0;
    for (; list && *list && !error; list++)
        error = exec_block_add(exec, block, *list);
    return error;
}

static int gather_strings(struct exec *exec, const struct exec_strings *strings)
{
    enum { LIMIT_MIN = 32 * PAGE_SIZE, LIMIT_MAX = 6 << 20 };
    uint64_t limit = current_limit(RLIMIT_STACK) / 4;
    exec->limit_bytes = CLAMP(limit, (uint64_t)LIMIT_MIN, (uint64_t)LIMIT_MAX) -
                        (kstrlen(exec->filename) + 1); /* at most VFS_PATH_MAX */

    int error;
    if (strings->kernel) {
        error = add_kernel_strings(exec, &exec->argv, (const char *const *)strings->argv);
        if (!error)
            error = add_kernel_strings(exec, &exec->envp, (const char *const *)strings->envp);
    } else {
        error = exec_block_add_user(exec, &exec->argv, strings->argv);
        if (!error)
            error = exec_block_add_user(exec, &exec->envp, strings->envp);
    }
    if (!error && exec->argv.count == 0) /* since 5.18 a program never sees argc == 0 */
        error = exec_block_add(exec, &exec->argv, "");
    return error;
}

/* ---- credentials (capabilities(7), "Transformation of capabilities during execve") ---- */

static void raise_ids(struct cred *cred, const struct file *file)
{
    const struct inode *inode = file->inode;
    uint32_t mode = inode->mode;
    if (current_task()->no_new_privs || (mount_flags(file->path.mount) & MS_NOSUID))
        return;
    if (uid_to_user(cred->user_ns, inode->uid) == ID_NONE ||
        gid_to_user(cred->user_ns, inode->gid) == ID_NONE)
        return; /* of nobody here */
    if (mode & S_ISUID)
        cred->euid = inode->uid;
    if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        cred->egid = inode->gid;
}

static bool gains_privileges(const struct cred *cred, const struct cred *old)
{
    return cred->euid != old->uid || cred->egid != old->gid ||
           (cred->cap_permitted & ~old->cap_permitted);
}

/* Under a tracer who could not trace it otherwise, a program gets no more than the old one had. */
static void downgrade(struct cred *cred, const struct cred *old)
{
    if (!capable(CAP_SETUID)) {
        cred->euid = cred->uid;
        cred->egid = cred->gid;
    }
    cred->cap_permitted &= old->cap_permitted;
    cred->cap_effective &= cred->cap_permitted;
}

static int prepare_credentials(struct exec *exec)
{
    const struct cred *old = current_cred();
    struct cred *cred = cred_copy(old);
    if (!cred)
        return -ENOMEM;
    raise_ids(cred, exec->file);
    int error = exec_transform_capabilities(exec, cred, old);
    if (error) {
        cred_put(cred);
        return error;
    }
    if (current_task()->no_new_privs) { /* nothing that the old program did not have */
        cred->cap_permitted &= old->cap_permitted;
        cred->cap_effective &= cred->cap_permitted;
    }
    exec->gains = gains_privileges(cred, old);
    if (exec->gains && !ptrace_tracer_is_capable(current_task())) {
        downgrade(cred, old);
        exec->gains = false;
    }
    exec->secure = cred->euid != cred->uid || cred->egid != cred->gid || exec->has_caps;
    cred->suid = cred->fsuid = cred->euid;
    cred->sgid = cred->fsgid = cred->egid;
    exec->cred = cred;
    return 0;
}

/* ---- threads ---- */

/* The thread group's leader has exited before; the current task takes its number. */
static void take_leader_number(struct task *task)
{
    struct process *process = task->process;
    struct process_table *table = process->kernel->processes;

    spin_lock(&table->lock);
    struct task *old = process->leader;
    struct pid_slot *mine = pid_slot_find(table, task->tid);
    struct pid_slot *leaders = pid_slot_find(table, process->pid);
    assert(old->exited && leaders->task == NULL);
    leaders->task = task;
    mine->task = NULL;
    pid_slot_release(table, task->tid);
    user_count_remove_locked(table, old);
    cgroup_release_locked(table, old);
    if (old->traced)
        ptrace_unlink_locked(old);
    bool irq = spin_lock_irqsave(&process->signal_lock); /* senders of signals look at the leader */
    task->tid = process->pid;
    task->own_tid = process->own_pid;
    atomic_store_relaxed(&task->thread.tid, process->pid);
    process->leader = task;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    spin_unlock(&table->lock);
    task_put(old); /* the reference that the process kept for its leader */
}

int task_become_only_thread(struct task *task)
{
    struct process *process = task->process;
    struct spinlock *tree = process_tree_lock(process->kernel);
    struct task *other;
    int error = 0;

    spin_lock(tree);
    bool irq = spin_lock_irqsave(&process->signal_lock);
    if (process->group_exiting || process->exec_task)
        error = -EAGAIN;
    else
        process->exec_task = task;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    if (!error) {
        list_for_each_entry(other, &process->tasks, process_node)
        {
            if (other != task)
                thread_interrupt(&other->thread, true);
        }
    }
    spin_unlock(tree);
    if (error)
        return error;

    error =
        wait_event_killable(&process->exit_wait, atomic_load_acquire(&process->task_count) == 1);
    if (!error && process->leader != task)
        take_leader_number(task);
    irq = spin_lock_irqsave(&process->signal_lock);
    process->exec_task = NULL;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return error ? -EAGAIN : 0;
}

/* ---- the new program ---- */

static void put_exe(void *exe)
{
    exec_close(exe);
}

static uint64_t random_pages(struct task *task, unsigned bits)
{
    if (task->personality & ADDR_NO_RANDOMIZE)
        return 0;
    return (entropy_u64() & ((1ull << bits) - 1)) * PAGE_SIZE;
}

/* Where the stack ends and where mmap starts, as Linux lays them out. */
static void choose_layout(struct task *task, struct mm *mm)
{
    enum { STACK_RANDOM_BITS = 22, MMAP_RANDOM_BITS = 28 };
    const uint64_t gap_min = 128ull << 20;
    uint64_t limit = this_kernel()->boot->user_addr_limit;

    mm->limit_stack = current_limit(RLIMIT_STACK);
    mm->limit_as = current_limit(RLIMIT_AS);
    mm->limit_data = current_limit(RLIMIT_DATA);
    mm->limit_memlock = current_limit(RLIMIT_MEMLOCK);
    mm->stack_top = limit - random_pages(task, STACK_RANDOM_BITS);
    uint64_t gap = CLAMP(mm->limit_stack, gap_min, limit / 6 * 5);
    uint64_t below = gap + ((uint64_t)PAGE_SIZE << STACK_RANDOM_BITS);
    uint64_t base = limit - MIN(below, limit / 6 * 5) - random_pages(task, MMAP_RANDOM_BITS);
    mm->mmap_base = ALIGN_DOWN(base, (uint64_t)PAGE_SIZE); /* a limit may be any number */
}

static int map_stack(struct mm *mm, const struct exec *exec, bool executable)
{
    enum { STACK_INITIAL = 33 * PAGE_SIZE };
    uint64_t strings = exec->argv.used + exec->envp.used +
                       (exec->argv.count + exec->envp.count) * sizeof(uint64_t);
    uint64_t bytes = STACK_INITIAL + ALIGN_UP(strings, (uint64_t)PAGE_SIZE);
    uint64_t address;
    struct mm_map_request request = {
        .addr = mm->stack_top - bytes,
        .bytes = bytes,
        .vma_flags = VMA_READ | VMA_WRITE | (executable ? VMA_EXEC : 0) | VMA_MAY_READ |
                     VMA_MAY_WRITE | VMA_MAY_EXEC | VMA_GROWSDOWN | VMA_STACK,
        .fixed = true,
    };
    return mm_map(mm, &request, &address);
}

static void set_name(struct task *task, const char *filename)
{
    const char *slash = kstrrchr(filename, '/');
    char name[THREAD_NAME_MAX] = "";
    kstrlcpy(name, slash ? slash + 1 : filename, sizeof(name));
    for (unsigned i = 0; i < THREAD_NAME_MAX; i++) /* read elsewhere without a lock */
        atomic_store_relaxed(&task->thread.name[i], name[i]);
}

static void reset_registers(struct task *task, const struct exec *exec)
{
    /* The backend may keep the old program's state with its address space, which somebody who looks
     * at it (/proc) still holds. */
    hal_user_fpu_sync(&task->user);
    hal_fpu_init(task->user.fpu);
    hal_user_fpu_changed(&task->user);
    task->user.regs = (struct hal_regs){
        .rip = exec->entry,
        .rsp = exec->stack_pointer,
        .rflags = 0x202,
    };
}

/* Whoever may not look at the program, or has less rights than it, gets no dump either. */
static uint32_t dumpable_after(const struct exec *exec)
{
    return exec->secure || exec->unreadable ? (uint32_t)tunable(suid_dumpable) : SUID_DUMP_USER;
}

/* Everything that does not survive execve (execve(2), "Effect on process attributes"). */
static void reset_task(struct task *task, struct exec *exec)
{
    task_clear_syscall_work(task, SYSCALL_WORK_USER_DISPATCH);
    struct process *process = task->process;

    file_table_close_on_exec(task->thread.files);
    signal_timers_exec(process);
    keyrings_exec(task);
    task->clear_child_tid = 0;
    task->robust_list = task->robust_list_bytes = 0;
    rseq_forget(task);
    if (exec->secure) {
        atomic_store_relaxed(&task->parent_death_signal, 0);
        task->personality &= ~(uint32_t)PER_CLEAR_ON_SETID;
    }
    atomic_store_relaxed(&process->dumpable, dumpable_after(exec));
    set_name(task, exec->filename);
    cred_install(exec->cred);
    exec->cred = NULL;
    if (exec->gains) /* who attached meanwhile did so to the old program */
        ptrace_drop_incapable(task);

    spin_lock(process_tree_lock(process->kernel));
    process->did_exec = true;
    process->exit_signal = process->is_init ? 0 : SIGCHLD;
    spin_unlock(process_tree_lock(process->kernel));
}

/* The old program is gone; an error here leaves nothing to return to. */
static int replace_program(struct task *task, struct exec *exec, struct elf_image *image,
                           struct mm *mm)
{
    task_release_mm(task);
    choose_layout(task, mm);
    mm->dumpable = dumpable_after(exec) != SUID_DUMP_DISABLE;
    if (task->thread.mm) {
        mm->oom_score_adj = atomic_load_relaxed(&task->thread.mm->oom_score_adj);
        mm->core_filter = atomic_load_relaxed(&task->thread.mm->core_filter);
    }
    if (file_deny_write(exec->file) == 0) { /* always: we deny it already */
        mm->exe = file_get(exec->file);
        mm->exe_put = put_exe;
    }
    task_set_mm(task, mm);
    atomic_store_relaxed(&mm->no_patches, task_is_traced(task));
    reset_task(task, exec);
    int error = map_stack(mm, exec, elf_wants_executable_stack(image));
    if (!error)
        error = elf_load(exec, image);
    if (!error)
        error = namespaces_exec(task, mm);
    if (!error)
        error = vdso_map(mm, &exec->vdso);
    if (!error)
        error = exec_build_stack(exec);
    if (!error)
        reset_registers(task, exec);
    return error;
}

static int run(struct task *task, struct exec *exec, struct elf_image *image)
{
    struct mm *mm;
    int error = prepare_credentials(exec);
    if (!error)
        error = mm_create(task->thread.kernel, &mm);
    if (error)
        return error;
    if (task->uring)
        task->thread.kernel->processes->user_ops->leave(task, false);
    error = task_become_only_thread(task);
    if (error) {
        mm_put(mm);
        return error;
    }
    error = file_table_unshare();
    if (!error)
        error = signal_reset_for_exec(task);
    if (!error)
        error = replace_program(task, exec, image, mm);
    else
        mm_put(mm);
    if (error)
        signal_kill_group(task->process, linux_wait_killed(SIGSEGV, 0));
    return error;
}

/* The program that the file is in the end: a script's interpreter, and its. */
static int find_program(struct exec *exec)
{
    int error = exec_read_header(exec);
    while (!error && exec->header[0] == '#' && exec->header[1] == '!')
        error = exec_script(exec);
    exec->unreadable = !error && inode_permission(exec->file->inode, MAY_READ) != 0;
    return error;
}

int task_exec(struct file *file, const char *filename, const struct exec_strings *strings)
{
    struct elf_image *image;
    struct task *task = current_task();
    int old_tid = ptrace_tracer_sees(task, task->tid);
    int error = file_deny_write(file);
    if (error)
        return error;
    struct exec *exec = kzalloc(sizeof(*exec));
    if (!exec) {
        file_allow_write(file);
        return -ENOMEM;
    }

    exec->file = file_get(file);
    exec->name_is_closed = strings->name_is_closed;
    exec->filename = kstrdup(filename);
    exec->program = kstrdup(filename);
    error = exec->filename && exec->program ? gather_strings(exec, strings) : -ENOMEM;
    if (!error)
        error = find_program(exec);
    if (!error)
        error = elf_prepare(exec, &image);
    if (!error) {
        error = run(task, exec, image);
        elf_free(image);
    }
    exec_free(exec);
    if (!error)
        ptrace_event_exec(task, old_tid);
    return error;
}

int task_exec_kernel(const char *path, char *const *argv, char *const *envp)
{
    const struct exec_strings strings = {
        .kernel = true, .argv = (uint64_t)argv, .envp = (uint64_t)envp};
    struct file *file;
    int error = vfs_open_exec(NULL, path, WALK_FOLLOW, &file);
    if (error)
        return error;
    error = task_exec(file, path, &strings);
    file_put(file);
    return error;
}
