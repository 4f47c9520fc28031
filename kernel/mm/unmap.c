/* SPDX-License-Identifier: MIT
 *
 * munmap(2).
 */
#include "kernel/abi/errno.h"
#include "kernel/mm/mm_internal.h"

/* Where user addresses end on Linux. A backend may end them earlier. */
#define LINUX_TASK_SIZE 0x7ffffffff000ull

int unmap_locked(struct mm *mm, uint64_t start, uint64_t end)
{
    struct vma *vma = vma_find_overlap(mm, start, end);
    if (!vma)
        return 0;
    if (vma->start < start) {
        /* Only a hole in the middle leaves more mappings than there were. */
        int error = vma->end > end ? vma_split_locked(mm, vma, start)
                                   : vma_split_to_remove_locked(mm, vma, start);
        if (error)
            return error;
        vma = mm_next_vma(vma);
    }
    struct vma *last = mm_find_vma(mm, end - 1);
    if (last && last->start < end && last->end > end) {
        int error = vma_split_to_remove_locked(mm, last, end);
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
    if (!IS_ALIGNED(addr, PAGE_SIZE) || bytes == 0)
        return -EINVAL;
    if (addr < user_limit(mm) && bytes <= LINUX_TASK_SIZE - addr)
        bytes = MIN(bytes, user_limit(mm) - addr); /* nothing is above it */
    if (!user_range(mm, addr, bytes, &end))
        return -EINVAL;
    mm_write_lock(mm);
    int error = unmap_locked(mm, addr, end);
    mm_write_unlock(mm);
    return error;
}

void mm_set_clock_page(struct mm *mm, struct page *page, const struct vma_ops *ops)
{
    struct gather gather;
    if (page)
        page_get(page);
    mm_write_lock(mm);
    struct page *old = mm->clock_page;
    mm->clock_page = page;
    gather_init(&gather, mm);
    for (struct vma *vma = mm_find_vma(mm, 0); vma && old != page; vma = mm_next_vma(vma)) {
        if (vma->ops == ops)
            zap_range(&gather, vma->start, vma->end, ZAP_ALL);
    }
    gather_finish(&gather);
    mm_write_unlock(mm);
    if (old)
        page_put(old);
}

/* Is the VMA a part of a mapping of such an object that began at addr? */
static bool is_part_of(const struct vma *vma, uint64_t addr, const struct vma_ops *ops)
{
    return vma->ops == ops && vma->start - vma->page_offset * PAGE_SIZE == addr;
}

int mm_unmap_object(struct mm *mm, uint64_t addr, const struct vma_ops *ops)
{
    const void *backing = NULL;
    int error = -EINVAL;
    mm_write_lock(mm);
    struct vma *vma = mm_find_vma(mm, addr);
    while (vma) {
        uint64_t start = vma->start, end = vma->end;
        if (is_part_of(vma, addr, ops) && (!backing || vma->backing == backing)) {
            backing = vma->backing;
            error = unmap_locked(mm, start, end);
            if (error)
                break;
        }
        vma = mm_find_vma(mm, end);
    }
    mm_write_unlock(mm);
    return error;
}
