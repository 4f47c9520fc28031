/* SPDX-License-Identifier: MIT */
/*
 * Lists crash states (sim/disk/crash.h). A state is made of a number of issued writes n and a set
 * of missing ones. The last issued write is never missing: without it the state is one of n - 1. So
 * no state is listed twice.
 */
#include "sim/disk/crash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct trace_write {
    uint64_t sector, count;
    size_t flushed; /* how many writes had been flushed when it was issued */
    uint64_t mark;  /* when it was flushed itself; if it never was, the last one */
    uint8_t *bytes;
};

struct crash_trace {
    struct trace_write *writes;
    size_t count, room;
    size_t flushed;
    uint64_t mark;
};

struct crash_trace *crash_trace_create(void)
{
    return calloc(1, sizeof(struct crash_trace));
}

void crash_trace_destroy(struct crash_trace *trace)
{
    if (trace == NULL) {
        return;
    }
    for (size_t i = 0; i < trace->count; i++) {
        free(trace->writes[i].bytes);
    }
    free(trace->writes);
    free(trace);
}

int crash_trace_write(struct crash_trace *trace, uint64_t sector, uint64_t count, const void *bytes)
{
    if (count == 0) {
        return 0;
    }
    if (trace->count == trace->room) {
        size_t room = trace->room == 0 ? 64 : 2 * trace->room;
        struct trace_write *writes = realloc(trace->writes, room * sizeof(*writes));
        if (writes == NULL) {
            return -ENOMEM;
        }
        trace->writes = writes;
        trace->room = room;
    }
    uint8_t *copy = malloc((size_t)count * STORE_SECTOR);
    if (copy == NULL) {
        return -ENOMEM;
    }
    memcpy(copy, bytes, (size_t)count * STORE_SECTOR);
    trace->writes[trace->count++] =
        (struct trace_write){sector, count, trace->flushed, trace->mark, copy};
    return 0;
}

void crash_trace_mark(struct crash_trace *trace, uint64_t mark)
{
    trace->mark = mark;
    for (size_t i = trace->flushed; i < trace->count; i++) {
        trace->writes[i].mark = mark;
    }
}

int crash_trace_flush(struct crash_trace *trace)
{
    trace->flushed = trace->count;
    return 0;
}

size_t crash_trace_writes(const struct crash_trace *trace)
{
    return trace->count;
}

/* The walk over all states. */
struct walk {
    const struct crash_trace *trace;
    const struct crash_limits *limits;
    bool (*visit)(void *context, const struct crash_state *state);
    void *context;
    size_t visited;
    bool stopped;
    struct crash_state state;
};

static void visit(struct walk *walk)
{
    if (!walk->stopped) {
        walk->visited++;
        walk->stopped = !walk->visit(walk->context, &walk->state);
    }
}

/* The state with its last write whole, then torn. */
static void visit_tears(struct walk *walk)
{
    struct crash_state *state = &walk->state;

    if (state->writes == 0) {
        visit(walk);
        return;
    }
    const uint64_t count = walk->trace->writes[state->writes - 1].count;
    state->last_sectors = count;
    visit(walk);
    const uint64_t places = count - 1 < walk->limits->tears ? count - 1 : walk->limits->tears;
    for (uint64_t i = 1; i <= places && !walk->stopped; i++) {
        /* Spread over the write, the first sector's end among them. */
        state->last_sectors = 1 + (i - 1) * (count - 1) / places;
        visit(walk);
    }
    state->last_sectors = count;
}

/* All sets of missing writes among from .. last - 1, the set so far included. */
static void visit_drops(struct walk *walk, size_t from, size_t last)
{
    struct crash_state *state = &walk->state;

    visit_tears(walk);
    if (state->drop_count == walk->limits->drops || state->drop_count == CRASH_DROPS_MAX) {
        return;
    }
    for (size_t i = from; i < last && !walk->stopped; i++) {
        state->dropped[state->drop_count++] = i;
        visit_drops(walk, i + 1, last);
        state->drop_count--;
    }
}

size_t crash_states(const struct crash_trace *trace, const struct crash_limits *limits,
                    bool (*visit_state)(void *context, const struct crash_state *state),
                    void *context)
{
    struct walk walk = {.trace = trace, .limits = limits, .visit = visit_state, .context = context};

    visit(&walk); /* nothing written at all */
    for (size_t issued = 1; issued <= trace->count && !walk.stopped; issued++) {
        const size_t last = issued - 1, flushed = trace->writes[last].flushed;
        size_t from = last > limits->window ? last - limits->window : 0;
        if (from < flushed) {
            from = flushed;
        }
        walk.state = (struct crash_state){.writes = issued, .flushed = flushed};
        visit_drops(&walk, from, last);
    }
    return walk.visited;
}

