/* SPDX-License-Identifier: MIT
 *
 * Streams of random numbers from a seed: xoshiro256** (Blackman and Vigna), seeded by splitmix64.
 * The same on every host and compiler.
 */
#ifndef SIM_LIB_RANDOM_H
#define SIM_LIB_RANDOM_H

#include <stdint.h>

struct random_stream {
    uint64_t word[4];
};

static inline uint64_t random_mix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* `stream` tells streams of one seed apart. */
static inline void random_start(struct random_stream *random, uint64_t seed, uint64_t stream)
{
    uint64_t state = seed ^ stream * 0xd1342543de82ef95u;

    for (unsigned i = 0; i < 4; i++) {
        random->word[i] = random_mix(&state);
    }
}

static inline uint64_t random_rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline uint64_t random_next(struct random_stream *random)
{
    uint64_t *s = random->word;
    uint64_t result = random_rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = random_rotate(s[3], 45);
    return result;
}

/* 0 .. bound - 1; bound > 0. The bias is below 2^-32 for bounds that matter here. */
static inline uint64_t random_below(struct random_stream *random, uint64_t bound)
{
    return (uint64_t)((unsigned __int128)random_next(random) * bound >> 64);
}

#endif
