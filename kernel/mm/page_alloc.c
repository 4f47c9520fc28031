/* SPDX-License-Identifier: MIT
 *
 * Page allocation: the public interface over the buddy allocator, with a cache of single pages for
 * each CPU.
 *
 * Nothing here blocks or reclaims: an allocation fails at once and the caller decides (a page fault
 * calls mm_out_of_memory). The last `reserve` pages are for ALLOC_ATOMIC; user memory stops at
 * twice that, so that the kernel can still act when programs have eaten everything.
 *
 * Free pages and blocks are poisoned (hal/debug.h) except their descriptors.
 */
#include "hal/debug.h"
#include "hal/kernel_on.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/page_internal.h"

static inline struct page_allocator *this_pages(void)
{
    return this_kernel()->pages;
}

/* Own CPU, interrupts masked; others only read. */
static inline void count_used(struct page_cpu_cache *cache, enum page_kind kind, int64_t count)
{
    atomic_store_relaxed(&cache->used[kind], cache->used[kind] + count);
}

static inline void set_count(struct page_cpu_cache *cache, unsigned count)
{
    atomic_store_relaxed(&cache->count, count);
}

static bool may_take(const struct page_allocator *pages, unsigned order, unsigned flags)
{
    uint64_t left = pages->free_pages + pages->later_pages;
    uint64_t keep = (flags & ALLOC_ATOMIC) ? 0
                    : (flags & ALLOC_USER) ? 2 * pages->reserve
                                           : pages->reserve;
    return left >= keep + (1u << order);
}

static struct page *take_block(struct page_allocator *pages, unsigned order, unsigned flags)
{
    struct page *page = NULL;
    spin_lock(&pages->lock);
    if (may_take(pages, order, flags))
        page = page_buddy_take(pages, order);
    spin_unlock(&pages->lock);
    return page;
}

/* Interrupts masked. */
static struct page *take_single(struct page_allocator *pages, unsigned flags)
{
    struct page_cpu_cache *cache = &pages->cpus[this_cpu()->id];
    if (likely(cache->count)) {
        set_count(cache, cache->count - 1);
        return cache->pages[cache->count];
    }

    spin_lock(&pages->lock);
    unsigned want = pages->cpu_batch, got = 0;
    if (!may_take(pages, 6, flags)) /* nearly empty: no hoarding */
        want = may_take(pages, 0, flags) ? 1 : 0;
    while (got < want) {
        struct page *page = page_buddy_take(pages, 0);
        if (!page)
            break;
        cache->pages[want - 1 - got++] = page; /* to come out in the order taken: ascending */
    }
    spin_unlock(&pages->lock);
    memmove(cache->pages, cache->pages + (want - got), got * sizeof(cache->pages[0]));
    if (!got)
        return NULL;
    set_count(cache, got - 1);
    return cache->pages[got - 1];
}

struct page *page_alloc(unsigned order, unsigned flags)
{
    struct page_allocator *pages = this_pages();
    if (unlikely(order > PAGE_ORDER_MAX) || fault_injection_hit())
        return NULL;

    bool irq = hal_irq_save();
    struct page *page = order ? take_block(pages, order, flags) : take_single(pages, flags);
    hal_irq_restore(irq);
    if (unlikely(!page))
        return NULL;

    assert(page->refs == 0);
    atomic_store_relaxed(&page->flags, 0);
    page->map_count = 0;
    page->order = (uint8_t)order;
    atomic_store_relaxed(&page->refs, 1);
    char *address = pages->direct_map + (page_frame(pages, page) << PAGE_SHIFT);
    hal_debug_unpoison(address, (size_t)PAGE_SIZE << order);
    if (flags & ALLOC_ZERO)
        memset(address, 0, (size_t)PAGE_SIZE << order);
    return page;
}

void page_split(struct page *page, unsigned order)
{
    assert(page->order == order && page->refs == 1);
    page->order = 0;
    for (unsigned i = 1; i < 1u << order; i++) {
        atomic_store_relaxed(&page[i].flags, page->flags);
        page[i].map_count = 0;
        page[i].order = 0;
        atomic_store_relaxed(&page[i].refs, 1);
    }
}

unsigned page_alloc_run(unsigned wanted, unsigned flags, struct page **out)
{
    unsigned order = log2_floor(wanted);
    struct page *block = page_alloc(order, flags);
    if (!block && order)
        block = page_alloc(order = 0, flags);
    if (!block)
        return 0;
    page_split(block, order);
    for (unsigned i = 0; i < 1u << order; i++)
        out[i] = block + i;
    return 1u << order;
}

