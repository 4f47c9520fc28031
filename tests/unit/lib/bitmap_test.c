/* SPDX-License-Identifier: MIT */
/* kernel/lib/bitmap.c: against an array of bools, at sizes around word boundaries. */
#include "kernel/lib/bitmap.h"
#include "kernel/lib/random.h"
#include "tests/unit/support/unit.h"

#include <string.h>

#define BITS_MAX 200

static const size_t sizes[] = {1, 63, 64, 65, 127, 128, 129, BITS_MAX};
static uint64_t map[BITMAP_WORDS(BITS_MAX)], other[BITMAP_WORDS(BITS_MAX)];
static bool model[BITS_MAX];

/* Random content; the bits past `bits` are set, so that reading them would show. */
static void randomise(struct prng *prng, size_t bits)
{
    memset(map, 0xff, sizeof(map));
    unsigned density = (unsigned)prng_below(prng, 5);
    for (size_t i = 0; i < bits; i++) {
        model[i] = prng_below(prng, 4) < density;
        bitmap_assign(map, i, model[i]);
    }
}

static size_t model_find(size_t bits, size_t from, bool wanted)
{
    while (from < bits && model[from] != wanted)
        from++;
    return from < bits ? from : bits;
}

static size_t model_find_run(size_t bits, size_t from, size_t count, size_t align)
{
    for (size_t start = ALIGN_UP(from, align); start + count <= bits; start += align) {
        size_t used = model_find(bits, start, true);
        if (used >= start + count)
            return start;
    }
    return bits;
}

START_TEST(searches_and_counts_agree_with_a_plain_array)
{
    size_t bits = sizes[_i];
    struct prng prng;
    prng_seed(&prng, bits);
    for (int round = 0; round < 100; round++) {
        randomise(&prng, bits);
        size_t count = 0, last = bits;
        for (size_t i = 0; i < bits; i++) {
            ck_assert_int_eq(bitmap_test(map, i), model[i]);
            ck_assert_uint_eq(bitmap_find_set(map, bits, i), model_find(bits, i, true));
            ck_assert_uint_eq(bitmap_find_clear(map, bits, i), model_find(bits, i, false));
            count += model[i];
            last = model[i] ? i : last;
        }
        ck_assert_uint_eq(bitmap_count(map, bits), count);
        ck_assert_uint_eq(bitmap_find_last_set(map, bits), last);
        ck_assert_int_eq(bitmap_is_empty(map, bits), count == 0);
        ck_assert_int_eq(bitmap_is_full(map, bits), count == bits);
        size_t run = 1 + prng_below(&prng, 6), align = BIT(prng_below(&prng, 4));
        size_t from = prng_below(&prng, bits);
        ck_assert_uint_eq(bitmap_find_clear_run(map, bits, from, run, align),
                          model_find_run(bits, from, run, align));
    }
}
END_TEST

START_TEST(ranges_touch_only_their_bits)
{
    size_t bits = sizes[_i];
    for (size_t start = 0; start <= bits; start += 7) {
        for (size_t count = 0; start + count <= bits; count += 5) {
            bitmap_zero(map, bits);
            bitmap_set_range(map, start, count);
            ck_assert_uint_eq(bitmap_count(map, bits), count);
            ck_assert_uint_eq(bitmap_find_set(map, bits, 0), count > 0 ? start : bits);
            bitmap_fill(map, bits);
            bitmap_clear_range(map, start, count);
            ck_assert_uint_eq(bitmap_count(map, bits), bits - count);
            ck_assert_uint_eq(bitmap_find_clear(map, bits, 0), count > 0 ? start : bits);
        }
    }
}
END_TEST

START_TEST(set_operations_agree_bit_by_bit)
{
    size_t bits = sizes[_i];
    struct prng prng;
    prng_seed(&prng, bits + 1);
    for (int round = 0; round < 50; round++) {
        uint64_t a[BITMAP_WORDS(BITS_MAX)], result[BITMAP_WORDS(BITS_MAX)];
        randomise(&prng, bits);
        bitmap_copy(a, map, bits);
        randomise(&prng, bits);
        bitmap_copy(other, map, bits);
        bool meets = false, inside = true;
        for (size_t i = 0; i < bits; i++) {
            meets |= bitmap_test(a, i) && bitmap_test(other, i);
            inside &= !bitmap_test(a, i) || bitmap_test(other, i);
        }
        ck_assert_int_eq(bitmap_intersects(a, other, bits), meets);
        ck_assert_int_eq(bitmap_is_subset(a, other, bits), inside);
        bitmap_and(result, a, other, bits);
        ck_assert(bitmap_is_subset(result, a, bits) && bitmap_is_subset(result, other, bits));
        ck_assert_int_eq(bitmap_is_empty(result, bits), !meets);
        bitmap_andnot(result, a, other, bits);
        ck_assert(!bitmap_intersects(result, other, bits));
        ck_assert_int_eq(bitmap_is_empty(result, bits), inside);
        bitmap_or(result, result, other, bits);
        ck_assert(bitmap_is_subset(a, result, bits));
        bitmap_copy(a, result, bits);
        ck_assert(bitmap_equal(a, result, bits));
        bitmap_assign(a, bits - 1, !bitmap_test(a, bits - 1));
        ck_assert(!bitmap_equal(a, result, bits));
    }
}
END_TEST

START_TEST(test_and_change_return_the_old_bit)
{
    bitmap_zero(map, 70);
    ck_assert(!bitmap_test_and_set(map, 69));
    ck_assert(bitmap_test_and_set(map, 69));
    ck_assert(bitmap_test_and_clear(map, 69));
    ck_assert(!bitmap_test_and_clear(map, 69));
}
END_TEST

START_TEST(loop_visits_set_bits_in_order)
{
    bitmap_zero(map, 130);
    static const size_t set[] = {0, 63, 64, 129};
    for (size_t i = 0; i < ARRAY_SIZE(set); i++)
        bitmap_set(map, set[i]);
    size_t bit, seen = 0;
    bitmap_for_each_set(bit, map, 130)
    {
        ck_assert_uint_eq(bit, set[seen]);
        seen++;
    }
    ck_assert_uint_eq(seen, ARRAY_SIZE(set));
}
END_TEST

START_TEST(clear_run_larger_than_map_is_not_found)
{
    bitmap_zero(map, 100);
    ck_assert_uint_eq(bitmap_find_clear_run(map, 100, 0, 101, 1), 100);
    ck_assert_uint_eq(bitmap_find_clear_run(map, 100, 0, SIZE_MAX, 1), 100);
    ck_assert_uint_eq(bitmap_find_clear_run(map, 100, 0, 100, 1), 0);
    ck_assert_uint_eq(bitmap_find_clear_run(map, 100, 100, 1, 1), 100);
    ck_assert_uint_eq(bitmap_find_clear_run(map, 100, 65, 1, 64), 100);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_loop_test(tcase, searches_and_counts_agree_with_a_plain_array, 0, ARRAY_SIZE(sizes));
    tcase_add_loop_test(tcase, ranges_touch_only_their_bits, 0, ARRAY_SIZE(sizes));
    tcase_add_loop_test(tcase, set_operations_agree_bit_by_bit, 0, ARRAY_SIZE(sizes));
    tcase_add_test(tcase, test_and_change_return_the_old_bit);
    tcase_add_test(tcase, loop_visits_set_bits_in_order);
    tcase_add_test(tcase, clear_run_larger_than_map_is_not_found);
}

static Suite *bitmap_suite(void)
{
    return unit_suite("bitmap", add);
}

UNIT_MAIN(bitmap_suite)
