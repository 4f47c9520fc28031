/* SPDX-License-Identifier: MIT */
/*
 * `assay sim` and `assay replay`: their arguments, with argp(3).
 */
#include <argp.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/commands.h"
#include "sim/log/commands.h"
#include "sim/options.h"
#include "sim/scenario/bundle.h"
#include "sim/scenario/images.h"
#include "sim/scenario/session.h"

enum {
    KEY_SEED = 0x100,
    KEY_SEEDS,
    KEY_COUNT,
    KEY_TWICE,
    KEY_LOG,
    KEY_BUNDLE,
    KEY_NO_BUNDLE,
    KEY_NO_MINIMISE,
    KEY_FAULTS,
    KEY_ALLOCATIONS,
    KEY_NTH,
    KEY_REQUESTS,
    KEY_CRASHES,
    KEY_DROPS,
    KEY_WINDOW,
    KEY_TEARS,
    KEY_TIMEOUT,
    KEY_GDB,
    KEY_IN_PROCESS,
};

enum { DEFAULT_TIMEOUT_S = 120, JOBS_MAX = 1024 };

static const struct argp_option sim_options[] = {
    {"seed", KEY_SEED, "N", 0, "Run this seed only; else the scenario's", 0},
    {"seeds", KEY_SEEDS, "A..B", 0, "Run these seeds, until one fails", 0},
    {"jobs", 'j', "N", 0, "Run so many at a time; 1 by default, 0: one a CPU", 0},
    {"count", KEY_COUNT, NULL, 0, "Do not stop at the first failure, but count them", 0},
    {"twice", KEY_TWICE, NULL, 0, "Run every seed twice; it fails if the event logs differ", 0},
    {"log", KEY_LOG, "FILE", 0, "Write the event log of a single seed", 1},
    {"bundle", KEY_BUNDLE, "PATH", 0,
     "Write what is needed to replay a failure to this file, or into this folder; by default the "
     "current folder",
     1},
    {"no-bundle", KEY_NO_BUNDLE, NULL, 0, "Write none", 1},
    {"no-minimise", KEY_NO_MINIMISE, NULL, 0, "Do not look for fewer faults after a failure", 1},
    {"faults", KEY_FAULTS, "FILE", 0, "Inject only the faults that this plan names", 1},
    {"allocations", KEY_ALLOCATIONS, "MACHINE", 0,
     "Explore: run once for every kernel allocation of this machine, and fail it", 2},
    {"requests", KEY_REQUESTS, "MACHINE.DISK", 0,
     "Explore: run once for every request to this disk, and fail it", 2},
    {"crashes", KEY_CRASHES, "MACHINE.DISK", 0,
     "Explore: run the programs once, then the checks alone on every state in which a power cut "
     "can "
     "have left this disk",
     2},
    {"nth", KEY_NTH, "N", 0, "Of what is explored: only the N-th", 2},
    {"drops", KEY_DROPS, "N", 0,
     "With --crashes: at most N of the writes that were not flushed are missing; 1 by default", 2},
    {"window", KEY_WINDOW, "N", 0, "... among the last N before the crash; 8 by default", 2},
    {"tears", KEY_TEARS, "N", 0, "... and the last write is torn in N places; 1 by default", 2},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0,
     "Real time that one run may take, 120 by default; 0: no limit", 3},
    {"quiet", 'q', NULL, 0, "Say nothing but failures", 3},
    {0},
};

struct arguments {
    struct session session;
    bool no_bundle, have_seeds;
    const char *bundle; /* of replay */
    bool gdb, in_process;
};

static uint64_t parse_u64(const char *option, const char *text)
{
    char *end;

    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0) {
        die(EXIT_USAGE, "--%s %s: not a whole number", option, text);
    }
    return number;
}

static void parse_seeds(const char *text, struct session *session)
{
    const char *dots = strstr(text, "..");
    char *first = dots == NULL ? NULL : strndup(text, (size_t)(dots - text));

    if (first == NULL) {
        die(EXIT_USAGE, "--seeds %s: not a range, as 1..1000", text);
    }
    session->first_seed = parse_u64("seeds", first);
    session->last_seed = parse_u64("seeds", dots + 2);
    free(first);
    if (session->last_seed < session->first_seed ||
        session->last_seed - session->first_seed == UINT64_MAX) {
        die(EXIT_USAGE, "--seeds %s: the range is empty or too large", text);
    }
}

static unsigned parse_jobs(const char *text)
{
    uint64_t jobs = parse_u64("jobs", text);

    if (jobs > JOBS_MAX) {
        die(EXIT_USAGE, "--jobs %s: at most %d", text, JOBS_MAX);
    }
    return jobs == 0 ? (unsigned)sysconf(_SC_NPROCESSORS_ONLN) : (unsigned)jobs;
}

static unsigned parse_limit(const char *option, const char *text, uint64_t max)
{
    uint64_t number = parse_u64(option, text);

    if (number > max) {
        die(EXIT_USAGE, "--%s %s: at most %" PRIu64, option, text, max);
    }
    return (unsigned)number;
}

