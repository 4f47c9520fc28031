/* SPDX-License-Identifier: MIT
 *
 * proc(5), for system calls that take its files for something else.
 */
#ifndef KERNEL_PROCFS_PROCFS_H
#define KERNEL_PROCFS_PROCFS_H

struct file;
struct process;

/* The process that an open directory /proc/PID is about, referenced. 0; -EBADF if the file is none;
 * -ESRCH if the process is gone. */
int proc_dir_process(const struct file *file, struct process **out);

#endif
