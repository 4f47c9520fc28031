/* SPDX-License-Identifier: MIT */
/*
 * Scenario files: what they may say, and that every mistake is named with its line.
 */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/scenario/scenario.h"
#include "tests/unit/support/suite.h"

static char path[] = "/tmp/assay-scenario-XXXXXX";
static char message[1024];

static void setup(void)
{
    close(mkstemp(path));
}

static void teardown(void)
{
    unlink(path);
    strcpy(path + strlen(path) - 6, "XXXXXX");
}

static struct scenario *load(const char *text)
{
    FILE *file = fopen(path, "w");

    fputs(text, file);
    fclose(file);
    return scenario_load(path, message, sizeof(message));
}

/* The text is wrong, and the message ends with "FILE" and what is wanted. */
static void refuse(const char *text, const char *wanted)
{
    struct scenario *scenario = load(text);

    ck_assert_msg(scenario == NULL, "accepted: %s", text);
    ck_assert_msg(strncmp(message, path, strlen(path)) == 0, "%s", message);
    ck_assert_msg(strstr(message + strlen(path), wanted) == message + strlen(path),
                  "%s: \"%s\" is wanted", message, wanted);
}

START_TEST(smallest_scenario_is_one_machine)
{
    struct scenario *scenario = load("machines: {a: {}}\n");

    ck_assert_msg(scenario != NULL, "%s", message);
    ck_assert_uint_eq(scenario->machine_count, 1);
    ck_assert_str_eq(scenario->machines[0].name, "a");
    ck_assert_uint_eq(scenario->machines[0].cpus, 1);
    ck_assert_uint_eq(scenario->machines[0].ram_bytes, 64 << 20);
    ck_assert_uint_eq(scenario->seed, 1);
    ck_assert_uint_eq(scenario->time_ns, 60000000000);
    scenario_free(scenario);
}
END_TEST

static const char everything[] =
    "seed: 18446744073709551615\n"
    "time: 1.5s\n"
    "schedule: pct\n"
    "depth: 4\n"
    "switch: 5%\n"
    "machines:\n"
    "  a: {root: /tmp, ram: 16M, cpus: 2, options: quiet debug,\n"
    "      add: ['/dev/null:/etc/nothing', '/dev/zero:/b']}\n"
    "  b:\n"
    "    disks: [{name: d, size: 1M, latency: 1ms, write-torn: 0.25, cut-loses: 50%,\n"
    "             room: 64K, write-through: true}]\n"
    "switches: [s]\n"
    "links:\n"
    "- {between: [a, s], latency: 10us, jitter: 5us, bandwidth: 1Gbit, queue: 64K}\n"
    "- {between: [s, b], loss: 0.1%, duplicate: 10ppm, reorder: 1, reorder-by: 2ms}\n"
    "programs:\n"
    "- {name: server, machine: a, run: [/bin/server, '-v'], service: true, at: 0s..10ms}\n"
    "- {name: client, machine: b, run: [/bin/client], env: [A=1], input: \"x\\n\"}\n"
    "- {machine: b, run: [/bin/last], after: client, status: any, output: ok}\n"
    "faults:\n"
    "- {at: 1s, partition: [[a], [b]], for: 100ms, chance: 0.5}\n"
    "- {at: 2s..3s, kill: a, for: 1s}\n"
    "- {allocations: {machine: b, nth: 7, and-after: true}}\n"
    "- {clock: {machine: a, skew: -200ppm, jump: -3s}, at: 5ms}\n"
    "- {down: a-s, at: 1ms}\n"
    "- {link: s-b, quality: {loss: 1}}\n"
    "- {starve: {machine: a, cpu: 1}, for: 2ms}\n"
    "checks:\n"
    "- {machine: a, file: /out, contains: done}\n"
    "- {machine: b, run: [/bin/check]}\n";

