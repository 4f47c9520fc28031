/* SPDX-License-Identifier: MIT
 *
 * Sets of namespaces, and the kinds that are nothing but a few words: UTS (uts_namespaces(7)) and
 * cgroup (cgroup_namespaces(7)).
 */
#include "kernel/proc/namespaces.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/mount_namespace.h"
#include "kernel/fs/nsfs.h"
#include "kernel/fs/path.h"
#include "kernel/ipc/net_namespace.h"
#include "kernel/ipc/sysv.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/cgroup_ops.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

static void put_cgroup(struct kernel *kernel, struct cgroup *group)
{
    if (group)
        kernel->processes->cgroup_ops->put(group);
}

static void free_cgroup(struct ns_common *common)
{
    struct cgroup_namespace *ns = cgroup_namespace_of(common);
    put_cgroup(common->kernel, ns->root);
    kfree(ns);
}

static void free_uts(struct ns_common *ns)
{
    kfree(container_of(ns, struct uts_namespace, common));
}

static const struct ns_ops cgroup_ops = {
    .name = "cgroup", .type = CLONE_NEWCGROUP, .free = free_cgroup};
static const struct ns_ops uts_ops = {.name = "uts", .type = CLONE_NEWUTS, .free = free_uts};

static struct ns_common *cgroup_create(struct kernel *kernel, uint32_t number,
                                       struct user_namespace *owner)
{
    struct cgroup_namespace *ns = kzalloc(sizeof(*ns));
    if (!ns)
        return NULL;
    namespace_init(&ns->common, kernel, &cgroup_ops, number, owner);
    return &ns->common;
}

/* One whose root is the current task's group. */
static struct ns_common *cgroup_create_here(struct kernel *kernel, struct user_namespace *owner)
{
    struct spinlock *tree = process_tree_lock(kernel);
    struct ns_common *ns = cgroup_create(kernel, 0, owner);
    if (!ns)
        return NULL;
    spin_lock(tree);
    struct cgroup *group = current_task()->cgroup;
    cgroup_namespace_of(ns)->root = group ? kernel->processes->cgroup_ops->get(group) : NULL;
    spin_unlock(tree);
    return ns;
}

static struct uts_namespace *uts_create(struct kernel *kernel, uint32_t number,
                                        struct user_namespace *owner)
{
    struct uts_namespace *ns = kzalloc(sizeof(*ns));
    if (!ns)
        return NULL;
    namespace_init(&ns->common, kernel, &uts_ops, number, owner);
    spin_lock_init(&ns->lock, LOCK_RANK_OBJECT);
    return ns;
}

static struct uts_namespace *uts_copy(struct uts_namespace *from, struct user_namespace *owner)
{
    struct uts_namespace *ns = uts_create(from->common.kernel, 0, owner);
    if (!ns)
        return NULL;
    spin_lock(&from->lock);
    memcpy(ns->nodename, from->nodename, sizeof(ns->nodename));
    memcpy(ns->domainname, from->domainname, sizeof(ns->domainname));
    spin_unlock(&from->lock);
    return ns;
}

/* ---- sets ---- */

int namespaces_init(struct kernel *kernel)
{
    struct namespaces *set = kzalloc(sizeof(*set));
    if (!set)
        return -ENOMEM;
    refcount_init(&set->refs, 1);
    set->cgroup = cgroup_create(kernel, NAMESPACE_NUMBER_CGROUP, NULL);
    set->uts = uts_create(kernel, NAMESPACE_NUMBER_UTS, NULL);
    set->time = time_namespace_create(kernel, NAMESPACE_NUMBER_TIME, NULL, NULL);
    if (!set->cgroup || !set->uts || !set->time)
        return -ENOMEM;
    set->time_for_children = time_namespace_of(namespace_get(&set->time->common));
    set->net = net_namespace_get(net_namespace_current());
    set->ipc = ipc_namespace_get(ipc_namespace_current()); /* ours is the initial one yet */
    set->pid_for_children = pid_namespace_get(&kernel->pids->initial);
    kernel->namespaces = set;
    return 0;
}

struct namespaces *namespaces_get(struct namespaces *set)
{
    refcount_inc(&set->refs);
    return set;
}

void namespaces_put(struct namespaces *set)
{
    if (!set || !refcount_dec_and_test(&set->refs))
        return;
    namespace_put(set->cgroup);
    if (set->uts)
        namespace_put(&set->uts->common);
    if (set->ipc)
        ipc_namespace_put(set->ipc);
    net_namespace_put(set->net);
    if (set->time)
        namespace_put(&set->time->common);
    if (set->time_for_children)
        namespace_put(&set->time_for_children->common);
    pid_namespace_put(set->pid_for_children);
    kfree(set);
}

