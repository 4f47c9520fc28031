/* SPDX-License-Identifier: MIT */
/*
 * Snapshots: what is restored, what dies, and that the same future follows each restore.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
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
static int counter;

static void boot(void)
{
    counter = 0;
    ck_assert_int_eq(sim_create(&(struct sim_config){.seed = 7}, &sim), 0);
    const struct sim_machine_config config = {
        .no_programs = true, .cpus = 2, .log_fd = STDERR_FILENO};
    ck_assert_int_eq(sim_machine_add(sim, &config, &machine), 0);
    ck_assert_msg(sim_machine_boot(machine) == 0, "%s", sim_message(sim));
    task = sim_machine_task(machine);
    ck_assert_int_eq(sim_keep(sim, &counter, sizeof(counter), NULL), 0);
}

static void end(void)
{
    sim_destroy(sim);
}

static int64_t call(struct sim_task *by, unsigned number, uint64_t a, uint64_t b, uint64_t c)
{
    return sim_syscall(by, number, a, b, c, 0, 0, 0);
}

static struct sim_snapshot *take(void)
{
    struct sim_snapshot *snapshot;
    ck_assert_msg(sim_snapshot(sim, &snapshot) == 0, "%s", sim_message(sim));
    return snapshot;
}

START_TEST(files_tasks_time_and_kept_memory_come_back)
{
    char *text;
    ck_assert_int_eq(sim_file_write(machine, "/tmp/a", "before", 6, 0600), 0);
    struct sim_snapshot *snapshot = take();
    uint64_t now = sim_now_ns(sim);
    for (int round = 0; round < 6; round++) {
        counter++;
        ck_assert_int_eq(sim_file_write(machine, "/tmp/a", "after", 5, 0600), 0);
        struct sim_task *child = sim_task_fork(task);
        ck_assert_ptr_nonnull(child);
        ck_assert_int_eq(sim_task_pid(child), 3);
        ck_assert_int_eq(sim_restore(sim, snapshot), 0);
        ck_assert_int_eq(counter, 0);
        ck_assert_uint_eq(sim_now_ns(sim), now);
        ck_assert_int_eq(call(task, SYS_kill, 3, 0, 0), -ESRCH);
        ck_assert_int_eq(sim_file_read(machine, "/tmp/a", &text, NULL), 0);
        ck_assert_str_eq(text, "before");
        free(text);
        ck_assert_int_eq(sim_restore(sim, snapshot), 0);
    }
}
END_TEST

/* What follows a restore, as far as the guest and its clock show it. */
static uint64_t future(void)
{
    uint64_t random[2] = {0, 0};
    uint64_t at = sim_buffer(task, NULL, sizeof(random));
    struct sim_task *child = sim_task_fork(task);
    const struct timespec nap = {.tv_nsec = 5000};
    uint64_t nap_at = sim_buffer(child, &nap, sizeof(nap));
    call(child, SYS_nanosleep, nap_at, 0, 0);
    ck_assert_int_eq(call(task, SYS_getrandom, at, sizeof(random), 0), sizeof(random));
    sim_peek(task, at, random, sizeof(random));
    return random[0] ^ random[1] ^ sim_now_ns(sim) ^ sim_random(sim);
}

START_TEST(same_future_after_each_restore_and_another_after_reseeding)
{
    struct sim_snapshot *snapshot = take();
    uint64_t first = future();
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(sim_restore(sim, snapshot), 0);
        ck_assert_uint_eq(future(), first);
    }
    ck_assert_int_eq(sim_restore(sim, snapshot), 0);
    sim_reseed(sim, 1234);
    ck_assert_uint_ne(sim_random(sim) ^ sim_now_ns(sim), 0);
}
END_TEST

