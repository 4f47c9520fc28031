/* SPDX-License-Identifier: MIT
 *
 * The machine's devices (hal/bus.h, hal/memory.h): none yet. A hosted machine has no real bus, so
 * devices will be models that answer these calls.
 */
#include <string.h>

#include "hal/bus.h"
#include "hal/memory.h"

struct hal_device *hal_device_get(unsigned index)
{
    (void)index;
    return NULL;
}

void hal_device_identify(struct hal_device *device, struct hal_device_id *out)
{
    (void)device;
    memset(out, 0xff, sizeof *out);
}

uint32_t hal_device_config_read(struct hal_device *device, unsigned offset, unsigned width)
{
    (void)device;
    (void)offset;
    return width >= 4 ? UINT32_MAX : (1u << 8 * width) - 1;
}

void hal_device_config_write(struct hal_device *device, unsigned offset, unsigned width,
                             uint32_t value)
{
    (void)device;
    (void)offset;
    (void)width;
    (void)value;
}

uint64_t hal_device_bar_size(struct hal_device *device, unsigned bar)
{
    (void)device;
    (void)bar;
    return 0;
}

uint64_t hal_device_read(struct hal_device *device, unsigned bar, uint64_t offset, unsigned width)
{
    (void)device;
    (void)bar;
    (void)offset;
    (void)width;
    return UINT64_MAX;
}

void hal_device_write(struct hal_device *device, unsigned bar, uint64_t offset, unsigned width,
                      uint64_t value)
{
    (void)device;
    (void)bar;
    (void)offset;
    (void)width;
    (void)value;
}

int hal_device_interrupt(struct hal_device *device, unsigned index, void (*handler)(void *argument),
                         void *argument)
{
    (void)device;
    (void)index;
    (void)handler;
    (void)argument;
    return 0;
}

uint64_t hal_device_dma_address(struct hal_device *device, uint64_t paddr)
{
    (void)device;
    return paddr;
}

volatile void *hal_mmio_map(uint64_t paddr, size_t bytes)
{
    (void)paddr;
    (void)bytes;
    return NULL;
}

void hal_mmio_unmap(volatile void *registers, size_t bytes)
{
    (void)registers;
    (void)bytes;
}