START_TEST(machines_and_links_are_read)
{
    struct scenario *scenario = load(everything);

    ck_assert_msg(scenario != NULL, "%s", message);
    ck_assert_uint_eq(scenario->seed, UINT64_MAX);
    ck_assert_uint_eq(scenario->time_ns, 1500000000);
    ck_assert_int_eq(scenario->config.schedule, SIM_SCHEDULE_PCT);
    ck_assert_uint_eq(scenario->config.pct_depth, 4);
    ck_assert_uint_eq(scenario->config.switch_ppm, 50000);
    const struct scenario_machine *a = &scenario->machines[0], *b = &scenario->machines[1];
    ck_assert_str_eq(a->root, "/tmp");
    ck_assert_str_eq(a->options, "quiet debug");
    ck_assert_uint_eq(a->ram_bytes, 16 << 20);
    ck_assert_str_eq(a->add[0], "/dev/null:/etc/nothing");
    ck_assert_str_eq(a->add[1], "/dev/zero:/b");
    ck_assert_ptr_null(a->add[2]);
    ck_assert_uint_eq(b->disks[0].bytes, 1 << 20);
    ck_assert_uint_eq(b->disks[0].quality.latency_ns, 1000000);
    ck_assert_uint_eq(b->disks[0].quality.write_torn_ppm, 250000);
    ck_assert_uint_eq(b->disks[0].quality.cut_lose_ppm, 500000);
    ck_assert_uint_eq(b->disks[0].quality.room_sectors, 128);
    ck_assert(b->disks[0].quality.write_through);
    const struct scenario_link *link = scenario->links;
    ck_assert_int_eq(link[0].ends[0].machine, 0);
    ck_assert_int_eq(link[0].ends[1].machine, SCENARIO_NO_INDEX);
    ck_assert_uint_eq(link[0].quality.bits_per_s, 1000000000);
    ck_assert_uint_eq(link[0].quality.queue_bytes, 65536);
    ck_assert_uint_eq(link[1].quality.loss_ppm, 1000);
    ck_assert_uint_eq(link[1].quality.duplicate_ppm, 10);
    ck_assert_uint_eq(link[1].quality.reorder_ppm, 1000000);
    scenario_free(scenario);
}
END_TEST

START_TEST(programs_and_faults_are_read)
{
    struct scenario *scenario = load(everything);

    ck_assert_msg(scenario != NULL, "%s", message);
    const struct scenario_program *program = scenario->programs;
    ck_assert_str_eq(program[0].argv[1], "-v");
    ck_assert(program[0].service);
    ck_assert_uint_eq(program[0].at.to_ns, 10000000);
    ck_assert_str_eq(program[1].env[0], "A=1");
    ck_assert_str_eq(program[1].input, "x\n");
    ck_assert_int_eq(program[2].after, 1);
    ck_assert(program[2].any_status);
    ck_assert_str_eq(program[2].name, "/bin/last");
    const struct scenario_fault *fault = scenario->faults;
    ck_assert_int_eq(fault[0].kind, SCENARIO_PARTITION);
    ck_assert_uint_ne(fault[0].islands[0], fault[0].islands[1]);
    ck_assert_uint_eq(fault[0].chance_ppm, 500000);
    ck_assert_uint_eq(fault[1].at.from_ns, 2000000000);
    ck_assert_uint_eq(fault[1].at.to_ns, 3000000000);
    ck_assert_uint_eq(fault[2].nth, 7);
    ck_assert(fault[2].and_after);
    ck_assert_int_eq(fault[3].skew_ppm, -200);
    ck_assert_int_eq(fault[3].jump_ns, -3000000000);
    ck_assert_int_eq(fault[4].link, 0);
    ck_assert_uint_eq(fault[5].quality.loss_ppm, 1000000);
    ck_assert_uint_eq(fault[6].cpu, 1);
    ck_assert_str_eq(scenario->checks[0].contains, "done");
    ck_assert_str_eq(scenario->checks[1].argv[0], "/bin/check");
    scenario_free(scenario);
}
END_TEST

START_TEST(files_are_relative_to_the_scenario)
{
    char text[256];

    snprintf(text, sizeof(text), "machines: {a: {add: ['%s:/x']}}\n", strrchr(path, '/') + 1);
    struct scenario *scenario = load(text);
    ck_assert_msg(scenario != NULL, "%s", message);
    ck_assert_msg(strncmp(scenario->machines[0].add[0], path, strlen(path)) == 0, "%s",
                  scenario->machines[0].add[0]);
    scenario_free(scenario);
}
END_TEST

