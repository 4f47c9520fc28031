/* SPDX-License-Identifier: MIT
 *
 * Tables below /proc/sys that have a file of their own.
 */
#ifndef KERNEL_PROCFS_SYSCTL_INTERNAL_H
#define KERNEL_PROCFS_SYSCTL_INTERNAL_H

#include "kernel/procfs/proc_internal.h"

/* Of every parameter: its mode holds for root as well, and neither owner nor mode change. */
extern const struct inode_ops proc_parameter_inode_ops;
extern const struct proc_table proc_vm_table;

#endif