/* Other tests look at cores with gdb; this one, that there is one, and that it changes nothing. */
START_TEST(core_of_a_machine_is_written_between_runs)
{
    char path[] = "/tmp/assay-core-XXXXXX";
    uint64_t before[2], after[2];
    unsigned char header[18];
    close(mkstemp(path));
    sim_log_hash(sim, before);
    ck_assert_int_eq(sim_machine_core(machine, path), 0);
    sim_log_hash(sim, after);
    ck_assert(memcmp(before, after, sizeof(before)) == 0);
    FILE *file = fopen(path, "rb");
    ck_assert_uint_eq(fread(header, 1, sizeof(header), file), sizeof(header));
    fclose(file);
    unlink(path);
    ck_assert(memcmp(header, "\177ELF", 4) == 0);
    ck_assert_int_eq(header[16], 4); /* ET_CORE */
    ck_assert_int_eq(sim_machine_core(machine, "/no/such/folder/core"), -ENOENT);
    sim_machine_kill(machine);
    ck_assert_int_eq(sim_machine_core(machine, path), -ESRCH);
}
END_TEST

START_TEST(two_snapshots_can_be_restored_in_any_order)
{
    char *text;
    sim_file_write(machine, "/tmp/a", "one", 3, 0600);
    struct sim_snapshot *one = take();
    sim_file_write(machine, "/tmp/a", "two", 3, 0600);
    struct sim_snapshot *two = take();
    struct sim_snapshot *order[] = {one, two, two, one, two, one, one};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        ck_assert_int_eq(sim_restore(sim, order[i]), 0);
        ck_assert_int_eq(sim_file_read(machine, "/tmp/a", &text, NULL), 0);
        ck_assert_str_eq(text, order[i] == one ? "one" : "two");
        free(text);
    }
    sim_snapshot_free(one);
    ck_assert_int_eq(sim_restore(sim, two), 0);
}
END_TEST

START_TEST(restore_brings_back_a_machine_that_ended)
{
    struct sim_snapshot *snapshot = take();
    call(task, SYS_exit_group, 1, 0, 0);
    sim_run(sim, NULL, NULL, UINT64_MAX);
    ck_assert_int_eq(sim_machine_state(machine), SIM_MACHINE_EXITED);
    ck_assert_int_eq(sim_restore(sim, snapshot), 0);
    ck_assert_int_eq(sim_machine_state(machine), SIM_MACHINE_ON);
    ck_assert_int_eq(call(task, SYS_getpid, 0, 0, 0), 2);
    sim_machine_kill(machine);
    ck_assert_int_eq(sim_restore(sim, snapshot), 0);
    ck_assert_int_eq(call(task, SYS_getpid, 0, 0, 0), 2);
    ck_assert_int_eq(sim_machine_restart(machine), 0);
    ck_assert_int_eq(sim_restore(sim, snapshot), 0);
    ck_assert_int_eq(call(task, SYS_getpid, 0, 0, 0), 2);
}
END_TEST

static int explore(struct sim *copy, void *argument)
{
    struct sim_task *it = sim_machine_task(sim_machine_at(copy, 0));
    (void)argument;
    if (sim_file_write(sim_machine_at(copy, 0), "/tmp/a", "child", 5, 0600) != 0)
        return 1;
    return call(it, SYS_getpid, 0, 0, 0) == 2 ? 42 : 2;
}

START_TEST(fork_explores_without_disturbing)
{
    char *text;
    int status;
    sim_file_write(machine, "/tmp/a", "parent", 6, 0600);
    pid_t pid = sim_fork(sim, explore, NULL);
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), 42);
    ck_assert_int_eq(sim_file_read(machine, "/tmp/a", &text, NULL), 0);
    ck_assert_str_eq(text, "parent");
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshots");
    TCase *tcase = tcase_create("snapshots");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, boot, end);
    tcase_add_test(tcase, files_tasks_time_and_kept_memory_come_back);
    tcase_add_test(tcase, same_future_after_each_restore_and_another_after_reseeding);
    tcase_add_test(tcase, core_of_a_machine_is_written_between_runs);
    tcase_add_test(tcase, two_snapshots_can_be_restored_in_any_order);
    tcase_add_test(tcase, restore_brings_back_a_machine_that_ended);
    tcase_add_test(tcase, fork_explores_without_disturbing);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
