/* SPDX-License-Identifier: MIT
 *
 * Looks at programs of system calls, the inputs of syscall_fuzz:
 *
 *   program show FILE        run it and print each call with its result
 *   program c FILE           run it and print a C program with the same calls, for Linux
 *   program minimize FILE    drop calls and then arguments while it fails in the same way; writes
 *                            FILE.min
 *   program hunt SECONDS SEED FOLDER...
 *                            fuzz without coverage, but fast: changed and crossed programs from the
 *                            folders; writes what fails to ./hunt-N
 *   program recipes FOLDER   writes a program of each recipe (recipes.c), with values that suit it
 *   program survey FOLDER...
 *                            how often each call is made and succeeds in the folders' programs, and
 *                            which of its errors are none of Linux's
 *   program missing FOLDER...
 *                            the calls that succeed in none of the folders' programs
 *   program bench [SECONDS]  programs a second, and what a reset costs
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/errno_sets.h"
#include "fuzz/minimize.h"
#include "fuzz/print_program.h"
#include "fuzz/recipes.h"
#include "fuzz/run_program.h"
#include "fuzz/survey.h"

static struct program program;
static struct run_outcome outcome;

static void load(const char *path, struct program *out)
{
    uint8_t bytes[PROGRAM_BYTES_MAX];
    FILE *file = fopen(path, "rb");

    if (!file) {
        perror(path);
        exit(1);
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    program_decode(bytes, size, out);
}

static void save(const char *path, const struct program *it)
{
    uint8_t bytes[PROGRAM_BYTES_MAX];
    size_t size = program_encode(it, bytes, sizeof bytes);
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(bytes, 1, size, file) != size) {
        perror(path);
        exit(1);
    }
    fclose(file);
}

/* ---- show ---- */

static void show_call(void *argument, unsigned index, unsigned lane,
                      const struct prepared_call *call, const int64_t *result)
{
    (void)argument;
    if (call) {
        printf("%2u [%u] ", index, lane);
        print_call(stdout, call);
        puts(" ...");
    } else {
        const char *name = print_errno(*result);
        printf("%2u [%u]     = %lld%s%s\n", index, lane, (long long)*result, name ? " " : "",
               name ? name : "");
    }
    fflush(stdout);
}

static int show(const char *path)
{
    const struct run_options options = {.check_leaks = true, .observe = show_call};

    load(path, &program);
    printf("seed %u, flags %#x, failing allocation %u, %u calls\n", program.header.seed,
           program.header.flags, program.header.fail_at, program.count);
    run_program(&program, &options, &outcome);
    printf("%u calls made%s, digest %016llx\n", outcome.calls,
           outcome.switched_off ? ", switched off" : "", (unsigned long long)outcome.digest);
    return 0;
}

/* ---- C ---- */

static bool made[PROGRAM_CALLS_MAX];

static void c_call(void *argument, unsigned index, unsigned lane, const struct prepared_call *call,
                   const int64_t *result)
{
    (void)argument;
    (void)result;
    if (call) {
        print_c_call(stdout, index, lane, call);
        made[index] = true;
        fflush(stdout);
    }
}

static int to_c(const char *path)
{
    const struct run_options options = {.observe = c_call};
    int status;

    load(path, &program);
    print_c_begin(stdout, path);
    fflush(stdout);
    /* In a child, as it may well crash; which calls it got to make comes back through a pipe. */
    int ends[2];
    if (pipe(ends) < 0)
        return 1;
    pid_t pid = fork();
    if (pid == 0) {
        run_program(&program, &options, &outcome);
        fflush(stdout);
        (void)!write(ends[1], made, sizeof made);
        _exit(0);
    }
    close(ends[1]);
    if (read(ends[0], made, sizeof made) != sizeof made)
        memset(made, 1, sizeof made); /* it crashed: all of them, as far as they were printed */
    close(ends[0]);
    waitpid(pid, &status, 0);
    for (unsigned i = 0; i < program.count; i++) {
        if (!made[i])
            program.calls[i].number = UINT16_MAX;
    }
    print_c_end(stdout, &program);
    return 0;
}

/* ---- minimize ---- */

static int minimize(const char *path)
{
    char signature[MINIMIZE_SIGNATURE_MAX], out[4096];

    load(path, &program);
    run_reset(); /* so that the children need not boot */
    if (!minimize_program(&program, &(struct run_options){.check_leaks = true}, signature)) {
        fprintf(stderr, "%s does not fail\n", path);
        return 1;
    }
    snprintf(out, sizeof out, "%s.min", path);
    save(out, &program);
    printf("%s: %u calls; %s\n", out, program.count, signature);
    return 0;
}

