/* SPDX-License-Identifier: MIT
 *
 * The state of core/ and the calls between its files.
 */
#ifndef KERNEL_CORE_CORE_INTERNAL_H
#define KERNEL_CORE_CORE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/core/klog.h"
#include "kernel/core/kernel.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/log.h"
#include "kernel/lib/random.h"
#include "kernel/sched/wait.h"

struct klog {
    struct spinlock lock;         /* LOCK_RANK_LOG, irqsave: guards ring */
    struct log_ring ring;
    struct wait_queue readers;
    struct klog_positions positions;
    unsigned console_level;       /* atomic */
};

struct entropy_pool {
    struct spinlock lock;         /* LOCK_RANK_ENTROPY, irqsave */
    struct random random;
};

struct time_state {
    uint64_t boot_base_ns;        /* HAL time of CLOCK_MONOTONIC 0; constant after boot */
    int64_t realtime_offset_ns;   /* realtime - monotonic; atomic */
    struct spinlock user_lock;    /* LOCK_RANK_USER_CLOCK, irqsave: writers of *user_clock */
    struct user_clock *user_clock; /* the page that programs read; NULL: none. Atomic */
};

/* Set up the log over a buffer. */
void klog_setup(struct klog *log, void *buffer, size_t bytes);

/* Memory that boot_options_parse needs for a command line of this length, and the parsing itself.
 * `memory` is 8-byte aligned and zeroed, and stays with the options. */
size_t options_memory_bytes(size_t cmdline_bytes);
void boot_options_parse(struct kernel *kernel, const char *cmdline, void *memory, size_t bytes);

/* Write a message to the log channel without taking any lock. */
void log_channel_write(const char *text, size_t bytes);

#endif
