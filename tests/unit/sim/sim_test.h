/* SPDX-License-Identifier: MIT
 *
 * What the tests of the `assay` command share.
 */
#ifndef TESTS_UNIT_SIM_SIM_TEST_H
#define TESTS_UNIT_SIM_SIM_TEST_H

#include <check.h>
#include <stdlib.h>

#include "sim/options.h"

/* Parse the words of a command line as `assay run` does. */
#define PARSE_RUN(options, ...)                                                                    \
    do {                                                                                           \
        static char *words[] = {"assay run", __VA_ARGS__, NULL};                                   \
        options_parse(COMMAND_RUN, (int)(sizeof(words) / sizeof(words[0])) - 1, words, (options)); \
    } while (0)

/* Run one case as a program's main. */
static inline int run_case(const char *name, TCase *tcase)
{
    Suite *suite = suite_create(name);

    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
