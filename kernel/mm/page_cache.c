/* SPDX-License-Identifier: MIT
 *
 * The page cache: the set of pages of an object.
 *
 * Every page in the set is up to date and holds one reference; cache->lock guards the set. A page
 * is filled before it is entered, under the lock if that means reading the store, so nobody ever
 * sees a page half filled. Pages leave the set before user mappings are zapped, and the owner
 * shrinks its size before either, so a fault cannot bring a truncated page back (see
 * page_cache_map.c).
 */
#include "kernel/mm/page_cache.h"
#include "kernel/mm/fault_injection.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"

enum { RECLAIM_PAGES = 32 };

static const struct page_cache_ops no_ops = {0};

void page_cache_init(struct page_cache *cache, const struct page_cache_ops *ops, void *owner)
{
    struct mm_state *state = this_kernel()->mm;
    mutex_init(&cache->lock, LOCK_RANK_PAGE_CACHE);
    xarray_init(&cache->pages, &state->xarray_nodes);
    cache->count = 0;
    cache->ops = ops ? ops : &no_ops;
    cache->owner = owner;
    spin_lock_init(&cache->mappings_lock, LOCK_RANK_INODE_STATE);
    list_init(&cache->mappings);
    list_node_init(&cache->reclaim_node);
}

/* A cache whose pages can be read again is offered to reclaim from its first page on. Lock held. */
static void offer_to_reclaim(struct page_cache *cache)
{
    struct mm_state *state = this_kernel()->mm;
    if (!cache->ops->read_page || list_node_linked(&cache->reclaim_node))
        return;
    spin_lock(&state->caches_lock);
    list_add_tail(&state->caches, &cache->reclaim_node);
    spin_unlock(&state->caches_lock);
}

static void hide_from_reclaim(struct page_cache *cache)
{
    struct mm_state *state = this_kernel()->mm;
    if (!list_node_linked(&cache->reclaim_node))
        return;
    spin_lock(&state->caches_lock);
    list_remove(&cache->reclaim_node);
    spin_unlock(&state->caches_lock);
}

/* Count a page in (1) or out (-1). */
static void account(struct page_cache *cache, int delta)
{
    atomic_store_relaxed(&cache->count, cache->count + (uint64_t)(int64_t)delta);
    page_account(PAGE_KIND_CACHED, delta);
    if (!cache->ops->write_page && !cache->ops->read_page)
        page_account(PAGE_KIND_SHARED, delta); /* memory is its only store */
}

/* The page has just left the set. Lock held. */
static void drop(struct page_cache *cache, struct page *page)
{
    atomic_fetch_and_relaxed(&page->flags, ~(uint32_t)(PAGE_CACHE | PAGE_DIRTY));
    page->cache = NULL;
    account(cache, -1);
    if (cache->ops->release)
        cache->ops->release(cache);
    page_put(page);
}

/* Lock held. The page is filled. */
static int insert_locked(struct page_cache *cache, uint64_t index, struct page *page)
{
    int error = cache->ops->reserve ? cache->ops->reserve(cache) : 0;
    if (error)
        return error;
    error = xarray_insert(&cache->pages, index, page);
    if (error) {
        if (cache->ops->release)
            cache->ops->release(cache);
        return error;
    }
    page->cache = cache;
    page->index = index;
    bool memory = !cache->ops->write_page && !cache->ops->read_page;
    atomic_fetch_or_relaxed(&page->flags,
                            PAGE_CACHE | PAGE_UPTODATE | (memory ? (unsigned)PAGE_MEMORY : 0));
    account(cache, 1);
    offer_to_reclaim(cache);
    return 0;
}

int page_cache_insert(struct page_cache *cache, uint64_t index, struct page *page)
{
    mutex_lock(&cache->lock);
    int error = xarray_get(&cache->pages, index) ? -EEXIST : insert_locked(cache, index, page);
    mutex_unlock(&cache->lock);
    return error;
}

