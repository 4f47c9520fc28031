/* SPDX-License-Identifier: MIT
 *
 * Page faults: finding the VMA, anonymous memory, and copy-on-write.
 *
 * Called with mm->lock held for reading (fault_*), so several CPUs may resolve faults of one mm,
 * even of one page, at the same time: pages are prepared without table_lock, and entered under it
 * if the slot is still what it was. Losing that race is success: the access is simply tried again.
 *
 * A private page may be written in place if it is anonymous and nobody else holds it (refs 1);
 * otherwise it is copied. A shared page becomes writable through ops->get_page(write).
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/sched/thread.h"

enum { ZERO_PAGE_VMA_MIN = 64 }; /* smaller VMAs get real pages at once: they will be written */
enum { REUSE_AROUND_PAGES = 16 };
enum { HEAP_START_PAGES = 4, DATA_START_PAGES = 8 }; /* what programs start with is used soon */

static inline bool is_zero_page(const struct mm *mm, const struct page *page)
{
    return page == mm->kernel->mm->zero_page;
}

static void put_unless_zero(const struct mm *mm, struct page *page)
{
    if (!is_zero_page(mm, page))
        page_put(page);
}

/* ---- anonymous memory ---- */

/* Pages that are resident in a row just below (or above) uaddr, up to the region's edge. */
static unsigned run_below(struct mm *mm, uint64_t uaddr)
{
    struct mm_region *region = region_find(mm, uaddr - PAGE_SIZE);
    if (!region)
        return 0;
    unsigned index = region_index(uaddr - PAGE_SIZE);
    uint64_t absent = ~(region->present << (MM_REGION_PAGES - 1 - index));
    return absent ? 63 - bits_highest(absent) : MM_REGION_PAGES;
}

static unsigned run_above(struct mm *mm, uint64_t uaddr)
{
    struct mm_region *region = region_find(mm, uaddr + PAGE_SIZE);
    if (!region)
        return 0;
    uint64_t absent = ~(region->present >> region_index(uaddr + PAGE_SIZE));
    return absent ? bits_lowest(absent) : MM_REGION_PAGES;
}

/* The zeroed end of a program's data, a heap or stack: parts of programs that are written at once.
 * Other memory gets exactly the page that is touched first, as mincore(2) shows. */
static unsigned start_pages(struct vma *vma)
{
    if (vma->flags & (VMA_HEAP | VMA_STACK))
        return HEAP_START_PAGES;
    const struct vma *below = vma_prev(vma);
    bool data = below && below->end == vma->start && below->ops &&
                (below->flags & (VMA_WRITE | VMA_SHARED)) == VMA_WRITE;
    return data ? DATA_START_PAGES : 1;
}

/* How many pages to allocate from *start on, which may be moved down; *start .. includes uaddr.
 * Memory is allocated ahead only behind a run that long which is in use, so at most half is wasted.
 */
static unsigned plan_ahead(struct mm *mm, struct vma *vma, uint64_t uaddr, unsigned flags,
                           uint64_t *start)
{
    uint64_t base = ALIGN_DOWN(uaddr, MM_REGION_BYTES);
    uint64_t room_up = (MIN(vma->end, base + MM_REGION_BYTES) - uaddr) >> PAGE_SHIFT;
    uint64_t room_down = ((uaddr - MAX(vma->start, base)) >> PAGE_SHIFT) + 1;
    *start = uaddr;
    if (flags & FAULT_POPULATE)
        return (unsigned)room_up;
    if (page_free_estimate() < MM_SCARCE_PAGES)
        return 1;
    spin_lock(&mm->table_lock);
    bool down = vma->flags & VMA_GROWSDOWN;
    unsigned run = down ? run_above(mm, uaddr) : run_below(mm, uaddr);
    spin_unlock(&mm->table_lock);
    unsigned wanted = MAX(MIN(run, (unsigned)MM_AHEAD_PAGES_MAX), start_pages(vma));
    uint64_t count = MIN(wanted, down ? room_down : room_up);
    if (count <= 1)
        return 1;
    if (down)
        *start = uaddr - (count - 1) * PAGE_SIZE;
    return (unsigned)count;
}

/* Zeroed anonymous pages, neighbours in memory if possible. Returns how many (0: out of memory); at
 * most `wanted`. */
static unsigned alloc_run(unsigned wanted, struct page **out)
{
    unsigned got = page_alloc_run(wanted, ALLOC_ZERO | ALLOC_USER, out);
    for (unsigned i = 0; i < got; i++)
        page_mark(out[i], PAGE_ANON);
    page_account(PAGE_KIND_ANON, got);
    return got;
}

