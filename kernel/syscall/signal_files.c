/* SPDX-License-Identifier: MIT
 *
 * System calls that turn signals and processes into files: signalfd(2), pidfd_open(2),
 * pidfd_send_signal(2), pidfd_getfd(2).
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/signalfd.h"
#include "kernel/procfs/procfs.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"
#include "kernel/syscall/siginfo.h"
#include "kernel/syscall/syscalls.h"

/* ---- signalfd ---- */

int64_t sys_signalfd4(int fd, uint64_t mask, uint64_t sigsetsize, uint32_t flags)
{
    uint64_t set;
    int error = signal_mask_from_user(mask, sigsetsize, &set);
    if (error)
        return error;
    if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    if (fd == -1)
        return signalfd_create(set, flags);
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    error = signalfd_set_mask(file, set);
    file_put(file);
    return error ? error : fd;
}

int64_t sys_signalfd(int fd, uint64_t mask, uint64_t sigsetsize)
{
    return sys_signalfd4(fd, mask, sigsetsize, 0);
}

/* ---- pidfds ---- */

int64_t sys_pidfd_open(int pid, uint32_t flags)
{
    if ((flags & ~(uint32_t)O_NONBLOCK) || pid <= 0)
        return -EINVAL;
    struct process *process = process_find_given(pid);
    if (!process) {
        struct task *task = task_find_given(pid);
        if (!task)
            return -ESRCH;
        task_put(task);
        return -EINVAL; /* a thread */
    }
    int fd = pidfd_create(process, flags);
    process_put(process);
    return fd;
}

static int pidfd_get(int fd, struct process **out)
{
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    *out = pidfd_process(file);
    file_put(file);
    return *out ? 0 : -EBADF;
}

static int info_for(const struct process *target, uint64_t info_uaddr, int sig,
                    struct linux_siginfo *out)
{
    const struct process *self = current_process();
    if (!info_uaddr) {
        *out = (struct linux_siginfo){.si_signo = sig, .si_code = SI_USER};
        out->kill.pid = self->own_pid;
        out->kill.uid = current_uid_shown(current_cred()->uid);
        return 0;
    }
    int error = siginfo_from_user(out, info_uaddr);
    if (error)
        return error;
    if (out->si_signo != sig)
        return -EINVAL;
    /* As rt_sigqueueinfo(2): only to itself may it pretend to be anybody. */
    return target != self && (out->si_code >= 0 || out->si_code == SI_TKILL) ? -EPERM : 0;
}

/* For pidfd_send_signal(2) a directory /proc/PID is as good. */
static int pidfd_or_proc_get(int fd, struct process **out)
{
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    *out = pidfd_process(file);
    int error = *out ? 0 : proc_dir_process(file, out);
    file_put(file);
    return error;
}

int64_t sys_pidfd_send_signal(int pidfd, int sig, uint64_t info_uaddr, uint32_t flags)
{
    struct linux_siginfo info;
    struct process *process;

    if (flags)
        return -EINVAL;
    int error = pidfd_or_proc_get(pidfd, &process);
    if (error)
        return error;
    /* Only into one's own pid namespace and those below. */
    error = pid_namespace_is_below(process_pid_namespace(process), current_pid_namespace())
                ? info_for(process, info_uaddr, sig, &info)
                : -EINVAL;
    if (!error && (sig < 0 || sig > SIGNALS_MAX))
        error = -EINVAL;
    if (!error && atomic_load_acquire(&process->state) == PROCESS_REAPED)
        error = -ESRCH;
    if (!error)
        error = signal_check_permission(process, sig, &info);
    if (!error && signal_send_process(process, sig, &info) == -EAGAIN)
        error = -EAGAIN;
    process_put(process);
    return error;
}

/* ptrace(2), "Ptrace access mode checking", PTRACE_MODE_ATTACH_REALCREDS. */
static bool may_take_files(const struct cred *theirs)
{
    const struct cred *mine = current_cred();
    bool same = mine->uid == theirs->uid && mine->uid == theirs->euid &&
                mine->uid == theirs->suid && mine->gid == theirs->gid &&
                mine->gid == theirs->egid && mine->gid == theirs->sgid;
    return (same && mine->user_ns == theirs->user_ns) ||
           cred_has_cap_in(mine, theirs->user_ns, CAP_SYS_PTRACE);
}

/* The descriptor table of the process's main thread, referenced; or an errno. */
static int files_of(struct process *process, struct file_table **out)
{
    struct spinlock *tree = process_tree_lock(process->kernel);
    int error = 0;
    spin_lock(tree);
    struct task *leader = process->leader; /* gone once the process is reaped */
    if (process->state == PROCESS_REAPED || leader->exiting)
        error = -ESRCH;
    else if (process != current_process() &&
             (!may_take_files(leader->thread.cred) ||
              (!process->dumpable && !capable(CAP_SYS_PTRACE))))
        error = -EPERM;
    else
        *out = file_table_get(leader->thread.files);
    spin_unlock(tree);
    return error;
}

int64_t sys_pidfd_getfd(int pidfd, int fd, uint32_t flags)
{
    struct file_table *files;
    struct process *process;

    if (flags)
        return -EINVAL;
    int error = pidfd_get(pidfd, &process);
    if (error)
        return error;
    error = files_of(process, &files);
    process_put(process);
    if (error)
        return error;
    struct file *file = file_table_lookup(files, fd);
    file_table_put(files);
    return file ? fd_add(file, true) : -EBADF;
}
