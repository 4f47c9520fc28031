/* SPDX-License-Identifier: MIT */
/*
 * The console of a machine in a world: output goes to the world's owner and never blocks, input is
 * what the owner types.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "hal-hosted/world/world_internal.h"

size_t world_console_write(struct vcpu *vcpu, bool console, const char *bytes, size_t count)
{
    struct world *world = vcpu->sim->world;
    const struct world_ops *ops = &world->config.ops;

    if (console) {
        ops->event(world->config.context, WORLD_EVENT_CONSOLE, vcpu->machine, vcpu->sim, NULL,
                   count, 0, bytes, count);
    }
    ops->output(world->config.context, vcpu->machine, console, bytes, count);
    return count;
}

size_t world_console_read(struct machine *machine, char *bytes, size_t count)
{
    struct world_arena *arena = machine->sim->arena;
    size_t taken = 0;

    while (taken < count && arena->input_fill > 0) {
        bytes[taken++] = arena->input[arena->input_head];
        arena->input_head = (arena->input_head + 1) % CONSOLE_INPUT_MAX;
        arena->input_fill--;
    }
    return taken;
}

int world_machine_type(struct machine *machine, const void *bytes, size_t count)
{
    struct world_arena *arena = machine->sim->arena;
    struct world *world = machine->sim->world;

    if (!machine->sim->on) {
        return -EIO;
    }
    if (count > CONSOLE_INPUT_MAX - arena->input_fill) {
        return -ENOSPC;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = (arena->input_head + arena->input_fill++) % CONSOLE_INPUT_MAX;
        arena->input[at] = ((const char *)bytes)[i];
    }
    world->config.ops.event(world->config.context, WORLD_EVENT_INPUT, machine, NULL, NULL, count, 0,
                            bytes, count);
    vcpu_kick(&machine->vcpus[0], VCPU_PENDING_INPUT);
    return 0;
}
