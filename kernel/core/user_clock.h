/* SPDX-License-Identifier: MIT
 *
 * The page from which user programs read the clocks without a system call: written by the kernel,
 * read by the code of the vDSO (proc/vdso/), which includes this too. Two pages are mapped: this
 * one twice, or in a time namespace first that of the namespace.
 *
 * A sequence lock: `sequence` is odd while a writer is at it, and changes with each change; readers
 * try again. Readers never write and never block the kernel.
 */
#ifndef KERNEL_CORE_USER_CLOCK_H
#define KERNEL_CORE_USER_CLOCK_H

#include <stdint.h>

struct kernel;

enum user_clock_mode {
    USER_CLOCK_NONE,      /* make system calls */
    USER_CLOCK_COUNTER,   /* hal/time.h, struct hal_user_clock, with CLOCK_MONOTONIC for ns */
    USER_CLOCK_NAMESPACE, /* a time namespace: only the last fields; the clocks are on the next page
                           */
};

struct user_clock {
    uint32_t sequence;
    uint32_t mode;
    uint64_t tsc, monotonic_ns, ns_per_tsc; /* << 32 */
    /* CLOCK_REALTIME - CLOCK_MONOTONIC: at realtime_base_ns, and what it gains from there. */
    int64_t realtime_offset_ns;
    uint64_t realtime_base_ns;
    int64_t realtime_rate; /* ns per ns << 32 */
    int64_t tai_s;         /* CLOCK_TAI - CLOCK_REALTIME */

    /* USER_CLOCK_NAMESPACE: added to these clocks; constant. */
    int64_t monotonic_offset_ns, boottime_offset_ns;
};

/* From now on keep this (zeroed, never freed) up to date. Boot only. */
void user_clock_start(struct kernel *kernel, struct user_clock *clock);
/* The clocks' parameters have changed. Any context. */
void user_clock_update(struct kernel *kernel);

#endif
