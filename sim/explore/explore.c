/* SPDX-License-Identifier: MIT */
/*
 * Explorers of disks (sim/explore/explore.h), on the processes of sim/scenario/pool.h. A process
 * checks a batch of crash states, as a state takes less time than a process.
 */
#include "sim/explore/explore.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/pool.h"

enum { BATCH = 64 };

/* ---- crash states ---- */

static void record(void *context, const struct disk_report *report)
{
    struct crash_trace *trace = context;

    /* Without memory the trace is incomplete, and the check would pass for nothing. */
    if (report->status == 0 && report->operation == DISK_WRITE && report->sectors_kept > 0 &&
        crash_trace_write(trace, report->sector, report->sectors_kept, report->bytes) != 0) {
        abort();
    }
    if (report->status == 0 && report->operation == DISK_FLUSH) {
        (void)crash_trace_flush(trace);
    }
}

void explore_record(struct disk *disk, struct crash_trace *trace)
{
    disk_observe(disk, record, trace);
}

/* All states, listed once, for the processes to choose from. */
struct listing {
    const struct explore_crashes *explorer;
    struct crash_state *states;
    size_t count, room;
    bool failed;
    struct explore_summary *summary;
};

static bool list_state(void *context, const struct crash_state *state)
{
    struct listing *listing = context;

    if (listing->count == listing->room) {
        size_t room = listing->room == 0 ? 256 : 2 * listing->room;
        struct crash_state *states = realloc(listing->states, room * sizeof(states[0]));
        if (states == NULL) {
            listing->failed = true;
            return false;
        }
        listing->states = states;
        listing->room = room;
    }
    listing->states[listing->count++] = *state;
    return true;
}

/* Check one state; false with a message. */
static bool check_state(const struct listing *listing, size_t index, char *message, size_t bytes)
{
    const struct explore_crashes *explorer = listing->explorer;
    const struct crash_state *state = &listing->states[index];
    struct store store;
    int used;

    message[0] = '\0';
    int error = store_init(&store, explorer->sectors, explorer->base_fd);
    if (error == 0) {
        error = crash_state_apply(explorer->trace, state, &store);
    }
    crash_state_describe(explorer->trace, state, message, bytes);
    used = (int)strlen(message);
    if (error != 0) {
        snprintf(message + used, bytes - (size_t)used, ": cannot be made: %s", strerror(-error));
        return false;
    }
    used += snprintf(message + used, bytes - (size_t)used, ": ");
    bool good =
        explorer->check(explorer->context, state, &store, message + used, bytes - (size_t)used);
    store_free(&store);
    return good;
}

/* The result's `records` counts states checked, `faults` those that failed, and `allocations` is
 * the number of the first of these. */
static void check_batch(void *context, uint64_t batch, struct run_result *out)
{
    const struct listing *listing = context;
    const size_t first = (size_t)batch * BATCH;
    char message[sizeof(out->message)];

    *out = (struct run_result){.outcome = RUN_PASSED};
    for (size_t i = first; i < first + BATCH && i < listing->count; i++) {
        out->records++;
        if (!check_state(listing, i, message, sizeof(message))) {
            if (out->faults++ == 0) {
                out->allocations = i;
                memcpy(out->message, message, sizeof(message));
            }
        }
    }
}

static void take_failure(struct explore_summary *summary, uint64_t number, const char *message)
{
    if (summary->failed == 0 || number < summary->first) {
        summary->first = number;
        snprintf(summary->message, sizeof(summary->message), "%s", message);
    }
}

static bool batch_done(void *context, uint64_t batch, const struct run_result *result)
{
    struct explore_summary *summary = ((struct listing *)context)->summary;

    if (result->outcome != RUN_PASSED) { /* the process died */
        take_failure(summary, batch * BATCH, result->message);
        summary->cases++;
        summary->failed++;
    } else {
        if (result->faults > 0) {
            take_failure(summary, result->allocations, result->message);
        }
        summary->cases += result->records;
        summary->failed += result->faults;
    }
    return true;
}

int explore_crashes(const struct explore_crashes *explorer, struct explore_summary *out)
{
    struct listing listing = {.explorer = explorer, .summary = out};
    int error = -ENOMEM;

    *out = (struct explore_summary){0};
    crash_states(explorer->trace, &explorer->limits, list_state, &listing);
    if (!listing.failed) {
        const struct pool_config config = {
            .count = (listing.count + BATCH - 1) / BATCH,
            .jobs = explorer->jobs,
            .timeout_s = explorer->timeout_s,
            .context = &listing,
            .work = check_batch,
            .finished = batch_done,
        };
        error = pool_run(&config);
    }
    free(listing.states);
    return error;
}

/* ---- failing requests ---- */

struct requests {
    const struct explore_requests *explorer;
    struct explore_summary *summary;
};

static void run_workload(void *context, uint64_t nth, struct run_result *out)
{
    const struct requests *requests = context;
    const struct explore_requests *explorer = requests->explorer;

    *out = (struct run_result){.outcome = RUN_PASSED};
    if (!explorer->workload(explorer->context, nth, &out->records, out->message,
                            sizeof(out->message))) {
        out->outcome = RUN_FAILED;
    }
}

static bool workload_done(void *context, uint64_t nth, const struct run_result *result)
{
    struct explore_summary *summary = ((struct requests *)context)->summary;
    char message[sizeof(summary->message)];

    summary->cases++;
    if (result->outcome != RUN_PASSED) {
        snprintf(message, sizeof(message), "request %" PRIu64 " fails: %.900s", nth,
                 result->message);
        take_failure(summary, nth, message);
        summary->failed++;
    }
    return true;
}

int explore_requests(const struct explore_requests *explorer, struct explore_summary *out)
{
    struct requests requests = {explorer, out};
    struct run_result count;

    *out = (struct explore_summary){0};
    int error = pool_run_one(run_workload, &requests, 0, explorer->timeout_s, &count);
    if (error != 0) {
        return error;
    }
    if (count.outcome != RUN_PASSED) {
        memcpy(out->message, count.message, sizeof(out->message));
        return -EINVAL;
    }
    const struct pool_config config = {
        .first = 1,
        .count = count.records,
        .jobs = explorer->jobs,
        .timeout_s = explorer->timeout_s,
        .context = &requests,
        .work = run_workload,
        .finished = workload_done,
    };
    return pool_run(&config);
}
