/* SPDX-License-Identifier: MIT */
/*
 * The event log: one record for everything that a run decides or observes, hashed in order, and
 * passed to sinks.
 *
 * The texts of system calls are made only if somebody reads the log or wants them hashed
 * (hash_texts); the hash must not depend on who reads.
 *
 * The hash is ours, not cryptographic: two 64-bit lanes, each multiplied and rotated with every
 * word of the record and of the text, with different constants. Reports about the host are not
 * hashed: they may differ between hosts whose runs are equal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/lib/sim_internal.h"

_Static_assert(sizeof(struct sim_event) == 40, "the record has no holes");

void log_init(struct event_log *log)
{
    log->hash[0] = 0x6a09e667f3bcc908u;
    log->hash[1] = 0xbb67ae8584caa73bu;
    log->fd = -1;
}

void log_exit(struct event_log *log)
{
    free(log->buffer);
    log->buffer = NULL;
}

static inline __attribute__((always_inline)) void hash_word(struct event_log *log, uint64_t word)
{
    log->hash[0] = random_rotate((log->hash[0] ^ word) * 0x9fb21c651e98df25u, 29);
    log->hash[1] = random_rotate(log->hash[1] + word, 37) * 0xd6e8feb86659fd93u;
}

/* The words of a record, from registers: reading back what was just written in halves would stall.
 */
static inline __attribute__((always_inline)) void
hash_record(struct event_log *log, const struct sim_event *event, const void *text)
{
    const bool is_call = event->type == SIM_EVENT_SYSCALL || event->type == SIM_EVENT_RESULT;
    const size_t bytes = is_call && !log->hash_texts ? 0 : event->bytes;

    hash_word(log, event->time_ns);
    hash_word(log, event->type | (uint64_t)event->machine << 16 | (uint64_t)event->cpu << 32 |
                       (uint64_t)bytes << 48);
    hash_word(log, event->user | (uint64_t)event->pid << 32);
    hash_word(log, event->a);
    hash_word(log, event->b);
    for (size_t at = 0; at < bytes; at += 8) {
        uint64_t word = 0;
        size_t left = bytes - at;

        memcpy(&word, (const char *)text + at, left < 8 ? left : 8);
        hash_word(log, word);
    }
}

/* --- to a file --- */

static void write_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);

        if (written < 0 && errno != EINTR) {
            return; /* a full disk must not change the run */
        }
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        }
    }
}

static void buffer_put(struct event_log *log, const void *bytes, size_t count)
{
    static const char zeros[8];
    size_t padding = -count % 8;

    if (log->fill + count + padding > LOG_BUFFER_BYTES) {
        write_all(log->fd, log->buffer, log->fill);
        log->fill = 0;
    }
    if (count + padding > LOG_BUFFER_BYTES) {
        write_all(log->fd, bytes, count);
        write_all(log->fd, zeros, padding);
        return;
    }
    memcpy(log->buffer + log->fill, bytes, count);
    memset(log->buffer + log->fill + count, 0, padding);
    log->fill += count + padding;
}

int sim_log_to_fd(struct sim *sim, int fd)
{
    static const char header[16] = {'a', 's', 's', 'a', 'y', 'l', 'o', 'g', 1};
    struct event_log *log = &sim->log;

    if (!log->buffer) {
        log->buffer = malloc(LOG_BUFFER_BYTES);
        if (!log->buffer) {
            return sim_fail(sim, -ENOMEM, "out of memory");
        }
    }
    sim_log_flush(sim);
    log->fd = fd;
    if (fd >= 0) {
        buffer_put(log, header, sizeof header);
    }
    return 0;
}

void sim_log_flush(struct sim *sim)
{
    struct event_log *log = &sim->log;

    if (log->fd >= 0 && log->fill > 0) {
        write_all(log->fd, log->buffer, log->fill);
    }
    log->fill = 0;
}

/* --- records --- */

void log_event(struct sim *sim, enum sim_event_type type, const struct sim_machine *machine,
               unsigned cpu, uint32_t user, uint32_t pid, uint64_t a, uint64_t b, const void *text,
               size_t bytes)
{
    struct event_log *log = &sim->log;
    const struct sim_event event = {
        .time_ns = sim_now_ns(sim),
        .type = (uint16_t)type,
        .machine = machine ? (uint16_t)machine->index : UINT16_MAX,
        .cpu = (uint16_t)cpu,
        .bytes = (uint16_t)(bytes < UINT16_MAX ? bytes : UINT16_MAX),
        .user = user,
        .pid = pid,
        .a = a,
        .b = b,
    };

    if (type != SIM_EVENT_REPORT) {
        hash_record(log, &event, text);
        log->count++;
    }
    for (unsigned i = 0; i < log->sink_count; i++) {
        log->sinks[i].write(log->sinks[i].argument, &event, text);
    }
    if (log->fd >= 0) {
        buffer_put(log, &event, sizeof event);
    }
    if (log->fd >= 0 && event.bytes > 0) {
        buffer_put(log, text, event.bytes);
    }
}

int sim_log_to(struct sim *sim, sim_sink *sink, void *argument)
{
    struct event_log *log = &sim->log;

    if (log->sink_count == LOG_SINKS_MAX) {
        return sim_fail(sim, -ENOSPC, "a simulation has at most %d log sinks", LOG_SINKS_MAX);
    }
    log->sinks[log->sink_count++] = (struct log_sink){.write = sink, .argument = argument};
    return 0;
}

void sim_log_hash(const struct sim *sim, uint64_t out[2])
{
    memcpy(out, sim->log.hash, sizeof sim->log.hash);
}

uint64_t sim_log_count(const struct sim *sim)
{
    return sim->log.count;
}

void sim_event(struct sim *sim, struct sim_machine *machine, enum sim_event_type type, uint64_t a,
               uint64_t b, const void *text, size_t bytes)
{
    log_event(sim, type, machine, UINT16_MAX, 0, 0, a, b, text, bytes);
}

void sim_note(struct sim *sim, struct sim_machine *machine, const char *text)
{
    sim_event(sim, machine, SIM_EVENT_NOTE, 0, 0, text, strlen(text));
}
