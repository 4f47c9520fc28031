/* SPDX-License-Identifier: MIT
 *
 * The software page table, the user copies that walk it, and flushing against copies in flight.
 */
#include <errno.h>
#include <string.h>

#include "hal/kernel_on.h"
#include "tests/unit/hal-hosted/hosted_test.h"

enum { PAGE = HAL_PAGE_SIZE, RW = HAL_PROT_READ | HAL_PROT_WRITE };
#define BASE 0x400000ull

static char *ram(uint64_t paddr)
{
    return fake_kernel_this()->boot->direct_map + paddr;
}

static void run(void (*body)(void *argument), unsigned tables_max)
{
    struct fake_kernel kernel = {.main = body, .tables_max = tables_max};

    ck_assert_int_eq(fake_kernel_run(&kernel, 1), 0);
    ck_assert_uint_eq(kernel.tables_used, 0);
}

/* --- tables --- */

static void map_body(void *argument)
{
    struct hal_aspace *aspace;
    uint64_t frames = fake_pages_alloc(4 * PAGE, PAGE), paddr;
    unsigned prot;

    (void)argument;
    EXPECT(hal_aspace_create(&aspace) == 0);
    EXPECT(!hal_aspace_lookup(aspace, BASE, &paddr, &prot));

    /* Across a boundary of leaf tables. */
    uint64_t uaddr = (BASE & ~0x1fffffull) + 0x200000 - 2 * PAGE;
    EXPECT(hal_aspace_map(aspace, uaddr, frames, 4, RW) == 0);
    for (unsigned i = 0; i < 4; i++) {
        EXPECT(hal_aspace_lookup(aspace, uaddr + i * PAGE + 5, &paddr, &prot));
        EXPECT(paddr == frames + i * PAGE && prot == RW);
    }
    EXPECT(!hal_aspace_lookup(aspace, uaddr - PAGE, &paddr, &prot));
    EXPECT(!hal_aspace_lookup(aspace, uaddr + 4 * PAGE, &paddr, &prot));

    hal_aspace_unmap(aspace, uaddr + PAGE, 2);
    EXPECT(hal_aspace_lookup(aspace, uaddr, &paddr, &prot));
    EXPECT(!hal_aspace_lookup(aspace, uaddr + PAGE, &paddr, &prot));
    EXPECT(!hal_aspace_lookup(aspace, uaddr + 2 * PAGE, &paddr, &prot));
    EXPECT(hal_aspace_lookup(aspace, uaddr + 3 * PAGE, &paddr, &prot));

    /* Everything, holes included. */
    hal_aspace_unmap(aspace, 0, 0x7ffffffff000 / PAGE);
    EXPECT(!hal_aspace_lookup(aspace, uaddr, &paddr, &prot));
    EXPECT(!hal_aspace_lookup(aspace, ~0ull, &paddr, &prot));
    hal_aspace_flush(aspace);
    hal_aspace_destroy(aspace);
}

START_TEST(map_lookup_and_unmap_agree)
{
    run(map_body, 0);
}
END_TEST

static void protect_body(void *argument)
{
    struct hal_aspace *aspace;
    uint64_t frames = fake_pages_alloc(2 * PAGE, PAGE), paddr;
    unsigned prot;

    (void)argument;
    EXPECT(hal_aspace_create(&aspace) == 0);
    EXPECT(hal_aspace_map(aspace, BASE, frames, 1, HAL_PROT_READ) == 0);
    EXPECT(hal_aspace_map(aspace, BASE + PAGE, frames + PAGE, 1, RW) == 0);

    hal_aspace_protect(aspace, BASE - PAGE, 5, RW | HAL_PROT_EXEC, true);
    EXPECT(hal_aspace_lookup(aspace, BASE, &paddr, &prot));
    EXPECT(prot == (HAL_PROT_READ | HAL_PROT_EXEC) && paddr == frames);
    EXPECT(hal_aspace_lookup(aspace, BASE + PAGE, &paddr, &prot));
    EXPECT(prot == (RW | HAL_PROT_EXEC) && paddr == frames + PAGE);
    EXPECT(!hal_aspace_lookup(aspace, BASE - PAGE, &paddr, &prot));

    hal_aspace_protect(aspace, BASE, 1, RW, false);
    EXPECT(hal_aspace_lookup(aspace, BASE, &paddr, &prot) && prot == RW);
    hal_aspace_protect(aspace, BASE, 2, 0, false);
    EXPECT(!hal_aspace_lookup(aspace, BASE, &paddr, &prot));
    EXPECT(!hal_aspace_lookup(aspace, BASE + PAGE, &paddr, &prot));
    hal_aspace_destroy(aspace);
}

