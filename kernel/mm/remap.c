/* SPDX-License-Identifier: MIT
 *
 * mremap(2): growing, shrinking and moving a mapping.
 *
 * Moving splits the old VMA and creates the new one first, then moves the records of the resident
 * pages (the frames stay), and only then removes the old VMA, so every failure leaves the old
 * mapping whole.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/lib/bits.h"
#include "kernel/mm/mm_internal.h"

struct move {
    uint64_t old_addr, old_bytes;
    uint64_t new_addr, new_bytes;
    int flags;
};

static inline bool is_present(const struct mm_region *region, uint64_t uaddr)
{
    return region && ((region->present >> region_index(uaddr)) & 1);
}

/* Make all regions that the move needs; table_lock held. */
static int prepare_regions(struct mm *mm, const struct move *move, uint64_t bytes)
{
    struct mm_region *from = region_at_or_after(mm, move->old_addr);
    for (; from && from->base < move->old_addr + bytes; from = region_next(from)) {
        uint64_t mask = from->present & region_mask(from, move->old_addr, move->old_addr + bytes);
        if (!mask)
            continue;
        /* One region's pages land in at most two. */
        uint64_t delta = move->new_addr - move->old_addr;
        uint64_t first = from->base + (uint64_t)bits_lowest(mask) * PAGE_SIZE + delta;
        uint64_t last = from->base + (uint64_t)bits_highest(mask) * PAGE_SIZE + delta;
        if (!region_create(mm, first) || !region_create(mm, last))
            return -ENOMEM;
    }
    return 0;
}

static void free_unused_regions(struct mm *mm, uint64_t start, uint64_t end)
{
    struct mm_region *region = region_at_or_after(mm, start);
    while (region && region->base < end) {
        struct mm_region *next = region_next(region);
        region_free_if_empty(mm, region);
        region = next;
    }
}

static void move_region(struct mm *mm, struct mm_region *from, uint64_t mask, uint64_t delta,
                        uint64_t *fresh_start, uint64_t *fresh_end)
{
    for (; mask; mask &= mask - 1) {
        unsigned index = bits_lowest(mask);
        uint64_t uaddr = from->base + (uint64_t)index * PAGE_SIZE + delta;
        struct mm_region *to = region_find(mm, uaddr);
        assert(to && !is_present(to, uaddr));
        to->pages[region_index(uaddr)] = from->pages[index];
        to->present |= BIT(region_index(uaddr));
        if (from->writable & BIT(index))
            to->writable |= BIT(region_index(uaddr));
        from->present &= ~BIT(index);
        from->writable &= ~BIT(index);
        from->protected &= ~BIT(index);
        *fresh_start = MIN(*fresh_start, uaddr);
        *fresh_end = MAX(*fresh_end, uaddr + PAGE_SIZE);
    }
}

static int move_pages(struct mm *mm, const struct move *move, uint64_t bytes, struct vma *to_vma)
{
    uint64_t old_end = move->old_addr + bytes, delta = move->new_addr - move->old_addr;
    uint64_t fresh_start = UINT64_MAX, fresh_end = 0;
    spin_lock(&mm->table_lock);
    int error = prepare_regions(mm, move, bytes);
    struct mm_region *from = error ? NULL : region_at_or_after(mm, move->old_addr);
    while (from && from->base < old_end) {
        uint64_t mask = from->present & region_mask(from, move->old_addr, old_end);
        move_region(mm, from, mask, delta, &fresh_start, &fresh_end);
        from = region_next(from);
    }
    if (fresh_end) {
        hal_aspace_unmap(mm->aspace, fresh_start - delta, (fresh_end - fresh_start) >> PAGE_SHIFT);
        struct mm_region *to = region_at_or_after(mm, fresh_start);
        for (; to && to->base < fresh_end; to = region_next(to))
            if (table_install(mm, to_vma, to, region_mask(to, fresh_start, fresh_end)))
                break; /* the rest is installed by faults */
    }
    free_unused_regions(mm, move->old_addr, old_end);
    free_unused_regions(mm, move->new_addr, move->new_addr + bytes);
    spin_unlock(&mm->table_lock);
    hal_aspace_flush(mm->aspace);
    return error;
}

