/* SPDX-License-Identifier: MIT
 *
 * System calls: multi-task programs (program.h), with the checks of run_program.c.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/run_program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *two,
                                 size_t two_size, uint8_t *out, size_t out_max, unsigned seed);
/* libFuzzer's; not there in a program that only replays. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct program program;
    static struct run_outcome outcome;
    const struct run_options options = {.check_leaks = true};

    program_decode(data, size, &program);
    run_program(&program, &options, &outcome);
    return 0;
}

static unsigned calls_max(size_t bytes)
{
    return bytes < sizeof(struct program_header)
               ? 0
               : (unsigned)((bytes - sizeof(struct program_header)) / sizeof(struct program_call));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    static struct program program;
    uint64_t random = seed;

    if (calls_max(size_max) == 0 || (program_random(&random) % 16 == 0 && LLVMFuzzerMutate))
        return LLVMFuzzerMutate(data, size, size_max);
    program_decode(data, size, &program);
    program_mutate(&program, &random, calls_max(size_max));
    return program_encode(&program, data, size_max);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *two,
                                 size_t two_size, uint8_t *out, size_t out_max, unsigned seed)
{
    static struct program first, second, child;
    uint64_t random = seed;

    program_decode(one, one_size, &first);
    program_decode(two, two_size, &second);
    program_cross(&first, &second, &random, calls_max(out_max), &child);
    return program_encode(&child, out, out_max);
}
