/* SPDX-License-Identifier: MIT
 *
 * Devices of machines: hal/bus.h on top of models that the machine's owner supplies.
 */
#ifndef HAL_HOSTED_DEVICE_H
#define HAL_HOSTED_DEVICE_H

#include <stdint.h>

struct machine;
struct machine_device;

enum { MACHINE_DEVICES_MAX = 32, MACHINE_DEVICE_INTERRUPTS = 32 };

/* What a model answers. Called on a vCPU's kernel stack, of which a model should use little; in a
 * machine that is not in a world by several vCPUs at a time. */
struct machine_device_ops {
    uint32_t (*config_read)(void *model, unsigned offset, unsigned width);
    void (*config_write)(void *model, unsigned offset, unsigned width, uint32_t value);
    uint64_t (*bar_size)(void *model, unsigned bar);
    uint64_t (*read)(void *model, unsigned bar, uint64_t offset, unsigned width);
    void (*write)(void *model, unsigned bar, uint64_t offset, unsigned width, uint64_t value);
};

struct machine_device_id {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class_code; /* 0xCCSSPP */
};

/* Put a device on the bus of a machine that is not on; the order of the calls is the order that
 * drivers see. It is the machine's and ends with it; the model is the caller's. 0, -EBUSY (the
 * machine is on), -ENOSPC, -ENOMEM. */
int machine_device_add(struct machine *machine, const struct machine_device_id *id,
                       const struct machine_device_ops *ops, void *model,
                       struct machine_device **out);

/* Raise interrupt `index`: the driver's handler runs on CPU 0 soon. Ignored while nobody listens.
 * Any host thread, until the machine is destroyed; in a world also inside vCPUs. */
void machine_device_raise(struct machine_device *device, unsigned index);

/* RAM of the machine at paddr, NULL if not all of it is there. For DMA. Any host thread. */
void *machine_memory(struct machine *machine, uint64_t paddr, uint64_t bytes);

#endif
