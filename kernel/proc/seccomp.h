/* SPDX-License-Identifier: MIT
 *
 * Secure computing, seccomp(2): what system calls a task may make.
 */
#ifndef KERNEL_PROC_SECCOMP_H
#define KERNEL_PROC_SECCOMP_H

#include <stdbool.h>
#include <stdint.h>

struct seccomp_filter;
struct task;

/* seccomp(2): operation, flags, arguments from user memory. prctl(PR_SET_SECCOMP) comes here too.
 */
int64_t seccomp_operate(uint32_t operation, uint32_t flags, uint64_t uargs);

/* The current task is about to make the call in its orig_rax (SYSCALL_WORK_SECCOMP is set). True:
 * go on, orig_rax may have changed. False: rax holds the result. Does not return if a thread is to
 * end. */
bool seccomp_enter(struct task *task);

/* A new task of the current one's gets its mode, filters and no_new_privs. The signal lock of the
 * current process is held, so that a SECCOMP_FILTER_FLAG_TSYNC misses nobody. */
void seccomp_inherit(struct task *child, struct task *parent);

/* The task needs no filters any more: it exits, or never was. Any context. */
void seccomp_release(struct task *task);

/* ptrace(2) of a frozen tracee: the program of its filter number `offset`, the oldest is 0: its
 * instructions, which go to uaddr unless that is NULL; -EACCES, -EINVAL without filters, -ENOENT.
 */
int64_t seccomp_get_filter(struct task *task, uint64_t offset, uint64_t uaddr);
/* The same for the flags of a filter, a struct linux_seccomp_metadata: its bytes. */
int64_t seccomp_get_metadata(struct task *task, uint64_t bytes, uint64_t uaddr);

/* May the current task lift the filters of what it traces? */
bool seccomp_may_suspend(void);

/* For /proc: mode and number of filters. */
int seccomp_mode_of(struct task *task);
unsigned seccomp_filters_of(struct task *task);

#endif
