/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps over caller-owned arrays of 64-bit words. Bit n is bit n%64 of word n/64. Not atomic:
 * the caller serialises. Bits past `bits` in the last word are never read into a result; fill and
 * set_range never set them.
 */
#ifndef KERNEL_LIB_BITMAP_H
#define KERNEL_LIB_BITMAP_H

#include "kernel/lib/compiler.h"

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)
#define BITMAP_DECLARE(name, bits) uint64_t name[BITMAP_WORDS(bits)]

static inline bool bitmap_test(const uint64_t *map, size_t bit)
{
    return (map[bit / 64] >> (bit % 64)) & 1;
}

static inline void bitmap_set(uint64_t *map, size_t bit)
{
    map[bit / 64] |= BIT(bit % 64);
}

static inline void bitmap_clear(uint64_t *map, size_t bit)
{
    map[bit / 64] &= ~BIT(bit % 64);
}

static inline void bitmap_assign(uint64_t *map, size_t bit, bool value)
{
    value ? bitmap_set(map, bit) : bitmap_clear(map, bit);
}

/* Sets or clears the bit; returns what it was. */
static inline bool bitmap_test_and_set(uint64_t *map, size_t bit)
{
    bool old = bitmap_test(map, bit);
    bitmap_set(map, bit);
    return old;
}

static inline bool bitmap_test_and_clear(uint64_t *map, size_t bit)
{
    bool old = bitmap_test(map, bit);
    bitmap_clear(map, bit);
    return old;
}

/* All bits. */
void bitmap_zero(uint64_t *map, size_t bits);
void bitmap_fill(uint64_t *map, size_t bits);
void bitmap_copy(uint64_t *to, const uint64_t *from, size_t bits);

/* `count` bits from `start`. */
void bitmap_set_range(uint64_t *map, size_t start, size_t count);
void bitmap_clear_range(uint64_t *map, size_t start, size_t count);

/* First set (clear) bit at or after `from`, `bits` if there is none. */
size_t bitmap_find_set(const uint64_t *map, size_t bits, size_t from);
size_t bitmap_find_clear(const uint64_t *map, size_t bits, size_t from);
/* Last set bit below `bits`, or `bits` if there is none. */
size_t bitmap_find_last_set(const uint64_t *map, size_t bits);
/*
 * First run of `count` clear bits that starts at or after `from` at a multiple of `align` (a power
 * of two); `bits` if there is none.
 */
size_t bitmap_find_clear_run(const uint64_t *map, size_t bits, size_t from, size_t count,
                             size_t align);

size_t bitmap_count(const uint64_t *map, size_t bits);
bool bitmap_is_empty(const uint64_t *map, size_t bits);
bool bitmap_is_full(const uint64_t *map, size_t bits);
bool bitmap_equal(const uint64_t *a, const uint64_t *b, size_t bits);
bool bitmap_intersects(const uint64_t *a, const uint64_t *b, size_t bits);
/* Every bit of `part` is in `whole`. */
bool bitmap_is_subset(const uint64_t *part, const uint64_t *whole, size_t bits);

/* to := a op b; `to` may be either operand. */
void bitmap_and(uint64_t *to, const uint64_t *a, const uint64_t *b, size_t bits);
void bitmap_or(uint64_t *to, const uint64_t *a, const uint64_t *b, size_t bits);
void bitmap_andnot(uint64_t *to, const uint64_t *a, const uint64_t *b, size_t bits);

#define bitmap_for_each_set(bit, map, bits)                                                        \
    for (bit = bitmap_find_set(map, bits, 0); bit < (bits);                                        \
         bit = bitmap_find_set(map, bits, bit + 1))

#endif
