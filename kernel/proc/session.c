/* SPDX-License-Identifier: MIT
 *
 * Sessions and process groups: creation, membership, orphaned groups.
 *
 * A group lives while it has members or references; its number stays taken as long. All membership
 * changes happen under the process-tree lock.
 */
#include "kernel/proc/session.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process_table.h"
#include "kernel/proc/session_internal.h"

struct session *session_get(struct session *session)
{
    refcount_inc(&session->refs);
    return session;
}

void session_put(struct session *session)
{
    if (refcount_dec_and_test(&session->refs))
        kfree(session);
}

struct process_group *process_group_get(struct process_group *group)
{
    refcount_inc(&group->refs);
    return group;
}

void process_group_put(struct process_group *group)
{
    if (!refcount_dec_and_test(&group->refs))
        return;
    session_put(group->session);
    kfree(group);
}

void session_set_tty_ops(struct kernel *kernel, const struct session_tty_ops *ops)
{
    kernel->processes->tty_ops = ops;
}

const struct session_tty_ops *session_tty_ops(struct kernel *kernel)
{
    return kernel->processes->tty_ops;
}

struct process_group *process_group_create(int pgid)
{
    struct process_group *group = kzalloc(sizeof(*group));
    if (!group)
        return NULL;
    refcount_init(&group->refs, 1);
    group->pgid = pgid;
    list_init(&group->members);
    return group;
}

struct session *session_create(int sid)
{
    struct session *session = kzalloc(sizeof(*session));
    if (!session)
        return NULL;
    refcount_init(&session->refs, 1);
    session->sid = sid;
    return session;
}

void process_join_group_locked(struct process *process, struct process_group *group)
{
    assert(process->group == NULL);
    process->group = process_group_get(group);
    list_add_tail(&group->members, &process->group_node);
}

/* Drop the number of a group or session that lost its last member. */
static void release_empty_group_locked(struct process_table *table, struct process_group *group)
{
    struct session *session = group->session;
    struct pid_slot *slot = pid_slot_find(table, group->pgid);
    assert(slot && slot->group == group);
    slot->group = NULL;
    pid_slot_release(table, group->pgid);

    if (--session->group_count == 0) {
        slot = pid_slot_find(table, session->sid);
        assert(slot && slot->session == session);
        slot->session = NULL;
        pid_slot_release(table, session->sid);
    }
}

void process_leave_group_locked(struct process_table *table, struct process *process)
{
    struct process_group *group = process->group;
    list_remove(&process->group_node);
    process->group = NULL;
    if (list_empty(&group->members))
        release_empty_group_locked(table, group);
    process_group_put(group);
}

void process_group_publish_locked(struct process_table *table, struct process_group *group,
                                  struct session *session)
{
    struct pid_slot *slot = pid_slot_find(table, group->pgid);
    assert(slot && slot->group == NULL);
    group->session = session_get(session);
    session->group_count++;
    slot->group = group;
}

void session_publish_locked(struct process_table *table, struct session *session)
{
    struct pid_slot *slot = pid_slot_find(table, session->sid);
    assert(slot && slot->session == NULL);
    slot->session = session;
}

bool process_group_is_orphaned(struct process_group *group)
{
    return process_group_is_orphaned_without(group, NULL);
}

bool process_group_is_orphaned_without(struct process_group *group, struct process *leaving)
{
    struct process *member;
    list_for_each_entry(member, &group->members, group_node)
    {
        struct process *parent = member->parent;
        if (member == leaving || member->state != PROCESS_ALIVE || !parent || parent->is_init)
            continue;
        if (parent->group && parent->group != group && parent->group->session == group->session)
            return false;
    }
    return true;
}

/* ---- setsid(2), setpgid(2) ---- */

int64_t process_setsid(struct process *process)
{
    struct process_table *table = process->kernel->processes;
    struct session *session = session_create(process->pid);
    struct process_group *group = process_group_create(process->pid);
    int64_t result = -ENOMEM;
    if (!session || !group)
        goto free_both;

    spin_lock(&table->lock);
    struct pid_slot *slot = pid_slot_find(table, process->pid);
    result = -EPERM;
    if (slot->group || slot->session) /* a group by this number exists: leader of one, or worse */
        goto unlock;
    session->leader = process;
    process->gave_up_tty = false;
    if (process->group)
        process_leave_group_locked(table, process);
    session_publish_locked(table, session);
    process_group_publish_locked(table, group, session);
    process_join_group_locked(process, group);
    spin_unlock(&table->lock);
    process_group_put(group);
    session_put(session);
    return process->own_pid;

unlock:
    spin_unlock(&table->lock);
free_both:
    kfree(group);
    kfree(session);
    return result;
}

/* The process that setpgid(pid, …) may act on: the caller or a child that has not called execve. */
static int setpgid_target_locked(struct process_table *table, struct process *self, int pid,
                                 struct process **out)
{
    struct pid_slot *slot = pid_slot_find(table, pid);
    struct process *target = slot ? slot->process : NULL; /* zombies have groups as well */
    if (!target)
        return slot && slot->task ? -EINVAL : -ESRCH; /* EINVAL: a thread's number */
    if (target != self) {
        if (target->parent != self)
            return -ESRCH;
        if (target->group->session != self->group->session)
            return -EPERM;
        if (target->did_exec)
            return -EACCES;
    }
    if (target->group->session->sid == target->pid)
        return -EPERM;
    *out = target;
    return 0;
}

int process_setpgid(struct process *self, int pid, int pgid)
{
    struct process_table *table = self->kernel->processes;
    if (pid == 0)
        pid = self->pid;
    if (pgid == 0)
        pgid = pid;
    if (pgid < 0)
        return -EINVAL;
    struct process_group *fresh = process_group_create(pgid);
    if (!fresh)
        return -ENOMEM;

    struct process *target;
    spin_lock(&table->lock);
    int error = setpgid_target_locked(table, self, pid, &target);
    if (error)
        goto unlock;
    struct pid_slot *slot = pid_slot_find(table, pgid);
    struct process_group *group = slot ? slot->group : NULL;
    if (pgid != pid) {
        error = -EPERM;
        if (!group || group->session != self->group->session)
            goto unlock;
    } else if (!group) {
        process_group_publish_locked(table, fresh, target->group->session);
        group = fresh;
    }
    if (target->group != group) {
        process_group_get(group); /* joining may follow the old group's end */
        process_leave_group_locked(table, target);
        process_join_group_locked(target, group);
        process_group_put(group);
    }
    error = 0;
unlock:
    spin_unlock(&table->lock);
    if (fresh->session)
        process_group_put(fresh);
    else
        kfree(fresh);
    return error;
}