/* May the VMA have new_bytes instead of old_bytes? */
static int check_resize(struct mm *mm, const struct vma *vma, const struct move *move)
{
    if (move->old_bytes == 0 && !(vma->flags & VMA_SHARED))
        return -EINVAL;
    if (move->old_bytes > vma->end - move->old_addr)
        return -EFAULT;
    if (move->new_bytes == move->old_bytes)
        return 0;
    uint64_t offset = vma_object_page(vma, move->old_addr), last;
    if (vma->ops && add_overflows(offset, move->new_bytes >> PAGE_SHIFT, &last))
        return -EINVAL;
    if (vma->flags & VMA_DONTEXPAND)
        return -EFAULT;
    uint64_t more =
        move->new_bytes > move->old_bytes ? (move->new_bytes - move->old_bytes) >> PAGE_SHIFT : 0;
    if ((vma->flags & VMA_LOCKED) && limit_check_locked_memory(mm, more))
        return -EAGAIN;
    if (limit_check(mm, more, vma->flags))
        return -ENOMEM;
    if ((vma->flags & VMA_ACCOUNT) && !may_commit(mm->kernel, mm, more))
        return -ENOMEM;
    return 0;
}

/* Move to new_addr, which is free. */
static int move_locked(struct mm *mm, struct vma *vma, const struct move *move)
{
    uint64_t bytes = MIN(move->old_bytes, move->new_bytes);
    bool keep = (move->flags & MREMAP_DONTUNMAP) || move->old_bytes == 0;
    if (mm->vma_count + 3 >= vmas_max(mm))
        return -ENOMEM;
    int error =
        keep ? 0 : vma_isolate_locked(mm, &vma, move->old_addr, move->old_addr + move->old_bytes);
    if (error)
        goto merge;
    error = -ENOMEM;
    struct vma *fresh = vma_copy(mm, vma);
    if (!fresh)
        goto merge;
    userfault_forget_vma(fresh); /* its user asked for no word of moves */
    fresh->page_offset = vma_object_page(vma, move->old_addr);
    fresh->start = move->new_addr;
    fresh->end = move->new_addr + move->new_bytes;
    vma_insert_locked(mm, fresh);
    error = bytes ? move_pages(mm, move, bytes, fresh) : 0;
    if (error) {
        vma_remove_locked(mm, fresh); /* nothing has moved */
        goto merge;
    }
    if (move->flags & MREMAP_DONTUNMAP)
        vma_set_flags_locked(mm, vma, vma->flags & ~(unsigned)(VMA_LOCKED | VMA_LOCK_ON_FAULT));
    if (!keep)
        unmap_locked(mm, move->old_addr, move->old_addr + move->old_bytes);
    vma_merge_locked(mm, fresh);
    return 0;

merge:
    vma_merge_locked(mm, vma);
    return error;
}

/* MREMAP_FIXED, MREMAP_DONTUNMAP: to a given place, or to a free one by a hint. */
static int remap_to(struct mm *mm, struct move *move)
{
    uint64_t new_end;
    bool fixed = move->flags & MREMAP_FIXED;
    if (!IS_ALIGNED(move->new_addr, PAGE_SIZE) ||
        !user_range(mm, move->new_addr, move->new_bytes, &new_end))
        return -EINVAL;
    if (move->old_addr < new_end && move->new_addr < move->old_addr + move->old_bytes)
        return -EINVAL;
    if (fixed) {
        if (move->new_addr < user_min(mm))
            return -EPERM;
        int error = unmap_locked(mm, move->new_addr, new_end);
        if (error)
            return error;
    }
    if (move->old_bytes > move->new_bytes) {
        int error =
            unmap_locked(mm, move->old_addr + move->new_bytes, move->old_addr + move->old_bytes);
        if (error)
            return error;
        move->old_bytes = move->new_bytes;
    }
    struct vma *vma = mm_find_vma(mm, move->old_addr);
    if (!vma || vma->start > move->old_addr)
        return -EFAULT;
    int error = check_resize(mm, vma, move);
    if (!error && (move->flags & MREMAP_DONTUNMAP)) {
        if (vma->flags & VMA_DONTEXPAND)
            error = -EINVAL;
        else
            error = limit_check(mm, move->new_bytes >> PAGE_SHIFT, vma->flags);
        if (!error && (vma->flags & VMA_ACCOUNT) &&
            !may_commit(mm->kernel, mm, move->new_bytes >> PAGE_SHIFT))
            error = -ENOMEM;
    }
    if (!error && !fixed)
        error = find_range_locked(mm, move->new_addr, move->new_bytes, &move->new_addr);
    return error ? error : move_locked(mm, vma, move);
}

