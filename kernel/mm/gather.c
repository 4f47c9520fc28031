/* SPDX-License-Identifier: MIT
 *
 * Removing resident pages: first the record and the translations, then one flush, and only then the
 * references, because until the flush another CPU may still use the frames.
 *
 * Pages that nobody else holds are linked through their own descriptors, so a gather of any size
 * needs no memory; shared ones wait in a small array.
 */
#include "kernel/lib/bits.h"
#include "kernel/mm/mm_internal.h"

enum { REGIONS_PER_LOCK = 64 }; /* how long table_lock is held at a time */

void gather_init(struct gather *gather, struct mm *mm)
{
    gather->mm = mm;
    gather->flush = false;
    gather->shared_count = 0;
    list_init(&gather->exclusive);
}

void gather_finish(struct gather *gather)
{
    if (gather->flush)
        hal_aspace_flush(gather->mm->aspace);
    gather->flush = false;
    struct page *page;
    while ((page = list_pop_head_entry(&gather->exclusive, struct page, list)))
        page_put(page);
    for (unsigned i = 0; i < gather->shared_count; i++)
        page_put(gather->shared[i]);
    gather->shared_count = 0;
}

/* False if there is no room: finish first. */
static bool gather_add(struct gather *gather, struct page *page)
{
    if (page == gather->mm->kernel->mm->zero_page)
        return true;
    if ((page->flags & PAGE_ANON) && atomic_load_acquire(&page->refs) == 1) {
        list_add_tail(&gather->exclusive, &page->list);
        return true;
    }
    if (gather->shared_count == GATHER_SHARED_MAX)
        return false;
    gather->shared[gather->shared_count++] = page;
    return true;
}

/* Translations to remove, collected over neighbouring regions. */
struct pending {
    uint64_t start, end;
};

static void unmap_pending(struct mm *mm, struct pending *pending)
{
    if (pending->end > pending->start)
        hal_aspace_unmap(mm->aspace, pending->start, (pending->end - pending->start) >> PAGE_SHIFT);
    pending->start = pending->end = 0;
}

static void add_pending(struct mm *mm, struct pending *pending, uint64_t start, uint64_t end)
{
    if (pending->end && start - pending->end <= 8 * MM_REGION_BYTES) {
        pending->end = end;
        return;
    }
    unmap_pending(mm, pending);
    *pending = (struct pending){start, end};
}

/* Remove the region's pages in `mask`. False if the gather is full; what is left stays present. */
static bool zap_region(struct gather *gather, struct mm_region *region, uint64_t mask,
                       enum zap which, struct pending *pending)
{
    struct mm *mm = gather->mm;
    uint64_t done = 0;
    bool room = true;
    for (; mask && room; mask &= mask - 1) {
        unsigned index = bits_lowest(mask);
        struct page *page = region->pages[index];
        if (which == ZAP_FILE_PAGES && (page->flags & PAGE_ANON))
            continue;
        room = gather_add(gather, page);
        if (room) {
            region_account(mm, page, -1);
            done |= BIT(index);
        }
    }
    region->present &= ~done;
    region->writable &= ~done;
    region->protected &= ~done;
    gather->flush |= done != 0;
    /* Neighbours in one call, with the holes between them unless pages stay there. */
    while (done) {
        unsigned first = bits_lowest(done);
        unsigned last = bits_highest(done);
        if (which == ZAP_FILE_PAGES && (region->present & BIT_MASK(last, first)))
            last = first;
        add_pending(mm, pending, region->base + (uint64_t)first * PAGE_SIZE,
                    region->base + (uint64_t)(last + 1) * PAGE_SIZE);
        done &= ~BIT_MASK(last, first);
        if (which == ZAP_FILE_PAGES)
            unmap_pending(mm, pending);
    }
    return room;
}

void zap_range(struct gather *gather, uint64_t start, uint64_t end, enum zap which)
{
    struct mm *mm = gather->mm;
    struct pending pending = {0, 0};
    uint64_t at = start;
    spin_lock(&mm->table_lock);
    for (unsigned visited = 1; at < end; visited++) {
        struct mm_region *region = region_at_or_after(mm, at);
        if (!region || region->base >= end)
            break;
        uint64_t mask = region->present & region_mask(region, at, end);
        bool room = zap_region(gather, region, mask, which, &pending);
        if (room) {
            at = region->base + MM_REGION_BYTES;
            region_free_if_empty(mm, region);
        }
        if (!room || visited % REGIONS_PER_LOCK == 0) {
            unmap_pending(mm, &pending);
            spin_unlock(&mm->table_lock);
            if (!room)
                gather_finish(gather);
            spin_lock(&mm->table_lock);
        }
    }
    unmap_pending(mm, &pending);
    spin_unlock(&mm->table_lock);
}
