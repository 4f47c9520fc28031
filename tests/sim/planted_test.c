/* SPDX-License-Identifier: MIT */
/*
 * Concurrency bugs in kernel data structures are found: each is planted into the kernel that this
 * test is linked with (planted_kernel.c), and probabilistic concurrency testing has to see its
 * effect within so many seeds. Without the bug, the same seeds show nothing.
 *
 * Two threads, each on a CPU of its own, make one system call each; every seed starts from the same
 * snapshot.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/sim.h"
#include "tests/sim/planted.h"
#include "tests/unit/support/suite.h"

enum { THREADS = 2, SEEDS_MAX = 500, BLOCK = 4096 };

static struct sim *sim;
static struct sim_machine *machine;
static struct sim_task *threads[THREADS];
static uint64_t name, ends, block[THREADS];
static uint64_t fresh; /* user memory without pages: whoever touches it takes a fault */
static int fds[2], empty[2], log_fds[THREADS];

static void open_pipe(int out[2])
{
    ck_assert_int_eq(sim_syscall(threads[0], SYS_pipe2, ends, 0, 0, 0, 0, 0), 0);
    ck_assert_int_eq(sim_peek(threads[0], ends, out, 2 * sizeof(int)), 0);
}

static void boot(void)
{
    /* Two short calls make some dozen scheduling points. */
    const struct sim_config config = {
        .seed = 1, .schedule = SIM_SCHEDULE_PCT, .pct_depth = 3, .pct_points = 60};
    const struct sim_machine_config machine_config = {.no_programs = true, .cpus = THREADS};
    static char bytes[BLOCK];
    uint64_t log;
    planted = PLANTED_NONE;
    ck_assert_int_eq(sim_create(&config, &sim), 0);
    ck_assert_int_eq(sim_machine_add(sim, &machine_config, &machine), 0);
    ck_assert_msg(sim_machine_boot(machine) == 0, "%s", sim_message(sim));
    threads[0] = sim_task_fork(sim_machine_task(machine));
    ck_assert_ptr_nonnull(threads[0]);
    threads[1] = sim_task_thread(threads[0]);
    ck_assert_ptr_nonnull(threads[1]);
    for (unsigned i = 0; i < THREADS; i++) {
        const uint64_t mask = 1u << i;
        uint64_t at = sim_buffer(threads[0], &mask, sizeof(mask));
        ck_assert_int_eq(
            sim_syscall(threads[i], SYS_sched_setaffinity, 0, sizeof(mask), at, 0, 0, 0), 0);
        memset(bytes, 'A' + (int)i, BLOCK);
        block[i] = sim_buffer(threads[0], bytes, BLOCK);
    }
    name = sim_buffer_string(threads[0], "/tmp/new");
    ends = sim_buffer(threads[0], fds, sizeof(fds));
    log = sim_buffer_string(threads[0], "/tmp/log");
    open_pipe(empty);
    open_pipe(fds);
    for (unsigned i = 0; i < THREADS; i++) {
        int64_t written =
            sim_syscall(threads[0], SYS_write, (uint64_t)fds[1], block[i], BLOCK, 0, 0, 0);
        ck_assert_int_eq(written, BLOCK);
    }
    fresh = (uint64_t)sim_syscall(threads[0], SYS_mmap, 0, THREADS * BLOCK, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        log_fds[i] =
            (int)sim_syscall(threads[0], SYS_open, log, O_CREAT | O_APPEND | O_RDWR, 0600, 0, 0, 0);
        ck_assert_int_ge(log_fds[i], 0);
    }
}

static void end(void)
{
    planted = PLANTED_NONE;
    sim_destroy(sim);
}

static bool both_done(void *unused)
{
    (void)unused;
    return sim_syscall_done(threads[0], NULL) && sim_syscall_done(threads[1], NULL);
}

static void begin(unsigned thread, unsigned number, uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t arguments[6] = {a, b, c};
    ck_assert_int_eq(sim_syscall_begin(threads[thread], number, arguments), 0);
}

/* False if the kernel crashed, or a call has not come back and never will. */
static bool run(int64_t results[THREADS])
{
    if (sim_run(sim, both_done, NULL, sim_now_ns(sim) + 1000000000) != SIM_STOP_PREDICATE)
        return false;
    for (unsigned i = 0; i < THREADS; i++)
        sim_syscall_done(threads[i], &results[i]);
    return true;
}

/* ---- the structures: each function is true if all is well ---- */

