/* SPDX-License-Identifier: MIT
 *
 * Tables below /proc/sys that have a file of their own.
 */
#ifndef KERNEL_PROCFS_SYSCTL_INTERNAL_H
#define KERNEL_PROCFS_SYSCTL_INTERNAL_H

#include "kernel/procfs/proc_internal.h"
#include "kernel/procfs/sysctl_ipc.h"

/* Of every parameter: its mode holds for root as well, and neither owner nor mode change. */
extern const struct inode_ops proc_parameter_inode_ops;
extern const struct proc_table proc_vm_table;

/* sysctl_tunables.c */
extern const struct ipc_parameter proc_pid_max, proc_nr_open, proc_suid_dumpable;
extern const struct ipc_parameter proc_protected_symlinks, proc_protected_hardlinks;
extern const struct ipc_parameter proc_protected_regular, proc_protected_fifos;
extern const struct ipc_parameter proc_pipe_user_pages_soft, proc_pipe_user_pages_hard;
extern const struct ipc_parameter proc_pty_max, proc_pty_reserve;
extern const struct text_file_ops proc_pipe_max_size, proc_pty_nr;

#endif
