/* SPDX-License-Identifier: MIT
 *
 * kernel/lib/crc32.c: the values that the specifications give.
 */
#include "kernel/lib/crc32.h"
#include "tests/unit/support/unit.h"

START_TEST(sums_are_those_of_the_specification)
{
    ck_assert_uint_eq(crc32_add(0, "", 0), 0);
    ck_assert_uint_eq(crc32_add(0, "a", 1), 0xe8b7be43);
    ck_assert_uint_eq(crc32_add(0, "123456789", 9), 0xcbf43926);
}
END_TEST

START_TEST(sum_of_parts_is_sum_of_the_whole)
{
    ck_assert_uint_eq(crc32_add(crc32_add(0, "1234", 4), "56789", 5), 0xcbf43926);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, sums_are_those_of_the_specification);
    tcase_add_test(tcase, sum_of_parts_is_sum_of_the_whole);
}

static Suite *crc32_suite(void)
{
    return unit_suite("crc32", add);
}

UNIT_MAIN(crc32_suite)
