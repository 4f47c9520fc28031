/* SPDX-License-Identifier: MIT */
/*
 * System calls made by a simulated task: results, memory, children, blocking, signals, files.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/sim.h"
#include "tests/unit/support/suite.h"

static struct sim *sim;
static struct sim_machine *machine;
static struct sim_task *task;

static void boot(void)
{
    ck_assert_int_eq(sim_create(&(struct sim_config){.seed = 1}, &sim), 0);
    const struct sim_machine_config config = {.no_programs = true, .log_fd = STDERR_FILENO};
    ck_assert_int_eq(sim_machine_add(sim, &config, &machine), 0);
    ck_assert_msg(sim_machine_boot(machine) == 0, "%s", sim_message(sim));
    task = sim_machine_task(machine);
    ck_assert_ptr_nonnull(task);
}

static void end(void)
{
    sim_destroy(sim);
}

static int64_t call(struct sim_task *by, unsigned number, uint64_t a, uint64_t b, uint64_t c)
{
    return sim_syscall(by, number, a, b, c, 0, 0, 0);
}

START_TEST(getpid_is_that_of_the_first_task)
{
    ck_assert_int_eq(call(task, SYS_getpid, 0, 0, 0), 2);
    ck_assert_int_eq(sim_task_pid(task), 2);
    ck_assert_int_eq(call(task, SYS_getppid, 0, 0, 0), 1);
}
END_TEST

START_TEST(files_are_what_was_written)
{
    char *bytes;
    size_t count;
    ck_assert_int_eq(sim_file_write(machine, "/tmp/x", "hello", 5, 0600), 0);
    ck_assert_int_eq(sim_file_read(machine, "/tmp/x", &bytes, &count), 0);
    ck_assert_uint_eq(count, 5);
    ck_assert_str_eq(bytes, "hello");
    free(bytes);
    ck_assert_int_eq(sim_file_read(machine, "/tmp/y", &bytes, &count), -ENOENT);
}
END_TEST

START_TEST(bad_pointer_is_efault_and_not_fatal)
{
    char byte;
    ck_assert_int_eq(sim_peek(task, 0x123456789000, &byte, 1), -EFAULT);
    ck_assert_int_eq(call(task, SYS_pipe2, 0x123456789000, 0, 0), -EFAULT);
    ck_assert_int_eq(call(task, SYS_getpid, 0, 0, 0), 2);
}
END_TEST

START_TEST(read_of_an_empty_pipe_blocks_until_a_child_writes)
{
    int ends[2];
    uint64_t at = sim_buffer(task, NULL, 64);
    ck_assert_int_eq(call(task, SYS_pipe2, at, 0, 0), 0);
    ck_assert_int_eq(sim_peek(task, at, ends, sizeof(ends)), 0);
    struct sim_task *child = sim_task_fork(task);
    ck_assert_ptr_nonnull(child);
    ck_assert_int_gt(sim_task_pid(child), 2);
    ck_assert_int_eq(call(child, SYS_read, (uint64_t)ends[0], at, 8), SIM_BLOCKED);
    ck_assert_int_eq(call(child, SYS_getpid, 0, 0, 0), -EBUSY);
    sim_poke(task, at, "ping", 4);
    ck_assert_int_eq(call(task, SYS_write, (uint64_t)ends[1], at, 4), 4);
    ck_assert_int_eq(sim_syscall_wait(child, UINT64_MAX), 4);
    char text[4];
    ck_assert_int_eq(sim_peek(child, at, text, 4), 0);
    ck_assert_mem_eq(text, "ping", 4);
    ck_assert_int_eq(call(child, SYS_exit_group, 7, 0, 0), -ESRCH);
    ck_assert(!sim_task_alive(child));
    ck_assert_int_eq(call(task, SYS_wait4, (uint64_t)-1, at, 0), sim_task_pid(child));
    int status;
    sim_peek(task, at, &status, sizeof(status));
    ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

START_TEST(sleeping_takes_virtual_time_only)
{
    const struct timespec hour = {.tv_sec = 3600};
    uint64_t before = sim_now_ns(sim);
    uint64_t at = sim_buffer(task, &hour, sizeof(hour));
    ck_assert_int_eq(call(task, SYS_nanosleep, at, 0, 0), 0);
    ck_assert_uint_ge(sim_now_ns(sim) - before, 3600000000000u);
    ck_assert_uint_lt(sim_now_ns(sim) - before, 3601000000000u);
}
END_TEST

START_TEST(threads_share_memory)
{
    struct sim_task *thread = sim_task_thread(task);
    ck_assert_msg(thread != NULL, "%s", sim_message(sim));
    uint64_t at = sim_buffer(task, "abc", 4);
    char text[4];
    ck_assert_int_eq(sim_peek(thread, at, text, 4), 0);
    ck_assert_str_eq(text, "abc");
    ck_assert_int_eq(call(thread, SYS_getpid, 0, 0, 0), 2);
    ck_assert_int_eq(call(thread, SYS_gettid, 0, 0, 0), sim_task_pid(thread));
}
END_TEST

START_TEST(signal_handler_is_counted)
{
    const uint64_t action[4] = {sim_handler_address(), 0x04000000, 1, 0};
    uint64_t at = sim_buffer(task, action, sizeof(action));
    int last = 0;
    ck_assert_int_eq(sim_syscall(task, SYS_rt_sigaction, SIGUSR1, at, 0, 8, 0, 0), 0);
    ck_assert_int_eq(call(task, SYS_kill, 2, SIGUSR1, 0), 0);
    ck_assert_int_eq(call(task, SYS_getpid, 0, 0, 0), 2);
    ck_assert_uint_eq(sim_task_signals(task, &last), 1);
    ck_assert_int_eq(last, SIGUSR1);
}
END_TEST

START_TEST(exit_of_the_first_task_powers_off)
{
    ck_assert_int_eq(call(task, SYS_exit_group, 5, 0, 0), -ESRCH);
    sim_run(sim, NULL, NULL, UINT64_MAX);
    ck_assert_int_eq(sim_machine_state(machine), SIM_MACHINE_EXITED);
    ck_assert_int_eq(sim_machine_status(machine), 5);
    ck_assert_int_eq(sim_machine_restart(machine), 0);
    ck_assert_int_eq(call(sim_machine_task(machine), SYS_getpid, 0, 0, 0), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("simulated system calls");
    TCase *tcase = tcase_create("calls");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, boot, end);
    tcase_add_test(tcase, getpid_is_that_of_the_first_task);
    tcase_add_test(tcase, files_are_what_was_written);
    tcase_add_test(tcase, bad_pointer_is_efault_and_not_fatal);
    tcase_add_test(tcase, read_of_an_empty_pipe_blocks_until_a_child_writes);
    tcase_add_test(tcase, sleeping_takes_virtual_time_only);
    tcase_add_test(tcase, threads_share_memory);
    tcase_add_test(tcase, signal_handler_is_counted);
    tcase_add_test(tcase, exit_of_the_first_task_powers_off);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
