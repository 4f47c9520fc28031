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

/* Boot: needs the slab allocator. Messages before this go straight to the log channel. */
int klog_init(struct kernel *kernel);

#endif
