/* SPDX-License-Identifier: MIT */
/*
 * Worlds (world.h): the loop that lets one vCPU after another run, virtual time and its timers.
 *
 * A vCPU that has work is in world->runnable; one that sleeps has its deadline among the timers.
 * The loop runs on the caller's stack; vCPUs come back to it by context_suspend.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hal-hosted/world/world_internal.h"

int world_create(const struct world_config *config, struct world **out)
{
    struct world *world = calloc(1, sizeof *world);

    if (!world) {
        return -ENOMEM;
    }
    world->config = *config;
    world->state.points_left = world->state.returns_left = UINT64_MAX;
    __atomic_fetch_add(&hosted_worlds, 1, __ATOMIC_RELAXED);
    *out = world;
    return 0;
}

void world_destroy(struct world *world)
{
    if (!world) {
        return;
    }
    __atomic_fetch_sub(&hosted_worlds, 1, __ATOMIC_RELAXED);
    if (world->pinned) {
        sched_setaffinity(0, sizeof world->old_cpus, &world->old_cpus);
    }
    free(world->machines);
    free(world->runnable);
    free(world->timers);
    free(world);
}

uint64_t world_now_ns(const struct world *world)
{
    return world->state.now_ns;
}

void world_attention(struct world *world)
{
    world->attention = true;
}

void world_set_countdowns(struct world *world, uint64_t points, uint64_t returns)
{
    world->state.points_left = points;
    world->state.returns_left = returns;
}

void world_get_report(const struct world *world, struct world_report *out)
{
    *out = (struct world_report){
        .spin_preemptions = world->state.spin_preemptions,
        .tsc_reads = world->state.tsc_reads,
        .addresses_vary = world->addresses_vary,
    };
}

/* CPUs that have work share the time that passes. */
void world_charge(struct world *world, uint64_t ns)
{
    struct world_state *state = &world->state;
    unsigned share = state->runnable_count;

    if (share > 1) {
        ns += state->charge_rest;
        state->charge_rest = ns % share;
        ns /= share;
    }
    state->now_ns += ns;
}

/* --- timers: a binary heap; vCPUs know their place in it --- */

static bool timer_before(const struct world_timer *a, const struct world_timer *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->number < b->number;
}

static void timer_put(struct world *world, unsigned at, const struct world_timer *timer)
{
    world->timers[at] = *timer;
    if (timer->vcpu) {
        timer->vcpu->timer = at + 1;
    }
}

