/* SPDX-License-Identifier: MIT */
/* kernel/lib/compiler.h, bits.h, endian.h and atomic.h: the inline arithmetic. */
#include "kernel/lib/atomic.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "tests/unit/support/unit.h"

#include <string.h>

struct outer {
    int before;
    uint16_t member;
};

START_TEST(container_of_finds_the_object)
{
    struct outer object;
    ck_assert_ptr_eq(container_of(&object.member, struct outer, member), &object);
}
END_TEST

START_TEST(minimum_and_maximum_evaluate_once_and_keep_sign)
{
    int calls = 0;
    ck_assert_int_eq(MIN(++calls, 5), 1);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(MAX(-3, 2), 2);
    ck_assert_int_eq(MIN(-3, 2), -3);
    size_t size = 100;
    ck_assert_uint_eq(MIN(size, 4096), 100);
    ck_assert_uint_eq(MAX(size, 4096), 4096);
    uint8_t small = 200;
    int big = -1;
    ck_assert_int_eq(MIN(small, big), -1);
    ck_assert_uint_eq(MIN(MIN(size, 50), MAX(size, 60)), 50);
    ck_assert_int_eq(CLAMP(17, 0, 10), 10);
    ck_assert_int_eq(CLAMP(-17, 0, 10), 0);
    uint64_t wide = 1ull << 40;
    ck_assert_uint_eq(MAX(5, wide), 1ull << 40);
}
END_TEST

START_TEST(alignment_works_at_type_limits)
{
    ck_assert_uint_eq(ALIGN_UP(4097ull, 4096), 8192);
    ck_assert_uint_eq(ALIGN_UP(4096ull, 4096), 4096);
    ck_assert_uint_eq(ALIGN_DOWN(UINT64_MAX, 4096), 0xfffffffffffff000ull);
    ck_assert_uint_eq(ALIGN_DOWN(1ull << 40 | 5, 8), 1ull << 40);
    ck_assert(IS_ALIGNED(64u, 64) && !IS_ALIGNED(65u, 64));
    ck_assert_uint_eq(DIV_ROUND_UP(10u, 3), 4);
    ck_assert_uint_eq(BIT_MASK(63, 0), UINT64_MAX);
    ck_assert_uint_eq(BIT_MASK(7, 4), 0xf0);
    char array[3][7];
    ck_assert_uint_eq(ARRAY_SIZE(array), 3);
}
END_TEST

START_TEST(bit_positions_cover_the_word)
{
    for (unsigned i = 0; i < 64; i++) {
        ck_assert_uint_eq(bits_lowest(~0ull << i), i);
        ck_assert_uint_eq(bits_highest(~0ull >> (63 - i)), i);
        ck_assert_uint_eq(bits_count(~0ull >> (63 - i)), i + 1);
        ck_assert_uint_eq(log2_floor(BIT(i)), i);
        ck_assert_uint_eq(log2_ceil(BIT(i)), i);
        ck_assert(is_power_of_two(BIT(i)));
        ck_assert_uint_eq(round_up_power_of_two(BIT(i)), BIT(i));
    }
    ck_assert_uint_eq(log2_ceil(5), 3);
    ck_assert_uint_eq(round_up_power_of_two(5), 8);
    ck_assert(!is_power_of_two(0) && !is_power_of_two(12));
    ck_assert_uint_eq(bits_count(0x8000000000000001ull), 2);
}
END_TEST

START_TEST(fixed_endian_loads_invert_stores_at_any_alignment)
{
    static const uint8_t big[] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t buffer[16];
    for (unsigned offset = 0; offset < 8; offset++) {
        store_be64(buffer + offset, 0x0102030405060708ull);
        ck_assert_mem_eq(buffer + offset, big, 8);
        ck_assert_uint_eq(load_be64(buffer + offset), 0x0102030405060708ull);
        ck_assert_uint_eq(load_be32(buffer + offset), 0x01020304u);
        ck_assert_uint_eq(load_be16(buffer + offset), 0x0102u);
        ck_assert_uint_eq(load_le64(buffer + offset), 0x0807060504030201ull);
        ck_assert_uint_eq(load_le32(buffer + offset), 0x04030201u);
        ck_assert_uint_eq(load_le16(buffer + offset), 0x0201u);
        store_le64(buffer + offset, 0x0807060504030201ull);
        ck_assert_mem_eq(buffer + offset, big, 8);
    }
    ck_assert_uint_eq(cpu_to_be16(0x1234), 0x3412);
    ck_assert_uint_eq(be32_to_cpu(0x12345678u), 0x78563412u);
}
END_TEST

START_TEST(refcount_reports_only_the_last_drop)
{
    struct refcount ref = REFCOUNT_INIT(1);
    refcount_inc(&ref);
    ck_assert(!refcount_dec_and_test(&ref));
    ck_assert(refcount_dec_and_test(&ref));
    ck_assert(!refcount_inc_not_zero(&ref));
    ck_assert_uint_eq(refcount_read(&ref), 0);
}
END_TEST

START_TEST(refcount_saturates_instead_of_wrapping)
{
    struct refcount ref = REFCOUNT_INIT(REFCOUNT_SATURATED - 1);
    refcount_inc(&ref);
    ck_assert_uint_eq(refcount_read(&ref), REFCOUNT_SATURATED);
    refcount_inc(&ref);
    ck_assert(!refcount_dec_and_test(&ref));
    ck_assert_uint_eq(refcount_read(&ref), REFCOUNT_SATURATED);
}
END_TEST

START_TEST(reference_to_dead_object_panics)
{
    struct refcount ref = REFCOUNT_INIT(0);
    refcount_inc(&ref);
}
END_TEST

START_TEST(dropping_a_dead_object_panics)
{
    struct refcount ref = REFCOUNT_INIT(0);
    if (refcount_dec_and_test(&ref))
        return;
}
END_TEST

START_TEST(compare_exchange_reports_the_value_found)
{
    uint32_t word = 5, expected = 4;
    ck_assert(!atomic_cmpxchg_seq(&word, &expected, 9));
    ck_assert_uint_eq(expected, 5);
    ck_assert(atomic_cmpxchg_seq(&word, &expected, 9));
    ck_assert_uint_eq(atomic_fetch_add_acq_rel(&word, 2), 9);
    ck_assert_uint_eq(atomic_sub_fetch_seq(&word, 1), 10);
    ck_assert_uint_eq(atomic_exchange_seq(&word, 1), 10);
    ck_assert_uint_eq(atomic_fetch_or_seq(&word, 6), 1);
    ck_assert_uint_eq(atomic_load_acquire(&word), 7);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, container_of_finds_the_object);
    tcase_add_test(tcase, minimum_and_maximum_evaluate_once_and_keep_sign);
    tcase_add_test(tcase, alignment_works_at_type_limits);
    tcase_add_test(tcase, bit_positions_cover_the_word);
    tcase_add_test(tcase, fixed_endian_loads_invert_stores_at_any_alignment);
    tcase_add_test(tcase, refcount_reports_only_the_last_drop);
    tcase_add_test(tcase, refcount_saturates_instead_of_wrapping);
    tcase_add_test_raise_signal(tcase, reference_to_dead_object_panics, SIGABRT);
    tcase_add_test_raise_signal(tcase, dropping_a_dead_object_panics, SIGABRT);
    tcase_add_test(tcase, compare_exchange_reports_the_value_found);
}

static Suite *compiler_suite(void)
{
    return unit_suite("compiler", add);
}

UNIT_MAIN(compiler_suite)