static int remap_locked(struct mm *mm, struct move *move)
{
    struct vma *vma = mm_find_vma(mm, move->old_addr);
    if (!vma || vma->start > move->old_addr)
        return -EFAULT;
    if (move->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
        return remap_to(mm, move);

    uint64_t old_end = move->old_addr + move->old_bytes;
    move->new_addr = move->old_addr;
    if (move->old_bytes >= move->new_bytes && move->old_bytes)
        return move->old_bytes == move->new_bytes
                   ? 0 /* whatever is there */
                   : unmap_locked(mm, move->old_addr + move->new_bytes, old_end);
    int error = check_resize(mm, vma, move);
    if (error)
        return error;
    uint64_t new_end = move->old_addr + move->new_bytes;
    struct vma *above = mm_next_vma(vma);
    if (old_end == vma->end && new_end <= user_limit(mm) && new_end > move->old_addr &&
        (!above || new_end <= vma_guarded_start(above)) && move->old_bytes) {
        vma_resize_locked(mm, vma, vma->start, new_end);
        vma_merge_locked(mm, vma);
        return 0;
    }
    if (!(move->flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    error = find_range_locked(mm, 0, move->new_bytes, &move->new_addr);
    return error ? error : move_locked(mm, vma, move);
}

int mm_remap(struct mm *mm, uint64_t old_addr, uint64_t old_bytes, uint64_t new_bytes, int flags,
             uint64_t new_addr, uint64_t *out_addr)
{
    struct move move = {
        .old_addr = old_addr,
        .old_bytes = ALIGN_UP(old_bytes, PAGE_SIZE),
        .new_addr = new_addr,
        .new_bytes = ALIGN_UP(new_bytes, PAGE_SIZE),
        .flags = flags,
    };
    if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
        return -EINVAL;
    if ((flags & MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE))
        return -EINVAL;
    if ((flags & MREMAP_DONTUNMAP) &&
        (!(flags & MREMAP_MAYMOVE) || move.old_bytes != move.new_bytes))
        return -EINVAL;
    if (!IS_ALIGNED(old_addr, PAGE_SIZE) || move.new_bytes == 0)
        return -EINVAL;
    if (move.old_bytes > move.new_bytes && !(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) &&
        (old_addr > user_limit(mm) || move.old_bytes > user_limit(mm) - old_addr))
        return -EINVAL; /* of unmapping the end */
    if (old_addr >= user_limit(mm))
        return -EFAULT;
    if (move.new_bytes > user_limit(mm))
        return flags & MREMAP_FIXED ? -EINVAL : -ENOMEM;

    mm_write_lock(mm);
    int error = move.old_bytes > user_limit(mm) - old_addr ? -EFAULT : remap_locked(mm, &move);
    struct vma *vma = error ? NULL : mm_find_vma(mm, move.new_addr);
    bool locked = vma && (vma->flags & (VMA_LOCKED | VMA_LOCK_ON_FAULT)) == VMA_LOCKED;
    mm_write_unlock(mm);
    if (error)
        return error;
    if (locked && move.new_bytes > move.old_bytes)
        mm_populate(mm, move.new_addr + move.old_bytes, move.new_bytes - move.old_bytes);
    *out_addr = move.new_addr;
    return 0;
}