static bool is_dropped(const struct crash_state *state, size_t index)
{
    for (unsigned i = 0; i < state->drop_count; i++) {
        if (state->dropped[i] == index) {
            return true;
        }
    }
    return false;
}

int crash_state_replay(const struct crash_trace *trace, const struct crash_state *state,
                       int (*write)(void *context, uint64_t sector, uint64_t count,
                                    const void *bytes),
                       void *context)
{
    int error = 0;

    for (size_t i = 0; i < state->writes && error == 0; i++) {
        const struct trace_write *done = &trace->writes[i];
        if (!is_dropped(state, i)) {
            error = write(context, done->sector,
                          i == state->writes - 1 ? state->last_sectors : done->count, done->bytes);
        }
    }
    return error;
}

static int write_to_store(void *context, uint64_t sector, uint64_t count, const void *bytes)
{
    struct store *store = context;

    return sector > store->sectors || count > store->sectors - sector
               ? -EINVAL
               : store_write(store, sector, count, bytes);
}

int crash_state_apply(const struct crash_trace *trace, const struct crash_state *state,
                      struct store *store)
{
    return crash_state_replay(trace, state, write_to_store, store);
}

/* The state can last until the first write that it lacks is flushed. */
uint64_t crash_state_mark(const struct crash_trace *trace, const struct crash_state *state)
{
    size_t lacking = state->writes;

    if (state->drop_count > 0) {
        lacking = state->dropped[0];
    } else if (state->writes > 0 && state->last_sectors < trace->writes[state->writes - 1].count) {
        lacking = state->writes - 1;
    }
    return lacking < trace->count ? trace->writes[lacking].mark : trace->mark;
}

void crash_state_describe(const struct crash_trace *trace, const struct crash_state *state,
                          char *out, size_t bytes)
{
    FILE *text = fmemopen(out, bytes, "w");

    if (text == NULL) {
        return;
    }
    fprintf(text, "writes %zu of %zu, flushed %zu", state->writes, trace->count, state->flushed);
    for (unsigned i = 0; i < state->drop_count; i++) {
        fprintf(text, "%s %zu", i == 0 ? ", without" : "", state->dropped[i] + 1);
    }
    if (state->writes > 0 && state->last_sectors < trace->writes[state->writes - 1].count) {
        fprintf(text, ", last torn after %llu sectors", (unsigned long long)state->last_sectors);
    }
    fclose(text);
}

/* ---- in files: a header, then each write's fields and bytes; in the host's byte order ---- */

struct saved_trace {
    uint64_t count, flushed, mark;
};

struct saved_write {
    uint64_t sector, count, flushed, mark;
};

static int put(int fd, const void *bytes, size_t count)
{
    return write(fd, bytes, count) == (ssize_t)count ? 0 : -EIO;
}

static int get(int fd, void *bytes, size_t count)
{
    return read(fd, bytes, count) == (ssize_t)count ? 0 : -EIO;
}

int crash_trace_save(const struct crash_trace *trace, int fd)
{
    const struct saved_trace header = {trace->count, trace->flushed, trace->mark};
    int error = put(fd, &header, sizeof(header));

    for (size_t i = 0; i < trace->count && error == 0; i++) {
        const struct trace_write *done = &trace->writes[i];
        const struct saved_write saved = {done->sector, done->count, done->flushed, done->mark};
        error = put(fd, &saved, sizeof(saved));
        error = error != 0 ? error : put(fd, done->bytes, (size_t)done->count * STORE_SECTOR);
    }
    return error;
}

static int load_write(int fd, struct crash_trace *trace)
{
    struct saved_write saved;
    int error = get(fd, &saved, sizeof(saved));

    if (error != 0 || saved.count > SIZE_MAX / STORE_SECTOR) {
        return -EIO;
    }
    uint8_t *bytes = malloc((size_t)saved.count * STORE_SECTOR);
    error = bytes == NULL ? -ENOMEM : get(fd, bytes, (size_t)saved.count * STORE_SECTOR);
    if (error == 0) {
        error = crash_trace_write(trace, saved.sector, saved.count, bytes);
    }
    if (error == 0) {
        trace->writes[trace->count - 1].flushed = (size_t)saved.flushed;
        trace->writes[trace->count - 1].mark = saved.mark;
    }
    free(bytes);
    return error;
}

int crash_trace_load(int fd, struct crash_trace **out)
{
    struct crash_trace *trace = crash_trace_create();
    struct saved_trace header;
    int error = trace == NULL ? -ENOMEM : get(fd, &header, sizeof(header));

    for (uint64_t i = 0; error == 0 && i < header.count; i++) {
        error = load_write(fd, trace);
    }
    if (error != 0) {
        crash_trace_destroy(trace);
        return error;
    }
    trace->flushed = (size_t)header.flushed;
    trace->mark = header.mark;
    *out = trace;
    return 0;
}
