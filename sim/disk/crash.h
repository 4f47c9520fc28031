/* SPDX-License-Identifier: MIT
 *
 * The states in which a power cut can leave a disk. A trace of the writes and flushes of a run is
 * recorded once; then all states are listed: what was flushed is there, and of the writes after the
 * last flush a prefix, without some of its earlier writes (the disk had put them off), and with the
 * last one perhaps torn.
 */
#ifndef SIM_DISK_CRASH_H
#define SIM_DISK_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/disk/store.h"

enum { CRASH_DROPS_MAX = 4 };

struct crash_trace;

/* NULL without memory. */
struct crash_trace *crash_trace_create(void);
void crash_trace_destroy(struct crash_trace *trace);

/* 0 or -ENOMEM. */
int crash_trace_write(struct crash_trace *trace, uint64_t sector, uint64_t count,
                      const void *bytes);
int crash_trace_flush(struct crash_trace *trace);
size_t crash_trace_writes(const struct crash_trace *trace);

/* Marks tell how far something else had come (bytes of output, say) when a crash happens: set the
 * current one, which only grows, before each write and flush is added, and at the end. */
void crash_trace_mark(struct crash_trace *trace, uint64_t mark);

/* Write a trace to a file from where it stands, and read it: 0, -EIO, -ENOMEM. */
int crash_trace_save(const struct crash_trace *trace, int fd);
int crash_trace_load(int fd, struct crash_trace **out);

struct crash_limits {
    unsigned drops;  /* how many writes of a prefix may be missing, 0 .. CRASH_DROPS_MAX */
    unsigned window; /* ... among how many before the last */
    unsigned tears;  /* in how many places the last write may be torn */
};

struct crash_state {
    size_t writes;  /* the first so many writes of the trace were issued ... */
    size_t flushed; /* ... of which these were flushed */
    unsigned drop_count;
    size_t dropped[CRASH_DROPS_MAX]; /* indices of writes, ascending, never the last one */
    uint64_t last_sectors;           /* of the last write; less than it has if it is torn */
};

/* Visit every state once, in a fixed order, until visit returns false. Different states may have
 * the same contents. Returns how many were visited. */
size_t crash_states(const struct crash_trace *trace, const struct crash_limits *limits,
                    bool (*visit)(void *context, const struct crash_state *state), void *context);

/* Write the state's writes to a store that holds what the disk held at the trace's start. 0,
 * -EINVAL (not within the disk), -ENOMEM. */
int crash_state_apply(const struct crash_trace *trace, const struct crash_state *state,
                      struct store *store);

/* The same with each write given to write(context, …), in order: 0, or what that returns first. */
int crash_state_replay(const struct crash_trace *trace, const struct crash_state *state,
                       int (*write)(void *context, uint64_t sector, uint64_t count,
                                    const void *bytes),
                       void *context);

/* The latest mark that a crash can have come after which left this state. */
uint64_t crash_state_mark(const struct crash_trace *trace, const struct crash_state *state);

/* One line: "writes 7 of 9, flushed 4, without 5, last torn after 3 sectors". */
void crash_state_describe(const struct crash_trace *trace, const struct crash_state *state,
                          char *out, size_t bytes);

#endif
