/* SPDX-License-Identifier: MIT */
/* kernel/mm/page_alloc.c, page_buddy.c, page_boot.c: against a model of who owns which frame. */
#include "tests/unit/mm/mm_fixture.h"

enum { BLOCKS = 300 };

static uint64_t free_now(void)
{
    struct page_counts counts;
    page_count(this_kernel(), &counts);
    return counts.free;
}

MACHINE_TEST(blocks_are_aligned_distinct_and_zeroed)
{
    for (unsigned order = 0; order <= PAGE_ORDER_MAX; order++) {
        struct page *page = page_alloc(order, ALLOC_ZERO);
        ck_assert_ptr_nonnull(page);
        uint64_t paddr = page_to_phys(page);
        ck_assert_uint_eq(paddr % ((uint64_t)PAGE_SIZE << order), 0);
        ck_assert_ptr_eq(phys_to_page(paddr), page);
        ck_assert_ptr_eq(virt_to_page(page_address(page)), page);
        const char *memory = page_address(page);
        for (size_t i = 0; i < (size_t)PAGE_SIZE << order; i += 64)
            ck_assert_int_eq(memory[i], 0);
        memset(page_address(page), 0xa5, (size_t)PAGE_SIZE << order);
        page_put(page);
    }
    ck_assert_ptr_null(page_alloc(PAGE_ORDER_MAX + 1, 0));
}

struct block {
    struct page *page;
    unsigned order;
    uint64_t stamp;
};

static void stamp_block(const struct block *block)
{
    for (unsigned i = 0; i < 1u << block->order; i++)
        *(uint64_t *)((char *)page_address(block->page) + (size_t)i * PAGE_SIZE) = block->stamp + i;
}

static void check_block(const struct block *block)
{
    for (unsigned i = 0; i < 1u << block->order; i++)
        ck_assert_uint_eq(*(uint64_t *)((char *)page_address(block->page) + (size_t)i * PAGE_SIZE),
                          block->stamp + i);
}

MACHINE_TEST(random_blocks_never_overlap_and_all_come_back)
{
    struct block blocks[BLOCKS] = {0};
    struct prng prng;
    prng_seed(&prng, (uint64_t)_i + 1);
    for (uint64_t round = 1; round < 6000; round++) {
        struct block *block = &blocks[prng_below(&prng, BLOCKS)];
        if (block->page) {
            check_block(block);
            page_put(block->page);
            block->page = NULL;
        } else {
            block->order = (unsigned)MIN(prng_below(&prng, 8), prng_below(&prng, 8));
            block->page = page_alloc(block->order, 0);
            block->stamp = round << 20;
            if (block->page)
                stamp_block(block);
        }
        if (round % 1500 == 0)
            page_check(this_kernel());
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (blocks[i].page) {
            check_block(&blocks[i]);
            page_put(blocks[i].page);
        }
    }
}

MACHINE_TEST(references_keep_a_page)
{
    struct page *page = page_alloc(0, 0);
    uint64_t before = free_now();
    page_get(page);
    page_put(page);
    ck_assert_uint_eq(free_now(), before);
    ck_assert(page_try_get(page));
    page_put(page);
    page_put(page);
    ck_assert_uint_eq(free_now(), before + 1);
    ck_assert(!page_try_get(page));
}

MACHINE_TEST(split_block_is_freed_page_by_page)
{
    struct page *page = page_alloc(4, ALLOC_ZERO);
    page_split(page, 4);
    for (unsigned i = 0; i < 16; i += 2)
        page_put(page + i);
    page_check(this_kernel());
    for (unsigned i = 1; i < 16; i += 2)
        page_put(page + i);
}

/* Takes everything there is. */
static uint64_t take_all(struct list *taken, unsigned flags)
{
    uint64_t count = 0;
    struct page *page;
    while ((page = page_alloc(0, flags))) {
        list_add_tail(taken, &page->list);
        count++;
    }
    return count;
}

static void give_all(struct list *taken)
{
    struct page *page;
    while ((page = list_pop_head_entry(taken, struct page, list)))
        page_put(page);
}

MACHINE_TEST(reserve_is_for_atomic_allocations_only)
{
    struct list taken;
    list_init(&taken);
    uint64_t user = take_all(&taken, ALLOC_USER);
    uint64_t kernel = take_all(&taken, 0);
    uint64_t atomic = take_all(&taken, ALLOC_ATOMIC);
    ck_assert_uint_gt(user, 10000);
    ck_assert_uint_ge(kernel, 64);
    ck_assert_uint_ge(atomic, 64);
    ck_assert_uint_eq(free_now(), 0);
    ck_assert_ptr_null(page_alloc(3, ALLOC_ATOMIC));
    give_all(&taken);
}

