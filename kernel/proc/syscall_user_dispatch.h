/* SPDX-License-Identifier: MIT
 *
 * System calls handed back to the program that makes them: prctl(PR_SET_SYSCALL_USER_DISPATCH) in
 * prctl(2).
 */
#ifndef KERNEL_PROC_SYSCALL_USER_DISPATCH_H
#define KERNEL_PROC_SYSCALL_USER_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

struct task;

/* The prctl for the current task. 0, -EINVAL, -EFAULT. */
int64_t syscall_user_dispatch_set(struct task *task, uint64_t mode, uint64_t offset, uint64_t bytes,
                                  uint64_t selector);

/* A call of a task with SYSCALL_WORK_USER_DISPATCH, the current one. True: it is not made; the task
 * gets SIGSYS, or SIGSEGV if the selector cannot be read. */
bool syscall_user_dispatch(struct task *task);

#endif
