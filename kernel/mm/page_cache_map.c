/* SPDX-License-Identifier: MIT
 *
 * Who maps a page cache: the registry of its VMAs, and changes to all their translations at once.
 *
 * A walk visits each mm that has a VMA in the list, pins it so that its lock stays, and takes that
 * lock for writing. Since every fault holds it for reading from the look-up of the page to
 * the entry in the table, a fault that found a page before it left the cache has entered it by the
 * time the walk gets the lock, and the walk removes it. VMAs are added at the tail and a walk goes
 * from head to tail, so the child of a fork is met after its parent.
 */
#include "kernel/lib/bits.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/page_cache.h"

int page_cache_map(struct page_cache *cache, struct vma *vma)
{
    vma->cache = cache;
    spin_lock(&cache->mappings_lock);
    list_add_tail(&cache->mappings, &vma->mapping_node);
    spin_unlock(&cache->mappings_lock);
    return 0;
}

void page_cache_unmap(struct page_cache *cache, struct vma *vma)
{
    assert(vma->cache == cache);
    spin_lock(&cache->mappings_lock);
    list_remove(&vma->mapping_node);
    spin_unlock(&cache->mappings_lock);
    vma->cache = NULL;
}

struct walk {
    struct page_cache *cache;
    uint64_t first, last;
    enum zap which;
    void (*visit)(const struct walk *walk, struct vma *vma, uint64_t start, uint64_t end,
                  struct gather *gather);
};

/* The user addresses at which the VMA shows the walk's pages. False if none. */
static bool addresses(const struct walk *walk, const struct vma *vma, uint64_t *start,
                      uint64_t *end)
{
    uint64_t vma_first = vma->page_offset, vma_last = vma->page_offset + vma_pages(vma) - 1;
    uint64_t first = MAX(walk->first, vma_first), last = MIN(walk->last, vma_last);
    if (first > last)
        return false;
    *start = vma->start + ((first - vma_first) << PAGE_SHIFT);
    *end = vma->start + ((last - vma_first + 1) << PAGE_SHIFT);
    return true;
}

static void visit_mm(const struct walk *walk, struct mm *mm)
{
    mm_write_lock(mm);
    struct gather gather;
    gather_init(&gather, mm);
    struct vma *vma;
    rb_for_each_entry(vma, &mm->vmas, node)
    {
        uint64_t start, end;
        if (vma->cache == walk->cache && addresses(walk, vma, &start, &end))
            walk->visit(walk, vma, start, end, &gather);
    }
    gather_finish(&gather);
    mm_write_unlock(mm);
}

/* A place in the list that stays when the lock is dropped: a VMA without mm. */
static struct mm *next_mm(struct page_cache *cache, struct vma *cursor, const struct mm *not_again)
{
    struct mm *mm = NULL;
    spin_lock(&cache->mappings_lock);
    struct list_node *node;
    while (!mm && (node = list_next(&cache->mappings, &cursor->mapping_node))) {
        struct vma *vma = list_entry(node, struct vma, mapping_node);
        list_remove(&cursor->mapping_node);
        list_insert_after(node, &cursor->mapping_node);
        if (vma->mm && vma->mm != not_again)
            mm = vma->mm;
    }
    if (mm)
        mm_pin(mm); /* alive while a VMA of its is in the list */
    spin_unlock(&cache->mappings_lock);
    return mm;
}

static void walk_mappings(const struct walk *walk)
{
    struct page_cache *cache = walk->cache;
    struct vma cursor = {.mm = NULL};
    struct mm *mm, *done = NULL;
    spin_lock(&cache->mappings_lock);
    list_add_head(&cache->mappings, &cursor.mapping_node);
    spin_unlock(&cache->mappings_lock);
    while ((mm = next_mm(cache, &cursor, done))) {
        if (done)
            mm_unpin(done);
        done = mm;
        visit_mm(walk, mm);
    }
    if (done)
        mm_unpin(done);
    spin_lock(&cache->mappings_lock);
    list_remove(&cursor.mapping_node);
    spin_unlock(&cache->mappings_lock);
}

static void visit_zap(const struct walk *walk, struct vma *vma, uint64_t start, uint64_t end,
                      struct gather *gather)
{
    (void)vma;
    zap_range(gather, start, end, walk->which);
}

void page_cache_zap_mappings(struct page_cache *cache, uint64_t first, uint64_t last,
                             enum zap which)
{
    const struct walk walk = {
        .cache = cache,
        .first = first,
        .last = last,
        .which = which,
        .visit = visit_zap,
    };
    walk_mappings(&walk);
}

static void visit_protect(const struct walk *walk, struct vma *vma, uint64_t start, uint64_t end,
                          struct gather *gather)
{
    struct mm *mm = vma->mm;
    (void)walk;
    if (!(vma->flags & VMA_SHARED))
        return; /* private pages of the cache are never writable */
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_at_or_after(mm, start);
    for (; region && region->base < end; region = region_next(region)) {
        uint64_t mask = region->writable & region_mask(region, start, end);
        if (!mask)
            continue;
        unsigned index = bits_lowest(mask), count = bits_highest(mask) - index + 1;
        region->writable &= ~mask;
        if (vma->flags & VMA_ACCESS)
            hal_aspace_protect(mm->aspace, region->base + (uint64_t)index * PAGE_SIZE, count,
                               table_prot(vma, false), true);
        gather->flush = true;
    }
    spin_unlock(&mm->table_lock);
}

void page_cache_protect_mappings(struct page_cache *cache, uint64_t first, uint64_t last)
{
    const struct walk walk = {
        .cache = cache,
        .first = first,
        .last = last,
        .visit = visit_protect,
    };
    walk_mappings(&walk);
}
