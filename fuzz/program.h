/* SPDX-License-Identifier: MIT
 *
 * Programs of system calls, as fuzz inputs.
 *
 * An input is a header and records of 32 bytes, one for each call; any bytes whatever decode to a
 * program, so that mutations, crossover and cutting always leave one. A record says which task
 * makes the call, and for each argument how its value is made: by the argument's type in the system
 * call table, from an earlier result, or raw. What that comes to is known when the call is made
 * (program_prepare), with the results so far.
 */
#ifndef FUZZ_PROGRAM_H
#define FUZZ_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROGRAM_CALLS_MAX = 64,
    PROGRAM_LANES = 8,        /* tasks */
    PROGRAM_LANES_INITIAL = 3 /* the first task, a thread of its process, and a child process */
};

/* How an argument gets its value. */
enum program_how {
    HOW_TYPED = 0,   /* 0..4: by type, shaped by a and b */
    HOW_RESULT = 5,  /* the result of an earlier call */
    HOW_SPECIAL = 6, /* an interesting number, plus or minus a bit */
    HOW_RAW = 7,     /* (int16_t)b << a % 64 */
    HOW_COUNT = 8
};

struct program_arg {
    uint8_t how, a;
    uint16_t b;
};

/* b of HOW_RESULT: of the call that many before, not of the one with that number. */
#define PROGRAM_RESULT_BACK 1
/* a of HOW_SPECIAL: the last mapping, or the one b before it. */
#define PROGRAM_SPECIAL_MAPPING 255

struct program_call {
    uint16_t number;
    uint8_t lane;
    uint8_t control; /* bits PROGRAM_CONTROL_* */
    uint32_t seed;   /* of the memory that arguments point to */
    struct program_arg args[6];
};

/* Only with a value of 0xf0 or more, so that they are rare in random input. */
enum {
    PROGRAM_CONTROL_TOUCH = 1, /* before the call, user code reads and writes memory: page faults */
    PROGRAM_CONTROL_TRAP = 2,  /* ... and divides by zero, or the like */
    PROGRAM_CONTROL_SKEW = 4,  /* ... and time passes */
};

struct program_header {
    uint32_t seed;             /* of the order of tasks, and of the machine's entropy */
    uint16_t fail_at;          /* with FAIL: the allocation that fails */
    uint8_t flags;             /* PROGRAM_FLAG_* */
    uint8_t schedule;          /* with CPUS: PROGRAM_SCHEDULE_* */
    uint16_t transfer_fail_at; /* with TRANSFER_FAIL: the page read or written that fails */
    uint16_t spare[3];
};
enum {
    PROGRAM_FLAG_ORDER = 1,    /* tasks run in an order drawn from the seed; else as written */
    PROGRAM_FLAG_FAIL = 2,     /* an allocation fails ... */
    PROGRAM_FLAG_FAIL_ALL = 4, /* ... and all after it */
    PROGRAM_FLAG_USER = 8,     /* not as root, but as user 1000 without capabilities */
    PROGRAM_FLAG_TRANSFER_FAIL = 32, /* reading or writing a page of a file fails, and all after it
                                      * with FAIL_ALL */
    PROGRAM_FLAG_CPUS = 16,          /* lanes on several CPUs, which take turns inside the kernel */
};

enum {
    PROGRAM_CPUS = 3,
    PROGRAM_SCHEDULE_POINTS = 7, /* 2 to the power of this many points between two switches */
    PROGRAM_SCHEDULE_ROAM = 8,   /* lanes may run on any CPU; else each stays on one */
};

enum {
    PROGRAM_BYTES_MAX =
        sizeof(struct program_header) + PROGRAM_CALLS_MAX * sizeof(struct program_call)
};

struct program {
    struct program_header header;
    unsigned count;
    struct program_call calls[PROGRAM_CALLS_MAX];
};

void program_decode(const uint8_t *data, size_t size, struct program *out);
/* Bytes written: at most `max`, whole calls. */
size_t program_encode(const struct program *program, uint8_t *out, size_t max);

/* Change the program in one of the ways that make sense for one. `random` is the state of the
 * generator. */
void program_mutate(struct program *program, uint64_t *random, unsigned calls_max);
/* Calls of one, then of the other, in the order of each. */
void program_cross(const struct program *one, const struct program *two, uint64_t *random,
                   unsigned calls_max, struct program *out);

uint64_t program_random(uint64_t *state);

/* ---- what the program can see of memory ---- */

#define PROGRAM_MEMORY 0x10000000ull   /* readable and writable, PROGRAM_MEMORY_BYTES */
#define PROGRAM_READONLY 0x10044000ull /* a page, after a hole of four */
#define PROGRAM_WINDOW 0x20000000ull   /* free, for mappings: 64 pages */
#define PROGRAM_CODE 0x30000000ull     /* call i is at + 2 * i */
#define PROGRAM_HANDLER 0x31000000ull  /* signal handlers */
#define PROGRAM_RESTORER 0x32000000ull
#define PROGRAM_STACKS 0x10030000ull /* inside the memory: 4 KiB for each lane */
enum {
    PROGRAM_MEMORY_BYTES = 64 * 4096,
    PROGRAM_SLOT_BYTES = 1024, /* of each call, for what its arguments point to */
    PROGRAM_SLOTS_AT = 4096,
    PROGRAM_BUFFERS_AT = 24 * 4096, /* larger buffers: six of 4 KiB */
};

/* ---- results so far ---- */

struct program_results {
    int64_t value[PROGRAM_CALLS_MAX]; /* of calls that have returned, else 0 */
    bool returned[PROGRAM_CALLS_MAX];
    int fds[PROGRAM_CALLS_MAX + 8]; /* descriptors that came up, oldest first */
    unsigned fd_count;
    int pids[PROGRAM_CALLS_MAX + 8];
    unsigned pid_count;
    uint64_t addresses[PROGRAM_CALLS_MAX]; /* of mappings */
    unsigned address_count;
};

/* Note the result of a call. `memory` is where PROGRAM_MEMORY is in this address space, or NULL:
 * descriptors that pipe(2) and its like write are read there. */
void program_note_result(const struct program *program, unsigned index, int64_t result,
                         struct program_results *results);
void program_note_fd(struct program_results *results, int fd);
void program_note_address(struct program_results *results, uint64_t address);
/* The call leaves two descriptors at the address in argument `out`. */
bool program_makes_fd_pair(unsigned number, unsigned *out_arg);

/* ---- values ---- */

enum { PREPARED_WRITES_MAX = 32, PREPARED_BYTES_MAX = 8192 };

/* What has to be done to make a call: write memory, then call. */
struct prepared_call {
    unsigned number;
    uint64_t args[6];
    unsigned write_count;
    struct {
        uint64_t uaddr;
        unsigned offset, bytes; /* in `bytes` */
    } writes[PREPARED_WRITES_MAX];
    unsigned used;
    uint8_t bytes[PREPARED_BYTES_MAX];
};

void program_prepare(const struct program *program, unsigned index,
                     const struct program_results *results, struct prepared_call *out);

/* The index-th word that names things outside of the file system; NULL past the last. */
const char *program_word(unsigned index);
const char *program_path(unsigned index); /* the same for paths */
/* Where a number is among those that HOW_SPECIAL makes; -1: nowhere. */
int program_special(uint64_t value);

/* The call's name and how many arguments it has; NULL for none. */
const char *program_call_name(unsigned number, unsigned *out_args);
bool program_call_exists(unsigned number); /* implemented or refused by the kernel */

#endif
