/* SPDX-License-Identifier: MIT
 *
 * The page allocator's state, shared by page_boot.c (where RAM comes from), page_buddy.c (blocks)
 * and page_alloc.c (the public interface and the per-CPU caches).
 */
#ifndef KERNEL_MM_PAGE_INTERNAL_H
#define KERNEL_MM_PAGE_INTERNAL_H

#include "hal/boot.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/list.h"
#include "kernel/mm/page.h"

struct kernel;

/* The largest block is 4 MiB; the page array is also brought to life in pieces of that size. */
enum { PAGE_ORDER_MAX = 10, PAGE_CHUNK = 1 << PAGE_ORDER_MAX };
enum { PAGE_RANGES_MAX = HAL_RAM_RANGES_MAX + 2 }; /* and what page_release_range adds */
enum { PAGE_CPU_CACHE_MAX = 64 };

/* One range of RAM. Frame numbers; array[i] describes frame first + i. */
struct page_range {
    uint64_t first, end;
    uint64_t ready; /* descriptors below are initialised, frames from here on are untouched */
    struct page *array;
};

/* Free single pages of one CPU; used with interrupts masked. The counts may be negative here: only
 * the sum over all CPUs means something. */
struct page_cpu_cache {
    unsigned count;
    int64_t used[PAGE_KINDS];
    struct page *pages[PAGE_CPU_CACHE_MAX];
} ALIGNED(64);

struct page_allocator {
    struct spinlock lock; /* LOCK_RANK_PAGES, interrupts masked */
    struct list free[PAGE_ORDER_MAX + 1];
    unsigned orders;      /* bit n: free[n] is not empty */
    uint64_t free_pages;  /* in the lists */
    uint64_t later_pages; /* in chunks not yet brought to life */
    uint64_t total_pages;
    uint64_t reserve; /* left for ALLOC_ATOMIC */
    unsigned cpu_batch, cpu_max;

    char *direct_map;
    struct page_range ranges[PAGE_RANGES_MAX]; /* largest first */
    unsigned range_count;

    unsigned cpu_count;
    struct page_cpu_cache cpus[];
};

/* page_boot.c */
struct page_allocator *page_boot_create(struct kernel *kernel);
struct page_range *page_range_of(struct page_allocator *pages, uint64_t frame);
void page_range_add(struct page_allocator *pages, uint64_t paddr, uint64_t bytes);
/* Bring the next untouched chunk into the buddy lists; false if there is none. */
bool page_chunk_start(struct page_allocator *pages) MUST_HOLD(&pages->lock);

static inline uint64_t page_frame(const struct page_allocator *pages, const struct page *page)
{
    const struct page_range *range = &pages->ranges[page->range];
    return range->first + (uint64_t)(page - range->array);
}

/* page_buddy.c; lock held. */
struct page *page_buddy_take(struct page_allocator *pages, unsigned order) MUST_HOLD(&pages->lock);
void page_buddy_give(struct page_allocator *pages, struct page *page, unsigned order)
    MUST_HOLD(&pages->lock);
/* Free frames [frame, end) of one range, as the largest aligned blocks. */
void page_buddy_give_range(struct page_allocator *pages, struct page_range *range, uint64_t frame,
                           uint64_t end) MUST_HOLD(&pages->lock);

/* Give this CPU's cached pages back; for tests that compare free memory, and under pressure. */
void page_cpu_drain(void);

/* Check every list and descriptor; panics if they contradict each other. For tests. */
void page_check(struct kernel *kernel);

#endif
