/* SPDX-License-Identifier: MIT */
/*
 * Builds the kernel command line, the counterpart of kernel/lib/cmdline.h: words separated by
 * spaces, quoted where they need it, and the program after a word "--".
 */
#include "sim/command_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "sim/options.h"

/* Characters that may stand outside quotes. */
static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                            "-_=+/.,:;@%^~";

static void write_word(FILE *line, const char *prefix, const char *word)
{
    if (ftell(line) > 0) {
        fputc(' ', line);
    }
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        fprintf(line, "%s%s", prefix, word);
        return;
    }
    fprintf(line, "\"%s", prefix);
    for (const char *c = word; *c != '\0'; c++) {
        if (*c == '\n') {
            fputs("\\n", line);
            continue;
        }
        if (*c == '"' || *c == '\\') {
            fputc('\\', line);
        }
        fputc(*c, line);
    }
    fputc('"', line);
}

static bool gives_term(const struct options *options)
{
    for (size_t i = 0; i < options->env.count; i++) {
        if (strncmp(options->env.items[i], "TERM=", 5) == 0) {
            return true;
        }
    }
    return false;
}

static void write_environment(FILE *line, const struct options *options)
{
    const char *term = getenv("TERM");

    if (term != NULL && term[0] != '\0' && !gives_term(options)) {
        write_word(line, "env=TERM=", term);
    }
    for (size_t i = 0; i < options->env.count; i++) {
        write_word(line, "env=", options->env.items[i]);
    }
}

char *command_line_create(const struct options *options, int terminal_fd)
{
    char *text = NULL, number[32];
    size_t size;
    struct winsize window;
    FILE *line = open_memstream(&text, &size);

    if (line == NULL) {
        die(EXIT_HOST, "out of memory");
    }
    if (options->trace) {
        write_word(line, "", "trace");
    }
    if (options->quiet) {
        write_word(line, "", "quiet");
    }
    if (options->no_vdso) {
        write_word(line, "", "vdso=0");
    }
    if (options->log_level >= 0) {
        snprintf(number, sizeof(number), "%d", options->log_level);
        write_word(line, "loglevel=", number);
    }
    if (terminal_fd >= 0 && ioctl(terminal_fd, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 &&
        window.ws_row > 0) {
        snprintf(number, sizeof(number), "%ux%u", window.ws_col, window.ws_row);
        write_word(line, "tty=", number);
    }
    write_environment(line, options);
    if (options->program[0] != NULL) {
        write_word(line, "", "--");
    }
    for (char **word = options->program; *word != NULL; word++) {
        write_word(line, "", *word);
    }
    if (fclose(line) != 0 || text == NULL) {
        die(EXIT_HOST, "out of memory");
    }
    return text;
}
