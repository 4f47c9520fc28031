/* SPDX-License-Identifier: MIT */
/*
 * The frame of a unit-test program: include this once, end the file with UNIT_MAIN(suite_fn) where
 * suite_fn returns a Check suite. An assertion of the kernel that fails aborts, so a test for one
 * is added with tcase_add_test_raise_signal(tcase, test, SIGABRT).
 */
#ifndef TESTS_UNIT_SUPPORT_UNIT_H
#define TESTS_UNIT_SUPPORT_UNIT_H

#include <check.h>
/* For SIGABRT; a test of code that has the kernel's header includes that one first. */
#ifndef KERNEL_ABI_SIGNAL_H
#include <signal.h>
#endif
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support/suite.h"

/* Weak, so that a test may link the real one in kernel/core. */
__attribute__((noreturn, weak)) void kernel_panic_at(const char *file, int line, const char *expr);

__attribute__((noreturn, weak)) void kernel_panic_at(const char *file, int line, const char *expr)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, expr);
    abort();
}

#define UNIT_MAIN(suite_fn)                                                                        \
    int main(void)                                                                                 \
    {                                                                                              \
        return suite_run(suite_fn());                                                              \
    }

/* A suite of one test case, filled by `add(tcase)`. */
static inline Suite *unit_suite(const char *name, void (*add)(TCase *tcase))
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    add(tcase);
    suite_add_tcase(suite, tcase);
    return suite;
}

#endif
