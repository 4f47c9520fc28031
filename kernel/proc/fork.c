/* SPDX-License-Identifier: MIT
 *
 * Creating tasks: clone(2), clone3(2), fork(2), vfork(2).
 *
 * A new task is assembled completely, then entered in the process table in one step under the
 * process-tree lock, where it is checked once more that the creator is not being killed: from then
 * on it can be signalled. It runs only after thread_start, so a creator that fails before that can
 * still take it back.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount_namespace.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/sysv.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/cgroup_ops.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/keyrings.h"
#include "kernel/proc/namespaces.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/rseq.h"
#include "kernel/proc/seccomp.h"
#include "kernel/proc/session_internal.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/proc/user_count.h"
#include "kernel/proc/user_loop.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

static int check_flags(const struct clone_args *args)
{
    uint64_t flags = args->flags;
    if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
        return -EINVAL;
    if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
        return -EINVAL;
    if ((flags & CLONE_CLEAR_SIGHAND) && (flags & CLONE_SIGHAND))
        return -EINVAL;
    if ((flags & (CLONE_NEWNS | CLONE_NEWUSER)) && (flags & CLONE_FS))
        return -EINVAL;
    if ((flags & (CLONE_NEWUSER | CLONE_NEWPID)) && (flags & CLONE_THREAD))
        return -EINVAL;
    if ((flags & CLONE_PIDFD) && (flags & (CLONE_THREAD | CLONE_DETACHED)))
        return -EINVAL;
    if ((flags & CLONE_PARENT) && current_process()->is_unkillable)
        return -EINVAL;
    if ((flags & CLONE_THREAD) && namespaces_current()->pid_for_children != current_pid_namespace())
        return -EINVAL;
    if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID) && args->pidfd == args->parent_tid)
        return -EINVAL;
    return 0;
}

/* RLIMIT_NPROC counts tasks of the real user; root and the capable are exempt (setrlimit(2)). */
static int count_task(struct process_table *table, struct task *child)
{
    const struct cred *cred = current_cred();
    bool exempt = cred->uid == 0 || capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN);
    return user_count_add(table, child, cred->uid,
                          exempt ? UINT64_MAX : current_limit(RLIMIT_NPROC));
}

static int copy_user_state(struct task *child, const struct clone_args *args)
{
    struct task *parent = current_task();
    size_t bytes = hal_fpu_size();

    hal_user_fpu_sync(&parent->user);
    memcpy(child->user.fpu, parent->user.fpu, bytes);
    hal_user_fpu_changed(&child->user);
    child->user.regs = parent->user.regs;
    child->user.regs.rax = 0;
    if (task_is_traced(parent) && parent->ptrace->step_forced)
        child->user.regs.rflags &= ~FLAG_TF;
    if (args->stack)
        child->user.regs.rsp = args->stack;
    if (args->flags & CLONE_SETTLS) {
        if (args->tls >= parent->thread.kernel->boot->user_addr_limit)
            return -EPERM;
        child->user.regs.fs_base = args->tls;
    }
    return 0;
}

/* The child runs the same program, which stays protected from being written. */
static void copy_exe(struct mm *child, const struct mm *parent)
{
    struct file *exe = parent->exe;
    if (!exe || file_deny_write(exe))
        return;
    child->exe = file_get(exe);
    child->exe_put = parent->exe_put;
}

static int copy_mm(struct task *child, struct task *parent, uint64_t flags)
{
    struct mm *mm = parent->thread.mm;
    if (!mm)
        return 0;
    if (flags & CLONE_VM) {
        mm_get(mm);
    } else {
        int error = mm_fork(mm, &mm);
        if (error)
            return error;
        copy_exe(mm, parent->thread.mm);
    }
    child->thread.mm = mm;
    child->thread.aspace = mm->aspace;
    child->user.aspace = mm->aspace;
    return 0;
}

