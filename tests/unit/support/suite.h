/* SPDX-License-Identifier: MIT
 *
 * The end of every test program: run a Check suite and tell whether it has passed.
 */
#ifndef TESTS_UNIT_SUPPORT_SUITE_H
#define TESTS_UNIT_SUPPORT_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Run it and free it. EXIT_SUCCESS if all tests pass, else EXIT_FAILURE. */
static inline int suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
