/* SPDX-License-Identifier: MIT
 *
 * Leaving and joining namespaces: unshare(2), setns(2).
 *
 * Both act on the calling thread alone. New parts are made first; nothing is changed until all of
 * them are there.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount_namespace.h"
#include "kernel/fs/nsfs.h"
#include "kernel/fs/path.h"
#include "kernel/ipc/sysv.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/namespaces.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/process_internal.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

#define SET_FLAGS (CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID)

static void install_set(struct task *task, struct namespaces *set)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    spin_lock(tree);
    struct namespaces *old = task->thread.namespaces;
    task->thread.namespaces = set;
    spin_unlock(tree);
    namespaces_put(old);
}

static void install_fs(struct task *task, struct fs_context *fs)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    spin_lock(tree);
    struct fs_context *old = task->thread.fs;
    task->thread.fs = fs;
    spin_unlock(tree);
    fs_context_put(old);
}

static bool is_single_threaded(struct task *task)
{
    return atomic_load_acquire(&task->process->task_count) == 1;
}

/* ---- unshare(2) ---- */

static int check_unshare(struct task *task, uint64_t *flags)
{
    const uint64_t known = CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES |
                           CLONE_SYSVSEM | NAMESPACE_FLAGS;
    if (*flags & CLONE_NEWUSER)
        *flags |= CLONE_THREAD | CLONE_FS;
    if (*flags & CLONE_VM)
        *flags |= CLONE_SIGHAND;
    if (*flags & CLONE_SIGHAND)
        *flags |= CLONE_THREAD;
    if (*flags & CLONE_NEWNS)
        *flags |= CLONE_FS;
    if (*flags & ~known)
        return -EINVAL;
    if ((*flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) && !is_single_threaded(task))
        return -EINVAL;
    if ((*flags & (CLONE_SIGHAND | CLONE_VM)) && refcount_read(&task->process->actions->refs) > 1)
        return -EINVAL;
    return 0;
}

/* What unshare makes before anything is changed. */
struct unshared {
    struct cred *cred;
    struct fs_context *fs;
    struct namespaces *set;
};

static int make_parts(struct task *task, uint64_t flags, struct unshared *parts)
{
    int error = 0;
    if (flags & CLONE_NEWUSER) {
        struct user_namespace *ns;
        if (fs_context_is_chrooted(task->thread.fs))
            return -EPERM;
        error = user_namespace_create(task->thread.kernel, current_cred(), &ns);
        if (error)
            return error;
        parts->cred = cred_copy(current_cred());
        if (parts->cred)
            cred_enter_user_namespace(parts->cred, ns);
        user_namespace_put(ns);
        if (!parts->cred)
            return -ENOMEM;
    }
    const struct cred *cred = parts->cred ? parts->cred : current_cred();
    if ((flags & (SET_FLAGS | CLONE_NEWNS)) && !cred_has_cap_here(cred, CAP_SYS_ADMIN))
        return -EPERM;
    if (flags & CLONE_FS)
        error = fs_context_copy(task->thread.fs, &parts->fs);
    if (!error && (flags & CLONE_NEWNS))
        error = mount_namespace_unshare(parts->fs, cred->user_ns);
    if (!error && (flags & SET_FLAGS))
        error = namespaces_copy(namespaces_current(), flags, cred->user_ns, &parts->set);
    return error;
}

int64_t task_unshare(uint64_t flags)
{
    struct task *task = current_task();
    struct unshared parts = {0};
    int error = check_unshare(task, &flags);
    if (!error)
        error = make_parts(task, flags, &parts);
    if (!error && (flags & CLONE_FILES))
        error = file_table_unshare();
    if (error) {
        if (parts.cred)
            cred_put(parts.cred);
        fs_context_put(parts.fs);
        namespaces_put(parts.set);
        return error;
    }
    if (flags & (CLONE_NEWIPC | CLONE_SYSVSEM))
        sem_undo_exit(); /* adjustments were for the old objects */
    if (parts.fs)
        install_fs(task, parts.fs);
    if (parts.set)
        install_set(task, parts.set);
    if (parts.cred)
        cred_install(parts.cred);
    return 0;
}

