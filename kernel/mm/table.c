/* SPDX-License-Identifier: MIT
 *
 * Keeping the HAL's translations in step with the record of resident pages.
 *
 * Everything here happens under mm->table_lock. Pages that are neighbours both in memory and in the
 * address space are mapped by one call: hosted, each call is a host system call in the end.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"
#include "kernel/mm/mm_internal.h"

unsigned table_prot(const struct vma *vma, bool writable)
{
    if (!(vma->flags & VMA_ACCESS))
        return 0;
    unsigned prot = HAL_PROT_READ; /* x86: whatever is accessible is readable */
    if (vma->flags & VMA_EXEC)
        prot |= HAL_PROT_EXEC;
    if (writable && (vma->flags & VMA_WRITE))
        prot |= HAL_PROT_WRITE;
    return prot;
}

/* How many pages from `index` on, inside mask, can be mapped by one call. */
static unsigned run_length(const struct mm_region *region, uint64_t mask, unsigned index)
{
    bool writable = (region->writable >> index) & 1;
    unsigned length = 1;
    while (index + length < MM_REGION_PAGES && ((mask >> (index + length)) & 1) &&
           region->pages[index + length] == region->pages[index] + length &&
           ((region->writable >> (index + length)) & 1) == writable)
        length++;
    return length;
}

int table_install(struct mm *mm, const struct vma *vma, struct mm_region *region, uint64_t mask)
{
    uint64_t left = mask &= region->present;
    if (!(vma->flags & VMA_ACCESS))
        return 0;
    while (left) {
        unsigned index = bits_lowest(left);
        unsigned length = run_length(region, left, index);
        uint64_t uaddr = region->base + (uint64_t)index * PAGE_SIZE;
        unsigned prot = table_prot(vma, (region->writable >> index) & 1);
        if (hal_aspace_map(mm->aspace, uaddr, page_to_phys(region->pages[index]), length, prot)) {
            hal_aspace_unmap(mm->aspace, uaddr, length);
            return -ENOMEM;
        }
        left &= ~BIT_MASK(index + length - 1, index);
    }
    return 0;
}

int table_insert(struct mm *mm, const struct vma *vma, struct mm_region *region, uint64_t uaddr,
                 struct page *const *pages, unsigned count, bool writable)
{
    unsigned index = region_index(uaddr);
    assert(count > 0 && index + count <= MM_REGION_PAGES);
    uint64_t mask = BIT_MASK(index + count - 1, index);
    assert(!(region->present & mask));
    for (unsigned i = 0; i < count; i++) {
        region->pages[index + i] = pages[i];
        region_account(mm, pages[i], 1);
    }
    region->present |= mask;
    if (writable && (vma->flags & VMA_WRITE))
        region->writable |= mask;
    else
        region->writable &= ~mask;
    return table_install(mm, vma, region, mask);
}

struct page *table_replace(struct mm *mm, const struct vma *vma, struct mm_region *region,
                           uint64_t uaddr, struct page *page, bool writable, int *out_error)
{
    unsigned index = region_index(uaddr);
    struct page *old = region->pages[index];
    assert((region->present >> index) & 1);
    region_account(mm, old, -1);
    region_account(mm, page, 1);
    region->pages[index] = page;
    if (writable && (vma->flags & VMA_WRITE))
        region->writable |= BIT(index);
    else
        region->writable &= ~BIT(index);
    *out_error = table_install(mm, vma, region, BIT(index));
    return old;
}

void table_allow_write(struct mm *mm, const struct vma *vma, struct mm_region *region,
                       uint64_t mask)
{
    mask &= ~region->protected;
    region->writable |= mask;
    unsigned prot = table_prot(vma, true);
    while (mask) {
        unsigned index = bits_lowest(mask);
        uint64_t from = mask >> index;
        unsigned length = ~from ? bits_lowest(~from) : MM_REGION_PAGES;
        hal_aspace_protect(mm->aspace, region->base + (uint64_t)index * PAGE_SIZE, length, prot,
                           false);
        mask &= ~BIT_MASK(index + length - 1, index);
    }
}
