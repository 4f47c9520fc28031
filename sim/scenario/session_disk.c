/* SPDX-License-Identifier: MIT */
/*
 * Explorers of disks (sim/scenario/session.h): each request to a disk fails once; and each state in
 * which a power cut can have left it.
 *
 * For crashes the scenario is run once, which records what is written to the disk. Then there is a
 * run for each state (sim/disk/crash.h lists them): all machines boot, the disk is as the crash
 * left it, no program runs, and the checks must hold. The recording is made in a process of its
 * own, as all runs are, and comes back in a file.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "sim/scenario/pool.h"
#include "sim/scenario/session_internal.h"

bool session_find_disk(const struct scenario *scenario, const char *name,
                       struct run_disk_explorer *out)
{
    for (size_t i = 0; i < scenario->machine_count; i++) {
        const struct scenario_machine *machine = &scenario->machines[i];
        const size_t length = strlen(machine->name);
        if (strncmp(name, machine->name, length) != 0 || name[length] != '.') {
            continue;
        }
        for (size_t j = 0; j < machine->disk_count; j++) {
            if (strcmp(name + length + 1, machine->disks[j].name) == 0) {
                out->machine = (int)i;
                out->disk = j;
                return true;
            }
        }
    }
    return false;
}

/* ---- one run ---- */

static void fail(struct run_result *out, enum run_outcome outcome, const char *message)
{
    *out = (struct run_result){.outcome = outcome};
    snprintf(out->message, sizeof(out->message), "%s", message);
}

/* Run the programs, and record. What a run logs is the later run's business. */
static void record(const struct job *job, const struct run_options *options,
                   struct run_disk_explorer *explorer, struct run_result *out)
{
    struct run_options recording = *options;

    explorer->nth = 0;
    explorer->trace = crash_trace_create();
    if (explorer->trace == NULL) {
        fail(out, RUN_INVALID, "out of memory");
        return;
    }
    recording.disk = explorer;
    recording.log_fd = -1;
    recording.folder = NULL;
    scenario_run(job->session->scenario, &recording, out);
}

struct search {
    uint64_t wanted, seen; /* the state's number, from 1 */
    struct crash_state state;
};

static bool find_state(void *context, const struct crash_state *state)
{
    struct search *search = context;

    search->seen++;
    search->state = *state;
    return search->seen != search->wanted;
}

/* The message's beginning becomes what state it is. */
static void describe(const struct run_disk_explorer *explorer, struct run_result *out)
{
    char message[sizeof(out->message)], state[200];

    memcpy(message, out->message, sizeof(message));
    crash_state_describe(explorer->trace, explorer->state, state, sizeof(state));
    snprintf(out->message, sizeof(out->message), "crash state %" PRIu64 " (%s): %.700s",
             explorer->nth, state, message);
}

static void run_crash(const struct job *job, struct run_options *options,
                      struct run_disk_explorer *explorer, struct run_result *out)
{
    struct search search = {.wanted = job->disk->nth};

    if (explorer->trace == NULL) {
        record(job, options, explorer, out);
        if (out->outcome != RUN_PASSED) {
            return;
        }
        explorer->nth = job->disk->nth;
    }
    crash_states(explorer->trace, &job->session->limits, find_state, &search);
    if (search.seen != search.wanted) {
        fail(out, RUN_INVALID, "--nth: there are fewer crash states");
        return;
    }
    explorer->state = &search.state;
    options->disk = explorer;
    scenario_run(job->session->scenario, options, out);
    if (out->outcome == RUN_FAILED) {
        describe(explorer, out);
    }
}

void job_explore_disk(const struct job *job, struct run_options *options, struct run_result *out)
{
    struct run_disk_explorer explorer = *job->disk;

    if (explorer.kind == RUN_EXPLORE_CRASHES && explorer.nth > 0) {
        run_crash(job, options, &explorer, out);
    } else {
        options->disk = &explorer;
        scenario_run(job->session->scenario, options, out);
    }
    if (job->disk->trace == NULL) {
        crash_trace_destroy(explorer.trace);
        free(explorer.console);
    }
}

/* ---- all of them ---- */

struct exploration {
    const struct session *session;
    struct run_disk_explorer explorer; /* for all runs, but nth */
    int trace_fd;
    uint64_t passed, failed, first_failed;
    struct run_result failure;
    bool invalid;
};

static void work(void *context, uint64_t nth, struct run_result *out)
{
    const struct exploration *exploration = context;
    struct run_disk_explorer explorer = exploration->explorer;
    const struct job job = {.session = exploration->session,
                            .seed = exploration->session->first_seed,
                            .allocation_machine = -1,
                            .disk = &explorer};

    explorer.nth = nth;
    job_work((void *)&job, nth, out);
}

static bool finished(void *context, uint64_t nth, const struct run_result *result)
{
    struct exploration *exploration = context;

    if (result->outcome == RUN_PASSED) {
        exploration->passed++;
        return true;
    }
    if (exploration->failed++ == 0 || nth < exploration->first_failed) {
        exploration->first_failed = nth;
        exploration->failure = *result;
    }
    exploration->invalid = exploration->invalid || result->outcome == RUN_INVALID;
    return !exploration->invalid;
}

