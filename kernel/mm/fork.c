/* SPDX-License-Identifier: MIT
 *
 * fork(2): a copy of an address space that shares its private pages until one side writes.
 *
 * Both mms are locked for writing; the child cannot be waited for by anyone who holds the parent,
 * and until it is complete its lock ranks just above the parent's. A truncation that looks for
 * mappings of a file meets the parent first (the child's VMAs are registered later) and so never
 * misses pages that fork has just copied.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"

enum { LOCK_RANK_MM_CHILD = LOCK_RANK_MM + 1 };

/* Share the region's pages in `mask` with the child. */
static int share_pages(struct mm *child, struct vma *child_vma, struct mm_region *from,
                       uint64_t mask)
{
    struct mm_region *to = region_create(child, from->base);
    if (!to)
        return -ENOMEM;
    for (uint64_t left = mask; left; left &= left - 1) {
        unsigned index = bits_lowest(left);
        struct page *page = from->pages[index];
        to->pages[index] = page;
        if (page != child->kernel->mm->zero_page)
            page_get(page);
        region_account(child, page, 1);
    }
    to->present |= mask;
    return table_install(child, child_vma, to, mask);
}

/* The pages of one private VMA. Both sides lose the right to write. The two write locks keep out
 * everyone who takes a table_lock, so neither is taken. */
static int copy_pages(struct mm *parent, struct vma *vma, struct mm *child, struct vma *child_vma,
                      bool *protected)
{
    int error = 0;
    uint64_t protect_start = UINT64_MAX, protect_end = 0;
    struct mm_region *region = region_at_or_after(parent, vma->start);
    for (; region && region->base < vma->end && !error; region = region_next(region)) {
        uint64_t mask = region->present & region_mask(region, vma->start, vma->end);
        if (!mask)
            continue;
        uint64_t writable = region->writable & mask;
        if (writable) {
            protect_start =
                MIN(protect_start, region->base + (uint64_t)bits_lowest(writable) * PAGE_SIZE);
            protect_end = region->base + (uint64_t)(bits_highest(writable) + 1) * PAGE_SIZE;
            region->writable &= ~mask;
        }
        error = share_pages(child, child_vma, region, mask);
    }
    if (protect_end) {
        hal_aspace_protect(parent->aspace, protect_start,
                           (protect_end - protect_start) >> PAGE_SHIFT, table_prot(vma, false),
                           true);
        *protected = true;
    }
    return error;
}

static int copy_vma(struct mm *parent, struct vma *vma, struct mm *child, bool *protected)
{
    if ((vma->flags & VMA_ACCOUNT) && !may_commit(parent->kernel, child, vma_pages(vma)))
        return -ENOMEM;
    struct vma *copy = vma_copy(child, vma);
    if (!copy)
        return -ENOMEM;
    copy->flags &= ~(unsigned)(VMA_LOCKED | VMA_LOCK_ON_FAULT);
    userfault_forget_vma(copy); /* the child's faults are its own */
    vma_insert_locked(child, copy);
    /* Pages of shared objects are found again by faults. */
    if (vma->flags & (VMA_SHARED | VMA_WIPEONFORK))
        return 0;
    return copy_pages(parent, vma, child, copy, protected);
}

static void copy_layout(const struct mm *parent, struct mm *child)
{
    child->brk_start = parent->brk_start;
    child->brk = parent->brk;
    child->mmap_base = parent->mmap_base;
    child->stack_top = parent->stack_top;
    child->code_start = parent->code_start;
    child->code_end = parent->code_end;
    child->data_start = parent->data_start;
    child->data_end = parent->data_end;
    child->arg_start = parent->arg_start;
    child->arg_end = parent->arg_end;
    child->env_start = parent->env_start;
    child->env_end = parent->env_end;
    memcpy(child->auxv, parent->auxv, sizeof(child->auxv));
    child->limit_as = parent->limit_as;
    child->limit_data = parent->limit_data;
    child->limit_stack = parent->limit_stack;
    child->limit_memlock = parent->limit_memlock;
    child->may_lock_all = parent->may_lock_all;
    child->may_commit_reserve = parent->may_commit_reserve;
    child->dumpable = parent->dumpable;
    child->oom_score_adj = parent->oom_score_adj;
    child->core_filter = atomic_load_relaxed(&parent->core_filter);
    child->membarrier = atomic_load_relaxed(&parent->membarrier);
    child->clock_page = parent->clock_page;
    if (child->clock_page)
        page_get(child->clock_page);
}

static int copy_everything(struct mm *parent, struct mm *child, bool *protected)
{
    copy_layout(parent, child);
    struct vma *vma;
    rb_for_each_entry(vma, &parent->vmas, node)
    {
        if (vma->flags & VMA_DONTCOPY)
            continue;
        int error = copy_vma(parent, vma, child, protected);
        if (error)
            return error;
    }
    return 0;
}

int mm_fork(struct mm *parent, struct mm **out)
{
    struct mm *child;
    int error = mm_create(parent->kernel, &child);
    if (error)
        return error;
    child->lock.rank = LOCK_RANK_MM_CHILD;
    mm_write_lock(parent);
    mm_write_lock(child);
    bool protected = false;
    error = copy_everything(parent, child, &protected);
    if (!error)
        hal_aspace_fork(child->aspace, parent->aspace);
    if (protected)
        hal_aspace_flush(parent->aspace); /* no write may reach a shared page any more */
    mm_write_unlock(child);
    mm_write_unlock(parent);
    child->lock.rank = LOCK_RANK_MM;
    if (error) {
        mm_put(child);
        return error;
    }
    *out = child;
    return 0;
}
