/* SPDX-License-Identifier: MIT
 *
 * The set of VMAs of an address space: lookup, insertion, splitting and merging.
 *
 * All changes are made with mm->lock held for writing. A removed VMA goes to mm->dead and is put by
 * mm_write_unlock after the lock is dropped: releasing a file takes locks that come before it.
 * Counters (vma_count, total_pages, data_pages, locked_pages) always describe the linked VMAs.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"

static inline struct vma *vma_of(struct rb_node *node)
{
    return rb_entry_or_null(node, struct vma, node);
}

void mm_write_lock(struct mm *mm)
{
    rwlock_write_lock(&mm->lock);
}

void mm_write_unlock(struct mm *mm)
{
    struct vma *dead = mm->dead;
    mm->dead = NULL;
    commit_note(mm);
    rwlock_write_unlock(&mm->lock);
    while (dead) {
        struct vma *next = dead->next_dead;
        vma_destroy(dead);
        dead = next;
    }
}

struct vma *mm_find_vma(struct mm *mm, uint64_t addr)
{
    struct vma *cached = atomic_load_relaxed(&mm->cached_vma);
    if (cached && cached->start <= addr && addr < cached->end)
        return cached;
    struct vma *found = NULL;
    for (struct rb_node *node = mm->vmas.node; node;) {
        struct vma *vma = vma_of(node);
        if (addr < vma->end) {
            found = vma;
            if (vma->start <= addr)
                break;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    if (found)
        atomic_store_relaxed(&mm->cached_vma, found);
    return found;
}

struct vma *mm_next_vma(struct vma *vma)
{
    return vma_of(rb_next(&vma->node));
}

struct vma *vma_prev(struct vma *vma)
{
    return vma_of(rb_prev(&vma->node));
}

struct vma *vma_find_overlap(struct mm *mm, uint64_t start, uint64_t end)
{
    struct vma *vma = mm_find_vma(mm, start);
    return vma && vma->start < end ? vma : NULL;
}

struct vma *vma_create(struct mm *mm, uint64_t start, uint64_t end, unsigned flags,
                       const struct vma_ops *ops, void *backing, uint64_t page_offset)
{
    struct vma *vma = slab_alloc_zeroed(mm->kernel->mm->vmas);
    if (!vma)
        return NULL;
    vma->mm = mm;
    vma->start = start;
    vma->end = end;
    vma->flags = flags;
    vma->ops = ops;
    vma->backing = backing;
    vma->page_offset = page_offset;
    if (ops && ops->get)
        ops->get(vma);
    return vma;
}

struct vma *vma_copy(struct mm *mm, const struct vma *from)
{
    struct vma *copy = vma_create(mm, from->start, from->end, from->flags, from->ops, from->backing,
                                  from->page_offset);
    if (copy) {
        copy->policy = from->policy;
        copy->userfault = userfault_get(from->userfault);
    }
    return copy;
}

void vma_destroy(struct vma *vma)
{
    if (vma->ops && vma->ops->put)
        vma->ops->put(vma);
    userfault_put(vma->userfault);
    slab_free(vma->mm->kernel->mm->vmas, vma);
}

static void count(struct mm *mm, const struct vma *vma, int sign)
{
    uint64_t pages = vma_pages(vma) * (uint64_t)(int64_t)sign;
    if (sign < 0 && mm->total_pages > mm->total_peak)
        mm->total_peak = mm->total_pages;
    atomic_store_relaxed(&mm->total_pages, mm->total_pages + pages); /* /proc reads it anytime */
    if ((vma->flags & (VMA_WRITE | VMA_SHARED | VMA_GROWSDOWN)) == VMA_WRITE)
        mm->data_pages += pages;
    if (vma->flags & VMA_LOCKED)
        mm->locked_pages += pages;
    if (vma->flags & VMA_ACCOUNT)
        mm->account_pages += pages;
    if (vma->flags & VMA_GROWSDOWN)
        mm->stack_pages += pages;
    else if ((vma->flags & (VMA_EXEC | VMA_WRITE)) == VMA_EXEC)
        mm->exec_pages += pages;
}