/* Fill a page that the caller has allocated, and enter it. On an error the page is given back. */
static int enter_locked(struct page_cache *cache, uint64_t index, struct page *page)
{
    page->cache = cache;
    page->index = index;
    int error = !cache->ops->read_page           ? 0
                : fault_injection_transfer_hit() ? -EIO
                                                 : cache->ops->read_page(cache, page);
    if (!error)
        error = insert_locked(cache, index, page);
    if (error)
        page_put(page);
    return error;
}

/* Read what is missing of the cluster around index into one block, so that mappings of it later
 * need one translation. Without memory for that, or after an error, pages stay missing. */
static void read_cluster(struct page_cache *cache, uint64_t index)
{
    uint64_t first;
    unsigned count;
    cache->ops->cluster(cache, index, &first, &count);
    unsigned order = log2_ceil(count);
    struct page *block = order ? page_alloc(order, ALLOC_USER) : NULL;
    if (!block)
        return;
    page_split(block, order);
    bool filled = false;
    if (cache->ops->read_block) {
        filled = !fault_injection_transfer_hit() &&
                 cache->ops->read_block(cache, block, first, count) == 0;
        count = filled ? count : 0;
    }
    for (unsigned i = 0; i < 1u << order; i++) {
        if (i >= count || xarray_get(&cache->pages, first + i))
            page_put(&block[i]);
        else if (!filled)
            (void)enter_locked(cache, first + i, &block[i]);
        else if (insert_locked(cache, first + i, &block[i]) != 0)
            page_put(&block[i]);
    }
}

static int create_locked(struct page_cache *cache, uint64_t index, struct page **out)
{
    bool read = cache->ops->read_page;
    if (cache->ops->cluster) {
        read_cluster(cache, index);
        *out = xarray_get(&cache->pages, index);
        if (*out)
            return 0;
    }
    unsigned flags = ALLOC_USER | (read ? 0 : ALLOC_ZERO);
    struct page *page = page_alloc(0, flags);
    if (!page && page_cache_shrink(this_kernel(), RECLAIM_PAGES)) /* not from this cache */
        page = page_alloc(0, flags);
    if (!page)
        return -ENOMEM;
    int error = enter_locked(cache, index, page);
    if (!error)
        *out = page;
    return error;
}

int page_cache_get(struct page_cache *cache, uint64_t index, bool create, struct page **out)
{
    int error = 0;
    mutex_lock(&cache->lock);
    *out = xarray_get(&cache->pages, index);
    if (!*out && create)
        error = create_locked(cache, index, out);
    if (*out && !error)
        page_get(*out);
    mutex_unlock(&cache->lock);
    return error;
}

/* Have every page counted by the ops to come; on an error none is. Lock held. */
static int reserve_all_locked(struct page_cache *cache, const struct page_cache_ops *ops)
{
    uint64_t done = 0;
    int error = 0;
    for (; ops->reserve && done < cache->count; done++) {
        error = ops->reserve(cache);
        if (error)
            break;
    }
    while (error && done-- > 0)
        ops->release(cache);
    return error;
}

int page_cache_leave_store(struct page_cache *cache, uint64_t pages,
                           const struct page_cache_ops *ops)
{
    struct page *page;
    int error = 0;
    mutex_lock(&cache->lock);
    for (uint64_t index = 0; index < pages && !error; index++) {
        if (!xarray_get(&cache->pages, index))
            error = create_locked(cache, index, &page);
    }
    if (!error)
        error = reserve_all_locked(cache, ops);
    if (!error) {
        hide_from_reclaim(cache);
        cache->ops = ops;
        page_account(PAGE_KIND_SHARED, (int)cache->count);
    }
    mutex_unlock(&cache->lock);
    return error;
}

unsigned page_cache_get_run(struct page_cache *cache, uint64_t index, unsigned count,
                            struct page **out)
{
    unsigned found = 0;
    mutex_lock(&cache->lock);
    for (unsigned i = 0; i < count; i++) {
        out[i] = xarray_get(&cache->pages, index + i);
        if (out[i]) {
            page_get(out[i]);
            found++;
        }
    }
    mutex_unlock(&cache->lock);
    return found;
}

