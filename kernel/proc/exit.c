/* SPDX-License-Identifier: MIT
 *
 * The end of tasks and processes (_exit(2), exit_group(2)).
 *
 * A task gives up its resources while it can still block, then leaves the tree under the
 * process-tree lock. The last task of a process turns the process into a zombie: children go to the
 * nearest subreaper or init, groups that become orphaned with stopped members get SIGHUP and
 * SIGCONT, the parent is told. Whoever waits for the zombie, or nobody if the parent ignores
 * SIGCHLD, reaps it.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/wait.h"
#include "kernel/core/kernel.h"
#include "kernel/core/klog.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/ipc/sysv.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/acct.h"
#include "kernel/proc/cgroup_ops.h"
#include "kernel/proc/core_dump.h"
#include "kernel/proc/keyrings.h"
#include "kernel/proc/namespaces.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/seccomp.h"
#include "kernel/proc/session_internal.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task_work.h"
#include "kernel/proc/user_count.h"
#include "kernel/proc/user_loop.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"
#include "kernel/security/landlock.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

void task_release_mm(struct task *task)
{
    struct process_table *table = task->thread.kernel->processes;

    futex_release_task(task);
    spin_lock(&table->lock);
    if (task->vfork) {
        atomic_store_release(&task->vfork->done, true);
        wake_all(&task->vfork->wait);
        task->vfork = NULL;
    }
    spin_unlock(&table->lock);
}

void task_set_mm(struct task *task, struct mm *mm)
{
    struct process_table *table = task->thread.kernel->processes;
    struct mm *old = task->thread.mm;

    spin_lock(&table->lock); /* task_mm() of other tasks reads it under this lock */
    if (old)
        task->process->max_rss_pages =
            MAX(task->process->max_rss_pages, atomic_load_relaxed(&old->resident_peak));
    task->thread.mm = mm;
    spin_unlock(&table->lock);
    task->user.aspace = mm ? mm->aspace : NULL;
    thread_set_aspace(task->user.aspace);
    if (old)
        mm_put(old);
}

struct mm *task_mm(struct task *task)
{
    struct process_table *table = task->thread.kernel->processes;
    spin_lock(&table->lock);
    struct mm *mm = task->thread.mm ? mm_get(task->thread.mm) : NULL;
    spin_unlock(&table->lock);
    return mm;
}

struct mm *process_mm(struct process *process)
{
    struct process_table *table = process->kernel->processes;
    struct mm *mm = NULL;
    struct task *task;

    spin_lock(&table->lock);
    list_for_each_entry(task, &process->tasks, process_node)
    {
        if (task->thread.mm) {
            mm = mm_get(task->thread.mm);
            break;
        }
    }
    spin_unlock(&table->lock);
    return mm;
}

/* ---- the process tree ---- */

/* A thread of a process that is not `gone`, to stand for it as the creator of children. */
static struct task *another_task_locked(struct process *process, const struct task *gone)
{
    struct task *task;
    list_for_each_entry(task, &process->tasks, process_node)
    {
        if (task != gone && !task->exiting)
            return task;
    }
    return NULL;
}

/* Who adopts the children of a dying process: the nearest ancestor in its namespace that is a
 * subreaper, else the namespace's init. */
static struct process *find_reaper_locked(struct process_table *table, struct process *process)
{
    struct process *up = process->parent;
    for (; up && !up->is_init && up->pid_ns == process->pid_ns; up = up->parent) {
        if (up->is_subreaper && another_task_locked(up, NULL))
            return up;
    }
    const struct pid_namespace *ns = process->pid_ns;
    while (ns && !ns->init)
        ns = ns->parent;
    return ns ? ns->init : table->init;
}

static bool group_has_stopped_member(struct process_group *group)
{
    struct process *member;
    list_for_each_entry(member, &group->members, group_node)
    {
        bool irq = spin_lock_irqsave(&member->signal_lock);
        bool stopped = member->group_stopped;
        spin_unlock_irqrestore(&member->signal_lock, irq);
        if (stopped)
            return true;
    }
    return false;
}

static void hang_up_orphaned_group_locked(struct process_group *group)
{
    struct process *member;
    list_for_each_entry(member, &group->members, group_node)
    {
        signal_send_process(member, SIGHUP, SIGINFO_KERNEL);
        signal_send_process(member, SIGCONT, SIGINFO_KERNEL);
    }
}

/* `process` exits. If it kept `group` from being orphaned, as the link between a member and a
 * parent in another group of the session, and nobody else does, stopped members have to hear of it.
 */
static void check_orphaned_locked(struct process_group *group, const struct process_group *other,
                                  struct process *process)
{
    if (!other || other == group || other->session != group->session)
        return;
    if (process_group_is_orphaned_without(group, process) && group_has_stopped_member(group))
        hang_up_orphaned_group_locked(group);
}

