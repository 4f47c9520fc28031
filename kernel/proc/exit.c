/* SPDX-License-Identifier: MIT
 *
 * The end of tasks and processes (_exit(2), exit_group(2)).
 *
 * A task gives up its resources while it can still block, then leaves the tree under the
 * process-tree lock. The last task of a process turns the process into a zombie: children go to the
 * nearest subreaper or init, groups that become orphaned with stopped members get SIGHUP and
 * SIGCONT, the parent is told. Whoever waits for the zombie, or nobody if the parent ignores SIGCHLD,
 * reaps it.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/wait.h"
#include "kernel/core/kernel.h"
#include "kernel/core/klog.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/session_internal.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"

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

    if (old && task == task->process->leader)
        task->process->max_rss_pages = MAX(task->process->max_rss_pages, old->resident_peak);
    spin_lock(&table->lock); /* task_mm() of other tasks reads it under this lock */
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

/* ---- the process tree ---- */

/* Who adopts the children of a dying process: the nearest ancestor that is a subreaper, else init. */
static struct process *find_reaper_locked(struct process_table *table, struct process *process)
{
    for (struct process *up = process->parent; up && !up->is_init; up = up->parent) {
        if (up->is_subreaper && !up->group_exiting && up->state == PROCESS_ALIVE)
            return up;
    }
    return table->init;
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

/* `process` stops being a reason for `group` not to be orphaned. */
static void check_orphaned_locked(struct process_group *group, struct process *process)
{
    if (group && process_group_is_orphaned_without(group, process) &&
        group_has_stopped_member(group))
        hang_up_orphaned_group_locked(group);
}

static bool parent_ignores_child(struct process *parent)
{
    struct signal_actions *actions = parent->actions;
    spin_lock(&actions->lock);
    const struct linux_sigaction *action = &actions->actions[SIGCHLD - 1];
    bool ignores = action->handler == (uint64_t)SIG_IGN || (action->flags & SA_NOCLDWAIT);
    spin_unlock(&actions->lock);
    return ignores;
}

static void fill_child_info(struct linux_siginfo *info, struct process *child)
{
    int status = child->exit_status;
    *info = (struct linux_siginfo){.si_signo = child->exit_signal};
    info->chld.pid = child->pid;
    info->chld.uid = child->leader->thread.cred->uid;
    if ((status & 0x7f) == 0) {
        info->si_code = CLD_EXITED;
        info->chld.status = status >> 8 & 0xff;
    } else {
        info->si_code = (status & LINUX_WAIT_CORE) ? CLD_DUMPED : CLD_KILLED;
        info->chld.status = status & 0x7f;
    }
}

/* A zombie is announced to its parent. True if nobody wants to wait for it. */
static bool notify_parent_locked(struct process *child)
{
    struct process *parent = child->parent;
    bool autoreap = child->exit_signal == SIGCHLD && parent_ignores_child(parent);

    if (child->exit_signal) {
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
    process->state = PROCESS_REAPED;
    list_remove(&process->sibling_node);
    process_leave_group_locked(table, process);
    slot->process = NULL;
    pid_slot_release(table, process->pid);
}

static void put_reaped(struct process *process)
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
    put_reaped(process);
}

/* Give all children to the reaper; zombies among them are announced to it. Those that nobody waits for
 * are collected in `reaped` by their sibling_node. */
static void reparent_children_locked(struct process_table *table, struct process *process,
                                     struct list *reaped)
{
    struct process *reaper = find_reaper_locked(table, process), *child, *following;

