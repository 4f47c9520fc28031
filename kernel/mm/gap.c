/* SPDX-License-Identifier: MIT
 *
 * Finding free address ranges: the VMA tree augmented with the free bytes below each VMA.
 *
 * vma->gap is the free space between the VMA before (or the lowest user address) and this one, less
 * the guard area that a growing stack keeps below itself. vma->gap_max is the largest gap of the
 * subtree. The search goes down from the top, as mmap(2) places mappings.
 */
#include "kernel/mm/mm_internal.h"

static inline struct vma *vma_of(struct rb_node *node)
{
    return rb_entry_or_null(node, struct vma, node);
}

static inline uint64_t gap_max_of(const struct rb_node *node)
{
    return node ? rb_entry(node, const struct vma, node)->gap_max : 0;
}

bool vma_augment(struct rb_node *node)
{
    struct vma *vma = rb_entry(node, struct vma, node);
    uint64_t most = MAX(vma->gap, MAX(gap_max_of(node->left), gap_max_of(node->right)));
    bool changed = most != vma->gap_max;
    vma->gap_max = most;
    return changed;
}

uint64_t vma_guarded_start(const struct vma *vma)
{
    uint64_t guard = (uint64_t)MM_STACK_GUARD_PAGES * PAGE_SIZE;
    if (!(vma->flags & VMA_GROWSDOWN))
        return vma->start;
    return vma->start > guard ? vma->start - guard : 0;
}

static void set_gap(struct vma *vma, uint64_t gap)
{
    if (vma->gap == gap)
        return;
    vma->gap = gap;
    rb_augment_propagate(&vma->node, vma_augment);
}

void vma_update_gap(struct mm *mm, struct vma *vma)
{
    if (!vma)
        return;
    struct vma *below = vma_of(rb_prev(&vma->node));
    uint64_t from = below ? below->end : user_min(mm);
    uint64_t to = vma_guarded_start(vma);
    set_gap(vma, to > from ? to - from : 0);
}

/* The last VMA in order before `vma` with a gap of at least `bytes`. */
static struct vma *gap_before(struct vma *vma, uint64_t bytes)
{
    struct rb_node *node = &vma->node;
    for (;;) {
        if (gap_max_of(node->left) >= bytes) {
            node = node->left; /* its last node with such a gap is the answer */
            for (;;) {
                if (gap_max_of(node->right) >= bytes)
                    node = node->right;
                else if (vma_of(node)->gap >= bytes)
                    return vma_of(node);
                else
                    node = node->left;
            }
        }
        while (node->parent && node == node->parent->left)
            node = node->parent;
        node = node->parent;
        if (!node)
            return NULL;
        if (vma_of(node)->gap >= bytes)
            return vma_of(node);
    }
}

/* Lowest VMA that ends above addr. */
static struct vma *first_ending_above(struct mm *mm, uint64_t addr)
{
    struct vma *found = NULL;
    for (struct rb_node *node = mm->vmas.node; node;) {
        struct vma *vma = vma_of(node);
        if (vma->end > addr) {
            found = vma;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return found;
}

uint64_t gap_find_below(struct mm *mm, uint64_t bytes, uint64_t low, uint64_t high)
{
    if (high < low || high - low < bytes)
        return 0;
    struct vma *last = vma_of(rb_last(&mm->vmas));
    uint64_t from = last ? MAX(last->end, low) : low;
    if (high >= from && high - from >= bytes)
        return high - bytes;

    /* The VMA around or above `high`: only the part of its gap below `high` counts. */
    struct vma *vma = first_ending_above(mm, high - 1);
    if (!vma)
        vma = last;
    for (; vma; vma = gap_before(vma, bytes)) {
        uint64_t top = MIN(vma_guarded_start(vma), high);
        struct vma *below = vma_of(rb_prev(&vma->node));
        uint64_t bottom = MAX(below ? below->end : user_min(mm), low);
        if (top >= bottom && top - bottom >= bytes)
            return top - bytes;
        if (bottom == low)
            return 0; /* nothing lower is in the range */
    }
    return 0;
}