/* Enter as many of the pages for [start, …) as fit around uaddr; puts the others. */
static int insert_run(struct mm *mm, struct vma *vma, uint64_t uaddr, uint64_t start,
                      struct page **pages, unsigned count)
{
    int error = 0;
    unsigned first = 0, end = 0; /* pages[first..end) are entered */
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_create(mm, uaddr);
    if (!region) {
        error = -ENOMEM;
    } else if (!((region->present >> region_index(uaddr)) & 1)) {
        unsigned base = region_index(start);
        unsigned target = (unsigned)((uaddr - start) >> PAGE_SHIFT);
        first = target;
        end = target + 1;
        while (first > 0 && !((region->present >> (base + first - 1)) & 1))
            first--;
        while (end < count && !((region->present >> (base + end)) & 1))
            end++;
        error = table_insert(mm, vma, region, start + (uint64_t)first * PAGE_SIZE, pages + first,
                             end - first, true);
    }
    spin_unlock(&mm->table_lock);
    for (unsigned i = 0; i < count; i++)
        if (i < first || i >= end)
            page_put(pages[i]);
    return error;
}

static int map_zero_page(struct mm *mm, struct vma *vma, uint64_t uaddr)
{
    struct page *page = mm->kernel->mm->zero_page;
    int error = 0;
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_create(mm, uaddr);
    if (!region)
        error = -ENOMEM;
    else if (!((region->present >> region_index(uaddr)) & 1))
        error = table_insert(mm, vma, region, uaddr, &page, 1, false);
    spin_unlock(&mm->table_lock);
    return error;
}

static int fault_anon(struct mm *mm, struct vma *vma, uint64_t uaddr, unsigned flags)
{
    if (!(flags & FAULT_WRITE) && ((flags & FAULT_POPULATE) || vma_pages(vma) > ZERO_PAGE_VMA_MIN))
        return map_zero_page(mm, vma, uaddr);
    struct page *pages[MM_REGION_PAGES];
    uint64_t start;
    unsigned wanted = plan_ahead(mm, vma, uaddr, flags, &start);
    unsigned got = alloc_run(wanted, pages);
    if (!got)
        return -ENOMEM;
    if (start + (uint64_t)got * PAGE_SIZE <= uaddr) /* fewer than planned, growing down */
        start = uaddr - (uint64_t)(got - 1) * PAGE_SIZE;
    return insert_run(mm, vma, uaddr, start, pages, got);
}

/* ---- copy-on-write ---- */

int fault_cow(struct mm *mm, struct vma *vma, uint64_t uaddr, struct page *old, bool writable)
{
    bool zero = is_zero_page(mm, old);
    struct page *copy = page_alloc(0, ALLOC_USER | (zero ? ALLOC_ZERO : 0));
    if (!copy) {
        put_unless_zero(mm, old);
        return -ENOMEM;
    }
    if (!zero)
        memcpy(page_address(copy), page_address(old), PAGE_SIZE);
    page_mark(copy, PAGE_ANON);
    page_account(PAGE_KIND_ANON, 1);

    int error = 0;
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_find(mm, uaddr);
    unsigned index = region_index(uaddr);
    bool same = region && ((region->present >> index) & 1) && region->pages[index] == old;
    struct page *replaced =
        same ? table_replace(mm, vma, region, uaddr, copy, writable, &error) : copy;
    spin_unlock(&mm->table_lock);
    if (same)
        hal_aspace_flush(mm->aspace);
    put_unless_zero(mm, replaced);
    put_unless_zero(mm, old);
    return error;
}

static bool is_exclusive(const struct page *page)
{
    return (page->flags & PAGE_ANON) && atomic_load_acquire(&page->refs) == 1;
}

/* The page at `index` and its neighbours that became ours alone again (the other side of a fork
 * has gone) in one step. */
static void reuse_around(struct mm *mm, struct vma *vma, struct mm_region *region, unsigned index)
{
    uint64_t candidates =
        region->present & ~region->writable & region_mask(region, vma->start, vma->end);
    unsigned first = index, last = index;
    while (first > 0 && index - first < REUSE_AROUND_PAGES && ((candidates >> (first - 1)) & 1) &&
           is_exclusive(region->pages[first - 1]))
        first--;
    while (last < MM_REGION_PAGES - 1 && last - index < REUSE_AROUND_PAGES &&
           ((candidates >> (last + 1)) & 1) && is_exclusive(region->pages[last + 1]))
        last++;
    table_allow_write(mm, vma, region, BIT_MASK(last, first));
}

static int allow_shared_write(struct mm *mm, struct vma *vma, uint64_t uaddr)
{
    struct page *page;
    int error = vma->ops->get_page(vma, vma_object_page(vma, uaddr), true, &page);
    if (error)
        return error;
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_find(mm, uaddr);
    unsigned index = region_index(uaddr);
    if (region && ((region->present >> index) & 1) && region->pages[index] == page)
        table_allow_write(mm, vma, region, BIT(index));
    spin_unlock(&mm->table_lock);
    page_put(page);
    return 0;
}

