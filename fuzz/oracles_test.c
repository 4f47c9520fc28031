/* SPDX-License-Identifier: MIT
 *
 * The checks of syscall_fuzz find what they are for: each case plants a fault and expects the abort
 * and its message; and the tables that they and the mutator stand on make sense.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/errno_sets.h"
#include "fuzz/planted.h"
#include "fuzz/recipes.h"
#include "fuzz/run_program.h"
#include "kernel/syscall/syscalls.h"

static struct program program;
static struct run_outcome outcome;

static void one_call(unsigned number)
{
    memset(&program, 0, sizeof program);
    program.count = 1;
    program.calls[0].number = (uint16_t)number;
}

/* What the run prints on standard error, in a child; "" if it does not abort. */
static const char *report_of(plant_fault *plant)
{
    static char report[4096];
    const struct run_options options = {.check_leaks = true, .observe = plant};
    int ends[2], status;
    size_t used = 0;
    ssize_t got;

    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 2);
        run_program(&program, &options, &outcome);
        _exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], report + used, sizeof report - 1 - used)) > 0)
        used += (size_t)got;
    close(ends[0]);
    waitpid(pid, &status, 0);
    report[status == 0 ? 0 : used] = '\0';
    return report;
}

#define EXPECT(plant, message)                                                                     \
    do {                                                                                           \
        const char *report_ = report_of(plant);                                                    \
        ck_assert_msg(strstr(report_, message), "expected \"%s\", got \"%s\"", message, report_);  \
    } while (0)

/* ---- cases ---- */

START_TEST(nothing_is_found_where_nothing_is_wrong)
{
    one_call(SYS_getpid);
    ck_assert_str_eq(report_of(no_fault), "");
}
END_TEST

START_TEST(leaked_object_is_found)
{
    one_call(SYS_getpid);
    EXPECT(leak_object, "fuzz: leak");
    EXPECT(leak_object, "kmalloc-128 +1");
}
END_TEST

START_TEST(leaked_page_is_found)
{
    one_call(SYS_getpid);
    EXPECT(leak_page, "fuzz: leak: pages +1");
}
END_TEST

START_TEST(error_that_linux_does_not_return_is_found)
{
    one_call(SYS_getpid);
    EXPECT(return_foreign_error, "fuzz: getpid returned EBADF, which it does not on Linux");
}
END_TEST

START_TEST(task_that_cannot_be_killed_is_found)
{
    one_call(SYS_getpid);
    EXPECT(sleep_for_ever, "fuzz: a task cannot be killed");
}
END_TEST

START_TEST(held_lock_is_found)
{
    if (!PLANTED_DEBUG)
        return;
    one_call(SYS_getpid);
    EXPECT(keep_lock, "getpid returned with a lock held");
}
END_TEST

START_TEST(wrong_order_of_locks_is_found)
{
    if (!PLANTED_DEBUG)
        return;
    one_call(SYS_getpid);
    EXPECT(take_locks_in_the_wrong_order, "kernel panic");
}
END_TEST

START_TEST(table_of_errors_names_calls_and_errors)
{
    ck_assert_ptr_null(errno_sets_check());
    ck_assert(errno_is_possible(SYS_read, EBADF));
    ck_assert(!errno_is_possible(SYS_read, ENOENT));
    ck_assert(!errno_is_possible(SYS_read, ENOSYS));
    ck_assert(errno_is_possible(SYS_uselib, ENOSYS));
}
END_TEST

START_TEST(every_recipe_means_something)
{
    struct program_call calls[RECIPE_CALLS_MAX];
    uint64_t random = 1;

    for (unsigned i = 0; recipe_text(i); i++)
        ck_assert_msg(recipe_make(i, &random, calls) > 0, "%s", recipe_text(i));
}
END_TEST

/* The recipe's calls, and which of the transfers of pages fails (0: the first). */
static void run_recipe(const char *text, unsigned flags)
{
    const struct run_options options = {.check_leaks = true};
    uint64_t random = 1;

    memset(&program, 0, sizeof program);
    for (unsigned i = 0; recipe_text(i); i++) {
        if (strstr(recipe_text(i), text))
            program.count = recipe_make(i, &random, program.calls);
    }
    program.header.flags = (uint8_t)flags;
    run_program(&program, &options, &outcome);
}

START_TEST(page_that_cannot_be_read_fails_the_read)
{
    run_recipe("open /bin/image", 0);
    ck_assert_int_eq(outcome.results.value[0], 0);
    ck_assert_int_gt(outcome.results.value[1], 0);
    run_recipe("open /bin/image", PROGRAM_FLAG_TRANSFER_FAIL | PROGRAM_FLAG_FAIL_ALL);
    ck_assert_int_eq(outcome.results.value[0], 0);
    ck_assert_int_eq(outcome.results.value[1], -EIO);
}
END_TEST

static uint64_t digest(uint32_t seed, unsigned flags)
{
    const struct run_options options = {.check_leaks = true};
    uint64_t random = 7;

    memset(&program, 0, sizeof program);
    for (unsigned i = 0; i < 24; i++)
        program_mutate(&program, &random, 32);
    for (unsigned i = 0; i < program.count; i++)
        program.calls[i].lane = (uint8_t)(i % PROGRAM_LANES_INITIAL);
    program.header = (struct program_header){.seed = seed, .flags = (uint8_t)flags, .schedule = 2};
    run_program(&program, &options, &outcome);
    return outcome.digest;
}

START_TEST(seed_chooses_how_cpus_take_turns)
{
    uint64_t seen[16];
    unsigned different = 0;

    for (unsigned i = 0; i < 16; i++) {
        seen[i] = digest(i, PROGRAM_FLAG_CPUS);
        ck_assert_uint_eq(digest(i, PROGRAM_FLAG_CPUS), seen[i]);
        different += i > 0 && seen[i] != seen[0];
    }
    ck_assert_uint_ge(different, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("oracles");
    TCase *tcase = tcase_create("oracles");

    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, nothing_is_found_where_nothing_is_wrong);
    tcase_add_test(tcase, leaked_object_is_found);
    tcase_add_test(tcase, leaked_page_is_found);
    tcase_add_test(tcase, error_that_linux_does_not_return_is_found);
    tcase_add_test(tcase, task_that_cannot_be_killed_is_found);
    tcase_add_test(tcase, held_lock_is_found);
    tcase_add_test(tcase, wrong_order_of_locks_is_found);
    tcase_add_test(tcase, table_of_errors_names_calls_and_errors);
    tcase_add_test(tcase, every_recipe_means_something);
    tcase_add_test(tcase, page_that_cannot_be_read_fails_the_read);
    tcase_add_test(tcase, seed_chooses_how_cpus_take_turns);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
