/* SPDX-License-Identifier: MIT
 *
 * fcntl(2), and the signals to a file's owner that it arranges.
 */
#include "kernel/abi/fcntl.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/resource.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/leases.h"
#include "kernel/fs/locks.h"
#include "kernel/fs/path.h"
#include "kernel/ipc/dnotify.h"
#include "kernel/ipc/splice.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/session.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"
#include "kernel/syscall/ipc_hooks.h"
#include "kernel/syscall/syscalls.h"

enum { SETTABLE_FLAGS = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME };

static int64_t dup_from(int fd, uint64_t minimum, bool cloexec)
{
    if (minimum >= current_limit(RLIMIT_NOFILE))
        return -EINVAL;
    struct file *file = fd_get_any(fd);
    if (!file)
        return -EBADF;
    int copy = fd_reserve((unsigned)minimum, cloexec);
    if (copy < 0)
        file_put(file);
    else
        fd_install(copy, file);
    return copy;
}

static int64_t set_flags(struct file *file, uint32_t flags)
{
    uint32_t old = atomic_load_relaxed(&file->flags);
    if ((flags & ~old & O_NOATIME) && !inode_owner_or_capable(file->inode))
        return -EPERM;
    if ((old & ~flags & O_APPEND) && (atomic_load_relaxed(&file->inode->flags) & INODE_APPEND))
        return -EPERM;
    /* Only what can become ready by itself ever signals. */
    uint32_t settable = SETTABLE_FLAGS & ~(uint32_t)(file->mode & FILE_STREAM ? 0 : O_ASYNC), new;
    do {
        new = (old & ~settable) | (flags & settable);
    } while (!atomic_cmpxchg_relaxed(&file->flags, &old, new));
    return 0;
}

/* Another thread may have closed the descriptor while the lock was waited for: that let go of all
 * that the process held, but could not of this one. */
static int drop_locks_if_closed(int fd, struct file *file)
{
    struct linux_flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    struct file *now = fd_get_any(fd);
    if (now)
        file_put(now); /* only compared from here on */
    if (now == file)
        return 0;
    (void)file_lock_fcntl(file, F_SETLK, &all);
    return -EBADF;
}

static int64_t record_lock(int fd, struct file *file, int command, uint64_t uaddr)
{
    struct linux_flock lock;
    if (copy_from_user(&lock, uaddr, sizeof(lock)))
        return -EFAULT;
    int error = file_lock_fcntl(file, command, &lock);
    if (error)
        return error;
    if ((command == F_SETLK || command == F_SETLKW) && lock.l_type != F_UNLCK)
        return drop_locks_if_closed(fd, file);
    if (command != F_GETLK && command != F_OFD_GETLK)
        return 0;
    return copy_to_user(uaddr, &lock, sizeof(lock)) ? -EFAULT : 0;
}

/* ---- who gets SIGIO ---- */

static bool owner_exists(struct kernel *kernel, int type, int pid)
{
    if (type == F_OWNER_PGRP) {
        struct process_group *group = process_group_find(kernel, pid);
        if (group)
            process_group_put(group);
        return group != NULL;
    }
    struct task *task = task_find(kernel, pid);
    if (task)
        task_put(task);
    return task != NULL;
}

static int64_t set_owner(struct file *file, int type, int number)
{
    int pid = current_pid_given(number);
    if (pid != 0 && !owner_exists(file->kernel, type, pid))
        return -ESRCH;
    file->owner_uid = pid ? current_cred()->uid : 0;
    file->owner_euid = pid ? current_cred()->euid : 0;
    file->owner_type = (uint8_t)type;
    file->owner_pid = type == F_OWNER_PGRP ? -pid : pid;
    return 0;
}

static int64_t set_owner_plain(struct file *file, uint64_t argument)
{
    int who = (int)argument;
    if (who >= 0)
        return set_owner(file, F_OWNER_PID, who);
    return who == INT32_MIN ? -EINVAL : set_owner(file, F_OWNER_PGRP, -who);
}

static int64_t owner_ex(struct file *file, int command, uint64_t uaddr)
{
    struct linux_f_owner_ex owner;
    if (command == F_GETOWN_EX) {
        int pid = file->owner_pid;
        owner.type = pid ? file->owner_type : F_OWNER_TID;
        owner.pid = current_pid_shown(pid < 0 ? -pid : pid);
        return copy_to_user(uaddr, &owner, sizeof(owner)) ? -EFAULT : 0;
    }
    if (copy_from_user(&owner, uaddr, sizeof(owner)))
        return -EFAULT;
    if (owner.type < F_OWNER_TID || owner.type > F_OWNER_PGRP)
        return -EINVAL;
    return set_owner(file, owner.type, owner.pid);
}

/* As the owner was set, in the caller's user namespace. */
static int64_t put_owner_uids(const struct file *file, uint64_t uaddr)
{
    uint32_t uids[2] = {current_uid_shown(file->owner_uid), current_uid_shown(file->owner_euid)};
    return copy_to_user(uaddr, uids, sizeof(uids));
}

static int64_t rw_hint(struct file *file, int command, uint64_t uaddr)
{
    if (command == F_GET_RW_HINT || command == F_GET_FILE_RW_HINT)
        return put_user_u64(uaddr, file->rw_hint);
    uint64_t hint;
    if (get_user_u64(&hint, uaddr))
        return -EFAULT;
    if (hint > 5)
        return -EINVAL;
    file->rw_hint = hint;
    return 0;
}

