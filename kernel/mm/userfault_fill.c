/* SPDX-License-Identifier: MIT
 *
 * Providing the pages that others wait for: UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_WRITEPROTECT of
 * ioctl_userfaultfd(2).
 *
 * A page is filled before mm->lock is taken, because its contents come from user memory, and
 * entered under it if its place is still registered and empty.
 */
#include "kernel/abi/errno.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/userfault.h"

/* The registered VMA that all of [start, end) is in; mm->lock held. */
static struct vma *find_registered(struct mm *mm, uint64_t start, uint64_t end)
{
    struct vma *vma = mm_find_vma(mm, start);
    return vma && vma->start <= start && vma->end >= end && vma->userfault ? vma : NULL;
}

struct fill {
    struct mm *mm;
    uint64_t to, from, end; /* what is left of the destination: [to, end) */
    bool zero, protect;
};

/* Is the next page to be filled? */
static int check_locked(const struct fill *fill, struct vma **out)
{
    struct vma *vma = find_registered(fill->mm, fill->to, fill->end);
    if (!vma)
        return -ENOENT;
    if (fill->protect && !(vma->flags & VMA_USERFAULT_WP))
        return -EINVAL;
    *out = vma;
    return 0;
}

static int check(const struct fill *fill)
{
    struct vma *vma;
    rwlock_read_lock(&fill->mm->lock);
    int error = check_locked(fill, &vma);
    rwlock_read_unlock(&fill->mm->lock);
    return error;
}

static int make_page(const struct fill *fill, struct page **out)
{
    struct page *page = page_alloc(0, ALLOC_USER);
    if (!page)
        return -ENOMEM;
    if (copy_from_user(page_address(page), fill->from, PAGE_SIZE)) {
        page_put(page);
        return -EFAULT;
    }
    page_mark(page, PAGE_ANON);
    page_account(PAGE_KIND_ANON, 1);
    *out = page;
    return 0;
}

static int enter(const struct fill *fill, const struct vma *vma, struct page *page)
{
    struct mm *mm = fill->mm;
    unsigned index = region_index(fill->to);
    int error = 0;
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_create(mm, fill->to);
    if (!region) {
        error = -ENOMEM;
    } else if ((region->present >> index) & 1) {
        error = -EEXIST;
    } else {
        /* What could not be mapped for want of memory is mapped by the next fault. */
        (void)table_insert(mm, vma, region, fill->to, &page, 1, !fill->zero && !fill->protect);
        if (fill->protect)
            region->protected |= BIT(index);
    }
    spin_unlock(&mm->table_lock);
    return error;
}

static int fill_page(const struct fill *fill)
{
    struct page *page = fill->mm->kernel->mm->zero_page;
    struct vma *vma;
    int error = fill->zero ? 0 : make_page(fill, &page);
    if (error)
        return error;
    rwlock_read_lock(&fill->mm->lock);
    error = check_locked(fill, &vma);
    if (!error)
        error = enter(fill, vma, page);
    rwlock_read_unlock(&fill->mm->lock);
    if (error && !fill->zero)
        page_put(page);
    return error;
}

static int64_t fill_all(struct userfault *uffd, struct fill *fill)
{
    uint64_t start = fill->to;
    if (!mm_try_get(uffd->mm))
        return -ESRCH;
    int error = check(fill);
    while (!error && fill->to < fill->end) {
        error = fill_page(fill);
        if (!error) {
            fill->to += PAGE_SIZE;
            fill->from += PAGE_SIZE;
        }
        if (!error && wait_interrupted(THREAD_KILLABLE))
            error = -EINTR;
    }
    mm_put(uffd->mm);
    return fill->to > start ? (int64_t)(fill->to - start) : error;
}

int64_t userfault_copy(struct userfault *uffd, uint64_t to, uint64_t from, uint64_t bytes,
                       bool write_protected)
{
    struct fill fill = {
        .mm = uffd->mm, .to = to, .from = from, .end = to + bytes, .protect = write_protected};
    return fill_all(uffd, &fill);
}

int64_t userfault_zero(struct userfault *uffd, uint64_t to, uint64_t bytes)
{
    struct fill fill = {.mm = uffd->mm, .to = to, .end = to + bytes, .zero = true};
    return fill_all(uffd, &fill);
}

/* Pages that are not there stay unprotected. */
static void protect_range(struct mm *mm, const struct vma *vma, uint64_t start, uint64_t end,
                          bool protect)
{
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_at_or_after(mm, start);
    for (; region && region->base < end; region = region_next(region)) {
        uint64_t mask = region->present & region_mask(region, start, end);
        if (protect) {
            region->protected |= mask;
            region->writable &= ~mask;
        } else {
            region->protected &= ~mask; /* writable when somebody writes */
        }
    }
    if (protect && (vma->flags & VMA_ACCESS))
        hal_aspace_protect(mm->aspace, start, (end - start) >> PAGE_SHIFT, table_prot(vma, false),
                           true);
    spin_unlock(&mm->table_lock);
    if (protect)
        hal_aspace_flush(mm->aspace);
}

int userfault_protect(struct userfault *uffd, uint64_t start, uint64_t bytes, bool protect)
{
    struct mm *mm = uffd->mm;
    if (!mm_try_get(mm))
        return -ESRCH;
    rwlock_read_lock(&mm->lock);
    const struct vma *vma = find_registered(mm, start, start + bytes);
    int error = vma && (vma->flags & VMA_USERFAULT_WP) ? 0 : -ENOENT;
    if (!error)
        protect_range(mm, vma, start, start + bytes, protect);
    rwlock_read_unlock(&mm->lock);
    mm_put(mm);
    return error;
}
