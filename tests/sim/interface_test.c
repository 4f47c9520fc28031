/* SPDX-License-Identifier: MIT */
/*
 * The parts of libsim's interface that other tests use only in passing: clocks, starvation, pauses,
 * restarts, failing allocations, callbacks, time limits, logs.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sim/sim.h"
#include "tests/unit/support/suite.h"

#define MS 1000000ull
#define SECOND 1000000000ull

static struct sim *sim;
static struct sim_machine *machine;
static struct sim_task *task;

static void boot_with(struct sim_config sim_config)
{
    const struct sim_machine_config config = {.name = "m", .no_programs = true, .cpus = 2};
    ck_assert_int_eq(sim_create(&sim_config, &sim), 0);
    ck_assert_int_eq(sim_machine_add(sim, &config, &machine), 0);
    ck_assert_msg(sim_machine_boot(machine) == 0, "%s", sim_message(sim));
    task = sim_machine_task(machine);
}

static void boot(void)
{
    boot_with((struct sim_config){.seed = 5});
}

static void end(void)
{
    sim_destroy(sim);
}

static int64_t clock_ns(int clock)
{
    struct timespec now = {0};
    sim_buffer_reset(task);
    uint64_t at = sim_buffer(task, &now, sizeof(now));
    ck_assert_int_eq(sim_syscall(task, SYS_clock_gettime, (uint64_t)clock, at, 0, 0, 0, 0), 0);
    ck_assert_int_eq(sim_peek(task, at, &now, sizeof(now)), 0);
    return now.tv_sec * (int64_t)SECOND + now.tv_nsec;
}

/* ---- clocks ---- */

START_TEST(skewed_clock_runs_faster_than_virtual_time)
{
    int64_t before = clock_ns(CLOCK_MONOTONIC);
    sim_clock_skew(machine, 100000); /* a tenth */
    sim_run_for(sim, 10 * SECOND);
    int64_t passed = clock_ns(CLOCK_MONOTONIC) - before;
    ck_assert_int_gt(passed, (int64_t)(11 * SECOND - MS));
    ck_assert_int_lt(passed, (int64_t)(11 * SECOND + MS));
    before = clock_ns(CLOCK_MONOTONIC);
    sim_clock_skew(machine, -100000);
    sim_run_for(sim, 10 * SECOND);
    passed = clock_ns(CLOCK_MONOTONIC) - before;
    ck_assert_int_gt(passed, (int64_t)(9 * SECOND - MS));
    ck_assert_int_lt(passed, (int64_t)(9 * SECOND + MS));
}
END_TEST

START_TEST(jump_moves_the_wall_clock_only)
{
    int64_t wall = clock_ns(CLOCK_REALTIME), monotonic = clock_ns(CLOCK_MONOTONIC);
    ck_assert_int_eq(sim_clock_jump(machine, -(int64_t)(3600 * SECOND)), 0);
    ck_assert_int_lt(clock_ns(CLOCK_REALTIME), wall - (int64_t)(3599 * SECOND));
    ck_assert_int_lt(clock_ns(CLOCK_MONOTONIC), monotonic + (int64_t)SECOND);
    ck_assert_int_ge(clock_ns(CLOCK_MONOTONIC), monotonic);
}
END_TEST

/* ---- CPUs and power ---- */

START_TEST(starved_cpu_gets_no_time)
{
    const uint64_t mask = 2;
    uint64_t at = sim_buffer(task, &mask, sizeof(mask)), until = sim_now_ns(sim) + 50 * MS;
    ck_assert_int_eq(sim_syscall(task, SYS_sched_setaffinity, 0, sizeof(mask), at, 0, 0, 0), 0);
    sim_cpu_starve(machine, 1, until);
    ck_assert_int_eq(sim_syscall(task, SYS_getpid, 0, 0, 0, 0, 0, 0), 2);
    ck_assert_uint_ge(sim_now_ns(sim), until);
}
END_TEST

