/* SPDX-License-Identifier: MIT */
/*
 * The event log's file format (sim/log/reader.h): a header of "assaylog" and the version, then
 * records with their text, padded to 8 bytes. Everything is checked: a log may come from anywhere.
 */
#include "sim/log/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct sim_event) == 40, "records are 40 bytes");

struct log_reader {
    FILE *file;
    char *path;
    uint64_t records, offset;
    uint8_t text[UINT16_MAX + 9];
    char message[512];
};

static int check_header(FILE *file, const char **wrong)
{
    uint8_t header[LOG_HEADER_BYTES];
    uint64_t version;

    if (fread(header, 1, sizeof(header), file) != sizeof(header)) {
        *wrong = ferror(file) ? strerror(errno) : "no event log: it is too short";
        return ferror(file) ? -errno : -EINVAL;
    }
    memcpy(&version, header + 8, sizeof(version));
    if (memcmp(header, "assaylog", 8) != 0) {
        *wrong = "no event log of a simulation";
        return -EINVAL;
    }
    if (version != LOG_VERSION) {
        *wrong = "an event log of another version of assay";
        return -EINVAL;
    }
    return 0;
}

int log_open(const char *path, struct log_reader **out, char *message, size_t message_bytes)
{
    struct log_reader *reader = calloc(1, sizeof(*reader));
    const char *wrong = "out of memory";
    int error = -ENOMEM;

    if (reader != NULL && (reader->path = strdup(path)) != NULL) {
        reader->file = fopen(path, "rbe");
        if (reader->file == NULL) {
            error = -errno;
            wrong = strerror(errno);
        } else {
            error = check_header(reader->file, &wrong);
        }
    }
    if (error != 0) {
        snprintf(message, message_bytes, "%s: %s", path, wrong);
        log_close(reader);
        return error;
    }
    reader->offset = LOG_HEADER_BYTES;
    *out = reader;
    return 0;
}

void log_close(struct log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->file != NULL) {
        fclose(reader->file);
    }
    free(reader->path);
    free(reader);
}

static int fail(struct log_reader *reader, const char *what)
{
    snprintf(reader->message, sizeof(reader->message), "%s: byte %" PRIu64 ": %s", reader->path,
             reader->offset, what);
    return -EINVAL;
}

int log_next(struct log_reader *reader, struct log_record *out)
{
    struct sim_event *event = &out->event;
    size_t got = fread(event, 1, sizeof(*event), reader->file);

    if (got == 0 && feof(reader->file)) {
        return 0;
    }
    if (got != sizeof(*event)) {
        return fail(reader, "the log ends in the middle of a record");
    }
    if (event->type == 0 || event->type >= SIM_EVENT_TYPES) {
        return fail(reader, "a record of no known type");
    }
    const size_t padded = (event->bytes + 7u) & ~(size_t)7;
    if (fread(reader->text, 1, padded, reader->file) != padded) {
        return fail(reader, "the log ends in the middle of a record's text");
    }
    reader->text[event->bytes] = '\0';
    out->text = reader->text;
    out->index = reader->records++;
    out->offset = reader->offset;
    reader->offset += sizeof(*event) + padded;
    return 1;
}

const char *log_message(const struct log_reader *reader)
{
    return reader->message;
}
