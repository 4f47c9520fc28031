/* SPDX-License-Identifier: MIT */
/*
 * The options of `assay run` and `assay qemu`.
 */
#include "sim/options.h"

#include "tests/unit/sim/sim_test.h"

START_TEST(all_options_are_taken)
{
    struct options options;

    PARSE_RUN(&options, "--root", "/r", "--add", "a:/b", "--add=c", "--ram", "64M", "--cpus", "2",
              "--env", "A=1", "--trace=t", "--timeout", "1.5", "--quiet", "--", "prog", "--ram",
              "x");
    ck_assert_str_eq(options.root, "/r");
    ck_assert_uint_eq(options.add.count, 2);
    ck_assert_str_eq(options.add.items[1], "c");
    ck_assert_uint_eq(options.ram_bytes, 64 << 20);
    ck_assert_uint_eq(options.cpus, 2);
    ck_assert_str_eq(options.env.items[0], "A=1");
    ck_assert(options.trace);
    ck_assert_str_eq(options.trace_file, "t");
    ck_assert(options.timeout_s > 1.4 && options.timeout_s < 1.6);
    ck_assert(options.quiet);
    ck_assert_str_eq(options.program[0], "prog");
    ck_assert_str_eq(options.program[2], "x");
    ck_assert_ptr_null(options.program[3]);
    options_free(&options);
}
END_TEST

START_TEST(defaults_without_program)
{
    struct options options;

    PARSE_RUN(&options, "--root", "/r");
    ck_assert_uint_eq(options.cpus, 1);
    ck_assert(!options.trace);
    ck_assert_ptr_null(options.program[0]);
    ck_assert_int_eq(options.log_level, -1);
    options_free(&options);
}
END_TEST

START_TEST(program_needs_no_dashes)
{
    struct options options;

    PARSE_RUN(&options, "--root", "/r", "ls", "-l");
    ck_assert_str_eq(options.program[0], "ls");
    ck_assert_str_eq(options.program[1], "-l");
    options_free(&options);
}
END_TEST

START_TEST(bare_ram_counts_mebibytes)
{
    struct options options;

    PARSE_RUN(&options, "--root", "/r", "--ram", "16");
    ck_assert_uint_eq(options.ram_bytes, 16 << 20);
    options_free(&options);
}
END_TEST

/* Each ends the process with EXIT_USAGE. */
START_TEST(missing_root_is_usage_error)
{
    struct options options;

    PARSE_RUN(&options, "--quiet");
}
END_TEST

START_TEST(unknown_option_is_usage_error)
{
    struct options options;

    PARSE_RUN(&options, "--root", "/r", "--nonsense");
}
END_TEST

static char *const bad_values[][2] = {
    {"--ram", "12x"},   {"--ram", "-1"},      {"--ram", "99999999999999999999"},
    {"--ram", "1MB"},   {"--cpus", "0"},      {"--cpus", "65"},
    {"--env", "A"},     {"--env", "=1"},      {"--timeout", "0"},
    {"--timeout", "x"}, {"--timeout", "nan"}, {"--log-level", "8"},
};

START_TEST(bad_value_is_usage_error)
{
    char *words[] = {"assay run", "--root", "/r", bad_values[_i][0], bad_values[_i][1], NULL};
    struct options options;

    options_parse(COMMAND_RUN, 5, words, &options);
}
END_TEST

START_TEST(ram_below_what_the_root_needs_is_too_little)
{
    struct options options;

    PARSE_RUN(&options, "--root", "/r", "--ram", "16M");
    options_settle_ram(&options, 16 << 20, 0);
    options_settle_ram(&options, (16 << 20) + 1, 0);
}
END_TEST

START_TEST(ram_by_default_has_room_beside_the_root)
{
    struct options options;

    PARSE_RUN(&options, "--root", "/r");
    options_settle_ram(&options, 1, 4 << 20);
    ck_assert_uint_eq(options.ram_bytes, 516 << 20);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("options");

    tcase_add_test(tcase, all_options_are_taken);
    tcase_add_test(tcase, defaults_without_program);
    tcase_add_test(tcase, program_needs_no_dashes);
    tcase_add_test(tcase, bare_ram_counts_mebibytes);
    tcase_add_exit_test(tcase, missing_root_is_usage_error, EXIT_USAGE);
    tcase_add_exit_test(tcase, unknown_option_is_usage_error, EXIT_USAGE);
    tcase_add_loop_exit_test(tcase, bad_value_is_usage_error, EXIT_USAGE, 0,
                             sizeof(bad_values) / sizeof(bad_values[0]));
    tcase_add_exit_test(tcase, ram_below_what_the_root_needs_is_too_little, EXIT_RAM);
    tcase_add_test(tcase, ram_by_default_has_room_beside_the_root);
    return run_case("options", tcase);
}
