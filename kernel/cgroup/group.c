/* SPDX-License-Identifier: MIT
 *
 * The tree of control groups: making and removing them, and what kind each is (cgroups(7),
 * "Cgroups v2" and "Thread mode").
 */
#include "kernel/cgroup/cgroup_internal.h"
#include "kernel/core/init.h"
#include "kernel/lib/strbuf.h"
#include "kernel/proc/namespaces.h"
#include "kernel/security/cred.h"

struct cgroup *cgroup_get(struct cgroup *group)
{
    atomic_fetch_add_relaxed(&group->refs, 1);
    return group;
}

/* A removed group is gone for good, and with it perhaps those above. */
void cgroup_put(struct cgroup *group)
{
    while (group && atomic_sub_fetch_acq_rel(&group->refs, 1) == 0) {
        struct cgroup *parent = group->parent;
        for (struct cgroup *above = parent; above; above = above->parent)
            if (group->dead)
                atomic_sub_fetch_acq_rel(&above->dying, 1);
        kfree(group->name);
        kfree(group);
        group = parent;
    }
}

struct cgroup *cgroup_allocate(struct cgroup_state *state, struct cgroup *parent, const char *name)
{
    struct cgroup *group = kzalloc(sizeof(*group));
    if (!group)
        return NULL;
    group->name = kstrdup(name);
    if (!group->name) {
        kfree(group);
        return NULL;
    }
    group->refs = 1;
    group->state = state;
    group->parent = parent ? cgroup_get(parent) : NULL;
    group->level = parent ? parent->level + 1 : 0;
    group->max_depth = group->max_descendants = group->pids_max = CGROUP_NO_LIMIT;
    list_init(&group->children);
    list_init(&group->members);
    for (unsigned i = 0; i < CGROUP_EVENT_FILES; i++)
        text_event_init(&group->events[i]);
    return group;
}

static int check_limits(const struct cgroup *parent)
{
    unsigned depth = 1;
    for (const struct cgroup *above = parent; above; above = above->parent, depth++)
        if (above->descendants >= above->max_descendants || depth > above->max_depth)
            return -EAGAIN;
    return 0;
}

int cgroup_make_locked(struct cgroup *parent, const char *name, struct cgroup **out)
{
    struct cgroup_state *state = parent->state;
    if (parent->dead)
        return -ENODEV;
    if (kstrchr(name, '\n'))
        return -EINVAL;
    int error = check_limits(parent);
    if (error)
        return error;
    struct cgroup *group = cgroup_allocate(state, parent, name);
    if (!group)
        return -ENOMEM;
    group->id = state->next_id;
    state->next_id += CGROUP_ID_STEP;
    group->uid = current_cred()->fsuid;
    group->gid = current_cred()->fsgid;
    spin_lock(process_tree_lock(state->kernel));
    group->freezes = group->frozen = parent->freezes;
    list_add_tail(&parent->children, &group->sibling_node);
    for (struct cgroup *above = parent; above; above = above->parent)
        above->descendants++;
    spin_unlock(process_tree_lock(state->kernel));
    atomic_fetch_add_relaxed(&state->groups, 1);
    *out = group;
    return 0;
}

int cgroup_remove_locked(struct cgroup *group)
{
    struct spinlock *tree = process_tree_lock(group->state->kernel);
    int error = 0;
    spin_lock(tree);
    if (group->dead)
        error = -ENODEV;
    else if (group->tasks || !list_empty(&group->children))
        error = -EBUSY;
    if (!error) {
        atomic_store_relaxed(&group->dead, true);
        list_remove(&group->sibling_node);
        for (struct cgroup *above = group->parent; above; above = above->parent) {
            above->descendants--;
            atomic_add_fetch_relaxed(&above->dying, 1);
        }
        for (unsigned i = 0; i < CGROUP_EVENT_FILES; i++) /* those who poll hear of the end */
            text_event_raise(&group->events[i]);
    }
    spin_unlock(tree);
    if (!error)
        atomic_sub_fetch_acq_rel(&group->state->groups, 1);
    return error;
}

bool cgroup_is_below(const struct cgroup *group, const struct cgroup *top)
{
    while (group->level > top->level)
        group = group->parent;
    return group == top;
}

struct cgroup *cgroup_common(struct cgroup *a, struct cgroup *b)
{
    while (!cgroup_is_below(a, b))
        b = b->parent;
    return b;
}

struct cgroup *cgroup_next(struct cgroup *top, struct cgroup *group)
{
    if (!group)
        return top;
    struct cgroup *child = list_first_entry(&group->children, struct cgroup, sibling_node);
    while (!child && group != top) {
        child = list_next_entry(group, &group->parent->children, sibling_node);
        group = group->parent;
    }
    return child;
}

