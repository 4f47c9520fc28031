/* SPDX-License-Identifier: MIT */
/* kernel/lib/xarray.c: against a plain array as model, failing allocations, extreme indices. */
#include "kernel/abi/errno.h"
#include "kernel/lib/random.h"
#include "kernel/lib/xarray.h"
#include "tests/unit/lib/test_allocator.h"

static struct test_allocator allocator;
static struct xarray array;
static char entries[1024]; /* something to point at */

static void setup(void)
{
    test_allocator_init(&allocator);
    xarray_init(&array, &allocator.base);
}

static void teardown(void)
{
    xarray_destroy(&array);
    ck_assert_uint_eq(array.count, 0);
    ck_assert_uint_eq(allocator.live_bytes, 0);
}

START_TEST(get_from_empty_array_finds_nothing)
{
    uint64_t index = 0;
    ck_assert_ptr_null(xarray_get(&array, 0));
    ck_assert_ptr_null(xarray_get(&array, UINT64_MAX));
    ck_assert_ptr_null(xarray_erase(&array, 5));
    ck_assert_ptr_null(xarray_find(&array, &index));
    ck_assert_ptr_null(xarray_find_last(&array, &index));
    ck_assert(!xarray_marked(&array, 0));
    ck_assert(xarray_empty(&array));
}
END_TEST

static const uint64_t extremes[] = {0,
                                    1,
                                    63,
                                    64,
                                    4095,
                                    4096,
                                    1ull << 52,
                                    (1ull << 60) - 1,
                                    1ull << 60,
                                    1ull << 63,
                                    UINT64_MAX - 1,
                                    UINT64_MAX};

START_TEST(extreme_indices_are_kept_apart)
{
    for (size_t i = 0; i < ARRAY_SIZE(extremes); i++)
        ck_assert_int_eq(xarray_set(&array, extremes[i], &entries[i]), 0);
    ck_assert_uint_eq(array.count, ARRAY_SIZE(extremes));
    size_t i = 0;
    uint64_t index;
    char *entry;
    xarray_for_each(&array, index, entry)
    {
        ck_assert_uint_eq(index, extremes[i]);
        ck_assert_ptr_eq(entry, &entries[i]);
        i++;
    }
    ck_assert_uint_eq(i, ARRAY_SIZE(extremes));
    for (i = ARRAY_SIZE(extremes); i-- > 0;) {
        index = i + 1 < ARRAY_SIZE(extremes) ? extremes[i + 1] - 1 : UINT64_MAX;
        ck_assert_ptr_eq(xarray_find_last(&array, &index), &entries[i]);
        ck_assert_uint_eq(index, extremes[i]);
    }
    for (i = 0; i < ARRAY_SIZE(extremes); i++)
        ck_assert_ptr_eq(xarray_erase(&array, extremes[i]), &entries[i]);
    ck_assert_uint_eq(allocator.live_bytes, 0);
}
END_TEST

START_TEST(erase_in_any_order_returns_all_memory)
{
    for (size_t first = 0; first < ARRAY_SIZE(extremes); first++) {
        for (size_t i = 0; i < ARRAY_SIZE(extremes); i++)
            ck_assert_int_eq(xarray_insert(&array, extremes[i], &entries[i]), 0);
        for (size_t i = 0; i < ARRAY_SIZE(extremes); i++) {
            size_t which = (first + 5 * i) % ARRAY_SIZE(extremes);
            ck_assert_ptr_eq(xarray_erase(&array, extremes[which]), &entries[which]);
        }
        ck_assert_uint_eq(allocator.live_bytes, 0);
    }
}
END_TEST

START_TEST(insert_at_taken_index_is_eexist)
{
    ck_assert_int_eq(xarray_insert(&array, 7, &entries[0]), 0);
    ck_assert_int_eq(xarray_insert(&array, 7, &entries[1]), -EEXIST);
    ck_assert_ptr_eq(xarray_get(&array, 7), &entries[0]);
    ck_assert_int_eq(xarray_set(&array, 7, &entries[1]), 0);
    ck_assert_ptr_eq(xarray_get(&array, 7), &entries[1]);
    ck_assert_uint_eq(array.count, 1);
}
END_TEST

