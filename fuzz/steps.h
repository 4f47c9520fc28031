/* SPDX-License-Identifier: MIT
 *
 * Targets that are a table: each step of an input is a row of it, most often a system call whose
 * arguments are made from the input in the way that the row says. Results can be kept, for
 * arguments of later steps.
 *
 *     static const struct fuzz_step steps[] = {
 *         {FUZZ_STEP(SYS_eventfd2, FUZZ_NUMBER, FUZZ_BITS(04000)), .keep = 1},
 *         {FUZZ_STEP(SYS_read, FUZZ_KEPT(1), FUZZ_ROOM, FUZZ_BELOW(16)), .weight = 3},
 *     };
 *     static const struct fuzz_table table = {steps, ARRAY_SIZE(steps), .max = 48};
 *     FUZZ_TABLE_TARGET(&table)
 */
#ifndef FUZZ_STEPS_H
#define FUZZ_STEPS_H

#include "fuzz/inside.h"
#include "kernel/lib/compiler.h"

/* User memory of the frame; what is below is the target's. */
#define FUZZ_STEPS_MEMORY (FUZZ_USER_MEMORY + 32 * 4096)
#define FUZZ_STEPS_ROOM (FUZZ_USER_MEMORY + 40 * 4096) /* for what calls write */
enum { FUZZ_BANKS = 4, FUZZ_SLOTS = 8, FUZZ_ROOM_BYTES = 16 * 4096 };

struct fuzz_argument {
    enum fuzz_argument_kind {
        FUZZ_ARGUMENT_VALUE, /* .number itself; what a row does not mention is 0 */
        FUZZ_ARGUMENT_BELOW,
        FUZZ_ARGUMENT_BITS,
        FUZZ_ARGUMENT_NUMBER,
        FUZZ_ARGUMENT_ONE_OF,
        FUZZ_ARGUMENT_KEPT,
        FUZZ_ARGUMENT_WORD,
        FUZZ_ARGUMENT_BYTES,
        FUZZ_ARGUMENT_LENGTH,
        FUZZ_ARGUMENT_MADE,
    } kind;
    uint64_t number;
    const char *const *words;
    const uint32_t *values;
    uint64_t (*make)(struct fuzz_input *input);
};

#define FUZZ_VALUE(value)                                                                          \
    {                                                                                              \
        .number = (uint64_t)(value)                                                                \
    }
/* Less than `count`, 256 at most. */
#define FUZZ_BELOW(count)                                                                          \
    {                                                                                              \
        .kind = FUZZ_ARGUMENT_BELOW, .number = (count)                                             \
    }
/* Any of these bits of 32. */
#define FUZZ_BITS(mask)                                                                            \
    {                                                                                              \
        .kind = FUZZ_ARGUMENT_BITS, .number = (mask)                                               \
    }
/* Small, or any of 64 bits. */
#define FUZZ_NUMBER                                                                                \
    {                                                                                              \
        .kind = FUZZ_ARGUMENT_NUMBER                                                               \
    }
/* Of an array of uint32_t. */
#define FUZZ_ONE_OF(array)                                                                         \
    {                                                                                              \
        .kind = FUZZ_ARGUMENT_ONE_OF, .number = ARRAY_SIZE(array), .values = (array)               \
    }
/* What a step with .keep = bank has returned, -1 if none has. */
#define FUZZ_KEPT(bank)                                                                            \
    {                                                                                              \
        .kind = FUZZ_ARGUMENT_KEPT, .number = (bank)                                               \
    }
/* The address of one of the array's strings, or of any bytes with a zero behind them. */
#define FUZZ_WORD(array)                                                                           \
    {                                                                                              \
        .kind = FUZZ_ARGUMENT_WORD, .number = ARRAY_SIZE(array), .words = (array)                  \
    }
/* The address of up to `max` bytes, and, of a later argument, how many. */
#define FUZZ_BYTES(max)                                                                            \
    {                                                                                              \
        .kind = FUZZ_ARGUMENT_BYTES, .number = (max)                                               \
    }
#define FUZZ_LENGTH                                                                                \
    {                                                                                              \
        .kind = FUZZ_ARGUMENT_LENGTH                                                               \
    }
/* What a function of the target says. */
#define FUZZ_MADE(function)                                                                        \
    {                                                                                              \
        .kind = FUZZ_ARGUMENT_MADE, .make = (function)                                             \
    }
#define FUZZ_ROOM FUZZ_VALUE(FUZZ_STEPS_ROOM)

struct fuzz_step {
    unsigned number; /* of the call */
    struct fuzz_argument arguments[6];
    unsigned keep;                         /* bank, from 1 */
    uint8_t weight;                        /* how much more often than the others; 0 is 1 */
    void (*run)(struct fuzz_input *input); /* instead of a call */
};

/* A row that is a call with these arguments. */
#define FUZZ_STEP(call, ...) .number = (call), .arguments = {__VA_ARGS__}

struct fuzz_table {
    const struct fuzz_step *steps;
    unsigned count;
    unsigned max;                            /* steps of an input */
    unsigned descriptors;                    /* bit n: results of bank n are closed when replaced */
    void (*begin)(struct fuzz_input *input); /* before the first; may be NULL, as the next */
    void (*end)(void);                       /* behind the last */
    /* Have no more in use after an input than before. It is run in a child, or, if it has children
     * that `end` ends, in the first program itself. */
    bool leaks, has_children;
};

/* The argument's value for the call's argument `at`. */
uint64_t fuzz_argument(const struct fuzz_argument *argument, unsigned at, struct fuzz_input *input);

/* The row that comes next and, unless it has a function, its arguments: for targets whose tasks
 * take their own steps. */
const struct fuzz_step *fuzz_next_step(const struct fuzz_table *table, struct fuzz_input *input,
                                       uint64_t args[6]);

/* What bank `bank` has in one slot, as the input says; and all slots, to set them. */
int64_t fuzz_kept(unsigned bank, struct fuzz_input *input);
int64_t *fuzz_bank(unsigned bank);
void fuzz_fill_bank(unsigned bank, int64_t value);

/* One input. */
void fuzz_run_table(const struct fuzz_table *table, const uint8_t *data, size_t size);

#define FUZZ_TABLE_TARGET(table)                                                                   \
    static void body(const uint8_t *data, size_t size)                                             \
    {                                                                                              \
        fuzz_run_table(table, data, size);                                                         \
    }                                                                                              \
    FUZZ_TARGET(body)

#endif
