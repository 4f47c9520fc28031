/* SPDX-License-Identifier: MIT
 *
 * Small host services that hal-hosted uses everywhere.
 */
#ifndef HAL_HOSTED_HOST_H
#define HAL_HOSTED_HOST_H

#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC; no system call (vDSO). */
uint64_t host_monotonic_ns(void);

/* Sleep while *word == expected, until woken or until the monotonic deadline (UINT64_MAX: none).
 * May return early. Process-private. */
void host_futex_wait(uint32_t *word, uint32_t expected, uint64_t deadline_ns);

/* Wake all sleepers on word. Async-signal-safe. */
void host_futex_wake(uint32_t *word);

/* Let other host threads have this host CPU. (Not sched_yield: the kernel may define that name.) */
void host_yield(void);

/* The process cannot go on (a broken invariant of the backend): print one line and abort. */
__attribute__((noreturn)) void host_fatal(const char *text);

#endif
