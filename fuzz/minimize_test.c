/* SPDX-License-Identifier: MIT
 *
 * The minimiser (minimize.c) with planted faults: it drops the calls and then the arguments that do
 * not matter, and what is left fails as before.
 */
#include <check.h>
#include <string.h>

#include "fuzz/inside.h"
#include "fuzz/minimize.h"
#include "kernel/syscall/syscalls.h"

enum { CALLS = 12, GUILTY_AT = 7, GUILTY_FD = 1000 };

static struct program program;
static char signature[MINIMIZE_SIGNATURE_MAX];

/* Fails at dup(1000), whatever else is called; at sync() it would fail in another way. */
static void fail_at_dup(void *argument, unsigned index, unsigned lane,
                        const struct prepared_call *call, const int64_t *result)
{
    (void)argument, (void)lane, (void)result;
    if (call && call->number == SYS_dup && call->args[0] == GUILTY_FD)
        fuzz_fail("planted in call %u", index);
    if (call && call->number == SYS_sync)
        fuzz_fail("planted elsewhere");
}

static void fail_never(void *argument, unsigned index, unsigned lane,
                       const struct prepared_call *call, const int64_t *result)
{
    (void)argument, (void)index, (void)lane, (void)call, (void)result;
}

static const struct run_options guilty = {.observe = fail_at_dup};

/* Many calls with arguments; one of them the guilty one, another behind it that would fail as well.
 */
static void make_program(void)
{
    uint64_t random = 3;

    memset(&program, 0, sizeof program);
    program.header.seed = 77;
    program.count = CALLS;
    for (unsigned i = 0; i < CALLS; i++) {
        program.calls[i].number = i % 2 ? SYS_getpgid : SYS_sched_getscheduler;
        program.calls[i].seed = (uint32_t)program_random(&random);
        for (unsigned arg = 0; arg < 6; arg++)
            program.calls[i].args[arg] = (struct program_arg){HOW_RAW, 0, (uint16_t)(i + arg)};
    }
    program.calls[GUILTY_AT].number = SYS_dup;
    program.calls[GUILTY_AT].args[0] = (struct program_arg){HOW_RAW, 0, GUILTY_FD};
    program.calls[CALLS - 1].number = SYS_sync;
}

START_TEST(calls_that_do_not_matter_are_dropped)
{
    make_program();
    ck_assert(minimize_program(&program, &guilty, signature));
    ck_assert_uint_eq(program.count, 1);
    ck_assert_uint_eq(program.calls[0].number, SYS_dup);
}
END_TEST

START_TEST(arguments_that_do_not_matter_become_zero)
{
    const struct program_arg zero = {0};

    make_program();
    ck_assert(minimize_program(&program, &guilty, signature));
    ck_assert_uint_eq(program.calls[0].args[0].b, GUILTY_FD);
    for (unsigned arg = 1; arg < 6; arg++)
        ck_assert_int_eq(memcmp(&program.calls[0].args[arg], &zero, sizeof zero), 0);
    ck_assert_uint_eq(program.calls[0].seed, 0);
    ck_assert_uint_eq(program.header.seed, 0);
}
END_TEST

START_TEST(result_fails_in_the_same_way)
{
    char again[MINIMIZE_SIGNATURE_MAX];
    struct program smaller;

    make_program();
    ck_assert(minimize_program(&program, &guilty, signature));
    ck_assert_str_eq(signature, "fuzz: planted in call ");
    smaller = program;
    ck_assert(minimize_program(&smaller, &guilty, again));
    ck_assert_str_eq(again, signature);
    ck_assert_int_eq(memcmp(&smaller, &program, sizeof smaller), 0); /* it is as small as it gets */
}
END_TEST

START_TEST(program_that_does_not_fail_is_left_alone)
{
    const struct run_options innocent = {.observe = fail_never};
    struct program before;

    make_program();
    before = program;
    ck_assert(!minimize_program(&program, &innocent, signature));
    ck_assert_int_eq(memcmp(&before, &program, sizeof before), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("minimize");
    TCase *tcase = tcase_create("minimize");

    run_reset(); /* so that the children need not boot */
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, calls_that_do_not_matter_are_dropped);
    tcase_add_test(tcase, arguments_that_do_not_matter_become_zero);
    tcase_add_test(tcase, result_fails_in_the_same_way);
    tcase_add_test(tcase, program_that_does_not_fail_is_left_alone);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
