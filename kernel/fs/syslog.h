/* SPDX-License-Identifier: MIT
 *
 * The kernel log as one stream of lines that all its readers share: syslog(2)'s
 * SYSLOG_ACTION_READ and /proc/kmsg, proc(5). What one has read no other reads.
 */
#ifndef KERNEL_FS_SYSLOG_H
#define KERNEL_FS_SYSLOG_H

#include "kernel/lib/log.h"
#include "kernel/mm/uio.h"

/* Room for a record and for its line; too large for a stack. */
struct syslog_line {
    char text[LOG_TEXT_MAX];
    char line[LOG_KMSG_MAX];
};

/* The first record at or after *sequence as a line in line->line, *sequence moved behind it: its
 * length in bytes, 0 at the end of the log. Any context. */
int syslog_next_line(struct syslog_line *line, uint64_t *sequence);

/* Take lines from the stream: as many whole ones as there is room for, or the first part of one
 * that is longer. Waits for a line. Bytes, -ERESTARTSYS, -ENOMEM; -EFAULT: what was taken is lost.
 */
int64_t syslog_read(struct uio *uio);

/* Bytes in the stream, or -ENOMEM. */
int64_t syslog_unread(void);
bool syslog_has_unread(void);

#endif
