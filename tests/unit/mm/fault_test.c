/* SPDX-License-Identifier: MIT */
/* kernel/mm/fault.c, stack.c, fork.c, table.c, gather.c: demand paging and copy-on-write. */
#include "tests/unit/mm/mm_fixture.h"

#define BASE 0x10000000ull

static uint64_t resident(const struct mm *mm)
{
    return mm->resident_anon + mm->resident_file;
}

MACHINE_TEST(untouched_memory_reads_zero_and_keeps_what_is_written)
{
    struct mm *mm = begin_mm();
    map_anon(mm, BASE, 64 * KIB, RW);
    ck_assert_uint_eq(resident(mm), 0);
    for (unsigned i = 0; i < 16; i++)
        ck_assert_uint_eq(peek(BASE + i * PAGE_SIZE + 8), 0);
    for (unsigned i = 0; i < 16; i++)
        poke(BASE + i * PAGE_SIZE, i + 1);
    for (unsigned i = 0; i < 16; i++)
        ck_assert_uint_eq(peek(BASE + i * PAGE_SIZE), i + 1);
    ck_assert_uint_eq(resident(mm), 16);
    end_mm(mm);
}

MACHINE_TEST(reading_a_large_sparse_area_takes_no_memory)
{
    struct mm *mm = begin_mm();
    map_anon(mm, BASE, 16 * MIB, RW);
    for (unsigned i = 0; i < 256; i++)
        ck_assert_uint_eq(peek(BASE + i * 64 * KIB), 0);
    ck_assert_uint_eq(resident(mm), 0);
    poke(BASE + 64 * KIB, 5);
    ck_assert_uint_eq(peek(BASE + 64 * KIB), 5);
    ck_assert_uint_eq(peek(BASE + 128 * KIB), 0);
    ck_assert_uint_eq(resident(mm), 1);
    end_mm(mm);
}

MACHINE_TEST(allocation_ahead_wastes_at_most_half)
{
    struct mm *mm = begin_mm();
    map_anon(mm, BASE, 4 * MIB, RW);
    for (unsigned touched = 1; touched <= 512; touched++) {
        poke(BASE + (touched - 1) * (uint64_t)PAGE_SIZE, touched);
        ck_assert_uint_ge(resident(mm), touched);
        ck_assert_uint_le(resident(mm), 2 * touched);
    }
    /* Scattered accesses get nothing ahead. */
    map_anon(mm, BASE + 16 * MIB, 4 * MIB, RW);
    uint64_t before = resident(mm);
    for (unsigned i = 0; i < 64; i++)
        poke(BASE + 16 * MIB + (uint64_t)i * 8 * PAGE_SIZE, 1);
    ck_assert_uint_eq(resident(mm), before + 64);
    end_mm(mm);
}

MACHINE_TEST(errors_tell_missing_from_forbidden)
{
    struct mm *mm = begin_mm();
    map_anon(mm, BASE, PAGE_SIZE, VMA_READ | VMA_MAY_ALL);
    map_anon(mm, BASE + 2 * PAGE_SIZE, PAGE_SIZE, VMA_MAY_ALL);
    ck_assert_int_eq(mm_handle_fault(mm, BASE, MM_READ), 0);
    ck_assert_int_eq(mm_handle_fault(mm, BASE, MM_WRITE), -EACCES);
    ck_assert_int_eq(mm_handle_fault(mm, BASE, MM_EXEC), -EACCES);
    ck_assert_int_eq(mm_handle_fault(mm, BASE + PAGE_SIZE, MM_READ), -EFAULT);
    ck_assert_int_eq(mm_handle_fault(mm, BASE + 2 * PAGE_SIZE, MM_READ), -EACCES);
    ck_assert_int_eq(mm_handle_fault(mm, user_limit(mm), MM_READ), -EFAULT);
    ck_assert_int_eq(mm_handle_fault(mm, UINT64_MAX, MM_READ), -EFAULT);
    ck_assert_int_eq(put_user_u32(BASE, 1), -EFAULT);
    end_mm(mm);
}

MACHINE_TEST(write_only_memory_can_be_read_as_on_x86)
{
    struct mm *mm = begin_mm();
    map_anon(mm, BASE, PAGE_SIZE, VMA_WRITE | VMA_MAY_ALL);
    poke(BASE, 7);
    ck_assert_uint_eq(peek(BASE), 7);
    end_mm(mm);
}

