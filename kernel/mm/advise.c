/* SPDX-License-Identifier: MIT
 *
 * madvise(2).
 *
 * Advice that only drops or reads pages runs under the read lock, like a fault; advice that changes
 * VMAs under the write lock. As on Linux, holes give -ENOMEM after the rest has been done.
 *
 * Differences from Linux: MADV_FREE gives the pages back at once, which programs have to expect at
 * any time; MADV_COLD and MADV_PAGEOUT have nothing to do without swap; MADV_COLLAPSE never finds
 * memory that is fit for a huge page.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/mm/mm_internal.h"

enum { VMA_SPECIAL = VMA_DEVICE | VMA_DONTEXPAND };

/* Advice that is remembered in flags. There is one NUMA node and no huge page, and files are read
 * ahead as far as they are read at all: some of it is only told again by /proc/PID/smaps. */
static const struct flag_advice {
    int advice;
    unsigned set, clear;
    unsigned unless; /* of mappings with these -EINVAL */
} flag_advices[] = {
    {MADV_NORMAL, 0, VMA_SEQUENTIAL | VMA_RANDOM, 0},
    {MADV_RANDOM, VMA_RANDOM, VMA_SEQUENTIAL, 0},
    {MADV_SEQUENTIAL, VMA_SEQUENTIAL, VMA_RANDOM, 0},
    {MADV_DONTFORK, VMA_DONTCOPY, 0, 0},
    {MADV_DOFORK, 0, VMA_DONTCOPY, VMA_DEVICE},
    {MADV_DONTDUMP, VMA_DONTDUMP, 0, 0},
    {MADV_DODUMP, 0, VMA_DONTDUMP, VMA_SPECIAL},
    {MADV_WIPEONFORK, VMA_WIPEONFORK, 0, VMA_SHARED},
    {MADV_KEEPONFORK, 0, VMA_WIPEONFORK, 0},
    {MADV_HUGEPAGE, VMA_HUGE, VMA_NOHUGE, VMA_SPECIAL},
    {MADV_NOHUGEPAGE, VMA_NOHUGE, VMA_HUGE, 0},
};

static const struct flag_advice *find_flag_advice(int advice)
{
    for (unsigned i = 0; i < ARRAY_SIZE(flag_advices); i++)
        if (flag_advices[i].advice == advice)
            return &flag_advices[i];
    return NULL;
}

/* Pages are neither merged nor poisoned: a Linux without KSM and memory failure handling. */
static bool is_known(int advice)
{
    return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) ||
           (advice >= MADV_FREE && advice <= MADV_COLLAPSE && advice != MADV_MERGEABLE &&
            advice != MADV_UNMERGEABLE);
}

static int advise_flags(struct mm *mm, uint64_t start, uint64_t end,
                        const struct flag_advice *advice)
{
    int result = 0;
    mm_write_lock(mm);
    for (uint64_t at = start; at < end;) {
        struct vma *vma = mm_find_vma(mm, at);
        if (!vma || vma->start > at) {
            result = -ENOMEM;
            if (!vma || vma->start >= end)
                break;
            at = vma->start;
        }
        if ((vma->flags & advice->unless) || (advice->advice == MADV_WIPEONFORK && vma->ops)) {
            result = -EINVAL;
            break;
        }
        uint64_t stop = MIN(vma->end, end);
        unsigned flags = (vma->flags | advice->set) & ~advice->clear;
        if (flags != vma->flags) {
            int error = vma_isolate_locked(mm, &vma, at, stop);
            if (error) {
                result = error == -ENOMEM ? -EAGAIN : error; /* unlike a hole */
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
        if (vma->flags & VMA_DEVICE)
            return -EINVAL;
        struct gather gather;
        gather_init(&gather, vma->mm);
        zap_range(&gather, start, end, ZAP_ALL);
        gather_finish(&gather);
        return 0;
    }
    case MADV_COLD:
    case MADV_PAGEOUT:
        return locked || (vma->flags & VMA_DEVICE) ? -EINVAL : 0;
    case MADV_COLLAPSE: /* nothing is fit for a huge page */
        return -EINVAL;
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

/* MADV_REMOVE: a hole in the shared object, which is unmapped from every mm, ours included, so
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
        } else if ((vma->flags & VMA_LOCKED) || !vma->ops || !vma->ops->punch) {
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
            result = copy->ops->punch(copy, vma_object_page(copy, at), vma_object_page(copy, stop));
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

    const struct flag_advice *flag_advice = find_flag_advice(advice);
    if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
        return mm_populate_for(mm, addr, rounded, advice == MADV_POPULATE_WRITE);
    if (advice == MADV_REMOVE)
        return advise_remove(mm, addr, end);
    if (flag_advice)
        return advise_flags(mm, addr, end, flag_advice);
    return advise_read_locked(mm, addr, end, advice);
}
