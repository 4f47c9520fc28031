/* SPDX-License-Identifier: MIT
 *
 * The kernel log: a ring of records (lib/log.h) in machine memory, read through /dev/kmsg and
 * syslog(2), echoed to the log channel up to options.log_level.
 */
#ifndef KERNEL_CORE_KLOG_H
#define KERNEL_CORE_KLOG_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

struct kernel;

enum klog_level { /* syslog(2) levels */
    KLOG_EMERG, KLOG_ALERT, KLOG_CRIT, KLOG_ERR, KLOG_WARNING, KLOG_NOTICE, KLOG_INFO, KLOG_DEBUG,
};

/* Append one line (no newline needed). Any context. */
void klog(enum klog_level level, const char *format, ...) PRINTF_LIKE(2, 3);
#define klog_err(...) klog(KLOG_ERR, __VA_ARGS__)
#define klog_warn(...) klog(KLOG_WARNING, __VA_ARGS__)
#define klog_info(...) klog(KLOG_INFO, __VA_ARGS__)

/* A line that user space writes to /dev/kmsg; priority: facility << 3 | level. */
void klog_write(unsigned priority, const char *text, size_t bytes);

/* ---- readers: /dev/kmsg and syslog(2). Any context unless it says otherwise. ---- */

struct log_record; /* lib/log.h, which also formats them */
struct wait_queue;

/* The oldest record kept, and the one to come. */
uint64_t klog_first_sequence(void);
uint64_t klog_next_sequence(void);

/* Read record *sequence into text (LOG_TEXT_MAX bytes, not terminated): 1 and *sequence moved on; 0
 * if it does not exist yet; -EPIPE if it was overwritten, *sequence moved to the oldest. */
int klog_read(uint64_t *sequence, struct log_record *out, char *text);

/* Woken after each new record. Wait for klog_next_sequence() > sequence. */
struct wait_queue *klog_wait_queue(void);

/* Atomic, and no concern of the log itself. */
struct klog_positions {
    uint64_t syslog;  /* where SYSLOG_ACTION_READ and /proc/kmsg continue: fs/syslog.c's */
    uint64_t cleared; /* records before it SYSLOG_ACTION_CLEAR has hidden from READ_ALL */
};
struct klog_positions *klog_positions(void);

/* SYSLOG_ACTION_CONSOLE_LEVEL: messages below this number reach the log channel. */
unsigned klog_console_level(void);
void klog_set_console_level(unsigned level);

#endif
