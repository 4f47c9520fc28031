/* SPDX-License-Identifier: MIT
 *
 * Address spaces: what the files mm.c, vma.c, map.c, fault.c … share.
 *
 * Suffix _locked: mm->lock is held for writing. "Table" functions: mm->table_lock is held.
 */
#ifndef KERNEL_MM_MM_INTERNAL_H
#define KERNEL_MM_MM_INTERNAL_H

#include "hal/aspace.h"
#include "hal/boot.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/allocator.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"

enum {
    MM_VMAS_MAX = 65530,        /* vm.max_map_count at boot */
    MM_STACK_GUARD_PAGES = 256, /* kept free below growing stacks */
    MM_FAULT_AROUND_PAGES = 64, /* of a file, mapped with the one that faulted: a region */
    MM_AHEAD_PAGES_MAX = 16,    /* of anonymous memory, allocated ahead */
    MM_SCARCE_PAGES = 512,      /* with less free memory nothing is allocated ahead */
    MM_REGION_PAGES = 64,
    MM_REGION_BYTES = MM_REGION_PAGES * PAGE_SIZE,
};

enum { VMA_ACCESS = VMA_READ | VMA_WRITE | VMA_EXEC };
enum { VMA_USERFAULT = VMA_USERFAULT_MISSING | VMA_USERFAULT_WP };
enum { VMA_MAY_ALL = VMA_MAY_READ | VMA_MAY_WRITE | VMA_MAY_EXEC };

/* What all address spaces of a machine share. */
struct mm_state {
    struct slab_cache *mms, *vmas, *regions;
    struct page *zero_page; /* mapped read-only, never counted */
    uint64_t next_id;       /* atomic */
    const struct mm_oom_ops *oom_ops;
    struct spinlock caches_lock; /* LOCK_RANK_INODE_STATE */
    struct list caches;          /* page caches whose pages can be dropped and read again */
    struct lib_allocator xarray_nodes;
    struct mm_limits limits;
    uint64_t committed; /* pages; atomic */
};

/* Resident pages: 64 neighbours, 256 KiB of addresses. */
struct mm_region {
    struct rb_node node; /* mm->regions by base */
    uint64_t base;
    uint64_t present;  /* bit n: pages[n] is resident */
    uint64_t writable; /* bit n: its translation lets the program write */
    uint64_t protected; /* bit n: a write waits for the VMA's userfault context */
    struct page *pages[MM_REGION_PAGES];
};

/* ---- region.c: tables; mm->table_lock held ---- */
struct mm_region *region_find(struct mm *mm, uint64_t uaddr);
struct mm_region *region_at_or_after(struct mm *mm, uint64_t uaddr);
struct mm_region *region_next(struct mm_region *region);
struct mm_region *region_create(struct mm *mm, uint64_t uaddr); /* finds or creates; NULL */
void region_free_if_empty(struct mm *mm, struct mm_region *region);
static inline unsigned region_index(uint64_t uaddr)
{
    return (unsigned)(uaddr >> PAGE_SHIFT) % MM_REGION_PAGES;
}
/* Bits of the region's pages that lie in [start, end). */
uint64_t region_mask(const struct mm_region *region, uint64_t start, uint64_t end);
/* Count a page in or out of the mm (delta 1, -1) and of the page's own mappings. */
void region_account(struct mm *mm, struct page *page, int delta);

/* ---- table.c ---- */
/* The HAL protection that a VMA gives its pages, without HAL_PROT_WRITE unless `writable`; 0 if
 * nothing may be mapped. */
unsigned table_prot(const struct vma *vma, bool writable);
/* Record `count` pages (one reference each, taken over; all slots empty, all in one region) and map
 * them. -ENOMEM: recorded but not mapped; the next fault tries again. */
int table_insert(struct mm *mm, const struct vma *vma, struct mm_region *region, uint64_t uaddr,
                 struct page *const *pages, unsigned count, bool writable);
/* Put another page (reference taken over) in the place of the present one, which is returned with
 * its reference: flush before putting it. */
struct page *table_replace(struct mm *mm, const struct vma *vma, struct mm_region *region,
                           uint64_t uaddr, struct page *page, bool writable, int *out_error);
