/* SPDX-License-Identifier: MIT */
/*
 * A page with a timeline (sim/log/export.h): the events in Chrome's format inside
 * sim/log/timeline.html, which draws them. Inside <script>, the one dangerous character is "<"; in
 * JSON it stands in strings only, and is written as an escape.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "sim/log/export.h"
#include "sim/log/export_chrome.h"

extern const char timeline_page[], timeline_page_end[];

static const char PLACE[] = "@LOG@";

/* More than these make browsers slow. */
enum { HTML_EVENTS_MAX = 400000 };

static ssize_t write_escaped(void *cookie, const char *bytes, size_t count)
{
    FILE *out = cookie;

    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '<') {
            fputs("\\u003c", out);
        } else {
            fputc(bytes[i], out);
        }
    }
    return ferror(out) ? 0 : (ssize_t)count;
}

static int write_log(struct log_reader *reader, const char *title, FILE *out)
{
    FILE *escaped = fopencookie(out, "w", (cookie_io_functions_t){.write = write_escaped});
    json_t *name = json_string(title);
    int error = -ENOMEM;

    if (escaped != NULL) {
        fputs("{\"title\":", escaped);
        if (name == NULL || json_dumpf(name, escaped, JSON_ENCODE_ANY) != 0) {
            fputs("null", escaped);
        }
        error = export_chrome_members(reader, HTML_EVENTS_MAX, escaped);
        fputs("}", escaped);
    }
    json_decref(name);
    if (escaped != NULL && fclose(escaped) != 0 && error == 0) {
        error = -EIO;
    }
    return error;
}

int export_html(struct log_reader *reader, const char *title, FILE *out)
{
    const char *place = strstr(timeline_page, PLACE);
    const char *rest = place + strlen(PLACE);

    fwrite(timeline_page, 1, (size_t)(place - timeline_page), out);
    int error = write_log(reader, title, out);
    fwrite(rest, 1, (size_t)(timeline_page_end - rest), out);
    if (error != 0) {
        return error;
    }
    return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
