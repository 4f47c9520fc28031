/* SPDX-License-Identifier: MIT
 *
 * Runs many cases, each in a process of its own, some at a time: a case that kills its process or
 * never ends is a failure like others, and no case sees what another did.
 */
#ifndef SIM_SCENARIO_POOL_H
#define SIM_SCENARIO_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/scenario/run.h"

struct pool_config {
    uint64_t first, count; /* the cases' numbers */
    uint64_t step;         /* between one number and the next; 0: 1 */
    unsigned jobs;         /* processes at a time */
    unsigned timeout_s;    /* host time that a case may take; 0: no limit */
    void *context;

    /* In the case's process. */
    void (*work)(void *context, uint64_t number, struct run_result *out);

    /* In this process, once a case is over, in any order. False: start no more. */
    bool (*finished)(void *context, uint64_t number, const struct run_result *result);
};

/* 0; -EINTR after SIGINT, SIGTERM or SIGHUP (the cases have been ended); -errno when processes
 * cannot be made. Takes SIGCHLD and these signals while it runs; the process has no other children.
 */
int pool_run(const struct pool_config *config);

/* One case. */
int pool_run_one(void (*work)(void *context, uint64_t number, struct run_result *out),
                 void *context, uint64_t number, unsigned timeout_s, struct run_result *out);

/* After -EINTR: the signal. */
int pool_signal(void);

#endif