MACHINE_TEST(fork_shares_until_either_side_writes)
{
    struct mm *parent = begin_mm(), *child;
    map_anon(parent, BASE, 256 * KIB, RW);
    for (unsigned i = 0; i < 64; i++)
        poke(BASE + i * PAGE_SIZE, i);
    ck_assert_int_eq(mm_fork(parent, &child), 0);
    ck_assert_uint_eq(resident(child), resident(parent));
    struct page_counts shared, after;
    page_count(this_kernel(), &shared);
    poke(BASE, 100);
    use_mm(child);
    ck_assert_uint_eq(peek(BASE), 0);
    poke(BASE + PAGE_SIZE, 200);
    poke(BASE + 2 * PAGE_SIZE, 300);
    use_mm(parent);
    page_count(this_kernel(), &after);
    ck_assert_uint_eq(after.anon, shared.anon + 3);
    ck_assert_uint_eq(peek(BASE), 100);
    ck_assert_uint_eq(peek(BASE + PAGE_SIZE), 1);
    mm_put(child);
    /* Ours alone again: no more copies. */
    page_count(this_kernel(), &shared);
    for (unsigned i = 0; i < 64; i++)
        poke(BASE + i * PAGE_SIZE, i + 1000);
    page_count(this_kernel(), &after);
    ck_assert_uint_eq(after.anon, shared.anon);
    end_mm(parent);
}

MACHINE_TEST(fork_obeys_dontfork_and_wipeonfork)
{
    struct mm *parent = begin_mm(), *child;
    map_anon(parent, BASE, 3 * PAGE_SIZE, RW);
    for (unsigned i = 0; i < 3; i++)
        poke(BASE + i * PAGE_SIZE, 9);
    ck_assert_int_eq(mm_advise(parent, BASE, PAGE_SIZE, MADV_DONTFORK), 0);
    ck_assert_int_eq(mm_advise(parent, BASE + PAGE_SIZE, PAGE_SIZE, MADV_WIPEONFORK), 0);
    ck_assert_int_eq(mm_fork(parent, &child), 0);
    use_mm(child);
    uint32_t value;
    ck_assert_int_eq(get_user_u32(&value, BASE), -EFAULT);
    ck_assert_uint_eq(peek(BASE + PAGE_SIZE), 0);
    ck_assert_uint_eq(peek(BASE + 2 * PAGE_SIZE), 9);
    end_mm(child);
    end_mm(parent);
}

MACHINE_TEST(grandchildren_keep_their_own_view)
{
    enum { GENERATIONS = 6 };
    struct mm *mms[GENERATIONS] = {begin_mm()};
    map_anon(mms[0], BASE, 16 * PAGE_SIZE, RW);
    for (unsigned g = 0; g < GENERATIONS; g++) {
        use_mm(mms[g]);
        poke(BASE + g * PAGE_SIZE, g + 1);
        if (g + 1 < GENERATIONS)
            ck_assert_int_eq(mm_fork(mms[g], &mms[g + 1]), 0);
    }
    for (unsigned g = 0; g < GENERATIONS; g++) {
        use_mm(mms[g]);
        for (unsigned i = 0; i < GENERATIONS; i++)
            ck_assert_uint_eq(peek(BASE + i * PAGE_SIZE), i <= g ? i + 1 : 0);
    }
    use_mm(NULL);
    for (unsigned g = 0; g < GENERATIONS; g += 2)
        mm_put(mms[g]);
    for (unsigned g = 1; g < GENERATIONS; g += 2)
        mm_put(mms[g]);
}

MACHINE_TEST(stack_grows_down_to_its_limit)
{
    struct mm *mm = begin_mm();
    uint64_t top = BASE + 64 * MIB;
    mm->limit_stack = MIB;
    ck_assert_int_eq(mm_map_stack(mm, top, 64 * KIB, false), 0);
    for (uint64_t at = top - 8; at > top - MIB; at -= PAGE_SIZE)
        poke(ALIGN_DOWN(at, 4), 3);
    uint32_t value;
    ck_assert_int_eq(get_user_u32(&value, top - MIB - PAGE_SIZE), -EFAULT);
    ck_assert_uint_eq(resident(mm), MIB / PAGE_SIZE);
    ck_assert_uint_eq(mm->total_pages, MIB / PAGE_SIZE);
    end_mm(mm);
}

MACHINE_TEST(stack_stops_above_other_memory)
{
    struct mm *mm = begin_mm();
    uint64_t top = BASE + 64 * MIB, guard = MM_STACK_GUARD_PAGES * (uint64_t)PAGE_SIZE;
    ck_assert_int_eq(mm_map_stack(mm, top, PAGE_SIZE, false), 0);
    map_anon(mm, top - 4 * MIB, PAGE_SIZE, RW);
    uint64_t lowest = top - 4 * MIB + PAGE_SIZE + guard;
    ck_assert_int_eq(mm_handle_fault(mm, lowest - PAGE_SIZE, MM_WRITE), -EFAULT);
    ck_assert_int_eq(mm_handle_fault(mm, lowest, MM_WRITE), 0);
    end_mm(mm);
}

