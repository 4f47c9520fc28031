/* SPDX-License-Identifier: MIT
 *
 * From a system call stop to its handler.
 */
#ifndef KERNEL_SYSCALL_DISPATCH_H
#define KERNEL_SYSCALL_DISPATCH_H

#include <stdint.h>

struct hal_regs;

typedef int64_t (*syscall_handler)(const struct hal_regs *regs);

/* By number, generated; NULL where nothing is implemented (-ENOSYS). */
extern const syscall_handler syscall_handlers[];

/* Run the system call described by the registers for the current task: the number in rax, arguments
 * in rdi rsi rdx r10 r8 r9. The result goes to rax. */
void syscall_dispatch(struct hal_regs *regs);

#endif
