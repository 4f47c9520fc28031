/* SPDX-License-Identifier: MIT
 *
 * The kernel's clocks: monotonic since boot, and wall-clock time as an offset from it.
 */
#ifndef KERNEL_CORE_CLOCK_H
#define KERNEL_CORE_CLOCK_H

#include <stdint.h>

struct kernel;

int clock_init(struct kernel *kernel);

/* CLOCK_MONOTONIC and CLOCK_BOOTTIME: ns since boot (never 0 after boot). Any context. */
uint64_t clock_monotonic_ns(void);

/* CLOCK_REALTIME: ns since 1970-01-01 UTC. Any context. */
uint64_t clock_realtime_ns(void);

/* clock_settime(CLOCK_REALTIME). Timers on the realtime clock are re-armed by the caller. */
void clock_set_realtime_ns(uint64_t realtime_ns);

/* realtime - monotonic, now; and at that point of CLOCK_MONOTONIC, as the rate stands. */
int64_t clock_realtime_offset_ns(void);
int64_t clock_realtime_offset_at_ns(uint64_t monotonic_ns);

/* CLOCK_REALTIME gains so much on CLOCK_MONOTONIC from now on: ns per ns << CLOCK_RATE_SHIFT. Any
 * context. */
#define CLOCK_RATE_SHIFT 32
void clock_set_rate(int64_t rate);

/* CLOCK_TAI - CLOCK_REALTIME. */
int64_t clock_tai_offset_ns(void);
void clock_set_tai(int32_t seconds);

/* CLOCK_MONOTONIC ns -> the HAL's monotonic ns used by timers (sched/timer.h). */
uint64_t clock_boot_base_ns(void);

#endif