void page_cache_mark_dirty(struct page_cache *cache, struct page *page)
{
    if (!cache->ops->write_page)
        return;
    mutex_lock(&cache->lock);
    if (page->flags & PAGE_CACHE) {
        atomic_fetch_or_relaxed(&page->flags, PAGE_DIRTY);
        xarray_mark_set(&cache->pages, page->index, PAGE_CACHE_MARK_DIRTY);
    }
    mutex_unlock(&cache->lock);
}

/* Zero bytes [from, to) of the page at index, if it is there. */
static void zero_part(struct page_cache *cache, uint64_t index, size_t from, size_t to)
{
    if (from >= to)
        return;
    mutex_lock(&cache->lock);
    struct page *page = xarray_get(&cache->pages, index);
    if (page) {
        memset((char *)page_address(page) + from, 0, to - from);
        page_get(page);
    }
    mutex_unlock(&cache->lock);
    if (page) {
        page_cache_mark_dirty(cache, page);
        page_put(page);
    }
}

/* Drop whole pages first..last. */
static void drop_range(struct page_cache *cache, uint64_t first, uint64_t last)
{
    uint64_t index;
    struct page *page;
    mutex_lock(&cache->lock);
    xarray_for_each_from(&cache->pages, index, page, first)
    {
        if (index > last)
            break;
        xarray_erase(&cache->pages, index);
        drop(cache, page);
    }
    mutex_unlock(&cache->lock);
}

static bool is_mapped(struct page_cache *cache)
{
    spin_lock(&cache->mappings_lock);
    bool mapped = !list_empty(&cache->mappings);
    spin_unlock(&cache->mappings_lock);
    return mapped;
}

void page_cache_truncate(struct page_cache *cache, uint64_t size)
{
    uint64_t first = DIV_ROUND_UP(size, (uint64_t)PAGE_SIZE);
    if (size % PAGE_SIZE)
        zero_part(cache, size / PAGE_SIZE, size % PAGE_SIZE, PAGE_SIZE);
    drop_range(cache, first, UINT64_MAX);
    /* Even if no page of the cache is mapped: a fault may be about to enter one, and private
     * copies have to go too. */
    if (is_mapped(cache))
        page_cache_zap_mappings(cache, first, UINT64_MAX, ZAP_ALL);
}

void page_cache_punch(struct page_cache *cache, uint64_t start, uint64_t end)
{
    uint64_t first = DIV_ROUND_UP(start, (uint64_t)PAGE_SIZE), after = end / PAGE_SIZE;
    if (start >= end)
        return;
    if (first > after) { /* inside one page */
        zero_part(cache, after, start % PAGE_SIZE, end % PAGE_SIZE);
        return;
    }
    if (start % PAGE_SIZE)
        zero_part(cache, start / PAGE_SIZE, start % PAGE_SIZE, PAGE_SIZE);
    if (end % PAGE_SIZE)
        zero_part(cache, after, 0, end % PAGE_SIZE);
    if (first == after)
        return;
    drop_range(cache, first, after - 1);
    if (is_mapped(cache))
        page_cache_zap_mappings(cache, first, after - 1, ZAP_FILE_PAGES);
}

void page_cache_destroy(struct page_cache *cache)
{
    assert(list_empty(&cache->mappings));
    hide_from_reclaim(cache);
    drop_range(cache, 0, UINT64_MAX);
    assert(cache->count == 0);
    xarray_destroy(&cache->pages);
}

uint64_t page_cache_next(struct page_cache *cache, uint64_t index, bool present)
{
    mutex_lock(&cache->lock);
    if (present) {
        if (!xarray_find(&cache->pages, &index))
            index = UINT64_MAX;
    } else {
        while (xarray_get(&cache->pages, index))
            index++;
    }
    mutex_unlock(&cache->lock);
    return index;
}

