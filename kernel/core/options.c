/* SPDX-License-Identifier: MIT */
/*
 * The kernel command line: options, then `--`, then the program to run with its arguments.
 *
 *   env=NAME=VALUE   an environment variable for the program; may be repeated
 *   trace            trace system calls
 *   quiet            only errors on the log channel
 *   loglevel=N       messages below level N on the log channel
 *   vdso=0           give programs no vDSO: every look at a clock is a system call
 *   secretmem.enable=0  no memfd_secret(2)
 *   tty=COLSxROWS    size of the console when the machine does not know it
 *
 * An unknown option is logged and ignored: a boot loader may add its own.
 */
#include "kernel/core/core_internal.h"

#include "kernel/lib/cmdline.h"
#include "kernel/lib/parse.h"
#include "kernel/lib/string.h"

enum { TTY_SIZE_MAX = 1000 };

static size_t words_max(size_t cmdline_bytes)
{
    return cmdline_bytes / 2 + 2; /* every other byte a separator, and the final NULL */
}

size_t options_memory_bytes(size_t cmdline_bytes)
{
    return 2 * words_max(cmdline_bytes) * sizeof(char *) + cmdline_bytes + 1;
}

static bool parse_tty(struct boot_options *options, const char *value)
{
    uint64_t columns, rows;

    if (kparse_u64(&value, 10, &columns) < 0 || *value++ != 'x' ||
        kparse_u64(&value, 10, &rows) < 0 || *value != '\0' || columns == 0 || rows == 0 ||
        columns > TTY_SIZE_MAX || rows > TTY_SIZE_MAX) {
        return false;
    }
    options->tty_columns = (unsigned)columns;
    options->tty_rows = (unsigned)rows;
    return true;
}

/* False if the option is unknown or its value makes no sense. */
static bool parse_option(struct boot_options *options, char *word, size_t *env_count)
{
    uint32_t level;

    if (kstr_equal(word, "trace")) {
        options->trace = true;
    } else if (kstr_equal(word, "quiet")) {
        options->quiet = true;
        options->log_level = KLOG_WARNING;
    } else if (kstr_starts_with(word, "loglevel=")) {
        if (kstrtou32(word + kstrlen("loglevel="), 10, &level) < 0) {
            return false;
        }
        options->log_level = level;
    } else if (kstr_equal(word, "vdso=0") || kstr_equal(word, "vdso=1")) {
        options->no_vdso = kstr_equal(word, "vdso=0");
    } else if (kstr_equal(word, "secretmem.enable=0") || kstr_equal(word, "secretmem.enable=1")) {
        options->no_secretmem = kstr_equal(word, "secretmem.enable=0");
    } else if (kstr_starts_with(word, "tty=")) {
        return parse_tty(options, word + kstrlen("tty="));
    } else if (kstr_starts_with(word, "env=") && kstrchr(word + kstrlen("env="), '=') != NULL) {
        options->envp[(*env_count)++] = word + kstrlen("env=");
    } else {
        return false;
    }
    return true;
}

void boot_options_parse(struct kernel *kernel, const char *cmdline, void *memory, size_t bytes)
{
    struct boot_options *options = &kernel->options;
    size_t cmdline_bytes = kstrlen(cmdline);
    size_t vector = words_max(cmdline_bytes);
    char **words = memory;
    char *storage = (char *)memory + 2 * vector * sizeof(char *);
    struct cmdline parsed;
    size_t env_count = 0;
    int error;

    assert(bytes >= options_memory_bytes(cmdline_bytes));
    options->log_level = kernel->log->console_level;
    options->envp = words + vector;
    options->argv = words;
    error = cmdline_split(cmdline, cmdline_bytes, storage, cmdline_bytes + 1, words, vector,
                          &parsed);
    if (error < 0) {
        klog_err("command line ignored: unfinished quote or bad escape");
        words[0] = NULL;
        return;
    }
    options->argv = cmdline_program(&parsed);
    for (size_t i = 0; i < parsed.options_count; i++) {
        if (!parse_option(options, parsed.words[i], &env_count)) {
            klog_warn("unknown option on the command line: %s", parsed.words[i]);
        }
    }
    options->envp[env_count] = NULL;
    klog_set_console_level(options->log_level);
}
