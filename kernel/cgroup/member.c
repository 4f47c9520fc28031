/* SPDX-License-Identifier: MIT
 *
 * Which tasks are in a group, and what they add up to there and in all groups above: whether it is
 * populated or frozen, the pids controller's count, CPU time. All under the process-tree lock.
 *
 * A task that exits is no member any more, but counts for pids.current until it is reaped, and
 * keeps the group alive, removed or not, for /proc/PID/cgroup. Tasks of the root group are not
 * followed at all: their task->cgroup is NULL.
 */
#include "kernel/abi/inotify.h"
#include "kernel/cgroup/cgroup_internal.h"
#include "kernel/fs/notify.h"
#include "kernel/sched/sched.h"

void cgroup_raise_locked(struct cgroup *group, enum cgroup_event_file file)
{
    struct cgroup_state *state = group->state;
    text_event_raise(&group->events[file]);
    if (group->dead)
        return;
    if (!group->news) {
        list_add_tail(&state->news, &group->news_node);
        cgroup_get(group);
    }
    group->news |= 1u << file;
    atomic_store_relaxed(&state->kernel->processes->cgroup_news, true);
}

/* The inode behind an event file, if anyone can watch it; referenced. */
static struct inode *event_inode(struct cgroup *group, unsigned event)
{
    for (unsigned i = 0; i < cgroup_file_count; i++)
        if (cgroup_files[i].event == event + 1 && group->inodes[i + 1])
            return inode_get(group->inodes[i + 1]);
    return NULL;
}

static void settle(struct kernel *kernel)
{
    struct cgroup_state *state = cgroup_state_of(kernel);
    struct spinlock *tree = process_tree_lock(kernel);
    for (;;) {
        struct inode *inodes[CGROUP_EVENT_FILES] = {NULL};
        spin_lock(tree);
        struct cgroup *group = list_pop_head_entry(&state->news, struct cgroup, news_node);
        if (!group)
            atomic_store_relaxed(&kernel->processes->cgroup_news, false);
        for (unsigned i = 0; group && i < CGROUP_EVENT_FILES; i++)
            if (group->news & 1u << i)
                inodes[i] = event_inode(group, i);
        if (group)
            group->news = 0;
        spin_unlock(tree);
        if (!group)
            return;
        for (unsigned i = 0; i < CGROUP_EVENT_FILES; i++) {
            if (!inodes[i])
                continue;
            fs_notify(NULL, NULL, inodes[i], IN_MODIFY, 0);
            inode_put(inodes[i]);
        }
        cgroup_put(group);
    }
}

/* ---- sums ---- */

void cgroup_check_events_locked(struct cgroup *group)
{
    for (; group; group = group->parent) {
        bool populated = group->tasks > 0;
        bool frozen = group->freezes && group->parked == group->tasks;
        if (frozen == group->frozen && populated == group->populated)
            continue;
        group->frozen = frozen;
        group->populated = populated;
        if (group->parent)
            cgroup_raise_locked(group, CGROUP_EVENTS);
    }
}

static void add_task(struct cgroup *group, struct task *task)
{
    list_add_tail(&group->members, &task->cgroup_node);
    atomic_store_relaxed(&group->own_tasks, group->own_tasks + 1);
    for (struct cgroup *above = group; above; above = above->parent) {
        atomic_store_relaxed(&above->tasks, above->tasks + 1);
        above->parked += task->parked;
    }
}

static void remove_task(struct cgroup *group, struct task *task)
{
    uint64_t user_ns, system_ns;
    sched_cpu_times(&task->thread, &user_ns, &system_ns);
    list_remove(&task->cgroup_node);
    atomic_store_relaxed(&group->own_tasks, group->own_tasks - 1);
    for (struct cgroup *above = group; above; above = above->parent) {
        atomic_store_relaxed(&above->tasks, above->tasks - 1);
        above->parked -= task->parked;
        above->user_ns += user_ns - task->cgroup_user_ns;
        above->system_ns += system_ns - task->cgroup_system_ns;
    }
}

static void count_pid(struct cgroup *group, uint32_t change)
{
    for (; group; group = group->parent)
        group->pids += change;
}

/* ---- the life of a task ---- */

