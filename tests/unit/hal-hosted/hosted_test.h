/* SPDX-License-Identifier: MIT
 *
 * What the backend's tests share: a suite with one case, and assertions on machine RAM.
 *
 * Assertions of Check end the test by longjmp or exit, which must not happen on a kernel context:
 * tests gather results in a struct and assert after the machine has ended. EXPECT, for use inside
 * the machine, panics it instead, so that the test sees MACHINE_CRASHED.
 */
#ifndef TESTS_UNIT_HAL_HOSTED_HOSTED_TEST_H
#define TESTS_UNIT_HAL_HOSTED_HOSTED_TEST_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "hal-hosted/machine.h"
#include "hal-hosted/process.h"
#include "hal/hal.h"
#include "tests/unit/support/fake_kernel.h"

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: expected: %s\n", __FILE__, __LINE__, #condition);              \
            hal_power_crash();                                                                     \
        }                                                                                          \
    } while (0)

/* Run all tests of a case; the program's exit status. */
static inline int hosted_run(char **argv, const char *name, const TTest *const *tests,
                             unsigned count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    SRunner *runner;
    int failed;

    hosted_prepare_process(argv);
    tcase_set_timeout(tcase, 60);
    for (unsigned i = 0; i < count; i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define HOSTED_MAIN(name, ...)                                                                     \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__};                                                \
        (void)argc;                                                                                \
        return hosted_run(argv, name, tests, sizeof tests / sizeof tests[0]);                      \
    }

#endif
