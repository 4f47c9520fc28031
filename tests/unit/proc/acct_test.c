/* SPDX-License-Identifier: MIT */
/* kernel/proc/acct.c: the encodings of acct(5). */
#include "kernel/proc/acct.h"

#include <string.h>

#include "tests/unit/support/unit.h"

static uint64_t decode_comp(uint16_t value)
{
    return (uint64_t)(value & 0x1fff) << (3 * (value >> 13));
}

START_TEST(comp_keeps_thirteen_bits_rounded)
{
    for (uint64_t value = 0; value < 8192; value++)
        ck_assert_uint_eq(decode_comp(acct_encode_comp(value)), value);
    ck_assert_uint_eq(decode_comp(acct_encode_comp(8192)), 8192);
    ck_assert_uint_eq(decode_comp(acct_encode_comp(8191 * 8 + 4)), 8192 * 8);
    for (uint64_t value = 1; value < 8191ull << 21; value = value * 5 / 3 + 1) {
        uint64_t back = decode_comp(acct_encode_comp(value));
        uint64_t error = back > value ? back - value : value - back;
        ck_assert_uint_le(error, value / 1024);
    }
    ck_assert_uint_eq(acct_encode_comp(UINT64_MAX), UINT16_MAX);
}
END_TEST

START_TEST(floats_are_single_precision_cut_off)
{
    for (uint64_t value = 0; value < 1ull << 60; value = value * 7 / 4 + 1) {
        uint32_t bits = acct_encode_float(value);
        float number;
        memcpy(&number, &bits, sizeof(number));
        ck_assert((double)number <= (double)value);
        ck_assert((double)number >= (double)value * (1 - 1.0 / (1 << 22)));
    }
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, comp_keeps_thirteen_bits_rounded);
    tcase_add_test(tcase, floats_are_single_precision_cut_off);
}

static Suite *suite(void)
{
    return unit_suite("proc/acct", add_tests);
}

UNIT_MAIN(suite)