/* ---- setns(2) ---- */

static int join_user(struct task *task, struct user_namespace *ns)
{
    struct kernel *kernel = task->thread.kernel;
    if (ns == kernel->user_ns)
        ns = NULL;
    if (ns == current_cred()->user_ns || !is_single_threaded(task) ||
        atomic_load_acquire(&task->thread.fs->refs) != 1)
        return -EINVAL;
    if (!capable_in(ns, CAP_SYS_ADMIN))
        return -EPERM;
    struct cred *cred = cred_copy(current_cred());
    if (!cred)
        return -ENOMEM;
    cred_enter_user_namespace(cred, ns);
    cred_install(cred);
    return 0;
}

static int join_mount(struct task *task, struct mount_namespace *ns)
{
    if (!capable_in(ns->common.owner, CAP_SYS_ADMIN) || !capable_here(CAP_SYS_CHROOT) ||
        !capable_here(CAP_SYS_ADMIN))
        return -EPERM;
    if (atomic_load_acquire(&task->thread.fs->refs) != 1)
        return -EINVAL;
    return mount_namespace_enter(task->thread.fs, ns);
}

/* A set that differs from the current one in one member. */
static int join_in_set(struct task *task, struct ns_common *ns)
{
    struct namespaces *set;
    if (!capable_in(ns->owner, CAP_SYS_ADMIN) || !capable_here(CAP_SYS_ADMIN))
        return -EPERM;
    int error = namespaces_copy(namespaces_current(), 0, NULL, &set);
    if (error)
        return error;
    if (ns->ops->type == CLONE_NEWUTS) {
        namespace_put(&set->uts->common);
        set->uts = container_of(namespace_get(ns), struct uts_namespace, common);
    } else if (ns->ops->type == CLONE_NEWIPC) {
        ipc_namespace_put(set->ipc);
        set->ipc = ipc_namespace_of(namespace_get(ns));
        sem_undo_exit();
    } else if (ns->ops->type == CLONE_NEWPID) {
        pid_namespace_put(set->pid_for_children);
        set->pid_for_children = pid_namespace_of(namespace_get(ns));
    } else {
        namespace_put(set->cgroup);
        set->cgroup = namespace_get(ns);
    }
    install_set(task, set);
    return 0;
}

/* For the children; only what is seen from here. */
static int join_pid(struct task *task, struct ns_common *ns)
{
    if (!capable_in(ns->owner, CAP_SYS_ADMIN) || !capable_here(CAP_SYS_ADMIN))
        return -EPERM;
    if (!pid_namespace_is_below(pid_namespace_of(ns), current_pid_namespace()))
        return -EINVAL;
    return join_in_set(task, ns);
}

static int join(struct task *task, struct ns_common *ns)
{
    switch (ns->ops->type) {
    case CLONE_NEWUSER:
        return join_user(task, container_of(ns, struct user_namespace, common));
    case CLONE_NEWNS:
        return join_mount(task, container_of(ns, struct mount_namespace, common));
    case CLONE_NEWPID:
        return join_pid(task, ns);
    case CLONE_NEWUTS:
    case CLONE_NEWIPC:
    case CLONE_NEWCGROUP:
        return join_in_set(task, ns);
    default:
        return -EINVAL;
    }
}

/* Those of the process behind a pidfd: user first, so that the others are joined with its rights.
 */
static int64_t join_process(struct task *task, struct task *other, uint64_t types)
{
    static const uint32_t order[] = {CLONE_NEWUSER,   CLONE_NEWUTS, CLONE_NEWIPC,
                                     CLONE_NEWCGROUP, CLONE_NEWPID, CLONE_NEWNS};
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
        if (!(types & order[i]))
            continue;
        struct ns_common *ns = task_namespace(other, order[i]);
        int error = ns ? join(task, ns) : -ESRCH;
        namespace_put(ns);
        if (error)
            return error;
    }
    return 0;
}

int64_t task_set_namespace(struct file *file, uint64_t type)
{
    struct task *task = current_task();
    struct ns_common *ns = nsfs_namespace(file);
    if (ns)
        return type && type != ns->ops->type ? -EINVAL : join(task, ns);

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
