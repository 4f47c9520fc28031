/* SPDX-License-Identifier: MIT */
/*
 * The kernel command line that the options become.
 */
#include "sim/command_line.h"

#include <pty.h>

#include "tests/unit/sim/sim_test.h"

/* Frees the options. */
static void check_line(struct options *options, int terminal_fd, const char *wanted)
{
    char *line = command_line_create(options, terminal_fd);

    ck_assert_str_eq(line, wanted);
    free(line);
    options_free(options);
}

START_TEST(nothing_given_makes_empty_line)
{
    struct options options;

    unsetenv("TERM");
    PARSE_RUN(&options, "--root", "/r");
    check_line(&options, -1, "");
}
END_TEST

START_TEST(options_come_before_program)
{
    struct options options;

    unsetenv("TERM");
    PARSE_RUN(&options, "--root", "/r", "--trace", "--quiet", "--log-level", "3", "--env", "A=1",
              "--", "ls", "-l");
    check_line(&options, -1, "trace quiet loglevel=3 env=A=1 -- ls -l");
}
END_TEST

START_TEST(words_are_quoted_where_needed)
{
    struct options options;

    unsetenv("TERM");
    PARSE_RUN(&options, "--root", "/r", "--env", "A=b c", "--", "sh", "-c", "echo \"a\\b\"\nls",
              "");
    check_line(&options, -1, "\"env=A=b c\" -- sh -c \"echo \\\"a\\\\b\\\"\\nls\" \"\"");
}
END_TEST

START_TEST(term_comes_from_the_host)
{
    struct options options;

    setenv("TERM", "xterm", 1);
    PARSE_RUN(&options, "--root", "/r");
    check_line(&options, -1, "env=TERM=xterm");
}
END_TEST

START_TEST(given_term_wins)
{
    struct options options;

    setenv("TERM", "xterm", 1);
    PARSE_RUN(&options, "--root", "/r", "--env", "TERM=vt100");
    check_line(&options, -1, "env=TERM=vt100");
}
END_TEST

START_TEST(terminal_tells_its_size)
{
    struct winsize size = {.ws_col = 100, .ws_row = 30};
    struct options options;
    int master, slave;

    unsetenv("TERM");
    ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, &size), 0);
    PARSE_RUN(&options, "--root", "/r");
    check_line(&options, slave, "tty=100x30");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("command_line");

    tcase_add_test(tcase, nothing_given_makes_empty_line);
    tcase_add_test(tcase, options_come_before_program);
    tcase_add_test(tcase, words_are_quoted_where_needed);
    tcase_add_test(tcase, term_comes_from_the_host);
    tcase_add_test(tcase, given_term_wins);
    tcase_add_test(tcase, terminal_tells_its_size);
    return run_case("command_line", tcase);
}
