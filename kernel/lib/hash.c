/* SPDX-License-Identifier: MIT */
/*
 * SipHash (Aumasson and Bernstein, 2012) and the intrusive hash table. Table invariants: a node is
 * in the bucket its hash selects; count is the number of nodes linked. The caller serialises.
 */
#include "kernel/lib/hash.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static ALWAYS_INLINE uint64_t rotate_left(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static ALWAYS_INLINE void sip_rounds(struct sip_state *s, int count)
{
    for (int i = 0; i < count; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate_left(s->v1, 13) ^ s->v0;
        s->v3 = rotate_left(s->v3, 16) ^ s->v2;
        s->v0 = rotate_left(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate_left(s->v1, 17) ^ s->v2;
        s->v3 = rotate_left(s->v3, 21) ^ s->v0;
        s->v2 = rotate_left(s->v2, 32);
    }
}

static ALWAYS_INLINE void sip_absorb(struct sip_state *s, uint64_t word, int rounds)
{
    s->v3 ^= word;
    sip_rounds(s, rounds);
    s->v0 ^= word;
}

static ALWAYS_INLINE uint64_t siphash(const struct siphash_key *key, const void *data, size_t size,
                                      int rounds, int final_rounds)
{
    struct sip_state s = {
        .v0 = key->k0 ^ 0x736f6d6570736575ull,
        .v1 = key->k1 ^ 0x646f72616e646f6dull,
        .v2 = key->k0 ^ 0x6c7967656e657261ull,
        .v3 = key->k1 ^ 0x7465646279746573ull,
    };
    const uint8_t *bytes = data;
    size_t left = size;
    for (; left >= 8; left -= 8, bytes += 8)
        sip_absorb(&s, load_le64(bytes), rounds);

    uint64_t last = (uint64_t)size << 56;
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)bytes[i] << (8 * i);
    sip_absorb(&s, last, rounds);

    s.v2 ^= 0xff;
    sip_rounds(&s, final_rounds);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash24(const struct siphash_key *key, const void *data, size_t size)
{
    return siphash(key, data, size, 2, 4);
}

uint64_t siphash13(const struct siphash_key *key, const void *data, size_t size)
{
    return siphash(key, data, size, 1, 3);
}

uint64_t hash_string(const struct siphash_key *key, const char *string)
{
    return siphash13(key, string, kstrlen(string));
}

static struct hlist *bucket_of(const struct hash_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->buckets_count - 1)];
}

static struct hash_node *node_of(struct hlist_node *chain)
{
    return chain == NULL ? NULL : container_of(chain, struct hash_node, chain);
}

void hash_table_init(struct hash_table *table, struct hlist *buckets, size_t buckets_count)
{
    assert(is_power_of_two(buckets_count));
    *table = (struct hash_table){.buckets = buckets, .buckets_count = buckets_count};
    for (size_t i = 0; i < buckets_count; i++)
        hlist_init(&buckets[i]);
}

void hash_table_insert(struct hash_table *table, struct hash_node *node, uint64_t hash)
{
    node->hash = hash;
    hlist_add_head(bucket_of(table, hash), &node->chain);
    table->count++;
}

void hash_table_remove(struct hash_table *table, struct hash_node *node)
{
    if (!hlist_node_linked(&node->chain))
        return;
    assert(table->count > 0);
    hlist_remove(&node->chain);
    table->count--;
}

static struct hash_node *skip_to_hash(struct hlist_node *chain, uint64_t hash)
{
    while (chain != NULL && node_of(chain)->hash != hash)
        chain = chain->next;
    return node_of(chain);
}

struct hash_node *hash_table_first(const struct hash_table *table, uint64_t hash)
{
    return skip_to_hash(bucket_of(table, hash)->first, hash);
}

struct hash_node *hash_table_next_match(const struct hash_node *node)
{
    return skip_to_hash(node->chain.next, node->hash);
}

/* First node in bucket `index` or a later one. */
static struct hash_node *first_from_bucket(const struct hash_table *table, size_t index)
{
    for (; index < table->buckets_count; index++) {
        if (!hlist_empty(&table->buckets[index]))
            return node_of(table->buckets[index].first);
    }
    return NULL;
}

struct hash_node *hash_table_begin(const struct hash_table *table)
{
    return first_from_bucket(table, 0);
}

struct hash_node *hash_table_next(const struct hash_table *table, const struct hash_node *node)
{
    if (node->chain.next != NULL)
        return node_of(node->chain.next);
    return first_from_bucket(table, (node->hash & (table->buckets_count - 1)) + 1);
}

struct hlist *hash_table_rehash(struct hash_table *table, struct hlist *buckets,
                                size_t buckets_count)
{
    struct hash_table old = *table;
    hash_table_init(table, buckets, buckets_count);
    for (size_t i = 0; i < old.buckets_count; i++) {
        while (!hlist_empty(&old.buckets[i])) {
            struct hash_node *node = node_of(old.buckets[i].first);
            hlist_remove(&node->chain);
            hash_table_insert(table, node, node->hash);
        }
    }
    assert(table->count == old.count);
    return old.buckets;
}
