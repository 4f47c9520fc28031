/* SPDX-License-Identifier: MIT
 *
 * Random decisions that are a pure function of a seed and of what is decided, so that one decision
 * fewer or more somewhere else changes nothing here. The generator is splitmix64 (Steele, Lea and
 * Flood, 2014). Probabilities are whole parts per million: no floating point, hence no difference
 * between compilers.
 */
#ifndef SIM_FAULTS_CHANCE_H
#define SIM_FAULTS_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

enum { CHANCE_ALWAYS_PPM = 1000000 };

struct chance {
    uint64_t state;
};

static inline uint64_t chance_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* The decisions about the ordinal-th thing that happens at `source`. */
static inline struct chance chance_start(uint64_t seed, uint64_t source, uint64_t ordinal)
{
    uint64_t state = chance_mix(seed + 0x9e3779b97f4a7c15u);

    state = chance_mix(state ^ (source + 1) * 0xd1342543de82ef95u);
    return (struct chance){chance_mix(state ^ (ordinal + 1) * 0x2545f4914f6cdd1du)};
}

static inline uint64_t chance_next(struct chance *chance)
{
    chance->state += 0x9e3779b97f4a7c15u;
    return chance_mix(chance->state);
}

/* 0 .. limit - 1; 0 if limit is 0. */
static inline uint64_t chance_below(struct chance *chance, uint64_t limit)
{
    return (uint64_t)((unsigned __int128)chance_next(chance) * limit >> 64);
}

static inline bool chance_hit(struct chance *chance, uint32_t ppm)
{
    return chance_below(chance, CHANCE_ALWAYS_PPM) < ppm;
}

#endif
