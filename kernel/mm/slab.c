/* SPDX-License-Identifier: MIT
 *
 * Slab caches: objects of one size, cut from blocks of pages.
 *
 * Each CPU has a magazine of free objects for each cache, so that the usual allocation takes no
 * lock; magazines are filled and emptied half at a time under the cache's lock. Which objects of a
 * slab are free is a bitmap outside the objects, so free objects stay poisoned (hal/debug.h) and a
 * double free is caught when the magazine is emptied, or at once by AddressSanitizer.
 *
 * Invariants: a slab is on `partial` if it has free and used objects, on `full` without free ones,
 * on `empty` without used ones; objects in magazines count as used by their slab.
 */
#include "hal/debug.h"
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/mm/page_internal.h"
#include "kernel/mm/slab_internal.h"

enum { EMPTY_SLABS_KEPT = 1, APART_SIZE = 256 };

static size_t header_bytes(const struct slab_cache *cache)
{
    return cache->apart ? 0 : ALIGN_UP(sizeof(struct slab), cache->align);
}

/* Lists of a slab by how many of its objects are free. */
static struct list *list_for(struct slab_cache *cache, const struct slab *slab)
{
    if (slab->free_count == 0)
        return &cache->full;
    return slab->free_count == cache->per_slab ? &cache->empty : &cache->partial;
}

static struct slab *slab_create(struct slab_cache *cache)
{
    struct page *page = page_alloc(cache->order, 0);
    if (!page)
        return NULL;
    char *memory = page_address(page);
    struct slab *slab = (struct slab *)memory;
    if (cache->apart) {
        slab = slab_alloc(&this_kernel()->slab->headers);
        if (!slab) {
            page_put(page);
            return NULL;
        }
    }
    for (unsigned i = 0; i < 1u << cache->order; i++) {
        page_mark(&page[i], PAGE_SLAB);
        page[i].slab_cache = cache;
        page[i].slab = slab;
    }
    page_account(PAGE_KIND_SLAB, 1 << cache->order);
    slab->cache = cache;
    slab->objects = memory + header_bytes(cache);
    slab->free_count = cache->per_slab;
    memset(slab->free_map, 0, sizeof(slab->free_map));
    for (unsigned i = 0; i < cache->per_slab; i += 64)
        slab->free_map[i / 64] = cache->per_slab - i >= 64 ? ~0ull : BIT(cache->per_slab - i) - 1;
    hal_debug_poison(slab->objects, (size_t)cache->per_slab * cache->size);
    return slab;
}

/* The slab is on no list. No lock is held. */
static void slab_destroy(struct slab_cache *cache, struct slab *slab)
{
    struct page *page = virt_to_page(slab->objects);
    assert(slab->free_count == cache->per_slab);
    for (unsigned i = 0; i < 1u << cache->order; i++)
        page_unmark(&page[i], PAGE_SLAB);
    page_account(PAGE_KIND_SLAB, -(1 << cache->order));
    if (cache->apart)
        slab_free(&this_kernel()->slab->headers, slab);
    page_put(page);
}

static void *take_object(struct slab_cache *cache, struct slab *slab)
{
    unsigned word = 0;
    while (!slab->free_map[word])
        word++;
    unsigned bit = bits_lowest(slab->free_map[word]);
    slab->free_map[word] &= slab->free_map[word] - 1;
    slab->free_count--;
    return slab->objects + (size_t)(word * 64 + bit) * cache->size;
}

static void give_object(struct slab_cache *cache, void *object)
{
    struct slab *slab = virt_to_page(object)->slab;
    assert(slab->cache == cache);
    uint32_t offset = (uint32_t)((char *)object - slab->objects);
    uint32_t index = offset / cache->size;
    assert(index * cache->size == offset && index < cache->per_slab);
    assert(!(slab->free_map[index / 64] & BIT(index % 64))); /* double free */
    slab->free_map[index / 64] |= BIT(index % 64);
    slab->free_count++;
    if (slab->free_count == 1 || slab->free_count == cache->per_slab) {
        list_move_head(list_for(cache, slab), &slab->node);
        if (slab->free_count == cache->per_slab)
            cache->empty_count++;
    }
}

/* Move up to `wanted` free objects of existing slabs into the magazine. Lock held. */
static void fill(struct slab_cache *cache, struct slab_magazine *magazine, unsigned wanted)
{
    while (magazine->count < wanted) {
        struct slab *slab = list_first_entry(&cache->partial, struct slab, node);
        if (!slab) {
            slab = list_first_entry(&cache->empty, struct slab, node);
            if (!slab)
                return;
            cache->empty_count--;
        }
        while (magazine->count < wanted && slab->free_count)
            magazine->objects[magazine->count++] = take_object(cache, slab);
        list_move_head(list_for(cache, slab), &slab->node);
    }
}