/* What the parent does about SIGCHLD: false if it wants neither to wait for children nor, with
 * *out_signal false, to be told of them. */
static bool parent_wants_zombies(struct process *parent, bool *out_signal)
{
    struct signal_actions *actions = parent->actions;
    spin_lock(&actions->lock);
    const struct linux_sigaction *action = &actions->actions[SIGCHLD - 1];
    bool ignored = action->handler == (uint64_t)SIG_IGN;
    bool wants = !ignored && !(action->flags & SA_NOCLDWAIT);
    spin_unlock(&actions->lock);
    *out_signal = !ignored;
    return wants;
}

/* Times in siginfo count in ticks of 10 ms. */
static void fill_times(struct linux_siginfo *info, struct process *child)
{
    enum { TICKS_PER_SECOND = 100, TICK_US = 10000 };
    struct linux_rusage usage;
    process_usage_locked(child, NULL, USAGE_SELF, &usage);
    info->chld.utime = usage.ru_utime.tv_sec * TICKS_PER_SECOND + usage.ru_utime.tv_usec / TICK_US;
    info->chld.stime = usage.ru_stime.tv_sec * TICKS_PER_SECOND + usage.ru_stime.tv_usec / TICK_US;
}

static void fill_child_info(struct linux_siginfo *info, struct process *child)
{
    int status = child->exit_status;
    *info = (struct linux_siginfo){.si_signo = child->exit_signal};
    info->chld.pid = pid_seen_by(child->parent, child->pid);
    info->chld.uid = uid_seen_by(child->parent, child->leader->thread.cred->uid);
    fill_times(info, child);
    if ((status & 0x7f) == 0) {
        info->si_code = CLD_EXITED;
        info->chld.status = status >> 8 & 0xff;
    } else {
        info->si_code = (status & LINUX_WAIT_CORE) ? CLD_DUMPED : CLD_KILLED;
        info->chld.status = status & 0x7f;
    }
}

uint32_t uid_seen_by(const struct process *viewer, uint32_t kernel_uid)
{
    return uid_shown(viewer->leader->thread.cred->user_ns, kernel_uid);
}

/* A zombie is announced to its parent. True if nobody wants to wait for it. */
static bool notify_parent_locked(struct process *child)
{
    struct process *parent = child->parent;
    bool wants_signal = child->exit_signal >= 1 && child->exit_signal <= SIGNALS_MAX;
    bool autoreap = child->exit_signal == SIGCHLD && !parent_wants_zombies(parent, &wants_signal);

    if (wants_signal) {
        struct linux_siginfo info;
        fill_child_info(&info, child);
        signal_send_process(parent, child->exit_signal, &info);
    }
    wake_all(&parent->child_wait);
    return autoreap;
}

static void unlink_zombie_locked(struct process_table *table, struct process *process)
{
    struct pid_slot *slot = pid_slot_find(table, process->pid);
    assert(process->state == PROCESS_ZOMBIE && slot && slot->process == process);
    if (process->leader->traced)
        ptrace_unlink_locked(process->leader);
    process->state = PROCESS_REAPED;
    list_remove(&process->sibling_node);
    process_leave_group_locked(table, process);
    user_count_remove_locked(table, process->leader);
    cgroup_release_locked(table, process->leader);
    slot->process = NULL;
    pid_slot_release(table, process->pid);
}

void process_put_reaped(struct process *process)
{
    struct process *parent = process->parent;
    task_put(process->leader);
    process_put(process);
    process_put(parent);
}

void process_reap(struct process *process)
{
    struct process_table *table = process->kernel->processes;
    spin_lock(&table->lock);
    unlink_zombie_locked(table, process);
    spin_unlock(&table->lock);
    process_put_reaped(process);
}

void process_announce_again_locked(struct process *process, struct process *tracer,
                                   struct list *reaped)
{
    bool told, forgotten;
    if (process->unburied > 0)
        return;
    if (process->parent == tracer)
        forgotten = process->exit_signal == SIGCHLD && !parent_wants_zombies(tracer, &told);
    else
        forgotten = notify_parent_locked(process);
    if (!forgotten)
        return;
    unlink_zombie_locked(process->kernel->processes, process);
    list_add_tail(reaped, &process->sibling_node);
}

/* The child gets another creator, and the signal that it asked for in this case. */
static void change_creator_locked(struct process *child, struct task *creator)
{
    struct task *task;
    child->creator = creator;
    list_for_each_entry(task, &child->tasks, process_node)
    {
        int signo = atomic_load_relaxed(&task->parent_death_signal);
        if (signo)
            signal_send_process(child, signo, SIGINFO_KERNEL);
    }
}

