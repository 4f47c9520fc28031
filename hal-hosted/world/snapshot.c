/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of a world: copies of the machines' memory, and of what struct world_state and its
 * arrays hold. Stubs are dropped before a snapshot is taken and before one is restored; address
 * spaces get new ones when their code runs next.
 *
 * Going back to the snapshot that memory was last equal to copies only pages written since:
 * tracking.c finds them. Any other copies everything. Address spaces, vCPUs and scripts need no
 * care: they are in the machine's memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hal-hosted/context_internal.h"
#include "hal-hosted/world/tracking_internal.h"

struct machine_copy {
    struct machine *machine;
    bool on, paused;
    int status;
    int32_t skew_ppm;
    uint64_t clock_base_ns, clock_since_ns;
    uint32_t ending;
    struct hal_aspace *aspaces;
    struct memory_copy memory;
};

struct world_snapshot {
    struct world *world;
    struct world_state state;
    struct world_vcpu **runnable;
    struct world_timer *timers;
    unsigned machine_count;
    size_t pages;
    struct machine_copy machines[];
};

/* --- taking --- */

static int machine_copy_take(struct machine_copy *copy, struct machine *machine)
{
    const struct world_machine *sim = machine->sim;

    copy->machine = machine;
    copy->on = sim->on;
    copy->paused = sim->paused;
    copy->status = sim->status;
    copy->skew_ppm = sim->skew_ppm;
    copy->clock_base_ns = sim->clock_base_ns;
    copy->clock_since_ns = sim->clock_since_ns;
    copy->ending = machine->ending;
    copy->aspaces = machine->aspaces;
    return memory_copy_take(&copy->memory, machine);
}

int world_snapshot_take(struct world *world, struct world_snapshot **out)
{
    struct world_snapshot *snapshot =
        calloc(1, sizeof *snapshot + world->machine_count * sizeof snapshot->machines[0]);
    unsigned runnable = world->state.runnable_count, timers = world->state.timer_count;

    if (!snapshot) {
        return -ENOMEM;
    }
    snapshot->world = world;
    snapshot->state = world->state;
    snapshot->runnable = malloc((runnable + 1) * sizeof(struct world_vcpu *));
    snapshot->timers = malloc((timers + 1) * sizeof(struct world_timer));
    if (!snapshot->runnable || !snapshot->timers) {
        goto fail;
    }
    if (runnable) {
        memcpy(snapshot->runnable, world->runnable, runnable * sizeof(struct world_vcpu *));
    }
    if (timers) {
        memcpy(snapshot->timers, world->timers, timers * sizeof(struct world_timer));
    }
    for (unsigned i = 0; i < world->machine_count; i++) {
        if (!world->machines[i]) {
            continue;
        }
        world_native_drop(world->machines[i]);
        snapshot->machine_count = i + 1;
        if (machine_copy_take(&snapshot->machines[i], world->machines[i]) < 0) {
            goto fail;
        }
    }
    for (unsigned i = 0; i < world->machine_count; i++) {
        if (world->machines[i]) {
            world_tracking_begin(world->machines[i]);
        }
    }
    world->base = snapshot;
    *out = snapshot;
    return 0;

fail:
    world_snapshot_free(snapshot);
    return -ENOMEM;
}

void world_snapshot_free(struct world_snapshot *snapshot)
{
    if (!snapshot) {
        return;
    }
    for (unsigned i = 0; i < snapshot->machine_count; i++) {
        memory_copy_free(&snapshot->machines[i].memory);
    }
    if (snapshot->world->base == snapshot) {
        snapshot->world->base = NULL;
    }
    free(snapshot->runnable);
    free(snapshot->timers);
    free(snapshot);
}

size_t world_snapshot_pages(const struct world_snapshot *snapshot)
{
    return snapshot->pages;
}

/* --- restoring --- */

static int machine_copy_restore(struct world_snapshot *snapshot, struct machine_copy *copy)
{
    struct machine *machine = copy->machine;
    struct world_machine *sim = machine->sim;
    int error = 0;

    if (snapshot->world->base != snapshot ||
        !world_tracking_restore(machine, &copy->memory, &snapshot->pages)) {
        error = memory_copy_restore(&copy->memory, machine, &snapshot->pages);
        world_tracking_begin(machine);
    }
    context_machine_restored(machine);
    sim->on = copy->on;
    sim->paused = copy->paused;
    sim->status = copy->status;
    sim->skew_ppm = copy->skew_ppm;
    sim->clock_base_ns = copy->clock_base_ns;
    sim->clock_since_ns = copy->clock_since_ns;
    machine->ending = copy->ending;
    machine->aspaces = copy->aspaces;
    return error;
}

int world_snapshot_restore(struct world *world, struct world_snapshot *snapshot)
{
    int result = 0;

    for (unsigned i = snapshot->machine_count; i < world->machine_count; i++) {
        if (world->machines[i]) {
            world_machine_kill(world->machines[i]);
        }
    }
    snapshot->pages = 0;
    for (unsigned i = 0; i < snapshot->machine_count; i++) {
        int error;

        if (!world->machines[i]) {
            continue;
        }
        world_native_drop(world->machines[i]);
        error = machine_copy_restore(snapshot, &snapshot->machines[i]);
        result = error < 0 ? error : result;
    }
    world->state = snapshot->state;
    if (world->state.runnable_count) {
        memcpy(world->runnable, snapshot->runnable,
               world->state.runnable_count * sizeof(struct world_vcpu *));
    }
    if (world->state.timer_count) {
        memcpy(world->timers, snapshot->timers,
               world->state.timer_count * sizeof(struct world_timer));
    }
    world->base = result == 0 ? snapshot : NULL;
    world->attention = false;
    return result;
}

/* --- in another process --- */

void world_fork_prepare(struct world *world)
{
    for (unsigned i = 0; i < world->machine_count; i++) {
        if (world->machines[i]) {
            world_native_drop(world->machines[i]);
        }
    }
}

int world_fork_child(struct world *world)
{
    int result = 0;

    world->base = NULL;
    for (unsigned i = 0; i < world->machine_count; i++) {
        struct machine *machine = world->machines[i];
        int error;

        if (!machine) {
            continue;
        }
        world_tracking_forget(machine);
        world_native_abandon(machine);
        error = memory_make_own(machine);
        result = error < 0 ? error : result;
    }
    return result;
}
