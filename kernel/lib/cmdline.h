/* SPDX-License-Identifier: MIT */
/*
 * The kernel command line: words separated by spaces; double quotes group; backslash escapes \"
 * \\ and \n. Options come first; the word -- ends them, and the words after it are the program
 * to start and its arguments. `console=ttyS0 root=/dev/vda -- /bin/sh -c "echo hi"`.
 */
#ifndef KERNEL_LIB_CMDLINE_H
#define KERNEL_LIB_CMDLINE_H

#include "kernel/lib/compiler.h"

struct cmdline {
    char **words;         /* words_count pointers and a final NULL */
    size_t words_count;   /* the -- is not among them */
    size_t options_count; /* words before -- (all, if there is none) */
    bool has_program;     /* there was a -- */
};

/*
 * Splits `line` (`size` bytes, ends early at a NUL). Words go to `storage`, of size + 1 bytes at
 * least; pointers to `words`, with room for words_max including the NULL. 0; -EINVAL for an
 * unfinished quote, a bad escape; -E2BIG if words or storage do not suffice.
 */
int cmdline_split(const char *line, size_t size, char *storage, size_t storage_size, char **words,
                  size_t words_max, struct cmdline *out);

/*
 * Value of the last option `name=value`, "" for a bare `name`, NULL if it is absent. Names compare
 * with - and _ alike.
 */
const char *cmdline_option(const struct cmdline *cmdline, const char *name);

/* The words after --, NULL-terminated; an empty vector if there are none. */
static inline char **cmdline_program(const struct cmdline *cmdline)
{
    return cmdline->words + cmdline->options_count;
}

#endif
