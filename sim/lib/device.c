/* SPDX-License-Identifier: MIT */
/*
 * Attaching the caller's device models to machines.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/lib/sim_internal.h"

int sim_device_add(struct sim_machine *machine, const struct sim_device_id *id,
                   const struct sim_device_ops *ops, void *model, struct sim_device **out)
{
    struct sim_device *device = calloc(1, sizeof *device), **link = &machine->devices;
    const struct machine_device_id world_id = {.vendor = id->vendor,
                                               .device = id->device,
                                               .subsystem_vendor = id->subsystem_vendor,
                                               .subsystem = id->subsystem,
                                               .class_code = id->class_code};
    const struct machine_device_ops world_ops = {.config_read = ops->config_read,
                                                 .config_write = ops->config_write,
                                                 .bar_size = ops->bar_size,
                                                 .read = ops->read,
                                                 .write = ops->write};
    int error;

    if (!device) {
        return sim_fail(machine->sim, -ENOMEM, "out of memory");
    }
    device->ops = *ops;
    device->model = model;
    error = machine_device_add(machine->machine, &world_id, &world_ops, model, &device->device);
    if (error < 0) {
        free(device);
        return sim_fail(machine->sim, error, "machine %s: cannot add a device: %s", machine->name,
                        error == -EBUSY ? "it is on" : strerror(-error));
    }
    while (*link) {
        link = &(*link)->next;
    }
    *link = device;
    *out = device;
    return 0;
}

void sim_device_raise(struct sim_device *device, unsigned index)
{
    machine_device_raise(device->device, index);
}
