/* SPDX-License-Identifier: MIT
 *
 * System calls on processes: creation, execution, exit, waiting, numbers, groups and sessions.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/wait.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/session.h"
#include "kernel/proc/task.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/tty/tty.h"

/* ---- creation: clone(2) ---- */

int64_t sys_fork(void)
{
    const struct clone_args args = {.exit_signal = SIGCHLD};
    return task_clone(&args);
}

int64_t sys_vfork(void)
{
    const struct clone_args args = {.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD};
    return task_clone(&args);
}

int64_t sys_clone(uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t child_tid,
                  uint64_t tls)
{
    struct clone_args args = {
        .flags = flags & 0xffffffffu & ~(uint64_t)CSIGNAL,
        .exit_signal = (int)(flags & CSIGNAL),
        .stack = stack,
        .tls = tls,
        .parent_tid = parent_tid,
        .child_tid = child_tid,
        .pidfd = parent_tid,
    };
    if ((args.flags & CLONE_PIDFD) && (args.flags & CLONE_PARENT_SETTID))
        return -EINVAL;
    if (args.flags & CLONE_THREAD)
        args.exit_signal = 0;
    return task_clone(&args);
}

static int check_clone3(const struct linux_clone_args *in, uint64_t size)
{
    const uint64_t known = 0x3ffffffffull & ~(uint64_t)(CLONE_DETACHED | CSIGNAL);
    uint64_t limit = this_kernel()->boot->user_addr_limit, end;

    if (in->flags & ~(known | CLONE_NEWTIME))
        return -EINVAL;
    if ((in->flags & CLONE_INTO_CGROUP) && (in->cgroup > INT32_MAX || size < CLONE_ARGS_SIZE_VER2))
        return -EINVAL;
    if ((in->flags & (CLONE_THREAD | CLONE_PARENT)) && in->exit_signal)
        return -EINVAL;
    if (in->exit_signal > SIGNALS_MAX)
        return -EINVAL;
    if (!in->stack != !in->stack_size)
        return -EINVAL;
    if (add_overflows(in->stack, in->stack_size, &end) || end > limit)
        return -EINVAL;
    if (!in->set_tid != !in->set_tid_size || in->set_tid_size > PID_NAMESPACE_LEVELS)
        return -EINVAL;
    return 0;
}

int64_t sys_clone3(uint64_t args_uaddr, uint64_t size)
{
    struct linux_clone_args in;
    int error = size > 4096 ? -E2BIG
                            : copy_struct_from_user(&in, sizeof(in), args_uaddr, size,
                                                    CLONE_ARGS_SIZE_VER0);
    if (!error)
        error = check_clone3(&in, size);
    if (error)
        return error;

    struct clone_args args = {
        .flags = in.flags,
        .exit_signal = (int)in.exit_signal,
        .stack = in.stack + in.stack_size,
        .tls = in.tls,
        .parent_tid = in.parent_tid,
        .child_tid = in.child_tid,
        .pidfd = in.pidfd,
        .cgroup_fd = (int)in.cgroup,
    };
    if (in.set_tid_size) {
        args.set_tid_count = (unsigned)in.set_tid_size;
        if (copy_from_user(args.set_tid, in.set_tid, in.set_tid_size * sizeof(args.set_tid[0])))
            return -EFAULT;
    }
    return task_clone(&args);
}

/* ---- execution: execve(2) ---- */

static int64_t exec_named(const struct path *start, const char *name, unsigned walk_flags,
                          const char *shown, const struct exec_strings *strings)
{
    struct file *file;
    int error = task_check_exec_limit();
    if (!error)
        error = vfs_open_exec(start, name, walk_flags, &file);
    if (error)
        return error;
    error = task_exec(file, shown, strings);
    file_put(file);
    return error;
}

int64_t sys_execve(uint64_t path, uint64_t argv, uint64_t envp)
{
    const struct exec_strings strings = {.argv = argv, .envp = envp};
    char *name;
    int error = path_copy_user(path, false, &name);
    if (error)
        return error;
    int64_t result = exec_named(NULL, name, WALK_FOLLOW, name, &strings);
    kfree(name);
    return result;
}

