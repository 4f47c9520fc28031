/* SPDX-License-Identifier: MIT */
/*
 * The PCI transport of virtio devices (virtio_pci.h; VIRTIO 1.1, 4.1): vendor capabilities in
 * configuration space say in which register windows the structures are.
 */
#include "kernel/drivers/virtio/virtio_pci.h"

#include "hal/bus.h"
#include "hal/cpu.h"
#include "hal/time.h"
#include "kernel/abi/errno.h"
#include "kernel/drivers/virtio/virtio_internal.h"

enum {
    PCI_STATUS = 0x06,
    PCI_STATUS_CAPABILITIES = 0x10,
    PCI_CAPABILITIES = 0x34,
    CAPABILITY_VENDOR = 0x09,
    CAPABILITY_MSIX = 0x11,
    CAPABILITIES_MAX = 48, /* the list may be a circle */
    MSIX_ENABLED = 1 << 15,
    BARS = 6,
};

/* cfg_type of struct virtio_pci_cap. */
enum { STRUCTURE_COMMON = 1, STRUCTURE_NOTIFY, STRUCTURE_ISR, STRUCTURE_DEVICE };

enum {
    STATUS_ACKNOWLEDGE = 1,
    STATUS_DRIVER = 2,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
    STATUS_NEEDS_RESET = 64,
    STATUS_FAILED = 128,
};

static const uint64_t reset_limit_ns = 100 * 1000 * 1000;

/* ---- finding the structures ---- */

/* The first capability of a type counts, if it is where the device has registers. */
static void take_structure(struct virtio_pci *pci, unsigned at)
{
    struct virtio_region *regions[] = {
        [STRUCTURE_COMMON] = &pci->common,
        [STRUCTURE_NOTIFY] = &pci->notify,
        [STRUCTURE_ISR] = &pci->isr,
        [STRUCTURE_DEVICE] = &pci->config,
    };
    unsigned type = hal_device_config_read(pci->device, at + 3, 1);
    const struct virtio_region found = {
        .bar = hal_device_config_read(pci->device, at + 4, 1),
        .offset = hal_device_config_read(pci->device, at + 8, 4),
        .bytes = hal_device_config_read(pci->device, at + 12, 4),
    };

    if (type < STRUCTURE_COMMON || type > STRUCTURE_DEVICE || regions[type]->bytes > 0 ||
        found.bar >= BARS) {
        return;
    }
    uint64_t size = hal_device_bar_size(pci->device, found.bar);
    if (found.bytes > size || found.offset > size - found.bytes) {
        return;
    }
    *regions[type] = found;
    if (type == STRUCTURE_NOTIFY) {
        pci->notify_step = hal_device_config_read(pci->device, at + 16, 4);
    }
}

