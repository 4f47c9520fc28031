/* SPDX-License-Identifier: MIT
 *
 * The stream of lines of the kernel log, syslog(2).
 *
 * Where the stream is, is one atomic number: the next record and how many bytes of its line were
 * read. A reader takes a piece by moving it on (compare and exchange), then copies, with no lock
 * held; so no two readers get the same. Records that are overwritten unread are skipped.
 */
#include "kernel/fs/syslog.h"

#include "kernel/abi/errno.h"
#include "kernel/core/klog.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/wait.h"

enum { PART_BITS = 16, PART_MASK = (1 << PART_BITS) - 1 };

int syslog_next_line(struct syslog_line *line, uint64_t *sequence)
{
    struct log_record record;
    for (;;) {
        int result = klog_read(sequence, &record, line->text);
        if (result == -EPIPE)
            continue;
        if (result <= 0)
            return 0;
        return MIN(log_format_syslog(&record, line->text, line->line, sizeof(line->line)),
                   (int)sizeof(line->line) - 1);
    }
}

static uint64_t next_record(void)
{
    return atomic_load_relaxed(&klog_positions()->syslog) >> PART_BITS;
}

bool syslog_has_unread(void)
{
    return klog_next_sequence() > next_record();
}

/* The line at a position of the stream: its bytes, and behind *out_skip those that are left; 0 at
 * the end. *out_after is the record behind. */
static size_t line_at(struct syslog_line *line, uint64_t position, size_t *out_skip,
                      uint64_t *out_after)
{
    uint64_t wanted = position >> PART_BITS;
    *out_after = wanted;
    size_t length = (size_t)syslog_next_line(line, out_after);
    *out_skip = *out_after == wanted + 1 ? MIN((size_t)(position & PART_MASK), length) : 0;
    return length;
}

/* Take the next line, or (if part_is_fine) as much of it as there is room for: its bytes, in
 * line->line from *out_skip on. 0: none, or it does not fit. */
static size_t take(struct syslog_line *line, size_t room, bool part_is_fine, size_t *out_skip)
{
    uint64_t *stream = &klog_positions()->syslog, position = atomic_load_relaxed(stream), after;
    for (;;) {
        size_t bytes = line_at(line, position, out_skip, &after);
        if (bytes == 0)
            return 0;
        bytes -= *out_skip;
        uint64_t moved = after << PART_BITS;
        if (bytes > room) {
            if (!part_is_fine)
                return 0;
            bytes = room;
            moved = (after - 1) << PART_BITS | (*out_skip + bytes);
        }
        if (atomic_cmpxchg_relaxed(stream, &position, moved))
            return bytes;
    }
}

int64_t syslog_read(struct uio *uio)
{
    struct syslog_line *line = kmalloc(sizeof(*line));
    int64_t done = 0;
    size_t bytes, skip;
    if (!line)
        return -ENOMEM;
    do {
        int error = wait_event_interruptible(klog_wait_queue(), syslog_has_unread());
        if (error) {
            done = error;
            break;
        }
        while (uio->remaining && (bytes = take(line, uio->remaining, done == 0, &skip)) > 0) {
            if (uio_copy_to(uio, line->line + skip, bytes) != bytes) {
                done = done ? done : -EFAULT;
                break;
            }
            done += (int64_t)bytes;
        }
    } while (done == 0 && uio->remaining); /* another reader was faster */
    kfree(line);
    return done;
}

int64_t syslog_unread(void)
{
    struct syslog_line *line = kmalloc(sizeof(*line));
    uint64_t position = atomic_load_relaxed(&klog_positions()->syslog), after;
    size_t bytes, skip;
    int64_t total = 0;
    if (!line)
        return -ENOMEM;
    while ((bytes = line_at(line, position, &skip, &after)) > 0) {
        total += (int64_t)(bytes - skip);
        position = after << PART_BITS;
    }
    kfree(line);
    return total;
}