START_TEST(paused_machine_stands_still_while_its_clock_goes_on)
{
    int64_t before = clock_ns(CLOCK_MONOTONIC);
    sim_machine_pause(machine);
    ck_assert_int_eq(sim_machine_state(machine), SIM_MACHINE_PAUSED);
    ck_assert_int_eq(sim_syscall_begin(task, SYS_getpid, (const uint64_t[6]){0}), 0);
    sim_run_for(sim, SECOND);
    ck_assert(!sim_syscall_done(task, NULL));
    sim_machine_resume(machine);
    ck_assert_int_eq(sim_machine_state(machine), SIM_MACHINE_ON);
    ck_assert_int_eq(sim_syscall_wait(task, SECOND), 2);
    ck_assert_int_ge(clock_ns(CLOCK_MONOTONIC), before + (int64_t)SECOND);
}
END_TEST

START_TEST(restart_loses_memory_and_kills_tasks)
{
    char *text;
    ck_assert_int_eq(sim_file_write(machine, "/tmp/a", "a", 1, 0600), 0);
    ck_assert_int_eq(sim_machine_restart(machine), 0);
    ck_assert(!sim_task_alive(task));
    ck_assert_int_eq(sim_syscall(task, SYS_getpid, 0, 0, 0, 0, 0, 0), -ESRCH);
    task = sim_machine_task(machine);
    ck_assert_int_eq(sim_syscall(task, SYS_getpid, 0, 0, 0, 0, 0, 0), 2);
    ck_assert_int_eq(sim_file_read(machine, "/tmp/a", &text, &(size_t){0}), -ENOENT);
    ck_assert_int_eq(sim_machine_power_on(machine), -EALREADY);
    ck_assert_str_ne(sim_message(sim), "");
}
END_TEST

START_TEST(machines_are_switched_on_together)
{
    struct sim_machine *others[3];
    for (unsigned i = 0; i < 3; i++) {
        const struct sim_machine_config config = {.no_programs = true, .ram_bytes = 16 << 20};
        ck_assert_int_eq(sim_machine_add(sim, &config, &others[i]), 0);
        ck_assert_int_eq(sim_machine_power_on(others[i]), 0);
        ck_assert_ptr_null(sim_machine_task(others[i]));
    }
    sim_run_for(sim, SECOND);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_ptr_nonnull(sim_machine_task(others[i]));
        ck_assert_uint_eq(sim_machine_index(others[i]), i + 1);
        ck_assert_ptr_eq(sim_machine_at(sim, i + 1), others[i]);
        ck_assert_ptr_eq(sim_machine_sim(others[i]), sim);
    }
    ck_assert_str_eq(sim_machine_name(others[0]), "m1");
    ck_assert_ptr_null(sim_machine_at(sim, 4));
}
END_TEST

START_TEST(power_button_is_an_orderly_end)
{
    sim_machine_press_power(machine);
    sim_run(sim, NULL, NULL, sim_now_ns(sim) + 60 * SECOND);
    ck_assert_int_eq(sim_machine_state(machine), SIM_MACHINE_EXITED);
}
END_TEST

START_TEST(memory_of_the_machine_can_be_looked_at)
{
    ck_assert_ptr_nonnull(sim_machine_memory(machine, 4096, 4096));
    ck_assert_ptr_null(sim_machine_memory(machine, 64 << 20, 1));
    ck_assert_ptr_null(sim_machine_memory(machine, (64 << 20) - 1, 2));
    ck_assert_ptr_null(sim_machine_memory(machine, 0, SIZE_MAX));
}
END_TEST

/* ---- failing allocations ---- */

static int64_t make_pipe(void)
{
    sim_buffer_reset(task);
    return sim_syscall(task, SYS_pipe, sim_buffer(task, "12345678", 8), 0, 0, 0, 0, 0);
}