START_TEST(set_survives_failure_of_nth_allocation)
{
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(xarray_set(&array, i * 100, &entries[i]), 0);
    size_t live = allocator.live_bytes;
    allocator.calls = 0;
    allocator.fail_at = (size_t)_i;
    int error = xarray_set(&array, 1ull << 40, &entries[9]);
    allocator.fail_at = 0;
    if (error != 0) {
        ck_assert_int_eq(error, -ENOMEM);
        ck_assert_uint_eq(allocator.live_bytes, live);
        ck_assert_uint_eq(array.count, 4);
        ck_assert_ptr_null(xarray_get(&array, 1ull << 40));
        ck_assert_int_eq(xarray_set(&array, 1ull << 40, &entries[9]), 0);
    }
    ck_assert_ptr_eq(xarray_get(&array, 1ull << 40), &entries[9]);
    for (size_t i = 0; i < 4; i++)
        ck_assert_ptr_eq(xarray_get(&array, i * 100), &entries[i]);
}
END_TEST

/* A model of the first indices, in steps that spread over several levels. */
#define MODEL 300
struct model {
    void *entry[MODEL];
    bool mark[MODEL][XARRAY_MARKS];
};

static uint64_t spread(size_t i, uint64_t factor)
{
    return i * factor;
}

static void check_against_model(const struct model *model, uint64_t factor)
{
    uint64_t count = 0;
    for (size_t i = 0; i < MODEL; i++) {
        ck_assert_ptr_eq(xarray_get(&array, spread(i, factor)), model->entry[i]);
        count += model->entry[i] != NULL;
    }
    ck_assert_uint_eq(array.count, count);
    for (unsigned mark = 0; mark < XARRAY_MARKS; mark++) {
        uint64_t index = 0;
        for (size_t i = 0; i < MODEL; i++) {
            ck_assert_int_eq(xarray_mark_get(&array, spread(i, factor), mark),
                             model->mark[i][mark]);
            if (!model->mark[i][mark])
                continue;
            ck_assert_ptr_eq(xarray_find_marked(&array, &index, mark), model->entry[i]);
            ck_assert_uint_eq(index, spread(i, factor));
            index++;
        }
        ck_assert_ptr_null(xarray_find_marked(&array, &index, mark));
    }
}

START_TEST(random_operations_agree_with_a_plain_array)
{
    static const uint64_t factors[] = {1, 3, 64, 1000, 1ull << 30};
    uint64_t factor = factors[_i % 5];
    static struct model model;
    struct prng prng;
    prng_seed(&prng, (uint64_t)_i);
    for (unsigned step = 0; step < 3000; step++) {
        size_t i = prng_below(&prng, MODEL);
        unsigned mark = (unsigned)prng_below(&prng, XARRAY_MARKS);
        switch (prng_below(&prng, 5)) {
        case 0:
        case 1:
            model.entry[i] = &entries[prng_below(&prng, sizeof(entries))];
            ck_assert_int_eq(xarray_set(&array, spread(i, factor), model.entry[i]), 0);
            break;
        case 2:
            ck_assert_ptr_eq(xarray_erase(&array, spread(i, factor)), model.entry[i]);
            model.entry[i] = NULL;
            memset(model.mark[i], 0, sizeof(model.mark[i]));
            break;
        case 3:
            xarray_mark_set(&array, spread(i, factor), mark);
            model.mark[i][mark] = model.entry[i] != NULL;
            break;
        default:
            xarray_mark_clear(&array, spread(i, factor), mark);
            model.mark[i][mark] = false;
        }
        if (step % 100 == 0)
            check_against_model(&model, factor);
    }
    check_against_model(&model, factor);
}
END_TEST

