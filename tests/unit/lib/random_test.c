/* SPDX-License-Identifier: MIT */
/* kernel/lib/random.c: RFC 8439's test vector, and properties of the generators. */
#include "kernel/lib/random.h"
#include "tests/unit/support/unit.h"

#include <string.h>

START_TEST(chacha20_block_matches_rfc_8439)
{
    /* Section 2.3.2. */
    static const uint8_t nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0};
    static const uint8_t wanted[64] = {
        0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
        0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
        0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
        0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
        0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
    uint8_t key[32], out[64];
    for (unsigned i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)i;
    chacha20_block(key, 1, nonce, out);
    ck_assert_mem_eq(out, wanted, sizeof(wanted));
}
END_TEST

START_TEST(output_is_a_function_of_the_seed)
{
    struct random a, b, c;
    uint8_t x[300], y[300], z[300];
    random_seed(&a, "seed", 4);
    random_seed(&b, "seed", 4);
    random_seed(&c, "seed\0", 5);
    random_bytes(&a, x, sizeof(x));
    random_bytes(&b, y, sizeof(y));
    random_bytes(&c, z, sizeof(z));
    ck_assert_mem_eq(x, y, sizeof(x));
    ck_assert_mem_ne(x, z, sizeof(x));
    random_bytes(&a, y, sizeof(y));
    ck_assert_mem_ne(x, y, sizeof(x));
}
END_TEST

START_TEST(every_size_fills_exactly_its_bytes)
{
    struct random random;
    random_seed(&random, NULL, 0);
    for (size_t size = 0; size < 200; size++) {
        uint8_t *out = malloc(size + 1);
        out[size] = 0x77;
        random_bytes(&random, out, size);
        ck_assert_uint_eq(out[size], 0x77);
        free(out);
    }
}
END_TEST

START_TEST(key_is_not_among_the_output)
{
    struct random random;
    uint8_t out[256];
    random_seed(&random, "x", 1);
    random_bytes(&random, out, sizeof(out));
    for (size_t i = 0; i + RANDOM_KEY_SIZE <= sizeof(out); i++)
        ck_assert_mem_ne(out + i, random.key, RANDOM_KEY_SIZE);
}
END_TEST

START_TEST(reseed_changes_the_stream)
{
    struct random a, b;
    random_seed(&a, "s", 1);
    b = a;
    random_reseed(&b, "", 0);
    ck_assert_uint_ne(random_u64(&a), random_u64(&b));
    uint8_t lots[100] = {0};
    random_seed(&a, lots, 99);
    random_seed(&b, lots, 100);
    ck_assert_uint_ne(random_u64(&a), random_u64(&b));
}
END_TEST

START_TEST(bounded_numbers_cover_their_range_evenly)
{
    struct random random;
    struct prng prng;
    random_seed(&random, "x", 1);
    prng_seed(&prng, 1);
    unsigned hits[2][10] = {0};
    for (int i = 0; i < 10000; i++) {
        hits[0][random_below(&random, 10)]++;
        hits[1][prng_below(&prng, 10)]++;
    }
    for (int i = 0; i < 20; i++) {
        ck_assert_uint_gt(hits[i / 10][i % 10], 850);
        ck_assert_uint_lt(hits[i / 10][i % 10], 1150);
    }
    ck_assert_uint_eq(random_below(&random, 1), 0);
    uint64_t big = (1ull << 63) + 1;
    for (int i = 0; i < 100; i++)
        ck_assert_uint_lt(random_below(&random, big), big);
}
END_TEST

START_TEST(prng_bytes_do_not_depend_on_past_sizes)
{
    struct prng a, b;
    prng_seed(&a, 7);
    prng_seed(&b, 7);
    uint8_t x[20], y[20];
    prng_bytes(&a, x, 20);
    prng_bytes(&b, y, 20);
    ck_assert_mem_eq(x, y, 20);
    prng_seed(&b, 8);
    prng_bytes(&b, y, 20);
    ck_assert_mem_ne(x, y, 20);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, chacha20_block_matches_rfc_8439);
    tcase_add_test(tcase, output_is_a_function_of_the_seed);
    tcase_add_test(tcase, every_size_fills_exactly_its_bytes);
    tcase_add_test(tcase, key_is_not_among_the_output);
    tcase_add_test(tcase, reseed_changes_the_stream);
    tcase_add_test(tcase, bounded_numbers_cover_their_range_evenly);
    tcase_add_test(tcase, prng_bytes_do_not_depend_on_past_sizes);
}

static Suite *random_suite(void)
{
    return unit_suite("random", add);
}

UNIT_MAIN(random_suite)
