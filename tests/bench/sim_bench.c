/* SPDX-License-Identifier: MIT */
/*
 * What simulation costs: boots, system calls, snapshots, idle clusters, many machines.
 *
 * Prints one line a row, "NAME VALUE UNIT". `sim_bench ROW…` runs only these. Only the row
 * thousand_init runs user programs: a thousand machines, each with a program that sleeps.
 * SIM_BENCH_MACHINES sets their number. SIM_BENCH_IMAGE, a newc archive, and SIM_BENCH_INIT, a
 * path in it, set the program, which gets "-c" and a script as a shell does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sim/sim.h"

enum {
    BOOTS = 20,
    CALLS = 200000,
    RESTORES = 300,
    PAGES = 64,
    CLUSTER = 3,
    CLUSTER_SECONDS = 20,
    MANY = 1000,
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double seconds_since(uint64_t start)
{
    return (double)(now_ns() - start) / 1e9;
}

static void check(int result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "sim_bench: %s failed: %s\n", what, strerror(-result));
        exit(1);
    }
}

static struct sim *simulation(void)
{
    struct sim *sim;
    check(sim_create(&(struct sim_config){.seed = 1}, &sim), "sim_create");
    return sim;
}

static struct sim_machine *machine_in(struct sim *sim, uint64_t ram_bytes)
{
    struct sim_machine *machine;
    const struct sim_machine_config config = {.no_programs = true, .ram_bytes = ram_bytes};
    check(sim_machine_add(sim, &config, &machine), "sim_machine_add");
    return machine;
}

static void row_boot(void)
{
    uint64_t start = now_ns();
    for (int i = 0; i < BOOTS; i++) {
        struct sim *sim = simulation();
        check(sim_machine_boot(machine_in(sim, 0)), "boot");
        sim_destroy(sim);
    }
    printf("sim_boot %.0f boots/s\n", BOOTS / seconds_since(start));
}

static void row_syscall(void)
{
    struct sim *sim = simulation();
    struct sim_machine *machine = machine_in(sim, 0);
    check(sim_machine_boot(machine), "boot");
    struct sim_task *task = sim_machine_task(machine);
    uint64_t start = now_ns();
    for (int i = 0; i < CALLS; i++)
        sim_syscall(task, SYS_getppid, 0, 0, 0, 0, 0, 0);
    printf("sim_syscall %.0f calls/s\n", CALLS / seconds_since(start));
    sim_destroy(sim);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* A guest task writes PAGES pages of its own between restores. */
static void row_snapshot(void)
{
    static uint64_t times[RESTORES];
    struct sim *sim = simulation();
    struct sim_machine *machine = machine_in(sim, 64 << 20);
    struct sim_snapshot *snapshot;
    check(sim_machine_boot(machine), "boot");
    struct sim_task *task = sim_machine_task(machine);
    int64_t at = sim_syscall(task, SYS_mmap, 0, PAGES * 4096, 3, 0x22, (uint64_t)-1, 0);
    for (int i = 0; i < PAGES; i++)
        sim_poke(task, (uint64_t)at + (uint64_t)i * 4096, "x", 1);
    uint64_t start = now_ns();
    check(sim_snapshot(sim, &snapshot), "sim_snapshot");
    printf("sim_snapshot %.0f us\n", seconds_since(start) * 1e6);
    size_t pages = 0;
    for (int i = 0; i < RESTORES; i++) {
        for (int j = 0; j < PAGES; j++)
            sim_poke(task, (uint64_t)at + (uint64_t)j * 4096, "y", 1);
        start = now_ns();
        check(sim_restore(sim, snapshot), "sim_restore");
        times[i] = now_ns() - start;
        pages = sim_snapshot_pages(snapshot);
    }
    qsort(times, RESTORES, sizeof(times[0]), compare);
    printf("sim_restore %.1f us\n", (double)times[RESTORES / 2] / 1e3);
    printf("sim_restore_pages %zu pages\n", pages);
    sim_destroy(sim);
}

/* Three machines, each waking a task a hundred times a second. */
static void row_cluster(void)
{
    struct sim *sim = simulation();
    struct sim_task *tasks[CLUSTER];
    uint64_t at[CLUSTER];
    const struct timespec nap = {.tv_nsec = 10000000};
    for (int i = 0; i < CLUSTER; i++) {
        struct sim_machine *machine = machine_in(sim, 0);
        check(sim_machine_boot(machine), "boot");
        tasks[i] = sim_machine_task(machine);
        at[i] = sim_buffer(tasks[i], &nap, sizeof(nap));
    }
    uint64_t start = now_ns(), until = sim_now_ns(sim) + CLUSTER_SECONDS * 1000000000ull;
    while (sim_now_ns(sim) < until) {
        for (int i = 0; i < CLUSTER; i++) {
            const uint64_t arguments[6] = {at[i]};
            if (sim_syscall_done(tasks[i], NULL))
                sim_syscall_begin(tasks[i], SYS_nanosleep, arguments);
        }
        sim_run_for(sim, 10100000);
    }
    printf("sim_cluster %.0f x\n", CLUSTER_SECONDS / seconds_since(start));
    sim_destroy(sim);
}

