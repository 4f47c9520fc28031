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

struct trace_write {
    uint64_t sector, count;
    size_t flushed; /* how many writes had been flushed when it was issued */
    uint8_t *bytes;
};

struct crash_trace {
    struct trace_write *writes;
    size_t count, room;
    size_t flushed;
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
    trace->writes[trace->count++] = (struct trace_write){sector, count, trace->flushed, copy};
    return 0;
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

int crash_state_apply(const struct crash_trace *trace, const struct crash_state *state,
                      struct store *store)
{
    for (size_t i = 0; i < state->writes; i++) {
        const struct trace_write *write = &trace->writes[i];
        uint64_t count = i == state->writes - 1 ? state->last_sectors : write->count;
        if (is_dropped(state, i)) {
            continue;
        }
        if (write->sector > store->sectors || count > store->sectors - write->sector) {
            return -EINVAL;
        }
        int error = store_write(store, write->sector, count, write->bytes);
        if (error != 0) {
            return error;
        }
    }
    return 0;
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
