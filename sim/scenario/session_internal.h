/* SPDX-License-Identifier: MIT
 *
 * A session at work, for sim/scenario/session*.c.
 */
#ifndef SIM_SCENARIO_SESSION_INTERNAL_H
#define SIM_SCENARIO_SESSION_INTERNAL_H

#include "sim/scenario/session.h"

/* One run, as its process carries it out. */
struct job {
    const struct session *session;
    uint64_t seed;
    int allocation_machine; /* -1: no explorer */
    uint64_t allocation_nth;
    const char *folder;   /* where captures, consoles, log and plan go; NULL: nowhere */
    const char *log_name; /* in it; NULL: "log" */
    bool restricted;      /* to the plan in the file: */
    const char *plan_path;
};

/* For pool_run_one; the context is a struct job, the number does not matter. */
void job_work(void *context, uint64_t number, struct run_result *out);

/* A run has failed: say so, minimise, bundle. Returns SESSION_FAILED, or 128 and a signal. */
int session_report_failure(const struct session *session, const struct job *job,
                           const struct run_result *result);

#endif
