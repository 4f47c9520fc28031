/* SPDX-License-Identifier: MIT */
/*
 * Runs of many seeds, and the explorer of failing allocations (sim/scenario/session.h).
 */
#include "sim/scenario/session.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/scenario/pool.h"
#include "sim/scenario/session_internal.h"

/* ---- one run ---- */

static void set_invalid(struct run_result *out, const char *what, const char *path)
{
    *out = (struct run_result){.outcome = RUN_INVALID};
    snprintf(out->message, sizeof(out->message), "%s: %s", path, what);
}

static int read_plan(struct fault_plan *plan, const char *path, struct run_result *out)
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        set_invalid(out, strerror(errno), path);
        return -1;
    }
    int line = fault_plan_read(plan, file);
    fclose(file);
    if (line != 0) {
        *out = (struct run_result){.outcome = RUN_INVALID};
        snprintf(out->message, sizeof(out->message), "%s:%d: no fault", path, line);
        return -1;
    }
    fault_plan_restrict(plan);
    return 0;
}

static void write_plan(const struct fault_plan *plan, const char *folder)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/plan", folder);
    FILE *file = fopen(path, "we");
    if (file != NULL) {
        fault_plan_write(plan, file);
        fclose(file);
    }
}

static int open_log(const struct job *job)
{
    char path[4096];

    if (job->folder == NULL) {
        return job->session->log == NULL
                   ? -1
                   : open(job->session->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    }
    snprintf(path, sizeof(path), "%s/%s", job->folder,
             job->log_name == NULL ? "log" : job->log_name);
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

void job_work(void *context, uint64_t number, struct run_result *out)
{
    const struct job *job = context;
    struct fault_plan *plan = fault_plan_create();
    struct run_options options = {
        .seed = job->seed,
        .images = job->session->images,
        .plan = plan,
        .log_fd = open_log(job),
        .folder = job->folder,
        .allocation_machine = job->allocation_machine,
        .allocation_nth = job->allocation_nth,
    };

    (void)number;
    if (plan == NULL) {
        set_invalid(out, "out of memory", job->session->path);
        return;
    }
    if (options.log_fd < 0 && (job->folder != NULL || job->session->log != NULL)) {
        set_invalid(out, strerror(errno), job->folder ? job->folder : job->session->log);
    } else if (!job->restricted || read_plan(plan, job->plan_path, out) == 0) {
        if (job->disk != NULL) {
            job_explore_disk(job, &options, out);
        } else {
            scenario_run(job->session->scenario, &options, out);
        }
        if (job->folder != NULL) {
            write_plan(plan, job->folder);
        }
    }
    if (options.log_fd >= 0) {
        close(options.log_fd);
    }
    fault_plan_destroy(plan);
}

/* ---- many runs ---- */

struct progress {
    const struct session *session;
    struct timespec begun;
    uint64_t total, passed, failed;
    uint64_t host_preemptions;
    uint64_t own_errors, signals; /* of programs, which they may have when allocations fail */
    uint64_t records, time_ns;
    bool have_failure, invalid;
    uint64_t failing_number;
    struct run_result failure;

    /* The explorer's. */
    int allocation_machine;
    uint64_t seed;
};

static double seconds_since(const struct timespec *begun)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begun->tv_sec) + (double)(now.tv_nsec - begun->tv_nsec) / 1e9;
}

static void show_progress(const struct progress *progress)
{
    const uint64_t done = progress->passed + progress->failed;

    if (!progress->session->quiet && isatty(STDERR_FILENO)) {
        fprintf(stderr, "\rassay: %" PRIu64 " of %" PRIu64 ", %" PRIu64 " failed, %.1f/s \033[K",
                done, progress->total, progress->failed,
                (double)done / (seconds_since(&progress->begun) + 1e-9));
    }
}

static void end_progress(const struct progress *progress)
{
    if (!progress->session->quiet && isatty(STDERR_FILENO)) {
        fputs("\r\033[K", stderr);
    }
}

