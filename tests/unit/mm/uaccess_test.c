/* SPDX-License-Identifier: MIT */
/* kernel/mm/uaccess.c, uio.c: copies that fault, stop, and are taken up again. */
#include "tests/unit/mm/mm_fixture.h"

#include "kernel/mm/uio.h"

#define BASE 0x10000000ull

MACHINE_TEST(copies_resolve_faults_and_stop_at_holes)
{
    struct mm *mm = begin_mm();
    static char data[3 * PAGE_SIZE], back[3 * PAGE_SIZE];
    memset(data, 'x', sizeof(data));
    map_anon(mm, BASE, 3 * PAGE_SIZE, RW);
    ck_assert_int_eq(copy_to_user(BASE, data, sizeof(data)), 0);
    ck_assert_int_eq(copy_from_user(back, BASE, sizeof(back)), 0);
    ck_assert_mem_eq(data, back, sizeof(data));
    ck_assert_int_eq(mm_unmap(mm, BASE + PAGE_SIZE, PAGE_SIZE), 0);
    ck_assert_uint_eq(copy_to_user_partial(BASE + 10, data, sizeof(data)), PAGE_SIZE - 10);
    ck_assert_uint_eq(copy_from_user_partial(back, BASE + 10, sizeof(data)), PAGE_SIZE - 10);
    ck_assert_int_eq(copy_from_user(back, BASE, sizeof(back)), -EFAULT);
    ck_assert_int_eq(back[PAGE_SIZE], 0); /* the rest is cleared */
    ck_assert_int_eq(clear_user(BASE, PAGE_SIZE), 0);
    ck_assert_int_eq(clear_user(BASE, PAGE_SIZE + 1), -EFAULT);
    ck_assert_uint_eq(peek(BASE), 0);
    end_mm(mm);
}

MACHINE_TEST(kernel_and_wrapping_addresses_are_refused)
{
    struct mm *mm = begin_mm();
    char buffer[16];
    uint64_t limit = user_limit(mm);
    ck_assert_int_eq(copy_from_user(buffer, limit, 16), -EFAULT);
    ck_assert_int_eq(copy_from_user(buffer, UINT64_MAX - 8, 16), -EFAULT);
    ck_assert_int_eq(copy_to_user((uint64_t)(uintptr_t)buffer | 1ull << 63, buffer, 16), -EFAULT);
    ck_assert_uint_eq(copy_from_user_partial(buffer, limit - 8, 16), 0);
    ck_assert_int_eq(copy_string_from_user(buffer, limit, 16), -EFAULT);
    ck_assert_int_eq(copy_to_user(limit, buffer, 0), 0);
    end_mm(mm);
}

MACHINE_TEST(strings_cross_pages_and_have_limits)
{
    struct mm *mm = begin_mm();
    char buffer[64];
    map_anon(mm, BASE, 2 * PAGE_SIZE, RW);
    uint64_t at = BASE + PAGE_SIZE - 3;
    ck_assert_int_eq(copy_to_user(at, "abcdef", 7), 0);
    ck_assert_int_eq(copy_string_from_user(buffer, at, sizeof(buffer)), 6);
    ck_assert_str_eq(buffer, "abcdef");
    ck_assert_int_eq(copy_string_from_user(buffer, at, 7), 6);
    ck_assert_int_eq(copy_string_from_user(buffer, at, 6), -ENAMETOOLONG);
    at = BASE + 2 * PAGE_SIZE - 3;
    ck_assert_int_eq(copy_to_user(at, "abc", 3), 0);
    ck_assert_int_eq(copy_string_from_user(buffer, at, sizeof(buffer)), -EFAULT);
    end_mm(mm);
}

