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
 *   program recipes FOLDER   writes a program of each recipe (recipes.c)
 *   program survey FOLDER...
 *                            how often each call is made and succeeds in the folders' programs, and
 *                            which of its errors are none of Linux's
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
#include "fuzz/print_program.h"
#include "fuzz/recipes.h"
#include "fuzz/run_program.h"

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

enum { SIGNATURE_MAX = 200 };

/* The line that says what failed, without numbers. */
static bool take_signature(const char *line, char *out)
{
    static const char *const starts[] = {"fuzz: ", "kernel panic: ", "SUMMARY: ", "host: "};
    size_t used = 0;

    for (unsigned i = 0; i < sizeof starts / sizeof *starts; i++) {
        const char *found = strstr(line, starts[i]);
        if (!found || strstr(found, "libFuzzer"))
            continue;
        for (; *found && *found != '\n' && used < SIGNATURE_MAX - 1; found++) {
            if (*found < '0' || *found > '9')
                out[used++] = *found;
        }
        out[used] = '\0';
        return true;
    }
    return false;
}

/* How the program fails, run in a child; an empty signature if it does not. */
static void signature_of(const struct program *it, char *out)
{
    const struct run_options options = {.check_leaks = true};
    char line[1024];
    int ends[2], status;

    out[0] = '\0';
    if (pipe(ends) < 0)
        exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 2);
        alarm(20);
        run_program(it, &options, &outcome);
        _exit(0);
    }
    close(ends[1]);
    FILE *errors = fdopen(ends[0], "r");
    bool found = false;
    while (fgets(line, sizeof line, errors)) {
        if (!found)
            found = take_signature(line, out);
    }
    fclose(errors);
    waitpid(pid, &status, 0);
    if (status == 0)
        out[0] = '\0';
    else if (!found)
        snprintf(out, SIGNATURE_MAX, "status %#x", (unsigned)status);
}

static bool fails_alike(const struct program *it, const char *signature)
{
    char now[SIGNATURE_MAX];

    signature_of(it, now);
    return strcmp(now, signature) == 0;
}

static bool drop_calls(struct program *it, const char *signature)
{
    bool dropped = false;

    for (unsigned size = it->count / 2 ? it->count / 2 : 1; size > 0; size /= 2) {
        for (unsigned at = 0; at + size <= it->count;) {
            struct program smaller = *it;
            memmove(&smaller.calls[at], &it->calls[at + size],
                    (it->count - at - size) * sizeof *it->calls);
            smaller.count -= size;
            if (fails_alike(&smaller, signature)) {
                *it = smaller;
                dropped = true;
            } else {
                at += size;
            }
        }
    }
    return dropped;
}

static void simplify_arguments(struct program *it, const char *signature)
{
    for (unsigned i = 0; i < it->count; i++) {
        for (unsigned field = 0; field < 9; field++) {
            struct program simpler = *it;
            struct program_call *call = &simpler.calls[i];
            if (field < 6)
                call->args[field] = (struct program_arg){0};
            else if (field == 6)
                call->lane = 0;
            else if (field == 7)
                call->control = 0;
            else
                call->seed = 0;
            if (memcmp(&simpler, it, sizeof simpler) && fails_alike(&simpler, signature))
                *it = simpler;
        }
    }
    struct program simpler = *it;
    memset(&simpler.header, 0, sizeof simpler.header);
    if (fails_alike(&simpler, signature))
        *it = simpler;
}

static int minimize(const char *path)
{
    char signature[SIGNATURE_MAX], out[4096];

    load(path, &program);
    run_reset(); /* so that the children need not boot */
    signature_of(&program, signature);
    if (!signature[0]) {
        fprintf(stderr, "%s does not fail\n", path);
        return 1;
    }
    while (drop_calls(&program, signature)) {
        /* until none can go */
    }
    simplify_arguments(&program, signature);
    drop_calls(&program, signature);
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

static int save_recipes(const char *folder)
{
    char name[4096];

    for (unsigned i = 0; recipe_text(i); i++) {
        uint64_t random = i;
        memset(&program, 0, sizeof program);
        program.count = recipe_make(i, &random, program.calls);
        if (program.count == 0) {
            fprintf(stderr, "what does this mean: %s\n", recipe_text(i));
            return 1;
        }
        snprintf(name, sizeof name, "%s/recipe-%02u", folder, i);
        save(name, &program);
    }
    return 0;
}

/* ---- survey ---- */

enum { SURVEY_CALLS = 512, SURVEY_ERRORS = 134 };

struct survey {
    struct {
        unsigned made, succeeded, errors[SURVEY_ERRORS];
    } calls[SURVEY_CALLS];
};

static void survey_call(void *argument, unsigned index, unsigned lane,
                        const struct prepared_call *call, const int64_t *result)
{
    struct survey *survey = argument;
    const unsigned number = program.calls[index].number;

    (void)lane;
    if (call || number >= SURVEY_CALLS)
        return;
    survey->calls[number].made++;
    if (*result >= 0 || *result < -4095)
        survey->calls[number].succeeded++;
    else if (-*result < SURVEY_ERRORS)
        survey->calls[number].errors[-*result]++;
}

static void print_survey(const struct survey *survey)
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
}

static int survey_folders(char **folders)
{
    struct survey *survey =
        mmap(NULL, sizeof *survey, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct run_options options = {
        .observe = survey_call, .argument = survey, .any_errno = true};
    int status;

    for (; *folders; folders++)
        load_folder(*folders);
    run_reset();
    for (unsigned i = 0; i < seed_count; i++) {
        pid_t pid = fork(); /* it may crash */
        if (pid == 0) {
            program = *seeds[i];
            alarm(30);
            run_program(&program, &options, &outcome);
            _exit(0);
        }
        waitpid(pid, &status, 0);
    }
    print_survey(survey);
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
        return survey_folders(argv + 2);
    if (strcmp(command, "bench") == 0)
        return bench(argc > 2 ? atof(argv[2]) : 5);
    fprintf(stderr, "usage: program show|c|minimize FILE, program hunt SECONDS SEED FOLDER..., "
                    "program recipes FOLDER, program survey FOLDER..., program bench [SECONDS]\n");
    return 2;
}
