/* SPDX-License-Identifier: MIT
 *
 * madvise(2).
 *
 * Advice that only drops or reads pages runs under the read lock, like a fault; advice that changes
 * VMAs under the write lock. As on Linux, holes give -ENOMEM after the rest has been done.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/page_cache.h"

/* Change of flags for advice that is one; false if it is another kind. */
static bool flag_change(int advice, unsigned *set, unsigned *clear)
{
    *set = *clear = 0;
    switch (advice) {
    case MADV_DONTFORK:
        *set = VMA_DONTCOPY;
        return true;
    case MADV_DOFORK:
        *clear = VMA_DONTCOPY;
        return true;
    case MADV_DONTDUMP:
        *set = VMA_DONTDUMP;
        return true;
    case MADV_DODUMP:
        *clear = VMA_DONTDUMP;
        return true;
    case MADV_WIPEONFORK:
        *set = VMA_WIPEONFORK;
        return true;
    case MADV_KEEPONFORK:
        *clear = VMA_WIPEONFORK;
        return true;
    default:
        return false;
    }
}

static bool is_known(int advice)
{
    return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) ||
           (advice >= MADV_FREE && advice <= MADV_DONTNEED_LOCKED);
}

static int advise_flags(struct mm *mm, uint64_t start, uint64_t end, int advice)
{
    unsigned set, clear;
    int result = 0;
    flag_change(advice, &set, &clear);
    mm_write_lock(mm);
    for (uint64_t at = start; at < end;) {
        struct vma *vma = mm_find_vma(mm, at);
        if (!vma || vma->start > at) {
            result = -ENOMEM;
            if (!vma || vma->start >= end)
                break;
            at = vma->start;
        }
        if (advice == MADV_WIPEONFORK && (vma->ops || (vma->flags & VMA_SHARED))) {
            result = -EINVAL;
            break;
        }
        uint64_t stop = MIN(vma->end, end);
        unsigned flags = (vma->flags | set) & ~clear;
        if (flags != vma->flags) {
            int error = vma_isolate_locked(mm, &vma, at, stop);
            if (error) {
                result = error;
                break;
            }
            vma_set_flags_locked(mm, vma, flags);
            vma_merge_locked(mm, vma);
        }
        at = stop;
    }
    mm_write_unlock(mm);
    return result;
}

/* Advice about the pages of one VMA; mm->lock held for reading. */
static int advise_pages(struct vma *vma, uint64_t start, uint64_t end, int advice)
{
    bool locked = vma->flags & VMA_LOCKED;
    switch (advice) {
    case MADV_FREE:
        if (vma->ops)
            return -EINVAL;
        FALLTHROUGH;
    case MADV_DONTNEED:
        if (locked)
            return -EINVAL;
        FALLTHROUGH;
    case MADV_DONTNEED_LOCKED: {
        struct gather gather;
        gather_init(&gather, vma->mm);
        zap_range(&gather, start, end, ZAP_ALL);
        gather_finish(&gather);
        return 0;
    }
    case MADV_COLD:
    case MADV_PAGEOUT:
        return locked ? -EINVAL : 0;
    default:
        return 0; /* a hint that changes nothing here */
    }
}

static int advise_read_locked(struct mm *mm, uint64_t start, uint64_t end, int advice)
{
    int result = 0;
    rwlock_read_lock(&mm->lock);
    for (uint64_t at = start; at < end;) {
        struct vma *vma = mm_find_vma(mm, at);
        if (!vma || vma->start > at) {
            result = -ENOMEM;
            if (!vma || vma->start >= end)
                break;
            at = vma->start;
        }
        uint64_t stop = MIN(vma->end, end);
        int error = advise_pages(vma, at, stop, advice);
        if (error) {
            result = error;
            break;
        }
        at = stop;
    }
    rwlock_read_unlock(&mm->lock);
    return result;
}

/* MADV_REMOVE: a hole in the shared object. The cache unmaps it from every mm, ours included, so
 * mm->lock is dropped for each VMA; a VMA of our own keeps the object. */
static int advise_remove(struct mm *mm, uint64_t start, uint64_t end)
{
    int result = 0;
    for (uint64_t at = start; at < end && !result;) {
        rwlock_read_lock(&mm->lock);
        struct vma *vma = mm_find_vma(mm, at);
        struct vma *copy = NULL;
        uint64_t stop = end;
        if (!vma || vma->start > at) {
            result = -ENOMEM;
        } else if ((vma->flags & VMA_LOCKED) || !vma->cache) {
            result = -EINVAL;
        } else if ((vma->flags & (VMA_SHARED | VMA_MAY_WRITE)) != (VMA_SHARED | VMA_MAY_WRITE)) {
            result = -EACCES;
        } else {
            stop = MIN(vma->end, end);
            copy = vma_copy(mm, vma);
            result = copy ? 0 : -ENOMEM;
        }
        rwlock_read_unlock(&mm->lock);
        if (copy) {
            page_cache_punch(copy->cache, vma_object_page(copy, at) << PAGE_SHIFT,
                             vma_object_page(copy, stop) << PAGE_SHIFT);
            vma_destroy(copy);
        }
        at = stop;
    }
    return result;
}

int mm_advise(struct mm *mm, uint64_t addr, uint64_t bytes, int advice)
{
    if (!is_known(advice) || !IS_ALIGNED(addr, PAGE_SIZE))
        return -EINVAL;
    uint64_t rounded = ALIGN_UP(bytes, PAGE_SIZE);
    if (bytes && !rounded)
        return -EINVAL;
    uint64_t end = addr + rounded;
    if (end < addr)
        return -EINVAL;
    if (end == addr)
        return 0;

    unsigned set, clear;
    if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
        return mm_populate_for(mm, addr, rounded, advice == MADV_POPULATE_WRITE);
    if (advice == MADV_REMOVE)
        return advise_remove(mm, addr, end);
    if (flag_change(advice, &set, &clear))
        return advise_flags(mm, addr, end, advice);
    return advise_read_locked(mm, addr, end, advice);
}