int virtio_pci_open(struct virtio_pci *pci, struct hal_device *device)
{
    *pci = (struct virtio_pci){.device = device};
    if (!(hal_device_config_read(device, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES)) {
        return -ENODEV;
    }
    unsigned at = hal_device_config_read(device, PCI_CAPABILITIES, 1) & 0xfc;
    for (unsigned i = 0; i < CAPABILITIES_MAX && at >= 0x40; i++) {
        unsigned id = hal_device_config_read(device, at, 1);
        if (id == CAPABILITY_VENDOR) {
            take_structure(pci, at);
        } else if (id == CAPABILITY_MSIX && !pci->msix) {
            pci->msix = at;
        }
        at = hal_device_config_read(device, at + 1, 1) & 0xfc;
    }
    bool whole = pci->common.bytes >= COMMON_BYTES && pci->notify.bytes >= 2 && pci->isr.bytes >= 1;
    return whole ? 0 : -ENODEV;
}

/* ---- registers ---- */

static uint64_t region_read(struct virtio_pci *pci, const struct virtio_region *region,
                            uint64_t offset, unsigned width)
{
    if (width > region->bytes || offset > region->bytes - width) {
        return UINT64_MAX;
    }
    return hal_device_read(pci->device, region->bar, region->offset + offset, width);
}

uint64_t virtio_pci_read(struct virtio_pci *pci, unsigned field, unsigned width)
{
    return region_read(pci, &pci->common, field, width);
}

void virtio_pci_write(struct virtio_pci *pci, unsigned field, unsigned width, uint64_t value)
{
    if (width == 8) { /* as two halves: 4.1.3.1 */
        virtio_pci_write(pci, field, 4, value & UINT32_MAX);
        virtio_pci_write(pci, field + 4, 4, value >> 32);
        return;
    }
    hal_device_write(pci->device, pci->common.bar, pci->common.offset + field, width, value);
}

void virtio_pci_notify(struct virtio_pci *pci, uint16_t queue, uint16_t notify_index)
{
    uint64_t offset = (uint64_t)notify_index * pci->notify_step;

    if (offset <= pci->notify.bytes - 2) {
        hal_device_write(pci->device, pci->notify.bar, pci->notify.offset + offset, 2, queue);
    }
}

uint64_t virtio_pci_config(struct virtio_pci *pci, unsigned offset, unsigned width)
{
    return region_read(pci, &pci->config, offset, width);
}

uint8_t virtio_pci_generation(struct virtio_pci *pci)
{
    return (uint8_t)virtio_pci_read(pci, COMMON_GENERATION, 1);
}

/* ---- status and features ---- */

static unsigned status(struct virtio_pci *pci)
{
    return (unsigned)virtio_pci_read(pci, COMMON_STATUS, 1);
}

static void add_status(struct virtio_pci *pci, unsigned bits)
{
    virtio_pci_write(pci, COMMON_STATUS, 1, status(pci) | bits);
}

int virtio_pci_reset(struct virtio_pci *pci)
{
    uint64_t give_up_ns = hal_time_monotonic_ns() + reset_limit_ns;

    virtio_pci_write(pci, COMMON_STATUS, 1, 0);
    while (status(pci) != 0) {
        if (hal_time_monotonic_ns() >= give_up_ns) {
            return -EIO;
        }
        hal_cpu_relax();
    }
    return 0;
}

static uint64_t offered_features(struct virtio_pci *pci)
{
    virtio_pci_write(pci, COMMON_DEVICE_FEATURE_SELECT, 4, 0);
    uint64_t low = virtio_pci_read(pci, COMMON_DEVICE_FEATURE, 4);
    virtio_pci_write(pci, COMMON_DEVICE_FEATURE_SELECT, 4, 1);
    return low | virtio_pci_read(pci, COMMON_DEVICE_FEATURE, 4) << 32;
}

int virtio_pci_negotiate(struct virtio_pci *pci, uint64_t wanted)
{
    const uint64_t needed = VIRTIO_FEATURE(VIRTIO_F_VERSION_1_BIT);

    add_status(pci, STATUS_ACKNOWLEDGE);
    add_status(pci, STATUS_DRIVER);
    pci->features =
        offered_features(pci) & (wanted | needed | VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM_BIT));
    if (!(pci->features & needed)) {
        return -EIO;
    }
    virtio_pci_write(pci, COMMON_DRIVER_FEATURE_SELECT, 4, 0);
    virtio_pci_write(pci, COMMON_DRIVER_FEATURE, 4, pci->features & UINT32_MAX);
    virtio_pci_write(pci, COMMON_DRIVER_FEATURE_SELECT, 4, 1);
    virtio_pci_write(pci, COMMON_DRIVER_FEATURE, 4, pci->features >> 32);
    add_status(pci, STATUS_FEATURES_OK);
    return status(pci) & STATUS_FEATURES_OK ? 0 : -EIO;
}

void virtio_pci_start(struct virtio_pci *pci)
{
    add_status(pci, STATUS_DRIVER_OK);
}

void virtio_pci_fail(struct virtio_pci *pci)
{
    add_status(pci, STATUS_FAILED);
}

bool virtio_pci_is_broken(struct virtio_pci *pci)
{
    return status(pci) & STATUS_NEEDS_RESET;
}

/* ---- interrupts ---- */

static bool messages_enabled(struct virtio_pci *pci)
{
    return pci->msix && hal_device_config_read(pci->device, pci->msix + 2, 2) & MSIX_ENABLED;
}

int virtio_pci_attach(struct virtio_pci *pci, void (*on_queue)(void *argument),
                      void (*on_config)(void *argument), void *argument)
{
    int error = hal_device_interrupt(pci->device, VECTOR_QUEUE, on_queue, argument);

    pci->messages = error == 0 && messages_enabled(pci);
    if (pci->messages) {
        /* Without a vector of its own a change shows when a request takes too long. */
        (void)hal_device_interrupt(pci->device, VECTOR_CONFIG, on_config, argument);
    }
    return error;
}

int virtio_pci_route_config(struct virtio_pci *pci)
{
    unsigned vector = pci->messages ? VECTOR_CONFIG : VECTOR_NONE;

    virtio_pci_write(pci, COMMON_CONFIG_VECTOR, 2, vector);
    return virtio_pci_read(pci, COMMON_CONFIG_VECTOR, 2) == vector ? 0 : -EIO;
}

unsigned virtio_pci_interrupt_reason(struct virtio_pci *pci)
{
    return pci->messages ? 1 : (unsigned)region_read(pci, &pci->isr, 0, 1) & 3;
}
