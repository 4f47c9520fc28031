/* SPDX-License-Identifier: MIT */
/*
 * Devices of machines in a world: hal/bus.h on top of models that the world's owner supplies. The
 * calls of hal/bus.h run on a vCPU's kernel stack.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hal-hosted/world/world_internal.h"
#include "hal/bus.h"

enum { ACCESS_READ, ACCESS_WRITE, ACCESS_RAISE };

int world_device_add(struct machine *machine, const struct world_device_id *id,
                     const struct world_device_ops *ops, void *model, struct world_device **out)
{
    struct world_machine *sim = machine->sim;
    struct world_device *device;

    if (sim->on) {
        return -EBUSY;
    }
    if (sim->device_count == DEVICES_MAX) {
        return -ENOSPC;
    }
    device = calloc(1, sizeof *device);
    if (!device) {
        return -ENOMEM;
    }
    *device = (struct world_device){
        .machine = machine, .index = sim->device_count, .id = *id, .ops = *ops, .model = model};
    sim->devices[sim->device_count++] = device;
    *out = device;
    return 0;
}

static void note(struct world_device *device, unsigned access, uint64_t offset)
{
    world_emit(device->machine->sim->world, WORLD_EVENT_DEVICE, device->machine, NULL, NULL,
               (uint64_t)device->index << 8 | access, offset);
}

void world_device_raise(struct world_device *device, unsigned index)
{
    struct world_machine *sim = device->machine->sim;

    if (!sim->on || index >= DEVICE_INTERRUPTS) {
        return;
    }
    note(device, ACCESS_RAISE, index);
    sim->arena->device_pending[device->index] |= 1u << index;
    vcpu_kick(&device->machine->vcpus[0], VCPU_PENDING_DEVICE);
}

void world_device_deliver(struct machine *machine)
{
    struct world_arena *arena = machine->sim->arena;

    for (unsigned i = 0; i < machine->sim->device_count; i++) {
        uint32_t pending = arena->device_pending[i];

        arena->device_pending[i] = 0;
        for (; pending; pending &= pending - 1) {
            unsigned index = (unsigned)__builtin_ctz(pending);
            if (arena->device_handlers[i][index].handler) {
                arena->device_handlers[i][index].handler(arena->device_handlers[i][index].argument);
            }
        }
    }
}

/* --- hal/bus.h --- */

static struct world_device *of(struct hal_device *device)
{
    return (struct world_device *)device;
}

struct hal_device *hal_device_get(unsigned index)
{
    const struct world_machine *sim = vcpu_current()->machine->sim;

    return sim && index < sim->device_count ? (struct hal_device *)sim->devices[index] : NULL;
}

void hal_device_identify(struct hal_device *device, struct hal_device_id *out)
{
    const struct world_device_id *id = &of(device)->id;

    *out = (struct hal_device_id){.vendor = id->vendor,
                                  .device = id->device,
                                  .subsystem_vendor = id->subsystem_vendor,
                                  .subsystem = id->subsystem,
                                  .class_code = id->class_code};
}

uint32_t hal_device_config_read(struct hal_device *device, unsigned offset, unsigned width)
{
    return of(device)->ops.config_read(of(device)->model, offset, width);
}

void hal_device_config_write(struct hal_device *device, unsigned offset, unsigned width,
                             uint32_t value)
{
    of(device)->ops.config_write(of(device)->model, offset, width, value);
}

uint64_t hal_device_bar_size(struct hal_device *device, unsigned bar)
{
    return of(device)->ops.bar_size(of(device)->model, bar);
}

uint64_t hal_device_read(struct hal_device *device, unsigned bar, uint64_t offset, unsigned width)
{
    note(of(device), ACCESS_READ, (uint64_t)bar << 56 | offset);
    return of(device)->ops.read(of(device)->model, bar, offset, width);
}

void hal_device_write(struct hal_device *device, unsigned bar, uint64_t offset, unsigned width,
                      uint64_t value)
{
    note(of(device), ACCESS_WRITE, (uint64_t)bar << 56 | offset);
    of(device)->ops.write(of(device)->model, bar, offset, width, value);
}

int hal_device_interrupt(struct hal_device *device, unsigned index, void (*handler)(void *argument),
                         void *argument)
{
    struct world_arena *arena = of(device)->machine->sim->arena;

    if (index >= DEVICE_INTERRUPTS) {
        return -ENOSPC;
    }
    arena->device_handlers[of(device)->index][index].handler = handler;
    arena->device_handlers[of(device)->index][index].argument = argument;
    return 0;
}

uint64_t hal_device_dma_address(struct hal_device *device, uint64_t paddr)
{
    (void)device;
    return paddr;
}
