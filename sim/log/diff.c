/* SPDX-License-Identifier: MIT */
/*
 * Finds the first divergence of two runs (sim/log/diff.h). What both logs say before it is kept in
 * a ring of lines.
 */
#include "sim/log/diff.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/log/reader.h"

enum { LINE_BYTES = 512, CONTEXT_MAX = 1000 };

struct side {
    const char *path;
    struct log_reader *reader;
    struct log_record record;
    int state; /* of log_next */
};

static bool open_side(struct side *side, const char *path, FILE *errors)
{
    char message[512];

    side->path = path;
    if (log_open(path, &side->reader, message, sizeof(message)) != 0) {
        fprintf(errors, "assay: %s\n", message);
        return false;
    }
    return true;
}

/* The next record that counts; false if the log is broken. */
static bool advance(struct side *side, FILE *errors)
{
    do {
        side->state = log_next(side->reader, &side->record);
    } while (side->state == 1 && side->record.event.type == SIM_EVENT_REPORT);
    if (side->state < 0) {
        fprintf(errors, "assay: %s\n", log_message(side->reader));
    }
    return side->state >= 0;
}

static bool same(const struct side *a, const struct side *b)
{
    return a->state == b->state &&
           (a->state == 0 ||
            (memcmp(&a->record.event, &b->record.event, sizeof(a->record.event)) == 0 &&
             memcmp(a->record.text, b->record.text, a->record.event.bytes) == 0));
}

/* What one side goes on with. */
static int show_rest(struct side *side, char mark, unsigned context, FILE *out, FILE *errors)
{
    char line[LINE_BYTES];

    fprintf(out, "%c %s\n", mark, side->path);
    for (unsigned i = 0; i <= context; i++) {
        if (side->state == 0) {
            fprintf(out, "%c the log ends\n", mark);
            break;
        }
        log_describe(&side->record, line, sizeof(line));
        fprintf(out, "%c %8" PRIu64 "  %s\n", mark, side->record.index, line);
        if (i < context && !advance(side, errors)) {
            return 2;
        }
    }
    return 1;
}

static int compare(struct side sides[2], unsigned context, FILE *out, FILE *errors)
{
    char(*ring)[LINE_BYTES] = calloc(context + 1, LINE_BYTES);
    uint64_t equal = 0;
    int result = 2;

    while (ring != NULL && advance(&sides[0], errors) && advance(&sides[1], errors)) {
        if (!same(&sides[0], &sides[1])) {
            fprintf(out, "the logs differ after %" PRIu64 " equal records\n", equal);
            for (uint64_t i = equal > context ? equal - context : 0; i < equal; i++) {
                fprintf(out, "  %s\n", ring[i % context]);
            }
            result = show_rest(&sides[0], '-', context, out, errors);
            if (result == 1) {
                result = show_rest(&sides[1], '+', context, out, errors);
            }
            break;
        }
        if (sides[0].state == 0) {
            fprintf(out, "the logs are equal: %" PRIu64 " records\n", equal);
            result = 0;
            break;
        }
        if (context > 0) {
            char *line = ring[equal % context];
            int used = snprintf(line, LINE_BYTES, "%8" PRIu64 "  ", sides[0].record.index);
            log_describe(&sides[0].record, line + used, LINE_BYTES - (size_t)used);
        }
        equal++;
    }
    free(ring);
    return result;
}

int log_diff(const char *first, const char *second, unsigned context, FILE *out, FILE *errors)
{
    struct side sides[2] = {{0}};
    int result = 2;

    if (context > CONTEXT_MAX) {
        context = CONTEXT_MAX;
    }
    if (open_side(&sides[0], first, errors) && open_side(&sides[1], second, errors)) {
        result = compare(sides, context, out, errors);
    }
    log_close(sides[0].reader);
    log_close(sides[1].reader);
    return result;
}
