/* SPDX-License-Identifier: MIT
 *
 * What /proc/PID/pagemap, numa_maps and smaps tell about single pages; proc_pid_pagemap(5).
 */
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"

static uint64_t entry_of(const struct mm *mm, const struct page *page, bool frames)
{
    uint64_t entry = MM_PAGEMAP_PRESENT;
    if (frames)
        entry |= page_to_phys(page) >> PAGE_SHIFT;
    if (page == mm->kernel->mm->zero_page)
        return entry;
    if (!(page->flags & PAGE_ANON))
        entry |= MM_PAGEMAP_FILE;
    if (atomic_load_relaxed(&page->map_count) == 1)
        entry |= MM_PAGEMAP_EXCLUSIVE;
    return entry;
}

void mm_pagemap(struct mm *mm, uint64_t uaddr, unsigned count, bool frames, uint64_t *out)
{
    uint64_t end = uaddr + (uint64_t)count * PAGE_SIZE;
    memset(out, 0, count * sizeof(*out));
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_at_or_after(mm, uaddr);
    for (; region && region->base < end; region = region_next(region)) {
        for (uint64_t left = region->present & region_mask(region, uaddr, end); left;
             left &= left - 1) {
            unsigned index = bits_lowest(left);
            uint64_t at = region->base + (uint64_t)index * PAGE_SIZE;
            out[(at - uaddr) >> PAGE_SHIFT] = entry_of(mm, region->pages[index], frames);
        }
    }
    spin_unlock(&mm->table_lock);
}

void mm_reset_peak(struct mm *mm)
{
    spin_lock(&mm->table_lock);
    atomic_store_relaxed(&mm->resident_peak, mm->resident_anon + mm->resident_file);
    spin_unlock(&mm->table_lock);
}

static void count_page(const struct mm *mm, const struct page *page, struct vma_usage *out)
{
    if (page == mm->kernel->mm->zero_page)
        return;
    unsigned maps = atomic_load_relaxed(&page->map_count);
    bool anon = page->flags & PAGE_ANON, shared = maps > 1;
    bool dirty = atomic_load_relaxed(&page->flags) & (PAGE_ANON | PAGE_MEMORY | PAGE_DIRTY);
    out->resident++;
    out->anon += anon;
    out->shared += shared;
    out->dirty += dirty;
    out->shared_dirty += shared && dirty;
    out->private_dirty += dirty && !shared;
    out->maps_most = MAX(out->maps_most, (uint64_t)maps);
    out->proportional += MM_PSS_UNIT / MAX(maps, 1u);
    if (dirty)
        out->proportional_dirty += MM_PSS_UNIT / MAX(maps, 1u);
    if (anon)
        out->proportional_anon += MM_PSS_UNIT / MAX(maps, 1u);
}

void mm_vma_usage(struct vma *vma, struct vma_usage *out)
{
    struct mm *mm = vma->mm;
    *out = (struct vma_usage){0};
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_at_or_after(mm, vma->start);
    for (; region && region->base < vma->end; region = region_next(region)) {
        uint64_t left = region->present & region_mask(region, vma->start, vma->end);
        for (; left; left &= left - 1)
            count_page(mm, region->pages[bits_lowest(left)], out);
    }
    spin_unlock(&mm->table_lock);
}
