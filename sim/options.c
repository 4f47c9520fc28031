/* SPDX-License-Identifier: MIT */
/*
 * Parses the options of `assay run` and `assay qemu` with argp(3).
 */
#include "sim/options.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hal/boot.h"

enum { DEFAULT_RAM_MIB = 512 };

/* Options without a letter. */
enum {
    KEY_ADD = 0x100,
    KEY_DISK,
    KEY_ENV,
    KEY_TRACE,
    KEY_TRACE_EXACT,
    KEY_TIMEOUT,
    KEY_LOG_LEVEL,
    KEY_ENGINE,
    KEY_KERNEL,
    KEY_MACHINE,
    KEY_NO_VDSO,
};

#define STATUS_DOC                                                                                 \
    "\v"                                                                                           \
    "SIZE is a number of MiB, or has a suffix K, M or G. Changes of the root are made in the "     \
    "machine's memory: they are gone when it ends.\n\n"                                            \
    "The exit status is that of PROGRAM. The command's own are:\n"                                 \
    "  2    an option makes no sense\n"                                                            \
    "  3    a file or folder named by an option cannot be read\n"                                  \
    "  4    the root archive is broken or of an unknown kind\n"                                    \
    "  5    too little RAM for the root\n"                                                         \
    "  6    this host cannot run the machine\n"                                                    \
    "  124  the time given with --timeout is over\n"                                               \
    "  125  the kernel crashed\n"                                                                  \
    "  128  and more: ended by that signal\n"

static const struct argp_option common_options[] = {
    {"root", 'r', "PATH", 0,
     "Root file system: a folder, or a cpio (newc) or tar archive, which may be compressed", 0},
    {"add", KEY_ADD, "FILE[:PATH]", 0,
     "Add a host file or folder to the root, at PATH or under its own name in /", 0},
    {"disk", KEY_DISK, "FILE[,readonly]", 0,
     "A disk whose contents are FILE, which changes with it: /dev/vda, the next /dev/vdb …", 0},
    {"ram", 'm', "SIZE", 0,
     "Memory of the machine, 512M by default; with `qemu`, what a large root takes is added", 0},
    {"cpus", 'c', "N", 0, "CPUs of the machine, 1 by default", 0},
    {"env", KEY_ENV, "NAME=VALUE", 0, "Environment variable of PROGRAM", 0},
    {"trace", KEY_TRACE, "FILE", OPTION_ARG_OPTIONAL,
     "Trace every system call to FILE, or to standard error", 0},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "Stop the machine after this time, with status 124", 0},
    {"log-level", KEY_LOG_LEVEL, "0..7", 0, "Least important kernel messages to show", 0},
    {"no-vdso", KEY_NO_VDSO, NULL, 0,
     "Give programs no vDSO: every look at a clock is a system call", 0},
    {"quiet", 'q', NULL, 0, "Show no kernel messages", 0},
    {0},
};

static const struct argp_option run_options[] = {
    {"engine", KEY_ENGINE, "NAME", 0, "How user code runs: auto, stub or ptrace", 1},
    {"trace-exact", KEY_TRACE_EXACT, NULL, 0, "Never patch system calls in the program", 1},
    {0},
};

static const struct argp_option qemu_options[] = {
    {"kernel", KEY_KERNEL, "FILE", 0, "Kernel image to boot", 1},
    {"machine", KEY_MACHINE, "TYPE", 0, "QEMU's machine type, q35 by default", 1},
    {0},
};

/* What die() blames; see die_within. */
static const char *blamed;

void die_within(const char *where)
{
    blamed = where;
}

void die(enum exit_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("assay: ", stderr);
    if (blamed != NULL) {
        fprintf(stderr, "%s: ", blamed);
        status = EXIT_USAGE;
    }
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(status);
}

void string_list_append(struct string_list *list, const char *item)
{
    const char **items = realloc(list->items, (list->count + 1) * sizeof(*items));

    if (items == NULL) {
        die(EXIT_HOST, "out of memory");
    }
    list->items = items;
    list->items[list->count++] = item;
}

/* "64M" and the like; a bare number counts MiB. */
static uint64_t parse_size(const char *text)
{
    char *end;
    unsigned shift = 20;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    bool bad = !isdigit((unsigned char)text[0]) || errno != 0;
    if (*end != '\0') {
        switch (*end++) {
        case 'k':
        case 'K':
            shift = 10;
            break;
        case 'm':
        case 'M':
            break;
        case 'g':
        case 'G':
            shift = 30;
            break;
        default:
            bad = true;
        }
    }
    if (bad || *end != '\0' || number > (UINT64_MAX >> shift)) {
        die(EXIT_USAGE, "--ram %s: not a size; try --ram 64M", text);
    }
    return (uint64_t)number << shift;
}

static long parse_number(const char *option, const char *text, long min, long max)
{
    char *end;

    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < min || number > max) {
        die(EXIT_USAGE, "--%s %s: not a number from %ld to %ld", option, text, min, max);
    }
    return number;
}