static bool finished(void *context, uint64_t number, const struct run_result *result)
{
    struct progress *progress = context;

    progress->host_preemptions += result->report.spin_preemptions;
    progress->own_errors += result->own_errors;
    progress->signals += result->signals;
    progress->records += result->records;
    progress->time_ns += result->time_ns;
    if (result->outcome == RUN_PASSED) {
        progress->passed++;
        show_progress(progress);
        return true;
    }
    progress->failed++;
    progress->invalid = progress->invalid || result->outcome == RUN_INVALID;
    /* With several jobs, the order of ends is the host's; the lowest number is reported. */
    if (!progress->have_failure || number < progress->failing_number) {
        progress->have_failure = true;
        progress->failing_number = number;
        progress->failure = *result;
    }
    show_progress(progress);
    return progress->session->count && !progress->invalid;
}

/* Both runs in one process, so that the second finds everything used. */
static void work_seed(void *context, uint64_t seed, struct run_result *out)
{
    const struct progress *progress = context;
    struct job job = {.session = progress->session,
                      .seed = seed,
                      .allocation_machine = -1,
                      .restricted = progress->session->faults != NULL,
                      .plan_path = progress->session->faults};
    struct run_result second;

    job_work(&job, seed, out);
    if (progress->session->twice && out->outcome != RUN_INVALID) {
        job_work(&job, seed, &second);
        if (memcmp(out->hash, second.hash, sizeof(out->hash)) != 0) {
            out->outcome = RUN_FAILED;
            out->differs = true;
            snprintf(out->message, sizeof(out->message),
                     "two runs of this seed differ: the event logs' hashes are "
                     "%016" PRIx64 "%016" PRIx64 " and %016" PRIx64 "%016" PRIx64,
                     out->hash[0], out->hash[1], second.hash[0], second.hash[1]);
        }
    }
}

/* Returns the session's status. */
static int say_passed(const struct progress *progress, const char *what)
{
    if (!progress->session->quiet) {
        printf("%" PRIu64 " %s pass: %" PRIu64 " events, %.3f s of virtual time, in %.1f s\n",
               progress->passed, what, progress->records, (double)progress->time_ns / 1e9,
               seconds_since(&progress->begun));
    }
    if (!progress->session->quiet && progress->session->allocations != NULL) {
        printf("programs: %" PRIu64 " ended with an error of their own, %" PRIu64
               " by a signal; no kernel failed, nothing hung, all checks held\n",
               progress->own_errors, progress->signals);
    }
    if (progress->host_preemptions > 0) {
        fprintf(stderr,
                "assay: programs span without a system call and were stopped %" PRIu64
                " times by the host's clock: their runs are not deterministic from there on (see "
                "SPIN in the log, and spin-steps in docs/simulation.md)\n",
                progress->host_preemptions);
        return SESSION_SPINS;
    }
    return SESSION_PASSED;
}

int session_pool_failed(int error)
{
    if (error == -EINTR) {
        return 128 + pool_signal();
    }
    fprintf(stderr, "assay: cannot start processes: %s\n", strerror(-error));
    return SESSION_INVALID;
}

static struct pool_config session_share(const struct session *session, uint64_t first, uint64_t all)
{
    const uint64_t shards = session->shards == 0 ? 1 : session->shards;

    return (struct pool_config){
        .first = first + session->shard,
        .count = all > session->shard ? (all - session->shard + shards - 1) / shards : 0,
        .step = shards,
        .jobs = session->jobs,
        .timeout_s = session->timeout_s,
    };
}

struct pool_config session_share_of_cases(const struct session *session, uint64_t all)
{
    struct pool_config config = session_share(session, 1, all);

    if (session->nth != 0) {
        config.first = session->nth;
    }
    return config;
}

