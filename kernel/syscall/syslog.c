/* SPDX-License-Identifier: MIT
 *
 * syslog(2): the kernel log as dmesg(1) and klogd read it.
 *
 * Records are formatted one by one into a kernel buffer and copied out with no lock held; positions
 * are sequence numbers, so records that are overwritten meanwhile are only skipped.
 */
#include "kernel/fs/syslog.h"
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/sysinfo.h"
#include "kernel/core/klog.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/syscalls.h"

enum {
    BUFFER_SIZE = 64 << 10 /* core/early.c */,
    CONSOLE_LEVEL_MIN = 1,
    CONSOLE_LEVEL_DEFAULT = 7
};

/* Whole lines from `from` on, as many as fit in `room` bytes. *from moves past them. */
static int64_t copy_lines(struct syslog_line *line, uint64_t *from, uint64_t buf, uint64_t room)
{
    int64_t done = 0;
    for (;;) {
        uint64_t next = *from;
        int length = syslog_next_line(line, &next);
        if (length == 0 || (uint64_t)length > room)
            return done;
        if (copy_to_user(buf + (uint64_t)done, line->line, (size_t)length))
            return done ? done : -EFAULT;
        *from = next;
        done += length;
        room -= (uint64_t)length;
    }
}

/* Bytes of the lines from `from` on. */
static uint64_t count_bytes(struct syslog_line *line, uint64_t from)
{
    uint64_t bytes = 0;
    int length;
    while ((length = syslog_next_line(line, &from)) > 0)
        bytes += (uint64_t)length;
    return bytes;
}

/* SYSLOG_ACTION_READ_ALL: the last lines that fit. */
static int64_t read_all(struct syslog_line *line, uint64_t buf, uint64_t room, bool clear)
{
    struct klog_positions *positions = klog_positions();
    uint64_t from = MAX(atomic_load_relaxed(&positions->cleared), klog_first_sequence());
    uint64_t bytes = count_bytes(line, from), end = klog_next_sequence();

    while (bytes > room) {
        int length = syslog_next_line(line, &from);
        if (length == 0)
            break;
        bytes -= (uint64_t)length;
    }
    int64_t done = copy_lines(line, &from, buf, room);
    if (clear && done >= 0)
        atomic_store_relaxed(&positions->cleared, end);
    return done;
}

static int64_t read_some(int type, uint64_t buf, uint64_t room)
{
    struct uio uio;
    if (type == SYSLOG_ACTION_READ) {
        uio_init_user(&uio, buf, room);
        return syslog_read(&uio);
    }
    struct syslog_line *line = kmalloc(sizeof(*line));
    if (!line)
        return -ENOMEM;
    int64_t result = read_all(line, buf, room, type == SYSLOG_ACTION_READ_CLEAR);
    kfree(line);
    return result;
}

int64_t sys_syslog(int type, uint64_t buf, int length)
{
    /* Reading everything and its size are for everybody; the rest is for the system's logger. */
    if (type != SYSLOG_ACTION_READ_ALL && type != SYSLOG_ACTION_SIZE_BUFFER &&
        !capable(CAP_SYSLOG) && !capable(CAP_SYS_ADMIN))
        return -EPERM;
    switch (type) {
    case SYSLOG_ACTION_CLOSE:
    case SYSLOG_ACTION_OPEN:
        return 0; /* as in Linux: nothing to do */
    case SYSLOG_ACTION_READ:
    case SYSLOG_ACTION_READ_ALL:
    case SYSLOG_ACTION_READ_CLEAR:
        if (!buf || length < 0)
            return -EINVAL;
        if (length && !user_range_ok(buf, (uint64_t)length))
            return -EFAULT;
        return length ? read_some(type, buf, (uint64_t)length) : 0;
    case SYSLOG_ACTION_CLEAR:
        atomic_store_relaxed(&klog_positions()->cleared, klog_next_sequence());
        return 0;
    case SYSLOG_ACTION_CONSOLE_OFF:
        klog_set_console_level(CONSOLE_LEVEL_MIN);
        return 0;
    case SYSLOG_ACTION_CONSOLE_ON:
        klog_set_console_level(CONSOLE_LEVEL_DEFAULT);
        return 0;
    case SYSLOG_ACTION_CONSOLE_LEVEL:
        if (length < 1 || length > 8)
            return -EINVAL;
        klog_set_console_level((unsigned)length);
        return 0;
    case SYSLOG_ACTION_SIZE_UNREAD:
        return syslog_unread();
    case SYSLOG_ACTION_SIZE_BUFFER:
        return BUFFER_SIZE;
    default:
        return -EINVAL;
    }
}
