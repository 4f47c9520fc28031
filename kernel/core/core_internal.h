/* SPDX-License-Identifier: MIT
 *
 * The state of core/ and the calls between its files.
 */
#ifndef KERNEL_CORE_CORE_INTERNAL_H
#define KERNEL_CORE_CORE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/abi/time.h"
#include "kernel/core/kernel.h"
#include "kernel/core/klog.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/log.h"
#include "kernel/lib/random.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"

struct klog {
    struct spinlock lock; /* LOCK_RANK_LOG, irqsave: guards ring */
    struct log_ring ring;
    struct wait_queue readers;
    struct klog_positions positions;
    unsigned console_level; /* atomic */
};

struct entropy_pool {
    struct spinlock lock; /* LOCK_RANK_ENTROPY, irqsave */
    struct random random;
};

/* See clock_adjust.c. */
struct clock_adjust {
    struct spinlock lock; /* LOCK_RANK_OBJECT, irqsave; all below */
    struct timer timer;   /* runs while something is worked off */
    bool running;
    int32_t status;    /* STA_* */
    unsigned constant; /* of the phase-locked loop */
    int64_t frequency; /* ppm << 16 */
    int64_t tick_us;
    int64_t now_ppb;       /* what is worked off in this second */
    int64_t offset_ns;     /* of the phase-locked loop, left */
    int64_t singleshot_us; /* of adjtime(3), left */
    int64_t max_error_us, estimated_error_us;
    uint64_t error_since_s, loop_since_s;
    struct linux_timezone zone;
    bool zone_was_set;
};

/* CLOCK_REALTIME - CLOCK_MONOTONIC as a line: at base_ns, and what it gains from there. */
struct realtime_line {
    uint64_t base_ns;
    int64_t offset_ns;
    int64_t rate; /* ns per ns << CLOCK_RATE_SHIFT */
};

struct time_state {
    uint64_t boot_base_ns; /* HAL time of CLOCK_MONOTONIC 0; constant after boot */
    uint32_t sequence;     /* odd while the line is changed; atomic, like the line */
    struct realtime_line line;
    int32_t tai_s; /* CLOCK_TAI - CLOCK_REALTIME; atomic */
    struct spinlock
        user_lock; /* LOCK_RANK_USER_CLOCK, irqsave: writers of the line and *user_clock */
    struct clock_adjust adjust;
    struct user_clock *user_clock; /* the page that programs read; NULL: none. Atomic */
};

/* user_clock.c: user_lock is held. */
void user_clock_update_locked(struct time_state *time);

/* clock_adjust.c. Boot. */
void clock_adjust_init(struct clock_adjust *adjust);

/* Set up the log over a buffer. */
void klog_setup(struct klog *log, void *buffer, size_t bytes);

/* Memory that boot_options_parse needs for a command line of this length, and the parsing itself.
 * `memory` is 8-byte aligned and zeroed, and stays with the options. */
size_t options_memory_bytes(size_t cmdline_bytes);
void boot_options_parse(struct kernel *kernel, const char *cmdline, void *memory, size_t bytes);

/* Write a message to the log channel without taking any lock. */
void log_channel_write(const char *text, size_t bytes);

#endif
