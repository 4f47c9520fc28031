/* SPDX-License-Identifier: MIT
 *
 * Programs of system calls: coding, mutation, crossover (program.h).
 */
#include "fuzz/program.h"

#include <string.h>

#include "fuzz/recipes.h"

/* The layout of an input: every byte of it means something, and nothing depends on padding. */
_Static_assert(sizeof(struct program_header) == 16, "header");
_Static_assert(sizeof(struct program_call) == 32, "record");

void program_decode(const uint8_t *data, size_t size, struct program *out)
{
    memset(out, 0, sizeof *out);
    size_t header = size < sizeof out->header ? size : sizeof out->header;
    memcpy(&out->header, data, header);
    data += header;
    size -= header;
    out->count = (unsigned)((size + sizeof *out->calls - 1) / sizeof *out->calls);
    if (out->count > PROGRAM_CALLS_MAX) {
        out->count = PROGRAM_CALLS_MAX;
        size = sizeof out->calls;
    }
    memcpy(out->calls, data, size);
}

size_t program_encode(const struct program *program, uint8_t *out, size_t max)
{
    unsigned count = program->count;

    if (max < sizeof program->header)
        return 0;
    if (count > (max - sizeof program->header) / sizeof *program->calls)
        count = (unsigned)((max - sizeof program->header) / sizeof *program->calls);
    memcpy(out, &program->header, sizeof program->header);
    memcpy(out + sizeof program->header, program->calls, count * sizeof *program->calls);
    return sizeof program->header + count * sizeof *program->calls;
}

/* splitmix64 */
uint64_t program_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static unsigned below(uint64_t *random, unsigned limit)
{
    return (unsigned)(program_random(random) % limit);
}

/* ---- mutation ---- */

static void random_arg(struct program_arg *arg, uint64_t *random)
{
    const unsigned kind = below(random, 16);

    arg->how = kind < 12 ? HOW_TYPED : kind < 14 ? HOW_RESULT : kind == 14 ? HOW_SPECIAL : HOW_RAW;
    arg->a = (uint8_t)program_random(random);
    arg->b = (uint16_t)program_random(random);
    if (below(random, 3) == 0)
        arg->a = (uint8_t)below(random, 4);
    if (below(random, 3) == 0)
        arg->b = (uint16_t)below(random, 8);
}

static unsigned random_number(uint64_t *random)
{
    for (;;) {
        unsigned number = below(random, 460);
        if (program_call_exists(number))
            return number;
    }
}

static void random_call(struct program_call *call, uint64_t *random)
{
    memset(call, 0, sizeof *call);
    call->number = (uint16_t)random_number(random);
    call->lane = below(random, 3) == 0 ? (uint8_t)below(random, PROGRAM_LANES) : 0;
    call->control = below(random, 12) == 0 ? (uint8_t)(0xf0 | below(random, 8)) : 0;
    call->seed = (uint32_t)program_random(random);
    for (unsigned i = 0; i < 6; i++)
        random_arg(&call->args[i], random);
}

static void remove_call(struct program *program, unsigned index)
{
    memmove(&program->calls[index], &program->calls[index + 1],
            (program->count - index - 1) * sizeof *program->calls);
    program->count--;
}

static void insert_call(struct program *program, unsigned index, const struct program_call *call)
{
    memmove(&program->calls[index + 1], &program->calls[index],
            (program->count - index) * sizeof *program->calls);
    program->calls[index] = *call;
    program->count++;
}

static void mutate_call(struct program_call *call, uint64_t *random)
{
    unsigned args = 0;

    switch (below(random, 10)) {
    case 0:
        call->number = (uint16_t)random_number(random);
        break;
    case 1:
        call->lane = (uint8_t)below(random, PROGRAM_LANES);
        break;
    case 2:
        call->control = (uint8_t)(0xf0 | below(random, 8));
        break;
    case 3:
        call->seed = (uint32_t)program_random(random);
        break;
    default:
        program_call_name(call->number, &args);
        random_arg(&call->args[args ? below(random, args) : 0], random);
        break;
    }
}

