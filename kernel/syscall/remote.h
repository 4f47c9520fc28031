/* SPDX-License-Identifier: MIT
 *
 * Other processes' memory for system calls that name them by number or descriptor.
 */
#ifndef KERNEL_SYSCALL_REMOTE_H
#define KERNEL_SYSCALL_REMOTE_H

struct mm;
struct process;

/* The address space of a process (0: the caller) that the caller may look into; referenced. 0,
 * -ESRCH, -EPERM, -EINVAL (it has none). */
int remote_mm_by_pid(int pid, struct mm **out);
/* The process of a pidfd, referenced. 0, -EBADF, -ESRCH. */
int remote_process_by_pidfd(int pidfd, struct process **out);

#endif