/* ---- present pages ---- */

/* The record allows the access: see that the HAL's tables do too. */
static int reinstall(struct mm *mm, struct vma *vma, struct mm_region *region, uint64_t uaddr)
{
    unsigned index = region_index(uaddr);
    unsigned wanted = table_prot(vma, (region->writable >> index) & 1);
    uint64_t paddr;
    unsigned prot;
    if (hal_aspace_lookup(mm->aspace, uaddr, &paddr, &prot) && prot == wanted)
        return 0;
    return table_install(mm, vma, region, region_mask(region, vma->start, vma->end));
}

int fault_vma(struct mm *mm, struct vma *vma, uint64_t uaddr, unsigned flags)
{
    unsigned index = region_index(uaddr);
    bool writable = vma->flags & VMA_WRITE;
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_find(mm, uaddr);
    if (!region || !((region->present >> index) & 1)) {
        spin_unlock(&mm->table_lock);
        if (unlikely(vma->flags & VMA_USERFAULT_MISSING))
            return FAULT_WAITS;
        return vma->ops ? fault_file(mm, vma, uaddr, flags) : fault_anon(mm, vma, uaddr, flags);
    }
    if (!(flags & FAULT_WRITE) || ((region->writable >> index) & 1)) {
        int error = reinstall(mm, vma, region, uaddr);
        spin_unlock(&mm->table_lock);
        return error;
    }
    if (unlikely((region->protected >> index) & 1)) {
        spin_unlock(&mm->table_lock);
        return FAULT_WAITS;
    }
    if (vma->flags & VMA_SHARED) {
        spin_unlock(&mm->table_lock);
        return allow_shared_write(mm, vma, uaddr);
    }
    struct page *page = region->pages[index];
    if (is_exclusive(page)) {
        if (writable)
            reuse_around(mm, vma, region, index);
        spin_unlock(&mm->table_lock);
        return 0;
    }
    bool file_page = vma->ops && !(page->flags & PAGE_ANON);
    if (file_page && fault_copies_around(vma)) {
        spin_unlock(&mm->table_lock);
        return fault_copy_around(mm, vma, uaddr);
    }
    if (!is_zero_page(mm, page))
        page_get(page);
    spin_unlock(&mm->table_lock);
    return fault_cow(mm, vma, uaddr, page, writable);
}

/* A program resolves the fault: try again after it has. mm->lock is dropped. */
static int wait_for_program(struct mm *mm, struct vma *vma, uint64_t uaddr, unsigned flags)
{
    int error = userfault_wait(mm, vma, uaddr, flags);
    if (error == -ERESTARTSYS) /* a signal is taken first, and the access tried again */
        return flags & FAULT_USER ? 0 : -EFAULT;
    return error ? error : -EAGAIN;
}

/* `exact` is what was accessed in the page at uaddr. */
static int fault_once(struct mm *mm, uint64_t uaddr, uint64_t exact, enum mm_access access)
{
    unsigned flags = (access & MM_WRITE ? FAULT_WRITE : 0) | (access & MM_USER ? FAULT_USER : 0);
    rwlock_read_lock(&mm->lock);
    struct vma *vma = mm_find_vma(mm, uaddr);
    int error;
    if (vma && vma->start > uaddr && (vma->flags & VMA_GROWSDOWN)) {
        rwlock_read_unlock(&mm->lock);
        error = expand_stack(mm, uaddr);
        return error ? error : -EAGAIN;
    }
    if (!vma || vma->start > uaddr)
        error = -EFAULT;
    else if (!(vma->flags & VMA_ACCESS) || ((access & MM_WRITE) && !(vma->flags & VMA_WRITE)) ||
             ((access & MM_EXEC) && !(vma->flags & VMA_EXEC)))
        error = -EACCES;
    else
        error = fault_vma(mm, vma, uaddr, flags);
    if (unlikely(error == FAULT_WAITS))
        return wait_for_program(mm, vma, exact, flags);
    rwlock_read_unlock(&mm->lock);
    return error;
}

int mm_handle_fault(struct mm *mm, uint64_t uaddr, enum mm_access access)
{
    uint64_t exact = uaddr;
    uaddr = ALIGN_DOWN(uaddr, PAGE_SIZE);
    if (uaddr >= user_limit(mm))
        return -EFAULT;
    struct thread *thread = this_thread();
    if (thread)
        atomic_store_relaxed(&thread->minor_faults, thread->minor_faults + 1);
    for (unsigned attempt = 0;;) {
        int error = fault_once(mm, uaddr, exact, access);
        if (error == -ENOMEM && mm_out_of_memory(mm->kernel, attempt++))
            continue;
        if (error != -EAGAIN)
            return error;
    }
}
