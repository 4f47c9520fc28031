/* SPDX-License-Identifier: MIT */
/* kernel/lib/strbuf.c */
#include "kernel/lib/strbuf.h"
#include "tests/unit/support/unit.h"

static void build(struct strbuf *buf)
{
    strbuf_puts(buf, "pid");
    strbuf_putc(buf, ':');
    strbuf_printf(buf, "\t%d\n", 42);
    strbuf_write(buf, "end", 3);
}

START_TEST(text_is_cut_at_every_size_and_the_need_remembered)
{
    static const char whole[] = "pid:\t42\nend";
    for (size_t size = 1; size < 20; size++) {
        char *text = malloc(size);
        struct strbuf buf;
        strbuf_init(&buf, text, size);
        build(&buf);
        ck_assert_uint_eq(buf.needed, sizeof(whole) - 1);
        ck_assert_int_eq(strbuf_overflowed(&buf), size < sizeof(whole));
        ck_assert_uint_eq(buf.length, MIN(size, sizeof(whole)) - 1);
        ck_assert_mem_eq(text, whole, buf.length);
        ck_assert_int_eq(text[buf.length], '\0');
        free(text);
    }
}
END_TEST

START_TEST(nothing_is_added_after_the_cut)
{
    char text[4];
    struct strbuf buf;
    strbuf_init(&buf, text, sizeof(text));
    strbuf_puts(&buf, "abcdef");
    strbuf_putc(&buf, 'x');
    ck_assert_str_eq(text, "abc");
    ck_assert_uint_eq(buf.needed, 7);
}
END_TEST

START_TEST(escapes_are_octal_as_in_proc_mounts)
{
    char text[64];
    struct strbuf buf;
    strbuf_init(&buf, text, sizeof(text));
    strbuf_put_escaped(&buf, "/mnt/a b\tc\\d", " \t\n\\");
    ck_assert_str_eq(text, "/mnt/a\\040b\\011c\\134d");
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, text_is_cut_at_every_size_and_the_need_remembered);
    tcase_add_test(tcase, nothing_is_added_after_the_cut);
    tcase_add_test(tcase, escapes_are_octal_as_in_proc_mounts);
}

static Suite *strbuf_suite(void)
{
    return unit_suite("strbuf", add);
}

UNIT_MAIN(strbuf_suite)
