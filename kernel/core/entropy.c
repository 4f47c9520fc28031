/* SPDX-License-Identifier: MIT */
/*
 * The random number generator behind getrandom(2) and /dev/urandom: one ChaCha20 generator with
 * fast key erasure (lib/random.h) under a spinlock. It is seeded at boot from the HAL and needs no
 * reseeding afterwards.
 */
#include "kernel/core/entropy.h"

#include "hal/cpu.h"
#include "hal/entropy.h"
#include "hal/time.h"
#include "kernel/core/core_internal.h"
#include "kernel/lib/string.h"

enum { SEED_BYTES = 64, JITTER_ROUNDS = 256, CHUNK_BYTES = 1024 };

/* A machine without any source: the low bits of how long things take. Weak, but better than
 * nothing, and the log says so. */
static void seed_from_jitter(struct random *random)
{
    uint64_t samples[32];

    for (unsigned round = 0; round < JITTER_ROUNDS; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(samples); i++) {
            samples[i] = hal_time_monotonic_ns() + (samples[(i + 1) % ARRAY_SIZE(samples)] << 8);
            hal_cpu_relax();
        }
        random_reseed(random, samples, sizeof samples);
    }
}

int entropy_init(struct kernel *kernel)
{
    struct entropy_pool *pool = kernel->entropy;
    uint8_t seed[SEED_BYTES] = {0};
    size_t got = hal_entropy_read(seed, sizeof seed);

    spin_lock_init(&pool->lock, LOCK_RANK_ENTROPY);
    random_seed(&pool->random, seed, sizeof seed);
    if (got == 0) {
        klog_warn("random: no source of entropy, using timing");
        seed_from_jitter(&pool->random);
    }
    kmem_wipe(seed, sizeof seed);
    return 0;
}

void entropy_bytes(void *out, size_t bytes)
{
    struct entropy_pool *pool = this_kernel()->entropy;
    char *at = out;

    /* In pieces, so that a large request does not keep interrupts masked for long. */
    while (bytes > 0) {
        size_t chunk = MIN(bytes, CHUNK_BYTES);
        bool irq = spin_lock_irqsave(&pool->lock);

        random_bytes(&pool->random, at, chunk);
        spin_unlock_irqrestore(&pool->lock, irq);
        at += chunk;
        bytes -= chunk;
    }
}

uint64_t entropy_u64(void)
{
    uint64_t value;

    entropy_bytes(&value, sizeof value);
    return value;
}

void entropy_mix(const void *bytes, size_t count)
{
    struct entropy_pool *pool = this_kernel()->entropy;
    bool irq = spin_lock_irqsave(&pool->lock);

    random_reseed(&pool->random, bytes, count);
    spin_unlock_irqrestore(&pool->lock, irq);
}