struct cgroup *cgroup_namespace_root(struct kernel *kernel)
{
    struct cgroup *root = cgroup_namespace_of(namespaces_current()->cgroup)->root;
    return root ? root : cgroup_state_of(kernel)->root;
}

/* ---- threaded groups ---- */

/* The root of all may compete with its children, and so may be a domain and hold threads. */
static bool is_mixable(const struct cgroup *group)
{
    return !group->parent;
}

struct cgroup *cgroup_domain(struct cgroup *group)
{
    while (group->threaded)
        group = group->parent;
    return group;
}

static bool has_child(const struct cgroup *group, bool threaded)
{
    const struct cgroup *child;
    list_for_each_entry(
        child, &group->children,
        sibling_node) if (child->threaded == threaded &&
                          (threaded || atomic_load_relaxed(&child->tasks))) return true;
    return false;
}

/* All controllers that there are may be used among threads. */
bool cgroup_is_thread_root(const struct cgroup *group)
{
    return !group->threaded &&
           (has_child(group, true) || (atomic_load_relaxed(&group->own_tasks) && group->control));
}

bool cgroup_can_be_thread_root(const struct cgroup *group)
{
    return is_mixable(group) || !has_child(group, false);
}

bool cgroup_is_valid_domain(const struct cgroup *group)
{
    if (group->threaded)
        return false;
    while ((group = group->parent))
        if ((!is_mixable(group) && cgroup_is_thread_root(group)) || group->threaded)
            return false;
    return true;
}

int cgroup_make_threaded_locked(struct cgroup *group)
{
    struct cgroup *domain = cgroup_domain(group->parent);
    if (group->threaded)
        return 0;
    if (atomic_load_relaxed(&group->tasks) || !cgroup_is_valid_domain(domain) ||
        !cgroup_can_be_thread_root(domain))
        return -EOPNOTSUPP;
    spin_lock(process_tree_lock(group->state->kernel));
    group->threaded = true;
    spin_unlock(process_tree_lock(group->state->kernel));
    return 0;
}

/* ---- names ---- */

int cgroup_path(const struct cgroup *group, const struct cgroup *top, char buffer[VFS_PATH_MAX],
                const char **out)
{
    size_t at = VFS_PATH_MAX - 1;
    buffer[at] = 0;
    for (; group != top; group = group->parent) {
        size_t length = kstrlen(group->name);
        if (length + 1 > at)
            return -ENAMETOOLONG;
        at -= length;
        memcpy(buffer + at, group->name, length);
        buffer[--at] = '/';
    }
    *out = buffer + at;
    return 0;
}

/* The way from one group to another, which may be beside it or above. */
static int put_path(struct cgroup *group, struct cgroup *from, struct strbuf *out)
{
    struct cgroup *common = cgroup_common(group, from);
    const char *below;
    char *buffer = kmalloc(VFS_PATH_MAX);
    if (!buffer)
        return -ENOMEM;
    int error = cgroup_path(group, common, buffer, &below);
    if (!error) {
        for (struct cgroup *above = from; above != common; above = above->parent)
            strbuf_puts(out, "/..");
        strbuf_puts(out, group == from ? "/" : below);
    }
    kfree(buffer);
    return error;
}

int cgroup_show_task(struct task *task, struct strbuf *out)
{
    struct kernel *kernel = task->thread.kernel;
    struct spinlock *tree = process_tree_lock(kernel);
    spin_lock(tree);
    struct cgroup *group = cgroup_get(cgroup_of_task(task));
    bool dead = group->dead;
    spin_unlock(tree);
    strbuf_puts(out, "0::");
    int error = put_path(group, cgroup_namespace_root(kernel), out);
    strbuf_puts(out, dead ? " (deleted)\n" : "\n");
    cgroup_put(group);
    return error;
}

int cgroup_show_controllers(struct kernel *kernel, struct strbuf *out)
{
    strbuf_printf(out, "#subsys_name\thierarchy\tnum_cgroups\tenabled\npids\t0\t%u\t1\n",
                  atomic_load_relaxed(&cgroup_state_of(kernel)->groups));
    return 0;
}

int cgroup_init(struct kernel *kernel)
{
    struct cgroup_state *state = kzalloc(sizeof(*state));
    if (!state)
        return -ENOMEM;
    state->kernel = kernel;
    mutex_init(&state->mutex, LOCK_RANK_CGROUP);
    list_init(&state->news);
    state->next_id = CGROUP_ID_ROOT + CGROUP_ID_STEP;
    state->groups = 1;
    state->root = cgroup_allocate(state, NULL, "");
    if (!state->root)
        return -ENOMEM;
    state->root->id = CGROUP_ID_ROOT;
    kernel->cgroups = state;
    kernel->processes->cgroup_ops = &cgroup_task_ops;
    return cgroup_fs_init(kernel);
}
