/* SPDX-License-Identifier: MIT
 *
 * Making memory resident ahead of use: MAP_POPULATE, mlock(2), MADV_POPULATE_READ/WRITE; and
 * mincore(2), which says what is.
 *
 * mm->lock is dropped now and then, so that writers get through and so that reclaim can run.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/page_cache.h"
#include "kernel/sched/sched.h"

/* Does uaddr need a fault for this kind of access? Also false for nothing to gain. */
static bool needs_fault(struct mm *mm, uint64_t uaddr, bool write)
{
    spin_lock(&mm->table_lock);
    const struct mm_region *region = region_find(mm, uaddr);
    unsigned index = region_index(uaddr);
    bool ready =
        region && ((region->present >> index) & 1) && (!write || ((region->writable >> index) & 1));
    spin_unlock(&mm->table_lock);
    return !ready;
}

/* Populate [at, stop) of one VMA, at most one region of it. mm->lock held for reading. */
static int populate_some(struct mm *mm, struct vma *vma, uint64_t *at_page, uint64_t stop,
                         bool write)
{
    unsigned flags = FAULT_POPULATE | (write ? FAULT_WRITE : 0);
    for (uint64_t at = *at_page; at < stop; at += PAGE_SIZE) {
        *at_page = at;
        if (!needs_fault(mm, at, write))
            continue;
        int error = fault_vma(mm, vma, at, flags);
        if (error)
            return error;
    }
    *at_page = stop;
    return 0;
}

enum populate_kind { POPULATE_READ, POPULATE_WRITE, POPULATE_AS_MAPPED };

/* One step from *at on: at most one region. 0 and *at advanced, or an error. */
static int populate_step(struct mm *mm, uint64_t *at, uint64_t end, enum populate_kind kind)
{
    int error = 0;
    rwlock_read_lock(&mm->lock);
    struct vma *vma = mm_find_vma(mm, *at);
    uint64_t stop = MIN(ALIGN_DOWN(*at, MM_REGION_BYTES) + MM_REGION_BYTES, end);
    bool write = kind == POPULATE_WRITE;
    if (!vma || vma->start > *at) {
        error = -ENOMEM;
    } else if (kind == POPULATE_AS_MAPPED) {
        /* What a program would do first: writable private memory is made its own. */
        write = (vma->flags & (VMA_WRITE | VMA_SHARED)) == VMA_WRITE;
        stop = MIN(stop, vma->end);
        if (!(vma->flags & VMA_ACCESS))
            error = -EACCES;
    } else {
        stop = MIN(stop, vma->end);
        if (!(vma->flags & (write ? (unsigned)VMA_WRITE : (unsigned)VMA_READ)))
            error = -EINVAL;
    }
    if (!error)
        error = populate_some(mm, vma, at, stop, write);
    if (unlikely(error == FAULT_WAITS))
        return userfault_wait(mm, vma, *at, write ? FAULT_WRITE : 0);
    rwlock_read_unlock(&mm->lock);
    return error;
}

static bool is_mapped(struct mm *mm, uint64_t uaddr)
{
    rwlock_read_lock(&mm->lock);
    bool mapped = vma_find_overlap(mm, uaddr, uaddr + PAGE_SIZE) != NULL;
    rwlock_read_unlock(&mm->lock);
    return mapped;
}

static int populate(struct mm *mm, uint64_t addr, uint64_t bytes, enum populate_kind kind)
{
    uint64_t at = ALIGN_DOWN(addr, PAGE_SIZE), end;
    if (!user_range(mm, at, bytes + (addr - at), &end))
        return -ENOMEM;
    for (unsigned attempt = 0; at < end;) {
        int error = populate_step(mm, &at, end, kind);
        if (error == -ENOMEM && is_mapped(mm, at) && mm_out_of_memory(mm->kernel, attempt++))
            continue;
        if (error)
            return error;
        if (this_thread())
            sched_resched_if_needed();
    }
    return 0;
}

int mm_populate(struct mm *mm, uint64_t addr, uint64_t bytes)
{
    return populate(mm, addr, bytes, POPULATE_AS_MAPPED);
}

int mm_populate_for(struct mm *mm, uint64_t addr, uint64_t bytes, bool write)
{
    int error = populate(mm, addr, bytes, write ? POPULATE_WRITE : POPULATE_READ);
    return error == -ENXIO || error == -EIO ? -EFAULT : error;
}

static bool is_resident(struct mm *mm, const struct vma *vma, uint64_t uaddr)
{
    if (!needs_fault(mm, uaddr, false))
        return true;
    struct page *page = NULL;
    if (vma->cache && page_cache_get_run(vma->cache, vma_object_page(vma, uaddr), 1, &page)) {
        page_put(page);
        return true;
    }
    return false;
}

int64_t mm_mincore(struct mm *mm, uint64_t addr, uint64_t bytes, unsigned char *out_vec)
{
    uint64_t end, at;
    if (!IS_ALIGNED(addr, PAGE_SIZE))
        return -EINVAL;
    if (!user_range(mm, addr, bytes, &end))
        return -ENOMEM;
    rwlock_read_lock(&mm->lock);
    for (at = addr; at < end; at += PAGE_SIZE) {
        const struct vma *vma = mm_find_vma(mm, at);
        if (!vma || vma->start > at)
            break;
        *out_vec++ = is_resident(mm, vma, at);
    }
    rwlock_read_unlock(&mm->lock);
    return at == addr && addr < end ? -ENOMEM : (int64_t)((at - addr) >> PAGE_SHIFT);
}
