/* SPDX-License-Identifier: MIT */
/* kernel/mm/commit.c: what counts as committed memory, and what is refused. */
#include "kernel/mm/shared_anon.h"
#include "tests/unit/mm/mm_fixture.h"

#define BASE 0x10000000ull

static uint64_t committed(void)
{
    return mm_committed(this_kernel());
}

MACHINE_TEST(private_writable_memory_counts_from_its_first_write_permission)
{
    struct mm *mm = begin_mm();
    uint64_t before = committed();
    map_anon(mm, BASE, 64 * KIB, VMA_READ | VMA_MAY_ALL);
    map_anon(mm, BASE + MIB, 64 * KIB, RW | VMA_NORESERVE);
    ck_assert_uint_eq(committed(), before);
    ck_assert_int_eq(mm_protect(mm, BASE, 32 * KIB, RW), 0);
    ck_assert_uint_eq(committed(), before + 8);
    ck_assert_int_eq(mm_protect(mm, BASE, 32 * KIB, VMA_READ), 0);
    ck_assert_uint_eq(committed(), before + 8); /* it may hold something */
    ck_assert_int_eq(mm_unmap(mm, BASE + 16 * KIB, MIB), 0);
    ck_assert_uint_eq(committed(), before + 4);
    struct mm *child;
    ck_assert_int_eq(mm_fork(mm, &child), 0);
    ck_assert_uint_eq(committed(), before + 8);
    mm_put(child);
    ck_assert_uint_eq(committed(), before + 4);
    end_mm(mm);
}

MACHINE_TEST(strict_accounting_refuses_what_is_promised_already)
{
    struct mm_limits *limits = mm_limits(this_kernel());
    struct mm *mm = begin_mm();
    limits->overcommit = MM_OVERCOMMIT_NEVER;
    limits->overcommit_ratio = 100;
    uint64_t limit = mm_commit_limit(this_kernel());
    uint64_t bytes = limit / 4 * 3 * PAGE_SIZE;
    map_anon(mm, BASE, bytes, RW | VMA_NORESERVE); /* which is not honoured */
    ck_assert_uint_ge(committed(), limit / 4 * 3);
    struct mm_map_request request = {.bytes = bytes, .vma_flags = RW};
    uint64_t addr;
    ck_assert_int_eq(mm_map(mm, &request, &addr), -ENOMEM);
    request.vma_flags |= VMA_SHARED;
    ck_assert_int_eq(mm_map(mm, &request, &addr), -ENOMEM);
    struct mm *child;
    ck_assert_int_eq(mm_fork(mm, &child), -ENOMEM);
    ck_assert_int_eq(mm_remap(mm, BASE, PAGE_SIZE, bytes, MREMAP_MAYMOVE, 0, &addr), -ENOMEM);
    limits->overcommit = MM_OVERCOMMIT_ALWAYS;
    ck_assert_int_eq(mm_map(mm, &request, &addr), 0);
    limits->overcommit = MM_OVERCOMMIT_GUESS;
    end_mm(mm);
}

MACHINE_TEST(shared_memory_counts_as_long_as_it_exists)
{
    struct shared_anon *object;
    uint64_t before = committed();
    ck_assert_int_eq(shared_anon_create(this_kernel(), 10 * PAGE_SIZE + 1, true, &object), 0);
    ck_assert_uint_eq(committed(), before + 11);
    shared_anon_put(object);
    ck_assert_uint_eq(committed(), before);
    ck_assert_int_eq(shared_anon_create(this_kernel(), 10 * PAGE_SIZE, false, &object), 0);
    ck_assert_uint_eq(committed(), before);
    shared_anon_put(object);
    ck_assert_int_eq(shared_anon_create(this_kernel(), 1ull << 40, true, &object), -ENOMEM);
}

MACHINE_TEST(number_of_mappings_is_limited)
{
    struct mm *mm = begin_mm();
    mm_limits(this_kernel())->vmas_max = 10;
    map_anon(mm, BASE, MIB, VMA_READ | VMA_MAY_ALL);
    unsigned splits = 0;
    while (mm_protect(mm, BASE + (2 * splits + 1) * (uint64_t)PAGE_SIZE, PAGE_SIZE, 0) == 0)
        splits++;
    ck_assert_uint_ge(mm->vma_count, 9);
    ck_assert_uint_le(mm->vma_count, 10);
    ck_assert_int_eq(mm_unmap(mm, BASE + 512 * KIB, PAGE_SIZE), -ENOMEM);
    ck_assert_int_eq(mm_unmap(mm, BASE + MIB - PAGE_SIZE, PAGE_SIZE), 0);
    end_mm(mm);
}

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, private_writable_memory_counts_from_its_first_write_permission);
    tcase_add_test(tcase, strict_accounting_refuses_what_is_promised_already);
    tcase_add_test(tcase, shared_memory_counts_as_long_as_it_exists);
    tcase_add_test(tcase, number_of_mappings_is_limited);
}

static Suite *suite(void)
{
    return unit_suite("mm/commit", add_tests);
}

UNIT_MAIN(suite)