START_TEST(alloc_takes_lowest_free_index)
{
    uint64_t index;
    for (uint64_t i = 0; i < 5000; i++) {
        ck_assert_int_eq(xarray_alloc(&array, &entries[0], 3, UINT64_MAX, &index), 0);
        ck_assert_uint_eq(index, i + 3);
    }
    static const uint64_t holes[] = {4000, 70, 3, 4095, 4096, 64};
    for (size_t i = 0; i < ARRAY_SIZE(holes); i++)
        xarray_erase(&array, holes[i]);
    static const uint64_t order[] = {3, 64, 70, 4000, 4095, 4096, 5003};
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        ck_assert_int_eq(xarray_alloc(&array, &entries[0], 3, UINT64_MAX, &index), 0);
        ck_assert_uint_eq(index, order[i]);
    }
}
END_TEST

START_TEST(alloc_in_full_range_is_enospc)
{
    uint64_t index;
    for (uint64_t i = 0; i < 64; i++)
        ck_assert_int_eq(xarray_alloc(&array, &entries[0], 0, 63, &index), 0);
    ck_assert_int_eq(xarray_alloc(&array, &entries[0], 0, 63, &index), -ENOSPC);
    ck_assert_int_eq(xarray_alloc(&array, &entries[0], 5, 4, &index), -ENOSPC);
    ck_assert_int_eq(xarray_alloc(&array, &entries[0], 0, 64, &index), 0);
    ck_assert_int_eq(xarray_set(&array, UINT64_MAX, &entries[0]), 0);
    ck_assert_int_eq(xarray_alloc(&array, &entries[0], UINT64_MAX, UINT64_MAX, &index), -ENOSPC);
    ck_assert_int_eq(xarray_alloc(&array, &entries[0], UINT64_MAX - 1, UINT64_MAX, &index), 0);
    ck_assert_uint_eq(index, UINT64_MAX - 1);
}
END_TEST

START_TEST(cyclic_alloc_goes_on_and_wraps)
{
    uint64_t cursor = 0, index;
    for (uint64_t i = 1; i <= 10; i++) {
        ck_assert_int_eq(xarray_alloc_cyclic(&array, &entries[0], 1, 10, &cursor, &index), 0);
        ck_assert_uint_eq(index, i);
    }
    ck_assert_int_eq(xarray_alloc_cyclic(&array, &entries[0], 1, 10, &cursor, &index), -ENOSPC);
    xarray_erase(&array, 4);
    xarray_erase(&array, 8);
    cursor = 6;
    ck_assert_int_eq(xarray_alloc_cyclic(&array, &entries[0], 1, 10, &cursor, &index), 0);
    ck_assert_uint_eq(index, 8);
    ck_assert_int_eq(xarray_alloc_cyclic(&array, &entries[0], 1, 10, &cursor, &index), 0);
    ck_assert_uint_eq(index, 4);
}
END_TEST

START_TEST(loop_body_may_erase_entries)
{
    for (uint64_t i = 0; i < 500; i++)
        ck_assert_int_eq(xarray_set(&array, i * i, &entries[0]), 0);
    uint64_t index;
    void *entry;
    xarray_for_each(&array, index, entry)
    {
        ck_assert_ptr_eq(xarray_erase(&array, index), entry);
    }
    ck_assert(xarray_empty(&array));
    ck_assert_uint_eq(allocator.live_bytes, 0);
}
END_TEST

START_TEST(storing_null_panics)
{
    xarray_set(&array, 0, NULL);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, get_from_empty_array_finds_nothing);
    tcase_add_test(tcase, extreme_indices_are_kept_apart);
    tcase_add_test(tcase, erase_in_any_order_returns_all_memory);
    tcase_add_test(tcase, insert_at_taken_index_is_eexist);
    tcase_add_loop_test(tcase, set_survives_failure_of_nth_allocation, 0, 20);
    tcase_add_loop_test(tcase, random_operations_agree_with_a_plain_array, 0, 10);
    tcase_add_test(tcase, alloc_takes_lowest_free_index);
    tcase_add_test(tcase, alloc_in_full_range_is_enospc);
    tcase_add_test(tcase, cyclic_alloc_goes_on_and_wraps);
    tcase_add_test(tcase, loop_body_may_erase_entries);
    tcase_add_test_raise_signal(tcase, storing_null_panics, SIGABRT);
}

static Suite *xarray_suite(void)
{
    return unit_suite("xarray", add);
}

UNIT_MAIN(xarray_suite)
