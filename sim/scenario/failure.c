/* SPDX-License-Identifier: MIT */
/*
 * What follows a failure: the replay line, fewer faults, a bundle, and its replay
 * (sim/scenario/session.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/log/diff.h"
#include "sim/scenario/bundle.h"
#include "sim/scenario/images.h"
#include "sim/scenario/minimise.h"
#include "sim/scenario/pool.h"
#include "sim/scenario/session_internal.h"

enum { TRIALS_MAX = 200, SHOWN_FAULTS_MAX = 20 };

/* ---- minimising ---- */

/* The faults of the failing run, as lines of its plan. */
struct trials {
    const struct job *job;
    const char *folder;
    char **lines;
    size_t count;
};

static int write_lines(const struct trials *trials, const bool *kept, const char *path)
{
    FILE *file = fopen(path, "we");

    if (file == NULL) {
        return -errno;
    }
    for (size_t i = 0; i < trials->count; i++) {
        if (kept[i]) {
            fputs(trials->lines[i], file);
        }
    }
    return fclose(file) == 0 ? 0 : -EIO;
}

static bool still_fails(void *context, const bool *kept)
{
    const struct trials *trials = context;
    struct job job = *trials->job;
    struct run_result result;
    char path[4096];

    snprintf(path, sizeof(path), "%s/minimal-plan", trials->folder);
    job.folder = NULL;
    job.restricted = true;
    job.plan_path = path;
    return write_lines(trials, kept, path) == 0 &&
           pool_run_one(job_work, &job, 0, job.session->timeout_s, &result) == 0 &&
           result.outcome == RUN_FAILED;
}