static long resident_mib(void)
{
    long pages = 0, total;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        if (fscanf(file, "%ld %ld", &total, &pages) != 2)
            pages = 0;
        fclose(file);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024) / 1024;
}

/* Kilobytes of a line of /proc/meminfo or its like, as MiB. */
static long mib_of(const char *path, const char *key)
{
    char line[256];
    long kib = 0;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, key, strlen(key)) == 0)
            kib += strtol(line + strlen(key), NULL, 10);
    }
    if (file)
        fclose(file);
    return kib / 1024;
}

static void row_thousand(void)
{
    struct sim *sim = simulation();
    uint64_t start = now_ns();
    for (int i = 0; i < MANY; i++)
        check(sim_machine_boot(machine_in(sim, 8 << 20)), "boot");
    printf("sim_thousand %.1f s\n", seconds_since(start));
    printf("sim_thousand_memory %ld MiB\n", resident_mib());
    sim_destroy(sim);
}

static char *read_file(const char *path, size_t *out_bytes)
{
    FILE *file = fopen(path, "rbe");
    char *bytes = NULL;
    if (file && fseek(file, 0, SEEK_END) == 0) {
        *out_bytes = (size_t)ftell(file);
        rewind(file);
        bytes = malloc(*out_bytes);
        if (bytes && fread(bytes, 1, *out_bytes, file) != *out_bytes)
            *out_bytes = 0;
    }
    if (file)
        fclose(file);
    if (!bytes || *out_bytes == 0)
        check(-ENOENT, path);
    return bytes;
}

/* Whether the program of each of the machines has said so. */
static bool all_settled(void *argument)
{
    struct sim *sim = argument;
    struct sim_machine *machine;
    static unsigned settled; /* the first so many have */
    while ((machine = sim_machine_at(sim, settled))) {
        size_t bytes;
        const char *console = sim_machine_console(machine, &bytes);
        if (!memmem(console, bytes, "settled", 7))
            return false;
        settled++;
    }
    return true;
}

/* Memory is what the host has less of: it counts shared memory and all processes once. */
static void row_thousand_init(void)
{
    const char *count = getenv("SIM_BENCH_MACHINES"), *init = getenv("SIM_BENCH_INIT");
    const char *archive = getenv("SIM_BENCH_IMAGE");
    if (!init || !archive) {
        fprintf(stderr, "sim_bench: thousand_init needs SIM_BENCH_IMAGE and SIM_BENCH_INIT\n");
        return;
    }
    struct sim *sim = simulation();
    struct sim_machine_config config = {.ram_bytes = 8 << 20};
    const char *const argv[] = {init, "-c", "echo settled; sleep 1000000", NULL};
    const struct sim_program_config program = {.argv = argv, .console = true};
    char *image = read_file(archive, &config.image_bytes);
    long before = mib_of("/proc/meminfo", "MemAvailable:");
    uint64_t start = now_ns();
    config.image = image;
    for (int i = 0; i < (count ? atoi(count) : MANY); i++) {
        struct sim_machine *machine;
        check(sim_machine_add(sim, &config, &machine), sim_message(sim));
        check(sim_machine_boot(machine), sim_message(sim));
        check(sim_spawn(machine, &program) ? 0 : -EAGAIN, sim_message(sim));
    }
    if (sim_run(sim, all_settled, sim, sim_now_ns(sim) + 60000000000u) != SIM_STOP_PREDICATE)
        check(-ETIMEDOUT, "waiting for the programs");
    printf("sim_thousand_init %.1f s\n", seconds_since(start));
    printf("sim_thousand_init_memory %ld MiB\n", before - mib_of("/proc/meminfo", "MemAvailable:"));
    printf("sim_thousand_init_resident %ld MiB\n", resident_mib());
    sim_destroy(sim);
    free(image);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } rows[] = {
        {"boot", row_boot},       {"syscall", row_syscall},   {"snapshot", row_snapshot},
        {"cluster", row_cluster}, {"thousand", row_thousand}, {"thousand_init", row_thousand_init},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool wanted = argc == 1;
        for (int j = 1; j < argc; j++)
            wanted |= strcmp(argv[j], rows[i].name) == 0;
        if (wanted)
            rows[i].run();
        fflush(stdout);
    }
    return 0;
}
