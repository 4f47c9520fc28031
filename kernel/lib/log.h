/* SPDX-License-Identifier: MIT */
/*
 * The kernel log as a data structure: a ring of records in a buffer the caller supplies. New
 * records overwrite the oldest. Readers hold a sequence number and learn when they were
 * overtaken. No locking and no allocation inside; the caller locks. Formats: /dev/kmsg and
 * syslog(2).
 */
#ifndef KERNEL_LIB_LOG_H
#define KERNEL_LIB_LOG_H

#include "kernel/lib/compiler.h"

enum log_level {
    LOG_LEVEL_EMERG,
    LOG_LEVEL_ALERT,
    LOG_LEVEL_CRIT,
    LOG_LEVEL_ERR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

#define LOG_TEXT_MAX 1000 /* longer messages are cut */

struct log_record {
    uint64_t sequence;
    uint64_t timestamp_ns;
    uint16_t priority; /* facility << 3 | enum log_level */
    uint16_t text_size;
};

struct log_ring {
    uint8_t *buffer;
    size_t size;             /* of the buffer */
    uint64_t head, tail;     /* byte positions, ever growing; records lie in tail..head */
    uint64_t first_sequence; /* of the oldest record */
    uint64_t next_sequence;  /* of the record to come */
    /* Where the record hint_sequence starts: the one after the last read, or older than all. */
    uint64_t hint_sequence, hint_position;
};

/* The buffer holds at least one full record (2 KiB at least, a multiple of 8, 8-byte aligned). */
void log_ring_init(struct log_ring *ring, void *buffer, size_t size);

/* Appends a message (without trailing newline); returns its sequence number. */
uint64_t log_ring_append(struct log_ring *ring, unsigned priority, uint64_t timestamp_ns,
                         const char *text, size_t text_size);

/*
 * Reads the record *sequence. 1 and *sequence + 1 on success; 0 if it does not exist yet;
 * -EPIPE if it was overwritten, with *sequence moved to the oldest record. `text` holds
 * LOG_TEXT_MAX bytes and is not terminated.
 */
int log_ring_read(struct log_ring *ring, uint64_t *sequence, struct log_record *out, char *text);

/* Forgets all records (sequence numbers go on). */
void log_ring_clear(struct log_ring *ring);

/*
 * A record as /dev/kmsg shows it: `prio,seq,usec,-;message\n`, unprintable bytes as \xNN. Returns
 * the full length like ksnprintf; LOG_KMSG_MAX is always enough.
 */
#define LOG_KMSG_MAX (4 * LOG_TEXT_MAX + 80)
int log_format_kmsg(const struct log_record *record, const char *text, char *buffer, size_t size);

/* A record as syslog(2) returns it: `<prio>[ssssss.uuuuuu] message\n`. Returns the full length. */
int log_format_syslog(const struct log_record *record, const char *text, char *buffer, size_t size);

#endif
