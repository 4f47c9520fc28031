/* SPDX-License-Identifier: MIT
 *
 * Kernel-side memory services of the machine. RAM itself is described by struct hal_boot.
 */
#ifndef HAL_MEMORY_H
#define HAL_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Map device registers (not RAM) for the kernel, uncached. NULL if it cannot. Thread context. */
volatile void *hal_mmio_map(uint64_t paddr, size_t bytes);
void hal_mmio_unmap(volatile void *registers, size_t bytes);

#endif