/* ---- hunt ---- */

enum { HUNT_SEEDS_MAX = 4096, HUNT_CRASHES_MAX = 100 };

struct hunt {
    struct program current; /* what the child runs, for the parent to save */
    unsigned runs;
};

static struct program *seeds[HUNT_SEEDS_MAX];
static unsigned seed_count;

static void load_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char name[4096];

    while (folder && (entry = readdir(folder)) && seed_count < HUNT_SEEDS_MAX) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        seeds[seed_count] = malloc(sizeof(struct program));
        load(name, seeds[seed_count++]);
    }
    if (folder)
        closedir(folder);
}

static void invent(struct program *out, uint64_t *random)
{
    memset(out, 0, sizeof *out);
    if (seed_count > 0 && program_random(random) % 8) {
        const struct program *one = seeds[program_random(random) % seed_count];
        const struct program *two = seeds[program_random(random) % seed_count];
        if (program_random(random) % 2)
            program_cross(one, two, random, PROGRAM_CALLS_MAX, out);
        else
            *out = *one;
    }
    for (unsigned i = 1 + program_random(random) % 12; i > 0; i--)
        program_mutate(out, random, PROGRAM_CALLS_MAX);
}

static void hunt_child(struct hunt *hunt, uint64_t random)
{
    const struct run_options options = {.check_leaks = true};

    for (;;) {
        invent(&hunt->current, &random);
        alarm(30);
        run_program(&hunt->current, &options, &outcome);
        hunt->runs++;
    }
}

static int hunt(double seconds, uint64_t seed, char **folders)
{
    struct hunt *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const time_t end = time(NULL) + (time_t)seconds;
    unsigned crashes = 0;
    char name[64];
    int status;

    for (; *folders; folders++)
        load_folder(*folders);
    run_reset();
    while (time(NULL) < end && crashes < HUNT_CRASHES_MAX) {
        pid_t pid = fork();
        if (pid == 0)
            hunt_child(shared, seed + crashes * 1000003ull);
        while (waitpid(pid, &status, WNOHANG) == 0 && time(NULL) < end)
            usleep(50000);
        if (time(NULL) >= end) {
            kill(pid, SIGKILL);
            break;
        }
        snprintf(name, sizeof name, "hunt-%u", crashes++);
        save(name, &shared->current);
        printf("%s: status %#x after %u programs\n", name, (unsigned)status, shared->runs);
        fflush(stdout);
    }
    printf("%u programs, %u failed\n", shared->runs, crashes);
    return crashes > 0;
}

/* ---- recipes ---- */

enum { RECIPE_TRIES = 400 };

/* How many calls succeed; the program's own count if all do. */
static unsigned count_successes(const struct program *it)
{
    struct survey *survey = survey_create();
    unsigned count = 0;

    survey_add(survey, it);
    for (unsigned i = 0; i < it->count; i++)
        count += survey->calls[it->calls[i].number].succeeded > 0;
    munmap(survey, sizeof *survey);
    return count;
}

/* Of the values that chance may give it, those with which most of its calls succeed. */
static bool make_recipe(unsigned index, struct program *out)
{
    unsigned best = 0;

    for (uint64_t seed = 0; seed < RECIPE_TRIES && (!best || best <= out->count); seed++) {
        struct program candidate = {.count = 0};
        uint64_t random = seed << 8 | index;
        candidate.count = recipe_make(index, &random, candidate.calls);
        const unsigned successes = count_successes(&candidate);
        if (successes + 1 > best) {
            best = successes + 1;
            *out = candidate;
        }
    }
    return out->count > 0;
}

static int save_recipes(const char *folder)
{
    char name[4096];

    for (unsigned i = 0; recipe_text(i); i++) {
        memset(&program, 0, sizeof program);
        if (!make_recipe(i, &program)) {
            fprintf(stderr, "what does this mean: %s\n", recipe_text(i));
            return 1;
        }
        snprintf(name, sizeof name, "%s/recipe-%02u", folder, i);
        save(name, &program);
    }
    return 0;
}

/* ---- survey ---- */

static struct survey *survey_folders(char **folders)
{
    struct survey *survey = survey_create();

    for (; *folders; folders++)
        load_folder(*folders);
    for (unsigned i = 0; i < seed_count; i++)
        survey_add(survey, seeds[i]);
    return survey;
}