/* A thread exits: its children go to another one of the process. */
static void leave_children_locked(struct process *process, struct task *gone)
{
    struct task *other = another_task_locked(process, gone);
    struct process *child;
    list_for_each_entry(child, &process->children, sibling_node)
    {
        if (child->creator == gone)
            change_creator_locked(child, other);
    }
}

/* Give all children to the reaper; zombies among them are announced to it. Those that nobody waits
 * for are collected in `reaped` by their sibling_node. */
static void reparent_children_locked(struct process_table *table, struct process *process,
                                     struct list *reaped)
{
    struct process *reaper = find_reaper_locked(table, process), *child, *following;
    struct task *creator = another_task_locked(reaper, NULL);

    list_for_each_entry_safe(child, following, &process->children, sibling_node)
    {
        struct process_group *group = child->group;
        list_remove(&child->sibling_node);
        child->parent = process_get(reaper);
        process_put(process); /* not the last: the caller holds one */
        list_add_tail(&reaper->children, &child->sibling_node);
        child->exit_signal = SIGCHLD;
        change_creator_locked(child, creator);
        if (child->state == PROCESS_ZOMBIE) {
            if (!child->unburied && !child->leader->traced && notify_parent_locked(child)) {
                unlink_zombie_locked(table, child);
                list_add_tail(reaped, &child->sibling_node);
            }
        } else {
            check_orphaned_locked(group, process->group, process);
        }
    }
}

void process_announce_locked(struct process *process, struct list *reaped)
{
    if (process->leader->traced) {
        ptrace_notify_exit_locked(process->leader, ptrace_is_reparented_locked(process->leader)
                                                       ? SIGCHLD
                                                       : process->exit_signal);
    } else if (notify_parent_locked(process)) {
        unlink_zombie_locked(process->kernel->processes, process);
        list_add_tail(reaped, &process->sibling_node);
    }
}

/* The last task has left: the process becomes a zombie. */
static void become_zombie_locked(struct process_table *table, struct process *process,
                                 struct list *reaped)
{
    process->exit_status = process->group_exit_status;
    if (process->pid_ns && process->pid_ns->init == process)
        process->pid_ns->init = NULL; /* nobody is left that it could adopt */
    reparent_children_locked(table, process, reaped);
    check_orphaned_locked(process->group, process->parent ? process->parent->group : NULL, process);
    process->state = PROCESS_ZOMBIE;
    if (process->unburied == 0)
        process_announce_locked(process, reaped);
    wake_all(&process->exit_wait);
}

/* Who has left the tree while its lock was held; references to give back when it is not. */
struct departed {
    struct list tasks;     /* by process_node */
    struct list processes; /* by sibling_node */
};

static void put_departed(struct departed *departed)
{
    struct process *process, *following;
    struct task *task, *next;

    list_for_each_entry_safe(task, next, &departed->tasks, process_node)
    {
        list_remove(&task->process_node);
        task_put(task);
    }
    list_for_each_entry_safe(process, following, &departed->processes, sibling_node)
    {
        list_remove(&process->sibling_node);
        process_put_reaped(process);
    }
}

/* One that is stopped, at its end perhaps, goes on. */
static void release_tracees(struct task *tracer)
{
    struct process_table *table = tracer->thread.kernel->processes;
    struct departed departed;

    list_init(&departed.tasks);
    list_init(&departed.processes);
    spin_lock(&table->lock);
    ptrace_release_tracees_locked(tracer, &departed.tasks, &departed.processes);
    spin_unlock(&table->lock);
    put_departed(&departed);
}

static void leave_tree(struct task *task)
{
    struct process *process = task->process;
    struct process_table *table = task->thread.kernel->processes;
    struct departed departed;

    list_init(&departed.tasks);
    list_init(&departed.processes);
    process_get(process);
    spin_lock(&table->lock);
    ptrace_release_tracees_locked(task, &departed.tasks, &departed.processes);
    bool irq = spin_lock_irqsave(&process->signal_lock);
    process_absorb_task_locked(process, task);
    list_remove(&task->process_node);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    task->exited = true;
    cgroup_leave_locked(table, task);
    atomic_store_release(&process->task_count, process->task_count - 1); /* exec waits for it */
    atomic_store_relaxed(&table->task_count, table->task_count - 1);
    bool kept = task->traced && task != process->leader;
    if (kept) {
        process->unburied++;
        ptrace_notify_exit_locked(task, SIGCHLD);
    } else {
        pid_slot_find(table, task->tid)->task = NULL;
        pid_slot_release(table, task->tid); /* a leader's number stays: it is the process's */
    }
    if (task == process->leader)
        task_get(task); /* kept until the process is reaped: credentials */
    else if (!kept) {   /* one that its tracer has yet to wait for counts until then */
        user_count_remove_locked(table, task);
        cgroup_release_locked(table, task);
    }
    if (process->task_count == 0) {
        become_zombie_locked(table, process, &departed.processes);
    } else {
        leave_children_locked(process, task);
        wake_all(&process->exit_wait);
    }
    spin_unlock(&table->lock);
    cgroup_settle(process->kernel);

    if (!kept)
        task_put(task); /* the slot's; the thread's own reference remains */
    put_departed(&departed);
    process_put(process);
}

