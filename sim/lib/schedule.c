/* SPDX-License-Identifier: MIT */
/*
 * Who runs when: the policies of enum sim_schedule, and the entropy that machines get.
 *
 * Decisions are drawn from one stream, the machines' entropy from a second, and models' and
 * scenarios' numbers from a third, so that more of one kind does not change the others. Instead of
 * a draw at every scheduling point, how many points go by until the next decision is drawn, evenly
 * around the mean that the configuration asks for.
 */
#include <string.h>

#include "sim/lib/sim_internal.h"

enum {
    SWITCH_PPM = 20000,
    PREEMPT_PPM = 10000,
    STEP_PPM = 2000,
    PCT_DEPTH = 3,
    PCT_POINTS = 100000,
    STEPS_MAX = 60,
    STARVE_ONE_IN = 16, /* decisions to switch */
    STARVE_MAX_NS = 5000000,
};

#define PRIORITY_HIGH (1ull << 63) /* of vCPUs whose priority has not been changed */

enum { STREAM_SCHEDULE = 1, STREAM_ENTROPY, STREAM_MODELS };

const char *schedule_name(enum sim_schedule schedule)
{
    static const char *const names[] = {"random", "pct", "starve", "fair"};

    return names[schedule];
}

static struct random_stream *stream(struct sim *sim)
{
    return &sim->schedule.random;
}

/* A countdown whose mean is one in so many, from a chance in millionths; 0: never. */
static uint64_t countdown(struct sim *sim, uint64_t ppm)
{
    uint64_t mean = ppm ? (1000000 + ppm / 2) / ppm : 0;

    return mean ? 1 + random_below(stream(sim), 2 * mean - 1) : UINT64_MAX;
}

static uint32_t chance(uint32_t configured, uint32_t fallback)
{
    return configured == 0 ? fallback : configured == UINT32_MAX ? 0 : configured;
}

static uint64_t next_point(struct sim *sim)
{
    switch (sim->config.schedule) {
    case SIM_SCHEDULE_FAIR:
        return UINT64_MAX;
    case SIM_SCHEDULE_PCT:
        return sim->schedule.changes_left
                   ? 1 + random_below(stream(sim), 2 * sim->schedule.points_per_change)
                   : UINT64_MAX;
    default:
        return countdown(sim, chance(sim->config.switch_ppm, SWITCH_PPM));
    }
}

static uint64_t next_return(struct sim *sim)
{
    return countdown(sim, (uint64_t)chance(sim->config.preempt_ppm, PREEMPT_PPM) +
                              chance(sim->config.step_ppm, STEP_PPM));
}

/* --- starvation --- */

static void starve_end(void *argument)
{
    struct starvation *starvation = argument;
    struct sim_machine *machine = starvation->machine;

    starvation->machine = NULL;
    if (machine && machine->boots == starvation->boots) {
        struct world_vcpu *vcpu = world_machine_vcpu(machine->machine, starvation->cpu);
        if (vcpu) {
            world_vcpu_starve(vcpu, false);
        }
    }
}

void sim_cpu_starve(struct sim_machine *machine, unsigned cpu, uint64_t until_ns)
{
    static const char text[] = "starve";
    struct sim *sim = machine->sim;
    struct world_vcpu *vcpu = world_machine_vcpu(machine->machine, cpu);

    for (unsigned i = 0; vcpu && i < STARVATIONS_MAX; i++) {
        struct starvation *starvation = &sim->schedule.starvations[i];

        if (!starvation->machine) {
            *starvation = (struct starvation){
                .sim = sim, .machine = machine, .cpu = cpu, .boots = machine->boots};
            if (!world_at(sim->world, until_ns, starve_end, starvation)) {
                starvation->machine = NULL;
                return;
            }
            log_event(sim, SIM_EVENT_INJECT, machine, cpu, 0, 0, until_ns, 0, text, strlen(text));
            world_vcpu_starve(vcpu, true);
            return;
        }
    }
}

static void maybe_starve(struct sim *sim, struct world_vcpu *vcpu)
{
    struct sim_machine *machine = machine_of(sim, world_vcpu_machine(vcpu));

    if (random_below(stream(sim), STARVE_ONE_IN) == 0) {
        sim_cpu_starve(machine, world_vcpu_id(vcpu),
                       sim_now_ns(sim) + 1 + random_below(stream(sim), STARVE_MAX_NS));
    }
}

/* --- decisions --- */

static bool point(void *context, struct world_vcpu *vcpu, unsigned kind, uint64_t *out_countdown)
{
    struct sim *sim = context;

    (void)kind;
    if (sim->config.schedule == SIM_SCHEDULE_PCT && sim->schedule.changes_left > 0) {
        sim->schedule.changes_left--;
        *world_vcpu_note(vcpu) = --sim->schedule.low_priority;
    } else if (sim->config.schedule == SIM_SCHEDULE_STARVE) {
        maybe_starve(sim, vcpu);
    }
    *out_countdown = next_point(sim);
    return true;
}

