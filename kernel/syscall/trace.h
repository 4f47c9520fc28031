/* SPDX-License-Identifier: MIT
 *
 * The built-in strace: one decoded line per system call on the HAL's trace channel.
 */
#ifndef KERNEL_SYSCALL_TRACE_H
#define KERNEL_SYSCALL_TRACE_H

#include <stddef.h>
#include <stdint.h>

struct hal_regs;
struct kernel;
struct linux_siginfo;
struct task;

/* Turn tracing on for the whole machine. 0 or -ENOMEM. */
int trace_init(struct kernel *kernel);

/* Around a system call of the current task; kernel->trace is not NULL. The line is written by
 * trace_leave; a call that does not return (exit, a successful execve) is written by trace_enter,
 * with "= ?". */
void trace_enter(struct task *task, const struct hal_regs *regs);
void trace_leave(struct task *task, const struct hal_regs *regs);

/* A handler is about to run. */
void trace_signal(struct task *task, const struct linux_siginfo *info);

/* How many arguments a system call has; 6 for one that does not exist. */
unsigned trace_argument_count(uint64_t number);

/* A call of the current task as text, without a line of its own: its beginning, before it acts, and
 * its end. The bytes written, without the NUL; what does not fit is cut. */
size_t trace_write_begin(char *out, size_t bytes, uint64_t number, const uint64_t args[6]);
size_t trace_write_end(char *out, size_t bytes, uint64_t number, const uint64_t args[6],
                       int64_t result);

#endif
