/* SPDX-License-Identifier: MIT */
/*
 * Programs in simulated machines: output, status, input, environment, deadlock, spinning,
 * snapshots.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/sim.h"
#include "tests/sim/image.h"
#include "tests/unit/support/suite.h"

#define SECOND 1000000000ull

static struct sim *sim;
static struct sim_machine *machine;
static struct image image;

static void boot(void)
{
    image = image_make((const char *[]){"tests/sim/programs/musl/talk", "talk", NULL});
    const struct sim_machine_config config = {
        .image = image.bytes, .image_bytes = image.size, .log_fd = STDERR_FILENO};
    ck_assert_int_eq(sim_create(&(struct sim_config){.seed = 3, .spin_limit_ms = 20}, &sim), 0);
    ck_assert_int_eq(sim_machine_add(sim, &config, &machine), 0);
    ck_assert_msg(sim_machine_boot(machine) == 0, "%s", sim_message(sim));
}

static void end(void)
{
    sim_destroy(sim);
    free(image.bytes);
}

static struct sim_program *spawn(const char *what, const char *argument)
{
    const struct sim_program_config config = {.argv =
                                                  (const char *[]){"/talk", what, argument, NULL},
                                              .envp = (const char *[]){"WORD=word", NULL},
                                              .input = "some input",
                                              .input_bytes = 10};
    struct sim_program *program = sim_spawn(machine, &config);
    ck_assert_msg(program != NULL, "%s", sim_message(sim));
    return program;
}

START_TEST(arguments_environment_output_and_status)
{
    struct sim_program *program = spawn("say", "hello");
    int status = sim_program_wait(program, UINT64_MAX);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 3);
    ck_assert_str_eq(sim_program_output(program, NULL), "hello word\n");
    ck_assert_str_eq(sim_program_errors(program, NULL), "");
}
END_TEST

/* With two CPUs it may write and end between the looks at its pipe and at its pidfd. */
START_TEST(last_words_are_heard_under_every_schedule)
{
    const struct sim_machine_config config = {
        .image = image.bytes, .image_bytes = image.size, .cpus = 2};
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        sim_destroy(sim);
        ck_assert_int_eq(sim_create(&(struct sim_config){.seed = seed}, &sim), 0);
        ck_assert_int_eq(sim_machine_add(sim, &config, &machine), 0);
        ck_assert_msg(sim_machine_boot(machine) == 0, "%s", sim_message(sim));
        struct sim_program *program = spawn("end", NULL);
        ck_assert_int_eq(WEXITSTATUS(sim_program_wait(program, UINT64_MAX)), 3);
        ck_assert_msg(strlen(sim_program_output(program, NULL)) == 25, "seed %d: output '%s'",
                      (int)seed, sim_program_output(program, NULL));
    }
}
END_TEST

START_TEST(input_and_errors)
{
    struct sim_program *program = spawn("copy", NULL);
    ck_assert_int_eq(WEXITSTATUS(sim_program_wait(program, UINT64_MAX)), 7);
    ck_assert_str_eq(sim_program_output(program, NULL), "some input");
    ck_assert_str_eq(sim_program_errors(program, NULL), "to stderr\n");
}
END_TEST

START_TEST(death_by_signal)
{
    int status = sim_program_wait(spawn("abort", NULL), UINT64_MAX);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}
END_TEST

START_TEST(missing_program_is_status_127)
{
    const struct sim_program_config config = {.argv = (const char *[]){"/nothing", NULL}};
    struct sim_program *program = sim_spawn(machine, &config);
    ck_assert_ptr_nonnull(program);
    ck_assert_int_eq(WEXITSTATUS(sim_program_wait(program, UINT64_MAX)), 127);
}
END_TEST

START_TEST(program_that_waits_for_ever_is_blocked_and_others_go_on)
{
    struct sim_program *program = spawn("hang", NULL);
    ck_assert_int_eq(sim_program_wait(program, SECOND), SIM_BLOCKED);
    ck_assert_int_eq(sim_program_wait(program, UINT64_MAX), SIM_BLOCKED);
    struct sim_program *other = spawn("say", "there");
    ck_assert_int_eq(WEXITSTATUS(sim_program_wait(other, UINT64_MAX)), 3);
}
END_TEST

/* Its limit passes at every point of the start: before its execve is done, in it, after it. */
START_TEST(wait_ends_at_its_limit_wherever_the_program_is)
{
    struct sim_program *program = NULL;
    for (uint64_t limit_ns = 0; limit_ns < 100; limit_ns++) {
        program = spawn("tick", NULL);
        for (int i = 0; i < 20; i++) {
            uint64_t before_ns = sim_now_ns(sim);
            ck_assert_int_eq(sim_program_wait(program, limit_ns * (1 + (uint64_t)i)), SIM_BLOCKED);
            ck_assert_uint_lt(sim_now_ns(sim), before_ns + SECOND / 100);
        }
    }
    ck_assert_int_eq(WEXITSTATUS(sim_program_wait(program, 10 * SECOND)), 3);
}
END_TEST

