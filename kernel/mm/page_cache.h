/* SPDX-License-Identifier: MIT
 *
 * The page cache: pages of an object (a file, shared memory) by index.
 *
 * Embedded in an inode. Knows its shared and private file mappings, to drop translations on
 * truncate. The owner supplies ops for filling and writing pages; without read_page missing pages
 * are zero (tmpfs).
 */
#ifndef KERNEL_MM_PAGE_CACHE_H
#define KERNEL_MM_PAGE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/list.h"
#include "kernel/lib/xarray.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uio.h"
#include "kernel/sched/mutex.h"

struct page_cache_ops {
    int (*read_page)(struct page_cache *cache, struct page *page);  /* fill; 0 or -EIO */
    int (*write_page)(struct page_cache *cache, struct page *page); /* to the store */
    /* Called before a page is added: quota/size accounting (tmpfs size limit). 0 or -ENOSPC. May be
     * NULL. release undoes it. */
    int (*reserve)(struct page_cache *cache);
    void (*release)(struct page_cache *cache);
    /* Only with read_page: the range, index among it, that is best read together. NULL: the page
     * alone. */
    void (*cluster)(struct page_cache *cache, uint64_t index, uint64_t *first, unsigned *count);
    /* Only with cluster: fill `count` pages, which are neighbours in memory too, with those from
     * index `first` on. 0 or -EIO. NULL: read_page for each. */
    int (*read_block)(struct page_cache *cache, struct page *block, uint64_t first, unsigned count);
    /* Only with write_page: write pages that follow each other in the cache. 0 or -EIO. NULL:
     * write_page for each. */
    int (*write_run)(struct page_cache *cache, struct page *const *pages, unsigned count);
};

enum { PAGE_CACHE_RUN_MAX = 16 };

/* Marks in page_cache.pages. */
enum { PAGE_CACHE_MARK_DIRTY = 0 };

struct page_cache {
    struct mutex lock;   /* pages, count; rank LOCK_RANK_PAGE_CACHE */
    struct xarray pages; /* index -> struct page *, one reference each, all up to date */
    uint64_t count;
    const struct page_cache_ops *ops;
    void *owner; /* the inode */
    struct spinlock mappings_lock;
    struct list mappings;          /* VMAs that map it, by vma->mapping_node */
    struct list_node reclaim_node; /* caches whose pages can be read again (ops->read_page), once
                                    * they have had one */
};

void page_cache_init(struct page_cache *cache, const struct page_cache_ops *ops, void *owner);
void page_cache_destroy(struct page_cache *cache); /* drops all pages; no mapping is left */

/* The page at index with a reference. create: make it if missing (zero or read_page), else a
 * missing page gives 0 and *out NULL. 0, -ENOMEM, -ENOSPC, -EIO. */
int page_cache_get(struct page_cache *cache, uint64_t index, bool create, struct page **out);

/* The cache stops having a store: read what is missing of the first `pages` pages and go on with ops
 * that have no read_page, whose reserve is called for every page. 0, or -ENOMEM, -ENOSPC, -EIO with
 * nothing changed that could be seen. */
int page_cache_leave_store(struct page_cache *cache, uint64_t pages,
                           const struct page_cache_ops *ops);

/* Note that a page of the cache was changed, so that page_cache_sync writes it. For get_page of a
 * shared mapping that is going to be written, and after writing to a page by hand. No effect
 * without ops->write_page. */
void page_cache_mark_dirty(struct page_cache *cache, struct page *page);

/* Buffered I/O at pos, limited to the object's size by the caller; holes read as zero. Bytes or
 * negative errno. */
int64_t page_cache_read(struct page_cache *cache, uint64_t pos, uint64_t bytes, struct uio *uio);
int64_t page_cache_write(struct page_cache *cache, uint64_t pos, uint64_t bytes, struct uio *uio);

/* Drop pages from byte `size` on, zero the tail of the last page, unmap user mappings of them
 * (private copies too). The owner has set its new size already, so that get_page refuses indexes
 * past it. Takes mm->lock of every mapper: the caller holds no mm->lock. */
void page_cache_truncate(struct page_cache *cache, uint64_t size);
/* The same for the bytes [start, end) (fallocate punch hole): whole pages are dropped, parts of
 * pages zeroed; private copies stay. */
void page_cache_punch(struct page_cache *cache, uint64_t start, uint64_t end);

/* Forget clean pages first..last that nobody but the cache holds. Returns how many. */
uint64_t page_cache_drop_clean(struct page_cache *cache, uint64_t first, uint64_t last);

/* Drop up to `wanted` clean pages that nobody uses and that can be read again, of any cache. How
 * many were. Does not block. */
uint64_t page_cache_shrink(struct kernel *kernel, uint64_t wanted);

/* SEEK_DATA / SEEK_HOLE: next present (or missing) index at or after, UINT64_MAX if none. */
uint64_t page_cache_next(struct page_cache *cache, uint64_t index, bool present);

/* Write the dirty pages first..last (inclusive) back. The first error, after trying all. Takes
 * mm->lock of the mappers. */
int page_cache_sync(struct page_cache *cache, uint64_t first, uint64_t last);

/* Mapping registry: called by `get` and `put` of the vma_ops of file mappings; sets vma->cache.
 * Never fails. */
int page_cache_map(struct page_cache *cache, struct vma *vma);
void page_cache_unmap(struct page_cache *cache, struct vma *vma);

#endif