/* Interrupts masked. */
static bool refill(struct slab_cache *cache, struct slab_magazine *magazine)
{
    unsigned wanted = MAX(cache->magazine / 2, 1u);
    spin_lock(&cache->lock);
    fill(cache, magazine, wanted);
    spin_unlock(&cache->lock);
    if (magazine->count)
        return true;

    struct slab *slab = slab_create(cache); /* without the lock: it may allocate a header */
    if (!slab)
        return false;
    spin_lock(&cache->lock);
    list_add_head(&cache->empty, &slab->node);
    cache->empty_count++;
    cache->pages += 1u << cache->order;
    fill(cache, magazine, wanted);
    spin_unlock(&cache->lock);
    return true;
}

/* Free slabs without used objects, all but `keep`. Interrupts masked. */
static uint64_t release_empty(struct slab_cache *cache, unsigned keep)
{
    uint64_t freed = 0;
    for (;;) {
        struct slab *slab = NULL;
        spin_lock(&cache->lock);
        if (cache->empty_count > keep) {
            slab = list_pop_head_entry(&cache->empty, struct slab, node);
            cache->empty_count--;
            cache->pages -= 1u << cache->order;
        }
        spin_unlock(&cache->lock);
        if (!slab)
            return freed;
        slab_destroy(cache, slab);
        freed += 1u << cache->order;
    }
}

/* Put the oldest `count` objects back into their slabs. Interrupts masked. */
static void flush(struct slab_cache *cache, struct slab_magazine *magazine, unsigned count)
{
    spin_lock(&cache->lock);
    for (unsigned i = 0; i < count; i++)
        give_object(cache, magazine->objects[i]);
    magazine->count -= count;
    memmove(magazine->objects, magazine->objects + count, magazine->count * sizeof(void *));
    bool surplus = cache->empty_count > EMPTY_SLABS_KEPT;
    spin_unlock(&cache->lock);
    if (surplus)
        release_empty(cache, EMPTY_SLABS_KEPT);
}

void *slab_alloc(struct slab_cache *cache)
{
    if (fault_injection_hit())
        return NULL;
    bool irq = hal_irq_save();
    struct slab_magazine *magazine = &cache->cpus[this_cpu()->id];
    void *object = NULL;
    if (likely(magazine->count) || refill(cache, magazine)) {
        object = magazine->objects[--magazine->count];
        atomic_store_relaxed(&magazine->live, magazine->live + 1);
    }
    hal_irq_restore(irq);
    if (object)
        hal_debug_unpoison(object, cache->size);
    return object;
}

void *slab_alloc_zeroed(struct slab_cache *cache)
{
    void *object = slab_alloc(cache);
    return object ? memset(object, 0, cache->size) : NULL;
}

void slab_free(struct slab_cache *cache, void *object)
{
    hal_debug_poison(object, cache->size);
    bool irq = hal_irq_save();
    struct slab_magazine *magazine = &cache->cpus[this_cpu()->id];
    if (magazine->count == cache->magazine)
        flush(cache, magazine, DIV_ROUND_UP(cache->magazine, 2));
    magazine->objects[magazine->count++] = object;
    atomic_store_relaxed(&magazine->live, magazine->live - 1);
    hal_irq_restore(irq);
}

/* Work out the layout: at least eight objects a slab where the order allows. */
static void lay_out(struct slab_cache *cache)
{
    cache->apart = cache->size >= APART_SIZE;
    unsigned order = 0;
    while (order < SLAB_ORDER_MAX && ((size_t)PAGE_SIZE << order) < 8u * (size_t)cache->size)
        order++;
    cache->order = (uint8_t)order;
    size_t room = ((size_t)PAGE_SIZE << order) - header_bytes(cache);
    cache->per_slab = (uint32_t)MIN(room / cache->size, (size_t)SLAB_OBJECTS_MAX);
    assert(cache->per_slab > 0);
    cache->magazine = cache->size <= 256 ? SLAB_MAGAZINE_MAX : cache->size <= 1024 ? 16 : 8;
}

static void cache_init(struct slab_state *state, struct slab_cache *cache, const char *name,
                       size_t size, size_t align, struct slab_magazine *magazines)
{
    align = MAX(align, (size_t)8);
    assert(is_power_of_two(align) && align <= PAGE_SIZE && size > 0);
    memset(cache, 0, sizeof(*cache));
    cache->name = name;
    cache->align = (uint32_t)align;
    cache->size = (uint32_t)ALIGN_UP(size, align);
    cache->cpus = magazines;
    spin_lock_init(&cache->lock, LOCK_RANK_SLAB);
    list_init(&cache->partial);
    list_init(&cache->full);
    list_init(&cache->empty);
    lay_out(cache);
    bool irq = spin_lock_irqsave(&state->lock);
    list_add_tail(&state->caches, &cache->node);
    spin_unlock_irqrestore(&state->lock, irq);
}

