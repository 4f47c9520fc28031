/* SPDX-License-Identifier: MIT
 *
 * What user programs pass as siginfo_t.
 */
#ifndef KERNEL_SYSCALL_SIGINFO_H
#define KERNEL_SYSCALL_SIGINFO_H

#include <stdint.h>

struct linux_siginfo;

/* Reads what the kernel uses of a siginfo_t (48 of its 128 bytes). The rest must be there and zero
 * only if si_code is of no known kind. 0, -EFAULT or -E2BIG. */
int siginfo_from_user(struct linux_siginfo *out, uint64_t uaddr);

#endif
