/* SPDX-License-Identifier: MIT
 *
 * Timeouts of waiting system calls as absolute times (clock_monotonic_ns): 0 means do not wait,
 * UINT64_MAX wait for ever.
 */
#ifndef KERNEL_SYSCALL_DEADLINE_H
#define KERNEL_SYSCALL_DEADLINE_H

#include <stdint.h>

struct linux_timespec;

/* From a relative time; what does not fit means for ever. */
uint64_t deadline_after_ns(uint64_t ns);
uint64_t deadline_after_ms(int timeout_ms); /* negative: for ever */

/* 0 or -EINVAL for a time that is none. */
int deadline_from_timespec(const struct linux_timespec *time, uint64_t *out_ns);

/* From an optional timespec at a user address: no address means for ever. 0, -EFAULT, -EINVAL. */
int deadline_from_user(uint64_t uaddr, uint64_t *out_ns);

/* What is left, 0 at least. */
struct linux_timespec deadline_left(uint64_t deadline_ns);

#endif