static int copy_files(struct task *child, struct task *parent, uint64_t flags)
{
    struct thread *from = &parent->thread, *to = &child->thread;
    int error;
    if (flags & CLONE_FS)
        to->fs = fs_context_get(from->fs);
    else if ((error = fs_context_copy(from->fs, &to->fs)))
        return error;
    if ((flags & CLONE_NEWNS) && (error = mount_namespace_unshare(to->fs, to->cred->user_ns)))
        return error;
    if (flags & CLONE_FILES)
        to->files = file_table_get(from->files);
    else if ((error = file_table_copy(from->files, &to->files)))
        return error;
    return 0;
}

static int copy_actions(struct process *process, struct process *parent, uint64_t flags)
{
    if (flags & CLONE_SIGHAND) {
        process->actions = signal_actions_get(parent->actions);
        return 0;
    }
    return signal_actions_copy(parent->actions, flags & CLONE_CLEAR_SIGHAND, &process->actions);
}

static int copy_process(struct task *child, struct task *parent, const struct clone_args *args)
{
    if (args->flags & CLONE_THREAD) {
        child->process = process_get(parent->process);
        return 0;
    }
    struct process *process;
    int error = process_allocate(parent->thread.kernel, &process);
    if (error)
        return error;
    child->process = process;
    process->leader = child;
    process->exit_signal =
        (args->flags & CLONE_PARENT) ? parent->process->exit_signal : args->exit_signal;
    process->dumpable = atomic_load_relaxed(&parent->process->dumpable);
    process->gave_up_tty = parent->process->gave_up_tty;
    process->huge_pages_off = parent->process->huge_pages_off;
    process->io_flusher = parent->process->io_flusher;
    process->memory_error_policy = parent->process->memory_error_policy;
    bool irq = spin_lock_irqsave(&parent->process->signal_lock);
    memcpy(process->rlimits, parent->process->rlimits, sizeof(process->rlimits));
    spin_unlock_irqrestore(&parent->process->signal_lock, irq);
    return copy_actions(process, parent->process, args->flags);
}

static void copy_attributes(struct task *child, struct task *parent, uint64_t flags)
{
    child->blocked = parent->blocked;
    child->personality = parent->personality;
    child->io_priority = atomic_load_relaxed(&parent->io_priority);
    child->memory_policy = parent->memory_policy;
    child->memory_nodes = parent->memory_nodes;
    child->timer_slack_ns = child->timer_slack_default_ns = parent->timer_slack_ns;
    if (!(flags & CLONE_VM) || (flags & CLONE_VFORK))
        child->altstack = parent->altstack;
    if (!(flags & CLONE_VM))
        rseq_inherit(child, parent);
    child->request_key_default = parent->request_key_default;
    keyrings_fork(child, parent);
    sched_inherit(&child->thread, &parent->thread);
}

/* Release what a task that was never entered in the table holds. */
static void discard_parts(struct task *child)
{
    struct thread *thread = &child->thread;
    struct process_table *table = thread->kernel->processes;

    spin_lock(&table->lock);
    user_count_remove_locked(table, child);
    cgroup_release_locked(table, child);
    spin_unlock(&table->lock);
    cgroup_settle(thread->kernel);
    sem_undo_unshare(thread);
    if (thread->files)
        file_table_put(thread->files);
    if (thread->fs)
        fs_context_put(thread->fs);
    keyrings_exit(child, false);
    namespaces_put(thread->namespaces);
    thread->namespaces = NULL;
    if (thread->mm) {
        struct mm *mm = thread->mm;
        thread->mm = NULL;
        thread->aspace = NULL;
        mm_put(mm);
    }
    task_discard(child);
}

