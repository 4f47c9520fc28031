/* SPDX-License-Identifier: MIT
 *
 * mlock(2), munlock(2), mlockall(2). There is no swap, so locked memory is memory that is made
 * resident at once and counted against RLIMIT_MEMLOCK.
 */
#include "kernel/abi/errno.h"
#include "kernel/mm/mm_internal.h"

enum { LOCK_FLAGS = VMA_LOCKED | VMA_LOCK_ON_FAULT };

/* `lock`: the new LOCK_FLAGS. */
static int set_locked(struct mm *mm, struct vma *vma, uint64_t start, uint64_t end, unsigned lock)
{
    unsigned flags = (vma->flags & ~(unsigned)LOCK_FLAGS) | lock;
    if (flags == vma->flags || (vma->flags & (VMA_DEVICE | VMA_SECRET)))
        return 0;
    int error = vma_isolate_locked(mm, &vma, start, end);
    if (error)
        return error;
    vma_set_flags_locked(mm, vma, flags);
    vma_merge_locked(mm, vma);
    return 0;
}

/* Pages of the range that are not locked yet. */
static uint64_t pages_to_lock(struct mm *mm, uint64_t start, uint64_t end)
{
    uint64_t pages = 0;
    for (struct vma *vma = vma_find_overlap(mm, start, end); vma && vma->start < end;
         vma = mm_next_vma(vma))
        if (!(vma->flags & VMA_LOCKED))
            pages += (MIN(vma->end, end) - MAX(vma->start, start)) >> PAGE_SHIFT;
    return pages;
}

static int lock_range_locked(struct mm *mm, uint64_t start, uint64_t end, unsigned lock)
{
    if (lock && limit_check_locked_memory(mm, pages_to_lock(mm, start, end)))
        return -ENOMEM;
    for (uint64_t at = start; at < end;) {
        struct vma *vma = mm_find_vma(mm, at);
        if (!vma || vma->start > at)
            return -ENOMEM;
        uint64_t stop = MIN(vma->end, end);
        int error = set_locked(mm, vma, at, stop, lock);
        if (error)
            return error;
        at = stop;
    }
    return 0;
}

/* Checks the arguments and sets LOCK_FLAGS to `lock`. 1: nothing to do. */
static int change_range(struct mm *mm, uint64_t addr, uint64_t bytes, unsigned lock,
                        uint64_t *out_start, uint64_t *out_bytes)
{
    uint64_t start = ALIGN_DOWN(addr, PAGE_SIZE), end;
    uint64_t rounded = ALIGN_UP(bytes + (addr - start), PAGE_SIZE);
    if (start + rounded < start)
        return -EINVAL;
    if (lock && !mm->may_lock_all && mm->limit_memlock == 0)
        return -EPERM;
    if (rounded == 0)
        return 1;
    if (!user_range(mm, start, rounded, &end))
        return -ENOMEM;
    *out_start = start;
    *out_bytes = rounded;
    mm_write_lock(mm);
    int error = lock_range_locked(mm, start, end, lock);
    mm_write_unlock(mm);
    return error;
}

int mm_lock(struct mm *mm, uint64_t addr, uint64_t bytes, bool lock)
{
    uint64_t start, rounded;
    int result = change_range(mm, addr, bytes, lock ? VMA_LOCKED : 0, &start, &rounded);
    if (result || !lock)
        return MIN(result, 0);
    int error = mm_populate(mm, start, rounded);
    /* mlock(2): memory that cannot be read in gives EAGAIN or ENOMEM; inaccessible memory too. */
    return error == 0 ? 0 : error == -ENOMEM ? -EAGAIN : -ENOMEM;
}

int mm_lock_on_fault(struct mm *mm, uint64_t addr, uint64_t bytes)
{
    uint64_t start, rounded;
    return MIN(change_range(mm, addr, bytes, LOCK_FLAGS, &start, &rounded), 0);
}

int mm_lock_all(struct mm *mm, bool current, bool future, bool on_fault)
{
    if ((current || future) && !mm->may_lock_all && mm->limit_memlock == 0)
        return -EPERM;
    mm_write_lock(mm);
    int error = 0;
    if (current && !mm->may_lock_all && mm->total_pages > mm->limit_memlock >> PAGE_SHIFT)
        error = -ENOMEM;
    if (!error) {
        unsigned lock = on_fault ? LOCK_FLAGS : VMA_LOCKED;
        mm->future_flags = future ? lock : 0;
        /* Without `current` only munlockall changes what is mapped. */
        bool change = current || !future;
        for (struct vma *vma = mm_find_vma(mm, 0); change && vma; vma = mm_next_vma(vma)) {
            if (vma->flags & VMA_DEVICE)
                continue;
            unsigned flags = vma->flags & ~(unsigned)LOCK_FLAGS;
            vma_set_flags_locked(mm, vma, current ? flags | lock : flags);
            vma = vma_merge_locked(mm, vma);
        }
    }
    mm_write_unlock(mm);
    if (error || !current || on_fault)
        return error;
    for (uint64_t at = 0;;) {
        rwlock_read_lock(&mm->lock);
        struct vma *vma = mm_find_vma(mm, at);
        uint64_t start = vma ? MAX(vma->start, at) : 0, end = vma ? vma->end : 0;
        rwlock_read_unlock(&mm->lock);
        if (!vma)
            return 0;
        mm_populate(mm, start, end - start); /* best effort, as on Linux */
        at = end;
    }
}
