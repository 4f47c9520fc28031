/* SPDX-License-Identifier: MIT
 *
 * A session at work, for sim/scenario/session*.c.
 */
#ifndef SIM_SCENARIO_SESSION_INTERNAL_H
#define SIM_SCENARIO_SESSION_INTERNAL_H

#include "sim/scenario/pool.h"
#include "sim/scenario/session.h"

/* One run, as its process carries it out. */
struct job {
    const struct session *session;
    uint64_t seed;
    int allocation_machine; /* -1: no explorer */
    uint64_t allocation_nth;
    const struct run_disk_explorer *disk; /* NULL: none. Crashes: nth is the state's number; no
                                           * trace: it is recorded first */
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

/* session_disk.c: a run of an explorer of a disk, the whole exploration, and its disk by its name.
 */
void job_explore_disk(const struct job *job, struct run_options *options, struct run_result *out);
int session_explore_disk(const struct session *session);
bool session_find_disk(const struct scenario *scenario, const char *name,
                       struct run_disk_explorer *out);

/* This process's share of the cases 1..all of an explorer, or the one case that is wanted (all: 1);
 * the caller adds the work. */
struct pool_config session_share_of_cases(const struct session *session, uint64_t all);

/* What pool_run's failures mean, for the user and as a status. */
int session_pool_failed(int error);

#endif
