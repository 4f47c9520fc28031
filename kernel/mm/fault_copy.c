/* SPDX-License-Identifier: MIT
 *
 * The first write to the data of a program or library.
 *
 * Nearly every page of a small data segment is written soon, so the cached pages around the one
 * that faulted are copied with it, into neighbouring frames that one translation covers. Other
 * private mappings are copied page by page (fault.c, fault_file.c): as on Linux, they go on to show
 * what is written to the file's other pages.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/page_cache.h"

enum { WINDOW_PAGES = 16, VMA_PAGES_MAX = 64 };

struct copy {
    uint64_t start;
    unsigned count;
    unsigned wanted;                 /* bit n: page n is to be copied */
    unsigned taken;                  /* bit n: the copy has been entered */
    struct page *from[WINDOW_PAGES]; /* of the cache, with references; NULL: not there */
    struct page *to[WINDOW_PAGES];
    struct page *replaced[WINDOW_PAGES]; /* to be put after the flush */
};

static bool is_program_data(const struct vma *vma)
{
    const struct mm *mm = vma->mm;
    return (vma->flags & VMA_IMAGE) || (vma->start < mm->data_end && vma->end > mm->data_start);
}

bool fault_copies_around(const struct vma *vma)
{
    return vma->cache && is_program_data(vma) &&
           (vma->flags & (VMA_WRITE | VMA_SHARED)) == VMA_WRITE &&
           vma_pages(vma) <= VMA_PAGES_MAX && page_free_estimate() > MM_SCARCE_PAGES;
}

/* May the slot get a copy of `from`? table_lock held. */
static bool is_candidate(const struct mm_region *region, unsigned index, const struct page *from)
{
    return from && (!region || !((region->present >> index) & 1) || region->pages[index] == from);
}

static void choose(struct mm *mm, struct copy *copy)
{
    unsigned base = region_index(copy->start);
    copy->wanted = 0;
    spin_lock(&mm->table_lock);
    const struct mm_region *region = region_find(mm, copy->start);
    for (unsigned i = 0; i < copy->count; i++)
        if (is_candidate(region, base + i, copy->from[i]))
            copy->wanted |= 1u << i;
    spin_unlock(&mm->table_lock);
}

/* Allocate and fill copies of the wanted pages. The one at `target` must succeed. */
static int fill(struct copy *copy, unsigned target)
{
    unsigned left = copy->wanted;
    struct page *block[WINDOW_PAGES];
    unsigned have = 0, used = 0;
    while (left) {
        unsigned i = bits_lowest(left);
        if (used == have) {
            have = page_alloc_run(MIN(bits_count(left), (unsigned)WINDOW_PAGES), ALLOC_USER, block);
            used = 0;
        }
        if (!have)
            break;
        copy->to[i] = block[used++];
        memcpy(page_address(copy->to[i]), page_address(copy->from[i]), PAGE_SIZE);
        page_mark(copy->to[i], PAGE_ANON);
        page_account(PAGE_KIND_ANON, 1);
        left &= left - 1;
    }
    while (used < have)
        page_put(block[used++]);
    copy->wanted &= ~left;
    return (copy->wanted >> target) & 1 ? 0 : -ENOMEM;
}

/* Put the copies into the slots that are still what they were; the lock is held. */
static int enter(struct mm *mm, struct vma *vma, struct copy *copy)
{
    unsigned base = region_index(copy->start);
    struct mm_region *region = region_create(mm, copy->start);
    if (!region)
        return -ENOMEM;
    for (unsigned left = copy->wanted; left; left &= left - 1) {
        unsigned i = bits_lowest(left), index = base + i;
        if (!is_candidate(region, index, copy->from[i]))
            continue;
        if ((region->present >> index) & 1) {
            copy->replaced[i] = region->pages[index];
            region_account(mm, region->pages[index], -1);
        }
        region->pages[index] = copy->to[i];
        region_account(mm, copy->to[i], 1);
        copy->taken |= 1u << i;
    }
    uint64_t mask = (uint64_t)copy->taken << base;
    region->present |= mask;
    region->writable |= mask;
    int error = table_install(mm, vma, region, mask);
    region_free_if_empty(mm, region);
    return error;
}

int fault_copy_around(struct mm *mm, struct vma *vma, uint64_t uaddr)
{
    struct copy copy = {0};
    struct page *page;
    int error = vma->ops->get_page(vma, vma_object_page(vma, uaddr), false, &page);
    if (error)
        return error;
    uint64_t window = (uint64_t)WINDOW_PAGES * PAGE_SIZE;
    copy.start = MAX(ALIGN_DOWN(uaddr, window), vma->start);
    copy.count =
        (unsigned)((MIN(ALIGN_DOWN(uaddr, window) + window, vma->end) - copy.start) >> PAGE_SHIFT);
    unsigned target = (unsigned)((uaddr - copy.start) >> PAGE_SHIFT);
    page_cache_get_run(vma->cache, vma_object_page(vma, copy.start), copy.count, copy.from);
    if (copy.from[target])
        page_put(page);
    else
        copy.from[target] = page; /* has just left the cache, or was never in it */

    choose(mm, &copy);
    /* Without the target somebody else has copied it already: all is done. */
    if ((copy.wanted >> target) & 1)
        error = fill(&copy, target);
    else
        copy.wanted = 0;
    if (!error && copy.wanted) {
        spin_lock(&mm->table_lock);
        error = enter(mm, vma, &copy);
        spin_unlock(&mm->table_lock);
        hal_aspace_flush(mm->aspace);
    }
    for (unsigned i = 0; i < copy.count; i++) {
        if (copy.from[i])
            page_put(copy.from[i]);
        if (copy.replaced[i])
            page_put(copy.replaced[i]);
        if (copy.to[i] && !((copy.taken >> i) & 1))
            page_put(copy.to[i]);
    }
    return error;
}
