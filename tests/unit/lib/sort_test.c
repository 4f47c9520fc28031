/* SPDX-License-Identifier: MIT */
/* kernel/lib/sort.c */
#include "kernel/lib/random.h"
#include "kernel/lib/sort.h"
#include "tests/unit/support/unit.h"

struct element {
    uint16_t key;
    char text[3]; /* an odd size */
};

static int compare(const void *a, const void *b, void *ctx)
{
    ck_assert_ptr_eq(ctx, compare);
    const struct element *x = a, *y = b;
    return (int)x->key - (int)y->key;
}

START_TEST(random_arrays_come_out_in_order_and_complete)
{
    struct prng prng;
    prng_seed(&prng, (uint64_t)_i);
    struct element elements[100];
    size_t count = (size_t)_i;
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        elements[i] = (struct element){.key = (uint16_t)prng_below(&prng, 60), .text = "ab"};
        sum += elements[i].key;
    }
    ksort(elements, count, sizeof(elements[0]), compare, compare);
    for (size_t i = 0; i < count; i++) {
        ck_assert(i == 0 || elements[i - 1].key <= elements[i].key);
        ck_assert_str_eq(elements[i].text, "ab");
        sum -= elements[i].key;
        ck_assert_ptr_nonnull(
            kbsearch(&elements[i], elements, count, sizeof(elements[0]), compare, compare));
    }
    ck_assert_uint_eq(sum, 0);
    struct element absent = {.key = 61};
    ck_assert_ptr_null(kbsearch(&absent, elements, count, sizeof(absent), compare, compare));
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_loop_test(tcase, random_arrays_come_out_in_order_and_complete, 0, 100);
}

static Suite *sort_suite(void)
{
    return unit_suite("sort", add);
}

UNIT_MAIN(sort_suite)
