/* SPDX-License-Identifier: MIT
 *
 * Access to the memory of another (or the own) address space by kernel address: ptrace(2),
 * process_vm_readv(2), /proc/PID/mem. Also per-VMA statistics for /proc/PID/smaps.
 *
 * The data is copied through the direct map with mm->lock held for reading, page by page.
 */
#include "hal/kernel_on.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/sched/thread.h"

static bool is_allowed(const struct vma *vma, bool write, bool force)
{
    if (unlikely(vma->flags & VMA_SECRET))
        return false;
    if (!write)
        return (vma->flags & VMA_READ) || (force && (vma->flags & VMA_MAY_READ));
    if (vma->flags & VMA_WRITE)
        return true;
    return force && (vma->flags & VMA_MAY_WRITE) && !(vma->flags & VMA_SHARED);
}

/* The resident page that may be read (or written), with a reference; NULL if a fault is needed. */
static struct page *resident_page(struct mm *mm, const struct vma *vma, uint64_t uaddr, bool write)
{
    struct page *page = NULL;
    unsigned index = region_index(uaddr);
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_find(mm, uaddr);
    if (region && ((region->present >> index) & 1)) {
        struct page *found = region->pages[index];
        bool own = (found->flags & PAGE_ANON) && atomic_load_acquire(&found->refs) == 1;
        bool writable =
            ((region->writable >> index) & 1) || (own && !(vma->flags & (VMA_SHARED | VMA_WRITE)));
        if (!write || (writable && !((region->protected >> index) & 1)))
            page = found;
    }
    if (page && page != mm->kernel->mm->zero_page)
        page_get(page);
    spin_unlock(&mm->table_lock);
    return page;
}

static int copy_within_page(struct mm *mm, struct vma *vma, uint64_t uaddr, char *buffer,
                            size_t bytes, bool write)
{
    uint64_t base = ALIGN_DOWN(uaddr, PAGE_SIZE);
    unsigned flags = write ? FAULT_WRITE | FAULT_FORCE : 0;
    struct page *page;
    for (unsigned attempt = 0; !(page = resident_page(mm, vma, base, write)); attempt++) {
        int error = attempt < 8 ? fault_vma(mm, vma, base, flags) : -EFAULT;
        if (error)
            return error;
    }
    char *memory = (char *)page_address(page) + (uaddr - base);
    if (write)
        memcpy(memory, buffer, bytes);
    else
        memcpy(buffer, memory, bytes);
    if (page != mm->kernel->mm->zero_page)
        page_put(page);
    return 0;
}

static int access_page(struct mm *mm, uint64_t uaddr, char *buffer, size_t bytes, bool write,
                       bool force)
{
    rwlock_read_lock(&mm->lock);
    struct vma *vma = mm_find_vma(mm, uaddr);
    int error;
    if (vma && vma->start > uaddr && (vma->flags & VMA_GROWSDOWN)) {
        rwlock_read_unlock(&mm->lock);
        error = expand_stack(mm, ALIGN_DOWN(uaddr, PAGE_SIZE));
        if (error)
            return error;
        rwlock_read_lock(&mm->lock);
        vma = mm_find_vma(mm, uaddr);
    }
    if (!vma || vma->start > uaddr || !is_allowed(vma, write, force))
        error = -EFAULT;
    else
        error = copy_within_page(mm, vma, uaddr, buffer, bytes, write);
    if (unlikely(error == FAULT_WAITS)) {
        error = userfault_wait(mm, vma, uaddr, write ? FAULT_WRITE : 0);
        return error ? error : -EAGAIN;
    }
    rwlock_read_unlock(&mm->lock);
    return error;
}

int64_t mm_access_remote(struct mm *mm, uint64_t uaddr, void *buffer, size_t bytes, bool write,
                         bool force)
{
    size_t done = 0;
    while (done < bytes) {
        uint64_t at = uaddr + done;
        size_t part = (size_t)(PAGE_SIZE - at % PAGE_SIZE);
        part = MIN(part, bytes - done);
        if (at < uaddr || at >= user_limit(mm))
            break;
        int error = access_page(mm, at, (char *)buffer + done, part, write, force);
        if (error == -EAGAIN)
            continue;
        if (error)
            break;
        done += part;
    }
    return done || !bytes ? (int64_t)done : -EFAULT;
}

/* hal/kernel_on.h: the backend is going to write to the page through the direct map. */
static int make_private(struct mm *mm, uint64_t uaddr)
{
    struct vma *vma = mm_find_vma(mm, uaddr);
    if (!vma || vma->start > uaddr || atomic_load_relaxed(&mm->no_patches) ||
        (vma->flags & (VMA_EXEC | VMA_WRITE | VMA_SHARED)) != VMA_EXEC)
        return -EACCES;
    for (unsigned attempt = 0;; attempt++) {
        struct page *page = resident_page(mm, vma, uaddr, true);
        if (page) {
            page_put(page);
            return 0;
        }
        int error = attempt < 3 ? fault_vma(mm, vma, uaddr, FAULT_WRITE | FAULT_FORCE) : -EAGAIN;
        if (error)
            return error == FAULT_WAITS ? -EAGAIN : error;
    }
}

int kernel_on_patch_page(uint64_t uaddr)
{
    struct mm *mm = this_thread()->mm;
    rwlock_read_lock(&mm->lock);
    int error = make_private(mm, uaddr);
    rwlock_read_unlock(&mm->lock);
    return error;
}