MACHINE_TEST(extensible_structs_follow_the_size_rules)
{
    struct mm *mm = begin_mm();
    uint64_t value[4] = {1, 2, 0, 0}, out[2];
    map_anon(mm, BASE, PAGE_SIZE, RW);
    ck_assert_int_eq(copy_to_user(BASE, value, sizeof(value)), 0);
    ck_assert_int_eq(copy_struct_from_user(out, 16, BASE, 7, 8), -EINVAL);
    out[1] = 99;
    ck_assert_int_eq(copy_struct_from_user(out, 16, BASE, 8, 8), 0);
    ck_assert_uint_eq(out[0], 1);
    ck_assert_uint_eq(out[1], 0);
    ck_assert_int_eq(copy_struct_from_user(out, 16, BASE, 32, 8), 0);
    ck_assert_uint_eq(out[1], 2);
    poke(BASE + 28, 1);
    ck_assert_int_eq(copy_struct_from_user(out, 16, BASE, 32, 8), -E2BIG);
    ck_assert_int_eq(copy_struct_from_user(out, 16, BASE, 5000, 8), -E2BIG);
    ck_assert_int_eq(copy_struct_from_user(out, 16, BASE + PAGE_SIZE, 16, 8), -EFAULT);
    end_mm(mm);
}

MACHINE_TEST(compare_and_exchange_resolves_copy_on_write)
{
    struct mm *mm = begin_mm(), *child;
    uint32_t old;
    map_anon(mm, BASE, PAGE_SIZE, RW);
    poke(BASE, 5);
    ck_assert_int_eq(mm_fork(mm, &child), 0);
    ck_assert_int_eq(cmpxchg_user_u32(BASE, 5, 6, &old), 0);
    ck_assert_uint_eq(old, 5);
    ck_assert_int_eq(cmpxchg_user_u32(BASE, 5, 7, &old), 0);
    ck_assert_uint_eq(old, 6);
    ck_assert_int_eq(cmpxchg_user_u32(BASE + 2, 5, 7, &old), -EINVAL);
    ck_assert_int_eq(cmpxchg_user_u32(BASE + PAGE_SIZE, 5, 7, &old), -EFAULT);
    use_mm(child);
    ck_assert_uint_eq(peek(BASE), 5);
    end_mm(child);
    end_mm(mm);
}

MACHINE_TEST(private_futex_keys_differ_between_address_spaces)
{
    struct mm *mm = begin_mm(), *child;
    struct futex_key a, b;
    map_anon(mm, BASE, PAGE_SIZE, RW);
    ck_assert_int_eq(mm_fork(mm, &child), 0);
    ck_assert_int_eq(futex_key_get(BASE, true, &a), 0);
    ck_assert_int_eq(futex_key_get(BASE, false, &b), 0);
    ck_assert(a.object == b.object && a.offset == b.offset);
    ck_assert_int_eq(futex_key_get(BASE + PAGE_SIZE, false, &b), -EFAULT);
    use_mm(child);
    ck_assert_int_eq(futex_key_get(BASE, false, &b), 0);
    ck_assert_uint_ne(a.object, b.object);
    end_mm(child);
    end_mm(mm);
}

/* ---- uio ---- */

MACHINE_TEST(random_segments_transfer_like_one_buffer)
{
    enum { SIZE = 4000 };
    static char model[SIZE], area[SIZE], taken[SIZE];
    struct uio_segment segments[20];
    struct prng prng;
    prng_seed(&prng, (uint64_t)_i);
    for (unsigned round = 0; round < 200; round++) {
        size_t total = 0, count = 0;
        while (count < 20) {
            size_t part = MIN((size_t)prng_below(&prng, 300), SIZE - total);
            segments[count++] = (struct uio_segment){(uintptr_t)area + total, part};
            total += part;
        }
        struct uio uio;
        uio_init_segments(&uio, segments, count);
        uio.kernel = true;
        prng_bytes(&prng, model, total);
        size_t done = 0;
        while (uio.remaining) {
            size_t part = (size_t)prng_below(&prng, 500);
            size_t put = uio_copy_to(&uio, model + done, MIN(part, total - done));
            done += put;
            if (prng_below(&prng, 3) == 0) {
                size_t back = (size_t)prng_below(&prng, done + 1);
                uio_revert(&uio, back);
                done -= back;
            }
            ck_assert_uint_eq(uio.remaining, total - done);
        }
        ck_assert_int_eq(memcmp(model, area, total), 0);
        uio_init_segments(&uio, segments, count);
        uio.kernel = true;
        size_t skip = (size_t)prng_below(&prng, total + 1);
        uio_advance(&uio, skip);
        ck_assert_uint_eq(uio_copy_from(taken, &uio, SIZE), total - skip);
        ck_assert_int_eq(memcmp(taken, model + skip, total - skip), 0);
    }
}