static void timer_up(struct world *world, unsigned at)
{
    const struct world_timer timer = world->timers[at];

    while (at > 0 && timer_before(&timer, &world->timers[(at - 1) / 2])) {
        timer_put(world, at, &world->timers[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    timer_put(world, at, &timer);
}

static void timer_down(struct world *world, unsigned at)
{
    const struct world_timer timer = world->timers[at];
    unsigned count = world->state.timer_count;

    for (;;) {
        unsigned child = 2 * at + 1;

        if (child + 1 < count && timer_before(&world->timers[child + 1], &world->timers[child])) {
            child++;
        }
        if (child >= count || !timer_before(&world->timers[child], &timer)) {
            break;
        }
        timer_put(world, at, &world->timers[child]);
        at = child;
    }
    timer_put(world, at, &timer);
}

static void timer_remove(struct world *world, unsigned at)
{
    unsigned last = --world->state.timer_count;

    if (world->timers[at].vcpu) {
        world->timers[at].vcpu->timer = 0;
    }
    if (at != last) {
        timer_put(world, at, &world->timers[last]);
        timer_up(world, at);
        timer_down(world, at);
    }
}

void world_due_update(struct world *world)
{
    uint64_t due_ns = world->until_ns;

    if (world->state.timer_count && world->timers[0].at_ns < due_ns) {
        due_ns = world->timers[0].at_ns;
    }
    world->due_ns = due_ns;
}

static bool timer_add(struct world *world, const struct world_timer *timer)
{
    unsigned at = world->state.timer_count;

    if (at == world->timer_room) {
        unsigned room = at ? 2 * at : 64;
        struct world_timer *timers = realloc(world->timers, room * sizeof *timers);

        if (!timers) {
            return false;
        }
        world->timers = timers;
        world->timer_room = room;
    }
    world->state.timer_count++;
    timer_put(world, at, timer);
    timer_up(world, at);
    world_due_update(world);
    return true;
}

/* Room for timers of all vCPUs is made when they are (world_runnable_room), so this cannot fail. */
void world_timer_set(struct world_vcpu *vcpu, uint64_t at_ns)
{
    struct world *world = vcpu->world;

    if (vcpu->timer) {
        timer_remove(world, vcpu->timer - 1);
    }
    if (at_ns != UINT64_MAX) {
        const struct world_timer timer = {
            .at_ns = at_ns, .number = ++world->state.last_number, .vcpu = vcpu};
        if (!timer_add(world, &timer)) {
            host_fatal("out of host memory");
        }
    }
    world_due_update(world);
}

uint64_t world_at(struct world *world, uint64_t at_ns, void (*handler)(void *), void *argument)
{
    const struct world_timer timer = {.at_ns = at_ns,
                                      .number = ++world->state.last_number,
                                      .handler = handler,
                                      .argument = argument};

    return timer_add(world, &timer) ? timer.number : 0;
}

bool world_cancel(struct world *world, uint64_t event)
{
    for (unsigned i = 0; i < world->state.timer_count; i++) {
        if (!world->timers[i].vcpu && world->timers[i].number == event) {
            timer_remove(world, i);
            world_due_update(world);
            return true;
        }
    }
    return false;
}

/* --- vCPUs that have work --- */

int world_runnable_room(struct world *world, unsigned more)
{
    unsigned room = world->runnable_room + more;
    struct world_vcpu **runnable = realloc(world->runnable, room * sizeof(struct world_vcpu *));
    struct world_timer *timers;

    if (!runnable) {
        return -ENOMEM;
    }
    world->runnable = runnable;
    world->runnable_room = room;
    if (world->timer_room < 2 * room + 64) {
        timers = realloc(world->timers, (2 * room + 64) * sizeof *timers);
        if (!timers) {
            return -ENOMEM;
        }
        world->timers = timers;
        world->timer_room = 2 * room + 64;
    }
    return 0;
}

/* Let it run when its turn comes, unless it is held. */
void world_wake(struct world_vcpu *vcpu)
{
    struct world *world = vcpu->world;

    if (vcpu->timer) {
        world_timer_set(vcpu, UINT64_MAX);
    }
    vcpu->vcpu->state = VCPU_KERNEL;
    if (vcpu->held || vcpu->slot >= 0) {
        return;
    }
    vcpu->slot = (int)world->state.runnable_count++;
    world->runnable[vcpu->slot] = vcpu;
    if (world->config.ops.wake_is_point) {
        world->state.reconsider = true;
    }
}

void world_unqueue(struct world_vcpu *vcpu)
{
    struct world *world = vcpu->world;
    struct world_vcpu *last;

    if (vcpu->slot < 0) {
        return;
    }
    last = world->runnable[--world->state.runnable_count];
    world->runnable[vcpu->slot] = last;
    last->slot = vcpu->slot;
    vcpu->slot = -1;
}

void world_vcpu_starve(struct world_vcpu *vcpu, bool starve)
{
    vcpu->held = (uint8_t)(starve ? vcpu->held | HOLD_STARVED : vcpu->held & ~HOLD_STARVED);
    if (vcpu->held) {
        world_unqueue(vcpu);
    } else if (vcpu->started && vcpu->vcpu->state != VCPU_IDLE) {
        world_wake(vcpu);
    }
}

struct machine *world_vcpu_machine(const struct world_vcpu *vcpu)
{
    return vcpu->vcpu->machine;
}

unsigned world_vcpu_id(const struct world_vcpu *vcpu)
{
    return vcpu->vcpu->id;
}

uint64_t *world_vcpu_note(struct world_vcpu *vcpu)
{
    return &vcpu->note;
}

/* --- the loop --- */

static void timers_run(struct world *world)
{
    while (world->state.timer_count && world->timers[0].at_ns <= world->state.now_ns) {
        const struct world_timer timer = world->timers[0];

        timer_remove(world, 0);
        if (timer.vcpu) {
            vcpu_kick(timer.vcpu->vcpu, VCPU_PENDING_TIMER);
        } else {
            world_emit(world, WORLD_EVENT_CALLBACK, NULL, NULL, NULL, timer.number, 0);
            timer.handler(timer.argument);
        }
    }
    world_due_update(world);
}

static void resume(struct world *world, struct world_vcpu *vcpu)
{
    if (vcpu != world->state.last) {
        world_emit(world, WORLD_EVENT_SWITCH, vcpu->vcpu->machine, vcpu, NULL,
                   world->spinning ? 1 : 0, world->state.runnable_count);
    }
    world->state.last = vcpu;
    world->spinning = false;
    world->current = vcpu;
    vcpu_run_simulated(vcpu->vcpu);
    world->current = NULL;
}

/* True with the reason if world_run has to return now. */
static bool must_stop(struct world *world, bool (*until)(void *), void *argument,
                      enum world_stop *out)
{
    if (until && until(argument)) {
        *out = WORLD_STOP_UNTIL;
        return true;
    }
    if (world->attention) {
        world->attention = false;
        *out = WORLD_STOP_ATTENTION;
        return true;
    }
    if (world->state.now_ns >= world->until_ns) {
        *out = WORLD_STOP_TIME;
        return true;
    }
    return false;
}

enum world_stop world_run(struct world *world, bool (*until)(void *), void *argument,
                          uint64_t until_ns)
{
    const struct world_ops *ops = &world->config.ops;
    enum world_stop stop;

    world->until_ns = until_ns;
    world->poll_users = until != NULL;
    world_due_update(world);
    for (;;) {
        if (world->due_ns <= world->state.now_ns) {
            timers_run(world);
        }
        if (must_stop(world, until, argument, &stop)) {
            return stop;
        }
        if (world->state.runnable_count == 0) {
            if (world->state.timer_count == 0 && until_ns == UINT64_MAX) {
                return WORLD_STOP_QUIET;
            }
            world->state.now_ns = world->due_ns;
            world_emit(world, WORLD_EVENT_TIME, NULL, NULL, NULL, 0, 0);
            continue;
        }
        resume(world,
               world->state.runnable_count == 1
                   ? world->runnable[0]
                   : ops->choose(world->config.context, world->runnable,
                                 world->state.runnable_count, world->state.last, world->spinning));
    }
}