/* (Re)install the translations of the region's pages in `mask`, as the VMA and the record say. */
int table_install(struct mm *mm, const struct vma *vma, struct mm_region *region, uint64_t mask);
/* Let the program write to these present pages. */
void table_allow_write(struct mm *mm, const struct vma *vma, struct mm_region *region,
                       uint64_t mask);

/* ---- gather.c: freeing pages only after the flush ---- */
enum { GATHER_SHARED_MAX = 64 };
struct gather {
    struct mm *mm;
    bool flush;            /* translations were removed */
    struct list exclusive; /* pages that only we held: linked through page->list */
    unsigned shared_count;
    struct page *shared[GATHER_SHARED_MAX];
};
void gather_init(struct gather *gather, struct mm *mm);
/* Thread context, no spinlock: flush and put everything. */
void gather_finish(struct gather *gather);

enum zap { ZAP_ALL, ZAP_FILE_PAGES };
/* Forget the resident pages of [start, end). Takes table_lock itself. */
void zap_range(struct gather *gather, uint64_t start, uint64_t end, enum zap which);

/* ---- vma.c ---- */
void mm_write_lock(struct mm *mm);
void mm_write_unlock(struct mm *mm); /* and put the dead */
struct vma *vma_prev(struct vma *vma);
struct vma *vma_find_overlap(struct mm *mm, uint64_t start, uint64_t end);
struct vma *vma_create(struct mm *mm, uint64_t start, uint64_t end, unsigned flags,
                       const struct vma_ops *ops, void *backing, uint64_t page_offset);
/* A copy, not linked, with its own reference to the backing. */
struct vma *vma_copy(struct mm *mm, const struct vma *from);
void vma_destroy(struct vma *vma); /* never linked: put and free */
void vma_insert_locked(struct mm *mm, struct vma *vma);
void vma_remove_locked(struct mm *mm, struct vma *vma); /* goes to mm->dead */
void vma_resize_locked(struct mm *mm, struct vma *vma, uint64_t start, uint64_t end);
/* Change flags, keeping the counters. */
void vma_set_flags_locked(struct mm *mm, struct vma *vma, unsigned flags);
/* Split at addr, strictly inside. The new VMA is the part from addr on. -ENOMEM, -EINVAL. */
int vma_split_locked(struct mm *mm, struct vma *vma, uint64_t addr);
/* The same for a part that goes away at once: vm.max_map_count does not matter. */
int vma_split_to_remove_locked(struct mm *mm, struct vma *vma, uint64_t addr);
/* The part of `vma` inside [start, end) becomes a VMA of its own. */
int vma_isolate_locked(struct mm *mm, struct vma **vma, uint64_t start, uint64_t end);
/* Join with equal neighbours; returns the VMA that now covers it. */
struct vma *vma_merge_locked(struct mm *mm, struct vma *vma);
static inline uint64_t vma_pages(const struct vma *vma)
{
    return (vma->end - vma->start) >> PAGE_SHIFT;
}
static inline uint64_t vma_object_page(const struct vma *vma, uint64_t uaddr)
{
    return vma->page_offset + ((uaddr - vma->start) >> PAGE_SHIFT);
}

/* ---- gap.c ---- */
bool vma_augment(struct rb_node *node);
void vma_update_gap(struct mm *mm, struct vma *vma); /* and its neighbour's above, if not NULL */
uint64_t vma_guarded_start(const struct vma *vma);
/* Highest (lowest) address of a free range within [low, high); 0 if there is none. */
uint64_t gap_find_below(struct mm *mm, uint64_t bytes, uint64_t low, uint64_t high);

/* ---- commit.c ---- */
/* Private memory that a program may write counts: */
static inline bool is_accountable(unsigned flags)
{
    return (flags & (VMA_NORESERVE | VMA_SHARED | VMA_WRITE)) == VMA_WRITE;
}
/* May the mm (NULL: the kernel for an object) have so many more committed pages? */
bool may_commit(struct kernel *kernel, const struct mm *mm, uint64_t pages);
/* The machine's sum follows mm->account_pages. */
void commit_note(struct mm *mm);
/* Shared objects: 0, -ENOMEM. */
int commit_charge(struct kernel *kernel, uint64_t pages);
void commit_uncharge(struct kernel *kernel, uint64_t pages);
void commit_init(struct kernel *kernel);
static inline uint64_t vmas_max(const struct mm *mm)
{
    return atomic_load_relaxed(&mm->kernel->mm->limits.vmas_max);
}