/* The parent's credentials, or a copy of them in a user namespace of its own. */
static int copy_cred(struct task *child, struct task *parent, uint64_t flags)
{
    struct user_namespace *ns;
    if (!(flags & CLONE_NEWUSER)) {
        child->thread.cred = cred_get(parent->thread.cred);
        return 0;
    }
    if (fs_context_is_chrooted(parent->thread.fs))
        return -EPERM;
    int error = user_namespace_create(parent->thread.kernel, parent->thread.cred, &ns);
    if (error)
        return error;
    struct cred *cred = cred_copy(parent->thread.cred);
    if (cred)
        cred_enter_user_namespace(cred, ns);
    user_namespace_put(ns);
    child->thread.cred = cred;
    return cred ? 0 : -ENOMEM;
}

static int copy_namespaces(struct task *child, uint64_t flags)
{
    const uint64_t in_set = NAMESPACE_FLAGS & ~(uint64_t)(CLONE_NEWNS | CLONE_NEWUSER);
    const struct cred *cred = child->thread.cred;
    if ((flags & (in_set | CLONE_NEWNS)) && !cred_has_cap_here(cred, CAP_SYS_ADMIN))
        return -EPERM;
    if ((flags & CLONE_NEWIPC) && (flags & CLONE_SYSVSEM))
        return -EINVAL;
    struct namespaces *set = namespaces_current();
    /* Who shares the clocks' page stays in the time namespace until execve(2). */
    bool enters_time = !(flags & CLONE_VM) && set->time != set->time_for_children;
    if (!enters_time && !(flags & in_set)) {
        child->thread.namespaces = namespaces_get(set);
        return 0;
    }
    int error = namespaces_copy(set, flags, cred->user_ns, &child->thread.namespaces);
    if (!error && !(flags & CLONE_VM))
        namespaces_enter_time(child->thread.namespaces);
    return error;
}

/* The clocks that the child's program reads are those of its time namespace. */
static void copy_clocks(struct task *child)
{
    struct time_namespace *ns = child->thread.namespaces->time;
    if (ns != namespaces_current()->time)
        time_namespace_enter(ns, child->thread.mm);
}

static int assemble(struct task *child, struct task *parent, const struct clone_args *args)
{
    int error = copy_cred(child, parent, args->flags);
    if (!error)
        error = copy_namespaces(child, args->flags);
    if (!error)
        error = copy_process(child, parent, args);
    if (!error)
        error = copy_files(child, parent, args->flags);
    if (!error)
        error = copy_mm(child, parent, args->flags);
    if (!error)
        copy_clocks(child);
    if (!error && (args->flags & CLONE_SYSVSEM))
        error = sem_undo_share(&child->thread);
    if (!error && parent->thread.mm)
        error = copy_user_state(child, args);
    if (error)
        return error;
    copy_attributes(child, parent, args->flags);
    if (args->flags & CLONE_CHILD_CLEARTID)
        child->clear_child_tid = args->child_tid;
    return 0;
}

/* Enter the assembled task in the tree. Fails if the creator has a signal to handle first: it may
 * end or stop it, and a signal to a group must not miss a child that is being born. */
static int publish(struct process_table *table, struct task *child, struct pid_slot *slot,
                   const struct clone_args *args, struct cgroup *into)
{
    struct process *self = current_process(), *process = child->process;
    int error = 0;

    spin_lock(&table->lock);
    if (slot->ns->closed) { /* its init is killing everybody in it */
        error = -ENOMEM;
        goto unlock;
    }
    bool grouped = into || current_task()->cgroup;
    bool irq = spin_lock_irqsave(&self->signal_lock);
    signal_recalculate(current_task());
    if (this_thread()->interrupted)
        error = -ERESTARTNOINTR;
    else if (unlikely(grouped))
        error = table->cgroup_ops->fork(child, current_task(), into);
    if (!error) {
        seccomp_inherit(child, current_task());
        list_add_tail(&process->tasks, &child->process_node);
    }
    spin_unlock_irqrestore(&self->signal_lock, irq);
    if (error)
        goto unlock;
    slot->task = task_get(child);
    atomic_store_relaxed(&process->task_count, process->task_count + 1);
    if (!(args->flags & CLONE_THREAD)) {
        struct process *parent = (args->flags & CLONE_PARENT) ? self->parent : self;
        slot->process = process_get(process);
        process->parent = process_get(parent);
        process->creator = (args->flags & CLONE_PARENT) ? self->creator : current_task();
        list_add_tail(&parent->children, &process->sibling_node);
        process_join_group_locked(process, self->group);
        if (process->own_pid == PID_INIT) {
            slot->ns->init = process;
            process->is_unkillable = true;
        }
    }
    ptrace_inherit_locked(child, current_task());
    atomic_store_relaxed(&table->task_count, table->task_count + 1);
    atomic_store_relaxed(&table->forks, table->forks + 1);
unlock:
    spin_unlock(&table->lock);
    return error;
}

