/* SPDX-License-Identifier: MIT
 *
 * munmap(2).
 */
#include "kernel/abi/errno.h"
#include "kernel/mm/mm_internal.h"

int unmap_locked(struct mm *mm, uint64_t start, uint64_t end)
{
    struct vma *vma = vma_find_overlap(mm, start, end);
    if (!vma)
        return 0;
    if (vma->start < start) {
        int error = vma_split_locked(mm, vma, start);
        if (error)
            return error;
        vma = mm_next_vma(vma);
    }
    struct vma *last = mm_find_vma(mm, end - 1);
    if (last && last->start < end && last->end > end) {
        int error = vma_split_locked(mm, last, end);
        if (error) {
            vma_merge_locked(mm, vma); /* undo the first split */
            return error;
        }
    }

    struct gather gather;
    gather_init(&gather, mm);
    while (vma && vma->start < end) {
        struct vma *next = mm_next_vma(vma);
        zap_range(&gather, vma->start, vma->end, ZAP_ALL);
        vma_remove_locked(mm, vma);
        vma = next;
    }
    gather_finish(&gather);
    return 0;
}

int mm_unmap(struct mm *mm, uint64_t addr, uint64_t bytes)
{
    uint64_t end;
    if (!IS_ALIGNED(addr, PAGE_SIZE) || bytes == 0 || !user_range(mm, addr, bytes, &end))
        return -EINVAL;
    mm_write_lock(mm);
    int error = unmap_locked(mm, addr, end);
    mm_write_unlock(mm);
    return error;
}
