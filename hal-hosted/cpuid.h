/* SPDX-License-Identifier: MIT
 *
 * What the host CPU says about itself.
 */
#ifndef HAL_HOSTED_CPUID_H
#define HAL_HOSTED_CPUID_H

#include <stdint.h>

/* The brand string, without padding. */
void cpuid_model(char out[static 49]);

/* Frequency of the time-stamp counter in Hz; 0 if the CPU does not tell. */
uint64_t cpuid_tsc_hz(void);

#endif