struct slab_cache *slab_cache_create(const char *name, size_t size, size_t align)
{
    struct kernel *kernel = this_kernel();
    struct slab_cache *cache = slab_alloc(&kernel->slab->objects);
    if (!cache)
        return NULL;
    struct slab_magazine *magazines = kzalloc(kernel->boot->cpu_count * sizeof(*magazines));
    if (!magazines) {
        slab_free(&kernel->slab->objects, cache);
        return NULL;
    }
    cache_init(kernel->slab, cache, name, size, align, magazines);
    return cache;
}

static int64_t live_objects(const struct slab_cache *cache, unsigned cpu_count)
{
    int64_t live = 0;
    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        live += atomic_load_relaxed(&cache->cpus[cpu].live);
    return live;
}

void slab_cache_destroy(struct slab_cache *cache)
{
    struct kernel *kernel = this_kernel();
    assert(!cache->boot);
    assert(live_objects(cache, kernel->boot->cpu_count) == 0);
    bool irq = spin_lock_irqsave(&kernel->slab->lock);
    list_remove(&cache->node);
    spin_unlock(&kernel->slab->lock);
    /* Nobody uses the cache any more, so the other CPUs' magazines are ours too. */
    for (unsigned cpu = 0; cpu < kernel->boot->cpu_count; cpu++)
        flush(cache, &cache->cpus[cpu], cache->cpus[cpu].count);
    release_empty(cache, 0);
    hal_irq_restore(irq);
    assert(cache->pages == 0);
    kfree(cache->cpus);
    slab_free(&kernel->slab->objects, cache);
}

uint64_t slab_trim(struct kernel *kernel)
{
    struct slab_state *state = kernel->slab;
    uint64_t freed = 0;
    bool irq = spin_lock_irqsave(&state->lock);
    struct slab_cache *cache;
    /* The headers' cache comes first in the list and is trimmed last: the others feed it. */
    list_for_each_entry_reverse(cache, &state->caches, node)
    {
        struct slab_magazine *magazine = &cache->cpus[this_cpu()->id];
        flush(cache, magazine, magazine->count);
        freed += release_empty(cache, 0);
    }
    spin_unlock_irqrestore(&state->lock, irq);
    return freed;
}

uint64_t slab_live_objects(struct kernel *kernel)
{
    struct slab_state *state = kernel->slab;
    int64_t live = (int64_t)atomic_load_relaxed(&state->large_live);
    bool irq = spin_lock_irqsave(&state->lock);
    struct slab_cache *cache;
    list_for_each_entry(cache, &state->caches, node)
    {
        if (cache != &state->headers) /* comes and goes with slabs, not with objects */
            live += live_objects(cache, kernel->boot->cpu_count);
    }
    spin_unlock_irqrestore(&state->lock, irq);
    return (uint64_t)live;
}

int slab_describe(struct kernel *kernel, unsigned index, const char **out_name, size_t *out_size,
                  uint64_t *out_live, uint64_t *out_pages)
{
    struct slab_state *state = kernel->slab;
    int result = -ENOENT;
    bool irq = spin_lock_irqsave(&state->lock);
    struct slab_cache *cache;
    list_for_each_entry(cache, &state->caches, node)
    {
        if (index--)
            continue;
        *out_name = cache->name;
        *out_size = cache->size;
        *out_live = (uint64_t)live_objects(cache, kernel->boot->cpu_count);
        *out_pages = atomic_load_relaxed(&cache->pages);
        result = 0;
        break;
    }
    spin_unlock_irqrestore(&state->lock, irq);
    return result;
}

int slab_init(struct kernel *kernel)
{
    static const char *const class_names[KMALLOC_CLASSES] = {
        "kmalloc-16",  "kmalloc-32",  "kmalloc-64",   "kmalloc-128",
        "kmalloc-256", "kmalloc-512", "kmalloc-1024", "kmalloc-2048",
    };
    unsigned cpus = kernel->boot->cpu_count;
    size_t bytes = sizeof(struct slab_state) +
                   (size_t)(KMALLOC_CLASSES + 2) * cpus * sizeof(struct slab_magazine);
    unsigned order = log2_ceil(DIV_ROUND_UP(bytes, PAGE_SIZE));
    struct page *page = page_alloc(order, ALLOC_ZERO);
    if (!page)
        return -ENOMEM;
    page_mark(page, PAGE_KERNEL);
    struct slab_state *state = page_address(page);
    struct slab_magazine *magazines = state->magazines;
    spin_lock_init(&state->lock, LOCK_RANK_NONE);
    list_init(&state->caches);
    kernel->slab = state;

    cache_init(state, &state->headers, "slab", sizeof(struct slab), 8, magazines);
    cache_init(state, &state->objects, "slab_cache", sizeof(struct slab_cache), 64,
               magazines += cpus);
    for (unsigned i = 0; i < KMALLOC_CLASSES; i++) {
        size_t size = (size_t)1 << (KMALLOC_MIN_SHIFT + i);
        cache_init(state, &state->classes[i], class_names[i], size, size, magazines += cpus);
        state->classes[i].boot = true;
    }
    state->headers.boot = state->objects.boot = true;
    return 0;
}