static int print_survey(const struct survey *survey)
{
    unsigned args;

    for (unsigned number = 0; number < SURVEY_CALLS; number++) {
        if (!program_call_exists(number))
            continue;
        printf("%8u %8u %s", survey->calls[number].made, survey->calls[number].succeeded,
               program_call_name(number, &args));
        for (int error = 1; error < SURVEY_ERRORS; error++) {
            if (survey->calls[number].errors[error] && !errno_is_possible(number, error))
                printf(" !%s", print_errno(-error));
        }
        putchar('\n');
    }
    return 0;
}

/* The calls that could succeed, and in none of the programs do, with the errors that they had. */
static int print_missing(const struct survey *survey)
{
    unsigned args, count = 0;

    for (unsigned number = 0; number < SURVEY_CALLS; number++) {
        if (!survey_is_missing(survey, number))
            continue;
        count++;
        printf("%s", program_call_name(number, &args));
        for (int error = 1; error < SURVEY_ERRORS; error++) {
            if (survey->calls[number].errors[error])
                printf(" %s", print_errno(-error));
        }
        putchar('\n');
    }
    printf("%u calls never succeed\n", count);
    return 0;
}

/* ---- bench ---- */

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* of this CPU alone: others may share it */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

enum { BENCH_PROGRAMS = 64, BENCH_CALLS = 11, BENCH_CALLS_MADE = 10 };

/* Programs that get to make ten calls or more. */
static void make_programs(struct program *programs)
{
    const struct run_options options = {.check_leaks = false, .any_errno = true};
    uint64_t random = 1;

    for (unsigned i = 0; i < BENCH_PROGRAMS;) {
        memset(&programs[i], 0, sizeof *programs);
        while (programs[i].count < BENCH_CALLS)
            program_mutate(&programs[i], &random, BENCH_CALLS);
        programs[i].header.flags = 0;
        run_program(&programs[i], &options, &outcome);
        i += outcome.calls >= BENCH_CALLS_MADE;
    }
}

static void bench_programs(const struct program *programs, bool check_leaks, double seconds)
{
    const struct run_options options = {.check_leaks = check_leaks, .any_errno = true};
    unsigned runs = 0, calls = 0, dirty = 0;
    double start = now_s(), spent;

    do {
        run_program(&programs[runs % BENCH_PROGRAMS], &options, &outcome);
        calls += outcome.calls;
        runs++;
        spent = now_s() - start;
    } while (spent < seconds);
    for (unsigned i = 0; i < BENCH_PROGRAMS; i++) {
        run_program(&programs[i], &options, &outcome);
        dirty += (unsigned)run_dirty_pages();
    }
    printf("%-44s %8.0f /s, %4.1f calls and %3u pages written each\n",
           check_leaks ? "programs with leak check and reset" : "programs with reset", runs / spent,
           (double)calls / runs, dirty / BENCH_PROGRAMS);
}

static int bench(double seconds)
{
    static struct program programs[BENCH_PROGRAMS];
    unsigned resets = 0;
    double start, spent;

    make_programs(programs);
    bench_programs(programs, false, seconds);
    bench_programs(programs, true, seconds);
    start = now_s();
    do {
        run_reset();
        resets++;
        spent = now_s() - start;
    } while (spent < seconds / 4);
    printf("%-44s %8.1f us\n", "reset alone, nothing written", spent / resets * 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";

    if (strcmp(command, "show") == 0 && argc == 3)
        return show(argv[2]);
    if (strcmp(command, "c") == 0 && argc == 3)
        return to_c(argv[2]);
    if (strcmp(command, "minimize") == 0 && argc == 3)
        return minimize(argv[2]);
    if (strcmp(command, "hunt") == 0 && argc >= 4)
        return hunt(atof(argv[2]), strtoull(argv[3], NULL, 0), argv + 4);
    if (strcmp(command, "recipes") == 0 && argc == 3)
        return save_recipes(argv[2]);
    if (strcmp(command, "survey") == 0)
        return print_survey(survey_folders(argv + 2));
    if (strcmp(command, "missing") == 0)
        return print_missing(survey_folders(argv + 2));
    if (strcmp(command, "bench") == 0)
        return bench(argc > 2 ? atof(argv[2]) : 5);
    fprintf(stderr,
            "usage: program show|c|minimize FILE, program hunt SECONDS SEED FOLDER..., "
            "program recipes FOLDER, program survey|missing FOLDER..., program bench [SECONDS]\n");
    return 2;
}
