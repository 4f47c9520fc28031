/* SPDX-License-Identifier: MIT */
/*
 * Red-black tree with augmentation. Invariants: the root is black; a red node has black children;
 * every path from the root to a missing child has the same number of black nodes; with an augment
 * function, each node's data equals what the function computes from its children. Algorithms after
 * Cormen et al., "Introduction to Algorithms", chapters 13 and 14, with NULL for the sentinel.
 */
#include "kernel/lib/rbtree.h"

#include "kernel/lib/assert.h"

enum side { SIDE_LEFT, SIDE_RIGHT };

static ALWAYS_INLINE struct rb_node **child(struct rb_node *node, enum side side)
{
    return side == SIDE_LEFT ? &node->left : &node->right;
}

static ALWAYS_INLINE enum side opposite(enum side side)
{
    return side == SIDE_LEFT ? SIDE_RIGHT : SIDE_LEFT;
}

static ALWAYS_INLINE bool is_red(const struct rb_node *node)
{
    return node != NULL && node->red;
}

static enum side side_of(const struct rb_node *node)
{
    return node->parent->left == node ? SIDE_LEFT : SIDE_RIGHT;
}

/* Puts `replacement` (may be NULL) where `node` hangs; the node's own links stay. */
static void replace_in_parent(struct rb_root *root, struct rb_node *node,
                              struct rb_node *replacement)
{
    if (node->parent == NULL)
        root->node = replacement;
    else
        *child(node->parent, side_of(node)) = replacement;
    if (replacement != NULL)
        replacement->parent = node->parent;
}

/* Moves `node` down to `side`; its child of the other side takes its place. */
static void rotate(struct rb_root *root, struct rb_node *node, enum side side,
                   rb_augment_fn *augment)
{
    struct rb_node *up = *child(node, opposite(side));
    struct rb_node *inner = *child(up, side);

    replace_in_parent(root, node, up);
    *child(node, opposite(side)) = inner;
    if (inner != NULL)
        inner->parent = node;
    *child(up, side) = node;
    node->parent = up;
    if (augment != NULL) {
        augment(node);
        augment(up);
    }
}

static void augment_to_root(struct rb_node *node, rb_augment_fn *augment)
{
    for (; augment != NULL && node != NULL; node = node->parent)
        augment(node);
}

void rb_augment_propagate(struct rb_node *node, rb_augment_fn *augment)
{
    while (node != NULL && augment(node))
        node = node->parent;
}

static void rebalance_after_insert(struct rb_root *root, struct rb_node *node,
                                   rb_augment_fn *augment)
{
    while (is_red(node->parent)) {
        struct rb_node *parent = node->parent, *grandparent = parent->parent;
        enum side side = side_of(parent);
        struct rb_node *uncle = *child(grandparent, opposite(side));
        if (is_red(uncle)) {
            parent->red = uncle->red = false;
            grandparent->red = true;
            node = grandparent;
            continue;
        }
        if (side_of(node) != side) {
            rotate(root, parent, side, augment);
            parent = node;
        }
        parent->red = false;
        grandparent->red = true;
        rotate(root, grandparent, opposite(side), augment);
        break;
    }
    root->node->red = false;
}

void rb_link(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
             struct rb_node **link, rb_augment_fn *augment)
{
    assert(!rb_node_linked(node) && *link == NULL);
    *node = (struct rb_node){.parent = parent, .red = true, .linked = true};
    *link = node;
    augment_to_root(node, augment);
    rebalance_after_insert(root, node, augment);
}

void rb_insert(struct rb_root *root, struct rb_node *node, rb_less_fn *less, rb_augment_fn *augment)
{
    struct rb_node **link = &root->node, *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        link = less(node, parent) ? &parent->left : &parent->right;
    }
    rb_link(root, node, parent, link, augment);
}

/* The subtree on `side` of `parent` (possibly empty) lacks one black node. */
static void rebalance_after_erase(struct rb_root *root, struct rb_node *parent, enum side side,
                                  rb_augment_fn *augment)
{
    while (parent != NULL && !is_red(*child(parent, side))) {
        struct rb_node *sibling = *child(parent, opposite(side));
        if (is_red(sibling)) {
            sibling->red = false;
            parent->red = true;
            rotate(root, parent, side, augment);
            sibling = *child(parent, opposite(side));
        }
        if (!is_red(sibling->left) && !is_red(sibling->right)) {
            sibling->red = true;
            if (parent->parent == NULL || parent->red) {
                parent->red = false;
                return;
            }
            side = side_of(parent);
            parent = parent->parent;
            continue;
        }
        if (!is_red(*child(sibling, opposite(side)))) {
            (*child(sibling, side))->red = false;
            sibling->red = true;
            rotate(root, sibling, opposite(side), augment);
            sibling = *child(parent, opposite(side));
        }
        sibling->red = parent->red;
        parent->red = false;
        (*child(sibling, opposite(side)))->red = false;
        rotate(root, parent, side, augment);
        return;
    }
    struct rb_node *lacking = parent == NULL ? root->node : *child(parent, side);
    if (lacking != NULL)
        lacking->red = false;
}