    list_for_each_entry_safe(child, following, &process->children, sibling_node)
    {
        struct process_group *group = child->group;
        list_remove(&child->sibling_node);
        child->parent = process_get(reaper);
        process_put(process); /* not the last: the caller holds one */
        list_add_tail(&reaper->children, &child->sibling_node);
        child->exit_signal = SIGCHLD;
        struct task *task;
        list_for_each_entry(task, &child->tasks, process_node)
        {
            if (task->parent_death_signal)
                signal_send_task(task, task->parent_death_signal, SIGINFO_KERNEL);
        }
        if (child->state == PROCESS_ZOMBIE) {
            if (notify_parent_locked(child)) {
                unlink_zombie_locked(table, child);
                list_add_tail(reaped, &child->sibling_node);
            }
        } else if (group != process->group) {
            check_orphaned_locked(group, process);
        }
    }
}

/* The last task has left: the process becomes a zombie. */
static void become_zombie_locked(struct process_table *table, struct process *process,
                                 struct list *reaped)
{
    process->exit_status =
        process->group_exiting ? process->group_exit_status : process->leader->exit_code;
    reparent_children_locked(table, process, reaped);
    check_orphaned_locked(process->group, process);
    process->state = PROCESS_ZOMBIE;
    if (notify_parent_locked(process)) {
        unlink_zombie_locked(table, process);
        list_add_tail(reaped, &process->sibling_node);
    }
    wake_all(&process->exit_wait);
}

static void leave_tree(struct task *task)
{
    struct process *process = task->process;
    struct process_table *table = task->thread.kernel->processes;
    struct list reaped;
    struct process *dead, *following;

    list_init(&reaped);
    process_get(process);
    spin_lock(&table->lock);
    bool irq = spin_lock_irqsave(&process->signal_lock);
    process_absorb_task_locked(process, task);
    list_remove(&task->process_node);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    task->exited = true;
    process->task_count--;
    atomic_store_relaxed(&table->task_count, table->task_count - 1);
    struct pid_slot *slot = pid_slot_find(table, task->tid);
    slot->task = NULL;
    if (task == process->leader)
        task_get(task); /* kept until the process is reaped: credentials, exit code */
    if (process->task_count == 0)
        become_zombie_locked(table, process, &reaped);
    else
        wake_all(&process->exit_wait);
    pid_slot_release(table, task->tid);
    spin_unlock(&table->lock);

    task_put(task); /* the slot's; the thread's own reference remains */
    list_for_each_entry_safe(dead, following, &reaped, sibling_node)
    {
        list_remove(&dead->sibling_node);
        put_reaped(dead);
    }
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

/* True for exactly one task of the process: the last to get here. */
static bool is_last_task(struct task *task)
{
    struct process_table *table = task->thread.kernel->processes;
    struct task *other;
    bool last = true;

    spin_lock(&table->lock);
    task->exiting = true;
    list_for_each_entry(other, &task->process->tasks, process_node)
        last = last && other->exiting;
    spin_unlock(&table->lock);
    return last;
}

void task_exit(int status)
{
    struct task *task = current_task();
    struct process *process = task->process;
    struct thread *thread = &task->thread;

    if (process->is_init)
        kernel_panic("init exited with status 0x%x", status);
    task->exit_code = status;
    bool last = is_last_task(task);

    task_release_mm(task);
    if (last) {
        signal_timers_exit(process);
        release_session(process);
    }
    task_set_mm(task, NULL);
    hal_user_exit(&task->user);
    file_table_put(thread->files);
    fs_context_put(thread->fs);
    signal_task_exit(task);
    leave_tree(task);
    thread_exit();
}

void process_exit(int status)
{
    struct process *process = current_process();
    signal_kill_group(process, status);
    task_exit(process->group_exit_status);
}

void process_notify_parent_of_stop(struct process *process, int si_code, int signo)
{
    struct process_table *table = process->kernel->processes;
    spin_lock(&table->lock);
    struct process *parent = process->parent;
    if (process->state == PROCESS_ALIVE && parent) {
        struct linux_siginfo info = {.si_signo = SIGCHLD, .si_code = si_code};
        info.chld.pid = process->pid;
        info.chld.uid = process->leader->thread.cred->uid;
        info.chld.status = signo;
        spin_lock(&parent->actions->lock);
        bool wanted = !(parent->actions->actions[SIGCHLD - 1].flags & SA_NOCLDSTOP);
        spin_unlock(&parent->actions->lock);
        if (wanted)
            signal_send_process(parent, SIGCHLD, &info);
        wake_all(&parent->child_wait);
    }
    spin_unlock(&table->lock);
}