START_TEST(protect_gives_write_only_where_allowed)
{
    run(protect_body, 0);
}
END_TEST

static void no_tables_body(void *argument)
{
    struct hal_aspace *aspace;
    int error = hal_aspace_create(&aspace);

    (void)argument;
    if (error < 0) {
        EXPECT(error == -ENOMEM);
        return;
    }
    error = hal_aspace_map(aspace, BASE, PAGE, 1, RW);
    EXPECT(error == -ENOMEM || error == 0);
    hal_aspace_unmap(aspace, BASE, 1);
    hal_aspace_destroy(aspace);
}

START_TEST(map_survives_failure_of_nth_table_page)
{
    run(no_tables_body, (unsigned)_i + 1);
}
END_TEST

static void none_at_all_body(void *argument)
{
    struct hal_aspace *first, *second;

    (void)argument;
    EXPECT(hal_aspace_create(&first) == 0);
    EXPECT(hal_aspace_create(&second) == -ENOMEM);
    EXPECT(hal_aspace_map(first, BASE, PAGE, 1, RW) == -ENOMEM);
    hal_aspace_destroy(first);
}

START_TEST(create_without_table_page_fails)
{
    run(none_at_all_body, 1);
}
END_TEST

static void leak_body(void *argument)
{
    struct hal_aspace *aspace;

    (void)argument;
    EXPECT(hal_aspace_create(&aspace) == 0);
    EXPECT(hal_aspace_map(aspace, BASE, PAGE, 1, RW) == 0);
}

START_TEST(machine_end_frees_what_the_kernel_left)
{
    struct fake_kernel kernel = {.main = leak_body};

    ck_assert_int_eq(fake_kernel_run(&kernel, 1), 0);
}
END_TEST

/* --- copies --- */

/* Three virtually adjacent pages on frames in reverse order; the third read-only. */
static struct hal_aspace *copy_fixture(uint64_t *frames)
{
    struct hal_aspace *aspace;

    *frames = fake_pages_alloc(3 * PAGE, PAGE);
    EXPECT(hal_aspace_create(&aspace) == 0);
    EXPECT(hal_aspace_map(aspace, BASE, *frames + 2 * PAGE, 1, RW) == 0);
    EXPECT(hal_aspace_map(aspace, BASE + PAGE, *frames + PAGE, 1, RW) == 0);
    EXPECT(hal_aspace_map(aspace, BASE + 2 * PAGE, *frames, 1, HAL_PROT_READ) == 0);
    hal_aspace_activate(aspace);
    return aspace;
}

static void copy_teardown(struct hal_aspace *aspace)
{
    hal_aspace_activate(NULL);
    hal_aspace_destroy(aspace);
}

