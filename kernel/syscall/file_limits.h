/* SPDX-License-Identifier: MIT
 *
 * What files ask of the process: its limits, and the signal for exceeding one.
 */
#ifndef KERNEL_SYSCALL_FILE_LIMITS_H
#define KERNEL_SYSCALL_FILE_LIMITS_H

#include "kernel/fs/file_table.h"

extern const struct file_limits_ops file_task_limits;

#endif
