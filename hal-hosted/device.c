/* SPDX-License-Identifier: MIT */
/*
 * Devices of machines (hal-hosted/device.h), and the calls of hal/bus.h on top of them, which run
 * on a vCPU's kernel stack.
 *
 * What a running kernel changes, its handlers and the interrupts that are pending, is in struct
 * device_lines: in a world a part of the machine's memory, so that snapshots keep it. An interrupt
 * sets a bit there, from any thread, and kicks CPU 0, which delivers it where it delivers others.
 */
#include "hal-hosted/device.h"

#include <errno.h>
#include <stdlib.h>

#include "hal-hosted/machine_internal.h"
#include "hal-hosted/world/world_internal.h"
#include "hal/bus.h"

enum { ACCESS_READ, ACCESS_WRITE, ACCESS_RAISE };

struct machine_device {
    struct machine *machine;
    unsigned index;
    struct machine_device_id id;
    struct machine_device_ops ops;
    void *model;
};

int machine_device_add(struct machine *machine, const struct machine_device_id *id,
                       const struct machine_device_ops *ops, void *model,
                       struct machine_device **out)
{
    struct machine_device *device;

    if (machine->sim ? machine->sim->on : machine->started) {
        return -EBUSY;
    }
    if (machine->device_count == MACHINE_DEVICES_MAX) {
        return -ENOSPC;
    }
    if (!machine->sim && !machine->lines) {
        machine->lines = calloc(1, sizeof *machine->lines);
        if (!machine->lines) {
            return -ENOMEM;
        }
    }
    device = malloc(sizeof *device);
    if (!device) {
        return -ENOMEM;
    }
    *device = (struct machine_device){
        .machine = machine, .index = machine->device_count, .id = *id, .ops = *ops, .model = model};
    machine->devices[machine->device_count++] = device;
    *out = device;
    return 0;
}

void device_machine_exit(struct machine *machine)
{
    for (unsigned i = 0; i < machine->device_count; i++) {
        free(machine->devices[i]);
    }
    machine->device_count = 0;
    if (!machine->sim) {
        free(machine->lines);
    }
}

void *machine_memory(struct machine *machine, uint64_t paddr, uint64_t bytes)
{
    return bytes <= machine->ram_bytes && paddr <= machine->ram_bytes - bytes
               ? machine_pointer(machine, paddr)
               : NULL;
}

static void note(struct machine_device *device, unsigned access, uint64_t offset)
{
    if (device->machine->sim) {
        world_emit(device->machine->sim->world, WORLD_EVENT_DEVICE, device->machine, NULL, NULL,
                   (uint64_t)device->index << 8 | access, offset);
    }
}

void machine_device_raise(struct machine_device *device, unsigned index)
{
    struct machine *machine = device->machine;

    if ((machine->sim && !machine->sim->on) || index >= MACHINE_DEVICE_INTERRUPTS) {
        return;
    }
    note(device, ACCESS_RAISE, index);
    __atomic_fetch_or(&machine->lines->pending[device->index], 1u << index, __ATOMIC_RELEASE);
    vcpu_kick(&machine->vcpus[0], VCPU_PENDING_DEVICE);
}

static void deliver_one(struct device_line *line)
{
    void (*handler)(void *) = __atomic_load_n(&line->handler, __ATOMIC_ACQUIRE);

    if (handler) {
        handler(line->argument);
    }
}

void device_deliver(struct machine *machine)
{
    struct device_lines *lines = machine->lines;

    for (unsigned i = 0; i < machine->device_count; i++) {
        uint32_t pending = __atomic_exchange_n(&lines->pending[i], 0, __ATOMIC_ACQUIRE);

        for (; pending; pending &= pending - 1) {
            deliver_one(&lines->lines[i][__builtin_ctz(pending)]);
        }
    }
}

/* --- hal/bus.h --- */

static struct machine_device *of(struct hal_device *device)
{
    return (struct machine_device *)device;
}

struct hal_device *hal_device_get(unsigned index)
{
    const struct machine *machine = vcpu_current()->machine;

    return index < machine->device_count ? (struct hal_device *)machine->devices[index] : NULL;
}

void hal_device_identify(struct hal_device *device, struct hal_device_id *out)
{
    const struct machine_device_id *id = &of(device)->id;

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
    struct device_lines *lines = of(device)->machine->lines;

    if (index >= MACHINE_DEVICE_INTERRUPTS) {
        return -ENOSPC;
    }
    lines->lines[of(device)->index][index].argument = argument;
    __atomic_store_n(&lines->lines[of(device)->index][index].handler, handler, __ATOMIC_RELEASE);
    return 0;
}

uint64_t hal_device_dma_address(struct hal_device *device, uint64_t paddr)
{
    (void)device;
    return paddr;
}
