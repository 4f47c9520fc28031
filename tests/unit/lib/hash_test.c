/* SPDX-License-Identifier: MIT */
/* kernel/lib/hash.c: SipHash's published vectors, and the table. */
#include "kernel/lib/hash.h"
#include "tests/unit/support/unit.h"

/* Key 00 01 .. 0f of the SipHash paper. */
static const struct siphash_key paper_key = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};

START_TEST(siphash24_matches_published_vectors)
{
    uint8_t data[64];
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    ck_assert_uint_eq(siphash24(&paper_key, data, 0), 0x726fdb47dd0e0e31ull);
    ck_assert_uint_eq(siphash24(&paper_key, data, 1), 0x74f839c593dc67fdull);
    ck_assert_uint_eq(siphash24(&paper_key, data, 8), 0x93f5f5799a932462ull);
    ck_assert_uint_eq(siphash24(&paper_key, data, 15), 0xa129ca6149be45e5ull);
}
END_TEST

START_TEST(siphash13_depends_on_key_length_and_every_byte)
{
    char text[] = "the quick brown fox";
    uint64_t whole = siphash13(&paper_key, text, sizeof(text) - 1);
    ck_assert_uint_eq(hash_string(&paper_key, text), whole);
    struct siphash_key key = {paper_key.k0 ^ 1, paper_key.k1};
    ck_assert_uint_ne(siphash13(&key, text, sizeof(text) - 1), whole);
    ck_assert_uint_ne(siphash13(&paper_key, text, sizeof(text)), whole);
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        text[i] ^= 0x10;
        ck_assert_uint_ne(hash_string(&paper_key, text), whole);
        text[i] ^= 0x10;
    }
}
END_TEST

START_TEST(integer_mixer_spreads_neighbours)
{
    uint64_t seen = 0;
    for (uint64_t i = 0; i < 64; i++)
        seen |= BIT(hash_u64(i) & 63);
    ck_assert_int_gt(__builtin_popcountll(seen), 30);
    ck_assert_uint_ne(hash_combine(1, 2), hash_combine(2, 1));
}
END_TEST

struct item {
    unsigned key;
    struct hash_node node;
};

static struct item items[300];
static struct hlist buckets[4], more_buckets[256];
static struct hash_table table;

static void setup(void)
{
    hash_table_init(&table, buckets, ARRAY_SIZE(buckets));
    for (unsigned i = 0; i < ARRAY_SIZE(items); i++) {
        items[i] = (struct item){.key = i};
        hash_table_insert(&table, &items[i].node, hash_u64(i / 3));
    }
}

/* Every key of first..last-1 is found once under its hash, and nothing else. */
static void check_found(unsigned first, unsigned last)
{
    for (unsigned key = 0; key < ARRAY_SIZE(items); key++) {
        unsigned found = 0;
        struct item *item;
        hash_table_for_each_match(item, &table, hash_u64(key / 3), node)
        {
            ck_assert_uint_eq(item->key / 3, key / 3);
            found += item->key == key;
        }
        ck_assert_uint_eq(found, key >= first && key < last);
    }
}

START_TEST(entries_with_equal_hashes_are_all_found)
{
    check_found(0, ARRAY_SIZE(items));
    ck_assert(hash_table_is_crowded(&table));
    ck_assert_ptr_null(hash_table_first(&table, hash_u64(9999)));
}
END_TEST

START_TEST(removed_entry_is_gone_and_may_be_removed_again)
{
    for (unsigned i = 0; i < 100; i++) {
        hash_table_remove(&table, &items[i].node);
        hash_table_remove(&table, &items[i].node);
    }
    ck_assert_uint_eq(table.count, 200);
    check_found(100, ARRAY_SIZE(items));
}
END_TEST

START_TEST(rehash_keeps_every_entry)
{
    ck_assert_ptr_eq(hash_table_rehash(&table, more_buckets, ARRAY_SIZE(more_buckets)), buckets);
    ck_assert(!hash_table_is_crowded(&table));
    check_found(0, ARRAY_SIZE(items));
    hash_table_rehash(&table, buckets, ARRAY_SIZE(buckets));
    check_found(0, ARRAY_SIZE(items));
}
END_TEST

START_TEST(iteration_visits_each_entry_once_and_allows_removal)
{
    unsigned visits[ARRAY_SIZE(items)] = {0};
    struct item *item, *following;
    hash_table_for_each(item, &table, node)
    {
        visits[item->key]++;
    }
    hash_table_for_each_safe(item, following, &table, node)
    {
        visits[item->key]++;
        hash_table_remove(&table, &item->node);
    }
    for (size_t i = 0; i < ARRAY_SIZE(visits); i++)
        ck_assert_uint_eq(visits[i], 2);
    ck_assert_uint_eq(table.count, 0);
    ck_assert_ptr_null(hash_table_begin(&table));
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, siphash24_matches_published_vectors);
    tcase_add_test(tcase, siphash13_depends_on_key_length_and_every_byte);
    tcase_add_test(tcase, integer_mixer_spreads_neighbours);
    tcase_add_test(tcase, entries_with_equal_hashes_are_all_found);
    tcase_add_test(tcase, removed_entry_is_gone_and_may_be_removed_again);
    tcase_add_test(tcase, rehash_keeps_every_entry);
    tcase_add_test(tcase, iteration_visits_each_entry_once_and_allows_removal);
}

static Suite *hash_suite(void)
{
    return unit_suite("hash", add);
}

UNIT_MAIN(hash_suite)
