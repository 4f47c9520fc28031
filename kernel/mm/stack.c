/* SPDX-License-Identifier: MIT
 *
 * Growing stacks: a fault just below a VMA_GROWSDOWN mapping extends it (mmap(2), MAP_GROWSDOWN).
 *
 * Growth stops at RLIMIT_STACK and 1 MiB above whatever accessible mapping is below, so that a
 * stack never runs silently into other memory.
 */
#include "kernel/abi/errno.h"
#include "kernel/mm/mm_internal.h"

static int may_grow(struct mm *mm, struct vma *vma, uint64_t start)
{
    uint64_t guard = (uint64_t)MM_STACK_GUARD_PAGES * PAGE_SIZE;
    struct vma *below = vma_prev(vma);
    if (start < user_min(mm) || vma->end - start > mm->limit_stack)
        return -EFAULT;
    if (below && !(below->flags & VMA_GROWSDOWN) && (below->flags & VMA_ACCESS) &&
        start - below->end < guard)
        return -EFAULT;
    uint64_t pages = (vma->start - start) >> PAGE_SHIFT;
    if (limit_check(mm, pages, vma->flags) ||
        ((vma->flags & VMA_ACCOUNT) && !may_commit(mm->kernel, mm, pages)))
        return -EFAULT;
    if ((vma->flags & VMA_LOCKED) && limit_check_locked_memory(mm, pages))
        return -EFAULT;
    return 0;
}

int expand_stack(struct mm *mm, uint64_t uaddr)
{
    int error = 0;
    mm_write_lock(mm);
    struct vma *vma = mm_find_vma(mm, uaddr);
    if (!vma || (vma->start > uaddr && !(vma->flags & VMA_GROWSDOWN)))
        error = -EFAULT;
    else if (vma->start > uaddr)
        error = may_grow(mm, vma, uaddr);
    if (!error && vma->start > uaddr)
        vma_resize_locked(mm, vma, uaddr, vma->end);
    mm_write_unlock(mm);
    return error;
}
