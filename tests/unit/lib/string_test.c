/* SPDX-License-Identifier: MIT */
/* kernel/lib/string.c */
#include "kernel/lib/string.h"
#include "tests/unit/support/unit.h"

#include <string.h>

START_TEST(lengths_stop_at_nul_or_limit)
{
    ck_assert_uint_eq(kstrlen(""), 0);
    ck_assert_uint_eq(kstrlen("abc"), 3);
    ck_assert_uint_eq(kstrnlen("abc", 2), 2);
    ck_assert_uint_eq(kstrnlen("abc", 10), 3);
}
END_TEST

START_TEST(comparison_orders_bytes_as_unsigned)
{
    ck_assert_int_eq(kstrcmp("abc", "abc"), 0);
    ck_assert_int_lt(kstrcmp("ab", "abc"), 0);
    ck_assert_int_gt(kstrcmp("\xff", "a"), 0);
    ck_assert_int_eq(kstrncmp("abcd", "abxx", 2), 0);
    ck_assert_int_eq(kstrcasecmp("HeLLo", "hello"), 0);
    ck_assert_int_ne(kstrcasecmp("hello", "hell"), 0);
}
END_TEST

START_TEST(searches_find_first_last_and_end)
{
    const char *s = "a/b/c";
    ck_assert_ptr_eq(kstrchr(s, '/'), s + 1);
    ck_assert_ptr_eq(kstrrchr(s, '/'), s + 3);
    ck_assert_ptr_eq(kstrchr(s, '\0'), s + 5);
    ck_assert_ptr_eq(kstrrchr(s, '\0'), s + 5);
    ck_assert_ptr_null(kstrchr(s, 'x'));
    ck_assert_ptr_null(kstrrchr(s, 'x'));
    ck_assert_ptr_eq(kstrstr(s, "b/"), s + 2);
    ck_assert_ptr_eq(kstrstr(s, ""), s);
    ck_assert_ptr_null(kstrstr(s, "c/"));
    ck_assert_ptr_eq(kmemchr(s, 'c', 5), s + 4);
    ck_assert_ptr_null(kmemchr(s, 'c', 4));
    ck_assert_uint_eq(kstrspn("aabbc", "ab"), 4);
    ck_assert_uint_eq(kstrcspn("aabbc", "c"), 4);
}
END_TEST

START_TEST(copy_that_does_not_fit_is_cut_and_terminated)
{
    char to[4] = "zzz";
    ck_assert_uint_eq(kstrlcpy(to, "abcdef", sizeof(to)), 6);
    ck_assert_str_eq(to, "abc");
    ck_assert_uint_eq(kstrlcpy(to, "x", 0), 1);
    ck_assert_str_eq(to, "abc");
    ck_assert_uint_eq(kstrlcpy(to, "ab", sizeof(to)), 2);
    ck_assert_uint_eq(kstrlcat(to, "cd", sizeof(to)), 4);
    ck_assert_str_eq(to, "abc");
}
END_TEST

START_TEST(append_to_unterminated_buffer_writes_nothing)
{
    char to[3] = {'a', 'b', 'c'};
    ck_assert_uint_eq(kstrlcat(to, "d", sizeof(to)), 4);
    ck_assert_mem_eq(to, "abc", 3);
}
END_TEST

START_TEST(prefix_suffix_and_exact_are_told_apart)
{
    ck_assert(kstr_starts_with("console=tty", "console="));
    ck_assert(!kstr_starts_with("con", "console="));
    ck_assert(kstr_ends_with("file.ko", ".ko"));
    ck_assert(!kstr_ends_with("o", ".ko"));
    ck_assert(kstr_is("abcd", 3, "abc"));
    ck_assert(!kstr_is("ab", 2, "abc"));
    ck_assert_str_eq(kstr_skip_spaces(" \t\nx "), "x ");
}
END_TEST

START_TEST(zero_test_sees_every_byte)
{
    uint8_t memory[40];
    for (size_t size = 0; size < sizeof(memory); size++) {
        memset(memory, 0, sizeof(memory));
        memory[size] = 1;
        ck_assert(kmem_is_zero(memory, size));
        for (size_t i = 0; i < size; i++) {
            memory[i] = 1;
            ck_assert(!kmem_is_zero(memory, size));
            memory[i] = 0;
        }
    }
    memset(memory, 7, sizeof(memory));
    kmem_wipe(memory, sizeof(memory));
    ck_assert(kmem_is_zero(memory, sizeof(memory)));
}
END_TEST

START_TEST(character_classes_are_ascii)
{
    for (int c = -128; c < 256; c++) {
        bool ascii = c >= 0 && c < 128;
        ck_assert_int_eq(kisdigit(c), ascii && c >= '0' && c <= '9');
        ck_assert_int_eq(kisspace(c), ascii && c != 0 && strchr(" \t\n\v\f\r", c) != NULL);
        ck_assert_int_eq(kisprint(c), ascii && c >= ' ' && c <= '~');
        ck_assert_int_eq(ktolower(ktoupper(c)), kisupper(c) ? c + 32 : c);
    }
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, lengths_stop_at_nul_or_limit);
    tcase_add_test(tcase, comparison_orders_bytes_as_unsigned);
    tcase_add_test(tcase, searches_find_first_last_and_end);
    tcase_add_test(tcase, copy_that_does_not_fit_is_cut_and_terminated);
    tcase_add_test(tcase, append_to_unterminated_buffer_writes_nothing);
    tcase_add_test(tcase, prefix_suffix_and_exact_are_told_apart);
    tcase_add_test(tcase, zero_test_sees_every_byte);
    tcase_add_test(tcase, character_classes_are_ascii);
}

static Suite *string_suite(void)
{
    return unit_suite("string", add);
}

UNIT_MAIN(string_suite)