static uint64_t priority(struct sim *sim, struct world_vcpu *vcpu)
{
    uint64_t *note = world_vcpu_note(vcpu);

    if (*note == 0) {
        *note = PRIORITY_HIGH | random_next(stream(sim));
    }
    return *note;
}

static struct world_vcpu *choose_pct(struct sim *sim, struct world_vcpu *const *runnable,
                                     unsigned count, struct world_vcpu *last, bool spinning)
{
    struct world_vcpu *best = NULL;
    uint64_t best_priority = 0;

    if (spinning && last) {
        *world_vcpu_note(last) = --sim->schedule.low_priority;
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t its = priority(sim, runnable[i]);
        if (!best || its > best_priority) {
            best = runnable[i];
            best_priority = its;
        }
    }
    return best;
}

static uint64_t order(const struct world_vcpu *vcpu)
{
    return (uint64_t)world_machine_index(world_vcpu_machine(vcpu)) << 32 | world_vcpu_id(vcpu);
}

/* The next one in the order of machines and CPUs, around. */
static struct world_vcpu *choose_fair(struct world_vcpu *const *runnable, unsigned count,
                                      const struct world_vcpu *last)
{
    struct world_vcpu *first = runnable[0], *next = NULL;
    uint64_t after = last ? order(last) : UINT64_MAX;

    for (unsigned i = 0; i < count; i++) {
        uint64_t its = order(runnable[i]);

        if (its < order(first)) {
            first = runnable[i];
        }
        if (its > after && (!next || its < order(next))) {
            next = runnable[i];
        }
    }
    return next ? next : first;
}

static struct world_vcpu *choose(void *context, struct world_vcpu *const *runnable, unsigned count,
                                 struct world_vcpu *last, bool spinning)
{
    struct sim *sim = context;
    struct world_vcpu *chosen;

    switch (sim->config.schedule) {
    case SIM_SCHEDULE_PCT:
        return choose_pct(sim, runnable, count, last, spinning);
    case SIM_SCHEDULE_FAIR:
        return choose_fair(runnable, count, last);
    default:
        do {
            chosen = runnable[random_below(stream(sim), count)];
        } while (spinning && chosen == last); /* there are two or more */
        return chosen;
    }
}

static bool preempt(void *context, struct world_vcpu *vcpu, unsigned *out_steps,
                    uint64_t *out_countdown)
{
    struct sim *sim = context;
    uint32_t steps = chance(sim->config.step_ppm, STEP_PPM);
    uint64_t all = (uint64_t)chance(sim->config.preempt_ppm, PREEMPT_PPM) + steps;

    (void)vcpu;
    *out_steps = 0;
    if (random_below(stream(sim), all ? all : 1) < steps) {
        *out_steps = 1 + (unsigned)random_below(stream(sim), STEPS_MAX);
    }
    *out_countdown = next_return(sim);
    return true;
}

static void entropy(void *context, struct machine *machine, void *out, size_t bytes)
{
    struct sim *sim = context;
    char *at = out;

    (void)machine;
    while (bytes > 0) {
        uint64_t word = random_next(&sim->schedule.entropy);
        size_t part = bytes < sizeof word ? bytes : sizeof word;

        memcpy(at, &word, part);
        at += part;
        bytes -= part;
    }
}

/* --- seeds --- */

void schedule_seed(struct sim *sim, uint64_t seed)
{
    struct schedule *schedule = &sim->schedule;
    unsigned depth = sim->config.pct_depth ? sim->config.pct_depth : PCT_DEPTH;
    uint64_t points = sim->config.pct_points ? sim->config.pct_points : PCT_POINTS;

    random_start(&schedule->random, seed, STREAM_SCHEDULE);
    random_start(&schedule->entropy, seed, STREAM_ENTROPY);
    random_start(&schedule->models, seed, STREAM_MODELS);
    schedule->changes_left = depth - 1;
    schedule->points_per_change = points / depth ? points / depth : 1;
    schedule->low_priority = PRIORITY_HIGH;
}

void schedule_countdowns(struct sim *sim)
{
    uint64_t points = next_point(sim);

    world_set_countdowns(sim->world, points, next_return(sim));
}

void schedule_init(struct sim *sim, struct world_ops *ops)
{
    ops->point = point;
    ops->choose = choose;
    ops->preempt = preempt;
    ops->entropy = entropy;
    ops->wake_is_point = sim->config.schedule == SIM_SCHEDULE_PCT;
}

uint64_t sim_random(struct sim *sim)
{
    return random_next(&sim->schedule.models);
}

uint64_t sim_random_below(struct sim *sim, uint64_t bound)
{
    return bound ? random_below(&sim->schedule.models, bound) : 0;
}
