/* SPDX-License-Identifier: MIT
 *
 * Joining namespaces: setns(2).
 *
 * What will be the thread's is put together first, of one namespace or of several of another
 * process, with every check; only then anything is changed, so that a call that fails has done
 * nothing.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount_namespace.h"
#include "kernel/fs/nsfs.h"
#include "kernel/fs/path.h"
#include "kernel/ipc/net_namespace.h"
#include "kernel/ipc/sysv.h"
#include "kernel/proc/namespaces.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

/* What the thread will have; NULL: stays. */
struct joining {
    struct task *task;
    uint64_t types;
    struct cred *cred;
    struct namespaces *set;
    struct fs_context *fs;
};

static const uint64_t in_set = NAMESPACE_FLAGS & ~(uint64_t)(CLONE_NEWNS | CLONE_NEWUSER);

static int prepare(struct joining *joining)
{
    struct task *task = joining->task;
    int error = 0;
    if ((joining->types & CLONE_NEWUSER) && !(joining->cred = cred_copy(current_cred())))
        error = -ENOMEM;
    if (!error && (joining->types & in_set))
        error = namespaces_copy(namespaces_current(), 0, NULL, &joining->set);
    if (!error && joining->types == CLONE_NEWNS)
        joining->fs = fs_context_get(task->thread.fs);
    else if (!error && (joining->types & CLONE_NEWNS))
        error = fs_context_copy(task->thread.fs, &joining->fs);
    return error;
}

static void discard(struct joining *joining)
{
    if (joining->cred)
        cred_put(joining->cred);
    namespaces_put(joining->set);
    fs_context_put(joining->fs);
}

/* May we act in the namespace's user namespace, and in what will be ours? */
static bool is_capable(const struct joining *joining, struct ns_common *ns)
{
    const struct cred *cred = joining->cred ? joining->cred : current_cred();
    return capable_in(ns->owner, CAP_SYS_ADMIN) && cred_has_cap_here(cred, CAP_SYS_ADMIN);
}

/* ---- one of each kind ---- */

static int join_user(struct joining *joining, struct user_namespace *ns)
{
    if (ns == joining->task->thread.kernel->user_ns)
        ns = NULL;
    if (ns == current_cred()->user_ns || !task_is_single_threaded(joining->task) ||
        atomic_load_acquire(&joining->task->thread.fs->refs) != 1)
        return -EINVAL;
    if (!capable_in(ns, CAP_SYS_ADMIN))
        return -EPERM;
    cred_enter_user_namespace(joining->cred, ns);
    return 0;
}

/* A context that others share cannot move; our own copy of it can. */
static int join_mount(struct joining *joining, struct mount_namespace *ns)
{
    const struct cred *cred = joining->cred ? joining->cred : current_cred();
    uint32_t shares = joining->fs == joining->task->thread.fs ? 2 : 1; /* one is ours here */
    if (!is_capable(joining, &ns->common) || !cred_has_cap_here(cred, CAP_SYS_CHROOT))
        return -EPERM;
    if (atomic_load_acquire(&joining->fs->refs) != shares)
        return -EINVAL;
    return 0;
}

/* For the children; only what is seen from here. */
static int join_pid(struct namespaces *set, struct pid_namespace *ns)
{
    if (!pid_namespace_is_below(ns, current_pid_namespace()))
        return -EINVAL;
    pid_namespace_put(set->pid_for_children);
    set->pid_for_children = pid_namespace_get(ns);
    return 0;
}

static int join_time(struct joining *joining, struct ns_common *ns)
{
    struct namespaces *set = joining->set;
    if (!task_is_single_threaded(joining->task))
        return -EUSERS;
    namespace_put(&set->time->common);
    set->time = time_namespace_of(namespace_get(ns));
    namespace_put(&set->time_for_children->common);
    set->time_for_children = time_namespace_of(namespace_get(ns));
    return 0;
}

