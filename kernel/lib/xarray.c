/* SPDX-License-Identifier: MIT */
/*
 * Sparse array: a radix tree of 64-slot nodes. A node at shift s covers 64 << s indices; slots of
 * a leaf (shift 0) are entries, others are nodes.
 *
 * Invariants: no node is empty, so an empty array has no root; the root is no taller than the
 * highest index needs; bit i of `present` says slot i is used; of `full`, that no index below it
 * is free; of marks[m], that some entry below it carries mark m. The caller serialises.
 */
#include "kernel/lib/xarray.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"

#define SLOT_BITS 6
#define SLOTS (1u << SLOT_BITS)
#define SHIFT_MAX 60 /* the root that covers all 64 bits; only 16 of its slots can be used */

struct xarray_node {
    struct xarray_node *parent;
    uint8_t shift;
    uint8_t offset; /* slot in parent */
    uint64_t present;
    uint64_t full;
    uint64_t marks[XARRAY_MARKS];
    void *slots[SLOTS];
};

static unsigned slot_of(const struct xarray_node *node, uint64_t index)
{
    return (index >> node->shift) & (SLOTS - 1);
}

/* Highest index below a root of this shift. */
static uint64_t last_index(unsigned shift)
{
    return shift >= SHIFT_MAX ? UINT64_MAX : BIT(shift + SLOT_BITS) - 1;
}

static unsigned shift_needed(uint64_t index)
{
    unsigned shift = 0;
    while (last_index(shift) < index)
        shift += SLOT_BITS;
    return shift;
}

static bool covers(const struct xarray *array, uint64_t index)
{
    return array->root != NULL && index <= last_index(array->root->shift);
}

void xarray_init(struct xarray *array, const struct lib_allocator *allocator)
{
    *array = (struct xarray){.allocator = allocator};
}

static struct xarray_node *node_alloc(struct xarray *array)
{
    struct xarray_node *node =
        array->allocator->alloc(array->allocator->ctx, sizeof(struct xarray_node));
    if (node != NULL)
        memset(node, 0, sizeof(*node));
    return node;
}

static void node_free(struct xarray *array, struct xarray_node *node)
{
    array->allocator->free(array->allocator->ctx, node, sizeof(*node));
}

void xarray_destroy(struct xarray *array)
{
    struct xarray_node *node = array->root;
    while (node != NULL) {
        if (node->shift > 0 && node->present != 0) {
            unsigned slot = bits_lowest(node->present);
            node->present &= ~BIT(slot);
            node = node->slots[slot];
        } else {
            struct xarray_node *parent = node->parent;
            node_free(array, node);
            node = parent;
        }
    }
    array->root = NULL;
    array->count = 0;
}

/* The leaf for an index, or NULL. */
static struct xarray_node *leaf_of(const struct xarray *array, uint64_t index)
{
    if (!covers(array, index))
        return NULL;
    struct xarray_node *node = array->root;
    while (node != NULL && node->shift > 0)
        node = node->slots[slot_of(node, index)];
    return node;
}

void *xarray_get(const struct xarray *array, uint64_t index)
{
    struct xarray_node *leaf = leaf_of(array, index);
    return leaf == NULL ? NULL : leaf->slots[slot_of(leaf, index)];
}

/* Nodes that a new entry at index needs beyond those there are. */
static unsigned nodes_missing(const struct xarray *array, uint64_t index)
{
    if (!covers(array, index)) {
        /* New levels on top, then a path of its own: it parts from the old root at once. */
        unsigned shift = shift_needed(index);
        unsigned levels = array->root == NULL ? 1 : (shift - array->root->shift) / SLOT_BITS;
        return levels + shift / SLOT_BITS;
    }
    const struct xarray_node *node = array->root;
    while (node->shift > 0) {
        const struct xarray_node *next = node->slots[slot_of(node, index)];
        if (next == NULL)
            return node->shift / SLOT_BITS;
        node = next;
    }
    return 0;
}

/* Nodes set aside for one insertion, linked through `parent`. */
static int reserve_nodes(struct xarray *array, unsigned count, struct xarray_node **out)
{
    struct xarray_node *list = NULL;
    for (; count > 0; count--) {
        struct xarray_node *node = node_alloc(array);
        if (node == NULL)
            goto fail;
        node->parent = list;
        list = node;
    }
    *out = list;
    return 0;
fail:
    while (list != NULL) {
        struct xarray_node *next = list->parent;
        node_free(array, list);
        list = next;
    }
    return -ENOMEM;
}

static struct xarray_node *take_reserved(struct xarray_node **reserve)
{
    struct xarray_node *node = *reserve;
    assert(node != NULL);
    *reserve = node->parent;
    node->parent = NULL;
    return node;
}

