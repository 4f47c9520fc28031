/* SPDX-License-Identifier: MIT
 *
 * The record of resident pages: a tree of regions, 64 pages each.
 *
 * Everything here happens under mm->table_lock. A region exists while it has a present page (or a
 * caller is about to add one). The HAL's tables mirror the record, see table.c.
 */
#include "kernel/mm/mm_internal.h"

static inline struct mm_region *region_of(struct rb_node *node)
{
    return rb_entry_or_null(node, struct mm_region, node);
}

struct mm_region *region_at_or_after(struct mm *mm, uint64_t uaddr)
{
    uint64_t base = ALIGN_DOWN(uaddr, MM_REGION_BYTES);
    struct mm_region *found = mm->region_hint;
    if (found && found->base == base)
        return found;
    found = NULL;
    for (struct rb_node *node = mm->regions.node; node;) {
        struct mm_region *region = region_of(node);
        if (region->base >= base) {
            found = region;
            if (region->base == base)
                break;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    if (found)
        mm->region_hint = found;
    return found;
}

struct mm_region *region_find(struct mm *mm, uint64_t uaddr)
{
    struct mm_region *region = region_at_or_after(mm, uaddr);
    return region && region->base <= uaddr ? region : NULL;
}

struct mm_region *region_next(struct mm_region *region)
{
    return region_of(rb_next(&region->node));
}

static bool region_less(const struct rb_node *a, const struct rb_node *b)
{
    return rb_entry(a, struct mm_region, node)->base < rb_entry(b, struct mm_region, node)->base;
}

struct mm_region *region_create(struct mm *mm, uint64_t uaddr)
{
    struct mm_region *region = region_find(mm, uaddr);
    if (region)
        return region;
    region = slab_alloc(mm->kernel->mm->regions);
    if (!region)
        return NULL;
    rb_node_init(&region->node);
    region->base = ALIGN_DOWN(uaddr, MM_REGION_BYTES);
    region->present = 0;
    region->writable = 0;
    region->protected = 0;
    rb_insert(&mm->regions, &region->node, region_less, NULL);
    mm->region_hint = region;
    return region;
}

void region_free_if_empty(struct mm *mm, struct mm_region *region)
{
    if (region->present)
        return;
    if (mm->region_hint == region)
        mm->region_hint = NULL;
    rb_erase(&mm->regions, &region->node, NULL);
    slab_free(mm->kernel->mm->regions, region);
}

uint64_t region_mask(const struct mm_region *region, uint64_t start, uint64_t end)
{
    uint64_t mask = ~0ull;
    if (start >= region->base + MM_REGION_BYTES || end <= region->base)
        return 0;
    if (start > region->base)
        mask &= ~0ull << ((start - region->base) >> PAGE_SHIFT);
    if (end < region->base + MM_REGION_BYTES)
        mask &= ~(~0ull << ((end - region->base) >> PAGE_SHIFT));
    return mask;
}

void region_account(struct mm *mm, struct page *page, int delta)
{
    if (page == mm->kernel->mm->zero_page)
        return;
    atomic_fetch_add_relaxed(&page->map_count, (uint32_t)delta);
    uint64_t *counter = page->flags & PAGE_ANON ? &mm->resident_anon : &mm->resident_file;
    /* One writer at a time, by the table lock; /proc reads without it. */
    atomic_store_relaxed(counter, *counter + (uint64_t)(int64_t)delta);
    if (page->flags & PAGE_MEMORY)
        atomic_store_relaxed(&mm->resident_memory,
                             mm->resident_memory + (uint64_t)(int64_t)delta);
    if (delta > 0)
        atomic_store_relaxed(&mm->resident_peak,
                             MAX(mm->resident_peak, mm->resident_anon + mm->resident_file));
}
