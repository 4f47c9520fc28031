/* SPDX-License-Identifier: MIT */
/* kernel/mm/slab.c, kmalloc.c: objects never overlap, keep their contents, and all come back. */
#include "tests/unit/mm/mm_fixture.h"

#include "kernel/lib/bits.h"

enum { OBJECTS = 600 };

static const size_t sizes[] = {1, 8, 16, 24, 40, 100, 255, 256, 257, 576, 1000, 2048, 4100, 20000};

static void fill(void *object, size_t size, unsigned stamp)
{
    memset(object, (int)(stamp & 0xff), size);
}

static void check(const void *object, size_t size, unsigned stamp)
{
    const unsigned char *bytes = object;
    size_t same = 0;
    while (same < size && bytes[same] == (stamp & 0xff))
        same++;
    ck_assert_uint_eq(same, size);
}

MACHINE_TEST(cache_objects_are_aligned_and_distinct)
{
    size_t size = sizes[_i];
    struct slab_cache *cache = slab_cache_create("test", size, 32);
    ck_assert_ptr_nonnull(cache);
    void *objects[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++) {
        objects[i] = slab_alloc(cache);
        ck_assert_ptr_nonnull(objects[i]);
        ck_assert_uint_eq((uintptr_t)objects[i] % 32, 0);
        fill(objects[i], size, i);
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        check(objects[i], size, i);
    for (unsigned i = 0; i < OBJECTS; i++)
        slab_free(cache, objects[(i * 7) % OBJECTS]);
    slab_cache_destroy(cache);
}

MACHINE_TEST(zeroed_objects_are_zero_after_reuse)
{
    struct slab_cache *cache = slab_cache_create("test", 72, 8);
    for (unsigned round = 0; round < 100; round++) {
        char *object = slab_alloc_zeroed(cache);
        for (unsigned i = 0; i < 72; i++)
            ck_assert_int_eq(object[i], 0);
        fill(object, 72, 0xff);
        slab_free(cache, object);
    }
    slab_cache_destroy(cache);
}

MACHINE_TEST(kmalloc_sizes_have_their_alignment)
{
    for (size_t bytes = 1; bytes < 300000; bytes += bytes / 7 + 1) {
        void *object = kmalloc(bytes);
        ck_assert_ptr_nonnull(object);
        size_t align = MIN((size_t)round_up_power_of_two(bytes), (size_t)PAGE_SIZE);
        ck_assert_uint_eq((uintptr_t)object % align, 0);
        fill(object, bytes, 1);
        kfree(object);
    }
    void *largest = kmalloc(4 * MIB);
    ck_assert_ptr_nonnull(largest);
    kfree(largest);
    ck_assert_ptr_null(kmalloc(4 * MIB + 1));
    kfree(kmalloc(0));
    kfree(NULL);
}

struct item {
    void *object;
    size_t size;
    unsigned stamp;
};

static void change(struct item *item, struct prng *prng, unsigned round)
{
    size_t size = (size_t)prng_below(prng, 1u << prng_below(prng, 14));
    if (!item->object) {
        item->object = kmalloc(size);
    } else if (prng_below(prng, 3) == 0) {
        check(item->object, item->size, item->stamp);
        void *moved = krealloc(item->object, size);
        ck_assert_ptr_nonnull(moved);
        check(moved, MIN(size, item->size), item->stamp);
        item->object = moved;
    } else {
        check(item->object, item->size, item->stamp);
        kfree(item->object);
        item->object = NULL;
        return;
    }
    ck_assert_ptr_nonnull(item->object);
    item->size = size;
    item->stamp = round;
    fill(item->object, size, round);
}

MACHINE_TEST(random_kmalloc_krealloc_kfree_keep_contents)
{
    static struct item items[200];
    struct prng prng;
    prng_seed(&prng, (uint64_t)_i + 77);
    for (unsigned round = 0; round < 8000; round++)
        change(&items[prng_below(&prng, ARRAY_SIZE(items))], &prng, round);
    for (unsigned i = 0; i < ARRAY_SIZE(items); i++)
        kfree(items[i].object);
}

MACHINE_TEST(live_objects_are_counted_and_described)
{
    uint64_t before = slab_live_objects(this_kernel());
    void *small = kmalloc(10), *large = kmalloc(10000);
    ck_assert_uint_eq(slab_live_objects(this_kernel()), before + 2);
    const char *name;
    size_t size;
    uint64_t live, pages, total = 0;
    unsigned index = 0;
    while (slab_describe(this_kernel(), index, &name, &size, &live, &pages) == 0) {
        ck_assert_ptr_nonnull(name);
        ck_assert_uint_ge(size, 8);
        ck_assert_uint_le(live * size, pages * PAGE_SIZE);
        total += live;
        index++;
    }
    ck_assert_uint_gt(index, 10);
    ck_assert_uint_gt(total, 0);
    kfree(small);
    kfree(large);
}

MACHINE_TEST(create_survives_failure_of_nth_allocation)
{
    struct fault_injection faults;
    fail_allocation(&faults, (uint64_t)_i);
    struct slab_cache *cache = slab_cache_create("test", 100, 8);
    void *object = cache ? slab_alloc(cache) : NULL;
    fail_allocation(&faults, 0);
    if (object)
        slab_free(cache, object);
    if (cache)
        slab_cache_destroy(cache);
    if (_i > 12)
        ck_assert_ptr_nonnull(object);
}

MACHINE_TEST(kstrdup_copies)
{
    char *copy = kstrdup("assay");
    ck_assert_str_eq(copy, "assay");
    kfree(copy);
}

static void add_tests(TCase *tcase)
{
    tcase_add_loop_test(tcase, cache_objects_are_aligned_and_distinct, 0, 11);
    tcase_add_test(tcase, zeroed_objects_are_zero_after_reuse);
    tcase_add_test(tcase, kmalloc_sizes_have_their_alignment);
    tcase_add_loop_test(tcase, random_kmalloc_krealloc_kfree_keep_contents, 0, 4);
    tcase_add_test(tcase, live_objects_are_counted_and_described);
    tcase_add_loop_test(tcase, create_survives_failure_of_nth_allocation, 1, 15);
    tcase_add_test(tcase, kstrdup_copies);
}

static Suite *suite(void)
{
    return unit_suite("mm/slab", add_tests);
}

UNIT_MAIN(suite)