START_TEST(each_allocation_fails_once_and_with_certainty_all_do)
{
    uint64_t count, failed, all;
    sim_fail_allocations(machine, 0, false, 0);
    ck_assert_int_eq(make_pipe(), 0);
    sim_allocations(machine, &all, &failed);
    ck_assert_uint_gt(all, 0);
    ck_assert_uint_eq(failed, 0);
    for (uint64_t nth = 1; nth <= all; nth++) {
        sim_fail_allocations(machine, nth, false, 0);
        int64_t result = make_pipe();
        sim_allocations(machine, &count, &failed);
        ck_assert_uint_eq(failed, nth <= count);
        ck_assert(result == -ENOMEM || result == -ENFILE || result == 0);
    }
    sim_fail_allocations(machine, 0, false, 1000000);
    ck_assert_int_lt(make_pipe(), 0);
    sim_fail_allocations(machine, 1, true, 0);
    ck_assert_int_lt(make_pipe(), 0);
    sim_allocations(machine, &count, &failed);
    ck_assert_uint_eq(count, failed);
    sim_fail_allocations(machine, 0, false, 0);
    ck_assert_int_eq(make_pipe(), 0);
}
END_TEST

/* ---- callbacks, limits, children ---- */

static char order[8];

static void note(void *letter)
{
    strncat(order, letter, 1);
    if (*(char *)letter == 'c')
        sim_stop(sim);
}

START_TEST(callbacks_come_in_order_of_time_and_then_of_their_calls)
{
    uint64_t now = sim_now_ns(sim);
    order[0] = '\0';
    ck_assert_uint_ne(sim_at(sim, now + 3 * MS, note, "c"), 0);
    uint64_t cancelled = sim_at(sim, now + 2 * MS, note, "x");
    sim_at(sim, now + MS, note, "a");
    sim_at(sim, now + MS, note, "b");
    ck_assert(sim_cancel(sim, cancelled));
    ck_assert(!sim_cancel(sim, cancelled));
    ck_assert_int_eq(sim_run(sim, NULL, NULL, UINT64_MAX), SIM_STOP_ASKED);
    ck_assert_str_eq(order, "abc");
    ck_assert_uint_ge(sim_now_ns(sim), now + 3 * MS);
}
END_TEST

START_TEST(call_with_a_time_limit_goes_on_after_it)
{
    const struct timespec nap = {.tv_sec = 2};
    const uint64_t arguments[6] = {sim_buffer(task, &nap, sizeof(nap))};
    ck_assert_int_eq(sim_syscall_timeout(task, SECOND, SYS_nanosleep, arguments), SIM_BLOCKED);
    ck_assert_int_eq(sim_syscall_begin(task, SYS_getpid, arguments), -EBUSY);
    ck_assert_int_eq(sim_syscall_wait(task, 2 * SECOND), 0);
}
END_TEST

START_TEST(fork_gives_the_child)
{
    int64_t pid = sim_syscall(task, SYS_fork, 0, 0, 0, 0, 0, 0);
    struct sim_task *child = sim_task_child(task);
    ck_assert_int_gt(pid, 0);
    ck_assert_ptr_nonnull(child);
    ck_assert_int_eq(sim_task_pid(child), pid);
    ck_assert_int_eq(sim_syscall(child, SYS_getppid, 0, 0, 0, 0, 0, 0), 2);
    sim_syscall(child, SYS_exit, 0, 0, 0, 0, 0, 0);
    ck_assert(!sim_task_alive(child));
}
END_TEST

START_TEST(forgotten_memory_is_not_restored)
{
    int kept = 1, forgotten = 1;
    struct sim_snapshot *snapshot;
    ck_assert_int_eq(sim_keep(sim, &kept, sizeof(kept), NULL), 0);
    ck_assert_int_eq(sim_keep(sim, &forgotten, sizeof(forgotten), NULL), 0);
    sim_forget(sim, &forgotten);
    ck_assert_int_eq(sim_snapshot(sim, &snapshot), 0);
    kept = forgotten = 2;
    ck_assert_int_eq(sim_restore(sim, snapshot), 0);
    ck_assert_int_eq(kept, 1);
    ck_assert_int_eq(forgotten, 2);
}
END_TEST

