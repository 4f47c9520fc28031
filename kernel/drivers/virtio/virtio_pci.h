/* SPDX-License-Identifier: MIT
 *
 * Virtio devices on PCI, for their drivers: where a device's structures are, its status, features
 * and own configuration. Virtual I/O Device (VIRTIO) 1.1, sections 2.1 to 2.4, 3.1 and 4.1; modern
 * devices (and transitional ones, used as such) only.
 *
 * What the device says is not believed further than it can be checked. Registers are read and
 * written in any context; nothing blocks, but a reset may spin for RESET_LIMIT_NS.
 */
#ifndef KERNEL_DRIVERS_VIRTIO_VIRTIO_PCI_H
#define KERNEL_DRIVERS_VIRTIO_VIRTIO_PCI_H

#include <stdbool.h>
#include <stdint.h>

struct hal_device;

enum {
    VIRTIO_PCI_VENDOR = 0x1af4,
    VIRTIO_PCI_BLOCK = 0x1042,
    VIRTIO_PCI_BLOCK_TRANSITIONAL = 0x1001,
};

#define VIRTIO_FEATURE(bit) (UINT64_C(1) << (bit))
enum { VIRTIO_F_VERSION_1_BIT = 32, VIRTIO_F_ACCESS_PLATFORM_BIT = 33 };

/* A structure in a register window. */
struct virtio_region {
    unsigned bar;
    uint64_t offset, bytes; /* bytes 0: there is none */
};

struct virtio_pci {
    struct hal_device *device;
    struct virtio_region common, notify, isr, config;
    uint32_t notify_step;
    unsigned msix;     /* offset of the MSI-X capability; 0: none */
    bool messages;     /* interrupts come as MSI-X messages, not by the line */
    uint64_t features; /* agreed on */
};

/* Find the device's structures. 0, or -ENODEV: it is no (modern) virtio device, or it is broken. */
int virtio_pci_open(struct virtio_pci *pci, struct hal_device *device);

/* Stop the device: afterwards it touches no memory. 0, or -EIO: it does not answer. */
int virtio_pci_reset(struct virtio_pci *pci);

/* After a reset: greet the device and agree on features, of which VERSION_1 is one. 0, or -EIO. */
int virtio_pci_negotiate(struct virtio_pci *pci, uint64_t wanted);

/* When queues and interrupts are set up: go. Or give it up. */
void virtio_pci_start(struct virtio_pci *pci);
void virtio_pci_fail(struct virtio_pci *pci);

/* Attach the handler of queue 0 and, if there are messages enough, one of configuration changes. 0,
 * -ENOSPC. Then tell the device, after each reset, before queues are enabled. */
int virtio_pci_attach(struct virtio_pci *pci, void (*on_queue)(void *argument),
                      void (*on_config)(void *argument), void *argument);
int virtio_pci_route_config(struct virtio_pci *pci);

/* Interrupt handler, with the line: why the device raised it (bit 0: queue, bit 1: configuration),
 * which takes it back; 0: it was not this device. With messages: 1. */
unsigned virtio_pci_interrupt_reason(struct virtio_pci *pci);

/* The device wants a reset, or is gone. */
bool virtio_pci_is_broken(struct virtio_pci *pci);

/* The device's own configuration; all ones past its end. Several fields that belong together: read
 * them between two equal values of virtio_pci_generation. */
uint64_t virtio_pci_config(struct virtio_pci *pci, unsigned offset, unsigned width);
uint8_t virtio_pci_generation(struct virtio_pci *pci);

/* For virtqueue.c: fields of the common structure. */
uint64_t virtio_pci_read(struct virtio_pci *pci, unsigned field, unsigned width);
void virtio_pci_write(struct virtio_pci *pci, unsigned field, unsigned width, uint64_t value);
void virtio_pci_notify(struct virtio_pci *pci, uint16_t queue, uint16_t notify_index);

#endif
