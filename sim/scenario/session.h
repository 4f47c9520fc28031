/* SPDX-License-Identifier: MIT
 *
 * What `assay sim` and `assay replay` do with a scenario: run seeds, explore, minimise a failure,
 * bundle it.
 */
#ifndef SIM_SCENARIO_SESSION_H
#define SIM_SCENARIO_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/scenario/run.h"

enum {
    SESSION_PASSED = 0,
    SESSION_FAILED = 1,
    SESSION_INVALID = 2, /* as EXIT_USAGE */
    SESSION_SPINS = 3,   /* all pass, but some are not functions of their seeds */
};

struct session {
    const char *path; /* of the scenario, for the replay line */
    const struct scenario *scenario;
    const struct scenario_image *images;

    uint64_t first_seed, last_seed;
    unsigned shard, shards; /* this process runs the shard-th of so many parts; 0, 1: all */
    unsigned jobs;
    unsigned timeout_s; /* host time a run may take */
    bool count;         /* do not stop at the first failure */
    bool twice;         /* run every seed twice and compare */
    bool minimise;
    const char *bundle;       /* file or folder for failure bundles; NULL: none */
    const char *log;          /* event log of a single seed; NULL: none */
    const char *faults;       /* a plan to restrict the runs to; NULL: none */
    const char *allocations;  /* explore the failure of each allocation of this machine ... */
    uint64_t nth;             /* ... or of this one only; 0: of each */
    const char *disk;         /* explore this disk, MACHINE.DISK: ... */
    enum run_explore explore; /* ... its failing requests, or crashes; nth as above */
    struct crash_limits limits;
    bool quiet;
};

/* Returns an enum value above, or 128 and a signal's number. */
int session_run(const struct session *session);

/* Run what a bundle contains. `in_process`: without a process of its own, for debuggers. Returns
 * SESSION_PASSED if the failure is the same again. */
int session_replay(const char *bundle, bool in_process);

#endif