/* In a process: run the programs, and leave the trace and the console's text in the file. */
static void work_record(void *context, uint64_t number, struct run_result *out)
{
    struct exploration *exploration = context;
    struct run_disk_explorer explorer = exploration->explorer;
    const struct job job = {.session = exploration->session, .allocation_machine = -1};
    const struct run_options options = {.seed = exploration->session->first_seed,
                                        .images = exploration->session->images,
                                        .log_fd = -1,
                                        .allocation_machine = -1};

    (void)number;
    record(&job, &options, &explorer, out);
    uint64_t bytes = explorer.console_bytes;
    const int fd = exploration->trace_fd;
    if (out->outcome == RUN_PASSED && (write(fd, &bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes) ||
                                       write(fd, explorer.console, bytes) != (ssize_t)bytes ||
                                       crash_trace_save(explorer.trace, fd) != 0)) {
        fail(out, RUN_INVALID, "no room for what the disk's writes are");
    }
}

/* The file's contents. 0 or negative errno. */
static int take_recording(struct exploration *exploration)
{
    struct run_disk_explorer *explorer = &exploration->explorer;
    const int fd = exploration->trace_fd;
    uint64_t bytes;

    if (lseek(fd, 0, SEEK_SET) != 0 || read(fd, &bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes)) {
        return -EIO;
    }
    explorer->console = malloc((size_t)bytes + 1);
    if (explorer->console == NULL || read(fd, explorer->console, bytes) != (ssize_t)bytes) {
        return -EIO;
    }
    explorer->console_bytes = (size_t)bytes;
    return crash_trace_load(fd, &explorer->trace);
}

static bool count_state(void *context, const struct crash_state *state)
{
    (void)context;
    (void)state;
    return true;
}

/* The first run, which counts or records. The number of cases; 0: *out_status is the end. */
static uint64_t count_cases(struct exploration *exploration, int *out_status)
{
    const struct session *session = exploration->session;
    const bool crashes = session->explore == RUN_EXPLORE_CRASHES;
    struct run_result result;
    int error =
        pool_run_one(crashes ? work_record : work, exploration, 0, session->timeout_s, &result);

    if (error != 0) {
        *out_status = session_pool_failed(error);
        return 0;
    }
    if (result.outcome != RUN_PASSED) {
        const struct job job = {
            .session = session, .seed = session->first_seed, .allocation_machine = -1};
        *out_status = session_report_failure(session, &job, &result);
        return 0;
    }
    if (crashes) {
        error = take_recording(exploration);
        if (error != 0) {
            fprintf(stderr, "assay: cannot read what the disk's writes are: %s\n",
                    strerror(-error));
            *out_status = SESSION_INVALID;
            return 0;
        }
        return crash_states(exploration->explorer.trace, &session->limits, count_state, NULL);
    }
    if (result.allocations == 0) {
        fprintf(stderr, "assay: --requests: the programs make no request to the disk\n");
        *out_status = SESSION_INVALID;
    }
    return result.allocations;
}

static int report(const struct exploration *exploration, double seconds)
{
    const struct session *session = exploration->session;
    const char *what =
        session->explore == RUN_EXPLORE_CRASHES ? "crash states" : "failing requests";
    struct run_disk_explorer explorer = {.kind = session->explore,
                                         .machine = exploration->explorer.machine,
                                         .disk = exploration->explorer.disk,
                                         .nth = exploration->first_failed};
    const struct job job = {.session = session,
                            .seed = session->first_seed,
                            .allocation_machine = -1,
                            .disk = &explorer};

    if (exploration->failed == 0) {
        if (!session->quiet) {
            printf("%" PRIu64 " %s pass, in %.1f s\n", exploration->passed, what, seconds);
        }
        return SESSION_PASSED;
    }
    if (!exploration->invalid) {
        printf("%" PRIu64 " of %" PRIu64 " %s are not survived; the first is number %" PRIu64 "\n",
               exploration->failed, exploration->passed + exploration->failed, what,
               exploration->first_failed);
    }
    return session_report_failure(session, &job, &exploration->failure);
}

static int explore(struct exploration *exploration)
{
    const struct session *session = exploration->session;
    struct timespec begun, now;
    uint64_t all = 1;
    int status = SESSION_INVALID;

    clock_gettime(CLOCK_MONOTONIC, &begun);
    if (session->nth == 0) {
        all = count_cases(exploration, &status);
        if (all == 0) {
            return status;
        }
    }
    struct pool_config config = session_share_of_cases(session, all);
    config.context = exploration;
    config.work = work;
    config.finished = finished;
    int error = pool_run(&config);
    if (error != 0) {
        return session_pool_failed(error);
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    return report(exploration, (double)(now.tv_sec - begun.tv_sec) +
                                   (double)(now.tv_nsec - begun.tv_nsec) / 1e9);
}

int session_explore_disk(const struct session *session)
{
    struct exploration exploration = {.session = session,
                                      .explorer = {.kind = session->explore},
                                      .trace_fd = memfd_create("trace", MFD_CLOEXEC)};

    if (!session_find_disk(session->scenario, session->disk, &exploration.explorer)) {
        fprintf(stderr, "assay: %s: %s has no such disk; disks are named MACHINE.DISK\n",
                session->disk, session->path);
        close(exploration.trace_fd);
        return SESSION_INVALID;
    }
    int status = explore(&exploration);
    crash_trace_destroy(exploration.explorer.trace);
    free(exploration.explorer.console);
    close(exploration.trace_fd);
    return status;
}