static bool one_of_two_creates(void)
{
    int64_t results[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        begin(i, SYS_open, name, O_CREAT | O_EXCL | O_WRONLY, 0600);
    return run(results) && (results[0] >= 0) + (results[1] >= 0) == 1;
}

/* Of two blocks in a pipe each of two readers gets one. */
static bool each_reader_gets_one_block(void)
{
    int64_t results[THREADS];
    char first[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        begin(i, SYS_read, (uint64_t)fds[0], fresh + i * BLOCK, BLOCK);
    if (!run(results))
        return false;
    for (unsigned i = 0; i < THREADS; i++) {
        if (results[i] != BLOCK || sim_peek(threads[0], fresh + i * BLOCK, &first[i], 1) != 0)
            return false;
    }
    return first[0] != first[1];
}

/* Each write with O_APPEND goes behind all that were, open(2). */
static bool file_keeps_what_both_append(void)
{
    int64_t results[THREADS], end;
    for (unsigned i = 0; i < THREADS; i++)
        begin(i, SYS_write, (uint64_t)log_fds[i], fresh + i * BLOCK, BLOCK);
    if (!run(results) || results[0] != BLOCK || results[1] != BLOCK)
        return false;
    end = sim_syscall(threads[0], SYS_lseek, (uint64_t)log_fds[0], 0, SEEK_END, 0, 0, 0);
    return end == (int64_t)THREADS * BLOCK;
}

static bool mappings_do_not_overlap(void)
{
    enum { BYTES = 1 << 20 };
    int64_t results[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        const uint64_t arguments[6] = {
            0, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0};
        ck_assert_int_eq(sim_syscall_begin(threads[i], SYS_mmap, arguments), 0);
    }
    return run(results) && results[0] > 0 && results[1] > 0 &&
           llabs(results[0] - results[1]) >= BYTES;
}

static bool reader_gets_what_is_written(void)
{
    int64_t results[THREADS];
    begin(0, SYS_read, (uint64_t)empty[0], ends, 1);
    begin(1, SYS_write, (uint64_t)empty[1], block[0], 1);
    return run(results) && results[0] == 1 && results[1] == 1;
}

static const struct {
    const char *name;
    enum planted planted;
    bool (*is_well)(void);
    unsigned seeds; /* within which it must be found */
} bugs[] = {
    {"directory without lock", PLANTED_NO_DIRECTORY_LOCK, one_of_two_creates, 100},
    {"pipe without lock", PLANTED_NO_PIPE_LOCK, each_reader_gets_one_block, 100},
    {"file without lock", PLANTED_NO_FILE_LOCK, file_keeps_what_both_append, 100},
    {"shared lock of address spaces", PLANTED_SHARED_MM_LOCK, mappings_do_not_overlap, 400},
    {"late preparation for sleep", PLANTED_LATE_PREPARATION, reader_gets_what_is_written, 100},
};

/* The first seed that shows the bug; 0: none. */
static unsigned hunt(struct sim_snapshot *snapshot, bool (*is_well)(void), unsigned seeds)
{
    for (unsigned seed = 1; seed <= seeds; seed++) {
        ck_assert_int_eq(sim_restore(sim, snapshot), 0);
        sim_reseed(sim, seed);
        if (!is_well())
            return seed;
    }
    return 0;
}

START_TEST(planted_bug_is_found_and_the_kernel_without_it_is_not_blamed)
{
    struct sim_snapshot *snapshot;
    ck_assert_int_eq(sim_snapshot(sim, &snapshot), 0);
    ck_assert_msg(hunt(snapshot, bugs[_i].is_well, SEEDS_MAX) == 0, "%s: without the bug",
                  bugs[_i].name);
    planted = bugs[_i].planted;
    unsigned seed = hunt(snapshot, bugs[_i].is_well, SEEDS_MAX);
    printf("%s: found by seed %u\n", bugs[_i].name, seed);
    ck_assert_msg(seed > 0 && seed <= bugs[_i].seeds, "%s: found by seed %u (0: not at all)",
                  bugs[_i].name, seed);
    /* And again, exactly. */
    ck_assert_uint_eq(hunt(snapshot, bugs[_i].is_well, SEEDS_MAX), seed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("planted bugs");
    TCase *tcase = tcase_create("planted bugs");
    tcase_set_timeout(tcase, 280);
    tcase_add_checked_fixture(tcase, boot, end);
    tcase_add_loop_test(tcase, planted_bug_is_found_and_the_kernel_without_it_is_not_blamed, 0,
                        sizeof(bugs) / sizeof(bugs[0]));
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
