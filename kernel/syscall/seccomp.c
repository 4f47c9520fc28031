/* SPDX-License-Identifier: MIT
 *
 * seccomp(2).
 */
#include "kernel/proc/seccomp.h"

#include "kernel/syscall/syscalls.h"

int64_t sys_seccomp(int operation, uint32_t flags, uint64_t argument)
{
    return seccomp_operate((uint32_t)operation, flags, argument);
}
