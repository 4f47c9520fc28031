/* SPDX-License-Identifier: MIT
 *
 * mprotect(2).
 *
 * Taking rights away changes the HAL's tables at once. Giving the right to write does not make
 * shared (copy-on-write, write-tracked) pages writable: those wait for the fault that sorts them
 * out; pages that are ours alone become writable at once.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/page_cache.h"

static bool may_write_now(const struct vma *vma, const struct page *page)
{
    if (vma->flags & VMA_SHARED)
        return !vma->cache || !vma->cache->ops->write_page;
    return (page->flags & PAGE_ANON) && atomic_load_acquire(&page->refs) == 1;
}

static void grant_write(struct mm *mm, const struct vma *vma)
{
    struct mm_region *region = region_at_or_after(mm, vma->start);
    for (; region && region->base < vma->end; region = region_next(region)) {
        uint64_t grant = 0;
        uint64_t left =
            region->present & ~region->writable & region_mask(region, vma->start, vma->end);
        for (; left; left &= left - 1)
            if (may_write_now(vma, region->pages[bits_lowest(left)]))
                grant |= left & -left;
        if (grant)
            table_allow_write(mm, vma, region, grant);
    }
}

static void revoke_write(struct mm *mm, const struct vma *vma)
{
    struct mm_region *region = region_at_or_after(mm, vma->start);
    for (; region && region->base < vma->end; region = region_next(region))
        region->writable &= ~region_mask(region, vma->start, vma->end);
}

static void install_all(struct mm *mm, const struct vma *vma)
{
    struct mm_region *region = region_at_or_after(mm, vma->start);
    for (; region && region->base < vma->end; region = region_next(region)) {
        /* Without memory for tables the rest waits for its faults. */
        if (table_install(mm, vma, region, region_mask(region, vma->start, vma->end)))
            return;
    }
}

/* The VMA has its new flags; make the tables agree. */
static void apply(struct mm *mm, const struct vma *vma, unsigned old_flags)
{
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_at_or_after(mm, vma->start);
    if (region && region->base < vma->end) {
        uint64_t pages = vma_pages(vma);
        if (!(vma->flags & VMA_WRITE))
            revoke_write(mm, vma);
        if (!(vma->flags & VMA_ACCESS))
            hal_aspace_unmap(mm->aspace, vma->start, pages);
        else if (!(old_flags & VMA_ACCESS))
            install_all(mm, vma);
        else
            hal_aspace_protect(mm->aspace, vma->start, pages,
                               table_prot(vma, vma->flags & VMA_WRITE), true);
        if ((vma->flags & VMA_WRITE) && !(old_flags & VMA_WRITE))
            grant_write(mm, vma);
    }
    spin_unlock(&mm->table_lock);
}

/* Flags after the change, or -EACCES / -ENOMEM. */
static int check(struct mm *mm, const struct vma *vma, uint64_t pages, unsigned prot,
                 unsigned *out_flags)
{
    unsigned flags = (vma->flags & ~(unsigned)VMA_ACCESS) | prot;
    if (prot & ~(vma->flags >> 4))
        return -EACCES;
    bool becomes_data = (flags & VMA_WRITE) && !(vma->flags & (VMA_WRITE | VMA_SHARED));
    if (becomes_data) {
        bool data = !(flags & VMA_GROWSDOWN);
        if (data && mm->data_pages + pages > mm->limit_data >> PAGE_SHIFT)
            return -ENOMEM;
        if (is_accountable(flags) && !(vma->flags & VMA_ACCOUNT)) {
            if (!may_commit(mm->kernel, mm, pages))
                return -ENOMEM;
            flags |= VMA_ACCOUNT;
        }
    }
    *out_flags = flags;
    return 0;
}

static int protect_locked(struct mm *mm, uint64_t start, uint64_t end, unsigned prot)
{
    uint64_t at = start;
    bool revoked = false;
    int error = 0;
    while (at < end && !error) {
        struct vma *vma = mm_find_vma(mm, at);
        if (!vma || vma->start > at) {
            error = -ENOMEM;
            break;
        }
        uint64_t stop = MIN(vma->end, end);
        unsigned old_flags = vma->flags, flags;
        error = check(mm, vma, (stop - at) >> PAGE_SHIFT, prot, &flags);
        if (!error && flags != old_flags) {
            error = vma_isolate_locked(mm, &vma, at, stop);
            if (error)
                break;
            vma_set_flags_locked(mm, vma, flags);
            apply(mm, vma, old_flags);
            vma_merge_locked(mm, vma);
            revoked |= (old_flags & ~flags & VMA_ACCESS) != 0;
        }
        at = stop;
    }
    if (revoked) /* an access that is granted late just faults */
        hal_aspace_flush(mm->aspace);
    return error;
}

int mm_protect(struct mm *mm, uint64_t addr, uint64_t bytes, unsigned prot)
{
    uint64_t end;
    if (!IS_ALIGNED(addr, PAGE_SIZE))
        return -EINVAL;
    if (bytes == 0)
        return 0;
    if (!user_range(mm, addr, bytes, &end))
        return -ENOMEM;
    mm_write_lock(mm);
    int error = protect_locked(mm, addr, end, prot & VMA_ACCESS);
    mm_write_unlock(mm);
    return error;
}
