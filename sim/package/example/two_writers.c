/* SPDX-License-Identifier: MIT */
/*
 * An example of libsim, to be compiled against the installed library:
 *
 *     cc two_writers.c $(pkg-config --cflags --libs libsim) -o two_writers
 *
 * Two tasks, each on a CPU of its own, write to a pipe at the same time. Which of them is first
 * depends on the seed, and on nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include <sim/sim.h>

static void check(int result, const struct sim *sim, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "two_writers: %s: %s\n", what, sim ? sim_message(sim) : "");
        exit(1);
    }
}

static int both_done(struct sim_task **tasks)
{
    return sim_syscall_done(tasks[0], NULL) && sim_syscall_done(tasks[1], NULL);
}

static bool until_done(void *tasks)
{
    return both_done(tasks);
}

/* What comes out of the pipe, and the hash of the run's event log. */
static void run(uint64_t seed, char out[3], uint64_t hash[2])
{
    const struct sim_config config = {.seed = seed, .schedule = SIM_SCHEDULE_PCT};
    const struct sim_machine_config machine_config = {.cpus = 2, .no_programs = true};
    struct sim *sim = NULL;
    struct sim_machine *machine;
    struct sim_task *tasks[2];
    int fds[2];

    check(sim_create(&config, &sim), NULL, "sim_create");
    check(sim_machine_add(sim, &machine_config, &machine), sim, "sim_machine_add");
    check(sim_machine_boot(machine), sim, "sim_machine_boot");
    tasks[0] = sim_machine_task(machine);

    uint64_t at = sim_buffer(tasks[0], fds, sizeof fds);
    check((int)sim_syscall(tasks[0], SYS_pipe, at, 0, 0, 0, 0, 0), sim, "pipe");
    check(sim_peek(tasks[0], at, fds, sizeof fds), sim, "sim_peek");
    tasks[1] = sim_task_fork(tasks[0]);
    check(tasks[1] ? 0 : -1, sim, "sim_task_fork");
    for (int i = 0; i < 2; i++) {
        const uint64_t mask = 1u << i, where = sim_buffer(tasks[i], &mask, sizeof mask);
        check((int)sim_syscall(tasks[i], SYS_sched_setaffinity, 0, sizeof mask, where, 0, 0, 0),
              sim, "sched_setaffinity");
    }
    for (int i = 0; i < 2; i++) {
        const uint64_t text = sim_buffer(tasks[i], i == 0 ? "A" : "B", 1);
        const uint64_t arguments[6] = {(uint64_t)fds[1], text, 1};
        check(sim_syscall_begin(tasks[i], SYS_write, arguments), sim, "write");
    }
    sim_run(sim, until_done, tasks, UINT64_MAX);

    at = sim_buffer(tasks[0], "12", 2);
    check((int)sim_syscall(tasks[0], SYS_read, (uint64_t)fds[0], at, 2, 0, 0, 0), sim, "read");
    check(sim_peek(tasks[0], at, out, 2), sim, "sim_peek");
    out[2] = '\0';
    sim_log_hash(sim, hash);
    sim_destroy(sim);
}

int main(void)
{
    unsigned firsts[2] = {0, 0};

    for (uint64_t seed = 1; seed <= 50; seed++) {
        char once[3], again[3];
        uint64_t hash[2], hash_again[2];

        run(seed, once, hash);
        run(seed, again, hash_again);
        if (hash[0] != hash_again[0] || hash[1] != hash_again[1]) {
            printf("seed %d: two runs differ\n", (int)seed);
            return 1;
        }
        firsts[once[0] == 'B']++;
    }
    printf("first was A with %u seeds, B with %u\n", firsts[0], firsts[1]);
    return firsts[0] > 0 && firsts[1] > 0 ? 0 : 1;
}