static void read_lines(struct trials *trials)
{
    char path[4096], *line = NULL;
    size_t room = 0;

    snprintf(path, sizeof(path), "%s/plan", trials->folder);
    FILE *file = fopen(path, "re");
    while (file != NULL && getline(&line, &room, file) > 0) {
        char **lines = realloc(trials->lines, (trials->count + 1) * sizeof(lines[0]));
        if (lines == NULL) {
            break;
        }
        trials->lines = lines;
        trials->lines[trials->count] = strdup(line);
        trials->count += trials->lines[trials->count] != NULL;
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
}

static void show_kept(const struct trials *trials, const bool *kept, size_t left)
{
    size_t shown = 0;

    printf("minimised: %zu of %zu faults are enough%s\n", left, trials->count, left ? ":" : "");
    for (size_t i = 0; i < trials->count && shown < SHOWN_FAULTS_MAX; i++) {
        if (kept[i]) {
            printf("  %s", trials->lines[i]);
            shown++;
        }
    }
}

/* True if folder/minimal-plan now has a plan that is enough for the failure. */
static bool minimise_faults(const struct job *job, const char *folder)
{
    struct trials trials = {.job = job, .folder = folder};
    char path[4096];
    bool *kept, done = false;

    read_lines(&trials);
    kept = calloc(trials.count + 1, sizeof(kept[0]));
    if (trials.count > 0 && kept != NULL) {
        size_t left = minimise(trials.count, kept, TRIALS_MAX, still_fails, &trials);
        if (pool_signal() == 0) {
            snprintf(path, sizeof(path), "%s/minimal-plan", folder);
            done = write_lines(&trials, kept, path) == 0;
            show_kept(&trials, kept, left);
        }
    }
    for (size_t i = 0; i < trials.count; i++) {
        free(trials.lines[i]);
    }
    free(trials.lines);
    free(kept);
    return done;
}

/* ---- bundling ---- */

static int copy_file(const char *from, const char *folder, const char *name)
{
    char path[4096], buffer[65536];
    size_t count;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *in = fopen(from, "rbe"), *out = fopen(path, "wbe");
    while (in != NULL && out != NULL && (count = fread(buffer, 1, sizeof(buffer), in)) > 0) {
        fwrite(buffer, 1, count, out);
    }
    int error = in == NULL || out == NULL || ferror(in) || ferror(out) ? -EIO : 0;
    if (in != NULL) {
        fclose(in);
    }
    if (out != NULL && fclose(out) != 0) {
        error = -EIO;
    }
    return error;
}

/* Where the bundle goes: --bundle itself, or a file in it if it is a folder. */
static char *bundle_path(const struct job *job)
{
    const char *wanted = job->session->bundle, *base = strrchr(job->session->path, '/');
    struct stat info;
    char *path;

    if (stat(wanted, &info) < 0 || !S_ISDIR(info.st_mode)) {
        return strdup(wanted);
    }
    base = base == NULL ? job->session->path : base + 1;
    if (asprintf(&path, "%s/%.*s-%" PRIu64 ".bundle", wanted, (int)strcspn(base, "."), base,
                 job->seed) < 0) {
        return NULL;
    }
    return path;
}

static void write_bundle(const struct job *job, const struct run_result *result, const char *folder)
{
    struct bundle bundle = {
        .seed = job->seed,
        .restricted = job->restricted,
        .allocation_machine = job->allocation_machine,
        .allocation_nth = job->allocation_nth,
        .hash = {result->hash[0], result->hash[1]},
    };
    if (job->disk != NULL) {
        bundle.explore = job->disk->kind;
        bundle.disk_nth = job->disk->nth;
        bundle.limits = job->session->limits;
        snprintf(bundle.disk, sizeof(bundle.disk), "%s", job->session->disk);
    }
    char message[512] = "out of memory";
    char *path = bundle_path(job);

    memcpy(bundle.message, result->message, sizeof(bundle.message));
    if (path == NULL || copy_file(job->session->path, folder, "scenario.yaml") != 0 ||
        images_write(job->session->scenario, job->session->images, folder) != 0 ||
        bundle_write(path, folder, &bundle, message, sizeof(message)) != 0) {
        fprintf(stderr, "assay: no bundle: %s\n", message);
    } else {
        printf("bundle: %s\n", path);
    }
    free(path);
}

static void show_divergence(const struct job *job, const char *folder)
{
    struct job again = *job;
    struct run_result result;
    char first[4096], second[4096];

    again.folder = folder;
    again.log_name = "second-log";
    if (pool_run_one(job_work, &again, 0, job->session->timeout_s, &result) == 0) {
        snprintf(first, sizeof(first), "%s/log", folder);
        snprintf(second, sizeof(second), "%s/second-log", folder);
        log_diff(first, second, 5, stdout, stderr);
    }
    unlink(second);
}

static void show_replay(const struct job *job)
{
    printf("replay: assay sim %s --seed %" PRIu64, job->session->path, job->seed);
    if (job->allocation_machine >= 0) {
        printf(" --allocations %s --nth %" PRIu64, job->session->allocations, job->allocation_nth);
    }
    if (job->disk != NULL && job->disk->nth > 0) {
        const struct crash_limits *limits = &job->session->limits;
        printf(" --%s %s --nth %" PRIu64,
               job->disk->kind == RUN_EXPLORE_CRASHES ? "crashes" : "requests", job->session->disk,
               job->disk->nth);
        if (job->disk->kind == RUN_EXPLORE_CRASHES) {
            printf(" --drops %u --window %u --tears %u", limits->drops, limits->window,
                   limits->tears);
        }
    }
    if (job->session->faults != NULL) {
        printf(" --faults %s", job->session->faults);
    }
    putchar('\n');
}

int session_report_failure(const struct session *session, const struct job *job,
                           const struct run_result *result)
{
    if (result->outcome == RUN_INVALID) {
        fprintf(stderr, "assay: %s\n", result->message);
        return SESSION_INVALID;
    }
    printf("seed %" PRIu64 ": %s\n", job->seed, result->message);
    show_replay(job);
    fflush(stdout);
    if (session->bundle == NULL && !session->minimise && !result->differs) {
        return SESSION_FAILED;
    }
    char *folder = scratch_create();
    if (folder == NULL) {
        fprintf(stderr, "assay: no bundle: cannot make a scratch folder in %s: %s\n",
                scratch_parent(), strerror(errno));
        return SESSION_FAILED;
    }
    struct job final = *job;
    struct run_result again;
    char plan[4096];
    final.folder = folder;
    (void)pool_run_one(job_work, &final, 0, session->timeout_s, &again);
    if (result->differs && pool_signal() == 0) {
        show_divergence(&final, folder);
    }
    if (session->minimise && pool_signal() == 0 && again.outcome == RUN_FAILED &&
        minimise_faults(&final, folder)) {
        snprintf(plan, sizeof(plan), "%s/minimal-plan", folder);
        final.restricted = true;
        final.plan_path = plan;
        (void)pool_run_one(job_work, &final, 0, session->timeout_s, &again);
        unlink(plan);
    }
    if (session->bundle != NULL && pool_signal() == 0) {
        write_bundle(&final, &again, folder);
    }
    scratch_remove(folder);
    return pool_signal() != 0 ? 128 + pool_signal() : SESSION_FAILED;
}

/* ---- replaying ---- */

/* Equal but for the scenario's path, which comes first. */
static bool same_message(const char *a, const char *b)
{
    const char *rest_of_a = strchr(a, ':'), *rest_of_b = strchr(b, ':');

    return rest_of_a != NULL && rest_of_b != NULL ? strcmp(rest_of_a, rest_of_b) == 0
                                                  : strcmp(a, b) == 0;
}

static int compare_replay(const struct bundle *bundle, const struct run_result *result)
{
    if (result->outcome == RUN_INVALID) {
        fprintf(stderr, "assay: %s\n", result->message);
        return SESSION_INVALID;
    }
    printf("seed %" PRIu64 ": %s\n", bundle->seed,
           result->outcome == RUN_PASSED ? "passes" : result->message);
    if (memcmp(bundle->hash, result->hash, sizeof(bundle->hash)) == 0) {
        puts("the same run: the event logs are equal");
        return SESSION_PASSED;
    }
    if (result->report.addresses_vary && same_message(bundle->message, result->message)) {
        puts("the same failure; the event logs cannot be compared, as the machines' memory is not "
             "at "
             "its usual address in this process");
        return SESSION_PASSED;
    }
    puts("another run than the bundle's: the event logs differ");
    return SESSION_FAILED;
}

static int replay_in(const char *path, char *folder, bool in_process)
{
    struct bundle bundle;
    struct run_result result = {0};
    char message[1024], scenario_path[4096], plan[4096];
    int status = SESSION_INVALID;

    if (bundle_read(path, folder, &bundle, message, sizeof(message)) != 0) {
        fprintf(stderr, "assay: %s\n", message);
        return SESSION_INVALID;
    }
    snprintf(scenario_path, sizeof(scenario_path), "%s/scenario.yaml", folder);
    snprintf(plan, sizeof(plan), "%s/plan", folder);
    struct scenario *scenario =
        scenario_load_without_files(scenario_path, message, sizeof(message));
    struct scenario_image *images =
        scenario == NULL ? NULL : images_read(scenario, folder, message, sizeof(message));
    if (scenario != NULL) {
        scenario->document.path = "scenario.yaml"; /* for messages; the folder is of no interest */
    }
    struct run_disk_explorer disk = {.kind = bundle.explore, .nth = bundle.disk_nth};
    if (images != NULL && bundle.explore != RUN_EXPLORE_NOTHING &&
        !session_find_disk(scenario, bundle.disk, &disk)) {
        fprintf(stderr, "assay: %s: the manifest names no disk\n", path);
    } else if (images == NULL || bundle.allocation_machine >= (int)scenario->machine_count) {
        fprintf(stderr, "assay: %s: %s\n", path,
                images == NULL ? message : "the manifest names no machine");
    } else {
        const struct session session = {.path = path,
                                        .scenario = scenario,
                                        .images = images,
                                        .disk = bundle.disk,
                                        .explore = bundle.explore,
                                        .limits = bundle.limits};
        struct job job = {.session = &session,
                          .seed = bundle.seed,
                          .allocation_machine = bundle.allocation_machine,
                          .allocation_nth = bundle.allocation_nth,
                          .disk = bundle.explore != RUN_EXPLORE_NOTHING ? &disk : NULL,
                          .restricted = bundle.restricted,
                          .plan_path = plan};
        if (in_process) {
            job_work(&job, 0, &result);
            status = compare_replay(&bundle, &result);
        } else {
            int error = pool_run_one(job_work, &job, 0, 0, &result);
            status = error == 0 ? compare_replay(&bundle, &result) : 128 + pool_signal();
        }
    }
    free(images);
    scenario_free(scenario);
    return status;
}

int session_replay(const char *path, bool in_process)
{
    char *folder = scratch_create();

    if (folder == NULL) {
        fprintf(stderr, "assay: cannot make a scratch folder in %s: %s\n", scratch_parent(),
                strerror(errno));
        return SESSION_INVALID;
    }
    int status = replay_in(path, folder, in_process);
    scratch_remove(folder);
    return status;
}
