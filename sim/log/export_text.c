/* SPDX-License-Identifier: MIT */
/*
 * Event logs as text: every record, or system calls only (sim/log/export.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "sim/log/export.h"
#include "sim/log/pairs.h"
#include "sim/net/capture.h"

static int written(FILE *out)
{
    return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}

int export_text(struct log_reader *reader, FILE *out)
{
    static const size_t LINE_BYTES = 1024;
    char line[LINE_BYTES];
    struct log_record record;
    int state;

    while ((state = log_next(reader, &record)) == 1) {
        log_describe(&record, line, sizeof(line));
        fprintf(out, "%8" PRIu64 "  %s\n", record.index, line);
    }
    return state < 0 ? state : written(out);
}

static void write_prefix(FILE *out, const struct sim_event *event)
{
    fprintf(out, "%" PRIu64 ".%09" PRIu64 " m%u", event->time_ns / 1000000000,
            event->time_ns % 1000000000, event->machine);
    if (event->pid != 0) {
        fprintf(out, " [%u]", event->pid);
    } else {
        fprintf(out, " [user %u]", event->user);
    }
}

static void write_call(FILE *out, const struct sim_event *event, uint64_t took_ns)
{
    const int64_t result = (int64_t)event->b;
    char buffer[32];
    const char *name = log_syscall_name(event->a, buffer);

    write_prefix(out, event);
    if (result < 0 && result >= -4095 && strerrorname_np((int)-result) != NULL) {
        fprintf(out, " %s(...) = -1 %s (%s)", name, strerrorname_np((int)-result),
                strerror((int)-result));
    } else {
        fprintf(out, " %s(...) = %" PRId64, name, result);
    }
    fprintf(out, " <%" PRIu64 ".%09" PRIu64 ">\n", took_ns / 1000000000, took_ns % 1000000000);
}

/* A call that never came back. */
static void write_open_call(void *context, const struct pair *pair)
{
    FILE *out = context;
    char buffer[32];
    const struct sim_event begin = {
        .time_ns = pair->begin_ns, .machine = pair->machine, .user = pair->user, .pid = pair->pid};

    write_prefix(out, &begin);
    fprintf(out, " %s(...) <unfinished ...>\n", log_syscall_name(pair->number, buffer));
}

int export_strace(struct log_reader *reader, FILE *out)
{
    struct pairs pairs = {0};
    struct log_record record;
    int state;

    while ((state = log_next(reader, &record)) == 1) {
        const struct sim_event *event = &record.event;
        struct pair done;
        if (event->type == SIM_EVENT_SYSCALL) {
            if (pairs_begin(&pairs, event) != 0) {
                state = -ENOMEM;
                break;
            }
        } else if (event->type == SIM_EVENT_RESULT) {
            const bool known = pairs_end(&pairs, event, &done);
            write_call(out, event, known ? event->time_ns - done.begin_ns : 0);
        } else if (event->type == SIM_EVENT_INJECT) {
            write_prefix(out, event);
            fprintf(out, " --- %s ---\n", (const char *)record.text);
        }
    }
    pairs_each(&pairs, write_open_call, out);
    pairs_free(&pairs);
    return state < 0 ? state : written(out);
}

int export_pcap(struct log_reader *reader, unsigned link, const char *path)
{
    /* What sim_config.realtime_ns is by default: 2030-01-01 00:00:00 UTC. */
    static const uint64_t EPOCH_NS = UINT64_C(1893456000) * 1000000000;
    struct capture *capture;
    struct log_record record;
    uint64_t frames = 0;
    int state, error = capture_create(path, EPOCH_NS, &capture);

    if (error != 0) {
        return error;
    }
    while ((state = log_next(reader, &record)) == 1) {
        const struct sim_event *event = &record.event;
        if (event->type != SIM_EVENT_FRAME || log_frame_link(event->a) != link) {
            continue;
        }
        const struct frame_report report = {
            .direction = (enum link_direction)log_frame_direction(event->a),
            .event = (enum frame_event)log_frame_event(event->a),
            .time_ns = event->time_ns,
            .bytes = record.text,
            .count = event->bytes,
        };
        capture_report(capture, &report);
        frames++;
    }
    error = capture_close(capture);
    if (state < 0 || frames == 0) {
        error = state < 0 ? state : -ENOENT;
    }
    if (error != 0) {
        remove(path);
    }
    return error;
}
