/* SPDX-License-Identifier: MIT
 *
 * How much an address space may grow: resource limits, getrlimit(2).
 */
#include "kernel/abi/errno.h"
#include "kernel/mm/mm_internal.h"

bool user_range(const struct mm *mm, uint64_t addr, uint64_t bytes, uint64_t *out_end)
{
    uint64_t limit = user_limit(mm);
    if (bytes > limit || addr > limit)
        return false;
    uint64_t end = addr + ALIGN_UP(bytes, PAGE_SIZE);
    *out_end = end;
    return end <= limit;
}

int limit_check(struct mm *mm, uint64_t pages, unsigned flags)
{
    if (mm->total_pages + pages > mm->limit_as >> PAGE_SHIFT)
        return -ENOMEM;
    bool data = (flags & (VMA_WRITE | VMA_SHARED | VMA_GROWSDOWN)) == VMA_WRITE;
    if (data && mm->data_pages + pages > mm->limit_data >> PAGE_SHIFT)
        return -ENOMEM;
    return 0;
}

int limit_check_locked_memory(struct mm *mm, uint64_t pages)
{
    if (mm->may_lock_all || mm->locked_pages + pages <= mm->limit_memlock >> PAGE_SHIFT)
        return 0;
    return -EAGAIN;
}
