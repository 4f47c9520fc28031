/* SPDX-License-Identifier: MIT
 *
 * Device registers (hal/memory.h): a hosted machine has none that could be mapped. Its devices are
 * models that answer the calls of hal/bus.h (device.c).
 */
#include "hal/memory.h"

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
