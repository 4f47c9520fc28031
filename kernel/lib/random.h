/* SPDX-License-Identifier: MIT */
/*
 * Random numbers. `struct random` is a cryptographic generator: ChaCha20 (RFC 8439) with fast key
 * erasure, so a captured state does not reveal earlier output. `struct prng` is small, fast and
 * predictable: for tests, simulation and skip-list-like decisions, never for secrets. No locking.
 */
#ifndef KERNEL_LIB_RANDOM_H
#define KERNEL_LIB_RANDOM_H

#include "kernel/lib/compiler.h"

#define RANDOM_KEY_SIZE 32

struct random {
    uint8_t key[RANDOM_KEY_SIZE];
    uint64_t generation; /* blocks produced: the nonce */
};

/* Starts from `size` bytes of seed; the output is a function of the seed. */
void random_seed(struct random *random, const void *seed, size_t size);
/* Mixes more entropy in; never loses what was there. */
void random_reseed(struct random *random, const void *entropy, size_t size);
void random_bytes(struct random *random, void *out, size_t size);
uint64_t random_u64(struct random *random);
/* Uniform in 0 .. bound - 1; bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);

/* One 64-byte block of the ChaCha20 key stream. */
void chacha20_block(const uint8_t key[32], uint32_t counter, const uint8_t nonce[12],
                    uint8_t out[64]);

struct prng {
    uint64_t state[2];
};

void prng_seed(struct prng *prng, uint64_t seed);
uint64_t prng_u64(struct prng *prng);
/* Uniform in 0 .. bound - 1; bound > 0. */
uint64_t prng_below(struct prng *prng, uint64_t bound);
void prng_bytes(struct prng *prng, void *out, size_t size);

#endif
