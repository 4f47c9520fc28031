/* SPDX-License-Identifier: MIT
 *
 * Buffered reading and writing through the page cache.
 *
 * User memory is copied without cache->lock, as the copy may fault on a mapping of the same object;
 * the caller's inode mutex orders writers. New pages are filled before they are entered into the
 * cache. A long write takes its pages from one block, so that mappings of the file later cover many
 * pages with one translation.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/page_cache.h"

enum { READ_BATCH = 16, BLOCK_ORDER_MAX = 4 };

/* Copy `bytes` at `offset` of the page at index (NULL: a hole) to the uio. */
static int64_t read_one(struct page_cache *cache, uint64_t index, struct page *page, size_t offset,
                        size_t bytes, struct uio *uio)
{
    struct page *created = NULL;
    if (!page) {
        /* Even a hole is asked for under the lock: the cache may just have left its store. */
        int error = page_cache_get(cache, index, cache->ops->read_page, &created);
        if (error)
            return error;
        if (!created)
            return (int64_t)uio_zero(uio, bytes);
        page = created;
    }
    size_t done = uio_copy_to(uio, (char *)page_address(page) + offset, bytes);
    if (created)
        page_put(created);
    return (int64_t)done;
}

int64_t page_cache_read(struct page_cache *cache, uint64_t pos, uint64_t bytes, struct uio *uio)
{
    uint64_t done = 0;
    int64_t error = 0;
    bool stopped = false;
    bytes = MIN(bytes, uio->remaining);
    while (done < bytes && !stopped) {
        uint64_t index = (pos + done) / PAGE_SIZE;
        uint64_t after = DIV_ROUND_UP(pos + bytes, (uint64_t)PAGE_SIZE);
        unsigned count = (unsigned)MIN(after - index, (uint64_t)READ_BATCH);
        struct page *pages[READ_BATCH];
        page_cache_get_run(cache, index, count, pages);
        for (unsigned i = 0; i < count; i++) {
            if (!stopped) {
                size_t offset = (pos + done) % PAGE_SIZE;
                size_t part = MIN(bytes - done, (uint64_t)PAGE_SIZE - offset);
                int64_t got = read_one(cache, index + i, pages[i], offset, part, uio);
                done += got > 0 ? (uint64_t)got : 0;
                stopped = got < (int64_t)part;
                error = got < 0 ? got : stopped ? -EFAULT : 0;
            }
            if (pages[i])
                page_put(pages[i]);
        }
    }
    return done ? (int64_t)done : error;
}

/* Pages for a write, taken a block at a time. */
struct supply {
    struct page *next;
    unsigned left;
};

static struct page *supply_take(struct supply *supply, uint64_t pages_wanted)
{
    if (!supply->left) {
        unsigned order = MIN(log2_floor(pages_wanted), (unsigned)BLOCK_ORDER_MAX);
        supply->next = page_alloc(order, ALLOC_USER);
        if (!supply->next && order)
            supply->next = page_alloc(order = 0, ALLOC_USER);
        if (!supply->next && page_cache_shrink(this_kernel(), 1))
            supply->next = page_alloc(order = 0, ALLOC_USER);
        if (!supply->next)
            return NULL;
        page_split(supply->next, order);
        supply->left = 1u << order;
    }
    supply->left--;
    return supply->next++;
}

static void supply_return(struct supply *supply)
{
    while (supply->left--)
        page_put(supply->next++);
}

/* Write into a page that the cache does not have. Bytes, or a negative errno. -EEXIST: now it has.
 */
static int64_t write_new(struct page_cache *cache, uint64_t index, size_t offset, size_t bytes,
                         struct uio *uio, struct supply *supply, uint64_t pages_wanted)
{
    struct page *page = supply_take(supply, pages_wanted);
    if (!page)
        return -ENOMEM;
    char *memory = page_address(page);
    memset(memory, 0, offset);
    size_t done = uio_copy_from(memory + offset, uio, bytes);
    memset(memory + offset + done, 0, PAGE_SIZE - offset - done);
    int error = done ? page_cache_insert(cache, index, page) : -EFAULT;
    if (error) {
        uio_revert(uio, done);
        page_put(page);
        return error;
    }
    page_cache_mark_dirty(cache, page);
    return (int64_t)done;
}

static int64_t write_present(struct page_cache *cache, struct page *page, size_t offset,
                             size_t bytes, struct uio *uio)
{
    size_t done = uio_copy_from((char *)page_address(page) + offset, uio, bytes);
    page_cache_mark_dirty(cache, page);
    page_put(page);
    return done ? (int64_t)done : -EFAULT;
}

static int64_t write_one(struct page_cache *cache, uint64_t index, size_t offset, size_t bytes,
                         struct uio *uio, struct supply *supply, uint64_t pages_wanted)
{
    bool read_first = cache->ops->read_page && bytes < PAGE_SIZE;
    for (;;) {
        struct page *page;
        int error = page_cache_get(cache, index, read_first, &page);
        if (error)
            return error;
        if (page)
            return write_present(cache, page, offset, bytes, uio);
        int64_t done = write_new(cache, index, offset, bytes, uio, supply, pages_wanted);
        if (done != -EEXIST)
            return done;
    }
}

int64_t page_cache_write(struct page_cache *cache, uint64_t pos, uint64_t bytes, struct uio *uio)
{
    struct supply supply = {0};
    uint64_t done = 0;
    int64_t error = 0;
    bytes = MIN(bytes, uio->remaining);
    while (done < bytes) {
        size_t offset = (pos + done) % PAGE_SIZE;
        size_t part = MIN(bytes - done, (uint64_t)PAGE_SIZE - offset);
        uint64_t pages_wanted = DIV_ROUND_UP(offset + bytes - done, (uint64_t)PAGE_SIZE);
        int64_t put =
            write_one(cache, (pos + done) / PAGE_SIZE, offset, part, uio, &supply, pages_wanted);
        if (put < 0) {
            error = put;
            break;
        }
        done += (uint64_t)put;
        if ((size_t)put < part)
            break;
    }
    supply_return(&supply);
    return done ? (int64_t)done : error;
}