static void copy_body(void *argument)
{
    static const char text[] = "straddling";
    uint64_t frames;
    struct hal_aspace *aspace = copy_fixture(&frames);
    char back[64] = {0};

    (void)argument;
    EXPECT(hal_copy_to_user(BASE + PAGE - 4, text, sizeof text) == 0);
    EXPECT(memcmp(ram(frames + 3 * PAGE - 4), "stra", 4) == 0);
    EXPECT(memcmp(ram(frames + PAGE), "ddling", 7) == 0);
    EXPECT(hal_copy_from_user(back, BASE + PAGE - 4, sizeof text) == 0);
    EXPECT(strcmp(back, text) == 0);

    /* Everything before the failing page has been copied. */
    EXPECT(hal_copy_to_user(BASE + 2 * PAGE - 3, text, 10) == 7);
    EXPECT(memcmp(ram(frames + 2 * PAGE - 3), "str", 3) == 0);
    EXPECT(hal_copy_from_user(back, BASE + 3 * PAGE - 1, 2) == 1);
    EXPECT(hal_copy_from_user(back, BASE - 1, 2) == 2);
    EXPECT(hal_copy_from_user(back, BASE, 0) == 0);

    EXPECT(hal_clear_user(BASE + PAGE - 2, 4) == 0);
    EXPECT(hal_copy_from_user(back, BASE + PAGE - 4, 10) == 0);
    EXPECT(memcmp(back, "st\0\0\0\0ling", 10) == 0);
    EXPECT(hal_clear_user(BASE + 2 * PAGE, 1) == 1);

    /* Outside user space, wrapping, and without an address space. */
    EXPECT(hal_copy_from_user(back, 0x7ffffffff000 - 1, 2) == 2);
    EXPECT(hal_copy_from_user(back, UINT64_MAX - 1, 8) == 8);
    EXPECT(hal_copy_from_user(back, 0xffff800000000000 + BASE, 1) == 1);
    EXPECT(hal_clear_user(UINT64_MAX - 1, SIZE_MAX) == SIZE_MAX);
    hal_aspace_activate(NULL);
    EXPECT(hal_copy_from_user(back, BASE, 1) == 1);
    EXPECT(hal_copy_to_user(BASE, back, 1) == 1);
    EXPECT(hal_copy_string_from_user(back, BASE, 1) == 0);
    copy_teardown(aspace);
}

START_TEST(copies_straddle_pages_and_stop_at_faults)
{
    run(copy_body, 0);
}
END_TEST

static void string_body(void *argument)
{
    uint64_t frames;
    struct hal_aspace *aspace = copy_fixture(&frames);
    char text[16];

    (void)argument;
    memcpy(ram(frames + 3 * PAGE - 3), "abc", 3);
    memcpy(ram(frames + PAGE), "de\0junk", 7);
    memset(text, '#', sizeof text);
    EXPECT(hal_copy_string_from_user(text, BASE + PAGE - 3, sizeof text) == 6);
    EXPECT(memcmp(text, "abcde\0##", 8) == 0);
    EXPECT(hal_copy_string_from_user(text, BASE + PAGE - 3, 4) == 4);
    EXPECT(hal_copy_string_from_user(text, BASE + PAGE - 3, 6) == 6 && text[5] == 0);
    EXPECT(hal_copy_string_from_user(text, BASE + PAGE - 3, 5) == 5);

    /* No end before the fault. */
    memset(ram(frames + PAGE - 2), 'x', 2);
    EXPECT(hal_copy_string_from_user(text, BASE + 3 * PAGE - 2, sizeof text) == 2);
    EXPECT(hal_copy_string_from_user(text, BASE - 1, sizeof text) == 0);
    EXPECT(hal_copy_string_from_user(text, UINT64_MAX, sizeof text) == 0);
    copy_teardown(aspace);
}

START_TEST(string_copy_ends_at_nul_limit_or_fault)
{
    run(string_body, 0);
}
END_TEST