static int join_in_set(struct joining *joining, struct ns_common *ns)
{
    struct namespaces *set = joining->set;
    if (ns->ops->type == CLONE_NEWTIME && !task_is_single_threaded(joining->task))
        return -EUSERS;
    if (!is_capable(joining, ns))
        return -EPERM;
    switch (ns->ops->type) {
    case CLONE_NEWUTS:
        namespace_put(&set->uts->common);
        set->uts = container_of(namespace_get(ns), struct uts_namespace, common);
        return 0;
    case CLONE_NEWIPC:
        ipc_namespace_put(set->ipc);
        set->ipc = ipc_namespace_of(namespace_get(ns));
        return 0;
    case CLONE_NEWNET:
        if (!capable_here(CAP_SYS_ADMIN))
            return -EPERM;
        net_namespace_put(set->net);
        set->net = net_namespace_of(namespace_get(ns));
        return 0;
    case CLONE_NEWCGROUP:
        namespace_put(set->cgroup);
        set->cgroup = namespace_get(ns);
        return 0;
    case CLONE_NEWPID:
        return join_pid(set, pid_namespace_of(ns));
    case CLONE_NEWTIME:
        return join_time(joining, ns);
    default:
        return -EINVAL;
    }
}

static int join(struct joining *joining, struct ns_common *ns)
{
    if (ns->ops->type == CLONE_NEWUSER)
        return join_user(joining, container_of(ns, struct user_namespace, common));
    if (ns->ops->type == CLONE_NEWNS)
        return join_mount(joining, container_of(ns, struct mount_namespace, common));
    return join_in_set(joining, ns);
}

/* ---- the change ---- */

/* mounts: to be entered, or NULL. That is what can still fail, and so comes first. */
static int commit(struct joining *joining, struct mount_namespace *mounts)
{
    struct task *task = joining->task;
    int error = mounts ? mount_namespace_enter(joining->fs, mounts) : 0;
    if (error) {
        discard(joining);
        return error;
    }
    if (joining->types & CLONE_NEWIPC)
        sem_undo_exit(); /* adjustments were for the old objects */
    if (joining->types & CLONE_NEWTIME)
        time_namespace_enter(joining->set->time, task->thread.mm);
    if (joining->fs == task->thread.fs)
        fs_context_put(joining->fs);
    else if (joining->fs)
        task_install_fs(task, joining->fs);
    if (joining->set)
        task_install_namespaces(task, joining->set);
    if (joining->cred)
        cred_install(joining->cred);
    return 0;
}

static int join_one(struct task *task, struct ns_common *ns)
{
    struct joining joining = {.task = task, .types = ns->ops->type};
    int error = prepare(&joining);
    if (!error)
        error = join(&joining, ns);
    if (error) {
        discard(&joining);
        return error;
    }
    return commit(&joining, ns->ops->type == CLONE_NEWNS
                                ? container_of(ns, struct mount_namespace, common)
                                : NULL);
}

/* Those of the process behind a pidfd: user first, so that the others are joined with its rights.
 */
static int join_process(struct task *task, struct task *other, uint64_t types)
{
    static const uint32_t order[] = {CLONE_NEWUSER, CLONE_NEWNS,     CLONE_NEWUTS, CLONE_NEWIPC,
                                     CLONE_NEWPID,  CLONE_NEWCGROUP, CLONE_NEWNET, CLONE_NEWTIME};
    struct joining joining = {.task = task, .types = types};
    struct ns_common *mounts = NULL;
    int error = ptrace_check_access(other, PTRACE_MODE_READ | PTRACE_MODE_REALCREDS);
    if (!error)
        error = prepare(&joining);
    for (unsigned i = 0; !error && i < ARRAY_SIZE(order); i++) {
        if (!(types & order[i]))
            continue;
        struct ns_common *ns = task_namespace(other, order[i]);
        error = ns ? join(&joining, ns) : -ESRCH;
        if (order[i] == CLONE_NEWNS)
            mounts = ns; /* needed until the end */
        else
            namespace_put(ns);
    }
    if (error)
        discard(&joining);
    else
        error =
            commit(&joining, mounts ? container_of(mounts, struct mount_namespace, common) : NULL);
    namespace_put(mounts);
    return error;
}

int64_t task_set_namespace(struct file *file, uint64_t type)
{
    struct task *task = current_task();
    struct ns_common *ns = nsfs_namespace(file);
    if (ns)
        return type && type != ns->ops->type ? -EINVAL : join_one(task, ns);

    struct process *process = pidfd_process(file);
    if (!process)
        return -EINVAL;
    int64_t result = -EINVAL;
    if (type && !(type & ~(uint64_t)NAMESPACE_FLAGS)) {
        struct task *other = task_find(task->thread.kernel, process->pid);
        result = other ? join_process(task, other, type) : -ESRCH;
        if (other)
            task_put(other);
    }
    process_put(process);
    return result;
}