void rb_erase(struct rb_root *root, struct rb_node *node, rb_augment_fn *augment)
{
    assert(rb_node_linked(node));
    struct rb_node *parent; /* above the place that loses a node */
    enum side side = SIDE_LEFT;
    bool lost_black;

    if (node->left == NULL || node->right == NULL) {
        parent = node->parent;
        if (parent != NULL)
            side = side_of(node);
        lost_black = !node->red;
        replace_in_parent(root, node, node->left != NULL ? node->left : node->right);
    } else {
        struct rb_node *successor = node->right;
        while (successor->left != NULL)
            successor = successor->left;
        lost_black = !successor->red;
        if (successor->parent == node) {
            parent = successor;
            side = SIDE_RIGHT;
        } else {
            parent = successor->parent;
            replace_in_parent(root, successor, successor->right);
            successor->right = node->right;
            successor->right->parent = successor;
        }
        replace_in_parent(root, node, successor);
        successor->left = node->left;
        successor->left->parent = successor;
        successor->red = node->red;
    }
    augment_to_root(parent, augment);
    if (lost_black)
        rebalance_after_erase(root, parent, side, augment);
    rb_node_init(node);
}

void rb_replace(struct rb_root *root, struct rb_node *node, struct rb_node *replacement,
                rb_augment_fn *augment)
{
    assert(rb_node_linked(node) && !rb_node_linked(replacement));
    *replacement = *node;
    replace_in_parent(root, node, replacement);
    if (node->left != NULL)
        node->left->parent = replacement;
    if (node->right != NULL)
        node->right->parent = replacement;
    rb_node_init(node);
    augment_to_root(replacement, augment);
}

/* The outermost node on `side` of the subtree at node, which is not NULL. */
static struct rb_node *outermost(struct rb_node *node, enum side side)
{
    while (*child(node, side) != NULL)
        node = *child(node, side);
    return node;
}

struct rb_node *rb_first(const struct rb_root *root)
{
    return root->node == NULL ? NULL : outermost(root->node, SIDE_LEFT);
}

struct rb_node *rb_last(const struct rb_root *root)
{
    return root->node == NULL ? NULL : outermost(root->node, SIDE_RIGHT);
}

static struct rb_node *neighbour(struct rb_node *node, enum side side)
{
    if (*child(node, side) != NULL)
        return outermost(*child(node, side), opposite(side));
    while (node->parent != NULL && side_of(node) == side)
        node = node->parent;
    return node->parent;
}

struct rb_node *rb_next(const struct rb_node *node)
{
    return neighbour((struct rb_node *)(uintptr_t)node, SIDE_RIGHT);
}

struct rb_node *rb_prev(const struct rb_node *node)
{
    return neighbour((struct rb_node *)(uintptr_t)node, SIDE_LEFT);
}

struct rb_node *rb_find(const struct rb_root *root, const void *key, rb_compare_fn *compare)
{
    struct rb_node *node = root->node;
    while (node != NULL) {
        int order = compare(key, node);
        if (order == 0)
            return node;
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

struct rb_node *rb_lower_bound(const struct rb_root *root, const void *key, rb_compare_fn *compare)
{
    struct rb_node *node = root->node, *best = NULL;
    while (node != NULL) {
        if (compare(key, node) <= 0) {
            best = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

/* Colours and links around one node. */
static bool node_is_sound(const struct rb_node *node)
{
    if (!node->linked || (node->red && (is_red(node->left) || is_red(node->right))))
        return false;
    return (node->left == NULL || node->left->parent == node) &&
           (node->right == NULL || node->right->parent == node);
}

static int black_nodes_above(const struct rb_node *node)
{
    int count = 0;
    for (; node != NULL; node = node->parent)
        count += !node->red;
    return count;
}

int rb_check(const struct rb_root *root)
{
    if (root->node == NULL)
        return 0;
    if (root->node->red || root->node->parent != NULL)
        return -1;
    int height = black_nodes_above(rb_first(root));
    for (const struct rb_node *node = rb_first(root); node != NULL; node = rb_next(node)) {
        if (!node_is_sound(node))
            return -1;
        bool has_open_side = node->left == NULL || node->right == NULL;
        if (has_open_side && black_nodes_above(node) != height)
            return -1;
    }
    return height;
}
