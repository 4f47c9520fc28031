/* SPDX-License-Identifier: MIT */
/*
 * Contents of block devices by bytes (block_cache.h): the page cache of a device, and direct I/O,
 * which goes through memory of the kernel's own, 64 KiB at a time.
 *
 * A page of the cache is PAGE_SIZE bytes of the device; the last one may be shorter, and is zero
 * behind the end. Pages are read 16 at a time where there is memory, under the cache's lock; they
 * are written in runs. There is no thread that writes them by itself: they are written when
 * somebody syncs, when the last user closes the device, and by a writer who finds that much is
 * dirty.
 */
#include "kernel/drivers/block_cache.h"

#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/drivers/block.h"
#include "kernel/drivers/drivers_internal.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uio.h"

enum { CLUSTER_PAGES = 16, DIRECT_ORDER = 4, DIRTY_SHARE = 16 };
enum { SECTORS_PER_PAGE = PAGE_SIZE / BLOCK_SECTOR };

/* ---- transfers ---- */

/* A request that is being put together. */
struct transfer {
    struct block_device *device;
    struct block_segment segments[BLOCK_SEGMENTS_MAX];
    struct block_request request;
};

static void transfer_begin(struct transfer *transfer, struct block_device *device,
                           enum block_operation operation, uint64_t sector)
{
    transfer->device = device;
    transfer->request = (struct block_request){
        .operation = operation, .sector = sector, .segments = transfer->segments};
}

static int transfer_send(struct transfer *transfer)
{
    struct block_request *request = &transfer->request;
    int error = request->count > 0 ? block_execute(transfer->device, request) : 0;

    request->sector += request->count;
    request->count = 0;
    request->segment_count = 0;
    return error;
}

/* Add at most a page, to the last segment if it follows that in memory. */
static int transfer_add(struct transfer *transfer, uint64_t paddr, uint32_t bytes)
{
    const struct block_limits *limits = &transfer->device->limits;
    struct block_request *request = &transfer->request;
    unsigned count = request->segment_count;
    struct block_segment *last = &transfer->segments[count > 0 ? count - 1 : 0];
    int error = 0;

    if (count > 0 && last->paddr + last->bytes == paddr &&
        bytes <= limits->segment_bytes - last->bytes) {
        last->bytes += bytes;
    } else {
        if (count == limits->segments) {
            error = transfer_send(transfer);
        }
        transfer->segments[request->segment_count++] = (struct block_segment){paddr, bytes};
    }
    request->count += bytes / BLOCK_SECTOR;
    return error;
}

/* How much of a page the device has. */
static uint32_t bytes_in_page(const struct block_device *device, uint64_t index)
{
    uint64_t left = block_bytes(device) - index * PAGE_SIZE;

    return (uint32_t)MIN(left, (uint64_t)PAGE_SIZE);
}

/* ---- the page cache ---- */

static struct block_device *device_of(const struct page_cache *cache)
{
    return cache->owner;
}

static int read_block(struct page_cache *cache, struct page *block, uint64_t first, unsigned count)
{
    struct block_device *device = device_of(cache);
    struct transfer transfer;
    int error = 0;

    transfer_begin(&transfer, device, BLOCK_READ, first * SECTORS_PER_PAGE);
    for (unsigned i = 0; i < count && !error; i++) {
        uint32_t bytes = bytes_in_page(device, first + i);
        memset((char *)page_address(&block[i]) + bytes, 0, PAGE_SIZE - bytes);
        error = transfer_add(&transfer, page_to_phys(&block[i]), bytes);
    }
    return error ? error : transfer_send(&transfer);
}

static int read_page(struct page_cache *cache, struct page *page)
{
    return read_block(cache, page, page->index, 1) == 0 ? 0 : -EIO;
}

static int write_run(struct page_cache *cache, struct page *const *pages, unsigned count)
{
    struct block_device *device = device_of(cache);
    struct transfer transfer;
    int error = 0;

    transfer_begin(&transfer, device, BLOCK_WRITE, pages[0]->index * SECTORS_PER_PAGE);
    for (unsigned i = 0; i < count && !error; i++) {
        error =
            transfer_add(&transfer, page_to_phys(pages[i]), bytes_in_page(device, pages[i]->index));
    }
    return error ? error : transfer_send(&transfer);
}

static int write_page(struct page_cache *cache, struct page *page)
{
    return write_run(cache, &page, 1);
}

static void cluster(struct page_cache *cache, uint64_t index, uint64_t *first, unsigned *count)
{
    uint64_t pages = DIV_ROUND_UP(block_bytes(device_of(cache)), (uint64_t)PAGE_SIZE);

    *first = index - index % CLUSTER_PAGES;
    *count = (unsigned)MIN(pages - *first, (uint64_t)CLUSTER_PAGES);
}

static const struct page_cache_ops cache_ops = {
    .read_page = read_page,
    .write_page = write_page,
    .cluster = cluster,
    .read_block = read_block,
    .write_run = write_run,
};

void block_cache_setup(struct block_device *device)
{
    page_cache_init(&device->cache, &cache_ops, device);
}

int64_t block_read(struct block_device *device, uint64_t pos, uint64_t bytes, struct uio *uio)
{
    return page_cache_read(&device->cache, pos, bytes, uio);
}

int block_sync(struct block_device *device, uint64_t start, uint64_t end, bool flush)
{
    int error = 0;

    if (start == 0 && end >= block_bytes(device)) {
        atomic_store_relaxed(&device->dirty_bytes, 0);
    }
    if (end > start) {
        error = page_cache_sync(&device->cache, start / PAGE_SIZE, (end - 1) / PAGE_SIZE);
    }
    if (flush) {
        int flush_error = block_flush(device);
        error = error ? error : flush_error;
    }
    return error;
}

