/* SPDX-License-Identifier: MIT
 *
 * Core dumps (core(5)): the memory and registers of a process that a signal ends, in an ELF file.
 */
#ifndef KERNEL_PROC_CORE_DUMP_H
#define KERNEL_PROC_CORE_DUMP_H

#include <stdbool.h>
#include <stddef.h>

struct kernel;
struct linux_siginfo;
struct task;

enum { CORE_PATTERN_BYTES = 128, CORE_FILTER_MASK = 0x1ff };

/* The current task has taken a signal that ends its process with a dump: write one if the limit,
 * the dumpable attribute and the pattern let it. Ends the group with the signal's status, and
 * returns with the group exiting. No lock; blocks; other threads wait in core_dump_join meanwhile.
 */
void core_dump(struct task *task, const struct linux_siginfo *info);

/* An exiting task waits here while its process is being dumped, so that its registers are there. */
void core_dump_join(struct task *task);

/* /proc/sys/kernel/core_pattern, core_uses_pid. Copies of at most CORE_PATTERN_BYTES with the NUL.
 */
void core_pattern_get(struct kernel *kernel, char *out);
void core_pattern_set(struct kernel *kernel, const char *pattern, size_t length);
bool core_uses_pid(struct kernel *kernel);
void core_set_uses_pid(struct kernel *kernel, bool on);

#endif
