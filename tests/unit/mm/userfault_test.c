/* SPDX-License-Identifier: MIT */
/* kernel/mm/userfault.c, userfault_fill.c: registering, filling and protecting pages. */
#include "kernel/mm/userfault.h"

#include "tests/unit/mm/mm_fixture.h"

#define BASE 0x10000000ull
#define SOURCE 0x20000000ull

static struct userfault *begin_userfault(void)
{
    struct userfault *uffd;
    ck_assert_int_eq(userfault_create(true, &uffd), 0);
    return uffd;
}

static const uint64_t both = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;

MACHINE_TEST(registering_splits_and_unregistering_joins)
{
    struct mm *mm = begin_mm();
    struct userfault *uffd = begin_userfault(), *other = begin_userfault();
    map_anon(mm, BASE, 16 * PAGE_SIZE, RW);
    ck_assert_int_eq(userfault_register(uffd, BASE + 4 * PAGE_SIZE, 4 * PAGE_SIZE, both), 0);
    ck_assert_uint_eq(mm->vma_count, 3);
    ck_assert_int_eq(userfault_register(uffd, BASE + 8 * PAGE_SIZE, PAGE_SIZE, both), 0);
    ck_assert_uint_eq(mm->vma_count, 3); /* joined */
    ck_assert_int_eq(userfault_register(uffd, BASE + 4 * PAGE_SIZE, PAGE_SIZE, both), 0);
    ck_assert_int_eq(userfault_register(other, BASE, 16 * PAGE_SIZE, both), -EBUSY);
    ck_assert_int_eq(userfault_register(other, BASE, PAGE_SIZE, both), 0);
    ck_assert_int_eq(userfault_register(other, BASE - PAGE_SIZE, PAGE_SIZE, both), -EINVAL);
    ck_assert_uint_eq(mm->vma_count, 4);
    ck_assert_int_eq(userfault_unregister(uffd, BASE, 16 * PAGE_SIZE), 0); /* whosever it is */
    ck_assert_uint_eq(mm->vma_count, 1);
    ck_assert_int_eq(userfault_register(other, BASE, PAGE_SIZE, both), 0);
    userfault_release(other);
    ck_assert_uint_eq(mm->vma_count, 1);
    userfault_release(uffd);
    end_mm(mm);
}

MACHINE_TEST(pages_are_filled_and_protected)
{
    struct mm *mm = begin_mm();
    struct userfault *uffd = begin_userfault();
    map_anon(mm, BASE, 8 * PAGE_SIZE, RW);
    map_anon(mm, SOURCE, 8 * PAGE_SIZE, RW);
    poke(SOURCE, 0x11111111);
    ck_assert_int_eq(userfault_copy(uffd, BASE, SOURCE, PAGE_SIZE, false), -ENOENT);
    ck_assert_int_eq(userfault_register(uffd, BASE, 8 * PAGE_SIZE, both), 0);
    /* For user faults only: the kernel's copies fail. */
    ck_assert_int_eq(put_user_u32(BASE, 1), -EFAULT);
    ck_assert_int_eq(userfault_copy(uffd, BASE, SOURCE, 2 * PAGE_SIZE, true), 2 * PAGE_SIZE);
    ck_assert_int_eq(userfault_copy(uffd, BASE, SOURCE, PAGE_SIZE, false), -EEXIST);
    ck_assert_int_eq(userfault_zero(uffd, BASE + 2 * PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
    ck_assert_uint_eq(peek(BASE), 0x11111111);
    ck_assert_int_eq(put_user_u32(BASE, 1), -EFAULT); /* protected */
    poke(BASE + 2 * PAGE_SIZE, 2);
    ck_assert_int_eq(userfault_protect(uffd, BASE, 3 * PAGE_SIZE, false), 0);
    poke(BASE, 3);
    poke(BASE + PAGE_SIZE, 4);
    ck_assert_int_eq(userfault_protect(uffd, BASE, 8 * PAGE_SIZE, true), 0);
    ck_assert_int_eq(put_user_u32(BASE, 1), -EFAULT);
    ck_assert_int_eq(mm_protect(mm, BASE, 8 * PAGE_SIZE, VMA_READ), 0);
    ck_assert_int_eq(mm_protect(mm, BASE, 8 * PAGE_SIZE, VMA_READ | VMA_WRITE), 0);
    ck_assert_int_eq(put_user_u32(BASE, 1), -EFAULT);
    ck_assert_int_eq(mm_access_remote(mm, BASE, "x", 1, true, true), -EFAULT);

    struct mm *child; /* is registered with nobody, nor protected */
    ck_assert_int_eq(mm_fork(mm, &child), 0);
    use_mm(child);
    poke(BASE, 9);
    ck_assert_uint_eq(peek(BASE + 7 * PAGE_SIZE), 0);
    use_mm(mm);
    mm_put(child);
    ck_assert_uint_eq(peek(BASE), 3);
    userfault_release(uffd);
    poke(BASE, 5);
    poke(BASE + 7 * PAGE_SIZE, 6);
    end_mm(mm);
}

MACHINE_TEST(context_outlives_the_address_space)
{
    struct mm *mm = begin_mm();
    struct userfault *uffd = begin_userfault();
    map_anon(mm, BASE, 2 * PAGE_SIZE, RW);
    ck_assert_int_eq(userfault_register(uffd, BASE, PAGE_SIZE, both), 0);
    end_mm(mm);
    ck_assert_int_eq(userfault_copy(uffd, BASE, SOURCE, PAGE_SIZE, false), -ESRCH);
    ck_assert_int_eq(userfault_protect(uffd, BASE, PAGE_SIZE, true), -ESRCH);
    ck_assert_int_eq(userfault_register(uffd, BASE, PAGE_SIZE, both), -ENOMEM);
    userfault_release(uffd);
}

MACHINE_TEST(every_step_survives_failure_of_nth_allocation)
{
    struct fault_injection faults;
    struct mm *mm = begin_mm();
    struct userfault *uffd = NULL;
    map_anon(mm, BASE, 4 * PAGE_SIZE, RW);
    map_anon(mm, SOURCE, PAGE_SIZE, RW);
    poke(SOURCE, 7);
    fail_allocation(&faults, (uint64_t)_i);
    int error = userfault_create(true, &uffd);
    if (!error)
        error = userfault_register(uffd, BASE + PAGE_SIZE, 2 * PAGE_SIZE, both);
    if (!error) {
        int64_t done = userfault_copy(uffd, BASE + PAGE_SIZE, SOURCE, PAGE_SIZE, false);
        error = done < 0 ? (int)done : 0;
    }
    if (!error) {
        int64_t done = userfault_zero(uffd, BASE + 2 * PAGE_SIZE, PAGE_SIZE);
        error = done < 0 ? (int)done : 0;
    }
    fail_allocation(&faults, 0);
    ck_assert(error == 0 || error == -ENOMEM);
    if (!error) {
        ck_assert_uint_eq(peek(BASE + PAGE_SIZE), 7);
        ck_assert_uint_eq(peek(BASE + 2 * PAGE_SIZE), 0);
    }
    if (uffd)
        userfault_release(uffd);
    poke(BASE + 3 * PAGE_SIZE, 1);
    end_mm(mm);
}

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, registering_splits_and_unregistering_joins);
    tcase_add_test(tcase, pages_are_filled_and_protected);
    tcase_add_test(tcase, context_outlives_the_address_space);
    tcase_add_loop_test(tcase, every_step_survives_failure_of_nth_allocation, 1, 20);
}

static Suite *suite(void)
{
    return unit_suite("mm/userfault", add_tests);
}

UNIT_MAIN(suite)
