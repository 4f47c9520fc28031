/* SPDX-License-Identifier: MIT
 *
 * brk(2): the heap between mm->brk_start and mm->brk.
 */
#include "kernel/mm/mm_internal.h"

static bool may_grow(struct mm *mm, uint64_t old_end, uint64_t new_end, uint64_t brk)
{
    const unsigned flags = VMA_READ | VMA_WRITE;
    uint64_t pages = (new_end - old_end) >> PAGE_SHIFT;
    if (brk - mm->brk_start + (mm->data_end - mm->data_start) > mm->limit_data)
        return false;
    struct vma *above = mm_find_vma(mm, old_end);
    if (new_end + PAGE_SIZE > user_limit(mm) ||
        (above && new_end + PAGE_SIZE > vma_guarded_start(above)))
        return false;
    if ((mm->future_flags & VMA_LOCKED) && limit_check_locked_memory(mm, pages))
        return false;
    return mm->vma_count <= vmas_max(mm) && !limit_check(mm, pages, flags) &&
           may_commit(mm->kernel, mm, pages);
}

static bool grow(struct mm *mm, uint64_t old_end, uint64_t new_end)
{
    unsigned flags = VMA_READ | VMA_WRITE | VMA_MAY_ALL | VMA_HEAP | VMA_ACCOUNT | mm->future_flags;
    /* The usual case in place, without a VMA that would be merged away at once. */
    struct vma *heap = old_end > mm->brk_start ? mm_find_vma(mm, old_end - 1) : NULL;
    if (heap && heap->end == old_end && heap->flags == flags && !heap->ops) {
        vma_resize_locked(mm, heap, heap->start, new_end);
        return true;
    }
    heap = vma_create(mm, old_end, new_end, flags, NULL, NULL, 0);
    if (!heap)
        return false;
    vma_insert_locked(mm, heap);
    vma_merge_locked(mm, heap);
    return true;
}

uint64_t mm_brk(struct mm *mm, uint64_t brk)
{
    uint64_t populate_from = 0, populate_bytes = 0;
    mm_write_lock(mm);
    if (brk >= mm->brk_start && brk < user_limit(mm)) {
        uint64_t old_end = ALIGN_UP(mm->brk, PAGE_SIZE), new_end = ALIGN_UP(brk, PAGE_SIZE);
        bool done = true;
        if (new_end < old_end) {
            done = unmap_locked(mm, new_end, old_end) == 0;
        } else if (new_end > old_end) {
            done = may_grow(mm, old_end, new_end, brk) && grow(mm, old_end, new_end);
            if (done && mm->future_flags == VMA_LOCKED) {
                populate_from = old_end;
                populate_bytes = new_end - old_end;
            }
        }
        if (done)
            mm->brk = brk;
    }
    uint64_t result = mm->brk;
    mm_write_unlock(mm);
    if (populate_bytes)
        mm_populate(mm, populate_from, populate_bytes);
    return result;
}