static bool vma_less(const struct rb_node *a, const struct rb_node *b)
{
    return rb_entry(a, struct vma, node)->start < rb_entry(b, struct vma, node)->start;
}

void vma_insert_locked(struct mm *mm, struct vma *vma)
{
    assert(vma->start < vma->end && IS_ALIGNED(vma->start | vma->end, PAGE_SIZE));
    rb_insert(&mm->vmas, &vma->node, vma_less, vma_augment);
    vma_update_gap(mm, vma);
    vma_update_gap(mm, mm_next_vma(vma));
    mm->vma_count++;
    count(mm, vma, 1);
}

void vma_remove_locked(struct mm *mm, struct vma *vma)
{
    struct vma *above = mm_next_vma(vma);
    rb_erase(&mm->vmas, &vma->node, vma_augment);
    vma_update_gap(mm, above);
    mm->vma_count--;
    count(mm, vma, -1);
    atomic_store_relaxed(&mm->cached_vma, NULL);
    vma->next_dead = mm->dead;
    mm->dead = vma;
}

void vma_resize_locked(struct mm *mm, struct vma *vma, uint64_t start, uint64_t end)
{
    assert(start < end);
    count(mm, vma, -1);
    vma->page_offset += (uint64_t)((int64_t)(start - vma->start) >> PAGE_SHIFT);
    vma->start = start;
    vma->end = end;
    count(mm, vma, 1);
    vma_update_gap(mm, vma);
    vma_update_gap(mm, mm_next_vma(vma));
}

void vma_set_flags_locked(struct mm *mm, struct vma *vma, unsigned flags)
{
    count(mm, vma, -1);
    vma->flags = flags;
    count(mm, vma, 1);
    vma_update_gap(mm, vma);
}

/* The lower part stays `vma`, the other becomes a new VMA. */
static int split(struct mm *mm, struct vma *vma, uint64_t addr)
{
    assert(vma->start < addr && addr < vma->end);
    if (vma->ops && vma->ops->whole)
        return -EINVAL;
    struct vma *upper = vma_copy(mm, vma);
    if (!upper)
        return -ENOMEM;
    upper->page_offset = vma_object_page(vma, addr);
    upper->start = addr;
    vma_resize_locked(mm, vma, vma->start, addr);
    vma_insert_locked(mm, upper);
    return 0;
}

int vma_split_locked(struct mm *mm, struct vma *vma, uint64_t addr)
{
    return mm->vma_count >= vmas_max(mm) ? -ENOMEM : split(mm, vma, addr);
}

int vma_split_to_remove_locked(struct mm *mm, struct vma *vma, uint64_t addr)
{
    return split(mm, vma, addr);
}

int vma_isolate_locked(struct mm *mm, struct vma **vma, uint64_t start, uint64_t end)
{
    if ((*vma)->start < start) {
        int error = vma_split_locked(mm, *vma, start);
        if (error)
            return error;
        *vma = mm_next_vma(*vma);
    }
    return (*vma)->end > end ? vma_split_locked(mm, *vma, end) : 0;
}

static bool may_join(const struct vma *lower, const struct vma *upper)
{
    if (lower->end != upper->start || lower->flags != upper->flags || lower->ops != upper->ops ||
        lower->backing != upper->backing || lower->policy != upper->policy ||
        lower->userfault != upper->userfault)
        return false;
    return !lower->ops || vma_object_page(lower, lower->end) == upper->page_offset;
}

struct vma *vma_merge_locked(struct mm *mm, struct vma *vma)
{
    struct vma *below = vma_prev(vma);
    if (below && may_join(below, vma)) {
        uint64_t end = vma->end;
        vma_remove_locked(mm, vma);
        vma_resize_locked(mm, below, below->start, end);
        vma = below;
    }
    struct vma *above = mm_next_vma(vma);
    if (above && may_join(vma, above)) {
        uint64_t end = above->end;
        vma_remove_locked(mm, above);
        vma_resize_locked(mm, vma, vma->start, end);
    }
    return vma;
}
