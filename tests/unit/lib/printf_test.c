/* SPDX-License-Identifier: MIT */
/* kernel/lib/printf.c, compared with the host's snprintf where both define the result. */
#include "kernel/lib/printf.h"
#include "tests/unit/support/unit.h"

#include <limits.h>
#include <string.h>

/* Same text and same length as libc, for every buffer size up to the full one. */
#define check_like_libc(...)                                                                       \
    do {                                                                                           \
        char wanted[256], found[256];                                                              \
        int length = snprintf(wanted, sizeof(wanted), __VA_ARGS__);                                \
        for (size_t size = 0; size <= (size_t)length + 1; size++) {                                \
            memset(found, '~', sizeof(found));                                                     \
            ck_assert_int_eq(ksnprintf(found, size, __VA_ARGS__), length);                         \
            snprintf(wanted, size, __VA_ARGS__);                                                   \
            if (size > 0)                                                                          \
                ck_assert_str_eq(found, wanted);                                                   \
            ck_assert_int_eq(found[size], '~');                                                    \
        }                                                                                          \
    } while (0)

START_TEST(integers_of_all_sizes_print_like_libc)
{
    check_like_libc("%d %i %u %x %X %o", -1, INT_MIN, UINT_MAX, 0xbeefu, 0xbeefu, 0755u);
    check_like_libc("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
    check_like_libc("%lld %llu %llo", LLONG_MIN, ULLONG_MAX, ULLONG_MAX);
    check_like_libc("%hd %hu %hhd %hhu", (short)-2, (unsigned short)65535, (signed char)-3,
                    (unsigned char)255);
    check_like_libc("%zu %zd %jd %td", (size_t)-1, (ssize_t)-5, (intmax_t)-6, (ptrdiff_t)7);
    check_like_libc("%d", 0);
}
END_TEST

START_TEST(flags_width_and_precision_print_like_libc)
{
    check_like_libc("[%5d|%-5d|%05d|%+d|% d]", 42, 42, 42, 42, 42);
    check_like_libc("[%5d|%-5d|%05d|%+05d]", -42, -42, -42, -42);
    check_like_libc("[%.3d|%8.3d|%-8.3d|%.0d|%.0d]", 7, 7, 7, 0, 1);
    check_like_libc("[%#x|%#X|%#o|%#x|%#o|%#010x|%#10x|%-#10x]", 255u, 255u, 8u, 0u, 0u, 255u, 255u,
                    255u);
    check_like_libc("[%#.0o|%#.3o|%#.5o]", 0u, 0777u, 0777u);
    check_like_libc("[%*d|%-*d|%*d|%.*d|%.*d]", 6, 1, 6, 2, -6, 3, 4, 5, -1, 6);
}
END_TEST

START_TEST(strings_and_characters_print_like_libc)
{
    check_like_libc("[%s|%10s|%-10s|%.2s|%10.2s|%.0s]", "abc", "abc", "abc", "abc", "abc", "abc");
    check_like_libc("[%c|%3c|%-3c|%%]", 'x', 'y', 'z');
    check_like_libc("plain text without conversions");
    check_like_libc("%s", "");
}
END_TEST

START_TEST(string_with_precision_is_not_read_past_it)
{
    char *exact = malloc(3);
    memcpy(exact, "abc", 3);
    char found[8];
    ck_assert_int_eq(ksnprintf(found, sizeof(found), "%.3s", exact), 3);
    ck_assert_str_eq(found, "abc");
    free(exact);
}
END_TEST

START_TEST(null_string_and_pointer_are_named)
{
    char found[64];
    const char *volatile nothing = NULL;
    ksnprintf(found, sizeof(found), "%s %p %p", nothing, NULL, (void *)0x12ab);
    ck_assert_str_eq(found, "(null) (nil) 0x12ab");
}
END_TEST

START_TEST(size_zero_writes_nothing)
{
    ck_assert_int_eq(ksnprintf(NULL, 0, "%d", 12345), 5);
    ck_assert_int_eq(kscnprintf(NULL, 0, "%d", 12345), 0);
}
END_TEST

START_TEST(scnprintf_returns_what_fits)
{
    char found[4];
    ck_assert_int_eq(kscnprintf(found, sizeof(found), "%d", 12345), 3);
    ck_assert_str_eq(found, "123");
    ck_assert_int_eq(kscnprintf(found, sizeof(found), "%d", 12), 2);
}
END_TEST

/* A format the compiler may not look at. */
static const char *hidden(const char *volatile format)
{
    return format;
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

START_TEST(unknown_conversion_is_shown_as_it_is)
{
    char found[64];
    ksnprintf(found, sizeof(found), hidden("a%d %y %d"), 1, 2);
    ck_assert_str_eq(found, "a1 %y %d");
    ksnprintf(found, sizeof(found), hidden("100%"));
    ck_assert_str_eq(found, "100%");
}
END_TEST

START_TEST(huge_width_is_counted_without_overflow)
{
    char found[8];
    ck_assert_int_gt(ksnprintf(found, sizeof(found), hidden("%1000000d"), 1), 999999);
    ck_assert_str_eq(found, "       ");
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, integers_of_all_sizes_print_like_libc);
    tcase_add_test(tcase, flags_width_and_precision_print_like_libc);
    tcase_add_test(tcase, strings_and_characters_print_like_libc);
    tcase_add_test(tcase, string_with_precision_is_not_read_past_it);
    tcase_add_test(tcase, null_string_and_pointer_are_named);
    tcase_add_test(tcase, size_zero_writes_nothing);
    tcase_add_test(tcase, scnprintf_returns_what_fits);
    tcase_add_test(tcase, unknown_conversion_is_shown_as_it_is);
    tcase_add_test(tcase, huge_width_is_counted_without_overflow);
}

static Suite *printf_suite(void)
{
    return unit_suite("printf", add);
}

UNIT_MAIN(printf_suite)