/* The numbers that clone3(2) may be given: each asks for a right in the namespace that it is for.
 */
static int check_set_tid(const struct pid_namespace *ns, const struct clone_args *args)
{
    if (args->set_tid_count > ns->level + 1)
        return -EINVAL;
    for (unsigned i = 0; i < args->set_tid_count; i++, ns = ns->parent) {
        int tid = args->set_tid[i];
        if (tid < 1 || tid >= tunable(pid_max) || (tid != PID_INIT && !ns->init))
            return -EINVAL;
        if (!capable_in(ns->common.owner, CAP_SYS_ADMIN) &&
            !capable_in(ns->common.owner, CAP_CHECKPOINT_RESTORE))
            return -EPERM;
    }
    return 0;
}

static int number_task(struct task *child, const struct clone_args *args, struct pid_slot **out)
{
    struct pid_namespace *ns = child->thread.namespaces->pid_for_children;
    struct process *process = child->process;
    int error = check_set_tid(ns, args);
    if (!error)
        error = pid_alloc(ns, args->set_tid, args->set_tid_count, out);
    if (error)
        return error;
    child->tid = child->thread.tid = pid_slot_kernel_pid(*out);
    child->own_tid = pid_slot_number_in(ns, *out);
    if (!(args->flags & CLONE_THREAD)) {
        process->pid = child->tid;
        process->own_pid = child->own_tid;
        process->pid_ns = ns->parent ? pid_namespace_get(ns) : NULL;
    }
    child->thread.tgid = process->pid;
    child->thread.pid_ns = process->pid_ns;
    return 0;
}

int task_create(const struct clone_args *args, void (*entry)(void *), struct task **out)
{
    struct task *parent = current_task(), *child;
    struct kernel *kernel = parent->thread.kernel;
    struct process_table *table = kernel->processes;
    struct cgroup *into = NULL;
    int event;

    int error = 0;
    if (args->flags & CLONE_INTO_CGROUP)
        error = !table->cgroup_ops ? -EBADF
                                   : table->cgroup_ops->target(
                                         args->cgroup_fd, args->flags & CLONE_THREAD, &into);
    if (!error)
        error = task_allocate(kernel, parent->thread.name, entry, &child);
    if (error)
        goto put_group;
    error = count_task(table, child);
    if (!error)
        error = assemble(child, parent, args);
    if (!error && ptrace_follows(parent, args, &event))
        error = ptrace_allocate(child);
    if (error)
        goto discard;

    struct pid_slot *slot;
    error = number_task(child, args, &slot);
    if (error)
        goto discard;
    error = publish(table, child, slot, args, into);
    if (into)
        table->cgroup_ops->put(into);
    into = NULL;
    if (error)
        goto free_pid;
    *out = child;
    return 0;

free_pid:
    spin_lock(&table->lock);
    pid_slot_release(table, child->tid);
    spin_unlock(&table->lock);
discard:
    discard_parts(child);
put_group:
    if (into)
        table->cgroup_ops->put(into);
    return error;
}

