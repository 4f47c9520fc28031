/* SPDX-License-Identifier: MIT */
/* Bit arithmetic on integers. */
#ifndef KERNEL_LIB_BITS_H
#define KERNEL_LIB_BITS_H

#include <stdbool.h>
#include <stdint.h>

/* Index of the lowest or highest set bit; x must not be zero. */
static inline unsigned bits_lowest(uint64_t x)
{
    return (unsigned)__builtin_ctzll(x);
}

static inline unsigned bits_highest(uint64_t x)
{
    return 63u - (unsigned)__builtin_clzll(x);
}

static inline unsigned bits_count(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555ull;
    x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
    return (unsigned)((x * 0x0101010101010101ull) >> 56);
}

static inline bool is_power_of_two(uint64_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* floor(log2(x)) and ceil(log2(x)), x >= 1. */
static inline unsigned log2_floor(uint64_t x)
{
    return bits_highest(x);
}

static inline unsigned log2_ceil(uint64_t x)
{
    return x <= 1 ? 0 : bits_highest(x - 1) + 1;
}

/* Smallest power of two >= x, for x <= 2^63. */
static inline uint64_t round_up_power_of_two(uint64_t x)
{
    return 1ull << log2_ceil(x);
}

#endif
