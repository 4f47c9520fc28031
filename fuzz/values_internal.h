/* SPDX-License-Identifier: MIT
 *
 * The parts of making arguments: values.c by type of argument, structs.c and untyped.c what
 * pointers lead to.
 */
#ifndef FUZZ_VALUES_INTERNAL_H
#define FUZZ_VALUES_INTERNAL_H

#include "fuzz/program.h"
#include "kernel/syscall/trace_types.h"

/* A call in the making. */
struct maker {
    const struct program *program;
    unsigned index;
    const struct program_results *results;
    struct prepared_call *out;
    uint64_t random; /* from the call's seed */
    unsigned slot_used;
};

static inline unsigned maker_below(struct maker *maker, unsigned limit)
{
    return (unsigned)(program_random(&maker->random) % limit);
}

/* Memory of the call's own, 8-byte aligned; what was handed out first is reused when it runs out.
 */
uint64_t maker_alloc(struct maker *maker, size_t bytes);
/* The memory will hold these bytes when the call is made. */
void maker_write(struct maker *maker, uint64_t uaddr, const void *bytes, size_t count);
uint64_t maker_string(struct maker *maker, const char *text);

/* A descriptor that is likely to be open. */
int maker_fd(struct maker *maker, uint8_t a, uint16_t b);
/* The last mapping that was made, or the one so many before it; 0: none. */
uint64_t maker_mapping(const struct maker *maker, unsigned back);
int maker_pid(struct maker *maker, uint8_t a, uint16_t b);
const char *maker_path(uint8_t a, uint16_t b);
/* Where `bytes` bytes of input or output may be: usually good memory. */
uint64_t maker_buffer(struct maker *maker, uint8_t a, uint16_t b);

/* The same with numbers of their own; what other structs are made of (structs.c). */
int maker_some_fd(struct maker *maker);
uint64_t maker_some_buffer(struct maker *maker);
void maker_fill_timespec(struct maker *maker, void *value);
void maker_fill_msghdr(struct maker *maker, void *value);

/* Address of `count` structs of the type, filled with what often makes sense. */
uint64_t maker_structs(struct maker *maker, enum trace_type type, unsigned count, bool filled);
/* What an undescribed pointer of this call leads to; 0: nothing is known. */
uint64_t maker_untyped(struct maker *maker, unsigned number, unsigned arg, uint64_t selector);

#endif
