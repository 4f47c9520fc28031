/* SPDX-License-Identifier: MIT
 *
 * Putting tasks in groups: cgroup.procs, cgroup.threads, clone3(2) with CLONE_INTO_CGROUP; who may,
 * and where (cgroups(7), "Delegation").
 */
#include "kernel/cgroup/cgroup_internal.h"
#include "kernel/fs/file_table.h"
#include "kernel/lib/parse.h"
#include "kernel/proc/namespaces.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"

/* May a group with this setting take processes? */
static int check_target(struct cgroup *to)
{
    if (!cgroup_is_valid_domain(cgroup_domain(to)))
        return -EOPNOTSUPP;
    if (to->threaded || cgroup_can_be_thread_root(to))
        return 0;
    return to->control ? -EBUSY : 0;
}

/* With nsdelegate nobody moves anything out of his namespace, or into it. */
static bool crosses_namespace(struct cgroup *from, struct cgroup *to)
{
    struct cgroup *top = cgroup_namespace_root(to->state->kernel);
    return atomic_load_relaxed(&to->state->ns_delegate) &&
           !(cgroup_is_below(from, top) && cgroup_is_below(to, top));
}

static int check_move(struct cgroup *from, struct cgroup *to, const struct cred *cred, bool thread)
{
    int error = cgroup_may_write_procs(cgroup_common(from, to), cred);
    if (!error && crosses_namespace(from, to))
        error = -ENOENT;
    if (!error)
        error = check_target(to);
    if (!error && thread && cgroup_domain(from) != cgroup_domain(to))
        error = -EOPNOTSUPP;
    return error;
}

/* ---- cgroup.procs, cgroup.threads ---- */

static struct cgroup *group_of(struct task *task)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    spin_lock(tree);
    struct cgroup *group = cgroup_get(cgroup_of_task(task));
    spin_unlock(tree);
    return group;
}

static void move(struct task *task, struct cgroup *to, bool thread)
{
    struct kernel *kernel = to->state->kernel;
    struct spinlock *tree = process_tree_lock(kernel);
    struct task *each;
    spin_lock(tree);
    list_for_each_entry(each, &task->process->tasks, process_node) if (!thread || each == task)
        cgroup_move_locked(each, to);
    spin_unlock(tree);
    cgroup_settle(kernel);
}

static int find_task(const char *text, struct task **out)
{
    char word[CGROUP_WORD_MAX];
    int32_t number;
    if (cgroup_word(text, word) || kstrtos32(word, 0, &number) || number < 0)
        return -EINVAL;
    *out = number ? task_find_unreaped_given(number) : task_get(current_task());
    return *out ? 0 : -ESRCH;
}

static int64_t write_tasks(struct file *file, const char *text, size_t bytes, bool thread)
{
    struct cgroup *to;
    struct task *task;
    int error = cgroup_lock_live(file, &to);
    if (error)
        return error;
    error = find_task(text, &task);
    if (!error) {
        struct cgroup *from = group_of(task);
        error = check_move(from, to, file->cred, thread);
        if (!error && from != to)
            move(task, to, thread);
        cgroup_put(from);
        task_put(task);
    }
    cgroup_unlock(to);
    return error ? error : (int64_t)bytes;
}

int64_t cgroup_write_procs(struct file *file, const char *text, size_t bytes)
{
    return write_tasks(file, text, bytes, false);
}

int64_t cgroup_write_threads(struct file *file, const char *text, size_t bytes)
{
    return write_tasks(file, text, bytes, true);
}

/* ---- CLONE_INTO_CGROUP ---- */

static int check_clone(struct cgroup *to, bool thread)
{
    const struct cred *cred = current_cred();
    if (to->dead)
        return -ENOENT;
    int error = cgroup_may_write_procs(to, cred);
    if (error)
        return error;
    struct cgroup *from = group_of(current_task());
    error = check_move(from, to, cred, thread);
    cgroup_put(from);
    return error;
}

int cgroup_clone_target(int fd, bool thread, struct cgroup **out)
{
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    struct cgroup *group = cgroup_of_directory(file);
    int error = -EBADF;
    if (group) {
        mutex_lock(&group->state->mutex);
        error = check_clone(group, thread);
        mutex_unlock(&group->state->mutex);
    }
    if (!error)
        *out = cgroup_get(group);
    file_put(file);
    return error;
}
