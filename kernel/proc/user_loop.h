/* SPDX-License-Identifier: MIT
 *
 * The life of a user task between system calls: run user code, take the stop, do what it asks,
 * deliver signals, reschedule, run again.
 */
#ifndef KERNEL_PROC_USER_LOOP_H
#define KERNEL_PROC_USER_LOOP_H

#include <stdbool.h>

struct hal_regs;
struct kernel;
struct linux_siginfo;
struct task;

/* System calls are dispatched by the layer above through this hook, installed by syscall_init. It
 * reads number and arguments from the current task's registers and stores the result in rax
 * (internal ERESTART* values included; signal_deliver turns them into a restart or -EINTR). */
struct user_loop_ops {
    void (*syscall)(struct hal_regs *regs);
    /* A handler is about to run; called only while kernel->trace is set. May be NULL. */
    void (*signal)(struct task *task, const struct linux_siginfo *info);
    /* The current task leaves its program, by execve or for good (`exiting`): its asynchronous
     * requests end here. Called only if task->uring is set. */
    void (*leave)(struct task *task, bool exiting);
};
void user_loop_set_ops(struct kernel *kernel, const struct user_loop_ops *ops);

/* Thread entry of every user task; argument: the task. */
void user_loop_run(void *task);

#endif
