/* SPDX-License-Identifier: MIT
 *
 * Leaving namespaces and what else is shared: unshare(2); and what execve(2) does to namespaces.
 *
 * It acts on the calling thread alone. New parts are made first; nothing is changed until all of
 * them are there.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount_namespace.h"
#include "kernel/fs/path.h"
#include "kernel/ipc/sysv.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/namespaces.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

#define SET_FLAGS (NAMESPACE_FLAGS & ~(CLONE_NEWNS | CLONE_NEWUSER))

void task_install_namespaces(struct task *task, struct namespaces *set)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    spin_lock(tree);
    struct namespaces *old = task->thread.namespaces;
    task->thread.namespaces = set;
    spin_unlock(tree);
    namespaces_put(old);
}

void task_install_fs(struct task *task, struct fs_context *fs)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    spin_lock(tree);
    struct fs_context *old = task->thread.fs;
    task->thread.fs = fs;
    spin_unlock(tree);
    fs_context_put(old);
}

bool task_is_single_threaded(struct task *task)
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
    if ((*flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) && !task_is_single_threaded(task))
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
        task_install_fs(task, parts.fs);
    if (parts.set)
        task_install_namespaces(task, parts.set);
    if (parts.cred)
        cred_install(parts.cred);
    return 0;
}

/* ---- execve(2) ---- */

int namespaces_exec(struct task *task, struct mm *mm)
{
    struct namespaces *set = namespaces_current();
    if (set->time != set->time_for_children) {
        int error = namespaces_copy(set, 0, NULL, &set);
        if (error)
            return error;
        namespaces_enter_time(set);
        task_install_namespaces(task, set);
    }
    if (set->time->clock_page)
        time_namespace_enter(set->time, mm);
    return 0;
}
