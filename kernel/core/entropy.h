/* SPDX-License-Identifier: MIT
 *
 * The machine's random number generator (random(4), getrandom(2)): ChaCha20 seeded by the HAL.
 */
#ifndef KERNEL_CORE_ENTROPY_H
#define KERNEL_CORE_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

struct kernel;

int entropy_init(struct kernel *kernel);

/* Fill with random bytes. Any context. */
void entropy_bytes(void *out, size_t bytes);
uint64_t entropy_u64(void);

/* Mix caller-supplied bytes in (writes to /dev/urandom). Any context. */
void entropy_mix(const void *bytes, size_t count);

#endif
