/* SPDX-License-Identifier: MIT
 *
 * rseq(2).
 */
#include "kernel/proc/rseq.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/rseq.h"
#include "kernel/syscall/syscalls.h"

int64_t sys_rseq(uint64_t area, uint32_t length, int flags, uint32_t signature)
{
    if (flags & ~RSEQ_FLAG_UNREGISTER)
        return -EINVAL;
    return flags ? rseq_unregister(area, length, signature)
                 : rseq_register(area, length, signature);
}
