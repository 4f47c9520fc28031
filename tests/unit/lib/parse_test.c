/* SPDX-License-Identifier: MIT */
/* kernel/lib/parse.c */
#include "kernel/abi/errno.h"
#include "kernel/lib/parse.h"
#include "tests/unit/support/unit.h"

#include <string.h>

static void check_u64(const char *text, unsigned base, int error, uint64_t wanted)
{
    uint64_t value = 0x5555;
    ck_assert_msg(kstrtou64(text, base, &value) == error, "\"%s\"", text);
    ck_assert_uint_eq(value, (error == 0 ? wanted : 0x5555));
}

START_TEST(unsigned_numbers_are_read_in_every_base)
{
    check_u64("0", 10, 0, 0);
    check_u64("18446744073709551615", 10, 0, UINT64_MAX);
    check_u64("+7\n", 10, 0, 7);
    check_u64("0x1F", 0, 0, 31);
    check_u64("0x1f", 16, 0, 31);
    check_u64("1f", 16, 0, 31);
    check_u64("0755", 0, 0, 0755);
    check_u64("0755", 10, 0, 755);
    check_u64("101", 2, 0, 5);
    check_u64("zz", 36, 0, 35 * 36 + 35);
}
END_TEST

START_TEST(malformed_numbers_are_einval)
{
    check_u64("", 10, -EINVAL, 0);
    check_u64("\n", 10, -EINVAL, 0);
    check_u64(" 1", 10, -EINVAL, 0);
    check_u64("1 ", 10, -EINVAL, 0);
    check_u64("1\n\n", 10, -EINVAL, 0);
    check_u64("-1", 10, -EINVAL, 0);
    check_u64("0x", 0, -EINVAL, 0);
    check_u64("08", 0, -EINVAL, 0);
    check_u64("12a", 10, -EINVAL, 0);
    check_u64("++1", 10, -EINVAL, 0);
    check_u64("99999999999999999999999x", 10, -EINVAL, 0);
}
END_TEST

START_TEST(numbers_too_large_are_erange)
{
    check_u64("18446744073709551616", 10, -ERANGE, 0);
    check_u64("99999999999999999999", 10, -ERANGE, 0);
    check_u64("0x10000000000000000", 0, -ERANGE, 0);
    uint32_t u32;
    int32_t s32;
    int64_t s64;
    ck_assert_int_eq(kstrtou32("4294967296", 10, &u32), -ERANGE);
    ck_assert_int_eq(kstrtou32("4294967295", 10, &u32), 0);
    ck_assert_uint_eq(u32, UINT32_MAX);
    ck_assert_int_eq(kstrtos32("-2147483649", 10, &s32), -ERANGE);
    ck_assert_int_eq(kstrtos32("-2147483648", 10, &s32), 0);
    ck_assert_int_eq(s32, INT32_MIN);
    ck_assert_int_eq(kstrtos64("9223372036854775808", 10, &s64), -ERANGE);
    ck_assert_int_eq(kstrtos64("-9223372036854775809", 10, &s64), -ERANGE);
    ck_assert_int_eq(kstrtos64("-9223372036854775808", 10, &s64), 0);
    ck_assert_int_eq(s64, INT64_MIN);
}
END_TEST

START_TEST(booleans_accept_letters_and_words)
{
    const char *const yes[] = {"1", "y", "Y", "on", "1\n", "on\n"};
    const char *const no[] = {"0", "n", "N", "off", "0\n", "off\n"};
    const char *const bad[] = {"", "2", "yes", "onn", "o", "1x", "\n", "1\nx"};
    bool value;
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        value = false;
        ck_assert(kstrtobool(yes[i], &value) == 0 && value);
        value = true;
        ck_assert(kstrtobool(no[i], &value) == 0 && !value);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        ck_assert_int_eq(kstrtobool(bad[i], &value), -EINVAL);
}
END_TEST

START_TEST(sizes_take_a_suffix)
{
    uint64_t value;
    ck_assert(kstrtosize("64M", &value) == 0 && value == 64 << 20);
    ck_assert(kstrtosize("2g\n", &value) == 0 && value == 2ull << 30);
    ck_assert(kstrtosize("0x10k", &value) == 0 && value == 16384);
    ck_assert(kstrtosize("512", &value) == 0 && value == 512);
    ck_assert_int_eq(kstrtosize("16E", &value), -ERANGE);
    ck_assert_int_eq(kstrtosize("M", &value), -EINVAL);
    ck_assert_int_eq(kstrtosize("1MB", &value), -EINVAL);
}
END_TEST

START_TEST(cursor_moves_past_digits_only)
{
    const char *text = "12,0x34:", *p = text;
    uint64_t value;
    ck_assert(kparse_u64(&p, 10, &value) == 0 && value == 12 && *p == ',');
    p++;
    ck_assert(kparse_u64(&p, 0, &value) == 0 && value == 0x34 && *p == ':');
    ck_assert_int_eq(kparse_u64(&p, 0, &value), -EINVAL);
    ck_assert_ptr_eq(p, text + 7);
    p = "0xg";
    ck_assert(kparse_u64(&p, 0, &value) == 0 && value == 0 && *p == 'x');
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, unsigned_numbers_are_read_in_every_base);
    tcase_add_test(tcase, malformed_numbers_are_einval);
    tcase_add_test(tcase, numbers_too_large_are_erange);
    tcase_add_test(tcase, booleans_accept_letters_and_words);
    tcase_add_test(tcase, sizes_take_a_suffix);
    tcase_add_test(tcase, cursor_moves_past_digits_only);
}

static Suite *parse_suite(void)
{
    return unit_suite("parse", add);
}

UNIT_MAIN(parse_suite)