START_TEST(program_on_the_console)
{
    const struct sim_program_config config = {.argv = (const char *[]){"/talk", "say", "x", NULL},
                                              .console = true};
    struct sim_program *program = sim_spawn(machine, &config);
    ck_assert_int_eq(WEXITSTATUS(sim_program_wait(program, UINT64_MAX)), 3);
    ck_assert_str_eq(sim_machine_console(machine, NULL), "x \n");
}
END_TEST

START_TEST(chance_is_from_the_seed_and_tsc_from_virtual_time)
{
    struct sim_snapshot *snapshot;
    struct sim_report report;
    char first[256];
    ck_assert_int_eq(sim_snapshot(sim, &snapshot), 0);
    struct sim_program *program = spawn("chance", NULL);
    ck_assert_int_eq(sim_program_wait(program, UINT64_MAX), 0);
    snprintf(first, sizeof(first), "%s", sim_program_output(program, NULL));
    ck_assert_int_eq(sim_restore(sim, snapshot), 0);
    program = spawn("chance", NULL);
    ck_assert_int_eq(sim_program_wait(program, UINT64_MAX), 0);
    ck_assert_str_eq(sim_program_output(program, NULL), first);
    sim_report(sim, &report);
    ck_assert_uint_eq(report.tsc_reads, 1);
    ck_assert_uint_eq(report.spin_preemptions, 0);
}
END_TEST

/* A snapshot in the middle of a program, restored again and again, with native code running. */
START_TEST(running_program_goes_on_from_a_snapshot)
{
    struct sim_snapshot *snapshot;
    struct sim_program *program = spawn("race", NULL);
    char first[256];
    sim_run_for(sim, 30000);
    ck_assert_int_eq(sim_snapshot(sim, &snapshot), 0);
    ck_assert_int_eq(sim_program_wait(program, UINT64_MAX), 0);
    snprintf(first, sizeof(first), "%s", sim_program_output(program, NULL));
    ck_assert_uint_eq(strlen(first), 81);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(sim_restore(sim, snapshot), 0);
        ck_assert_int_eq(sim_program_wait(program, UINT64_MAX), 0);
        ck_assert_str_eq(sim_program_output(program, NULL), first);
    }
}
END_TEST

START_TEST(spinning_is_reported_when_it_keeps_others_waiting)
{
    struct sim_report report;
    struct sim_program *program = spawn("spin", NULL);
    ck_assert_int_eq(WEXITSTATUS(sim_program_wait(program, 3600 * SECOND)), 5);
    sim_report(sim, &report);
    ck_assert_uint_gt(report.spin_preemptions, 0);
}
END_TEST

/* How long the flag was looked at is the same in every run. */
START_TEST(spinning_by_counted_instructions_is_deterministic)
{
    struct sim_report report;
    uint64_t hashes[2][2];
    char said[2][64];
    sim_destroy(sim);
    for (int i = 0; i < 2; i++) {
        const struct sim_machine_config config = {
            .image = image.bytes, .image_bytes = image.size, .cpus = 1 + (unsigned)_i};
        ck_assert_int_eq(sim_create(&(struct sim_config){.seed = 3, .spin_steps = 3000}, &sim), 0);
        ck_assert_int_eq(sim_machine_add(sim, &config, &machine), 0);
        ck_assert_msg(sim_machine_boot(machine) == 0, "%s", sim_message(sim));
        struct sim_program *program = spawn("flag", NULL);
        ck_assert_int_eq(WEXITSTATUS(sim_program_wait(program, SECOND)), 5);
        snprintf(said[i], sizeof(said[i]), "%s", sim_program_output(program, NULL));
        sim_log_hash(sim, hashes[i]);
        sim_report(sim, &report);
        ck_assert_uint_eq(report.spin_preemptions, 0);
        if (i == 0)
            sim_destroy(sim);
    }
    ck_assert_str_eq(said[0], said[1]);
    ck_assert(memcmp(hashes[0], hashes[1], sizeof(hashes[0])) == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("simulated programs");
    TCase *tcase = tcase_create("programs");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, boot, end);
    tcase_add_test(tcase, arguments_environment_output_and_status);
    tcase_add_test(tcase, last_words_are_heard_under_every_schedule);
    tcase_add_test(tcase, input_and_errors);
    tcase_add_test(tcase, death_by_signal);
    tcase_add_test(tcase, missing_program_is_status_127);
    tcase_add_test(tcase, program_that_waits_for_ever_is_blocked_and_others_go_on);
    tcase_add_test(tcase, wait_ends_at_its_limit_wherever_the_program_is);
    tcase_add_test(tcase, program_on_the_console);
    tcase_add_test(tcase, chance_is_from_the_seed_and_tsc_from_virtual_time);
    tcase_add_test(tcase, running_program_goes_on_from_a_snapshot);
    tcase_add_test(tcase, spinning_is_reported_when_it_keeps_others_waiting);
    tcase_add_loop_test(tcase, spinning_by_counted_instructions_is_deterministic, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
