/* SPDX-License-Identifier: MIT
 *
 * Sending, taking and delivering signals (signal(7)).
 */
#ifndef KERNEL_PROC_SIGNAL_H
#define KERNEL_PROC_SIGNAL_H

#include "kernel/proc/task.h"

/* Kernel-originated information. */
#define SIGINFO_KERNEL ((const struct linux_siginfo *)1) /* si_code SI_KERNEL */

/* Send without permission checks. signo 0 does nothing. info NULL: SI_USER from the current task.
 * To a process (any thread takes it) or one task. 0, or -EAGAIN when the queue limit is hit (real
 * time signals), -ESRCH if it has exited. Any context that may take the signal lock. */
int signal_send_process(struct process *process, int signo, const struct linux_siginfo *info);
int signal_send_task(struct task *task, int signo, const struct linux_siginfo *info);
/* To every process of a group; -ESRCH if empty. Takes the process-tree lock. */
int signal_send_group(struct process_group *group, int signo, const struct linux_siginfo *info);
/* Cannot be blocked or ignored: for faults. The current task. */
void signal_force(int signo, const struct linux_siginfo *info);
/* The same, and it ends the process as if no handler had ever been set. */
void signal_force_exit(int signo, const struct linux_siginfo *info);
/* Fault helper: signo, code, address. */
void signal_force_fault(int signo, int code, uint64_t address);

/* kill(2) permission of the current credentials. 0 or -EPERM. info (or NULL): what is to be sent; a
 * sender's uid in it becomes what the target's user namespace calls it. */
int signal_check_permission(struct process *target, int signo, struct linux_siginfo *info);

/* True if the current task has an unblocked pending signal or other work before user mode. */
bool signal_pending_current(void);

/* Recompute thread->interrupted of a task; signal lock held. */
void signal_recalculate(struct task *task);

/* Take the next signal from `set` (not blocked by it) for sigtimedwait and signalfd: its number and
 * info, or 0. */
int signal_take(struct task *task, uint64_t set, struct linux_siginfo *out);

/* On the way to user mode: handle every pending signal: default actions, stops, handler frames,
 * restart of the interrupted system call. Called by the user loop with the result in regs.rax. */
void signal_deliver(struct task *task);

/* sigaction(2) of the current process; action NULL only reads. signo is valid and may be changed. */
void signal_change_action(int signo, const struct linux_sigaction *action,
                          struct linux_sigaction *out_old);
/* sigaltstack(2) of the current task: 0, -EPERM -EINVAL -ENOMEM. */
int64_t signal_change_altstack(const struct linux_stack *stack, struct linux_stack *out_old);
/* Everything pending for the task or its process. */
uint64_t signal_pending_set(struct task *task);
/* sigtimedwait(2): the signal, -EAGAIN after timeout_ns (UINT64_MAX: never), -EINTR. */
int signal_wait(uint64_t set, uint64_t timeout_ns, struct linux_siginfo *out);
/* rt_sigreturn(2): the registers of the frame are restored; false if it was not a good one. */
bool signal_return(struct task *task);

/* Change the blocked mask of the current task. */
void signal_set_blocked(uint64_t blocked);
/* Mask for the duration of ppoll/pselect/epoll_pwait/sigsuspend: set now; restored at return to user
 * mode (after a handler frame that saves the old one). */
void signal_set_temporary_mask(uint64_t blocked);
/* The call was not interrupted: back to the old mask at once. No effect without a temporary one. */
void signal_end_temporary_mask(void);
int signal_mask_from_user(uint64_t uaddr, uint64_t bytes, uint64_t *out); /* sigsetsize check */

/* Is the signal ignored or blocked by the process (for tty: SIGTTOU/SIGTTIN rules)? */
bool signal_is_ignored(struct process *process, int signo);
bool signal_is_blocked_current(int signo);

#endif