static void page_free(struct page_allocator *pages, struct page *page)
{
    unsigned order = page->order;
    unsigned flags = page->flags;
    assert(page->map_count == 0);
    assert(!(flags & (PAGE_FREE | PAGE_SLAB)));
    atomic_store_relaxed(&page->flags, 0);
    hal_debug_poison(pages->direct_map + (page_frame(pages, page) << PAGE_SHIFT),
                     (size_t)PAGE_SIZE << order);

    bool irq = hal_irq_save();
    struct page_cpu_cache *cache = &pages->cpus[this_cpu()->id];
    if (flags & PAGE_ANON)
        count_used(cache, PAGE_KIND_ANON, -(1 << order));
    if (order == 0 && cache->count < pages->cpu_max) {
        cache->pages[cache->count] = page;
        set_count(cache, cache->count + 1);
    } else {
        spin_lock(&pages->lock);
        page_buddy_give(pages, page, order);
        if (order == 0) {
            unsigned drop = cache->count / 2;
            for (unsigned i = 0; i < drop; i++)
                page_buddy_give(pages, cache->pages[i], 0);
            memmove(cache->pages, cache->pages + drop,
                    (cache->count - drop) * sizeof(cache->pages[0]));
            set_count(cache, cache->count - drop);
        }
        spin_unlock(&pages->lock);
    }
    hal_irq_restore(irq);
}

void page_cpu_drain(void)
{
    struct page_allocator *pages = this_pages();
    bool irq = spin_lock_irqsave(&pages->lock);
    struct page_cpu_cache *cache = &pages->cpus[this_cpu()->id];
    while (cache->count) {
        set_count(cache, cache->count - 1);
        page_buddy_give(pages, cache->pages[cache->count], 0);
    }
    spin_unlock_irqrestore(&pages->lock, irq);
}

void page_get(struct page *page)
{
    uint32_t old = atomic_fetch_add_relaxed(&page->refs, 1);
    assert(old != 0);
}

bool page_try_get(struct page *page)
{
    uint32_t refs = atomic_load_relaxed(&page->refs);
    do {
        if (refs == 0)
            return false;
    } while (!atomic_cmpxchg_acquire(&page->refs, &refs, refs + 1));
    return true;
}

void page_put(struct page *page)
{
    uint32_t old = atomic_fetch_sub_acq_rel(&page->refs, 1);
    assert(old != 0);
    if (old == 1)
        page_free(this_pages(), page);
}

uint64_t page_to_phys(const struct page *page)
{
    return page_frame(this_pages(), page) << PAGE_SHIFT;
}

void *page_address(const struct page *page)
{
    const struct page_allocator *pages = this_pages();
    return pages->direct_map + (page_frame(pages, page) << PAGE_SHIFT);
}

struct page *phys_to_page(uint64_t paddr)
{
    struct page_allocator *pages = this_pages();
    uint64_t frame = paddr >> PAGE_SHIFT;
    struct page_range *range = page_range_of(pages, frame);
    /* Frames not brought to life yet have no descriptor and nobody owns them. */
    if (!range || frame >= atomic_load_acquire(&range->ready))
        return NULL;
    return &range->array[frame - range->first];
}

void *phys_to_virt(uint64_t paddr)
{
    return this_pages()->direct_map + paddr;
}

uint64_t virt_to_phys(const void *address)
{
    return (uint64_t)((const char *)address - this_pages()->direct_map);
}

struct page *virt_to_page(const void *address)
{
    return phys_to_page(virt_to_phys(address));
}

void page_account(enum page_kind kind, int64_t count)
{
    bool irq = hal_irq_save();
    count_used(&this_pages()->cpus[this_cpu()->id], kind, count);
    hal_irq_restore(irq);
}

uint64_t page_free_estimate(void)
{
    const struct page_allocator *pages = this_pages();
    return atomic_load_relaxed(&pages->free_pages) + atomic_load_relaxed(&pages->later_pages);
}

void page_count(struct kernel *kernel, struct page_counts *out)
{
    struct page_allocator *pages = kernel->pages;
    int64_t used[PAGE_KINDS] = {0};
    uint64_t cached_free = 0;
    for (unsigned cpu = 0; cpu < pages->cpu_count; cpu++) {
        cached_free += atomic_load_relaxed(&pages->cpus[cpu].count);
        for (unsigned kind = 0; kind < PAGE_KINDS; kind++)
            used[kind] += atomic_load_relaxed(&pages->cpus[cpu].used[kind]);
    }
    *out = (struct page_counts){
        .total = pages->total_pages,
        .free = page_free_estimate() + cached_free,
        .cached = (uint64_t)MAX(used[PAGE_KIND_CACHED], 0),
        .anon = (uint64_t)MAX(used[PAGE_KIND_ANON], 0),
        .slab = (uint64_t)MAX(used[PAGE_KIND_SLAB], 0),
        .kernel_stack = (uint64_t)MAX(used[PAGE_KIND_STACK], 0),
        .page_tables = (uint64_t)MAX(used[PAGE_KIND_TABLE], 0),
        .shared = (uint64_t)MAX(used[PAGE_KIND_SHARED], 0),
    };
}

uint64_t kernel_on_table_page_alloc(void)
{
    struct page *page = page_alloc(0, ALLOC_ZERO);
    if (!page)
        return 0;
    page_mark(page, PAGE_KERNEL);
    page_account(PAGE_KIND_TABLE, 1);
    return page_to_phys(page);
}

void kernel_on_table_page_free(uint64_t paddr)
{
    page_account(PAGE_KIND_TABLE, -1);
    page_put(phys_to_page(paddr));
}
