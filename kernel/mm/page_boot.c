/* SPDX-License-Identifier: MIT
 *
 * Where the page allocator gets its RAM: ranges, the page array, and memory for the first objects.
 *
 * Each RAM range carries its own page array in its first frames, so holes cost nothing. Descriptors
 * are initialised a chunk (4 MiB) at a time, when the chunk is first needed: a machine with much
 * RAM boots as fast as a small one, and pages of a hosted machine that the guest never uses are
 * never touched. The allocator itself follows the kernel's early memory (core/early.c).
 */
#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page_internal.h"

STATIC_ASSERT(sizeof(struct page) == 32, "two to a cache line, 0.8 % of RAM");

struct page_range *page_range_of(struct page_allocator *pages, uint64_t frame)
{
    for (unsigned i = 0; i < pages->range_count; i++) {
        struct page_range *range = &pages->ranges[i];
        if (frame >= range->first && frame < range->end)
            return range;
    }
    return NULL;
}

/* Use a range: its first frames become the array that describes the others. */
void page_range_add(struct page_allocator *pages, uint64_t paddr, uint64_t bytes)
{
    uint64_t first = (paddr + PAGE_SIZE - 1) >> PAGE_SHIFT;
    uint64_t end = (paddr + bytes) >> PAGE_SHIFT;
    if (end <= first || pages->range_count == PAGE_RANGES_MAX)
        return;

    uint64_t array_pages = DIV_ROUND_UP((end - first) * sizeof(struct page), PAGE_SIZE);
    if (array_pages >= end - first)
        return;
    struct page_range *range = &pages->ranges[pages->range_count++];
    range->array = (struct page *)(pages->direct_map + (first << PAGE_SHIFT));
    range->first = first + array_pages;
    range->end = end;
    range->ready = range->first;
    pages->total_pages += range->end - range->first;
    atomic_store_relaxed(&pages->later_pages, pages->later_pages + range->end - range->first);
}

bool page_chunk_start(struct page_allocator *pages)
{
    for (unsigned i = 0; i < pages->range_count; i++) {
        struct page_range *range = &pages->ranges[i];
        if (range->ready == range->end)
            continue;
        uint64_t frame = range->ready;
        uint64_t end = MIN(ALIGN_DOWN(frame + PAGE_CHUNK, PAGE_CHUNK), range->end);
        struct page *page = &range->array[frame - range->first];
        memset(page, 0, (size_t)(end - frame) * sizeof(*page));
        for (uint64_t n = 0; n < end - frame; n++)
            page[n].range = (uint8_t)i;
        atomic_store_release(&range->ready, end); /* after the descriptors below it */
        atomic_store_relaxed(&pages->later_pages, pages->later_pages - (end - frame));
        page_buddy_give_range(pages, range, frame, end);
        return true;
    }
    return false;
}

static void set_limits(struct page_allocator *pages)
{
    pages->reserve = CLAMP(pages->total_pages / 128, 16u, 1024u);
    pages->cpu_max = CLAMP((unsigned)(pages->total_pages / 128 / pages->cpu_count), 8u,
                           (unsigned)PAGE_CPU_CACHE_MAX);
    pages->cpu_batch = pages->cpu_max / 4;
}

struct page_allocator *page_boot_create(struct kernel *kernel)
{
    const struct hal_boot *boot = kernel->boot;
    size_t bytes = sizeof(struct page_allocator) + boot->cpu_count * sizeof(struct page_cpu_cache);
    uint64_t start = ALIGN_UP(kernel->early_paddr + kernel->early_bytes, PAGE_SIZE);
    uint64_t end = start + ALIGN_UP(bytes, PAGE_SIZE);

    unsigned home = 0;
    while (home < boot->ram_count && (kernel->early_paddr < boot->ram[home].paddr ||
                                      end >= boot->ram[home].paddr + boot->ram[home].bytes))
        home++;
    if (home == boot->ram_count)
        return NULL;

    /* RAM may hold anything at boot. */
    struct page_allocator *pages = (struct page_allocator *)(boot->direct_map + start);
    memset(pages, 0, bytes);
    spin_lock_init(&pages->lock, LOCK_RANK_PAGES);
    for (unsigned order = 0; order <= PAGE_ORDER_MAX; order++)
        list_init(&pages->free[order]);
    pages->direct_map = boot->direct_map;
    pages->cpu_count = boot->cpu_count;

    /* The largest (the early memory's) first: it is searched first. */
    uint64_t home_end = boot->ram[home].paddr + boot->ram[home].bytes;
    page_range_add(pages, end, home_end - end);
    for (unsigned i = 0; i < boot->ram_count; i++)
        if (i != home)
            page_range_add(pages, boot->ram[i].paddr, boot->ram[i].bytes);
    set_limits(pages);
    return pages;
}

void page_release_range(uint64_t paddr, uint64_t bytes)
{
    struct page_allocator *pages = this_kernel()->pages;
    bool irq = spin_lock_irqsave(&pages->lock);
    page_range_add(pages, paddr, bytes);
    set_limits(pages);
    spin_unlock_irqrestore(&pages->lock, irq);
}
