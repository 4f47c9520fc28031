/* SPDX-License-Identifier: MIT
 *
 * msync(2).
 *
 * Writing back takes mm->lock of everyone who maps the object, so it runs without it, on a copy of
 * the VMA that keeps the object alive.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/mm/mm_internal.h"

/* The part of the VMA at or after *at: what to write back, as a copy (NULL: nothing). */
static int next_part(struct mm *mm, uint64_t *at, uint64_t end, int flags, struct vma **out,
                     uint64_t *out_stop, bool *out_hole)
{
    int error = 0;
    *out = NULL;
    *out_stop = end;
    rwlock_read_lock(&mm->lock);
    struct vma *vma = mm_find_vma(mm, *at);
    if (!vma || vma->start >= end) {
        *out_hole = true;
    } else {
        if (vma->start > *at) {
            *out_hole = true;
            *at = vma->start;
        }
        *out_stop = MIN(vma->end, end);
        if ((flags & MS_INVALIDATE) && (vma->flags & VMA_LOCKED))
            error = -EBUSY;
        else if ((flags & MS_SYNC) && (vma->flags & VMA_SHARED) && vma->ops && vma->ops->sync)
            error = (*out = vma_copy(mm, vma)) ? 0 : -ENOMEM;
    }
    rwlock_read_unlock(&mm->lock);
    return error;
}

int mm_sync(struct mm *mm, uint64_t addr, uint64_t bytes, int flags)
{
    if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || !IS_ALIGNED(addr, PAGE_SIZE) ||
        ((flags & MS_ASYNC) && (flags & MS_SYNC)))
        return -EINVAL;
    uint64_t end = addr + ALIGN_UP(bytes, PAGE_SIZE);
    if (end < addr)
        return -ENOMEM;
    bool hole = false;
    for (uint64_t at = addr; at < end;) {
        struct vma *copy;
        uint64_t stop;
        int error = next_part(mm, &at, end, flags, &copy, &stop, &hole);
        if (copy) {
            error = copy->ops->sync(copy, vma_object_page(copy, at),
                                    vma_object_page(copy, stop) - 1, true);
            vma_destroy(copy);
        }
        if (error)
            return error;
        at = stop;
    }
    return hole ? -ENOMEM : 0;
}
