/* SPDX-License-Identifier: MIT */
/*
 * The same seed twice gives the same event log, byte for byte; another seed another one; and one
 * byte from outside the simulation shows.
 */
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/sim.h"
#include "tests/sim/image.h"
#include "tests/unit/support/suite.h"

enum { MACHINES = 2 };

struct log {
    char *bytes;
    size_t size;
    FILE *out;
    uint64_t hash[2];
    char said[512];
};

/* What a run is told to let in from outside. */
enum outside { NOTHING, BYTE_ON_THE_CONSOLE, BYTE_IN_MEMORY };

static struct image image;

static void make_image(void)
{
    image = image_make((const char *[]){"tests/sim/programs/musl/talk", "talk",
                                        "tests/guest/musl/futex_wait", "futex", NULL});
}

static void free_image(void)
{
    free(image.bytes);
}

static void write_event(void *argument, const struct sim_event *event, const void *text)
{
    struct log *log = argument;
    if (event->type != SIM_EVENT_REPORT) {
        fwrite(event, sizeof(*event), 1, log->out);
        fwrite(text, 1, event->bytes, log->out);
    }
}

static void let_in(struct sim_machine *machine, enum outside outside)
{
    static unsigned char last;
    unsigned char byte;
    do {
        ck_assert_int_eq(getrandom(&byte, 1, 0), 1);
    } while (byte == last || byte < 0x20 || byte > 0x7e);
    last = byte;
    if (outside == BYTE_ON_THE_CONSOLE) {
        sim_machine_type(machine, &byte, 1);
    } else {
        struct sim_task *task = sim_machine_task(machine);
        struct timespec nap = {.tv_nsec = 1000};
        uint64_t at = sim_buffer(task, &nap, sizeof(nap));
        sim_poke(task, at + 8, &byte, 1);
        sim_syscall(task, SYS_nanosleep, at, 0, 0, 0, 0, 0);
    }
}

static struct log run(uint64_t seed, enum sim_schedule schedule, enum outside outside)
{
    struct log log = {.out = NULL};
    struct sim *sim;
    struct sim_machine *machines[MACHINES];
    struct sim_program *programs[MACHINES][2];
    const struct sim_config config = {.seed = seed, .schedule = schedule};
    log.out = open_memstream(&log.bytes, &log.size);
    ck_assert_int_eq(sim_create(&config, &sim), 0);
    sim_log_to(sim, write_event, &log);
    for (int i = 0; i < MACHINES; i++) {
        const struct sim_machine_config machine = {
            .image = image.bytes, .image_bytes = image.size, .cpus = 1 + (unsigned)i};
        ck_assert_int_eq(sim_machine_add(sim, &machine, &machines[i]), 0);
        ck_assert_msg(sim_machine_boot(machines[i]) == 0, "%s", sim_message(sim));
    }
    for (int i = 0; i < MACHINES; i++) {
        static const char *const race[] = {"/talk", "race", NULL};
        static const char *const chance[] = {"/talk", "chance", NULL};
        programs[i][0] = sim_spawn(machines[i], &(struct sim_program_config){.argv = race});
        programs[i][1] = sim_spawn(machines[i], &(struct sim_program_config){.argv = chance});
    }
    if (outside != NOTHING)
        let_in(machines[0], outside);
    for (int i = 0; i < 2 * MACHINES; i++) {
        struct sim_program *program = programs[i / 2][i % 2];
        ck_assert_int_eq(sim_program_wait(program, UINT64_MAX), 0);
        strncat(log.said, sim_program_output(program, NULL), 127);
    }
    sim_log_hash(sim, log.hash);
    sim_destroy(sim);
    fclose(log.out);
    return log;
}

static bool equal(const struct log *a, const struct log *b)
{
    bool same = a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
    /* The texts of system calls are not hashed, so the logs may show more than the hashes. */
    ck_assert(!same || memcmp(a->hash, b->hash, sizeof(a->hash)) == 0);
    return same;
}

START_TEST(same_seed_gives_the_same_log)
{
    struct log first = run(11, (enum sim_schedule)_i, NOTHING);
    struct log second = run(11, (enum sim_schedule)_i, NOTHING);
    ck_assert_str_eq(first.said, second.said);
    ck_assert(equal(&first, &second));
    free(first.bytes);
    free(second.bytes);
}
END_TEST

START_TEST(another_seed_gives_another_log)
{
    struct log first = run(11, SIM_SCHEDULE_RANDOM, NOTHING);
    struct log second = run(12, SIM_SCHEDULE_RANDOM, NOTHING);
    ck_assert(!equal(&first, &second));
    ck_assert_str_ne(first.said, second.said);
    free(first.bytes);
    free(second.bytes);
}
END_TEST

START_TEST(one_byte_from_outside_shows)
{
    struct log first = run(11, SIM_SCHEDULE_RANDOM, (enum outside)_i);
    struct log second = run(11, SIM_SCHEDULE_RANDOM, (enum outside)_i);
    ck_assert(!equal(&first, &second));
    free(first.bytes);
    free(second.bytes);
}
END_TEST

/* With the first simulation still there, the second one's memory is elsewhere. */
START_TEST(addresses_of_the_host_do_not_matter)
{
    struct log first = run(11, SIM_SCHEDULE_RANDOM, NOTHING), second;
    struct sim *other;
    struct sim_machine *machine;
    ck_assert_int_eq(sim_create(&(struct sim_config){.seed = 1}, &other), 0);
    for (int i = 0; i < MACHINES; i++) {
        const struct sim_machine_config config = {.no_programs = true};
        ck_assert_int_eq(sim_machine_add(other, &config, &machine), 0);
    }
    second = run(11, SIM_SCHEDULE_RANDOM, NOTHING);
    ck_assert(equal(&first, &second));
    sim_destroy(other);
    free(first.bytes);
    free(second.bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("determinism");
    TCase *tcase = tcase_create("determinism");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, make_image, free_image);
    tcase_add_loop_test(tcase, same_seed_gives_the_same_log, SIM_SCHEDULE_RANDOM,
                        SIM_SCHEDULE_FAIR + 1);
    tcase_add_test(tcase, another_seed_gives_another_log);
    tcase_add_loop_test(tcase, one_byte_from_outside_shows, BYTE_ON_THE_CONSOLE,
                        BYTE_IN_MEMORY + 1);
    tcase_add_test(tcase, addresses_of_the_host_do_not_matter);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