static void mutate_arg_bit(struct program_call *call, uint64_t *random)
{
    unsigned args = 0;

    program_call_name(call->number, &args);
    struct program_arg *arg = &call->args[args ? below(random, args) : 0];
    if (below(random, 2))
        arg->b ^= (uint16_t)(1u << below(random, 16));
    else
        arg->a ^= (uint8_t)(1u << below(random, 8));
}

static void mutate_header(struct program_header *header, uint64_t *random)
{
    header->flags ^= (uint8_t)(1u << below(random, 6));
    header->transfer_fail_at = (uint16_t)below(random, 8);
    header->schedule = (uint8_t)below(random, 16);
    header->seed = (uint32_t)program_random(random);
    header->fail_at = (uint16_t)(below(random, 2) ? below(random, 64) : below(random, 1024));
}

/* Calls that belong together, for one lane; their order stays, others may come between. */
static void insert_recipe(struct program *program, uint64_t *random, unsigned calls_max)
{
    struct program_call calls[RECIPE_CALLS_MAX];
    const unsigned count = recipe_make(below(random, 1u << 16), random, calls);
    const uint8_t lane = below(random, 2) ? 0 : (uint8_t)below(random, PROGRAM_LANES_INITIAL);
    const unsigned at = below(random, program->count + 1);

    for (unsigned i = 0; i < count && program->count < calls_max; i++) {
        calls[i].lane = (uint8_t)((lane + calls[i].lane) % PROGRAM_LANES);
        insert_call(program, at + i, &calls[i]);
    }
}

static void mutate_once(struct program *program, uint64_t *random, unsigned calls_max)
{
    struct program_call call;
    const unsigned choice = below(random, 18);

    if (choice >= 16 || (program->count == 0 && below(random, 2))) {
        insert_recipe(program, random, calls_max);
        return;
    }
    if (program->count == 0 || (choice < 5 && program->count < calls_max)) {
        random_call(&call, random);
        insert_call(program, below(random, program->count + 1), &call);
        return;
    }
    const unsigned at = below(random, program->count);
    switch (choice) {
    case 5:
        if (program->count > 1)
            remove_call(program, at);
        break;
    case 6:
        if (program->count < calls_max) { /* the same once more, perhaps by another task */
            call = program->calls[at];
            if (below(random, 2))
                call.lane = (uint8_t)below(random, PROGRAM_LANES);
            insert_call(program, below(random, program->count + 1), &call);
        }
        break;
    case 7: {
        const unsigned other = below(random, program->count);
        call = program->calls[at];
        program->calls[at] = program->calls[other];
        program->calls[other] = call;
        break;
    }
    case 8:
        mutate_header(&program->header, random);
        break;
    case 9:
    case 10:
    case 11:
        mutate_arg_bit(&program->calls[at], random);
        break;
    default:
        mutate_call(&program->calls[at], random);
        break;
    }
}

void program_mutate(struct program *program, uint64_t *random, unsigned calls_max)
{
    unsigned rounds = 1 + below(random, 4);

    if (calls_max > PROGRAM_CALLS_MAX)
        calls_max = PROGRAM_CALLS_MAX;
    if (calls_max == 0)
        return;
    if (program->count > calls_max)
        program->count = calls_max;
    while (rounds-- > 0)
        mutate_once(program, random, calls_max);
}

void program_cross(const struct program *one, const struct program *two, uint64_t *random,
                   unsigned calls_max, struct program *out)
{
    if (calls_max > PROGRAM_CALLS_MAX)
        calls_max = PROGRAM_CALLS_MAX;
    memset(out, 0, sizeof *out);
    out->header = below(random, 2) ? one->header : two->header;
    /* The front of one and then a run of the other, or the two shuffled into each other. */
    const bool shuffle = below(random, 2);
    const unsigned cut = one->count ? below(random, one->count + 1) : 0;
    unsigned i = 0, j = shuffle || !two->count ? 0 : below(random, two->count);

    while (out->count < calls_max && (i < one->count || j < two->count)) {
        const bool first = shuffle ? below(random, 2) : i < cut;
        if (first && i < one->count)
            out->calls[out->count++] = one->calls[i++];
        else if (j < two->count)
            out->calls[out->count++] = two->calls[j++];
        else if (shuffle && i < one->count)
            out->calls[out->count++] = one->calls[i++];
        else
            break;
    }
}
