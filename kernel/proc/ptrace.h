/* SPDX-License-Identifier: MIT
 *
 * Tracing of tasks (ptrace(2)) and who may look into whom.
 */
#ifndef KERNEL_PROC_PTRACE_H
#define KERNEL_PROC_PTRACE_H

#include "kernel/proc/task.h"

/* ---- access (ptrace_access.c) ---- */

/* "Ptrace access mode checking" of ptrace(2): what the access is and whose ids count. */
enum ptrace_mode {
    PTRACE_MODE_READ = 1,
    PTRACE_MODE_ATTACH = 2, /* Yama's scope counts too */
    PTRACE_MODE_FSCREDS = 4,
    PTRACE_MODE_REALCREDS = 8,
    PTRACE_MODE_NOAUDIT = 16,
};

/* May the current task do this to the other one? 0 or -EPERM. The first takes the process-tree
 * lock, the second wants it held. */
int ptrace_check_access(struct task *target, unsigned mode);
int ptrace_check_access_locked(struct task *target, unsigned mode);

/* The address space of a task that the current one may access in this way, referenced: 0, -EPERM,
 * or -ESRCH if it has none (any more). */
int ptrace_access_mm(struct task *target, unsigned mode, struct mm **out);

/* /proc/sys/kernel/yama/ptrace_scope: 0 classic, 1 descendants only, 2 CAP_SYS_PTRACE, 3 nobody. */
enum { PTRACE_SCOPE_MAX = 3, PTRACE_SCOPE_DEFAULT = 1 };
unsigned ptrace_scope(struct kernel *kernel);
int ptrace_set_scope(struct kernel *kernel, unsigned scope); /* -EINVAL: 3 is for ever */

/* prctl(PR_SET_PTRACER): 0 nobody, PR_SET_PTRACER_ANY, or a pid. 0 or -EINVAL. */
int ptrace_allow_tracer(uint64_t pid);

/* ---- requests (ptrace_request.c) ---- */

/* ptrace(2). Results of PEEK requests go to `data`, as the system call does it. May block. */
int64_t ptrace_request(int64_t request, int pid, uint64_t addr, uint64_t data);

/* ---- of the current task, where it stops (ptrace_stop.c) ---- */

/* Around a system call while SYSCALL_WORK_PTRACE is set. The first returns false if the handler
 * must not run, because the tracer has changed the call or the task is dying; rax is the result
 * then. */
bool ptrace_syscall_enter(struct task *task);
void ptrace_syscall_leave(struct task *task);

/* A seccomp filter wants the tracer asked (SECCOMP_RET_TRACE). -ENOSYS if there is none that asked
 * for it; -EINTR if the task is dying; 0: the call in orig_rax is to be made if it is not -1. */
int ptrace_seccomp_event(struct task *task, uint32_t data);

/* Is it in a stop of its tracer's? Also when it has not gone to sleep yet. */
bool ptrace_is_stopped(const struct task *task);
/* The tracer's thread number, or 0. */
int ptrace_tracer_tid(struct task *task);

#endif