MACHINE_TEST(protect_none_keeps_contents)
{
    struct mm *mm = begin_mm();
    map_anon(mm, BASE, 32 * PAGE_SIZE, RW);
    for (unsigned i = 0; i < 32; i++)
        poke(BASE + i * PAGE_SIZE, i + 50);
    ck_assert_int_eq(mm_protect(mm, BASE, 16 * PAGE_SIZE, 0), 0);
    uint32_t value;
    ck_assert_int_eq(get_user_u32(&value, BASE), -EFAULT);
    ck_assert_uint_eq(resident(mm), 32);
    ck_assert_int_eq(mm_protect(mm, BASE, 16 * PAGE_SIZE, VMA_READ), 0);
    for (unsigned i = 0; i < 32; i++)
        ck_assert_uint_eq(peek(BASE + i * PAGE_SIZE), i + 50);
    ck_assert_int_eq(put_user_u32(BASE, 1), -EFAULT);
    ck_assert_int_eq(mm_protect(mm, BASE, 16 * PAGE_SIZE, VMA_READ | VMA_WRITE), 0);
    poke(BASE, 1);
    ck_assert_uint_eq(peek(BASE + PAGE_SIZE), 51);
    ck_assert_uint_eq(mm->vma_count, 1);
    end_mm(mm);
}

MACHINE_TEST(protect_after_fork_does_not_break_the_sharing)
{
    struct mm *parent = begin_mm(), *child;
    map_anon(parent, BASE, 4 * PAGE_SIZE, RW);
    for (unsigned i = 0; i < 4; i++)
        poke(BASE + i * PAGE_SIZE, i + 1);
    ck_assert_int_eq(mm_fork(parent, &child), 0);
    ck_assert_int_eq(mm_protect(parent, BASE, 4 * PAGE_SIZE, VMA_READ), 0);
    ck_assert_int_eq(mm_protect(parent, BASE, 4 * PAGE_SIZE, VMA_READ | VMA_WRITE), 0);
    poke(BASE, 77);
    use_mm(child);
    ck_assert_uint_eq(peek(BASE), 1);
    end_mm(child);
    end_mm(parent);
}

MACHINE_TEST(dontneed_and_unmap_give_pages_back_at_once)
{
    struct mm *mm = begin_mm();
    map_anon(mm, BASE, 8 * MIB, RW);
    struct leak_check check = leak_check_begin();
    ck_assert_int_eq(mm_populate(mm, BASE, 8 * MIB), 0);
    ck_assert_uint_eq(resident(mm), 2048);
    poke(BASE + PAGE_SIZE, 4);
    ck_assert_int_eq(mm_advise(mm, BASE, 8 * MIB, MADV_DONTNEED), 0);
    ck_assert_uint_eq(resident(mm), 0);
    ck_assert_uint_eq(slab_live_objects(this_kernel()), check.objects);
    ck_assert_uint_eq(peek(BASE + PAGE_SIZE), 0);
    ck_assert_int_eq(mm_unmap(mm, BASE + PAGE_SIZE, 4 * MIB), 0);
    ck_assert_int_eq(mm_handle_fault(mm, BASE + PAGE_SIZE, MM_READ), -EFAULT);
    end_mm(mm);
}

MACHINE_TEST(exhausted_memory_is_an_error_and_everything_comes_back)
{
    struct mm *mm = begin_mm();
    map_anon(mm, BASE, 40 * MIB, RW);
    map_anon(mm, BASE + 40 * MIB, 40 * MIB, RW);
    uint64_t at = BASE;
    while (put_user_u32(at, 1) == 0)
        at += PAGE_SIZE;
    ck_assert_uint_gt(at, BASE + 40 * MIB);
    ck_assert_int_eq(mm_handle_fault(mm, at, MM_WRITE), -ENOMEM);
    struct page *page = page_alloc(0, 0); /* the kernel still has its reserve */
    ck_assert_ptr_nonnull(page);
    page_put(page);
    end_mm(mm);
}

