/* SPDX-License-Identifier: MIT
 *
 * Devices as drivers see them: identity, configuration space, register windows, interrupts and
 * DMA. A driver never asks which machine it runs on.
 */
#ifndef HAL_BUS_H
#define HAL_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hal_device;

struct hal_device_id {
    uint16_t vendor, device;
    uint16_t subsystem_vendor, subsystem;
    uint32_t class_code; /* PCI class, subclass, programming interface: 0xCCSSPP */
};

/* The index-th device of the machine in a stable order, or NULL past the last. Devices neither come
 * nor go while the machine is on, but one may stop answering: then reads give all ones. */
struct hal_device *hal_device_get(unsigned index);
void hal_device_identify(struct hal_device *device, struct hal_device_id *out);

/* Configuration space; width 1, 2 or 4 bytes. Out of range reads give all ones. */
uint32_t hal_device_config_read(struct hal_device *device, unsigned offset, unsigned width);
void hal_device_config_write(struct hal_device *device, unsigned offset, unsigned width,
                             uint32_t value);

/* Register window `bar`: size in bytes (0 if absent), then accesses at an offset inside it; width
 * 1, 2, 4 or 8, and the offset a multiple of it. Outside the window reads give all ones and writes
 * do nothing. An access comes after all memory accesses before it, as the device sees them. Any
 * context; never blocks. */
uint64_t hal_device_bar_size(struct hal_device *device, unsigned bar);
uint64_t hal_device_read(struct hal_device *device, unsigned bar, uint64_t offset, unsigned width);
void hal_device_write(struct hal_device *device, unsigned bar, uint64_t offset, unsigned width,
                      uint64_t value);

/* Have handler(argument) called in interrupt context for interrupt `index` (MSI-X entry or, for 0,
 * the legacy line) of the device. 0, -ENOSPC when there are no more vectors. NULL detaches: a call
 * that is under way on another CPU may still be. Where MSI-X is used, its enable bit is set in
 * configuration space afterwards, and an entry without a handler is masked; a driver that shares the
 * line with others has to ask its device whether it is meant. Thread context, or boot. */
int hal_device_interrupt(struct hal_device *device, unsigned index, void (*handler)(void *argument),
                         void *argument);

/* Bus address of RAM at paddr for this device's DMA; identity today, an IOMMU later. */
uint64_t hal_device_dma_address(struct hal_device *device, uint64_t paddr);

#endif
