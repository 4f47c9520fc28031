/* SPDX-License-Identifier: MIT
 *
 * Inputs as steps of a target's table (steps.h). A step is a byte that chooses the row by weight,
 * then what its arguments take, in their order, then the slot for its result.
 */
#include "fuzz/steps.h"

#include "kernel/syscall/syscalls.h"

static struct {
    const struct fuzz_table *table;
    struct fuzz_input rest;
    int64_t banks[FUZZ_BANKS][FUZZ_SLOTS];
    size_t length; /* of the last bytes */
} run;

int64_t *fuzz_bank(unsigned bank)
{
    return run.banks[bank];
}

void fuzz_fill_bank(unsigned bank, int64_t value)
{
    for (unsigned i = 0; i < FUZZ_SLOTS; i++)
        run.banks[bank][i] = value;
}

int64_t fuzz_kept(unsigned bank, struct fuzz_input *input)
{
    return run.banks[bank][fuzz_u8(input) % FUZZ_SLOTS];
}

static uint64_t put_bytes(unsigned at, size_t max, struct fuzz_input *input)
{
    const uint64_t address = FUZZ_STEPS_MEMORY + at * 4096ull;
    const uint8_t *bytes;

    run.length = fuzz_bytes(input, max, &bytes);
    fuzz_put_user(address, bytes, run.length);
    fuzz_put_user(address + run.length, "", 1);
    return address;
}

static uint64_t put_word(const struct fuzz_argument *argument, unsigned at,
                         struct fuzz_input *input)
{
    const uint8_t choice = fuzz_u8(input);

    if (choice >= 224)
        return put_bytes(at, 64, input);
    return fuzz_put_string(FUZZ_STEPS_MEMORY + at * 4096ull,
                           argument->words[choice % argument->number]);
}

uint64_t fuzz_argument(const struct fuzz_argument *argument, unsigned at, struct fuzz_input *input)
{
    switch (argument->kind) {
    case FUZZ_ARGUMENT_VALUE:
        return argument->number;
    case FUZZ_ARGUMENT_BELOW:
        return fuzz_u8(input) % argument->number;
    case FUZZ_ARGUMENT_BITS:
        return fuzz_u32(input) & argument->number;
    case FUZZ_ARGUMENT_NUMBER:
        return fuzz_u8(input) % 4 ? fuzz_u8(input) : fuzz_u64(input);
    case FUZZ_ARGUMENT_ONE_OF:
        return argument->values[fuzz_u8(input) % argument->number];
    case FUZZ_ARGUMENT_KEPT:
        return (uint64_t)fuzz_kept((unsigned)argument->number, input);
    case FUZZ_ARGUMENT_WORD:
        return put_word(argument, at, input);
    case FUZZ_ARGUMENT_BYTES:
        return put_bytes(at, argument->number, input);
    case FUZZ_ARGUMENT_LENGTH:
        return run.length;
    case FUZZ_ARGUMENT_MADE:
        return argument->make(input);
    }
    return 0;
}

static void keep(unsigned bank, int64_t result)
{
    int64_t *slot = &run.banks[bank][fuzz_u8(&run.rest) % FUZZ_SLOTS];

    if (result < 0)
        return;
    if (run.table->descriptors & 1u << bank)
        FUZZ_CALL(SYS_close, *slot);
    *slot = result;
}

static unsigned weight(const struct fuzz_step *step)
{
    return step->weight ? step->weight : 1;
}

static const struct fuzz_step *choose(const struct fuzz_table *table, struct fuzz_input *input)
{
    const struct fuzz_step *step = table->steps;
    unsigned all = 0;

    for (unsigned i = 0; i < table->count; i++)
        all += weight(&table->steps[i]);
    for (unsigned left = fuzz_u8(input) % all; left >= weight(step); step++)
        left -= weight(step);
    return step;
}

const struct fuzz_step *fuzz_next_step(const struct fuzz_table *table, struct fuzz_input *input,
                                       uint64_t args[6])
{
    const struct fuzz_step *step = choose(table, input);

    for (unsigned i = 0; i < 6 && !step->run; i++)
        args[i] = fuzz_argument(&step->arguments[i], i, input);
    return step;
}

static void make(void)
{
    uint64_t args[6];
    const struct fuzz_step *step = fuzz_next_step(run.table, &run.rest, args);

    if (step->run) {
        step->run(&run.rest);
        return;
    }
    const int64_t result =
        FUZZ_CALL(step->number, args[0], args[1], args[2], args[3], args[4], args[5]);
    if (step->keep)
        keep(step->keep, result);
}

static void make_all(void)
{
    const struct fuzz_table *table = run.table;

    for (unsigned bank = 0; bank < FUZZ_BANKS; bank++)
        fuzz_fill_bank(bank, -1);
    if (table->begin)
        table->begin(&run.rest);
    for (unsigned i = 0; i < table->max && run.rest.size > 0; i++)
        make();
    if (table->end)
        table->end();
}

void fuzz_run_table(const struct fuzz_table *table, const uint8_t *data, size_t size)
{
    struct fuzz_usage before = {0};

    run.table = table;
    for (unsigned i = table->leaks ? 0 : 2; i < 3; i++) {
        run.rest = (struct fuzz_input){.data = data, .size = size};
        if (i == 2) /* what the kernel makes once is there by then */
            before = fuzz_usage();
        if (table->leaks && !table->has_children)
            fuzz_child(make_all);
        else
            make_all();
    }
    if (table->leaks)
        fuzz_check_leaks(&before);
}
