/* SPDX-License-Identifier: MIT
 *
 * The buddy allocator: free blocks of 2^order frames, split and merged.
 *
 * Invariants (page_check): a free block starts at a multiple of its size, its first page has
 * PAGE_FREE, refs 0 and the block's order, and its buddy is not a free block of the same order.
 * Blocks never cross a chunk, so merging never looks at descriptors that are not initialised.
 */
#include "hal/debug.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/bits.h"
#include "kernel/mm/page_internal.h"

static void push(struct page_allocator *pages, struct page *page, unsigned order)
{
    atomic_store_relaxed(&page->flags, PAGE_FREE);
    page->order = (uint8_t)order;
    list_add_head(&pages->free[order], &page->list);
    pages->orders |= 1u << order;
}

static void pull(struct page_allocator *pages, struct page *page, unsigned order)
{
    atomic_store_relaxed(&page->flags, 0);
    list_remove(&page->list);
    if (list_empty(&pages->free[order]))
        pages->orders &= ~(1u << order);
}

struct page *page_buddy_take(struct page_allocator *pages, unsigned order)
{
    unsigned wanted = ~0u << order;
    while (!(pages->orders & wanted)) {
        if (!page_chunk_start(pages))
            return NULL;
    }
    unsigned have = bits_lowest(pages->orders & wanted);
    struct page *page = list_first_entry(&pages->free[have], struct page, list);
    pull(pages, page, have);
    /* Keep the lower half: runs of small allocations then ascend. */
    while (have > order) {
        have--;
        push(pages, page + (1u << have), have);
    }
    page->order = (uint8_t)order;
    atomic_store_relaxed(&pages->free_pages, pages->free_pages - (1u << order));
    return page;
}

void page_buddy_give(struct page_allocator *pages, struct page *page, unsigned order)
{
    const struct page_range *range = &pages->ranges[page->range];
    uint64_t frame = page_frame(pages, page);
    assert(!(page->flags & PAGE_FREE));
    assert(IS_ALIGNED(frame, 1u << order));

    atomic_store_relaxed(&pages->free_pages, pages->free_pages + (1u << order));
    for (; order < PAGE_ORDER_MAX; order++) {
        uint64_t other = frame ^ (1u << order);
        if (other < range->first || other >= range->ready)
            break;
        struct page *buddy = &range->array[other - range->first];
        if (!(atomic_load_relaxed(&buddy->flags) & PAGE_FREE) || buddy->order != order)
            break;
        pull(pages, buddy, order);
        frame &= ~(uint64_t)(1u << order);
    }
    push(pages, &range->array[frame - range->first], order);
}

void page_buddy_give_range(struct page_allocator *pages, struct page_range *range, uint64_t frame,
                           uint64_t end)
{
    while (frame < end) {
        unsigned order =
            frame ? MIN(bits_lowest(frame), (unsigned)PAGE_ORDER_MAX) : (unsigned)PAGE_ORDER_MAX;
        while (frame + (1u << order) > end)
            order--;
        struct page *page = &range->array[frame - range->first];
        hal_debug_poison(pages->direct_map + (frame << PAGE_SHIFT), (size_t)PAGE_SIZE << order);
        page_buddy_give(pages, page, order);
        frame += 1u << order;
    }
}

static uint64_t check_range(struct page_allocator *pages, const struct page_range *range)
{
    uint64_t free_pages = 0;
    for (uint64_t frame = range->first; frame < range->ready;) {
        const struct page *page = &range->array[frame - range->first];
        assert(page_frame(pages, page) == frame);
        if (!(page->flags & PAGE_FREE)) {
            frame++;
            continue;
        }
        assert(page->refs == 0);
        assert(page->order <= PAGE_ORDER_MAX);
        assert(IS_ALIGNED(frame, 1u << page->order));
        assert(frame + (1u << page->order) <= range->ready);
        for (unsigned i = 1; i < 1u << page->order; i++)
            assert(!(page[i].flags & PAGE_FREE) && page[i].refs == 0);
        uint64_t other = frame ^ (1u << page->order);
        if (page->order < PAGE_ORDER_MAX && other >= range->first && other < range->ready) {
            const struct page *buddy = &range->array[other - range->first];
            assert(!(buddy->flags & PAGE_FREE) || buddy->order != page->order);
        }
        free_pages += 1u << page->order;
        frame += 1u << page->order;
    }
    return free_pages;
}

void page_check(struct kernel *kernel)
{
    struct page_allocator *pages = kernel->pages;
    bool irq = spin_lock_irqsave(&pages->lock);
    uint64_t in_ranges = 0, in_lists = 0;
    for (unsigned i = 0; i < pages->range_count; i++)
        in_ranges += check_range(pages, &pages->ranges[i]);
    for (unsigned order = 0; order <= PAGE_ORDER_MAX; order++) {
        uint64_t blocks = list_count(&pages->free[order]);
        assert((blocks != 0) == ((pages->orders >> order) & 1));
        in_lists += blocks << order;
    }
    assert(in_ranges == in_lists && in_lists == pages->free_pages);
    spin_unlock_irqrestore(&pages->lock, irq);
}
