/* SPDX-License-Identifier: MIT
 *
 * Reads event logs of simulations (sim/sim.h: struct sim_event, sim_log_to_fd), record by record.
 */
#ifndef SIM_LOG_READER_H
#define SIM_LOG_READER_H

#include <stddef.h>
#include <stdint.h>

#include "sim/sim.h"

enum { LOG_HEADER_BYTES = 16, LOG_VERSION = 1 };

struct log_reader;

struct log_record {
    uint64_t index;  /* from 0 */
    uint64_t offset; /* in the file */
    struct sim_event event;
    const uint8_t *text; /* event.bytes bytes and a NUL; good until the next record is read */
};

/* 0, or negative errno and one line in message: "PATH: what is wrong". -EINVAL: no event log. */
int log_open(const char *path, struct log_reader **out, char *message, size_t message_bytes);
void log_close(struct log_reader *reader);

/* 1: a record; 0: the end; negative errno: broken here (see log_message). */
int log_next(struct log_reader *reader, struct log_record *out);

/* One line about the last error, with the file's name and the offset. */
const char *log_message(const struct log_reader *reader);

/* "SYSCALL", "FRAME" … */
const char *log_type_name(unsigned type);

/* "read", or "syscall 999". The buffer is for the latter. */
const char *log_syscall_name(uint64_t number, char buffer[32]);

/* One line about a record, without its newline: what `assay sim diff` shows. */
void log_describe(const struct log_record *record, char *out, size_t bytes);

/* Frames and sectors, as the simulator's glue packs them into a record's `a`. */
static inline uint64_t log_frame_code(unsigned link, unsigned direction, unsigned event)
{
    return (uint64_t)link << 8 | direction << 4 | event;
}
static inline unsigned log_frame_link(uint64_t code)
{
    return (unsigned)(code >> 8);
}
static inline unsigned log_frame_direction(uint64_t code)
{
    return code >> 4 & 1;
}
static inline unsigned log_frame_event(uint64_t code)
{
    return code & 15;
}

#endif
