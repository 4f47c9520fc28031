/* SPDX-License-Identifier: MIT */
/*
 * Simulations: creation, running, time; and the way from the world's events to log records.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/lib/sim_internal.h"

enum { SPIN_LIMIT_MS = 1000 };

#define REALTIME_DEFAULT_NS 1893456000000000000ull /* 2030-01-01 00:00:00 UTC */

int sim_fail(struct sim *sim, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sim->message, sizeof sim->message, format, arguments);
    va_end(arguments);
    return error;
}

const char *sim_message(const struct sim *sim)
{
    return sim->message;
}

/* --- the world's events --- */

/* What the log says of a system call: its arguments, its result, and text if anybody needs it. */
static void describe_call(struct sim *sim, enum world_event type, const struct hal_user *user,
                          uint64_t *b, size_t *bytes)
{
    const struct world_call *call = world_user_call(user);
    const bool begins = type == WORLD_EVENT_SYSCALL;

    *b = begins ? kernel_view_arguments_hash(user) : (uint64_t)kernel_view_result(user, call);
    if (log_needs_texts(&sim->log)) {
        *bytes = begins
                     ? kernel_view_call_text(call, sim->call_text, CALL_TEXT_BYTES)
                     : kernel_view_result_text(call, (int64_t)*b, sim->call_text, CALL_TEXT_BYTES);
    }
}

static void on_event(void *context, enum world_event type, struct machine *machine,
                     struct world_vcpu *vcpu, struct hal_user *user, uint64_t a, uint64_t b,
                     const void *text, size_t bytes)
{
    struct sim *sim = context;
    const struct sim_machine *its = machine ? machine_of(sim, machine) : NULL;

    if (type == WORLD_EVENT_SYSCALL || type == WORLD_EVENT_RESULT) {
        describe_call(sim, type, user, &b, &bytes);
        text = sim->call_text;
    } else if (type == WORLD_EVENT_THREAD) {
        a = kernel_view_thread((const void *)(uintptr_t)a);
        b = kernel_view_thread((const void *)(uintptr_t)b);
    } else if (type == WORLD_EVENT_POWER && its) {
        text = its->name;
        bytes = strlen(its->name);
    }
    log_event(sim, (enum sim_event_type)type, its, vcpu ? world_vcpu_id(vcpu) : UINT16_MAX,
              user ? world_user_number(user) : 0, user ? kernel_view_tid(user) : 0, a, b, text,
              bytes);
    if (type == WORLD_EVENT_POWER && a >= SIM_MACHINE_EXITED) {
        sim->machine_ended = true;
    }
}

_Static_assert((int)WORLD_EVENT_SWITCH == SIM_EVENT_SWITCH, "the same numbers");
_Static_assert((int)WORLD_EVENT_DEVICE == SIM_EVENT_DEVICE, "the same numbers");
_Static_assert((int)WORLD_EVENT_CALLBACK == SIM_EVENT_CALLBACK, "the same numbers");
_Static_assert((int)WORLD_EVENT_USER == SIM_EVENT_USER, "the same numbers");

/* --- life --- */

static void log_start(struct sim *sim)
{
    const char *name = schedule_name(sim->config.schedule);

    log_event(sim, SIM_EVENT_START, NULL, UINT16_MAX, 0, 0, sim->config.seed, 0, name,
              strlen(name));
}

int sim_create(const struct sim_config *config, struct sim **out)
{
    struct sim *sim;
    struct world_config world = {0};
    int error;

    if ((unsigned)config->schedule > SIM_SCHEDULE_FAIR) {
        return -EINVAL;
    }
    sim = calloc(1, sizeof *sim);
    if (!sim) {
        return -ENOMEM;
    }
    sim->config = *config;
    log_init(&sim->log);
    sim->log.hash_texts = config->hash_texts;
    schedule_init(sim, &world.ops);
    world.ops.event = on_event;
    world.ops.output = machine_output;
    world.context = sim;
    world.realtime_ns = config->realtime_ns ? config->realtime_ns : REALTIME_DEFAULT_NS;
    world.spin_limit_ns =
        (config->spin_limit_ms ? config->spin_limit_ms : SPIN_LIMIT_MS) * 1000000ull;
    world.spin_steps = config->spin_steps;
    error = world_create(&world, &sim->world);
    if (error < 0) {
        free(sim);
        return error;
    }
    schedule_seed(sim, config->seed);
    schedule_countdowns(sim);
    log_start(sim);
    *out = sim;
    return 0;
}

void sim_destroy(struct sim *sim)
{
    if (!sim) {
        return;
    }
    sim_log_flush(sim);
    sim->log.fd = -1;
    sim->log.sink_count = 0;
    while (sim->snapshots) {
        sim_snapshot_free(sim->snapshots);
    }
    while (sim->programs) {
        sim_program_free(sim->programs);
    }
    for (unsigned i = 0; i < sim->machine_count; i++) {
        machine_free(sim->machines[i]);
    }
    while (sim->tasks) {
        struct sim_task *task = sim->tasks;
        sim->tasks = task->next;
        free(task);
    }
    world_destroy(sim->world);
    log_exit(&sim->log);
    free(sim->machines);
    free(sim->kept);
    free(sim);
}

void sim_reseed(struct sim *sim, uint64_t seed)
{
    sim->config.seed = seed;
    schedule_seed(sim, seed);
    for (unsigned i = 0; i < sim->machine_count; i++) {
        for (unsigned cpu = 0; cpu < sim->machines[i]->cpus; cpu++) {
            struct world_vcpu *vcpu = world_machine_vcpu(sim->machines[i]->machine, cpu);
            if (vcpu) {
                *world_vcpu_note(vcpu) = 0; /* the priority is to be drawn anew */
            }
        }
    }
    schedule_countdowns(sim);
    log_event(sim, SIM_EVENT_SNAPSHOT, NULL, UINT16_MAX, 0, 0, 3, seed, NULL, 0);
}

/* --- time --- */

uint64_t sim_now_ns(const struct sim *sim)
{
    return sim->world ? world_now_ns(sim->world) : 0;
}

uint64_t sim_at(struct sim *sim, uint64_t at_ns, void (*handler)(void *argument), void *argument)
{
    return world_at(sim->world, at_ns, handler, argument);
}

bool sim_cancel(struct sim *sim, uint64_t event)
{
    return world_cancel(sim->world, event);
}

void sim_stop(struct sim *sim)
{
    sim->stop_asked = true;
    world_attention(sim->world);
}

static enum sim_stop run(struct sim *sim, bool (*until)(void *), void *argument, uint64_t until_ns,
                         bool machines_stop)
{
    sim->stop_asked = false;
    sim->machine_ended = false;
    for (;;) {
        switch (world_run(sim->world, until, argument, until_ns)) {
        case WORLD_STOP_UNTIL:
            return SIM_STOP_PREDICATE;
        case WORLD_STOP_TIME:
            return SIM_STOP_TIME;
        case WORLD_STOP_QUIET:
            return SIM_STOP_QUIET;
        case WORLD_STOP_ATTENTION:
            break;
        }
        if (sim->stop_asked) {
            return SIM_STOP_ASKED;
        }
        if (sim->machine_ended && machines_stop) {
            return SIM_STOP_MACHINE;
        }
    }
}

enum sim_stop sim_run(struct sim *sim, bool (*until)(void *argument), void *argument,
                      uint64_t until_ns)
{
    return run(sim, until, argument, until_ns, true);
}

void sim_run_for(struct sim *sim, uint64_t duration_ns)
{
    run(sim, NULL, NULL, sim_now_ns(sim) + duration_ns, false);
}
