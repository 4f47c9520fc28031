/* SPDX-License-Identifier: MIT
 *
 * cgroup.freeze and cgroup.kill: what is done to all tasks of a group and of those below it.
 *
 * A group freezes if it or one above it is told to, and is frozen when every task in it sits still
 * (proc/freeze.c). Both act under the process-tree lock on all members at once; a fork that is
 * under way fails its last check, is repeated, and so comes after.
 */
#include "kernel/cgroup/cgroup_internal.h"
#include "kernel/lib/parse.h"
#include "kernel/proc/signal.h"

static int parse_switch(const char *text, int32_t *out)
{
    char word[CGROUP_WORD_MAX];
    int error = cgroup_word(text, word);
    return error ? error : kstrtos32(word, 0, out);
}

static void freeze_members(struct cgroup *group, bool freeze)
{
    struct task *task;
    list_for_each_entry(task, &group->members, cgroup_node) task_freeze_locked(task, freeze);
}

static void set_freeze_locked(struct cgroup *group, bool freeze)
{
    group->freeze = freeze;
    for (struct cgroup *below = NULL; (below = cgroup_next(group, below));) {
        bool freezes = below->freeze || (below->parent && below->parent->freezes);
        if (freezes == below->freezes)
            continue;
        below->freezes = freezes;
        freeze_members(below, freezes);
        cgroup_check_events_locked(below);
    }
}

int64_t cgroup_write_freeze(struct file *file, const char *text, size_t bytes)
{
    struct cgroup *group;
    int32_t value;
    int error = parse_switch(text, &value);
    if (error)
        return error;
    if (value < 0 || value > 1)
        return -ERANGE;
    error = cgroup_lock_live(file, &group);
    if (error)
        return error;
    spin_lock(process_tree_lock(file->kernel));
    set_freeze_locked(group, value);
    spin_unlock(process_tree_lock(file->kernel));
    cgroup_unlock(group);
    cgroup_settle(file->kernel);
    return (int64_t)bytes;
}

static void kill_members(struct cgroup *group)
{
    struct task *task;
    list_for_each_entry(task, &group->members, cgroup_node)
        signal_send_process(task->process, SIGKILL, SIGINFO_KERNEL);
}

int64_t cgroup_write_kill(struct file *file, const char *text, size_t bytes)
{
    struct cgroup *group;
    int32_t value;
    int error = parse_switch(text, &value);
    if (error)
        return error;
    if (value != 1)
        return -ERANGE;
    error = cgroup_lock_live(file, &group);
    if (error)
        return error;
    if (group->threaded)
        error = -EOPNOTSUPP;
    spin_lock(process_tree_lock(file->kernel));
    for (struct cgroup *below = NULL; !error && (below = cgroup_next(group, below));)
        kill_members(below);
    spin_unlock(process_tree_lock(file->kernel));
    cgroup_unlock(group);
    return error ? error : (int64_t)bytes;
}
