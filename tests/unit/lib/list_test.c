/* SPDX-License-Identifier: MIT */
/* kernel/lib/list.h */
#include "kernel/lib/list.h"
#include "tests/unit/support/unit.h"

struct item {
    int value;
    struct list_node node;
    struct hlist_node hnode;
};

static struct list list;
static struct item items[5];

static void setup(void)
{
    list_init(&list);
    for (int i = 0; i < 5; i++)
        items[i] = (struct item){.value = i};
}

/* The list holds exactly the digits of `wanted`, in both directions. */
static void check_list(const struct list *checked, const char *wanted)
{
    size_t count = 0;
    struct item *item;
    list_for_each_entry(item, checked, node)
    {
        ck_assert_int_eq(item->value, wanted[count] - '0');
        count++;
    }
    ck_assert_int_eq(wanted[count], '\0');
    ck_assert_uint_eq(list_count(checked), count);
    list_for_each_entry_reverse(item, checked, node)
    {
        ck_assert_int_eq(item->value, wanted[--count] - '0');
    }
    ck_assert_uint_eq(count, 0);
}

START_TEST(nodes_keep_the_order_of_insertion)
{
    check_list(&list, "");
    list_add_tail(&list, &items[1].node);
    list_add_tail(&list, &items[3].node);
    list_add_head(&list, &items[0].node);
    list_insert_after(&items[1].node, &items[2].node);
    list_insert_before(&items[0].node, &items[4].node);
    check_list(&list, "40123");
    list_move_tail(&list, &items[4].node);
    list_move_head(&list, &items[3].node);
    check_list(&list, "30124");
}
END_TEST

START_TEST(removed_node_is_unlinked_and_may_be_removed_again)
{
    ck_assert(!list_node_linked(&items[0].node));
    list_remove(&items[0].node);
    list_add_tail(&list, &items[0].node);
    list_add_tail(&list, &items[1].node);
    ck_assert(list_node_linked(&items[0].node));
    list_remove(&items[0].node);
    list_remove(&items[0].node);
    ck_assert(!list_node_linked(&items[0].node));
    check_list(&list, "1");
    ck_assert(list_is_singular(&list));
}
END_TEST

START_TEST(ends_of_empty_list_are_null)
{
    ck_assert(list_empty(&list));
    ck_assert_ptr_null(list_first(&list));
    ck_assert_ptr_null(list_last(&list));
    ck_assert_ptr_null(list_pop_head(&list));
    ck_assert_ptr_null(list_pop_tail(&list));
    ck_assert_ptr_null(list_first_entry(&list, struct item, node));
}
END_TEST

START_TEST(neighbours_end_in_null)
{
    for (int i = 0; i < 3; i++)
        list_add_tail(&list, &items[i].node);
    ck_assert_ptr_eq(list_next_entry(&items[0], &list, node), &items[1]);
    ck_assert_ptr_null(list_next_entry(&items[2], &list, node));
    ck_assert_ptr_eq(list_prev_entry(&items[2], &list, node), &items[1]);
    ck_assert_ptr_null(list_prev_entry(&items[0], &list, node));
    ck_assert_ptr_eq(list_pop_head_entry(&list, struct item, node), &items[0]);
    ck_assert_ptr_eq(list_pop_tail(&list), &items[2].node);
    check_list(&list, "1");
}
END_TEST

START_TEST(splice_moves_everything_in_order)
{
    struct list other;
    list_init(&other);
    list_add_tail(&list, &items[0].node);
    list_splice_tail(&list, &other);
    check_list(&list, "0");
    list_add_tail(&other, &items[1].node);
    list_add_tail(&other, &items[2].node);
    list_splice_tail(&list, &other);
    check_list(&list, "012");
    check_list(&other, "");
    list_splice_tail(&other, &list);
    check_list(&other, "012");
}
END_TEST

START_TEST(safe_loop_may_remove_current_entry)
{
    for (int i = 0; i < 5; i++)
        list_add_tail(&list, &items[i].node);
    struct item *item, *following;
    list_for_each_entry_safe(item, following, &list, node)
    {
        if (item->value % 2 == 0)
            list_remove(&item->node);
    }
    check_list(&list, "13");
}
END_TEST

START_TEST(hlist_removes_from_head_middle_and_tail)
{
    struct hlist chain;
    hlist_init(&chain);
    for (int i = 0; i < 5; i++)
        hlist_add_head(&chain, &items[i].hnode);
    hlist_remove(&items[4].hnode);
    hlist_remove(&items[2].hnode);
    hlist_remove(&items[0].hnode);
    hlist_remove(&items[0].hnode);
    ck_assert(!hlist_node_linked(&items[0].hnode));
    struct item *item, *following;
    int seen = 0;
    hlist_for_each_entry(item, &chain, hnode)
    {
        seen = seen * 10 + item->value;
    }
    ck_assert_int_eq(seen, 31);
    hlist_for_each_entry_safe(item, following, &chain, hnode)
    {
        hlist_remove(&item->hnode);
    }
    ck_assert(hlist_empty(&chain));
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, nodes_keep_the_order_of_insertion);
    tcase_add_test(tcase, removed_node_is_unlinked_and_may_be_removed_again);
    tcase_add_test(tcase, ends_of_empty_list_are_null);
    tcase_add_test(tcase, neighbours_end_in_null);
    tcase_add_test(tcase, splice_moves_everything_in_order);
    tcase_add_test(tcase, safe_loop_may_remove_current_entry);
    tcase_add_test(tcase, hlist_removes_from_head_middle_and_tail);
}

static Suite *list_suite(void)
{
    return unit_suite("list", add);
}

UNIT_MAIN(list_suite)
