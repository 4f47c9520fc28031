/* SPDX-License-Identifier: MIT */
/*
 * The log ring: syslog(2) and /dev/kmsg. A record is a header and its text, padded to 8 bytes;
 * records lie one after another from position tail to position head. Positions only grow; the byte
 * at position p is buffer[p % size], so a record may wrap. Invariants: tail <= head <= tail + size;
 * the ring holds records first_sequence .. next_sequence - 1; hint_position is where record
 * hint_sequence starts, or will. The caller locks.
 */
#include "kernel/lib/log.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/strbuf.h"
#include "kernel/lib/string.h"

#define RECORD_MAX (sizeof(struct log_record) + ALIGN_UP((size_t)LOG_TEXT_MAX, 8))

void log_ring_init(struct log_ring *ring, void *buffer, size_t size)
{
    assert(size >= 2048 && size >= RECORD_MAX && IS_ALIGNED(size, 8));
    assert(IS_ALIGNED((uintptr_t)buffer, 8));
    *ring = (struct log_ring){.buffer = buffer, .size = size};
}

static void copy_in(struct log_ring *ring, uint64_t position, const void *from, size_t size)
{
    size_t start = position % ring->size;
    size_t first = MIN(size, ring->size - start);
    memcpy(ring->buffer + start, from, first);
    memcpy(ring->buffer, (const uint8_t *)from + first, size - first);
}

static void copy_out(const struct log_ring *ring, uint64_t position, void *to, size_t size)
{
    size_t start = position % ring->size;
    size_t first = MIN(size, ring->size - start);
    memcpy(to, ring->buffer + start, first);
    memcpy((uint8_t *)to + first, ring->buffer, size - first);
}

static size_t record_size(size_t text_size)
{
    return sizeof(struct log_record) + ALIGN_UP(text_size, 8);
}

static void read_header(const struct log_ring *ring, uint64_t position, struct log_record *out)
{
    copy_out(ring, position, out, sizeof(*out));
    assert(out->text_size <= LOG_TEXT_MAX);
}

static void drop_oldest(struct log_ring *ring)
{
    struct log_record record;
    read_header(ring, ring->tail, &record);
    ring->tail += record_size(record.text_size);
    ring->first_sequence = record.sequence + 1;
    assert(ring->tail <= ring->head);
}

static void reset_stale_hint(struct log_ring *ring)
{
    if (ring->hint_sequence < ring->first_sequence) {
        ring->hint_sequence = ring->first_sequence;
        ring->hint_position = ring->tail;
    }
}

uint64_t log_ring_append(struct log_ring *ring, unsigned priority, uint64_t timestamp_ns,
                         const char *text, size_t text_size)
{
    text_size = MIN(text_size, LOG_TEXT_MAX);
    struct log_record record = {
        .sequence = ring->next_sequence++,
        .timestamp_ns = timestamp_ns,
        .priority = (uint16_t)priority,
        .text_size = (uint16_t)text_size,
    };
    size_t needed = record_size(text_size);
    while (ring->head + needed > ring->tail + ring->size)
        drop_oldest(ring);
    copy_in(ring, ring->head, &record, sizeof(record));
    copy_in(ring, ring->head + sizeof(record), text, text_size);
    ring->head += needed;
    reset_stale_hint(ring);
    return record.sequence;
}

/* Where the record of this sequence number starts; the record exists. */
static uint64_t locate(struct log_ring *ring, uint64_t sequence)
{
    if (sequence < ring->hint_sequence) {
        ring->hint_sequence = ring->first_sequence;
        ring->hint_position = ring->tail;
    }
    while (ring->hint_sequence < sequence) {
        struct log_record record;
        read_header(ring, ring->hint_position, &record);
        ring->hint_position += record_size(record.text_size);
        ring->hint_sequence++;
    }
    return ring->hint_position;
}

int log_ring_read(struct log_ring *ring, uint64_t *sequence, struct log_record *out, char *text)
{
    if (*sequence < ring->first_sequence) {
        *sequence = ring->first_sequence;
        return -EPIPE;
    }
    if (*sequence >= ring->next_sequence)
        return 0;
    uint64_t position = locate(ring, *sequence);
    read_header(ring, position, out);
    assert(out->sequence == *sequence);
    copy_out(ring, position + sizeof(*out), text, out->text_size);
    ++*sequence;
    return 1;
}

void log_ring_clear(struct log_ring *ring)
{
    ring->tail = ring->head;
    ring->first_sequence = ring->next_sequence;
    reset_stale_hint(ring);
}

int log_format_kmsg(const struct log_record *record, const char *text, char *buffer, size_t size)
{
    char nothing;
    struct strbuf out;
    strbuf_init(&out, size > 0 ? buffer : &nothing, size > 0 ? size : 1);
    strbuf_printf(&out, "%u,%llu,%llu,-;", record->priority, (unsigned long long)record->sequence,
                  (unsigned long long)(record->timestamp_ns / 1000));
    for (size_t i = 0; i < record->text_size; i++) {
        uint8_t c = (uint8_t)text[i];
        if (kisprint(c) && c != '\\')
            strbuf_putc(&out, (char)c);
        else
            strbuf_printf(&out, "\\x%02x", c);
    }
    strbuf_putc(&out, '\n');
    return (int)out.needed;
}

int log_format_syslog(const struct log_record *record, const char *text, char *buffer, size_t size)
{
    uint64_t usec = record->timestamp_ns / 1000;
    return ksnprintf(buffer, size, "<%u>[%5llu.%06llu] %.*s\n", record->priority,
                     (unsigned long long)(usec / 1000000), (unsigned long long)(usec % 1000000),
                     record->text_size, text);
}
