/* SPDX-License-Identifier: MIT */
/*
 * `assay sim diff` and `assay sim export`: event logs on the command line.
 */
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/log/commands.h"
#include "sim/log/diff.h"
#include "sim/log/export.h"
#include "sim/options.h"

enum { DEFAULT_CONTEXT = 5 };

struct log_arguments {
    const char *paths[2];
    unsigned count;
    unsigned context;
    const char *format, *output;
    unsigned link;
};

static const struct argp_option diff_options[] = {
    {"context", 'c', "N", 0, "Records to show around the divergence, 5 by default", 0},
    {0},
};

static const struct argp_option export_options[] = {
    {"format", 'f', "NAME", 0,
     "text: every record; strace: system calls; chrome: trace for Perfetto and chrome://tracing; "
     "html: page with a timeline; pcap: frames of a link. By default what FILE's name ends with",
     0},
    {"output", 'o', "FILE", 0, "Write here; standard output by default", 0},
    {"link", 'l', "N", 0, "With pcap: number of the link in the scenario, 0 by default", 0},
    {0},
};

static unsigned parse_small(const char *option, const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (!isdigit((unsigned char)text[0]) || *end != '\0' || number > INT_MAX) {
        die(EXIT_USAGE, "--%s %s: not a number", option, text);
    }
    return (unsigned)number;
}

static error_t parse_log(int key, char *arg, struct argp_state *state)
{
    struct log_arguments *arguments = state->input;

    switch (key) {
    case 'c':
        arguments->context = parse_small("context", arg);
        return 0;
    case 'f':
        arguments->format = arg;
        return 0;
    case 'o':
        arguments->output = arg;
        return 0;
    case 'l':
        arguments->link = parse_small("link", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->count == 2) {
            die(EXIT_USAGE, "%s: too many arguments", arg);
        }
        arguments->paths[arguments->count++] = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int command_sim_diff(int argc, char **argv)
{
    static const struct argp parser = {
        .options = diff_options,
        .parser = parse_log,
        .args_doc = "LOG LOG",
        .doc = "Show where two event logs differ first.\vExit status: 0 if they are equal, 1 if "
               "they differ, 2 if one cannot be read.\n"};
    struct log_arguments arguments = {.context = DEFAULT_CONTEXT};

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    if (arguments.count != 2) {
        die(EXIT_USAGE, "two event logs are wanted");
    }
    return log_diff(arguments.paths[0], arguments.paths[1], arguments.context, stdout, stderr);
}

static const char *format_of(const struct log_arguments *arguments)
{
    static const char *const endings[][2] = {{".txt", "text"},    {".strace", "strace"},
                                             {".json", "chrome"}, {".html", "html"},
                                             {".htm", "html"},    {".pcap", "pcap"}};
    const char *dot = arguments->output == NULL ? NULL : strrchr(arguments->output, '.');

    if (arguments->format != NULL) {
        return arguments->format;
    }
    for (size_t i = 0; dot != NULL && i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (strcmp(endings[i][0], dot) == 0) {
            return endings[i][1];
        }
    }
    return "text";
}

static int export_stream(struct log_reader *reader, const char *format, const char *title,
                         FILE *out)
{
    if (strcmp(format, "text") == 0) {
        return export_text(reader, out);
    }
    if (strcmp(format, "strace") == 0) {
        return export_strace(reader, out);
    }
    if (strcmp(format, "chrome") == 0) {
        return export_chrome(reader, out);
    }
    return export_html(reader, title, out);
}

static void check_format(const char *format, const struct log_arguments *arguments)
{
    static const char *const formats[] = {"text", "strace", "chrome", "html", "pcap"};
    const char *known = NULL;

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        known = strcmp(formats[i], format) == 0 ? format : known;
    }
    if (known == NULL) {
        die(EXIT_USAGE, "--format %s: text, strace, chrome, html or pcap is wanted", format);
    }
    if (strcmp(format, "pcap") == 0 && arguments->output == NULL) {
        die(EXIT_USAGE, "a capture needs a file: give --output");
    }
}

static int write_export(const struct log_arguments *arguments, struct log_reader *reader,
                        const char *format)
{
    if (strcmp(format, "pcap") == 0) {
        return export_pcap(reader, arguments->link, arguments->output);
    }
    FILE *out = arguments->output == NULL ? stdout : fopen(arguments->output, "we");
    if (out == NULL) {
        return -errno;
    }
    int error = export_stream(reader, format, arguments->paths[0], out);
    if (out != stdout) {
        fclose(out);
        if (error != 0) {
            unlink(arguments->output);
        }
    }
    return error;
}

int command_sim_export(int argc, char **argv)
{
    static const struct argp parser = {
        .options = export_options,
        .parser = parse_log,
        .args_doc = "LOG",
        .doc = "Write an event log in another format.\vExit status: 0, or 2 if the log cannot be "
               "read or the output cannot be written.\n"};
    struct log_arguments arguments = {0};
    struct log_reader *reader;
    char message[512];

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    if (arguments.count != 1) {
        die(EXIT_USAGE, "one event log is wanted");
    }
    const char *format = format_of(&arguments);
    check_format(format, &arguments);
    if (log_open(arguments.paths[0], &reader, message, sizeof(message)) != 0) {
        die(EXIT_USAGE, "%s", message);
    }
    int error = write_export(&arguments, reader, format);
    if (error != 0) {
        die(EXIT_USAGE, "%s",
            log_message(reader)[0] != '\0' ? log_message(reader)
            : error == -ENOENT             ? "the log has no frames of this link"
                                           : strerror(-error));
    }
    log_close(reader);
    return 0;
}