static bool pids_are_full(const struct cgroup *group)
{
    for (; group; group = group->parent)
        if (group->pids >= group->pids_max)
            return true;
    return false;
}

static int fork_locked(struct task *child, struct task *parent, struct cgroup *into)
{
    struct cgroup *group = into ? into : parent->cgroup;
    if (group->dead)
        return -ENODEV;
    if (group == group->state->root)
        return 0;
    if (pids_are_full(group)) {
        while (group->parent->parent && !(group->parent->control & CGROUP_CONTROLLER_PIDS))
            group = group->parent;
        group->pids_events++;
        cgroup_raise_locked(group, CGROUP_PIDS_EVENTS);
        return -EAGAIN;
    }
    child->cgroup = cgroup_get(group);
    count_pid(group, 1);
    add_task(group, child);
    if (group->freezes) { /* it does not run yet, and the signal lock is held */
        child->freeze = true;
        thread_interrupt(&child->thread, false);
    }
    cgroup_check_events_locked(group);
    return 0;
}

static void leave_locked(struct task *task)
{
    if (!list_node_linked(&task->cgroup_node))
        return;
    remove_task(task->cgroup, task);
    cgroup_check_events_locked(task->cgroup);
}

static void release_locked(struct task *task)
{
    struct cgroup *group = task->cgroup;
    leave_locked(task);
    count_pid(group, (uint32_t)-1);
    atomic_store_relaxed(&task->cgroup, NULL);
    cgroup_put(group);
}

static void parked_locked(struct task *task)
{
    if (!list_node_linked(&task->cgroup_node))
        return;
    for (struct cgroup *above = task->cgroup; above; above = above->parent)
        above->parked += task->parked ? 1u : (unsigned)-1;
    cgroup_check_events_locked(task->cgroup);
}

void cgroup_move_locked(struct task *task, struct cgroup *to)
{
    struct cgroup *from = cgroup_of_task(task), *root = to->state->root;
    if (from == to)
        return;
    if (from != root) {
        remove_task(from, task);
        count_pid(from, (uint32_t)-1);
    }
    if (to != root) {
        sched_cpu_times(&task->thread, &task->cgroup_user_ns, &task->cgroup_system_ns);
        add_task(to, task);
        count_pid(to, 1);
    }
    atomic_store_relaxed(&task->cgroup, to == root ? NULL : cgroup_get(to));
    task_freeze_locked(task, to->freezes);
    cgroup_check_events_locked(from);
    cgroup_check_events_locked(to);
    if (from != root)
        cgroup_put(from);
}

/* ---- CPU time ---- */

static void add_live_times(struct cgroup *group, uint64_t *user_ns, uint64_t *system_ns)
{
    struct task *task;
    list_for_each_entry(task, &group->members, cgroup_node)
    {
        uint64_t user, system;
        sched_cpu_times(&task->thread, &user, &system);
        *user_ns += user - task->cgroup_user_ns;
        *system_ns += system - task->cgroup_system_ns;
    }
}

void cgroup_usage(struct cgroup *group, uint64_t *out_user_ns, uint64_t *out_system_ns)
{
    struct kernel *kernel = group->state->kernel;
    if (!group->parent) {
        *out_user_ns = *out_system_ns = 0;
        for (unsigned cpu = 0; cpu < kernel->cpu_count; cpu++) {
            struct sched_cpu_usage usage;
            sched_cpu_usage(kernel, cpu, &usage);
            *out_user_ns += usage.user_ns;
            *out_system_ns += usage.system_ns;
        }
        return;
    }
    spin_lock(process_tree_lock(kernel));
    *out_user_ns = group->user_ns;
    *out_system_ns = group->system_ns;
    for (struct cgroup *below = NULL; (below = cgroup_next(group, below));)
        add_live_times(below, out_user_ns, out_system_ns);
    spin_unlock(process_tree_lock(kernel));
}

const struct cgroup_ops cgroup_task_ops = {
    .target = cgroup_clone_target,
    .fork = fork_locked,
    .leave = leave_locked,
    .release = release_locked,
    .parked = parked_locked,
    .settle = settle,
    .get = cgroup_get,
    .put = cgroup_put,
};