/* Take the first dirty page at or after *index, and those that follow it without a gap, at most
 * `max` and up to last: clean from now on. Their number; *index is that of the first. */
static unsigned take_dirty(struct page_cache *cache, uint64_t *index, uint64_t last, unsigned max,
                           struct page **out)
{
    unsigned count = 0;
    uint64_t at = *index;
    mutex_lock(&cache->lock);
    for (; count < max; count++) {
        struct page *page = xarray_find_marked(&cache->pages, &at, PAGE_CACHE_MARK_DIRTY);
        if (!page || at > last || (count > 0 && at != *index + count))
            break;
        if (count == 0)
            *index = at;
        page_get(page);
        xarray_mark_clear(&cache->pages, at, PAGE_CACHE_MARK_DIRTY);
        atomic_fetch_and_relaxed(&page->flags, ~(uint32_t)PAGE_DIRTY);
        out[count] = page;
        at++;
    }
    mutex_unlock(&cache->lock);
    return count;
}

/* Write pages that were just taken; what fails is dirty again. */
static int write_taken(struct page_cache *cache, uint64_t first, struct page *const *pages,
                       unsigned count)
{
    /* Writes from now on fault and make them dirty again; those before are written here. */
    for (unsigned i = 0; i < count; i++) {
        if (atomic_load_relaxed(&pages[i]->map_count))
            page_cache_protect_mappings(cache, first + i, first + i);
    }
    int error = fault_injection_transfer_hit() ? -EIO
                : count > 1                    ? cache->ops->write_run(cache, pages, count)
                                               : cache->ops->write_page(cache, pages[0]);
    for (unsigned i = 0; i < count; i++) {
        if (error)
            page_cache_mark_dirty(cache, pages[i]);
        page_put(pages[i]);
    }
    return error;
}

int page_cache_sync(struct page_cache *cache, uint64_t first, uint64_t last)
{
    int result = 0;
    if (!cache->ops->write_page)
        return 0;
    struct page *pages[PAGE_CACHE_RUN_MAX];
    const unsigned max = cache->ops->write_run ? PAGE_CACHE_RUN_MAX : 1;
    uint64_t index = first;
    unsigned count;
    while ((count = take_dirty(cache, &index, last, max, pages))) {
        int error = write_taken(cache, index, pages, count);
        result = result ? result : error;
        index += count;
        if (index > last || index == 0)
            break;
    }
    return result;
}

/* Clean pages first..last that nobody but the cache holds. Lock held. */
static uint64_t shrink_locked(struct page_cache *cache, uint64_t first, uint64_t last,
                              uint64_t wanted)
{
    uint64_t freed = 0, index;
    struct page *page;
    xarray_for_each_from(&cache->pages, index, page, first)
    {
        if (freed == wanted || index > last)
            break;
        if ((page->flags & PAGE_DIRTY) || atomic_load_acquire(&page->refs) != 1)
            continue;
        xarray_erase(&cache->pages, index);
        drop(cache, page);
        freed++;
    }
    return freed;
}

uint64_t page_cache_drop_clean(struct page_cache *cache, uint64_t first, uint64_t last)
{
    mutex_lock(&cache->lock);
    uint64_t freed = shrink_locked(cache, first, last, UINT64_MAX);
    mutex_unlock(&cache->lock);
    return freed;
}

uint64_t page_cache_shrink(struct kernel *kernel, uint64_t wanted)
{
    struct mm_state *state = kernel->mm;
    struct page_cache *cache;
    uint64_t freed = 0;
    /* A cache in the list is alive while the list is locked; its owner may hold its lock. */
    spin_lock(&state->caches_lock);
    list_for_each_entry(cache, &state->caches, reclaim_node)
    {
        if (freed >= wanted)
            break;
        if (!mutex_trylock(&cache->lock))
            continue;
        freed += shrink_locked(cache, 0, UINT64_MAX, wanted - freed);
        mutex_unlock(&cache->lock);
    }
    spin_unlock(&state->caches_lock);
    return freed;
}