/* The session loses its leader: the terminal is hung up. */
static void release_session(struct process *process)
{
    struct process_table *table = process->kernel->processes;
    struct session *session = NULL;

    spin_lock(&table->lock);
    if (process->group->session->leader == process) {
        session = session_get(process->group->session);
        session->leader = NULL;
    }
    spin_unlock(&table->lock);
    if (!session)
        return;
    if (table->tty_ops)
        table->tty_ops->leader_exited(session);
    session_put(session);
}

/* True for exactly one task of the process: the last to get here. Unless something else ended the
 * group, its status is the process's. */
static bool is_last_task(struct task *task, int status)
{
    struct process *process = task->process;
    struct process_table *table = task->thread.kernel->processes;
    bool last = true;
    struct task *other;

    spin_lock(&table->lock);
    atomic_store_relaxed(&task->exiting, true);
    list_for_each_entry(other, &process->tasks, process_node) last = last && other->exiting;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    if (last && !process->group_exiting) {
        process->group_exiting = true;
        process->group_exit_status = status;
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
    spin_unlock(&table->lock);
    return last;
}

/* A task that is being killed stops, too: its tracer wants to look at it a last time. */
static void report_exit(struct task *task, int status)
{
    if (task->ptrace->options & PTRACE_O_TRACEEXIT)
        atomic_store_seq(&task->thread.killed, false);
    ptrace_event(task, PTRACE_EVENT_EXIT, (uint64_t)status);
}

void task_exit(int status)
{
    struct task *task = current_task();
    struct process *process = task->process;
    struct thread *thread = &task->thread;

    if (unlikely(atomic_load_acquire(&process->core_task)))
        core_dump_join(task);
    if (unlikely(task_is_traced(task)))
        report_exit(task, status);
    bool last = is_last_task(task, status);
    if (last && process->is_init)
        kernel_panic("init exited with status 0x%x", status);
    uint64_t bytes = thread->mm ? atomic_load_relaxed(&thread->mm->total_pages) << PAGE_SHIFT : 0;

    task->exit_status = process->group_exiting ? process->group_exit_status : status;
    if (task->uring)
        process->kernel->processes->user_ops->leave(task, true);
    task_work_close();
    task_release_mm(task);
    if (last)
        signal_timers_exit(process);
    task_set_mm(task, NULL);
    hal_user_exit(&task->user);
    sem_undo_exit();
    if (last)
        acct_process_exit(process, task->exit_status, bytes);
    if (last)
        shm_process_exit(ipc_namespace_current(), process->pid);
    file_table_put(thread->files);
    fs_context_put(thread->fs);
    keyrings_exit(task, last);
    namespaces_put(thread->namespaces);
    thread->namespaces = NULL;
    if (last)
        release_session(process);
    signal_task_exit(task);
    seccomp_release(task);
    landlock_reap(process->kernel);
    if (last && process->pid_ns && process->pid_ns->init == process) {
        release_tracees(task); /* a member that waits for us would never end */
        process_end_namespace(task);
    }
    leave_tree(task);
    thread_exit();
}

void process_exit(int status)
{
    struct process *process = current_process();
    signal_kill_group(process, status);
    task_exit(process->group_exit_status);
}

void process_notify_parent_of_stop_locked(struct process *process, int si_code, int signo)
{
    struct process *parent = process->parent;
    if (process->state != PROCESS_ALIVE || !parent)
        return;
    struct linux_siginfo info = {.si_signo = SIGCHLD, .si_code = si_code};
    info.chld.pid = pid_seen_by(parent, process->pid);
    info.chld.uid = uid_seen_by(parent, process->leader->thread.cred->uid);
    info.chld.status = signo;
    spin_lock(&parent->actions->lock);
    bool wanted = !(parent->actions->actions[SIGCHLD - 1].flags & SA_NOCLDSTOP);
    spin_unlock(&parent->actions->lock);
    fill_times(&info, process);
    if (wanted)
        signal_send_process(parent, SIGCHLD, &info);
    wake_all(&parent->child_wait);
}

void process_notify_parent_of_stop(struct process *process, int si_code, int signo)
{
    struct spinlock *tree = process_tree_lock(process->kernel);
    spin_lock(tree);
    process_notify_parent_of_stop_locked(process, si_code, signo);
    spin_unlock(tree);
}