static void word_body(void *argument)
{
    uint64_t frames;
    struct hal_aspace *aspace = copy_fixture(&frames);
    uint32_t value = 7, old = 0;

    (void)argument;
    EXPECT(hal_copy_to_user(BASE + 8, &value, sizeof value) == 0);
    EXPECT(hal_user_load32(BASE + 8, &old) == 0 && old == 7);
    EXPECT(hal_user_cmpxchg32(BASE + 8, 6, 9, &old) == 0 && old == 7);
    EXPECT(hal_user_load32(BASE + 8, &old) == 0 && old == 7);
    EXPECT(hal_user_cmpxchg32(BASE + 8, 7, 9, &old) == 0 && old == 7);
    EXPECT(hal_user_load32(BASE + 8, &old) == 0 && old == 9);
    EXPECT(hal_user_load32(BASE + 2 * PAGE, &old) == 0);
    EXPECT(hal_user_cmpxchg32(BASE + 2 * PAGE, 0, 1, &old) == -EFAULT);
    EXPECT(hal_user_load32(BASE + 3 * PAGE, &old) == -EFAULT);
    EXPECT(hal_user_load32(UINT64_MAX - 3, &old) == -EFAULT);
    copy_teardown(aspace);
}

START_TEST(words_load_and_exchange)
{
    run(word_body, 0);
}
END_TEST

/* --- flush against copies on another CPU --- */

enum { SWAPS = 300 };

struct swap {
    struct hal_aspace *aspace;
    uint64_t frames;
    uint32_t stop; /* atomic */
    unsigned copies;
    bool torn;
};

/* CPU 1 copies from one page for ever: it must see a page of one value, whole. */
static void swap_reader(void *argument, unsigned cpu)
{
    struct swap *swap = argument;
    unsigned char page[PAGE];

    (void)cpu;
    hal_aspace_activate(swap->aspace);
    while (!__atomic_load_n(&swap->stop, __ATOMIC_ACQUIRE)) {
        if (hal_copy_from_user(page, BASE, PAGE) != 0) {
            continue;
        }
        swap->copies++;
        for (unsigned i = 1; i < PAGE; i++) {
            if (page[i] != page[0]) {
                swap->torn = true;
            }
        }
        hal_cpu_relax();
    }
    hal_aspace_activate(NULL);
    __atomic_store_n(&swap->stop, 2, __ATOMIC_RELEASE);
}

/* CPU 0 replaces the page and, after the flush, overwrites the old frame. */
static void swap_main(void *argument)
{
    struct swap *swap = argument;

    swap->frames = fake_pages_alloc(2 * PAGE, PAGE);
    EXPECT(hal_aspace_create(&swap->aspace) == 0);
    EXPECT(hal_aspace_map(swap->aspace, BASE, swap->frames, 1, RW) == 0);
    EXPECT(fake_cpu_start(1) == 0);
    for (unsigned i = 1; i <= SWAPS; i++) {
        uint64_t next = swap->frames + i % 2 * PAGE;
        memset(ram(next), (int)i, PAGE);
        EXPECT(hal_aspace_map(swap->aspace, BASE, next, 1, RW) == 0);
        hal_aspace_flush(swap->aspace);
    }
    __atomic_store_n(&swap->stop, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&swap->stop, __ATOMIC_ACQUIRE) != 2) {
        hal_cpu_relax();
    }
    hal_aspace_destroy(swap->aspace);
}

START_TEST(flush_waits_for_copies_on_other_cpus)
{
    struct swap swap = {0};
    struct fake_kernel kernel = {.main = swap_main, .cpu_main = swap_reader, .argument = &swap};

    ck_assert_int_eq(fake_kernel_run(&kernel, 2), 0);
    ck_assert(!swap.torn);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("aspace");
    TCase *tcase = tcase_create("aspace");
    SRunner *runner;
    int failed;

    (void)argc;
    hosted_prepare_process(argv);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, map_lookup_and_unmap_agree);
    tcase_add_test(tcase, protect_gives_write_only_where_allowed);
    tcase_add_loop_test(tcase, map_survives_failure_of_nth_table_page, 0, 5);
    tcase_add_test(tcase, create_without_table_page_fails);
    tcase_add_test(tcase, machine_end_frees_what_the_kernel_left);
    tcase_add_test(tcase, copies_straddle_pages_and_stop_at_faults);
    tcase_add_test(tcase, string_copy_ends_at_nul_limit_or_fault);
    tcase_add_test(tcase, words_load_and_exchange);
    tcase_add_test(tcase, flush_waits_for_copies_on_other_cpus);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
