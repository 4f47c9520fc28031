/* SPDX-License-Identifier: MIT
 *
 * Page faults of mappings with an object behind them: files, shared memory, devices.
 *
 * A read maps the object's own page, and with it the neighbours in the same region that are already
 * in the page cache: a fault costs more than many entries, and hosted, neighbours in memory are
 * mapped by one call of the host however many they are.
 * A write to a private mapping copies at once. Shared mappings of objects with a store to write
 * back to stay read-only until the first write, so that the object learns which pages are dirty.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/page_cache.h"

/* Pages around the faulting one: those of the aligned window that are in the cache now. */
struct around {
    uint64_t start;
    unsigned count;
    struct page *pages[MM_FAULT_AROUND_PAGES]; /* NULL: not in the cache */
};

static bool is_write_tracked(const struct vma *vma)
{
    return vma->cache && vma->cache->ops->write_page;
}

static void find_around(struct around *around, const struct vma *vma, uint64_t uaddr)
{
    uint64_t window = (uint64_t)MM_FAULT_AROUND_PAGES * PAGE_SIZE;
    uint64_t start = MAX(ALIGN_DOWN(uaddr, window), vma->start);
    uint64_t end = MIN(ALIGN_DOWN(uaddr, window) + window, vma->end);
    around->start = start;
    around->count = (unsigned)((end - start) >> PAGE_SHIFT);
    if (!page_cache_get_run(vma->cache, vma_object_page(vma, start), around->count, around->pages))
        around->count = 0;
}

/* Enter the pages that have an empty slot, in runs; the entered ones leave the list. */
static void insert_around(struct mm *mm, struct vma *vma, struct mm_region *region,
                          struct around *around, bool writable)
{
    unsigned base = region_index(around->start);
    for (unsigned i = 0; i < around->count;) {
        unsigned end = i;
        while (end < around->count && around->pages[end] &&
               !((region->present >> (base + end)) & 1))
            end++;
        if (end == i) {
            i++;
            continue;
        }
        /* An error leaves them recorded but not mapped, which is harmless. */
        table_insert(mm, vma, region, around->start + (uint64_t)i * PAGE_SIZE, around->pages + i,
                     end - i, writable);
        for (; i < end; i++)
            around->pages[i] = NULL;
    }
}

static int insert_page(struct mm *mm, struct vma *vma, uint64_t uaddr, struct page *page,
                       struct around *around, bool writable)
{
    int error = 0;
    unsigned index = region_index(uaddr);
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_create(mm, uaddr);
    if (!region) {
        error = -ENOMEM;
    } else {
        /* The run first: it usually contains the page itself, in one piece. */
        if (around->count)
            insert_around(mm, vma, region, around, writable);
        if (!((region->present >> index) & 1)) {
            error = table_insert(mm, vma, region, uaddr, &page, 1, writable);
            page = NULL;
        }
    }
    spin_unlock(&mm->table_lock);
    if (page)
        page_put(page);
    for (unsigned i = 0; i < around->count; i++)
        if (around->pages[i])
            page_put(around->pages[i]);
    return error;
}

static int copy_private(struct page **page)
{
    struct page *copy = page_alloc(0, ALLOC_USER);
    if (copy) {
        memcpy(page_address(copy), page_address(*page), PAGE_SIZE);
        page_mark(copy, PAGE_ANON);
        page_account(PAGE_KIND_ANON, 1);
    }
    page_put(*page);
    *page = copy;
    return copy ? 0 : -ENOMEM;
}

int fault_file(struct mm *mm, struct vma *vma, uint64_t uaddr, unsigned flags)
{
    bool shared = vma->flags & VMA_SHARED;
    bool write = flags & FAULT_WRITE;
    bool writable = shared && (vma->flags & VMA_WRITE) && (write || !is_write_tracked(vma));
    if (write && !shared && fault_copies_around(vma))
        return fault_copy_around(mm, vma, uaddr);
    struct page *page;
    int error = vma->ops->get_page(vma, vma_object_page(vma, uaddr), writable, &page);
    if (error)
        return error;
    struct around around = {.count = 0};
    if (write && !shared) {
        error = copy_private(&page);
        if (error)
            return error;
        writable = vma->flags & VMA_WRITE;
    } else if (vma->cache && !(writable && is_write_tracked(vma))) {
        find_around(&around, vma, uaddr);
    }
    return insert_page(mm, vma, uaddr, page, &around, writable);
}
