/* SPDX-License-Identifier: MIT
 *
 * Hooks for sanitizers and debuggers. Backends without the tool make them empty.
 */
#ifndef HAL_DEBUG_H
#define HAL_DEBUG_H

#include <stddef.h>
#include <stdint.h>

/* Mark kernel memory unusable (free) or usable (allocated): AddressSanitizer when hosted. */
void hal_debug_poison(const void *address, size_t bytes);
void hal_debug_unpoison(const void *address, size_t bytes);

/* Return addresses of the current call chain, innermost first; returns how many were stored. */
unsigned hal_debug_backtrace(uint64_t *out, unsigned max);

#endif