/* Run what a descriptor refers to, or a name relative to it; scripts then see /dev/fd/N. */
static int64_t exec_at(int dir, const char *name, unsigned walk_flags,
                       const struct exec_strings *strings)
{
    enum { PREFIX_MAX = 24 };
    size_t room = PREFIX_MAX + kstrlen(name);
    int64_t result = -ENOMEM;
    struct file *base = fd_get_any(dir);
    if (!base)
        return -EBADF;
    char *shown = kmalloc(room);
    if (shown) {
        ksnprintf(shown, room, name[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d", dir, name);
        struct exec_strings at = *strings;
        at.name_is_closed = fd_get_cloexec(dir) > 0;
        result = exec_named(&base->path, name, walk_flags, shown, &at);
    }
    kfree(shown);
    file_put(base);
    return result;
}

int64_t sys_execveat(int dir, uint64_t path, uint64_t argv, uint64_t envp, uint32_t flags)
{
    const struct exec_strings strings = {.argv = argv, .envp = envp};
    unsigned walk_flags = (flags & AT_SYMLINK_NOFOLLOW) ? 0 : WALK_FOLLOW;
    char *name;

    int error = path_copy_user(path, flags & AT_EMPTY_PATH, &name);
    if (error)
        return error;
    if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) {
        kfree(name);
        return -EINVAL;
    }
    if (flags & AT_EMPTY_PATH)
        walk_flags |= WALK_EMPTY;
    int64_t result = name[0] == '/' || (dir == AT_FDCWD && name[0])
                         ? exec_named(NULL, name, walk_flags, name, &strings)
                         : exec_at(dir, name, walk_flags, &strings);
    kfree(name);
    return result;
}

/* ---- exit ---- */

int64_t sys_exit(int status)
{
    task_exit(linux_wait_exited(status));
}

int64_t sys_exit_group(int status)
{
    process_exit(linux_wait_exited(status));
}

/* ---- waiting ---- */

int64_t sys_wait4(int pid, uint64_t status, uint32_t options, uint64_t usage)
{
    const uint32_t known = WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
    struct wait_result result;

    if (options & ~known)
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    int type = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
    int64_t got =
        process_wait(type, current_pid_given(pid < -1 ? -pid : pid), options | WEXITED, &result);
    if (got <= 0)
        return got;
    if (status && put_user_u32(status, (uint32_t)result.status))
        return -EFAULT;
    if (usage && copy_to_user(usage, &result.usage, sizeof(result.usage)))
        return -EFAULT;
    return got;
}

/* The process behind a pidfd, and whether waiting on it must not block. */
static int pidfd_target(int fd, int *out_pid, bool *out_nonblock)
{
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    struct process *process = pidfd_process(file);
    *out_nonblock = file->flags & O_NONBLOCK;
    file_put(file);
    if (!process)
        return -EBADF;
    *out_pid = process->pid;
    process_put(process);
    return 0;
}

static int64_t waitid_find(int type, int id, unsigned options, struct wait_result *result)
{
    bool nonblock = false;
    switch (type) {
    case P_ALL:
        break;
    case P_PID:
        if (id <= 0)
            return -EINVAL;
        id = current_pid_given(id);
        break;
    case P_PGID:
        if (id < 0)
            return -EINVAL;
        id = current_pid_given(id);
        break;
    case P_PIDFD: {
        int error = id < 0 ? -EINVAL : pidfd_target(id, &id, &nonblock);
        if (error)
            return error;
        break;
    }
    default:
        return -EINVAL;
    }
    int64_t got = process_wait(type, id, options | (nonblock ? WNOHANG : 0), result);
    return got == 0 && nonblock && !(options & WNOHANG) ? -EAGAIN : got;
}

int64_t sys_waitid(int type, int id, uint64_t info, uint32_t options, uint64_t usage)
{
    const uint32_t known =
        WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
    struct linux_siginfo out = {0};
    struct wait_result result;

    int64_t got = -EINVAL;
    if (!(options & ~known) && (options & (WEXITED | WSTOPPED | WCONTINUED)))
        got = waitid_find(type, id, options, &result);
    if (got > 0) {
        if (usage && copy_to_user(usage, &result.usage, sizeof(result.usage)))
            return -EFAULT;
        out.si_signo = SIGCHLD;
        out.si_code = result.si_code;
        out.chld.pid = result.pid;
        out.chld.uid = (uint32_t)result.uid;
        out.chld.status = result.si_status;
    }
    /* Only these fields are written, as Linux does; also if there is nothing to report or it fails.
     */
    if (info && copy_to_user(info, &out, offsetof(struct linux_siginfo, chld.utime)))
        return -EFAULT;
    return MIN(got, (int64_t)0);
}

/* ---- numbers ---- */

int64_t sys_getpid(void)
{
    return current_process()->own_pid;
}

int64_t sys_gettid(void)
{
    return current_task()->own_tid;
}

int64_t sys_getppid(void)
{
    struct process *self = current_process();
    spin_lock(process_tree_lock(self->kernel));
    int pid = self->parent ? current_pid_shown(self->parent->pid) : 0;
    spin_unlock(process_tree_lock(self->kernel));
    return pid;
}

int64_t sys_set_tid_address(uint64_t tid)
{
    current_task()->clear_child_tid = tid;
    return current_task()->own_tid;
}

/* ---- groups and sessions ---- */

int64_t sys_setsid(void)
{
    return process_setsid(current_process());
}

int64_t sys_vhangup(void)
{
    if (!capable(CAP_SYS_TTY_CONFIG))
        return -EPERM;
    tty_hangup_current();
    return 0;
}

int64_t sys_setpgid(int pid, int pgid)
{
    return process_setpgid(current_process(), current_pid_given(pid), current_pid_given(pgid));
}

/* Group (or session) number of a process; 0: the caller. */
static int64_t group_number(int pid, bool want_session)
{
    struct process *process = pid ? process_find_any(this_kernel(), current_pid_given(pid))
                                  : process_get(current_process());
    int64_t result = -ESRCH;
    if (!process)
        return result;
    spin_lock(process_tree_lock(process->kernel));
    if (process->group)
        result =
            current_pid_shown(want_session ? process->group->session->sid : process->group->pgid);
    spin_unlock(process_tree_lock(process->kernel));
    process_put(process);
    return result;
}

int64_t sys_getpgid(int pid)
{
    return group_number(pid, false);
}

int64_t sys_getpgrp(void)
{
    return group_number(0, false);
}

int64_t sys_getsid(int pid)
{
    return group_number(pid, true);
}
