/* SPDX-License-Identifier: MIT */
/* kernel/lib/rbtree.c: random operations against invariants, order and augmented data. */
#include "kernel/lib/random.h"
#include "kernel/lib/rbtree.h"
#include "tests/unit/support/unit.h"

#define ITEMS 200

struct item {
    struct rb_node node;
    unsigned key, serial;
    unsigned subtree_max; /* augmented: largest serial at or below */
};

static struct item *item_of(struct rb_node *node)
{
    return node == NULL ? NULL : rb_entry(node, struct item, node);
}

static bool less(const struct rb_node *a, const struct rb_node *b)
{
    return rb_entry(a, const struct item, node)->key < rb_entry(b, const struct item, node)->key;
}

static int compare(const void *key, const struct rb_node *node)
{
    unsigned wanted = *(const unsigned *)key, found = rb_entry(node, const struct item, node)->key;
    return wanted < found ? -1 : wanted > found;
}

static unsigned computed_max(const struct item *item)
{
    unsigned max = item->serial;
    if (item->node.left != NULL)
        max = MAX(max, item_of(item->node.left)->subtree_max);
    if (item->node.right != NULL)
        max = MAX(max, item_of(item->node.right)->subtree_max);
    return max;
}

static bool update_max(struct rb_node *node)
{
    struct item *item = item_of(node);
    unsigned old = item->subtree_max;
    item->subtree_max = computed_max(item);
    return old != item->subtree_max;
}

static unsigned check_tree(struct rb_root *root)
{
    ck_assert_int_ge(rb_check(root), 0);
    unsigned count = 0;
    struct item *item, *last = NULL;
    rb_for_each_entry(item, root, node)
    {
        ck_assert(last == NULL || last->key < item->key ||
                  (last->key == item->key && last->serial < item->serial));
        ck_assert_ptr_eq(item_of(rb_prev(&item->node)), last);
        ck_assert_uint_eq(item->subtree_max, computed_max(item));
        last = item;
        count++;
    }
    ck_assert_ptr_eq(item_of(rb_last(root)), last);
    return count;
}

START_TEST(random_insert_and_erase_keep_invariants)
{
    struct prng prng;
    prng_seed(&prng, (uint64_t)_i);
    static struct item items[ITEMS];
    struct rb_root root;
    rb_root_init(&root);
    unsigned live = 0, serial = 0;
    for (unsigned step = 0; step < 2000; step++) {
        struct item *item = &items[prng_below(&prng, ITEMS)];
        if (rb_node_linked(&item->node)) {
            rb_erase(&root, &item->node, update_max);
            ck_assert(!rb_node_linked(&item->node));
            live--;
        } else {
            item->key = (unsigned)prng_below(&prng, 50);
            item->serial = ++serial;
            rb_insert(&root, &item->node, less, update_max);
            live++;
        }
        if (step % 7 == 0)
            ck_assert_uint_eq(check_tree(&root), live);
    }
    struct item *item, *following;
    rb_for_each_entry_safe(item, following, &root, node)
    {
        rb_erase(&root, &item->node, update_max);
        check_tree(&root);
    }
    ck_assert(rb_empty(&root));
}
END_TEST

START_TEST(ascending_insertion_stays_balanced)
{
    static struct item items[1000];
    struct rb_root root = {0};
    for (unsigned i = 0; i < ARRAY_SIZE(items); i++) {
        items[i].key = items[i].serial = i;
        rb_insert(&root, &items[i].node, less, NULL);
    }
    int black = rb_check(&root);
    ck_assert_int_ge(black, 4);
    ck_assert_int_le(black, 10);
}
END_TEST

START_TEST(find_and_lower_bound_agree_with_order)
{
    struct item items[5] = {0};
    struct rb_root root = {0};
    for (unsigned i = 0; i < 5; i++) {
        items[i].key = 10 * (i + 1);
        rb_insert(&root, &items[i].node, less, NULL);
    }
    for (unsigned key = 0; key < 60; key++) {
        struct item *exact = item_of(rb_find(&root, &key, compare));
        ck_assert(exact == NULL ? key % 10 != 0 || key == 0 : exact->key == key);
        struct item *bound = item_of(rb_lower_bound(&root, &key, compare));
        ck_assert(bound == NULL ? key > 50 : bound->key >= key && bound->key < key + 10 + !key);
    }
}
END_TEST

START_TEST(replace_takes_over_place_and_links)
{
    struct item items[20] = {0};
    struct rb_root root = {0};
    for (unsigned i = 0; i < 20; i++) {
        items[i].key = items[i].serial = i;
        rb_insert(&root, &items[i].node, less, update_max);
    }
    for (unsigned i = 0; i < 20; i++) {
        struct item other = {.key = i, .serial = i};
        rb_replace(&root, &items[i].node, &other.node, update_max);
        ck_assert_uint_eq(check_tree(&root), 20);
        ck_assert(!rb_node_linked(&items[i].node));
        rb_replace(&root, &other.node, &items[i].node, update_max);
    }
}
END_TEST

START_TEST(propagate_updates_ancestors_after_a_value_changed)
{
    struct item items[50] = {0};
    struct rb_root root = {0};
    for (unsigned i = 0; i < 50; i++) {
        items[i].key = i;
        rb_insert(&root, &items[i].node, less, update_max);
    }
    for (unsigned i = 0; i < 50; i++) {
        items[i].serial = 1000 - i;
        rb_augment_propagate(&items[i].node, update_max);
        ck_assert_uint_eq(item_of(root.node)->subtree_max, 1000);
        for (unsigned j = 0; j < 50; j++)
            ck_assert_uint_eq(items[j].subtree_max, computed_max(&items[j]));
    }
}
END_TEST

START_TEST(erasing_an_unlinked_node_panics)
{
    struct item item = {0};
    struct rb_root root = {0};
    rb_erase(&root, &item.node, NULL);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_loop_test(tcase, random_insert_and_erase_keep_invariants, 0, 10);
    tcase_add_test(tcase, ascending_insertion_stays_balanced);
    tcase_add_test(tcase, find_and_lower_bound_agree_with_order);
    tcase_add_test(tcase, replace_takes_over_place_and_links);
    tcase_add_test(tcase, propagate_updates_ancestors_after_a_value_changed);
    tcase_add_test_raise_signal(tcase, erasing_an_unlinked_node_panics, SIGABRT);
}

static Suite *rbtree_suite(void)
{
    return unit_suite("rbtree", add);
}

UNIT_MAIN(rbtree_suite)
