/* SPDX-License-Identifier: MIT
 *
 * Seed material for the kernel's random number generator.
 */
#ifndef HAL_ENTROPY_H
#define HAL_ENTROPY_H

#include <stddef.h>

/* Fill with up to `bytes` bytes of full entropy; returns how many were obtained (0 if the machine
 * has no source). Deterministic under simulation. Any context; not fast. */
size_t hal_entropy_read(void *out, size_t bytes);

#endif