/* Take back a published task that was not started. */
static void task_uncreate(struct task *child)
{
    struct process *process = child->process;
    struct process_table *table = child->thread.kernel->processes;

    spin_lock(&table->lock);
    struct pid_slot *slot = pid_slot_find(table, child->tid);
    slot->task = NULL;
    if (child->traced)
        ptrace_unlink_locked(child);
    bool irq = spin_lock_irqsave(&process->signal_lock);
    list_remove(&child->process_node);
    child->signals_closed = true;
    signal_pending_flush(&child->pending);
    if (process->leader == child)
        signal_pending_flush(&process->shared_pending);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    atomic_store_release(&process->task_count, process->task_count - 1);
    table->task_count--;
    cgroup_leave_locked(table, child);
    if (process->leader == child) {
        if (slot->ns->init == process)
            slot->ns->init = NULL;
        slot->process = NULL;
        process->state = PROCESS_REAPED;
        list_remove(&process->sibling_node);
        process_leave_group_locked(table, process);
    }
    pid_slot_release(table, child->tid);
    spin_unlock(&table->lock);
    if (process->state == PROCESS_REAPED) {
        process_put(process->parent);
        process_put(process);
    }
    discard_parts(child);
    task_put(child);
}

/* Tell user space the number where it asked for it. As in Linux a bad address is ignored. */
static void write_tids(struct task *child, const struct clone_args *args)
{
    uint32_t tid = (uint32_t)current_pid_shown(child->tid), own_tid = (uint32_t)child->own_tid;
    if (args->flags & CLONE_PARENT_SETTID)
        copy_to_user_partial(args->parent_tid, &tid, sizeof(tid));
    if (args->flags & CLONE_CHILD_SETTID)
        mm_access_remote(child->thread.mm, args->child_tid, &own_tid, sizeof(own_tid), true, false);
}

/* CLONE_PIDFD: a descriptor for the child at args->pidfd. */
static int give_pidfd(struct task *child, const struct clone_args *args)
{
    int fd = pidfd_create(child->process, 0);
    if (fd < 0)
        return fd;
    int error = put_user_u32(args->pidfd, (uint32_t)fd);
    if (error)
        fd_close(fd);
    return error;
}

static int wait_for_vfork(struct process_table *table, struct task *child, struct vfork_wait *wait)
{
    struct task *self = current_task();
    bool grouped = atomic_load_relaxed(&self->cgroup) != NULL;
    if (unlikely(grouped))
        task_set_parked(self, true);
    int error = wait_event_killable(&wait->wait, atomic_load_acquire(&wait->done));
    spin_lock(&table->lock);
    child->vfork = NULL;
    if (unlikely(grouped))
        task_set_parked_locked(self, false);
    spin_unlock(&table->lock);
    cgroup_settle(self->thread.kernel);
    return error;
}

int64_t task_clone(const struct clone_args *args)
{
    struct kernel *kernel = this_kernel();
    struct vfork_wait vfork = {.done = false};
    struct task *self = current_task(), *child;
    int event;

    int error = check_flags(args);
    if (error)
        return error;
    error = task_create(args, user_loop_run, &child);
    if (error)
        return error;
    error = (args->flags & CLONE_PIDFD) ? give_pidfd(child, args) : 0;
    if (error) {
        task_uncreate(child);
        return error;
    }
    write_tids(child, args);

    if (!(args->flags & CLONE_THREAD))
        process_cpu_limits_changed(child->process);
    int tid = current_pid_shown(child->tid), traced_tid = ptrace_tracer_sees(self, child->tid);
    if (args->flags & CLONE_VFORK) {
        wait_queue_init(&vfork.wait);
        child->vfork = &vfork;
        task_get(child);
    }
    ptrace_follows(self, args, &event);
    thread_start(&child->thread);
    if (event)
        ptrace_event(self, event, (uint64_t)traced_tid);
    if (args->flags & CLONE_VFORK) {
        if (wait_for_vfork(kernel->processes, child, &vfork) == 0)
            ptrace_event(self, PTRACE_EVENT_VFORK_DONE, (uint64_t)traced_tid);
        task_put(child);
    }
    return tid;
}
