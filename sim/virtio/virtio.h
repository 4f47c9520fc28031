/* SPDX-License-Identifier: MIT
 *
 * Models of virtio devices on PCI, as drivers see them through hal/bus.h: Virtual I/O Device
 * (VIRTIO) 1.1, sections 2 (facilities), 4.1 (PCI), 5.1 (network) and 5.2 (block). Modern devices
 * only, split queues, no indirect descriptors, no event index.
 *
 * The functions that begin with virtio_ fit struct sim_device_ops of sim/sim.h; the model does not
 * know who calls it, and so is tested without machines. All that a driver says is checked: a driver
 * that breaks the rules finds the device in need of a reset, as section 2.1.2 has it.
 */
#ifndef SIM_VIRTIO_VIRTIO_H
#define SIM_VIRTIO_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/disk/disk.h"
#include "sim/net/network.h"

enum {
    VIRTIO_VENDOR = 0x1af4,
    VIRTIO_DEVICE_NET = 0x1041,
    VIRTIO_DEVICE_BLK = 0x1042,
    VIRTIO_CLASS_NET = 0x020000,
    VIRTIO_CLASS_BLK = 0x010000,
};

struct sim_device_ops;
struct virtio_model;

/* What a model needs from the machine it is in. */
struct virtio_host {
    /* `bytes` bytes of RAM at paddr, NULL if they are not all there. */
    void *(*memory)(void *context, uint64_t paddr, size_t bytes);

    /* Raise interrupt `index` of the device: an MSI-X entry, or 0 for the legacy line. */
    void (*raise)(void *context, unsigned index);

    void *context;
};

/* A network device. Frames go to `nic` (virtio_net_attach), and come through virtio_net_receive,
 * which is made to be network_add_nic's callback. 0 or -ENOMEM. */
int virtio_net_create(const struct virtio_host *host, const uint8_t address[6],
                      struct virtio_model **out);
void virtio_net_attach(struct virtio_model *model, struct network_node *nic);
void virtio_net_receive(void *model, const uint8_t *bytes, size_t count);

/* What is behind a block device. */
struct virtio_blk_backend {
    /* As disk_submit: never answers from within the call. */
    int (*submit)(void *context, enum disk_operation operation, uint64_t sector, uint64_t count,
                  void *bytes, void (*done)(void *argument, int status), void *argument);
    void (*power_off)(void *context); /* may be NULL */
    void *context;
    const char *serial; /* at most 20 bytes count */
    uint64_t sectors;
    bool read_only;
};

/* A block device in front of a disk, or of something else; which must outlive it. 0 or -ENOMEM. */
int virtio_blk_create(const struct virtio_host *host, struct disk *disk, struct virtio_model **out);
int virtio_blk_create_on(const struct virtio_host *host, const struct virtio_blk_backend *backend,
                         struct virtio_model **out);

/* The memory of requests that its disk still has under way is freed when they are done, or when the
 * disk is destroyed. */
void virtio_destroy(struct virtio_model *model);

/* How often the driver broke the rules, and how many frames found no buffer. */
unsigned virtio_errors(const struct virtio_model *model);
uint64_t virtio_net_dropped(const struct virtio_model *model);

/* The bus's side. */
uint32_t virtio_config_read(void *model, unsigned offset, unsigned width);
void virtio_config_write(void *model, unsigned offset, unsigned width, uint32_t value);
uint64_t virtio_bar_size(void *model, unsigned bar);
uint64_t virtio_bar_read(void *model, unsigned bar, uint64_t offset, unsigned width);
void virtio_bar_write(void *model, unsigned bar, uint64_t offset, unsigned width, uint64_t value);

/* A copy of the model's state, its requests at the disk and, unless it is in front of something
 * else than a disk, the disk included. NULL without memory. Going back to it: 0 or -ENOMEM. */
void *virtio_save(void *model);
int virtio_restore(void *model, const void *saved);
void virtio_saved_free(void *saved);

/* Off: the device forgets everything; a disk loses power. */
void virtio_power(void *model, bool on);

/* All of these, for sim_device_add. */
extern const struct sim_device_ops virtio_device_ops;

#endif
