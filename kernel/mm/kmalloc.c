/* SPDX-License-Identifier: MIT
 *
 * kmalloc: memory of any size, from slab caches of powers of two, or whole pages.
 *
 * The bytes between the size asked for and the size of the class stay poisoned, so a sanitizer sees
 * overruns of even one byte.
 */
#include "hal/debug.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page_internal.h"
#include "kernel/mm/slab_internal.h"

static void *large_alloc(size_t bytes)
{
    size_t pages = DIV_ROUND_UP(bytes, (size_t)PAGE_SIZE);
    if (pages > 1u << PAGE_ORDER_MAX)
        return NULL;
    struct page *page = page_alloc(log2_ceil(pages), 0);
    if (!page)
        return NULL;
    page_mark(page, PAGE_LARGE);
    page_account(PAGE_KIND_SLAB, 1 << page->order);
    atomic_fetch_add_relaxed(&this_kernel()->slab->large_live, 1);
    return page_address(page);
}

static void large_free(struct page *page, const void *object)
{
    assert((page->flags & PAGE_LARGE) && page_address(page) == object);
    atomic_fetch_sub_relaxed(&this_kernel()->slab->large_live, 1);
    page_account(PAGE_KIND_SLAB, -(1 << page->order));
    page_put(page);
}

/* Bytes that really belong to an allocated object. */
static size_t object_size(const void *object)
{
    const struct page *page = virt_to_page(object);
    if (page->flags & PAGE_SLAB)
        return ((const struct slab_cache *)page->slab_cache)->size;
    return (size_t)PAGE_SIZE << page->order;
}

static void poison_tail(const void *object, size_t bytes, size_t size)
{
    if (bytes < size)
        hal_debug_poison((const char *)object + bytes, size - bytes);
}

void *kmalloc(size_t bytes)
{
    void *object;
    size_t size;
    if (bytes > 1u << KMALLOC_MAX_SHIFT) {
        object = large_alloc(bytes);
        size = object ? object_size(object) : 0;
    } else {
        unsigned shift = MAX(log2_ceil(bytes), (unsigned)KMALLOC_MIN_SHIFT);
        size = (size_t)1 << shift;
        object = slab_alloc(&this_kernel()->slab->classes[shift - KMALLOC_MIN_SHIFT]);
    }
    if (object)
        poison_tail(object, bytes, size);
    return object;
}

void *kzalloc(size_t bytes)
{
    void *object = kmalloc(bytes);
    return object ? memset(object, 0, bytes) : NULL;
}

void *krealloc(void *old, size_t bytes)
{
    if (!old)
        return kmalloc(bytes);
    size_t size = object_size(old);
    if (bytes <= size && (bytes > size / 2 || size == 1u << KMALLOC_MIN_SHIFT)) {
        hal_debug_unpoison(old, size);
        poison_tail(old, bytes, size);
        return old;
    }
    void *fresh = kmalloc(bytes);
    if (!fresh)
        return NULL;
    hal_debug_unpoison(old, size);
    memcpy(fresh, old, MIN(size, bytes));
    kfree(old);
    return fresh;
}

void kfree(const void *object)
{
    if (!object)
        return;
    struct page *page = virt_to_page(object);
    assert(page != NULL);
    if (page->flags & PAGE_SLAB)
        slab_free(page->slab_cache, (void *)object);
    else
        large_free(page, object);
}

static void *allocator_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    return kmalloc(bytes);
}

static void allocator_free(void *ctx, void *memory, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    kfree(memory);
}

const struct lib_allocator kmalloc_allocator = {.alloc = allocator_alloc, .free = allocator_free};

char *kstrdup(const char *string)
{
    size_t bytes = kstrlen(string) + 1;
    char *copy = kmalloc(bytes);
    return copy ? memcpy(copy, string, bytes) : NULL;
}