START_TEST(numbers_for_models_do_not_change_the_schedule)
{
    uint64_t hash[2], other[2];
    ck_assert_uint_lt(sim_random_below(sim, 10), 10);
    ck_assert_uint_eq(sim_random_below(sim, 0), 0);
    ck_assert_int_eq(make_pipe(), 0);
    sim_log_hash(sim, hash);
    sim_destroy(sim);
    boot();
    ck_assert_int_eq(make_pipe(), 0);
    sim_log_hash(sim, other);
    ck_assert(memcmp(hash, other, sizeof(hash)) == 0);
}
END_TEST

/* The hash of a log in which only the bytes that are written differ. */
static void hash_of_write(bool hash_texts, char byte, uint64_t hash[2])
{
    end();
    boot_with((struct sim_config){.seed = 5, .hash_texts = hash_texts});
    ck_assert_int_eq(make_pipe(), 0);
    uint64_t at = sim_buffer(task, &byte, 1);
    ck_assert_int_eq(sim_syscall(task, SYS_write, 4, at, 1, 0, 0, 0), 1);
    sim_log_hash(sim, hash);
}

START_TEST(texts_of_calls_are_hashed_if_wanted)
{
    uint64_t first[2], second[2];
    const bool hash_texts = _i;

    hash_of_write(hash_texts, 'a', first);
    hash_of_write(hash_texts, 'b', second);
    ck_assert_int_eq(memcmp(first, second, sizeof(first)) != 0, hash_texts);
    hash_of_write(hash_texts, 'a', second);
    ck_assert_int_eq(memcmp(first, second, sizeof(first)), 0);
}
END_TEST

START_TEST(log_file_has_what_is_counted)
{
    char path[] = "/tmp/assay-log-XXXXXX", header[16];
    struct sim_event event;
    uint64_t records = 0, before = sim_log_count(sim);
    int fd = mkstemp(path);
    unlink(path);
    ck_assert_int_eq(sim_log_to_fd(sim, fd), 0);
    sim_note(sim, machine, "a note");
    ck_assert_int_eq(make_pipe(), 0);
    sim_log_flush(sim);
    lseek(fd, 0, SEEK_SET);
    ck_assert_int_eq(read(fd, header, sizeof(header)), sizeof(header));
    ck_assert(memcmp(header, "assaylog", 8) == 0);
    while (read(fd, &event, sizeof(event)) == sizeof(event)) {
        records++;
        lseek(fd, (event.bytes + 7) & ~7, SEEK_CUR);
    }
    ck_assert_uint_eq(records, sim_log_count(sim) - before);
    ck_assert_int_eq(sim_log_to_fd(sim, -1), 0);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interface");
    TCase *tcase = tcase_create("interface");
    tcase_add_checked_fixture(tcase, boot, end);
    tcase_add_test(tcase, skewed_clock_runs_faster_than_virtual_time);
    tcase_add_test(tcase, jump_moves_the_wall_clock_only);
    tcase_add_test(tcase, starved_cpu_gets_no_time);
    tcase_add_test(tcase, paused_machine_stands_still_while_its_clock_goes_on);
    tcase_add_test(tcase, restart_loses_memory_and_kills_tasks);
    tcase_add_test(tcase, machines_are_switched_on_together);
    tcase_add_test(tcase, power_button_is_an_orderly_end);
    tcase_add_test(tcase, memory_of_the_machine_can_be_looked_at);
    tcase_add_test(tcase, each_allocation_fails_once_and_with_certainty_all_do);
    tcase_add_test(tcase, callbacks_come_in_order_of_time_and_then_of_their_calls);
    tcase_add_test(tcase, call_with_a_time_limit_goes_on_after_it);
    tcase_add_test(tcase, fork_gives_the_child);
    tcase_add_test(tcase, forgotten_memory_is_not_restored);
    tcase_add_test(tcase, numbers_for_models_do_not_change_the_schedule);
    tcase_add_loop_test(tcase, texts_of_calls_are_hashed_if_wanted, 0, 2);
    tcase_add_test(tcase, log_file_has_what_is_counted);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