static double parse_seconds(const char *text)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(seconds) || seconds <= 0) {
        die(EXIT_USAGE, "--timeout %s: not a time in seconds", text);
    }
    return seconds;
}

static void check_env(const char *text)
{
    const char *equals = strchr(text, '=');

    if (equals == NULL || equals == text) {
        die(EXIT_USAGE, "--env %s: not NAME=VALUE", text);
    }
}

/* Opened here already, so that a mistake is one of the command line. */
static void add_disk(struct options *options, char *arg)
{
    static const char read_only[] = ",readonly";
    size_t length = strlen(arg), suffix = sizeof(read_only) - 1;
    struct disk_option *disk = &options->disks[options->disk_count];

    if (options->disk_count == OPTIONS_DISKS_MAX) {
        die(EXIT_USAGE, "--disk %s: at most %d disks", arg, OPTIONS_DISKS_MAX);
    }
    disk->read_only = length > suffix && strcmp(arg + length - suffix, read_only) == 0;
    if (disk->read_only) {
        arg[length - suffix] = '\0';
    }
    disk->path = arg;
    if (access(arg, disk->read_only ? R_OK : R_OK | W_OK) < 0) {
        die(EXIT_MISSING, "--disk %s: %s", arg, strerror(errno));
    }
    options->disk_count++;
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 'r':
        options->root = arg;
        return 0;
    case KEY_ADD:
        string_list_append(&options->add, arg);
        return 0;
    case KEY_DISK:
        add_disk(options, arg);
        return 0;
    case 'm':
        options->ram_bytes = parse_size(arg);
        return 0;
    case 'c':
        options->cpus = (unsigned)parse_number("cpus", arg, 1, HAL_CPUS_MAX);
        return 0;
    case KEY_ENV:
        check_env(arg);
        string_list_append(&options->env, arg);
        return 0;
    case KEY_TRACE:
        options->trace = true;
        options->trace_file = arg;
        return 0;
    case KEY_TIMEOUT:
        options->timeout_s = parse_seconds(arg);
        return 0;
    case KEY_LOG_LEVEL:
        options->log_level = (int)parse_number("log-level", arg, 0, 7);
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case KEY_NO_VDSO:
        options->no_vdso = true;
        return 0;
    case ARGP_KEY_ARG:
        /* The first word that is no option, and all after it, are the guest's. */
        options->program = &state->argv[state->next - 1];
        state->next = state->argc;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case KEY_ENGINE:
        options->engine = arg;
        return 0;
    case KEY_TRACE_EXACT:
        options->trace_exact = true;
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = state->input;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_qemu(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case KEY_KERNEL:
        options->kernel = arg;
        return 0;
    case KEY_MACHINE:
        options->machine = arg;
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = state->input;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void options_parse(enum command command, int argc, char **argv, struct options *out)
{
    static const struct argp common = {.options = common_options, .parser = parse_common};
    static const struct argp_child children[] = {{&common, 0, NULL, 0}, {0}};
    static const struct argp run = {
        .options = run_options,
        .parser = parse_run,
        .args_doc = "[-- PROGRAM ARG...]",
        .doc = "Run the kernel as a Linux process, and PROGRAM on it: by default a login "
               "shell." STATUS_DOC,
        .children = children,
    };
    static const struct argp qemu = {
        .options = qemu_options,
        .parser = parse_qemu,
        .args_doc = "[-- PROGRAM ARG...]",
        .doc = "Run the kernel in QEMU, and PROGRAM on it: by default a login shell." STATUS_DOC,
        .children = children,
    };
    const struct argp *chosen = command == COMMAND_RUN ? &run : &qemu;

    *out = (struct options){
        .cpus = 1,
        .log_level = -1,
        .machine = "q35",
        .program = argv + argc,
    };
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(chosen, argc, argv, ARGP_IN_ORDER, NULL, out) != 0) {
        die(EXIT_USAGE, "these options make no sense");
    }
    if (out->root == NULL) {
        die(EXIT_USAGE, "no root file system; give a folder or a cpio archive with --root");
    }
    if (command == COMMAND_QEMU && out->kernel == NULL) {
        die(EXIT_USAGE, "no kernel image; give one with --kernel");
    }
}

void options_settle_ram(struct options *options, uint64_t needed, uint64_t kept)
{
    if (options->ram_bytes == 0) {
        options->ram_bytes = ((uint64_t)DEFAULT_RAM_MIB << 20) + kept;
    }
    if (options->ram_bytes < needed) {
        die(EXIT_RAM, "%llu MiB of RAM are too little for this root; try --ram %lluM",
            (unsigned long long)options->ram_bytes >> 20,
            (unsigned long long)(needed + (1 << 20) - 1) >> 20);
    }
}

void options_free(struct options *options)
{
    free(options->add.items);
    free(options->env.items);
}