struct namespaces *namespaces_current(void)
{
    struct thread *thread = this_thread();
    return thread->namespaces ? thread->namespaces : this_kernel()->namespaces;
}

static int copy_pid(struct pid_namespace *from, bool fresh, struct user_namespace *owner,
                    struct pid_namespace **out)
{
    if (!fresh) {
        *out = pid_namespace_get(from);
        return 0;
    }
    if (from != current_pid_namespace() || !user_namespace_is_below(owner, from->common.owner))
        return -EINVAL;
    return pid_namespace_create(from, owner, out);
}

static int copy_time(struct namespaces *from, bool fresh, struct user_namespace *owner,
                     struct namespaces *set)
{
    struct time_namespace *children = from->time_for_children;
    namespace_get(&from->time->common);
    set->time = from->time;
    if (!fresh)
        namespace_get(&children->common);
    else
        children = time_namespace_create(from->uts->common.kernel, 0, children, owner);
    set->time_for_children = children;
    return children ? 0 : -ENOMEM;
}

static int copy_net(struct net_namespace *from, bool fresh, struct user_namespace *owner,
                    struct net_namespace **out)
{
    if (fresh)
        return net_namespace_create(from->common.kernel, owner, out);
    *out = net_namespace_get(from);
    return 0;
}

void namespaces_enter_time(struct namespaces *set)
{
    namespace_put(&set->time->common);
    set->time = set->time_for_children;
    namespace_get(&set->time->common);
}

int namespaces_copy(struct namespaces *from, uint64_t flags, struct user_namespace *owner,
                    struct namespaces **out)
{
    struct kernel *kernel = from->uts->common.kernel;
    struct namespaces *set = kzalloc(sizeof(*set));
    if (!set)
        return -ENOMEM;
    refcount_init(&set->refs, 1);
    set->cgroup =
        flags & CLONE_NEWCGROUP ? cgroup_create_here(kernel, owner) : namespace_get(from->cgroup);
    if (flags & CLONE_NEWUTS) {
        set->uts = uts_copy(from->uts, owner);
    } else {
        set->uts = from->uts;
        namespace_get(&from->uts->common);
    }
    int error = 0;
    if (flags & CLONE_NEWIPC)
        error = ipc_namespace_create(kernel, owner, &set->ipc);
    else
        set->ipc = ipc_namespace_get(from->ipc);
    if (!error && (!set->cgroup || !set->uts))
        error = -ENOMEM;
    if (!error)
        error =
            copy_pid(from->pid_for_children, flags & CLONE_NEWPID, owner, &set->pid_for_children);
    if (!error)
        error = copy_net(from->net, flags & CLONE_NEWNET, owner, &set->net);
    if (!error)
        error = copy_time(from, flags & CLONE_NEWTIME, owner, set);
    if (error) {
        namespaces_put(set);
        return error;
    }
    *out = set;
    return 0;
}

/* ---- for /proc ---- */

static struct ns_common *mount_namespace_of(struct task *task)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    spin_lock(tree);
    struct fs_context *fs =
        !task->exiting && task->thread.fs ? fs_context_get(task->thread.fs) : NULL;
    spin_unlock(tree);
    if (!fs)
        return NULL;
    struct mount_namespace *ns = fs_context_mount_namespace(fs);
    fs_context_put(fs);
    return &ns->common;
}

struct ns_common *task_namespace(struct task *task, uint32_t type)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    struct ns_common *ns = NULL;

    if (type == CLONE_NEWNS)
        return mount_namespace_of(task);
    spin_lock(tree);
    const struct namespaces *set = task->exiting ? NULL : task->thread.namespaces;
    if (type == CLONE_NEWPID && task->process->state != PROCESS_REAPED)
        ns = namespace_get(&process_pid_namespace(task->process)->common);
    else if (set && type == (CLONE_NEWPID | NAMESPACE_FOR_CHILDREN) &&
             (set->pid_for_children->init || set->pid_for_children->closed))
        ns = namespace_get(&set->pid_for_children->common);
    else if (type == CLONE_NEWUSER)
        ns = nsfs_user_namespace(task->thread.kernel, task->thread.cred->user_ns);
    else if (set && type == CLONE_NEWUTS)
        ns = namespace_get(&set->uts->common);
    else if (set && type == CLONE_NEWIPC)
        ns = namespace_get(ipc_namespace_common(set->ipc));
    else if (set && type == CLONE_NEWCGROUP)
        ns = namespace_get(set->cgroup);
    else if (set && type == CLONE_NEWNET)
        ns = namespace_get(&set->net->common);
    else if (set && type == CLONE_NEWTIME)
        ns = namespace_get(&set->time->common);
    else if (set && type == (CLONE_NEWTIME | NAMESPACE_FOR_CHILDREN))
        ns = namespace_get(&set->time_for_children->common);
    spin_unlock(tree);
    return ns;
}
