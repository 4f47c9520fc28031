/* SPDX-License-Identifier: MIT */
/*
 * Event logs as text: every record, or system calls only (sim/log/export.h).
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/syscall.h>

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

/* The record's text, in one line whatever a guest has put into it. */
static void write_text(FILE *out, const void *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        const char c = ((const char *)text)[i];
        fputc(isprint((unsigned char)c) ? c : '?', out);
    }
}

/* Of a log without texts. */
static void write_bare_result(FILE *out, int64_t result)
{
    if (result < 0 && result >= -4095 && strerrorname_np((int)-result) != NULL) {
        fprintf(out, ") = -1 %s (%s)", strerrorname_np((int)-result), strerror((int)-result));
    } else {
        fprintf(out, ") = %" PRId64, result);
    }
}

static void write_call(FILE *out, const struct log_record *record, const struct pair *begun)
{
    const struct sim_event *event = &record->event;
    const uint64_t took_ns = begun != NULL ? event->time_ns - begun->begin_ns : 0;
    char buffer[32];

    write_prefix(out, event);
    fputc(' ', out);
    if (begun != NULL && begun->text != NULL) {
        write_text(out, begun->text, strlen(begun->text));
    } else {
        fprintf(out, "%s(...", log_syscall_name(event->a, buffer));
    }
    if (event->bytes > 0) {
        write_text(out, record->text, event->bytes);
    } else {
        write_bare_result(out, (int64_t)event->b);
    }
    fprintf(out, " <%" PRIu64 ".%09" PRIu64 ">\n", took_ns / 1000000000, took_ns % 1000000000);
}

static bool is_last_call(uint64_t number)
{
    return number == SYS_exit || number == SYS_exit_group;
}

static void write_last_call(FILE *out, const struct log_record *record)
{
    char buffer[32];

    write_prefix(out, &record->event);
    fputc(' ', out);
    if (record->event.bytes > 0) {
        write_text(out, record->text, record->event.bytes);
    } else {
        fprintf(out, "%s(...", log_syscall_name(record->event.a, buffer));
    }
    fputs(") = ?\n", out);
}

/* A call that never came back. */
static void write_open_call(void *context, const struct pair *pair)
{
    FILE *out = context;
    char buffer[32];
    const struct sim_event begin = {
        .time_ns = pair->begin_ns, .machine = pair->machine, .user = pair->user, .pid = pair->pid};

    write_prefix(out, &begin);
    fputc(' ', out);
    if (pair->text != NULL) {
        write_text(out, pair->text, strlen(pair->text));
    } else {
        fprintf(out, "%s(...)", log_syscall_name(pair->number, buffer));
    }
    fputs(" <unfinished ...>\n", out);
}

int export_strace(struct log_reader *reader, FILE *out)
{
    struct pairs pairs = {0};
    struct log_record record;
    int state;

    while ((state = log_next(reader, &record)) == 1) {
        const struct sim_event *event = &record.event;
        struct pair done;
        if (event->type == SIM_EVENT_SYSCALL && is_last_call(event->a)) {
            write_last_call(out, &record);
        } else if (event->type == SIM_EVENT_SYSCALL) {
            if (pairs_begin(&pairs, event, record.text) != 0) {
                state = -ENOMEM;
                break;
            }
        } else if (event->type == SIM_EVENT_RESULT) {
            const bool known = pairs_end(&pairs, event, &done);
            write_call(out, &record, known ? &done : NULL);
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