MACHINE_TEST(import_checks_counts_sizes_and_addresses)
{
    struct mm *mm = begin_mm();
    map_anon(mm, BASE, 8 * PAGE_SIZE, RW);
    struct uio uio;
    struct uio_segment stack[UIO_FAST], *allocated;
    struct uio_segment vec[2] = {{BASE + PAGE_SIZE, 10}, {BASE + 2 * PAGE_SIZE, 20}};
    ck_assert_int_eq(copy_to_user(BASE, vec, sizeof(vec)), 0);
    ck_assert_int_eq(uio_import(&uio, BASE, 2, stack, &allocated), 0);
    ck_assert_uint_eq(uio.remaining, 30);
    ck_assert_ptr_null(allocated);
    ck_assert_uint_eq(uio_copy_to(&uio, "0123456789abcdefghij", 20), 20);
    ck_assert_uint_eq(uio_zero(&uio, 100), 10);
    ck_assert_uint_eq(peek(BASE + 2 * PAGE_SIZE + 4), 0x68676665);

    ck_assert_int_eq(uio_import(&uio, BASE, UIO_SEGMENTS_MAX + 1, stack, &allocated), -EINVAL);
    ck_assert_int_eq(uio_import(&uio, BASE + 8 * PAGE_SIZE, 1, stack, &allocated), -EFAULT);
    ck_assert_int_eq(uio_import(&uio, BASE + PAGE_SIZE * 4, 100, stack, &allocated), 0);
    ck_assert_ptr_nonnull(allocated);
    kfree(allocated);

    vec[0].bytes = UINT64_MAX;
    ck_assert_int_eq(copy_to_user(BASE, vec, sizeof(vec)), 0);
    ck_assert_int_eq(uio_import(&uio, BASE, 2, stack, &allocated), -EINVAL);
    vec[0].bytes = vec[1].bytes = 0x7fffffff;
    ck_assert_int_eq(copy_to_user(BASE, vec, sizeof(vec)), 0);
    ck_assert_int_eq(uio_import(&uio, BASE, 2, stack, &allocated), 0);
    ck_assert_uint_eq(uio.remaining, MAX_RW_COUNT);
    vec[0].base = 1ull << 63;
    ck_assert_int_eq(copy_to_user(BASE, vec, sizeof(vec)), 0);
    ck_assert_int_eq(uio_import(&uio, BASE, 2, stack, &allocated), -EFAULT);
    end_mm(mm);
}

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, copies_resolve_faults_and_stop_at_holes);
    tcase_add_test(tcase, kernel_and_wrapping_addresses_are_refused);
    tcase_add_test(tcase, strings_cross_pages_and_have_limits);
    tcase_add_test(tcase, extensible_structs_follow_the_size_rules);
    tcase_add_test(tcase, compare_and_exchange_resolves_copy_on_write);
    tcase_add_test(tcase, private_futex_keys_differ_between_address_spaces);
    tcase_add_loop_test(tcase, random_segments_transfer_like_one_buffer, 0, 3);
    tcase_add_test(tcase, import_checks_counts_sizes_and_addresses);
}

static Suite *suite(void)
{
    return unit_suite("mm/uaccess", add_tests);
}

UNIT_MAIN(suite)
