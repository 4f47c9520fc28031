/* SPDX-License-Identifier: MIT
 *
 * remap_file_pages(2), as Linux emulates it: another mapping of the same object in the same place.
 */
#include "kernel/abi/errno.h"
#include "kernel/mm/mm_internal.h"

/* A copy of the shared VMA that covers [start, end), which may go on in further VMAs of the same
 * object. */
static int find_object(struct mm *mm, uint64_t start, uint64_t end, struct vma **out)
{
    int error = -EINVAL;
    rwlock_read_lock(&mm->lock);
    struct vma *vma = mm_find_vma(mm, start);
    if (vma && vma->start <= start && (vma->flags & VMA_SHARED) && vma->ops) {
        struct vma *last = vma;
        while (last->end < end) {
            struct vma *next = mm_next_vma(last);
            if (!next || next->start != last->end || next->backing != vma->backing ||
                next->flags != vma->flags)
                break;
            last = next;
        }
        if (last->end >= end) {
            *out = vma_copy(mm, vma);
            error = *out ? 0 : -ENOMEM;
        }
    }
    rwlock_read_unlock(&mm->lock);
    return error;
}

int mm_remap_file_pages(struct mm *mm, uint64_t addr, uint64_t bytes, uint64_t page_offset,
                        bool populate)
{
    uint64_t start = ALIGN_DOWN(addr, PAGE_SIZE), size = ALIGN_DOWN(bytes, PAGE_SIZE), last;
    if (start + size <= start || add_overflows(page_offset, size >> PAGE_SHIFT, &last))
        return -EINVAL;
    struct vma *object;
    int error = find_object(mm, start, start + size, &object);
    if (error)
        return error;
    const struct mm_map_request request = {
        .addr = start,
        .bytes = size,
        .vma_flags = object->flags,
        .fixed = true,
        .populate = populate,
        .ops = object->ops,
        .backing = object->backing,
        .page_offset = page_offset,
    };
    error = mm_map(mm, &request, &start);
    vma_destroy(object);
    return error;
}
