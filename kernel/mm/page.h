/* SPDX-License-Identifier: MIT
 *
 * Page frames. One struct page per frame of RAM, in an array indexed by frame number.
 */
#ifndef KERNEL_MM_PAGE_H
#define KERNEL_MM_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/boot.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"

struct kernel;

enum { PAGE_SHIFT = HAL_PAGE_SHIFT, PAGE_SIZE = HAL_PAGE_SIZE };
#define PAGE_MASK (~(uint64_t)(PAGE_SIZE - 1))

enum page_flags {
    PAGE_FREE = 1 << 0,     /* in the buddy allocator */
    PAGE_RESERVED = 1 << 1, /* never allocated: image, holes */
    PAGE_SLAB = 1 << 2,
    PAGE_CACHE = 1 << 3,    /* in a page cache: mapping and index valid */
    PAGE_DIRTY = 1 << 4,    /* newer than its backing store; atomic */
    PAGE_UPTODATE = 1 << 5, /* contents valid; atomic */
    PAGE_ANON = 1 << 6,     /* anonymous user page */
    PAGE_KERNEL = 1 << 7,   /* kernel stack, table … */
    PAGE_LARGE = 1 << 8,    /* first page of a large kmalloc block */
    PAGE_MEMORY = 1 << 9,   /* entered a page cache without a store: tmpfs, shared memory */
};

struct page {
    uint32_t refs; /* atomic; 0 = free */
    uint32_t flags;
    uint32_t map_count; /* user mappings; atomic */
    uint8_t order;      /* of the block, in its first page */
    uint8_t range;      /* private: which RAM range the frame belongs to */
    union {
        struct list_node list; /* buddy free list */
        struct {
            struct page_cache *cache; /* PAGE_CACHE */
            uint64_t index;
        };
        struct {
            void *slab_cache; /* PAGE_SLAB */
            void *slab;
        };
    };
};

enum alloc_flags {
    ALLOC_ZERO = 1,   /* zero the pages */
    ALLOC_ATOMIC = 2, /* may use the reserve; for interrupt context */
    ALLOC_USER = 4,   /* user memory: leave the reserve alone, may trigger the OOM killer's path */
};

/* 2^order contiguous pages, one reference; NULL without memory. Any context. */
struct page *page_alloc(unsigned order, unsigned flags);

/* Change the flags of a page that only the caller holds. (The allocator may look at the flags of
 * any page at any time.) */
static inline void page_mark(struct page *page, uint32_t set)
{
    atomic_store_relaxed(&page->flags, page->flags | set);
}
static inline void page_unmark(struct page *page, uint32_t clear)
{
    atomic_store_relaxed(&page->flags, page->flags & ~clear);
}

/* Turn a block just allocated into 2^order pages with one reference each. */
void page_split(struct page *page, unsigned order);

/* References are on the first page of a block. The last put frees the block. */
void page_get(struct page *page);
void page_put(struct page *page);
/* Take a reference unless the page is free. */
bool page_try_get(struct page *page);

uint64_t page_to_phys(const struct page *page);
struct page *phys_to_page(uint64_t paddr);   /* NULL if not RAM */
void *page_address(const struct page *page); /* direct map */
struct page *virt_to_page(const void *address);
void *phys_to_virt(uint64_t paddr);
uint64_t virt_to_phys(const void *address);

/* For /proc/meminfo, sysinfo(2). Pages. */
struct page_counts {
    uint64_t total, free, cached, anon, slab, kernel_stack, page_tables, shared;
};
void page_count(struct kernel *kernel, struct page_counts *out);

/* Count pages by what they are used for (page_count), when they are taken and, negative, given
 * back. Freeing a page with PAGE_ANON counts it down by itself. Any context. */
enum page_kind {
    PAGE_KIND_CACHED,
    PAGE_KIND_ANON,
    PAGE_KIND_SLAB,
    PAGE_KIND_STACK,
    PAGE_KIND_TABLE,
    PAGE_KIND_SHARED,
    PAGE_KINDS
};
void page_account(enum page_kind kind, int64_t pages);

/* Free pages right now, cheap and approximate: a hint for how generous to be. */
uint64_t page_free_estimate(void);

/* Boot only: give a range that was reserved (the initrd) to the allocator. */
void page_release_range(uint64_t paddr, uint64_t bytes);

#endif
