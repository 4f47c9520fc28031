/* SPDX-License-Identifier: MIT */
/*
 * Random numbers: ChaCha20 (RFC 8439, section 2.3) with fast key erasure (Bernstein, "Fast-key-
 * erasure random-number generators", 2017), and xoroshiro128+ (Blackman and Vigna, 2018). The key
 * is replaced before any output is given out, so no state can reveal what came before it. The
 * caller serialises.
 */
#include "kernel/lib/random.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

#define BLOCK_SIZE 64

static ALWAYS_INLINE uint32_t rotate_left32(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static ALWAYS_INLINE void quarter_round(uint32_t *x, unsigned a, unsigned b, unsigned c, unsigned d)
{
    x[a] += x[b];
    x[d] = rotate_left32(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate_left32(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate_left32(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate_left32(x[b] ^ x[c], 7);
}

void chacha20_block(const uint8_t key[32], uint32_t counter, const uint8_t nonce[12],
                    uint8_t out[64])
{
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (unsigned i = 0; i < 8; i++)
        start[4 + i] = load_le32(key + 4 * i);
    start[12] = counter;
    for (unsigned i = 0; i < 3; i++)
        start[13 + i] = load_le32(nonce + 4 * i);

    uint32_t x[16];
    memcpy(x, start, sizeof(x));
    for (unsigned round = 0; round < 20; round += 2) {
        for (unsigned i = 0; i < 4; i++)
            quarter_round(x, i, 4 + i, 8 + i, 12 + i);
        for (unsigned i = 0; i < 4; i++)
            quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (unsigned i = 0; i < 16; i++)
        store_le32(out + 4 * i, x[i] + start[i]);
    kmem_wipe(x, sizeof(x));
    kmem_wipe(start, sizeof(start));
}

/* Key stream under the present key; `domain` keeps output and mixing apart. */
static void key_stream_block(const struct random *random, uint32_t domain, uint32_t counter,
                             uint8_t out[BLOCK_SIZE])
{
    uint8_t nonce[12];
    store_le32(nonce, domain);
    store_le64(nonce + 4, random->generation);
    chacha20_block(random->key, counter, nonce, out);
}

enum { DOMAIN_OUTPUT, DOMAIN_MIX };

void random_reseed(struct random *random, const void *entropy, size_t size)
{
    const uint8_t *bytes = entropy;
    uint8_t block[BLOCK_SIZE];
    size_t done = 0;
    do {
        size_t part = MIN(size - done, RANDOM_KEY_SIZE);
        for (size_t i = 0; i < part; i++)
            random->key[i] ^= bytes[done + i];
        /* The length goes in as the counter, so that trailing zeros make a difference. */
        key_stream_block(random, DOMAIN_MIX, (uint32_t)part, block);
        memcpy(random->key, block, RANDOM_KEY_SIZE);
        random->generation++;
        done += part;
    } while (done < size);
    kmem_wipe(block, sizeof(block));
}

void random_seed(struct random *random, const void *seed, size_t size)
{
    *random = (struct random){0};
    random_reseed(random, seed, size);
}

void random_bytes(struct random *random, void *out, size_t size)
{
    uint8_t *to = out;
    uint8_t block[BLOCK_SIZE];
    struct random old = *random;

    /* The first half of block 0 is the next key; the output begins after it. */
    key_stream_block(&old, DOMAIN_OUTPUT, 0, block);
    memcpy(random->key, block, RANDOM_KEY_SIZE);
    random->generation++;
    size_t offset = RANDOM_KEY_SIZE;
    for (uint32_t counter = 1; size > 0; counter++) {
        size_t part = MIN(size, BLOCK_SIZE - offset);
        memcpy(to, block + offset, part);
        to += part;
        size -= part;
        offset = 0;
        if (size > 0) {
            assert(counter != 0);
            key_stream_block(&old, DOMAIN_OUTPUT, counter, block);
        }
    }
    kmem_wipe(block, sizeof(block));
    kmem_wipe(&old, sizeof(old));
}

uint64_t random_u64(struct random *random)
{
    uint64_t value;
    random_bytes(random, &value, sizeof(value));
    return value;
}

/* Values below this would make some residues likelier than others: 2^64 mod bound. */
static uint64_t rejection_limit(uint64_t bound)
{
    assert(bound > 0);
    return -bound % bound;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
    uint64_t limit = rejection_limit(bound), value;
    do {
        value = random_u64(random);
    } while (value < limit);
    return value % bound;
}

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

void prng_seed(struct prng *prng, uint64_t seed)
{
    prng->state[0] = splitmix64(&seed);
    prng->state[1] = splitmix64(&seed);
}

uint64_t prng_u64(struct prng *prng)
{
    uint64_t a = prng->state[0], b = prng->state[1];
    uint64_t result = a + b;
    b ^= a;
    prng->state[0] = (a << 24 | a >> 40) ^ b ^ (b << 16);
    prng->state[1] = b << 37 | b >> 27;
    return result;
}

uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    uint64_t limit = rejection_limit(bound), value;
    do {
        value = prng_u64(prng);
    } while (value < limit);
    return value % bound;
}

void prng_bytes(struct prng *prng, void *out, size_t size)
{
    uint8_t *to = out;
    while (size > 0) {
        uint8_t word[8];
        store_le64(word, prng_u64(prng));
        size_t part = MIN(size, sizeof(word));
        memcpy(to, word, part);
        to += part;
        size -= part;
    }
}
