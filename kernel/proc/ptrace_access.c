/* SPDX-License-Identifier: MIT
 *
 * Who may look into whom: "Ptrace access mode checking" of ptrace(2), the dumpable attribute of
 * prctl(2), and the scope that Linux's Yama module adds (/proc/sys/kernel/yama/ptrace_scope).
 *
 * The process-tree lock keeps the credentials of others in place while they are compared.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/core/kernel.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/security/cred.h"
#include "kernel/security/landlock.h"
#include "kernel/security/pid_namespace.h"

enum { SCOPE_CLASSIC, SCOPE_DESCENDANTS, SCOPE_CAPABLE, SCOPE_NOBODY };

static bool same_ids(const struct cred *mine, const struct cred *theirs, unsigned mode)
{
    uint32_t uid = (mode & PTRACE_MODE_FSCREDS) ? mine->fsuid : mine->uid;
    uint32_t gid = (mode & PTRACE_MODE_FSCREDS) ? mine->fsgid : mine->gid;
    return uid == theirs->euid && uid == theirs->suid && uid == theirs->uid &&
           gid == theirs->egid && gid == theirs->sgid && gid == theirs->gid;
}

static bool is_dumpable(const struct task *target)
{
    const struct mm *mm = target->thread.mm;
    return atomic_load_relaxed(&target->process->dumpable) == 1 && (!mm || mm->dumpable);
}

/* ---- Yama ---- */

static bool is_descendant_locked(const struct process *process, const struct process *ancestor)
{
    for (; process; process = process->parent) {
        if (process == ancestor)
            return true;
        if (process->is_init)
            return false;
    }
    return false;
}

/* PR_SET_PTRACER of the target names the current process, or one that it descends from. */
static bool is_exception_locked(const struct process *self, const struct process *target)
{
    if (target->ptracer_pid == -1)
        return true;
    for (; target->ptracer_pid && self; self = self->parent) {
        if (self->pid == target->ptracer_pid && self->start_ns == target->ptracer_start_ns)
            return true;
        if (self->is_init)
            break;
    }
    return false;
}

static bool in_scope_locked(const struct task *target, bool capable_here)
{
    const struct process *self = current_process();
    const struct task *tracer = ptrace_tracer_locked(target);
    switch (ptrace_scope(self->kernel)) {
    case SCOPE_CLASSIC:
        return true;
    case SCOPE_DESCENDANTS:
        return capable_here || is_descendant_locked(target->process, self) ||
               is_exception_locked(self, target->process) || (tracer && tracer->process == self);
    case SCOPE_CAPABLE:
        return capable_here;
    default:
        return false;
    }
}

unsigned ptrace_scope(struct kernel *kernel)
{
    return atomic_load_relaxed(&kernel->processes->ptrace_scope);
}

int ptrace_set_scope(struct kernel *kernel, unsigned scope)
{
    if (scope > PTRACE_SCOPE_MAX || (ptrace_scope(kernel) == SCOPE_NOBODY && scope != SCOPE_NOBODY))
        return -EINVAL;
    atomic_store_relaxed(&kernel->processes->ptrace_scope, scope);
    return 0;
}

int ptrace_allow_tracer(uint64_t pid)
{
    struct process *self = current_process();
    struct process *tracer = NULL;
    if (pid && pid != (uint64_t)PR_SET_PTRACER_ANY) {
        if ((int)pid <= 0)
            return -EINVAL;
        tracer = process_find_any(self->kernel, current_pid_given((int)pid));
        if (!tracer)
            return -EINVAL;
    }
    spin_lock(process_tree_lock(self->kernel));
    self->ptracer_pid = tracer ? tracer->pid : pid ? -1 : 0;
    self->ptracer_start_ns = tracer ? tracer->start_ns : 0;
    spin_unlock(process_tree_lock(self->kernel));
    if (tracer)
        process_put(tracer);
    return 0;
}

/* ---- the check ---- */

int ptrace_check_access_locked(struct task *target, unsigned mode)
{
    const struct cred *mine = current_cred(), *theirs = target->thread.cred;
    if (target->process == current_process())
        return 0;
    if (!theirs)
        return -EPERM;
    /* Over what may not be looked into only the initial namespace's root has power: its program may
     * be one from outside. */
    bool capable_here =
        cred_has_cap(mine, CAP_SYS_PTRACE) ||
        (cred_has_cap_in(mine, theirs->user_ns, CAP_SYS_PTRACE) && is_dumpable(target));
    if (!capable_here) {
        uint64_t caps = (mode & PTRACE_MODE_FSCREDS) ? mine->cap_effective : mine->cap_permitted;
        if (mine->user_ns != theirs->user_ns || !same_ids(mine, theirs, mode) ||
            !is_dumpable(target) || (theirs->cap_permitted & ~caps))
            return -EPERM;
    }
    if (!landlock_may_trace(mine->landlock, theirs->landlock))
        return -EPERM;
    return (mode & PTRACE_MODE_ATTACH) && !in_scope_locked(target, capable_here) ? -EPERM : 0;
}

int ptrace_check_access(struct task *target, unsigned mode)
{
    struct spinlock *tree = process_tree_lock(target->thread.kernel);
    spin_lock(tree);
    int error = ptrace_check_access_locked(target, mode);
    spin_unlock(tree);
    return error;
}

int ptrace_access_mm(struct task *target, unsigned mode, struct mm **out)
{
    struct spinlock *tree = process_tree_lock(target->thread.kernel);
    spin_lock(tree);
    int error = target->thread.mm ? ptrace_check_access_locked(target, mode) : -ESRCH;
    if (!error)
        *out = mm_get(target->thread.mm);
    spin_unlock(tree);
    return error;
}