/* The cache may hold only so much that memory pressure could not get rid of. */
static void limit_dirty(struct block_device *device, uint64_t written)
{
    uint64_t dirty = atomic_add_fetch_relaxed(&device->dirty_bytes, written);
    struct page_counts pages;

    if (dirty < 1 << 20) {
        return;
    }
    page_count(device->kernel, &pages);
    if (dirty / PAGE_SIZE >= pages.total / DIRTY_SHARE) {
        (void)block_sync(device, 0, UINT64_MAX, false); /* what fails shows at the next sync */
    }
}

int64_t block_write(struct block_device *device, uint64_t pos, uint64_t bytes, struct uio *uio)
{
    mutex_lock(&device->write_mutex);
    int64_t written = page_cache_write(&device->cache, pos, bytes, uio);
    mutex_unlock(&device->write_mutex);
    if (written > 0) {
        limit_dirty(device, (uint64_t)written);
    }
    return written;
}

void block_sync_all(struct kernel *kernel)
{
    struct block_device *device = NULL;

    while ((device = block_next(kernel, device)) != NULL) {
        (void)block_sync(device, 0, UINT64_MAX, true);
    }
}

int block_invalidate(struct block_device *device)
{
    int error = block_sync(device, 0, UINT64_MAX, false);

    page_cache_drop_clean(&device->cache, 0, UINT64_MAX);
    return error;
}

void block_forget(struct block_device *device, uint64_t start, uint64_t end)
{
    /* Parts of pages are zeroed and thereby dirty: what they share with their neighbours stays. */
    page_cache_punch(&device->cache, start, end);
}

/* ---- direct ---- */

/* Move up to `bytes` between the device and a block of memory. */
static int transfer_block(struct block_device *device, enum block_operation operation, uint64_t pos,
                          struct page *block, uint64_t bytes)
{
    struct transfer transfer;
    int error = 0;

    transfer_begin(&transfer, device, operation, pos / BLOCK_SECTOR);
    for (uint64_t done = 0; done < bytes && !error; done += PAGE_SIZE) {
        error = transfer_add(&transfer, page_to_phys(block) + done,
                             (uint32_t)MIN(bytes - done, (uint64_t)PAGE_SIZE));
    }
    return error ? error : transfer_send(&transfer);
}

static struct page *direct_memory(uint64_t bytes, uint64_t *out_bytes)
{
    unsigned order = bytes > PAGE_SIZE ? DIRECT_ORDER : 0;
    struct page *block = page_alloc(order, ALLOC_USER);

    if (!block) {
        block = page_alloc(order = 0, ALLOC_USER);
    }
    *out_bytes = (uint64_t)PAGE_SIZE << order;
    return block;
}

int64_t block_read_direct(struct block_device *device, uint64_t pos, uint64_t bytes,
                          struct uio *uio)
{
    uint64_t room, done = 0;
    struct page *block = direct_memory(bytes, &room);
    int64_t error = block ? block_sync(device, pos, pos + bytes, false) : -ENOMEM;

    while (error == 0 && done < bytes) {
        uint64_t part = MIN(bytes - done, room);
        error = transfer_block(device, BLOCK_READ, pos + done, block, part);
        if (error == 0) {
            size_t copied = uio_copy_to(uio, page_address(block), part);
            done += copied;
            error = copied < part ? -EFAULT : 0;
        }
    }
    if (block) {
        page_put(block);
    }
    return done > 0 ? (int64_t)done : error;
}

/* What was written is what the cache has, too. */
static void update_cache(struct block_device *device, uint64_t pos, const char *from,
                         uint64_t bytes)
{
    for (uint64_t done = 0; done < bytes;) {
        size_t offset = (pos + done) % PAGE_SIZE;
        size_t part = MIN(bytes - done, (uint64_t)PAGE_SIZE - offset);
        struct page *page;
        if (page_cache_get(&device->cache, (pos + done) / PAGE_SIZE, false, &page) == 0 && page) {
            memcpy((char *)page_address(page) + offset, from + done, part);
            page_put(page);
        }
        done += part;
    }
}

static int64_t write_direct_locked(struct block_device *device, uint64_t pos, uint64_t bytes,
                                   struct uio *uio, struct page *block, uint64_t room)
{
    uint64_t done = 0;
    int error = block_sync(device, pos, pos + bytes, false);

    while (error == 0 && done < bytes) {
        uint64_t part = MIN(bytes - done, room);
        uint64_t copied = uio_copy_from(page_address(block), uio, part);
        bool whole = copied == part;
        copied -= copied % device->limits.logical_block;
        if (copied > 0) {
            error = transfer_block(device, BLOCK_WRITE, pos + done, block, copied);
        }
        if (error == 0) {
            update_cache(device, pos + done, page_address(block), copied);
            done += copied;
            error = whole ? 0 : -EFAULT;
        }
    }
    return done > 0 ? (int64_t)done : error;
}

int64_t block_write_direct(struct block_device *device, uint64_t pos, uint64_t bytes,
                           struct uio *uio)
{
    uint64_t room;
    struct page *block = direct_memory(bytes, &room);

    if (!block) {
        return -ENOMEM;
    }
    mutex_lock(&device->write_mutex);
    int64_t written = write_direct_locked(device, pos, bytes, uio, block, room);
    mutex_unlock(&device->write_mutex);
    page_put(block);
    return written;
}