static const struct {
    const char *text, *message;
} mistakes[] = {
    {"", ": the file is empty"},
    {"machines: {a: {}\n", ":2: did not find expected ',' or '}'"},
    {"- a\n", ":1: names with values are wanted here"},
    {"seed: 1\n", ":1: machines is missing here"},
    {"machines: {}\n", ":1: there is no machine"},
    {"machines: {a: {}}\nsead: 1\n", ":2: there is no sead here; known are: seed, time"},
    {"machines: {a: {}}\nseed: 1\nseed: 2\n", ":3: seed stands here for the second time (line 2)"},
    {"machines: {a: {}, a: {}}\n", ":1: a stands here for the second time"},
    {"machines: {a: {}}\nseed: x\n", ":2: x: a whole number is wanted here"},
    {"machines: {a: {}}\nseed: -1\n", ":2: -1: a whole number is wanted here"},
    {"machines: {a: {}}\nseed: 99999999999999999999\n", ":2: 99999999999999999999: a whole"},
    {"machines: {a: {}}\nseed: [1]\n", ":2: one value is wanted here"},
    {"machines: {a: {}}\ntime: 5\n", ":2: 5: a time, as 10us, 1.5ms or 3s, is wanted here"},
    {"machines: {a: {}}\ntime: 5 s\n", ":2: 5 s: a time"},
    {"machines: {a: {}}\ntime: 1e30s\n", ":2: 1e30s is too large"},
    {"machines: {a: {}}\ntime: infs\n", ":2: infs: a time"},
    {"machines: {a: {}}\nschedule: best\n", ":2: best: random, pct, starve or fair is wanted"},
    {"machines: {a: {}}\nswitch: 200%\n", ":2: a probability is at most 1"},
    {"machines: {a: []}\n", ":1: names with values are wanted here"},
    {"machines:\n  a b: {}\n", ":2: a machine's name is made of letters, digits and _"},
    {"machines:\n  a:\n    cpus: 0\n", ":3: a machine has 1 to"},
    {"machines:\n  a:\n    cpus: 100000\n", ":3: a machine has 1 to"},
    {"machines:\n  a:\n    ram: 1M\n", ":3: a machine needs at least 8M of RAM"},
    {"machines:\n  a:\n    ram: 1T\n", ":3: 1T: a size, as 512, 64K, 16M or 1G, is wanted"},
    {"machines:\n  a:\n    root: missing.cpio\n", ":3: /tmp/missing.cpio: No such file"},
    {"machines:\n  a:\n    add: [x]\n", ":3: x: FILE:/PATH is wanted here"},
    {"machines:\n  a:\n    add: ['missing:/x']\n", ":3: /tmp/missing: No such file"},
    {"machines:\n  a:\n    disks: [{name: d}]\n", ":3: a disk needs a size"},
    {"machines:\n  a:\n    disks: [{name: d, size: 100}]\n", ":3: a disk needs a size"},
    {"machines:\n  a:\n    disks: [{size: 1M}]\n", ":3: name is missing here"},
    {"machines:\n  a:\n    disks: [{name: ../d, size: 1M}]\n", ":3: a disk's name is made of"},
    {"machines:\n  a:\n    disks:\n    - {name: d, size: 1M}\n    - {name: d, size: 1M}\n",
     ":5: there is a disk d already"},
    {"machines:\n  a:\n    disks: [{name: d, image: missing}]\n", ":3: /tmp/missing: No such file"},
    {"machines: {a: {}}\nswitches: [a]\n", ":2: there is a machine or switch a already"},
    {"machines: {a: {}}\nlinks: [{between: [a, b]}]\n", ":2: there is no machine or switch b"},
    {"machines: {a: {}}\nlinks: [{between: [a]}]\n", ":2: a link has two ends"},
    {"machines: {a: {}}\nlinks: [{between: [a, a]}]\n", ":2: a link from a to itself"},
    {"machines: {a: {}}\nlinks: [{}]\n", ":2: between is missing here"},
    {"machines: {a: {}, b: {}, c: {}}\nlinks:\n- between: [a, b]\n- between: [a, c]\n",
     ":4: the NIC a has a link already (line 3); a further NIC is a.1"},
    {"machines: {a: {}, b: {}}\nlinks: [{between: [a, b], loss: 2}]\n",
     ":2: a probability is at most 1"},
    {"machines: {a: {}, b: {}}\nlinks: [{between: [a, b], reorder: 1%}]\n",
     ":2: reordering needs a time"},
    {"machines: {a: {}, b: {}}\nlinks: [{between: [a, b], queue: 1K}]\n",
     ":2: a queue needs a bandwidth"},
    {"machines: {a: {}}\nprograms: [{machine: b, run: [/x]}]\n", ":2: there is no machine b"},
    {"machines: {a: {}}\nprograms: [{machine: a}]\n", ":2: run is missing here"},
    {"machines: {a: {}}\nprograms: [{machine: a, run: []}]\n", ":2: a program begins with its"},
    {"machines: {a: {}}\nprograms: [{machine: a, run: [x]}]\n", ":2: a program begins with its"},
    {"machines: {a: {}}\nprograms: [{machine: a, run: /x}]\n", ":2: a list of words is wanted"},
    {"machines: {a: {}}\nprograms: [{machine: a, run: [/x], after: y}]\n",
     ":2: no program y stands above"},
    {"machines: {a: {}}\nprograms: [{machine: a, run: [/x], status: 256}]\n",
     ":2: an exit status is at most 255"},
    {"machines: {a: {}}\nprograms: [{machine: a, run: [/x], service: yes}]\n",
     ":2: yes: true or false is wanted here"},
    {"machines: {a: {}}\nprograms: [{machine: a, run: [/x], at: 2s..1s}]\n",
     ":2: 2s..1s: the range ends before it begins"},
    {"machines: {a: {}}\nfaults: [{at: 1s}]\n", ":2: a fault is one of kill"},
    {"machines: {a: {}}\nfaults: [{kill: a, pause: a}]\n", ":2: a fault is one of kill"},
    {"machines: {a: {}}\nfaults: [{kill: b}]\n", ":2: there is no machine b"},
    {"machines: {a: {}}\nfaults: [{down: a-b}]\n", ":2: there is no link a-b"},
    {"machines: {a: {}}\nfaults: [{starve: {machine: a}}]\n", ":2: how long does the CPU starve?"},
    {"machines: {a: {}}\nfaults: [{starve: {machine: a, cpu: 1}, for: 1s}]\n",
     ":2: the machine has no CPU 1"},
    {"machines: {a: {}}\nfaults: [{allocations: {machine: a}}]\n", ":2: which allocations fail?"},
    {"machines: {a: {}}\nfaults: [{clock: {machine: a, skew: 5}}]\n", ":2: 5: a skew"},
    {"machines: {a: {}}\nchecks: [{machine: a}]\n", ":2: a check has either `run` or `file`"},
    {"machines: {a: {}}\nx: \"\\0\"\nseed: \"1\\0\"\n", ":2: there is no x here"},
    {"machines: {a: {}}\nseed: \"1\\0\"\n", ":2: a text must not contain a zero byte"},
    {"machines: {a: &loop {disks: [*loop]}}\n", ":1: "},
    {"\xff\xfe\xff", ": "},
};

START_TEST(mistakes_are_named_with_their_line)
{
    refuse(mistakes[_i].text, mistakes[_i].message);
}
END_TEST

START_TEST(files_that_cannot_be_read_are_named)
{
    ck_assert_ptr_null(scenario_load("/nonexistent/x.yaml", message, sizeof(message)));
    ck_assert_str_eq(message, "/nonexistent/x.yaml: No such file or directory");
    ck_assert_ptr_null(scenario_load("/tmp", message, sizeof(message)));
    ck_assert_str_eq(message, "/tmp: no file");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scenario files");
    TCase *tcase = tcase_create("scenario files");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, smallest_scenario_is_one_machine);
    tcase_add_test(tcase, machines_and_links_are_read);
    tcase_add_test(tcase, programs_and_faults_are_read);
    tcase_add_test(tcase, files_are_relative_to_the_scenario);
    tcase_add_loop_test(tcase, mistakes_are_named_with_their_line, 0,
                        sizeof(mistakes) / sizeof(mistakes[0]));
    tcase_add_test(tcase, files_that_cannot_be_read_are_named);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
