/* SPDX-License-Identifier: MIT */
/* kernel/lib/cmdline.c */
#include "kernel/abi/errno.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/random.h"
#include "tests/unit/support/unit.h"

#include <string.h>

static char storage[256];
static char *words[16];
static struct cmdline cmdline;

static int split(const char *line)
{
    return cmdline_split(line, strlen(line), storage, sizeof(storage), words, 16, &cmdline);
}

START_TEST(options_and_program_are_parted_at_double_dash)
{
    ck_assert_int_eq(split("console=ttyS0  quiet -- /bin/sh -c \"echo  hi\" -- x\n"), 0);
    ck_assert(cmdline.has_program);
    ck_assert_uint_eq(cmdline.options_count, 2);
    ck_assert_uint_eq(cmdline.words_count, 7);
    ck_assert_str_eq(words[0], "console=ttyS0");
    ck_assert_str_eq(words[1], "quiet");
    char **program = cmdline_program(&cmdline);
    ck_assert_str_eq(program[0], "/bin/sh");
    ck_assert_str_eq(program[1], "-c");
    ck_assert_str_eq(program[2], "echo  hi");
    ck_assert_str_eq(program[3], "--");
    ck_assert_str_eq(program[4], "x");
    ck_assert_ptr_null(program[5]);
}
END_TEST

START_TEST(line_without_double_dash_is_all_options)
{
    ck_assert_int_eq(split("a b"), 0);
    ck_assert(!cmdline.has_program);
    ck_assert_uint_eq(cmdline.options_count, 2);
    ck_assert_ptr_null(cmdline_program(&cmdline)[0]);
    ck_assert_int_eq(split("   "), 0);
    ck_assert_uint_eq(cmdline.words_count, 0);
    ck_assert_int_eq(split("a --"), 0);
    ck_assert(cmdline.has_program);
    ck_assert_ptr_null(cmdline_program(&cmdline)[0]);
}
END_TEST

START_TEST(quotes_and_escapes_are_undone)
{
    ck_assert_int_eq(split("a\\\"b \"c \\\\ \\n\"d \"\" \"--\" e=\"f g\""), 0);
    ck_assert_uint_eq(cmdline.words_count, 5);
    ck_assert_str_eq(words[0], "a\"b");
    ck_assert_str_eq(words[1], "c \\ \nd");
    ck_assert_str_eq(words[2], "");
    ck_assert_str_eq(words[3], "--");
    ck_assert_str_eq(words[4], "e=f g");
    ck_assert(!cmdline.has_program);
}
END_TEST

START_TEST(unfinished_quote_or_escape_is_einval)
{
    ck_assert_int_eq(split("a \"b"), -EINVAL);
    ck_assert_int_eq(split("a\\"), -EINVAL);
    ck_assert_int_eq(split("a\\t"), -EINVAL);
}
END_TEST

START_TEST(lack_of_room_is_e2big)
{
    ck_assert_int_eq(cmdline_split("a b", 3, storage, 4, words, 3, &cmdline), 0);
    ck_assert_int_eq(cmdline_split("a b", 3, storage, 3, words, 3, &cmdline), -E2BIG);
    ck_assert_int_eq(cmdline_split("a b", 3, storage, 4, words, 2, &cmdline), -E2BIG);
    ck_assert_int_eq(cmdline_split("", 0, storage, 4, words, 0, &cmdline), -E2BIG);
}
END_TEST

START_TEST(line_ends_at_nul_or_size)
{
    ck_assert_int_eq(cmdline_split("ab cd", 4, storage, 64, words, 4, &cmdline), 0);
    ck_assert_str_eq(words[1], "c");
    ck_assert_int_eq(cmdline_split("ab\0 cd", 6, storage, 64, words, 4, &cmdline), 0);
    ck_assert_uint_eq(cmdline.words_count, 1);
}
END_TEST

START_TEST(last_option_wins_and_dashes_match_underscores)
{
    ck_assert_int_eq(split("log-level=3 root=/dev/a quiet root=/dev/b -- root=/dev/c ro"), 0);
    ck_assert_str_eq(cmdline_option(&cmdline, "root"), "/dev/b");
    ck_assert_str_eq(cmdline_option(&cmdline, "log_level"), "3");
    ck_assert_str_eq(cmdline_option(&cmdline, "quiet"), "");
    ck_assert_ptr_null(cmdline_option(&cmdline, "ro"));
    ck_assert_ptr_null(cmdline_option(&cmdline, "rootfs"));
    ck_assert_ptr_null(cmdline_option(&cmdline, "qui"));
}
END_TEST

START_TEST(random_lines_stay_in_bounds)
{
    struct prng prng;
    prng_seed(&prng, (uint64_t)_i);
    for (int round = 0; round < 500; round++) {
        size_t size = prng_below(&prng, 30), storage_size = prng_below(&prng, 32);
        size_t words_max = prng_below(&prng, 6);
        char *line = malloc(size + 1), *room = malloc(storage_size + 1);
        char **vector = malloc((words_max + 1) * sizeof(*vector));
        vector[words_max] = line;
        room[storage_size] = 0x55;
        for (size_t i = 0; i < size; i++)
            line[i] = " \"\\an-"[prng_below(&prng, 6)];
        int error = cmdline_split(line, size, room, storage_size, vector, words_max, &cmdline);
        ck_assert(error == 0 || error == -EINVAL || error == -E2BIG);
        ck_assert_int_eq(room[storage_size], 0x55);
        ck_assert_ptr_eq(vector[words_max], line);
        if (error == 0)
            ck_assert_ptr_null(vector[cmdline.words_count]);
        free(vector);
        free(room);
        free(line);
    }
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, options_and_program_are_parted_at_double_dash);
    tcase_add_test(tcase, line_without_double_dash_is_all_options);
    tcase_add_test(tcase, quotes_and_escapes_are_undone);
    tcase_add_test(tcase, unfinished_quote_or_escape_is_einval);
    tcase_add_test(tcase, lack_of_room_is_e2big);
    tcase_add_test(tcase, line_ends_at_nul_or_size);
    tcase_add_test(tcase, last_option_wins_and_dashes_match_underscores);
    tcase_add_loop_test(tcase, random_lines_stay_in_bounds, 0, 5);
}

static Suite *cmdline_suite(void)
{
    return unit_suite("cmdline", add);
}

UNIT_MAIN(cmdline_suite)
