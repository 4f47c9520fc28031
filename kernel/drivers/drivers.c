/* SPDX-License-Identifier: MIT */
/*
 * Finds the devices of the machine (hal/bus.h) and gives each to the driver that knows it. Boot
 * only; nothing here blocks, and what does not work is logged and left alone.
 */
#include "hal/bus.h"
#include "kernel/abi/errno.h"
#include "kernel/core/init.h"
#include "kernel/core/kernel.h"
#include "kernel/core/klog.h"
#include "kernel/drivers/drivers_internal.h"
#include "kernel/mm/slab.h"

typedef int probe_fn(struct kernel *kernel, struct hal_device *device);

static probe_fn *const probes[] = {
    virtio_blk_probe,
};

static void probe(struct kernel *kernel, struct hal_device *device)
{
    for (unsigned i = 0; i < ARRAY_SIZE(probes); i++) {
        int error = probes[i](kernel, device);

        if (error == -ENODEV) {
            continue;
        }
        if (error < 0) {
            struct hal_device_id id;
            hal_device_identify(device, &id);
            klog(KLOG_ERR, "device %04x:%04x does not work: error %d", id.vendor, id.device,
                 -error);
        }
        return;
    }
}

int drivers_init(struct kernel *kernel)
{
    struct hal_device *device;

    kernel->drivers = kzalloc(sizeof(*kernel->drivers));
    if (!kernel->drivers) {
        return -ENOMEM;
    }
    list_init(&kernel->drivers->blocks);
    for (unsigned i = 0; (device = hal_device_get(i)) != NULL; i++) {
        probe(kernel, device);
    }
    return 0;
}