/* Everything a small program does, with the n-th allocation failing. Returns the first error. */
static int small_life(struct mm **mm, struct mm **child)
{
    int error = mm_create(this_kernel(), mm);
    if (error)
        return error;
    use_mm(*mm);
    uint64_t addr;
    const struct mm_map_request request = {
        .addr = BASE,
        .bytes = 512 * KIB,
        .vma_flags = RW,
        .fixed = true,
    };
    error = mm_map(*mm, &request, &addr);
    for (unsigned i = 0; i < 128 && !error; i++)
        error = put_user_u32(BASE + i * (uint64_t)PAGE_SIZE, i + 1);
    if (!error)
        error = mm_protect(*mm, BASE + 64 * KIB, 64 * KIB, VMA_READ);
    if (!error)
        error = mm_fork(*mm, child);
    if (!error)
        error = put_user_u32(BASE, 5);
    if (!error)
        error = mm_remap(*mm, BASE, 64 * KIB, 128 * KIB, MREMAP_MAYMOVE, 0, &addr);
    if (!error)
        error = mm_unmap(*mm, BASE + 256 * KIB, 64 * KIB);
    return error;
}

MACHINE_TEST(every_step_survives_failure_of_nth_allocation)
{
    struct fault_injection faults;
    struct mm *mm = NULL, *child = NULL;
    fail_allocation(&faults, (uint64_t)_i);
    int error = small_life(&mm, &child);
    bool hit = faults.failed;
    fail_allocation(&faults, 0);
    use_mm(NULL);
    mm_put(child);
    mm_put(mm);
    /* Optional allocations (ahead, in blocks) may fail without an error. */
    ck_assert(error == 0 || error == -ENOMEM || error == -EFAULT);
    ck_assert(hit || error == 0);
    if (_i == 119)
        ck_assert(!hit);
}

MACHINE_TEST(remote_access_copies_and_breaks_sharing_when_forced)
{
    struct mm *mm = begin_mm(), *child;
    map_anon(mm, BASE, 4 * PAGE_SIZE, RW);
    char buffer[5000], back[5000];
    memset(buffer, 0x5a, sizeof(buffer));
    ck_assert_int_eq(mm_access_remote(mm, BASE + 100, buffer, 5000, true, false), 5000);
    ck_assert_int_eq(mm_access_remote(mm, BASE + 100, back, 5000, false, false), 5000);
    ck_assert_mem_eq(buffer, back, 5000);
    ck_assert_int_eq(mm_access_remote(mm, BASE + 3 * PAGE_SIZE, back, 5000, false, false), 4096);
    ck_assert_int_eq(mm_access_remote(mm, BASE + 4 * PAGE_SIZE, back, 1, false, false), -EFAULT);

    ck_assert_int_eq(mm_protect(mm, BASE, 4 * PAGE_SIZE, VMA_READ), 0);
    ck_assert_int_eq(mm_fork(mm, &child), 0);
    ck_assert_int_eq(mm_access_remote(child, BASE + 100, "x", 1, true, false), -EFAULT);
    ck_assert_int_eq(mm_access_remote(child, BASE + 100, "x", 1, true, true), 1);
    ck_assert_uint_eq(peek(BASE + 100), 0x5a5a5a5a);
    ck_assert_int_eq(put_user_u32(BASE + 100, 1), -EFAULT);
    use_mm(child);
    ck_assert_uint_eq(peek(BASE + 100), 0x5a5a5a78);
    ck_assert_int_eq(put_user_u32(BASE + 100, 1), -EFAULT);
    end_mm(child);
    end_mm(mm);
}

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, untouched_memory_reads_zero_and_keeps_what_is_written);
    tcase_add_test(tcase, reading_a_large_sparse_area_takes_no_memory);
    tcase_add_test(tcase, allocation_ahead_wastes_at_most_half);
    tcase_add_test(tcase, errors_tell_missing_from_forbidden);
    tcase_add_test(tcase, write_only_memory_can_be_read_as_on_x86);
    tcase_add_test(tcase, fork_shares_until_either_side_writes);
    tcase_add_test(tcase, fork_obeys_dontfork_and_wipeonfork);
    tcase_add_test(tcase, grandchildren_keep_their_own_view);
    tcase_add_test(tcase, stack_grows_down_to_its_limit);
    tcase_add_test(tcase, stack_stops_above_other_memory);
    tcase_add_test(tcase, protect_none_keeps_contents);
    tcase_add_test(tcase, protect_after_fork_does_not_break_the_sharing);
    tcase_add_test(tcase, dontneed_and_unmap_give_pages_back_at_once);
    tcase_add_test(tcase, exhausted_memory_is_an_error_and_everything_comes_back);
    tcase_add_loop_test(tcase, every_step_survives_failure_of_nth_allocation, 1, 120);
    tcase_add_test(tcase, remote_access_copies_and_breaks_sharing_when_forced);
}

static Suite *suite(void)
{
    return unit_suite("mm/fault", add_tests);
}

UNIT_MAIN(suite)
