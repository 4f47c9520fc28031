/* SPDX-License-Identifier: MIT */
/*
 * Says in words what a record of an event log is (sim/log/reader.h).
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/log/reader.h"
#include "sim/net/network.h"

static const char *const type_names[SIM_EVENT_TYPES] = {
    [SIM_EVENT_START] = "START",
    [SIM_EVENT_SWITCH] = "SWITCH",
    [SIM_EVENT_THREAD] = "THREAD",
    [SIM_EVENT_SYSCALL] = "SYSCALL",
    [SIM_EVENT_RESULT] = "RESULT",
    [SIM_EVENT_FAULT] = "FAULT",
    [SIM_EVENT_INTERRUPT] = "INTERRUPT",
    [SIM_EVENT_PREEMPT] = "PREEMPT",
    [SIM_EVENT_STEP] = "STEP",
    [SIM_EVENT_SPIN] = "SPIN",
    [SIM_EVENT_TSC] = "TSC",
    [SIM_EVENT_TIME] = "TIME",
    [SIM_EVENT_POWER] = "POWER",
    [SIM_EVENT_CONSOLE] = "CONSOLE",
    [SIM_EVENT_INPUT] = "INPUT",
    [SIM_EVENT_ENTROPY] = "ENTROPY",
    [SIM_EVENT_DEVICE] = "DEVICE",
    [SIM_EVENT_INJECT] = "INJECT",
    [SIM_EVENT_CALLBACK] = "CALLBACK",
    [SIM_EVENT_NOTE] = "NOTE",
    [SIM_EVENT_SNAPSHOT] = "SNAPSHOT",
    [SIM_EVENT_REPORT] = "REPORT",
    [SIM_EVENT_USER] = "USER",
    [SIM_EVENT_FRAME] = "FRAME",
    [SIM_EVENT_SECTOR] = "SECTOR",
};

static const char *const syscall_names[] = {
#include "sim/log/syscall_names.inc"
};

const char *log_type_name(unsigned type)
{
    return type < SIM_EVENT_TYPES && type_names[type] != NULL ? type_names[type] : "UNKNOWN";
}

const char *log_syscall_name(uint64_t number, char buffer[32])
{
    if (number < sizeof(syscall_names) / sizeof(syscall_names[0]) &&
        syscall_names[number] != NULL) {
        return syscall_names[number];
    }
    snprintf(buffer, 32, "syscall %" PRIu64, number);
    return buffer;
}

static bool has_words(unsigned type)
{
    switch (type) {
    case SIM_EVENT_START:
    case SIM_EVENT_POWER:
    case SIM_EVENT_CONSOLE:
    case SIM_EVENT_INPUT:
    case SIM_EVENT_INJECT:
    case SIM_EVENT_NOTE:
    case SIM_EVENT_REPORT:
    case SIM_EVENT_SECTOR:
        return true;
    default:
        return false;
    }
}

/* Written by the kernel's tracer: printable. */
static bool has_call(unsigned type)
{
    return type == SIM_EVENT_SYSCALL || type == SIM_EVENT_RESULT;
}

static void write_words(FILE *out, const uint8_t *text, size_t bytes)
{
    fputs(" \"", out);
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n') {
            fputs("\\n", out);
        } else if (text[i] == '"' || text[i] == '\\') {
            fprintf(out, "\\%c", text[i]);
        } else if (isprint(text[i])) {
            fputc(text[i], out);
        } else {
            fprintf(out, "\\x%02x", text[i]);
        }
    }
    fputc('"', out);
}

/* Any bytes, shortened: enough to tell two records apart in most cases. */
static void write_bytes(FILE *out, const uint8_t *text, size_t bytes)
{
    const size_t shown = bytes < 32 ? bytes : 32;

    fprintf(out, " %zu bytes:", bytes);
    for (size_t i = 0; i < shown; i++) {
        fprintf(out, " %02x", text[i]);
    }
    fputs(shown < bytes ? " ..." : "", out);
}

static void write_result(FILE *out, const struct sim_event *event)
{
    const int64_t result = (int64_t)event->b;
    char buffer[32];
    const char *error = result < 0 && result >= -4095 ? strerrorname_np((int)-result) : NULL;

    fprintf(out, " %s = %" PRId64, log_syscall_name(event->a, buffer), result);
    if (error != NULL) {
        fprintf(out, " %s", error);
    }
}

static void write_details(FILE *out, const struct sim_event *event)
{
    char buffer[32];

    switch (event->type) {
    case SIM_EVENT_SYSCALL:
        fprintf(out, " %s arguments %016" PRIx64, log_syscall_name(event->a, buffer), event->b);
        break;
    case SIM_EVENT_RESULT:
        write_result(out, event);
        break;
    case SIM_EVENT_FRAME:
        fprintf(out, " link %u %s %s number %" PRIu64, log_frame_link(event->a),
                log_frame_direction(event->a) ? "back" : "forth",
                frame_event_name((enum frame_event)log_frame_event(event->a)), event->b);
        break;
    default:
        fprintf(out, " a %" PRIx64 " b %" PRIx64, event->a, event->b);
    }
}

void log_describe(const struct log_record *record, char *out, size_t bytes)
{
    const struct sim_event *event = &record->event;
    FILE *line = fmemopen(out, bytes, "w");

    if (line == NULL) {
        snprintf(out, bytes, "record %" PRIu64, record->index);
        return;
    }
    fprintf(line, "%" PRIu64 ".%09" PRIu64, event->time_ns / 1000000000,
            event->time_ns % 1000000000);
    if (event->machine != UINT16_MAX) {
        fprintf(line, " m%u", event->machine);
    }
    if (event->cpu != UINT16_MAX) {
        fprintf(line, " cpu%u", event->cpu);
    }
    if (event->user != 0) {
        fprintf(line, " user%u", event->user);
    }
    if (event->pid != 0) {
        fprintf(line, " pid%u", event->pid);
    }
    fprintf(line, " %s", log_type_name(event->type));
    write_details(line, event);
    if (event->bytes > 0 && has_call(event->type)) {
        fprintf(line, " %.*s", (int)event->bytes, (const char *)record->text);
    } else if (event->bytes > 0 && has_words(event->type)) {
        write_words(line, record->text, event->bytes);
    } else if (event->bytes > 0) {
        write_bytes(line, record->text, event->bytes);
    }
    fclose(line);
}