/* Whoever asks for signals and has not said where they go gets them. */
static void become_owner(struct file *file)
{
    if (!file->owner_pid) {
        file->owner_type = F_OWNER_PID;
        file->owner_pid = current_process()->pid;
    }
}

static int64_t set_lease(int fd, struct file *file, int type)
{
    int error = file_lease_set(file, type, fd);
    if (!error && type != F_UNLCK)
        become_owner(file);
    return error;
}

static int64_t set_directory_signal(int fd, struct file *file, uint32_t mask)
{
    int error = dnotify_set(file, fd, mask);
    if (!error && (mask & ~(uint32_t)DN_MULTISHOT))
        become_owner(file);
    return error;
}

/* May who opened the file send signals there? */
static bool may_signal(const struct file *file, struct task *task)
{
    const struct cred *from = file->cred, *to = thread_cred_get(&task->thread);
    bool allowed = from->euid == 0 || from->euid == to->suid || from->euid == to->uid ||
                   from->uid == to->suid || from->uid == to->uid;
    cred_put(to);
    return allowed;
}

static void signal_task(const struct file *file, struct task *task, bool thread,
                        const struct linux_siginfo *info)
{
    if (!may_signal(file, task))
        return;
    if (thread)
        signal_send_task(task, info->si_signo, info);
    else
        signal_send_process(task->process, info->si_signo, info);
}

void fcntl_signal_owner(struct file *file, int fd, int code)
{
    enum { BAND_MESSAGE = 0x1 | 0x40 | 0x400 }; /* POLLIN POLLRDNORM POLLMSG */
    int owner = file->owner_pid, type = file->owner_type;
    struct linux_siginfo info = {.si_signo = file->owner_signal, .si_code = code};
    info.poll.band = BAND_MESSAGE;
    info.poll.fd = fd;
    if (!info.si_signo)
        info = (struct linux_siginfo){.si_signo = SIGIO, .si_code = SI_KERNEL};
    if (code == POLL_PRI) /* data out of band: SIGURG whatever F_SETSIG says */
        info = (struct linux_siginfo){.si_signo = SIGURG, .si_code = SI_KERNEL};
    if (!owner)
        return;
    if (type == F_OWNER_PGRP) {
        struct process_group *group = process_group_find(file->kernel, -owner);
        if (group) {
            signal_send_group(group, info.si_signo, &info);
            process_group_put(group);
        }
        return;
    }
    struct task *task = task_find(file->kernel, owner);
    if (task) {
        signal_task(file, task, type == F_OWNER_TID, &info);
        task_put(task);
    }
}

/* Commands of one kind of file only; each tells the others in its own way. */
static int64_t special_fcntl(struct file *file, int command, uint64_t argument)
{
    if (command == F_ADD_SEALS && !(file->mode & FILE_WRITE))
        return -EPERM;
    if ((command == F_SETPIPE_SZ || command == F_GETPIPE_SZ) && !file_is_pipe(file))
        return -EBADF;
    return file->ops->fcntl ? file->ops->fcntl(file, command, argument) : -EINVAL;
}

static int64_t file_fcntl(int fd, struct file *file, int command, uint64_t argument)
{
    switch (command) {
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return record_lock(fd, file, command, argument);
    case F_SETOWN:
        return set_owner_plain(file, argument);
    case F_GETOWN:
        return file->owner_pid < 0 ? -current_pid_shown(-file->owner_pid)
                                   : current_pid_shown(file->owner_pid);
    case F_SETOWN_EX:
    case F_GETOWN_EX:
        return owner_ex(file, command, argument);
    case F_GETOWNER_UIDS:
        return put_owner_uids(file, argument);
    case F_SETSIG:
        if (argument > SIGNALS_MAX)
            return -EINVAL;
        file->owner_signal = (int)argument;
        return 0;
    case F_GETSIG:
        return file->owner_signal;
    case F_GETLEASE:
        return file_lease_get(file);
    case F_SETLEASE:
        return set_lease(fd, file, (int)argument);
    case F_NOTIFY:
        return set_directory_signal(fd, file, (uint32_t)argument);
    case F_GET_RW_HINT:
    case F_SET_RW_HINT:
    case F_GET_FILE_RW_HINT:
    case F_SET_FILE_RW_HINT:
        return rw_hint(file, command, argument);
    default:
        return special_fcntl(file, command, argument);
    }
}

/* What works on O_PATH descriptors too. */
static int64_t descriptor_fcntl(int fd, struct file *file, int command, uint64_t argument)
{
    switch (command) {
    case F_DUPFD:
        return dup_from(fd, argument, false);
    case F_DUPFD_CLOEXEC:
        return dup_from(fd, argument, true);
    case F_GETFD:
        return fd_get_cloexec(fd) > 0 ? FD_CLOEXEC : 0;
    case F_SETFD:
        return fd_set_cloexec(fd, argument & FD_CLOEXEC);
    case F_GETFL:
        return atomic_load_relaxed(&file->flags);
    default:
        if (file->mode & FILE_PATH)
            return -EBADF;
        if (command == F_SETFL)
            return set_flags(file, (uint32_t)argument);
        return file_fcntl(fd, file, command, argument);
    }
}

int64_t sys_fcntl(int fd, int command, uint64_t argument)
{
    struct fd_borrow file = fd_borrow_any(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = descriptor_fcntl(fd, file.file, command, argument);
    fd_release(file);
    return result;
}