/* What is explored, and how far. */
static error_t parse_explorer(int key, char *arg, struct session *session)
{
    switch (key) {
    case KEY_ALLOCATIONS:
        session->allocations = arg;
        return 0;
    case KEY_NTH:
        session->nth = parse_u64("nth", arg);
        return 0;
    case KEY_REQUESTS:
        session->disk = arg;
        session->explore = RUN_EXPLORE_REQUESTS;
        return 0;
    case KEY_CRASHES:
        session->disk = arg;
        session->explore = RUN_EXPLORE_CRASHES;
        return 0;
    case KEY_DROPS:
        session->limits.drops = parse_limit("drops", arg, CRASH_DROPS_MAX);
        return 0;
    case KEY_WINDOW:
        session->limits.window = parse_limit("window", arg, INT32_MAX);
        return 0;
    case KEY_TEARS:
        session->limits.tears = parse_limit("tears", arg, INT32_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_sim(int key, char *arg, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct session *session = &arguments->session;

    switch (key) {
    case KEY_SEED:
        session->first_seed = session->last_seed = parse_u64("seed", arg);
        arguments->have_seeds = true;
        return 0;
    case KEY_SEEDS:
        parse_seeds(arg, session);
        arguments->have_seeds = true;
        return 0;
    case 'j':
        session->jobs = parse_jobs(arg);
        return 0;
    case KEY_COUNT:
        session->count = true;
        return 0;
    case KEY_TWICE:
        session->twice = true;
        return 0;
    case KEY_LOG:
        session->log = arg;
        return 0;
    case KEY_BUNDLE:
        session->bundle = arg;
        return 0;
    case KEY_NO_BUNDLE:
        arguments->no_bundle = true;
        return 0;
    case KEY_NO_MINIMISE:
        session->minimise = false;
        return 0;
    case KEY_FAULTS:
        session->faults = arg;
        return 0;
    case KEY_TIMEOUT:
        session->timeout_s = (unsigned)parse_u64("timeout", arg) & INT32_MAX;
        return 0;
    case 'q':
        session->quiet = true;
        return 0;
    case ARGP_KEY_ARG:
        if (session->path != NULL) {
            die(EXIT_USAGE, "%s: one scenario at a time", arg);
        }
        session->path = arg;
        return 0;
    case ARGP_KEY_NO_ARGS:
        die(EXIT_USAGE, "no scenario given; `assay sim --help` explains");
    default:
        return parse_explorer(key, arg, session);
    }
}

static void check_sim(struct arguments *arguments)
{
    struct session *session = &arguments->session;

    if (session->log != NULL && session->first_seed != session->last_seed) {
        die(EXIT_USAGE, "--log is for a single --seed");
    }
    const bool explores = session->allocations != NULL || session->disk != NULL;
    if (session->allocations != NULL && session->disk != NULL) {
        die(EXIT_USAGE, "--allocations, --requests and --crashes are for a run each");
    }
    if (session->log != NULL && explores && session->nth == 0) {
        die(EXIT_USAGE, "--log with --allocations, --requests or --crashes needs --nth");
    }
    if (session->nth != 0 && !explores) {
        die(EXIT_USAGE, "--nth is for --allocations, --requests and --crashes");
    }
    if (explores && session->first_seed != session->last_seed) {
        die(EXIT_USAGE, "--allocations, --requests and --crashes are for a single --seed");
    }
    if (session->faults != NULL && access(session->faults, R_OK) < 0) {
        die(EXIT_USAGE, "--faults %s: %s", session->faults, strerror(errno));
    }
    if (arguments->no_bundle) {
        session->bundle = NULL;
    }
}

/* Bazel's protocol for tests that are split over several machines. */
static void take_shard(struct session *session)
{
    const char *total = getenv("TEST_TOTAL_SHARDS"), *index = getenv("TEST_SHARD_INDEX");
    const char *status = getenv("TEST_SHARD_STATUS_FILE");

    if (total == NULL || index == NULL) {
        return;
    }
    session->shards = (unsigned)parse_u64("TEST_TOTAL_SHARDS", total);
    session->shard = (unsigned)parse_u64("TEST_SHARD_INDEX", index);
    if (session->shards == 0 || session->shard >= session->shards) {
        die(EXIT_USAGE, "TEST_SHARD_INDEX %s of TEST_TOTAL_SHARDS %s makes no sense", index, total);
    }
    if (status != NULL) {
        int fd = open(status, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd >= 0) {
            close(fd);
        }
    }
}

static int simulate(struct arguments *arguments)
{
    struct session *session = &arguments->session;
    char message[1024];
    struct scenario *scenario = scenario_load(session->path, message, sizeof(message));

    if (scenario == NULL) {
        die(EXIT_USAGE, "%s", message);
    }
    if (!arguments->have_seeds) {
        session->first_seed = session->last_seed = scenario->seed;
    }
    check_sim(arguments);
    take_shard(session);
    struct scenario_image *images = images_create(scenario);
    if (images == NULL) {
        die(EXIT_HOST, "out of memory");
    }
    session->scenario = scenario;
    session->images = images;
    int status = session_run(session);
    free(images);
    scenario_free(scenario);
    return status;
}

int command_sim(int argc, char **argv)
{
    static const struct argp parser = {
        .options = sim_options,
        .parser = parse_sim,
        .args_doc = "SCENARIO\ndiff LOG LOG\nexport LOG",
        .doc = "Simulate whole machines as SCENARIO, a YAML file, says: deterministic from a "
               "seed.\vdocs/simulation.md describes scenarios. `assay sim diff --help` and `assay "
               "sim export --help` explain these.\n\n"
               "Exit status: 0 if all runs pass, 1 if one fails, 2 if the scenario or an option "
               "makes no sense, 3 if all pass but programs span without a system call, so that a "
               "run is not deterministic; 128 and more: ended by that signal.\n"};
    struct arguments arguments = {.session = {.jobs = 1,
                                              .minimise = true,
                                              .bundle = ".",
                                              .timeout_s = DEFAULT_TIMEOUT_S,
                                              .limits = {.drops = 1, .window = 8, .tears = 1}}};

    argp_err_exit_status = EXIT_USAGE;
    if (argc > 1 && strcmp(argv[1], "diff") == 0) {
        argv[1] = (char *)"assay sim diff";
        return command_sim_diff(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "export") == 0) {
        argv[1] = (char *)"assay sim export";
        return command_sim_export(argc - 1, argv + 1);
    }
    if (argp_parse(&parser, argc, argv, 0, NULL, &arguments) != 0) {
        die(EXIT_USAGE, "these options make no sense");
    }
    return simulate(&arguments);
}

/* ---- assay replay ---- */

static const struct argp_option replay_options[] = {
    {"gdb", KEY_GDB, NULL, 0, "Stop in gdb where the run fails", 0},
    {"in-process", KEY_IN_PROCESS, NULL, 0, "Do not start a process for the run: for debuggers", 0},
    {0},
};

static error_t parse_replay(int key, char *arg, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case KEY_GDB:
        arguments->gdb = true;
        return 0;
    case KEY_IN_PROCESS:
        arguments->in_process = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->bundle != NULL) {
            die(EXIT_USAGE, "%s: one bundle at a time", arg);
        }
        arguments->bundle = arg;
        return 0;
    case ARGP_KEY_NO_ARGS:
        die(EXIT_USAGE, "no bundle given; `assay replay --help` explains");
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static _Noreturn void become_gdb(const char *bundle)
{
    char self[4096];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (size < 0) {
        die(EXIT_HOST, "/proc/self/exe: %s", strerror(errno));
    }
    self[size] = '\0';
    execlp("gdb", "gdb", "-q", "-ex", "set breakpoint pending on", "-ex", "break scenario_failed",
           "-ex", "break kernel_panic", "-ex", "handle SIGUSR1 SIGUSR2 SIGSYS nostop noprint pass",
           "-ex", "run", "--args", self, "replay", "--in-process", bundle, (char *)NULL);
    die(EXIT_HOST, "gdb: %s", strerror(errno));
}

/* What a run has left in a folder of scratch folders when it was killed. */
static void remove_scratch(char *folder)
{
    DIR *listing = opendir(folder);
    const struct dirent *entry;
    char *inner;

    while (listing != NULL && (entry = readdir(listing)) != NULL) {
        if (entry->d_name[0] != '.' && asprintf(&inner, "%s/%s", folder, entry->d_name) >= 0) {
            scratch_remove(inner);
        }
    }
    if (listing != NULL) {
        closedir(listing);
    }
    scratch_remove(folder);
}

/* gdb runs this command again, in one process, and stops where a run has failed, and where the
 * kernel panics. When gdb ends it kills that process, so its scratch files are ours to remove. */
static int replay_in_gdb(const char *bundle)
{
    char *folder = scratch_create();
    int status = 0;
    pid_t pid;

    if (folder == NULL || setenv("TMPDIR", folder, 1) < 0 || (pid = fork()) < 0) {
        die(EXIT_HOST, "gdb cannot be started: %s", strerror(errno));
    }
    if (pid == 0) {
        become_gdb(bundle);
    }
    signal(SIGINT, SIG_IGN); /* it is for gdb */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    remove_scratch(folder);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_HOST;
}

int command_replay(int argc, char **argv)
{
    static const struct argp parser = {
        .options = replay_options,
        .parser = parse_replay,
        .args_doc = "BUNDLE",
        .doc = "Run a failure again that `assay sim` has bundled.\vExit status: 0 if the run is "
               "the same again, event by event, 1 if it differs, 2 if the bundle is broken.\n"};
    struct arguments arguments = {0};

    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&parser, argc, argv, 0, NULL, &arguments) != 0) {
        die(EXIT_USAGE, "these options make no sense");
    }
    return arguments.gdb ? replay_in_gdb(arguments.bundle)
                         : session_replay(arguments.bundle, arguments.in_process);
}
