/* SPDX-License-Identifier: MIT
 *
 * Monotonic time, wall-clock time and one one-shot timer per CPU.
 */
#ifndef HAL_TIME_H
#define HAL_TIME_H

#include <stdint.h>

/* Nanoseconds since an arbitrary point before boot; never goes back, the same on all CPUs to
 * within what a program can observe. Any context; cheap (no host syscall). */
uint64_t hal_time_monotonic_ns(void);

/* Nanoseconds since 1970-01-01 UTC as the machine's clock device says. Slow; read at boot. */
uint64_t hal_time_realtime_ns(void);

/* Arm the current CPU's timer: kernel_on_timer() runs on this CPU as soon as the monotonic time is
 * at or past deadline_ns; one already past fires at once. Replaces the earlier deadline.
 * UINT64_MAX disarms. Interrupts masked. */
void hal_timer_arm(uint64_t deadline_ns);

#endif