/* ---- map.c, unmap.c, limits.c ---- */
int unmap_locked(struct mm *mm, uint64_t start, uint64_t end);
/* A free range near the hint. 0 or -ENOMEM. */
int find_range_locked(struct mm *mm, uint64_t hint, uint64_t bytes, uint64_t *out);
/* May the mm grow by this much? 0 or -ENOMEM. */
int limit_check(struct mm *mm, uint64_t pages, unsigned flags);
int limit_check_locked_memory(struct mm *mm, uint64_t pages); /* 0 or -EAGAIN */
static inline uint64_t user_min(const struct mm *mm)
{
    return mm->kernel->boot->user_addr_min;
}
static inline uint64_t user_limit(const struct mm *mm)
{
    return mm->kernel->boot->user_addr_limit;
}
/* [addr, addr + bytes rounded up) as a range of user addresses. false if it is none. */
bool user_range(const struct mm *mm, uint64_t addr, uint64_t bytes, uint64_t *out_end);

/* ---- fault.c ---- */
enum {
    FAULT_WRITE = 1,
    FAULT_POPULATE = 2, /* allocate generously ahead */
    FAULT_FORCE = 4,    /* write for the debugger: own page even in a read-only private VMA */
    FAULT_USER = 8      /* the program's own access */
};
/* What fault_vma returns if the fault is to be resolved by a program: userfault_wait, try again. */
enum { FAULT_WAITS = 1 };
int fault_vma(struct mm *mm, struct vma *vma, uint64_t uaddr, unsigned flags);
int fault_file(struct mm *mm, struct vma *vma, uint64_t uaddr, unsigned flags);
int fault_cow(struct mm *mm, struct vma *vma, uint64_t uaddr, struct page *old, bool writable);
/* fault_copy.c: for the first write to a page of a small private file mapping. */
bool fault_copies_around(const struct vma *vma);
int fault_copy_around(struct mm *mm, struct vma *vma, uint64_t uaddr);
/* Up to `wanted` (at most 64) single pages, neighbours in memory if possible: how many. */
unsigned page_alloc_run(unsigned wanted, unsigned flags, struct page **out);
int expand_stack(struct mm *mm, uint64_t uaddr);

/* ---- userfault.c ---- */
struct userfault *userfault_get(struct userfault *uffd); /* NULL is fine */
void userfault_put(struct userfault *uffd);
/* The VMA belongs to no context any more; mm->lock held for writing, or it is not linked yet. */
void userfault_forget_vma(struct vma *vma);
/* Wait until the fault at uaddr (FAULT_WRITE, FAULT_USER) may be tried again. mm->lock is held for
 * reading, and dropped. 0, -ENXIO if the program gets SIGBUS instead, -ERESTARTSYS. */
int userfault_wait(struct mm *mm, struct vma *vma, uint64_t uaddr, unsigned flags);

/* ---- populate.c ---- */
int mm_populate_for(struct mm *mm, uint64_t addr, uint64_t bytes, bool write); /* madvise(2) */

/* ---- oom.c ---- */
/* Free something; true if trying again makes sense. Thread context without mm->lock. */
bool mm_out_of_memory(struct kernel *kernel, unsigned attempt);

/* ---- page_cache.c, page_cache_map.c ---- */
/* The present pages among index .. index + count - 1, each with a reference; NULL for the others.
 * Returns how many there are. */
unsigned page_cache_get_run(struct page_cache *cache, uint64_t index, unsigned count,
                            struct page **out);
/* Put a new page (reference taken over on success) at an index. -EEXIST if there is one. */
int page_cache_insert(struct page_cache *cache, uint64_t index, struct page *page);
/* Object pages first..last (inclusive) disappear from every address space, or become read-only. */
void page_cache_zap_mappings(struct page_cache *cache, uint64_t first, uint64_t last,
                             enum zap which);
void page_cache_protect_mappings(struct page_cache *cache, uint64_t first, uint64_t last);

void mm_pin(struct mm *mm);
void mm_unpin(struct mm *mm);

#endif
