/* SPDX-License-Identifier: MIT */
/*
 * Hash functions and an intrusive hash table. Strings and other data an attacker chooses are
 * hashed with SipHash under a secret key (Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF"); integers the kernel chooses with a mixer. The table uses a bucket array its owner
 * allocates and may replace, so it never allocates itself. No locking inside.
 */
#ifndef KERNEL_LIB_HASH_H
#define KERNEL_LIB_HASH_H

#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"

struct siphash_key {
    uint64_t k0, k1;
};

uint64_t siphash24(const struct siphash_key *key, const void *data, size_t size);
/* Fewer rounds: for hash tables; siphash24 where the value itself must be unguessable. */
uint64_t siphash13(const struct siphash_key *key, const void *data, size_t size);
/* siphash13 of a NUL-terminated string. */
uint64_t hash_string(const struct siphash_key *key, const char *string);

/* Bijective mixer: every input bit affects every output bit. */
static inline uint64_t hash_u64(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ull;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ull;
    x ^= x >> 32;
    return x;
}

/* Folds another value into a hash; not symmetric. */
static inline uint64_t hash_combine(uint64_t hash, uint64_t x)
{
    return hash_u64(hash * 0x9e3779b97f4a7c15ull + x);
}

struct hash_node {
    struct hlist_node chain;
    uint64_t hash;
};

struct hash_table {
    struct hlist *buckets;
    size_t buckets_count; /* a power of two */
    size_t count;         /* nodes in the table */
};

/* Starts an empty table over an array the caller owns; buckets_count is a power of two. */
void hash_table_init(struct hash_table *table, struct hlist *buckets, size_t buckets_count);

/* Adds an unlinked node under a hash; duplicates are the caller's business. */
void hash_table_insert(struct hash_table *table, struct hash_node *node, uint64_t hash);

/* Removes a node; nothing happens if it is not linked. */
void hash_table_remove(struct hash_table *table, struct hash_node *node);

/* First node with this hash, and the next with the same hash; NULL if none. */
struct hash_node *hash_table_first(const struct hash_table *table, uint64_t hash);
struct hash_node *hash_table_next_match(const struct hash_node *node);

/* First node in bucket order, and the one after; NULL at the end. */
struct hash_node *hash_table_begin(const struct hash_table *table);
struct hash_node *hash_table_next(const struct hash_table *table, const struct hash_node *node);

/* Moves every node to a new bucket array; returns the old array, which the caller frees. */
struct hlist *hash_table_rehash(struct hash_table *table, struct hlist *buckets,
                                size_t buckets_count);

/* True if chains average more than two: time to rehash to twice the buckets. */
static inline bool hash_table_is_crowded(const struct hash_table *table)
{
    return table->count > 2 * table->buckets_count;
}

#define hash_entry_or_null_(node, type, member)                                                    \
    ({                                                                                             \
        struct hash_node *entry_hash_ = (node);                                                    \
        entry_hash_ == NULL ? NULL : container_of(entry_hash_, type, member);                      \
    })

/* Entries with exactly this hash; compare the keys yourself. */
#define hash_table_for_each_match(entry, table, value, member)                                     \
    for (entry = hash_entry_or_null_(hash_table_first(table, value), __typeof__(*entry), member);  \
         entry != NULL; entry = hash_entry_or_null_(hash_table_next_match(&entry->member),         \
                                                    __typeof__(*entry), member))

/* All entries; removal of the current one is allowed in the _safe form. */
#define hash_table_for_each(entry, table, member)                                                  \
    for (entry = hash_entry_or_null_(hash_table_begin(table), __typeof__(*entry), member);         \
         entry != NULL; entry = hash_entry_or_null_(hash_table_next(table, &entry->member),        \
                                                    __typeof__(*entry), member))
#define hash_table_for_each_safe(entry, following, table, member)                                  \
    for (entry = hash_entry_or_null_(hash_table_begin(table), __typeof__(*entry), member);         \
         entry != NULL && (following = hash_entry_or_null_(hash_table_next(table, &entry->member), \
                                                           __typeof__(*entry), member),            \
                          true);                                                                   \
         entry = following)

#endif
