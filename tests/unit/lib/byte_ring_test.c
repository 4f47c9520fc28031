/* SPDX-License-Identifier: MIT */
/* kernel/lib/byte_ring.c: against a flat queue. */
#include "kernel/lib/byte_ring.h"
#include "kernel/lib/random.h"
#include "tests/unit/support/unit.h"

#include <string.h>

START_TEST(random_operations_agree_with_a_flat_queue)
{
    size_t capacity = (size_t)_i;
    uint8_t *buffer = malloc(capacity);
    uint8_t flat[64], data[64];
    size_t fill = 0;
    uint8_t next = 0;
    struct byte_ring ring;
    byte_ring_init(&ring, buffer, capacity);
    struct prng prng;
    prng_seed(&prng, capacity);
    for (int step = 0; step < 3000; step++) {
        size_t size = prng_below(&prng, 12), count = 0;
        switch (prng_below(&prng, 5)) {
        case 0:
            for (size_t i = 0; i < size; i++)
                data[i] = next++;
            count = byte_ring_write(&ring, data, size);
            ck_assert_uint_eq(count, MIN(size, capacity - fill));
            memcpy(flat + fill, data, count);
            fill += count;
            break;
        case 1:
            count = byte_ring_read(&ring, data, size);
            ck_assert_uint_eq(count, MIN(size, fill));
            ck_assert_mem_eq(data, flat, count);
            memmove(flat, flat + count, fill -= count);
            break;
        case 2:
            ck_assert_int_eq(byte_ring_put(&ring, next), fill < capacity);
            if (fill < capacity)
                flat[fill++] = next;
            next++;
            break;
        case 3:
            ck_assert_int_eq(byte_ring_unput(&ring), (fill > 0 ? flat[fill - 1] : -1));
            fill -= fill > 0;
            break;
        default:
            ck_assert_int_eq(byte_ring_get(&ring), (fill > 0 ? flat[0] : -1));
            count = fill > 0;
            memmove(flat, flat + count, fill -= count);
        }
        ck_assert_uint_eq(byte_ring_fill(&ring), fill);
        ck_assert_uint_eq(byte_ring_space(&ring), capacity - fill);
        for (size_t i = 0; i <= fill; i++)
            ck_assert_int_eq(byte_ring_at(&ring, i), (i < fill ? flat[i] : -1));
    }
    free(buffer);
}
END_TEST

START_TEST(find_and_front_work_across_the_wrap)
{
    uint8_t buffer[8];
    struct byte_ring ring;
    byte_ring_init(&ring, buffer, sizeof(buffer));
    byte_ring_write(&ring, "xxxxxx", 6);
    ck_assert_uint_eq(byte_ring_skip(&ring, 6), 6);
    byte_ring_write(&ring, "ab\ncd\n", 6);
    ck_assert_uint_eq(byte_ring_find(&ring, 0, '\n'), 2);
    ck_assert_uint_eq(byte_ring_find(&ring, 3, '\n'), 5);
    ck_assert_uint_eq(byte_ring_find(&ring, 6, '\n'), 6);
    ck_assert_uint_eq(byte_ring_find(&ring, 0, 'z'), 6);
    const uint8_t *front;
    ck_assert_uint_eq(byte_ring_front(&ring, &front), 2);
    ck_assert_mem_eq(front, "ab", 2);
    byte_ring_skip(&ring, 2);
    ck_assert_uint_eq(byte_ring_front(&ring, &front), 4);
    ck_assert_mem_eq(front, "\ncd\n", 4);
    char peeked[3];
    ck_assert_uint_eq(byte_ring_peek(&ring, 1, peeked, 3), 3);
    ck_assert_mem_eq(peeked, "cd\n", 3);
    ck_assert_uint_eq(byte_ring_peek(&ring, 4, peeked, 3), 0);
    ck_assert_uint_eq(byte_ring_skip(&ring, 100), 4);
    ck_assert(byte_ring_empty(&ring));
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_loop_test(tcase, random_operations_agree_with_a_flat_queue, 1, 33);
    tcase_add_test(tcase, find_and_front_work_across_the_wrap);
}

static Suite *byte_ring_suite(void)
{
    return unit_suite("byte_ring", add);
}

UNIT_MAIN(byte_ring_suite)
