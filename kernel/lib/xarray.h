/* SPDX-License-Identifier: MIT */
/*
 * Sparse array from 64-bit index to pointer: a radix tree with 64 slots a node that grows and
 * shrinks with its contents. Used for page caches (index up to 2^52), process ids, descriptors.
 * Each entry may carry three marks (dirty, writeback ...) which can be searched for quickly.
 * NULL means absent and cannot be stored. No locking inside. Nodes come from the allocator given
 * at init; only set, insert and alloc allocate, and they change nothing when they fail.
 */
#ifndef KERNEL_LIB_XARRAY_H
#define KERNEL_LIB_XARRAY_H

#include "kernel/lib/allocator.h"
#include "kernel/lib/compiler.h"

#define XARRAY_MARKS 3

struct xarray_node;

struct xarray {
    struct xarray_node *root;
    const struct lib_allocator *allocator;
    uint64_t count; /* entries present */
};

/* `allocator` must outlive the array. */
void xarray_init(struct xarray *array, const struct lib_allocator *allocator);
/* Frees all nodes; the entries are the caller's. The array is empty and usable afterwards. */
void xarray_destroy(struct xarray *array);

/* Entry at index, or NULL. */
void *xarray_get(const struct xarray *array, uint64_t index);
/* Stores a non-NULL entry, replacing (marks are kept) what was there. 0 or -ENOMEM. */
int xarray_set(struct xarray *array, uint64_t index, void *entry);
/* Like set, but -EEXIST if the index is taken. */
int xarray_insert(struct xarray *array, uint64_t index, void *entry);
/* Removes and returns the entry with its marks, NULL if there was none. Never allocates. */
void *xarray_erase(struct xarray *array, uint64_t index);

/* Stores entry at the lowest free index in first..last (inclusive). 0, -ENOMEM, -ENOSPC. */
int xarray_alloc(struct xarray *array, void *entry, uint64_t first, uint64_t last,
                 uint64_t *out_index);
/*
 * As alloc, but searches from *cursor up to last, then from first: for ids that should not be
 * reused soon. *cursor becomes the index after the one taken.
 */
int xarray_alloc_cyclic(struct xarray *array, void *entry, uint64_t first, uint64_t last,
                        uint64_t *cursor, uint64_t *out_index);

/* First entry at or after *index, whose index goes to *index; NULL if there is none. */
void *xarray_find(const struct xarray *array, uint64_t *index);
/* Last entry at or before *index. */
void *xarray_find_last(const struct xarray *array, uint64_t *index);
/* First entry at or after *index that carries the mark. */
void *xarray_find_marked(const struct xarray *array, uint64_t *index, unsigned mark);

/* Marks, 0 .. XARRAY_MARKS - 1. Setting the mark of an absent entry does nothing. */
void xarray_mark_set(struct xarray *array, uint64_t index, unsigned mark);
void xarray_mark_clear(struct xarray *array, uint64_t index, unsigned mark);
bool xarray_mark_get(const struct xarray *array, uint64_t index, unsigned mark);
/* True if any entry carries the mark. */
bool xarray_marked(const struct xarray *array, unsigned mark);

static inline bool xarray_empty(const struct xarray *array)
{
    return array->count == 0;
}

/*
 * All entries in order of index: `uint64_t index; struct page *page;
 * xarray_for_each(&cache, index, page) ...`. The body may erase any entry.
 */
#define xarray_for_each(array, index, entry) xarray_for_each_from(array, index, entry, 0)
#define xarray_for_each_from(array, index, entry, from)                                            \
    for (index = (from), entry = xarray_find(array, &index); entry != NULL;                        \
         entry = index++ == UINT64_MAX ? NULL : xarray_find(array, &index))
#define xarray_for_each_marked(array, index, entry, mark)                                          \
    for (index = 0, entry = xarray_find_marked(array, &index, mark); entry != NULL;                \
         entry = index++ == UINT64_MAX ? NULL : xarray_find_marked(array, &index, mark))

#endif
