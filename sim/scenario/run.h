/* SPDX-License-Identifier: MIT
 *
 * Runs a scenario once, with one seed, in this process.
 */
#ifndef SIM_SCENARIO_RUN_H
#define SIM_SCENARIO_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/disk/crash.h"
#include "sim/faults/plan.h"
#include "sim/scenario/scenario.h"

/* The machines' root file systems, packed. */
struct scenario_image {
    const void *bytes; /* NULL: empty */
    size_t count;
};

/* What is explored of a disk. */
enum run_explore { RUN_EXPLORE_NOTHING, RUN_EXPLORE_REQUESTS, RUN_EXPLORE_CRASHES };

struct run_disk_explorer {
    enum run_explore kind;
    int machine;
    size_t disk; /* of the machine */

    /* REQUESTS: this one fails, counted from the start of the programs (1-based; 0: only count
     * them); programs may fail then. CRASHES: 0: record what is written; else programs do not run,
     * the disk is as `state` left it, and the checks are made. */
    uint64_t nth;
    struct crash_trace *trace;
    const struct crash_state *state;

    /* CRASHES: what the machine's console said; recorded, and then the checks' standard input up to
     * the state's mark. */
    char *console;
    size_t console_bytes;
};

struct run_options {
    uint64_t seed;
    const struct scenario_image *images; /* one for each machine */
    struct fault_plan *plan;             /* may be NULL */
    int log_fd;                          /* event log; -1: none */
    const char *folder;                  /* for captures and disk images; NULL: none */

    /* Explorer: kernel allocations of this machine fail from the start of its programs, and
     * programs may fail then, but the kernel must not. -1: none. */
    int allocation_machine;
    uint64_t allocation_nth; /* 0: only count them */

    struct run_disk_explorer *disk; /* NULL: none */
};

enum run_outcome {
    RUN_PASSED,
    RUN_FAILED,  /* the scenario does not hold */
    RUN_INVALID, /* it cannot be run: message says why */
};

struct run_result {
    enum run_outcome outcome;
    char message[1024];
    uint64_t hash[2], records, time_ns, faults;
    uint64_t allocations; /* seen on the explorer's machine; or requests of its disk */
    /* Programs that have failed, as they may in an explorer's run: by themselves, by a signal. */
    uint64_t own_errors, signals;
    bool differs; /* two runs of the seed were not the same */
    struct sim_report report;
};

/* Blocks until the run has ended. */
void scenario_run(const struct scenario *scenario, const struct run_options *options,
                  struct run_result *out);

/* Called with the result when a run fails, before anything is cleaned up: a place for breakpoints.
 */
void scenario_failed(const struct run_result *result);

#endif