/* Puts roots above the old one until the tree covers index. */
static void grow(struct xarray *array, uint64_t index, struct xarray_node **reserve)
{
    if (array->root == NULL) {
        array->root = take_reserved(reserve);
        array->root->shift = (uint8_t)shift_needed(index);
    }
    while (!covers(array, index)) {
        struct xarray_node *old = array->root, *root = take_reserved(reserve);
        root->shift = (uint8_t)(old->shift + SLOT_BITS);
        root->slots[0] = old;
        root->present = 1;
        root->full = old->full == ~0ull;
        for (unsigned mark = 0; mark < XARRAY_MARKS; mark++)
            root->marks[mark] = old->marks[mark] != 0;
        old->parent = root;
        old->offset = 0;
        array->root = root;
    }
}

/* Stores into a free slot; the tree has been grown. */
static void store_new(struct xarray *array, uint64_t index, void *entry,
                      struct xarray_node **reserve)
{
    struct xarray_node *node = array->root;
    while (node->shift > 0) {
        unsigned slot = slot_of(node, index);
        if (node->slots[slot] == NULL) {
            struct xarray_node *below = take_reserved(reserve);
            below->parent = node;
            below->shift = (uint8_t)(node->shift - SLOT_BITS);
            below->offset = (uint8_t)slot;
            node->slots[slot] = below;
            node->present |= BIT(slot);
        }
        node = node->slots[slot];
    }
    unsigned slot = slot_of(node, index);
    assert(node->slots[slot] == NULL);
    node->slots[slot] = entry;
    node->present |= BIT(slot);
    node->full |= BIT(slot);
    for (; node->full == ~0ull && node->parent != NULL; node = node->parent)
        node->parent->full |= BIT(node->offset);
    array->count++;
}

int xarray_insert(struct xarray *array, uint64_t index, void *entry)
{
    assert(entry != NULL);
    if (xarray_get(array, index) != NULL)
        return -EEXIST;
    struct xarray_node *reserve;
    int error = reserve_nodes(array, nodes_missing(array, index), &reserve);
    if (error != 0)
        return error;
    grow(array, index, &reserve);
    store_new(array, index, entry, &reserve);
    assert(reserve == NULL);
    return 0;
}

int xarray_set(struct xarray *array, uint64_t index, void *entry)
{
    assert(entry != NULL);
    struct xarray_node *leaf = leaf_of(array, index);
    if (leaf == NULL || leaf->slots[slot_of(leaf, index)] == NULL)
        return xarray_insert(array, index, entry);
    leaf->slots[slot_of(leaf, index)] = entry;
    return 0;
}

static void clear_mark(struct xarray_node *node, unsigned slot, unsigned mark)
{
    for (;;) {
        node->marks[mark] &= ~BIT(slot);
        if (node->marks[mark] != 0 || node->parent == NULL)
            return;
        slot = node->offset;
        node = node->parent;
    }
}

/* Frees empty nodes from `node` up, then a root that only leads to slot 0. */
static void shrink(struct xarray *array, struct xarray_node *node)
{
    while (node != NULL && node->present == 0) {
        struct xarray_node *parent = node->parent;
        if (parent != NULL) {
            parent->slots[node->offset] = NULL;
            parent->present &= ~BIT(node->offset);
        } else {
            array->root = NULL;
        }
        node_free(array, node);
        node = parent;
    }
    while (array->root != NULL && array->root->shift > 0 && array->root->present == 1) {
        struct xarray_node *old = array->root;
        array->root = old->slots[0];
        array->root->parent = NULL;
        node_free(array, old);
    }
}

void *xarray_erase(struct xarray *array, uint64_t index)
{
    struct xarray_node *leaf = leaf_of(array, index);
    if (leaf == NULL)
        return NULL;
    unsigned slot = slot_of(leaf, index);
    void *entry = leaf->slots[slot];
    if (entry == NULL)
        return NULL;
    for (unsigned mark = 0; mark < XARRAY_MARKS; mark++)
        clear_mark(leaf, slot, mark);
    leaf->slots[slot] = NULL;
    leaf->present &= ~BIT(slot);
    leaf->full &= ~BIT(slot);
    for (struct xarray_node *node = leaf; node->parent != NULL; node = node->parent)
        node->parent->full &= ~BIT(node->offset);
    array->count--;
    shrink(array, leaf);
    return entry;
}

/* Index of a slot of a leaf (or the first index below a slot of an inner node). */
static uint64_t index_of(const struct xarray_node *node, unsigned slot)
{
    uint64_t index = (uint64_t)slot << node->shift;
    for (; node->parent != NULL; node = node->parent)
        index |= (uint64_t)node->offset << node->parent->shift;
    return index;
}

/* Which slots a search may enter. */
static uint64_t selected(const struct xarray_node *node, int mark)
{
    return mark < 0 ? node->present : node->marks[mark];
}

