/* SPDX-License-Identifier: MIT
 *
 * The fuzzers' machine (stage.h). One of them in a process.
 */
#include "fuzz/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/root.h"
#include "hal-hosted/reset.h"
#include "hal/cpu.h"
#include "hal/user.h"
#include "kernel/core/cpu.h"

enum { STAGE_RAM_BYTES = 16 << 20, CLOCK_STEP_NS = 40, USER_STEP_NS = 1000, FAIR_POINTS = 2048 };

struct stage {
    struct machine *machine;
    struct machine_mark *mark;
    void *root; /* the machine reads files of it when they are used */
    uint64_t mark_now_ns, mark_random;
};

/* What the hooks see; they have no way to the stage but this. */
static struct {
    const struct stage_config *config;
    enum stage_event event;
    uint64_t now_ns, limit_ns;
    uint64_t random;
    uint64_t turn_random;
    unsigned turn_mean;
    bool in_user; /* the harness plays user code: it is not interrupted */
} world;

static void die(const char *text)
{
    fprintf(stderr, "fuzz: %s\n", text);
    abort();
}

/* ---- hooks ---- */

static int on_user_run(void *argument, struct hal_user *user, struct hal_fault *fault)
{
    const struct stage_config *config = argument;

    world.now_ns += USER_STEP_NS;
    if (world.turn_mean)
        hal_cpu_schedule_point(SCHEDULE_POINT_SYSCALL);
    world.in_user = true;
    int stop = config->user_run(user, fault);
    world.in_user = false;
    return stop;
}

/* Looking at the clock takes time, so that loops which wait for it come to an end. */
static uint64_t on_clock(void *argument)
{
    (void)argument;
    return world.now_ns += CLOCK_STEP_NS;
}

static void on_idle(void *argument, uint64_t deadline_ns)
{
    const struct stage_config *config = argument;

    if (deadline_ns > world.limit_ns) {
        if (config->stuck && config->stuck())
            hal_cpu_send_ipi(hal_cpu_id()); /* look at the run queue */
        else
            stage_pause(deadline_ns == UINT64_MAX ? STAGE_BLOCKED : STAGE_LATE);
    } else if (deadline_ns > world.now_ns)
        world.now_ns = deadline_ns;
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static unsigned on_turn(void *argument, unsigned cpu, uint32_t ready, bool must,
                        uint64_t *points_left)
{
    (void)argument;
    *points_left = world.turn_mean ? 1 + next_random(&world.turn_random) % (2 * world.turn_mean)
                                   : FAIR_POINTS; /* one may wait in a loop for another */
    ready &= ~(1u << cpu);
    if (!ready || (!must && world.in_user))
        return cpu;
    if (!world.turn_mean) { /* the next one, and round */
        const uint32_t behind = ready & ~((2u << cpu) - 1);
        return (unsigned)__builtin_ctz(behind ? behind : ready);
    }
    for (uint64_t skip = next_random(&world.turn_random) % (unsigned)__builtin_popcount(ready);
         skip > 0; skip--)
        ready &= ready - 1;
    return (unsigned)__builtin_ctz(ready);
}

static void on_entropy(void *argument, void *out, size_t bytes)
{
    (void)argument;
    for (size_t done = 0; done < bytes; done += sizeof(uint64_t)) {
        uint64_t random = next_random(&world.random);
        size_t part = bytes - done < sizeof random ? bytes - done : sizeof random;
        memcpy((char *)out + done, &random, part);
    }
}

static void on_crash(void *argument)
{
    (void)argument;
    abort();
}

/* ---- life ---- */

struct stage *stage_create(const struct stage_config *config)
{
    static struct stage_config kept;
    static struct machine_hooks hooks = {
        .user_run = on_user_run,
        .monotonic_ns = on_clock,
        .idle = on_idle,
        .entropy = on_entropy,
        .crashed = on_crash,
        .turn = on_turn,
        .argument = &kept,
    };
    struct stage *stage = calloc(1, sizeof *stage);
    char message[200] = "";
    size_t root_bytes;
    void *root = root_archive(&root_bytes);
    struct machine_config machine = {
        .ram_bytes = config->ram_bytes ? config->ram_bytes : STAGE_RAM_BYTES,
        .cpus = config->cpus ? config->cpus : 1,
        .cmdline = getenv("ASSAY_TEST_LOG") ? "-- /bin/job" : "quiet loglevel=1 -- /bin/job",
        .initrd = root,
        .initrd_bytes = root_bytes,
        .engine = MACHINE_ENGINE_NONE,
        .hooks = &hooks,
        .input_fd = -1,
        .output_fd = -1,
        .log_fd = STDERR_FILENO,
        .trace_fd = -1,
    };

    kept = *config;
    world.now_ns = 1000000000;
    world.limit_ns = UINT64_MAX - 1;
    world.random = 1;
    if (!stage || !root || machine_create(&machine, &stage->machine, message, sizeof message) < 0)
        die(message[0] ? message : "no machine");
    if (config->attach)
        config->attach(stage->machine);
    if (machine_run_paused(stage->machine) != MACHINE_PAUSED || world.event != STAGE_READY)
        die("the machine does not come up");
    if (machine_mark_create(stage->machine, &stage->mark) < 0)
        die("cannot mark the machine's state");
    stage->root = root;
    stage->mark_now_ns = world.now_ns;
    stage->mark_random = world.random;
    return stage;
}

void stage_destroy(struct stage *stage)
{
    machine_mark_destroy(stage->mark);
    machine_destroy(stage->machine);
    free(stage->root);
    free(stage);
}

void stage_restore(struct stage *stage)
{
    machine_mark_restore(stage->mark);
    world.now_ns = stage->mark_now_ns;
    world.random = stage->mark_random;
    world.limit_ns = UINT64_MAX - 1;
    world.turn_mean = 0;
    world.in_user = true; /* it stands in stage_pause */
}

enum stage_event stage_resume(struct stage *stage)
{
    return machine_resume(stage->machine) == MACHINE_PAUSED ? world.event : STAGE_ENDED;
}

void stage_pause(enum stage_event event)
{
    world.event = event;
    machine_pause();
}

uint64_t stage_now_ns(void)
{
    return world.now_ns;
}

void stage_advance_ns(uint64_t ns)
{
    world.now_ns += ns;
}

void stage_limit(uint64_t until_ns)
{
    world.limit_ns = until_ns;
}

void stage_schedule(uint64_t seed, unsigned mean_points)
{
    world.turn_random = seed;
    world.turn_mean = mean_points;
}

void stage_seed(uint64_t seed)
{
    world.random = seed;
}

size_t stage_dirty_pages(struct stage *stage)
{
    return machine_mark_dirty_pages(stage->mark);
}
