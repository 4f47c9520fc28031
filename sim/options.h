/* SPDX-License-Identifier: MIT
 *
 * The options that `assay run` and `assay qemu` share.
 */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses of the command itself. A guest program's own status passes through unchanged. */
enum exit_status {
    EXIT_USAGE = 2,
    EXIT_MISSING = 3, /* a file or folder named by an option cannot be read */
    EXIT_ARCHIVE = 4, /* a root archive is broken or of an unknown kind */
    EXIT_RAM = 5,     /* the machine's RAM cannot hold its root */
    EXIT_HOST = 6,    /* this host cannot run the machine */
    EXIT_TIMEOUT = 124,
    EXIT_CRASH = 125,  /* the guest kernel crashed */
    EXIT_SIGNAL = 128, /* plus the number of the signal that ended the command */
};

/* A list of strings owned by argv. */
struct string_list {
    const char **items;
    size_t count;
};

enum { OPTIONS_DISKS_MAX = 16 };

struct disk_option {
    const char *path;
    bool read_only;
};

struct options {
    const char *root;       /* folder or archive; NULL if not given */
    struct string_list add; /* HOST[:GUEST] */
    struct string_list env; /* NAME=VALUE */
    struct disk_option disks[OPTIONS_DISKS_MAX];
    unsigned disk_count;
    uint64_t ram_bytes; /* 0 until options_settle_ram, if not given */
    unsigned cpus;
    bool trace;
    const char *trace_file; /* NULL: standard error */
    double timeout_s;       /* 0: none */
    bool quiet;
    bool no_vdso;
    int log_level;       /* -1: the kernel's default */
    const char *engine;  /* run only; NULL: automatic */
    bool trace_exact;    /* run only */
    const char *kernel;  /* qemu only: the kernel image */
    const char *machine; /* qemu only: QEMU's machine type */
    char **program;      /* NULL-terminated; program[0] == NULL if none was given */
};

/* Which of the two commands is being parsed. */
enum command { COMMAND_RUN, COMMAND_QEMU };

/* Parse argv[1..]; argv[0] names the command in messages. Exits the process with EXIT_USAGE and one
 * line on standard error if they make no sense, and with 0 after --help. */
void options_parse(enum command command, int argc, char **argv, struct options *out);

/* Append an item that lives as long as the list. */
void string_list_append(struct string_list *list, const char *item);

/* Settle the machine's memory. `needed` bytes must be there, or the process exits with EXIT_RAM;
 * without --ram there are DEFAULT_RAM_MIB more than the `kept` bytes that nobody but the root uses.
 */
void options_settle_ram(struct options *options, uint64_t needed, uint64_t kept);

void options_free(struct options *options);

/* While `where` is not NULL, die() begins its line with it and exits with EXIT_USAGE: for the files
 * that a scenario names. */
void die_within(const char *where);

/* Print "assay: " and one line, and exit. */
__attribute__((noreturn, format(printf, 2, 3))) void die(enum exit_status status,
                                                         const char *format, ...);

#endif