/* First present (mark < 0) or marked entry at or after *index. */
static void *find_forward(const struct xarray *array, uint64_t *index, int mark)
{
    if (!covers(array, *index))
        return NULL;
    const struct xarray_node *node = array->root;
    unsigned from = slot_of(node, *index);
    bool exact = true; /* still on the path of *index: lower levels start at its slots */
    for (;;) {
        uint64_t bits = from < SLOTS ? selected(node, mark) & (~0ull << from) : 0;
        if (bits == 0) {
            if (node->parent == NULL)
                return NULL;
            from = node->offset + 1u;
            node = node->parent;
            exact = false;
            continue;
        }
        unsigned slot = bits_lowest(bits);
        exact = exact && slot == from;
        if (node->shift == 0) {
            *index = index_of(node, slot);
            return node->slots[slot];
        }
        node = node->slots[slot];
        from = exact ? slot_of(node, *index) : 0;
    }
}

void *xarray_find(const struct xarray *array, uint64_t *index)
{
    return find_forward(array, index, -1);
}

void *xarray_find_marked(const struct xarray *array, uint64_t *index, unsigned mark)
{
    assert(mark < XARRAY_MARKS);
    return find_forward(array, index, (int)mark);
}

void *xarray_find_last(const struct xarray *array, uint64_t *index)
{
    const struct xarray_node *node = array->root;
    if (node == NULL)
        return NULL;
    bool exact = covers(array, *index);
    int from = exact ? (int)slot_of(node, *index) : (int)SLOTS - 1;
    for (;;) {
        uint64_t bits = from >= 0 ? node->present & BIT_MASK(from, 0) : 0;
        if (bits == 0) {
            if (node->parent == NULL)
                return NULL;
            from = node->offset - 1;
            node = node->parent;
            exact = false;
            continue;
        }
        unsigned slot = bits_highest(bits);
        exact = exact && (int)slot == from;
        if (node->shift == 0) {
            *index = index_of(node, slot);
            return node->slots[slot];
        }
        node = node->slots[slot];
        from = exact ? (int)slot_of(node, *index) : (int)SLOTS - 1;
    }
}

/* Lowest free index at or after `first`, in *out; false if there is none. */
static bool find_free(const struct xarray *array, uint64_t first, uint64_t *out)
{
    *out = first;
    if (!covers(array, first))
        return true;
    const struct xarray_node *node = array->root;
    unsigned from = slot_of(node, first);
    bool exact = true;
    for (;;) {
        uint64_t usable = node->shift == SHIFT_MAX ? 0xffff : ~0ull;
        uint64_t bits = from < SLOTS ? ~node->full & usable & (~0ull << from) : 0;
        if (bits == 0) {
            if (node->parent == NULL) {
                *out = last_index(node->shift) + 1;
                return *out != 0;
            }
            from = node->offset + 1u;
            node = node->parent;
            exact = false;
            continue;
        }
        unsigned slot = bits_lowest(bits);
        exact = exact && slot == from;
        if (node->shift == 0 || node->slots[slot] == NULL) {
            if (!exact || node->shift == 0)
                *out = index_of(node, slot);
            return true;
        }
        node = node->slots[slot];
        from = exact ? slot_of(node, first) : 0;
    }
}

int xarray_alloc(struct xarray *array, void *entry, uint64_t first, uint64_t last,
                 uint64_t *out_index)
{
    uint64_t index;
    if (first > last || !find_free(array, first, &index) || index > last)
        return -ENOSPC;
    int error = xarray_insert(array, index, entry);
    if (error == 0)
        *out_index = index;
    return error;
}

int xarray_alloc_cyclic(struct xarray *array, void *entry, uint64_t first, uint64_t last,
                        uint64_t *cursor, uint64_t *out_index)
{
    uint64_t start = *cursor >= first && *cursor <= last ? *cursor : first;
    int error = xarray_alloc(array, entry, start, last, out_index);
    if (error == -ENOSPC && start > first)
        error = xarray_alloc(array, entry, first, start - 1, out_index);
    if (error == 0)
        *cursor = *out_index + 1;
    return error;
}

void xarray_mark_set(struct xarray *array, uint64_t index, unsigned mark)
{
    assert(mark < XARRAY_MARKS);
    struct xarray_node *node = leaf_of(array, index);
    if (node == NULL || node->slots[slot_of(node, index)] == NULL)
        return;
    for (; node != NULL; node = node->parent)
        node->marks[mark] |= BIT(slot_of(node, index));
}

void xarray_mark_clear(struct xarray *array, uint64_t index, unsigned mark)
{
    assert(mark < XARRAY_MARKS);
    struct xarray_node *leaf = leaf_of(array, index);
    if (leaf != NULL)
        clear_mark(leaf, slot_of(leaf, index), mark);
}

bool xarray_mark_get(const struct xarray *array, uint64_t index, unsigned mark)
{
    assert(mark < XARRAY_MARKS);
    struct xarray_node *leaf = leaf_of(array, index);
    return leaf != NULL && (leaf->marks[mark] & BIT(slot_of(leaf, index)));
}

bool xarray_marked(const struct xarray *array, unsigned mark)
{
    assert(mark < XARRAY_MARKS);
    return array->root != NULL && array->root->marks[mark] != 0;
}