MACHINE_TEST(counts_add_up)
{
    struct page_counts counts;
    page_count(this_kernel(), &counts);
    ck_assert_uint_gt(counts.total, 15000); /* of 16384 */
    ck_assert_uint_le(counts.free, counts.total);
    page_account(PAGE_KIND_STACK, 4);
    page_count(this_kernel(), &counts);
    uint64_t stacks = counts.kernel_stack;
    page_account(PAGE_KIND_STACK, -4);
    page_count(this_kernel(), &counts);
    ck_assert_uint_eq(counts.kernel_stack, stacks - 4);
}

MACHINE_TEST(table_pages_are_zeroed_and_counted)
{
    struct page_counts before, after;
    page_count(this_kernel(), &before);
    uint64_t paddr = kernel_on_table_page_alloc();
    ck_assert_uint_ne(paddr, 0);
    page_count(this_kernel(), &after);
    ck_assert_uint_eq(after.page_tables, before.page_tables + 1);
    kernel_on_table_page_free(paddr);
}

MACHINE_TEST(injected_failures_hit_the_chosen_allocation)
{
    struct fault_injection faults;
    fail_allocation(&faults, 2);
    struct page *first = page_alloc(0, 0), *second = page_alloc(0, 0), *third = page_alloc(0, 0);
    fail_allocation(&faults, 0);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(second);
    ck_assert_ptr_nonnull(third);
    page_put(first);
    page_put(third);
}

static void sparse_body(void *argument)
{
    (void)argument;
    const struct page_allocator *pages = this_kernel()->pages;
    /* Booting and one allocation have brought little of the 2 GiB to life. */
    page_put(page_alloc(0, 0));
    ck_assert_uint_gt(pages->later_pages, pages->total_pages - 4 * PAGE_CHUNK);
    ck_assert_ptr_null(phys_to_page((uint64_t)1900 * MIB));
    page_check(this_kernel());
}

START_TEST(large_machine_starts_lazily)
{
    ck_assert_int_eq(test_machine_run_ram(sparse_body, NULL, 1, 2048ul * MIB), 0);
}
END_TEST

static void small_body(int index)
{
    (void)index;
    struct list taken;
    list_init(&taken);
    ck_assert_uint_gt(take_all(&taken, 0), 1000);
    give_all(&taken);
}

START_TEST(small_machine_has_memory)
{
    run_leak_checked(small_body, 0, 2, 8ul * MIB);
}
END_TEST

static void release_body(void *argument)
{
    (void)argument;
    struct page *block = page_alloc(PAGE_ORDER_MAX, 0); /* stands for an initrd; never freed */
    struct page_counts before, after;
    page_count(this_kernel(), &before);
    page_release_range(page_to_phys(block) + 100, 3 * MIB);
    page_count(this_kernel(), &after);
    ck_assert_uint_gt(after.free, before.free + 3 * MIB / PAGE_SIZE - 10);
    struct list taken;
    list_init(&taken);
    uint64_t all = take_all(&taken, ALLOC_ATOMIC);
    ck_assert_uint_eq(all, after.free);
    give_all(&taken);
}

START_TEST(released_range_can_be_allocated)
{
    ck_assert_int_eq(test_machine_run(release_body, NULL, 1), 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, blocks_are_aligned_distinct_and_zeroed);
    tcase_add_loop_test(tcase, random_blocks_never_overlap_and_all_come_back, 0, 4);
    tcase_add_test(tcase, references_keep_a_page);
    tcase_add_test(tcase, split_block_is_freed_page_by_page);
    tcase_add_test(tcase, reserve_is_for_atomic_allocations_only);
    tcase_add_test(tcase, counts_add_up);
    tcase_add_test(tcase, table_pages_are_zeroed_and_counted);
    tcase_add_test(tcase, injected_failures_hit_the_chosen_allocation);
    tcase_add_test(tcase, large_machine_starts_lazily);
    tcase_add_test(tcase, small_machine_has_memory);
    tcase_add_test(tcase, released_range_can_be_allocated);
}

static Suite *suite(void)
{
    return unit_suite("mm/page_alloc", add_tests);
}

UNIT_MAIN(suite)
