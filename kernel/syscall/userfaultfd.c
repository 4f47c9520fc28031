/* SPDX-License-Identifier: MIT
 *
 * userfaultfd(2).
 */
#include "kernel/ipc/userfaultfd.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/userfaultfd.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/mm.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/syscalls.h"

/* Holding up the kernel's own accesses is a help to attackers, and therefore a privilege. */
int64_t sys_userfaultfd(uint32_t flags)
{
    if (!(flags & UFFD_USER_MODE_ONLY) &&
        !atomic_load_relaxed(&mm_limits(this_kernel())->userfault_for_all) &&
        !capable(CAP_SYS_PTRACE))
        return -EPERM;
    return userfaultfd_create(flags);
}
