/* SPDX-License-Identifier: MIT
 *
 * The state of drivers/, and what its files share.
 */
#ifndef KERNEL_DRIVERS_DRIVERS_INTERNAL_H
#define KERNEL_DRIVERS_DRIVERS_INTERNAL_H

#include "kernel/lib/list.h"

struct block_device;
struct hal_device;
struct kernel;

struct driver_state {
    struct list blocks; /* struct block_device; grows during boot only */
    unsigned block_count;
};

/* Drivers: 0, -ENODEV (it is another driver's device), or what went wrong, which is logged. */
int virtio_blk_probe(struct kernel *kernel, struct hal_device *device);

/* block.c: what a new device and a new partition have in common. */
void block_setup(struct block_device *device, struct kernel *kernel, unsigned minor);

/* block_cache.c */
void block_cache_setup(struct block_device *device);

#endif