static int run_seeds(const struct session *session)
{
    const uint64_t all = session->last_seed - session->first_seed + 1;
    struct progress progress = {.session = session, .allocation_machine = -1};
    struct pool_config config = session_share(session, session->first_seed, all);

    config.context = &progress;
    config.work = work_seed;
    config.finished = finished;
    clock_gettime(CLOCK_MONOTONIC, &progress.begun);
    progress.total = config.count;
    int error = pool_run(&config);
    end_progress(&progress);
    if (error != 0) {
        return session_pool_failed(error);
    }
    if (!progress.have_failure) {
        return say_passed(&progress, "seeds");
    }
    if (session->count && progress.passed + progress.failed > 1) {
        printf("%" PRIu64 " of %" PRIu64 " seeds fail; the first is %" PRIu64 "\n", progress.failed,
               progress.passed + progress.failed, progress.failing_number);
    }
    const struct job job = {.session = session,
                            .seed = progress.failing_number,
                            .allocation_machine = -1,
                            .restricted = session->faults != NULL,
                            .plan_path = session->faults};
    return session_report_failure(session, &job, &progress.failure);
}

/* ---- the explorer of allocations ---- */

static void work_allocation(void *context, uint64_t nth, struct run_result *out)
{
    const struct progress *progress = context;
    struct job job = {.session = progress->session,
                      .seed = progress->seed,
                      .allocation_machine = progress->allocation_machine,
                      .allocation_nth = nth};

    job_work(&job, nth, out);
}

/* How many allocations there are; 0 after a failure, which has been reported as *out_status. */
static uint64_t count_allocations(struct progress *progress, int *out_status)
{
    const struct session *session = progress->session;
    const struct job job = {.session = session,
                            .seed = progress->seed,
                            .allocation_machine = progress->allocation_machine};
    struct run_result result;
    int error = pool_run_one(work_allocation, progress, 0, session->timeout_s, &result);

    if (error != 0) {
        *out_status = session_pool_failed(error);
    } else if (result.outcome != RUN_PASSED) {
        *out_status = session_report_failure(session, &job, &result);
    } else if (result.allocations == 0) {
        fprintf(stderr, "assay: --allocations: the machine makes no allocation\n");
        *out_status = SESSION_INVALID;
    } else {
        return result.allocations;
    }
    return 0;
}

static int explore_allocations(const struct session *session)
{
    struct progress progress = {.session = session, .seed = session->first_seed};
    uint64_t all = 1;
    int status;

    progress.allocation_machine = scenario_find_machine(session->scenario, session->allocations);
    if (progress.allocation_machine == SCENARIO_NO_INDEX) {
        fprintf(stderr, "assay: --allocations %s: %s has no such machine\n", session->allocations,
                session->path);
        return SESSION_INVALID;
    }
    clock_gettime(CLOCK_MONOTONIC, &progress.begun);
    if (session->nth == 0) {
        all = count_allocations(&progress, &status);
        if (all == 0) {
            return status;
        }
    }
    struct pool_config config = session_share_of_cases(session, all);
    config.context = &progress;
    config.work = work_allocation;
    config.finished = finished;
    progress.total = config.count;
    int error = pool_run(&config);
    end_progress(&progress);
    if (error != 0) {
        return session_pool_failed(error);
    }
    if (!progress.have_failure) {
        return say_passed(&progress, "failing allocations");
    }
    printf("%" PRIu64 " of %" PRIu64 " failing allocations are not survived; the first is number "
           "%" PRIu64 "\n",
           progress.failed, progress.passed + progress.failed, progress.failing_number);
    const struct job job = {.session = session,
                            .seed = progress.seed,
                            .allocation_machine = progress.allocation_machine,
                            .allocation_nth = progress.failing_number};
    return session_report_failure(session, &job, &progress.failure);
}

int session_run(const struct session *session)
{
    if (session->explore != RUN_EXPLORE_NOTHING) {
        return session_explore_disk(session);
    }
    return session->allocations != NULL ? explore_allocations(session) : run_seeds(session);
}
