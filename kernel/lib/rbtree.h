/* SPDX-License-Identifier: MIT */
/*
 * Intrusive red-black tree with optional augmentation: each node may hold data computed from its
 * own value and its two children (largest gap below, earliest deadline below), which the tree
 * keeps right through insertion, rebalancing and removal. No locking, no allocation; nodes belong
 * to the caller and must not move while linked. All operations are O(log n).
 */
#ifndef KERNEL_LIB_RBTREE_H
#define KERNEL_LIB_RBTREE_H

#include "kernel/lib/compiler.h"

struct rb_node {
    struct rb_node *parent, *left, *right;
    uint32_t red;
    uint32_t linked;
};

struct rb_root {
    struct rb_node *node;
};

/*
 * Recomputes the augmented data of `node` from its value and its children; returns true if it
 * changed. NULL where a tree is not augmented. Every call on one tree passes the same function.
 */
typedef bool rb_augment_fn(struct rb_node *node);

/* True if a sorts before b. */
typedef bool rb_less_fn(const struct rb_node *a, const struct rb_node *b);

/* Negative, zero or positive as the key sorts before, with or after the node. */
typedef int rb_compare_fn(const void *key, const struct rb_node *node);

static inline void rb_root_init(struct rb_root *root)
{
    root->node = NULL;
}

static inline void rb_node_init(struct rb_node *node)
{
    *node = (struct rb_node){0};
}

static inline bool rb_empty(const struct rb_root *root)
{
    return root->node == NULL;
}

static inline bool rb_node_linked(const struct rb_node *node)
{
    return node->linked != 0;
}

/* Links node by `less`; equal elements keep insertion order. The node must not be linked. */
void rb_insert(struct rb_root *root, struct rb_node *node, rb_less_fn *less,
               rb_augment_fn *augment);

/*
 * Links node at *link (a NULL child pointer of parent, or &root->node with parent NULL), which
 * the caller found by its own descent, then rebalances.
 */
void rb_link(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
             struct rb_node **link, rb_augment_fn *augment);

void rb_erase(struct rb_root *root, struct rb_node *node, rb_augment_fn *augment);

/* Puts `replacement` (unlinked) in the place of `node`, which must have the same key. */
void rb_replace(struct rb_root *root, struct rb_node *node, struct rb_node *replacement,
                rb_augment_fn *augment);

/* Tells the tree that the node's own value changed (not its order): recomputes up to the root. */
void rb_augment_propagate(struct rb_node *node, rb_augment_fn *augment);

/* In order; NULL at the end. */
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

/* Node equal to key, or NULL. */
struct rb_node *rb_find(const struct rb_root *root, const void *key, rb_compare_fn *compare);
/* First node that does not sort before key (>= key), or NULL. */
struct rb_node *rb_lower_bound(const struct rb_root *root, const void *key, rb_compare_fn *compare);

/* Checks order-independent invariants (colours, parents); for tests. Black height, or -1. */
int rb_check(const struct rb_root *root);

#define rb_entry(node, type, member) container_of(node, type, member)
#define rb_entry_or_null(node, type, member)                                                       \
    ({                                                                                             \
        struct rb_node *entry_node_ = (node);                                                      \
        entry_node_ == NULL ? NULL : rb_entry(entry_node_, type, member);                          \
    })

#define rb_for_each_entry(entry, root, member)                                                     \
    for (entry = rb_entry_or_null(rb_first(root), __typeof__(*entry), member); entry != NULL;      \
         entry = rb_entry_or_null(rb_next(&entry->member), __typeof__(*entry), member))

/* Allows removal of the current entry. */
#define rb_for_each_entry_safe(entry, following, root, member)                                     \
    for (entry = rb_entry_or_null(rb_first(root), __typeof__(*entry), member);                     \
         entry != NULL &&                                                                          \
         (following = rb_entry_or_null(rb_next(&entry->member), __typeof__(*entry), member),       \
         true);                                                                                    \
         entry = following)

#endif
