/* SPDX-License-Identifier: MIT
 *
 * Monotonic time, wall-clock time and one one-shot timer per CPU.
 */
#ifndef HAL_TIME_H
#define HAL_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds since an arbitrary point before boot; never goes back, the same on all CPUs to
 * within what a program can observe. Any context; cheap (no host syscall). */
uint64_t hal_time_monotonic_ns(void);

/* How hal_time_monotonic_ns() follows from the CPU's time stamp counter:
 *     ns + ((rdtsc - tsc) * ns_per_tsc >> 32)    and ns where rdtsc is still below tsc. */
struct hal_user_clock {
    uint64_t tsc, ns;
    uint64_t ns_per_tsc; /* << 32 */
};

/* Can user code compute hal_time_monotonic_ns() by itself, now and from now on? That takes a counter
 * which runs evenly, alike on all CPUs, whether or not they sleep, and which RDTSC reads in user mode.
 * kernel_on_clock_change follows whenever the answer changes. Any context. */
bool hal_time_user_clock(struct hal_user_clock *out);

/* Nanoseconds since 1970-01-01 UTC as the machine's clock device says. Slow; read at boot. */
uint64_t hal_time_realtime_ns(void);

/* Arm the current CPU's timer: kernel_on_timer() runs on this CPU as soon as the monotonic time is
 * at or past deadline_ns; one already past fires at once. Replaces the earlier deadline.
 * UINT64_MAX disarms. Interrupts masked. */
void hal_timer_arm(uint64_t deadline_ns);

#endif
