/* SPDX-License-Identifier: MIT */
/*
 * The list of block devices, and requests from submission to answer (block.h).
 *
 * A request is on its submitter's stack. The driver sets request->done as the last thing that it
 * does to it, then wakes the device's queue; the submitter leaves only when it is set. If that
 * takes too long the submitter calls the driver's recover, which ends all requests.
 *
 * The list of disks changes during boot only, and is read without a lock; so are a disk's
 * partitions, which are never freed (block_partition.c).
 */
#include "kernel/drivers/block.h"

#include "kernel/abi/errno.h"
#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/core/klog.h"
#include "kernel/drivers/drivers_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

enum { BLOCK_MAJOR = 254, DISKS_MAX = 26, READAHEAD_SECTORS = 256 };

static const uint64_t timeout_ns = (uint64_t)BLOCK_TIMEOUT_S * 1000000000u;

/* ---- the list ---- */

void block_setup(struct block_device *device, struct kernel *kernel, unsigned minor)
{
    device->kernel = kernel;
    device->major = BLOCK_MAJOR;
    device->minor = minor;
    device->readahead = READAHEAD_SECTORS;
    wait_queue_init(&device->wait);
    spin_lock_init(&device->stats_lock, LOCK_RANK_OBJECT);
    mutex_init(&device->write_mutex, LOCK_RANK_INODE);
    mutex_init(&device->parts_mutex, LOCK_RANK_PARTITIONS);
    device->read_only = device->limits.read_only;
    block_cache_setup(device);
}

int block_register(struct kernel *kernel, struct block_device *device)
{
    struct driver_state *drivers = kernel->drivers;

    if (drivers->block_count == DISKS_MAX) {
        return -ENOSPC;
    }
    ksnprintf(device->name, sizeof(device->name), "vd%c", 'a' + (int)drivers->block_count);
    block_setup(device, kernel, drivers->block_count * BLOCK_MINORS);
    list_add_tail(&drivers->blocks, &device->node);
    drivers->block_count++;
    klog(KLOG_INFO, "%s: %llu sectors of %d bytes%s%s", device->name,
         (unsigned long long)device->limits.sectors, BLOCK_SECTOR,
         device->limits.write_cache ? ", write cache" : "", device->read_only ? ", read only" : "");
    return 0;
}

struct block_device *block_next(struct kernel *kernel, const struct block_device *previous)
{
    struct list *blocks = &kernel->drivers->blocks;
    const struct block_device *disk = previous && previous->disk ? previous->disk : previous;

    for (unsigned i = previous ? previous->number : 0; disk && i < PARTITIONS_MAX; i++) {
        struct block_device *part = atomic_load_acquire(&disk->parts[i]);
        if (part && block_is_present(part)) {
            return part;
        }
    }
    struct list_node *node = disk ? list_next(blocks, &disk->node) : list_first(blocks);
    return node ? list_entry(node, struct block_device, node) : NULL;
}

struct block_device *block_find(struct kernel *kernel, unsigned major, unsigned minor)
{
    struct block_device *device = NULL;

    while ((device = block_next(kernel, device)) != NULL) {
        if (device->major == major && device->minor == minor) {
            return device;
        }
    }
    return NULL;
}

struct block_device *block_find_name(struct kernel *kernel, const char *name, size_t length)
{
    struct block_device *device = NULL;

    while ((device = block_next(kernel, device)) != NULL) {
        if (kstrlen(device->name) == length && memcmp(device->name, name, length) == 0) {
            return device;
        }
    }
    return NULL;
}

/* ---- figures ---- */

/* Account the time since in_flight last changed. Lock held. */
static void stats_settle(struct block_device *device, uint64_t now_ns)
{
    uint64_t passed_ns = now_ns - device->stats_stamp_ns;

    if (device->stats.in_flight > 0) {
        device->stats.busy_ns += passed_ns;
        device->stats.weighted_ns += passed_ns * device->stats.in_flight;
    }
    device->stats_stamp_ns = now_ns;
}

static uint64_t stats_begin(struct block_device *device)
{
    spin_lock(&device->stats_lock);
    uint64_t now_ns = clock_monotonic_ns();
    stats_settle(device, now_ns);
    device->stats.in_flight++;
    spin_unlock(&device->stats_lock);
    return now_ns;
}

static void stats_end(struct block_device *device, const struct block_request *request,
                      uint64_t start_ns)
{
    unsigned kind = request->operation == BLOCK_WRITE_ZEROES ? BLOCK_WRITE : request->operation;

    spin_lock(&device->stats_lock);
    uint64_t now_ns = clock_monotonic_ns();
    stats_settle(device, now_ns);
    device->stats.in_flight--;
    if (kind <= BLOCK_FLUSH) {
        device->stats.operations[kind].requests++;
        device->stats.operations[kind].sectors += request->status == 0 ? request->count : 0;
        device->stats.operations[kind].time_ns += now_ns - start_ns;
    }
    spin_unlock(&device->stats_lock);
}

void block_stats_now(struct block_device *device, struct block_stats *out)
{
    spin_lock(&device->stats_lock);
    stats_settle(device, clock_monotonic_ns());
    *out = device->stats;
    spin_unlock(&device->stats_lock);
}

/* ---- requests ---- */

void block_completed(struct block_device *device)
{
    wake_all(&device->wait);
}

void block_set_broken(struct block_device *device)
{
    atomic_store_release(&device->broken, true);
    wake_all(&device->wait);
}

/* Wait until *done, or recover the device. False after that. */
static bool wait_for(struct block_device *device, const bool *done, const char *what)
{
    uint64_t deadline_ns = clock_monotonic_ns() + timeout_ns;
    int error = wait_event_state(&device->wait,
                                 atomic_load_acquire(done) || atomic_load_acquire(&device->broken),
                                 THREAD_UNINTERRUPTIBLE, deadline_ns, false);

    if (atomic_load_acquire(done)) {
        return true;
    }
    klog(KLOG_ERR, "%s: %s; resetting it", device->name,
         error == -ETIMEDOUT ? what : "the device is broken");
    device->ops->recover(device);
    return false;
}

/* Give the request to the driver, waiting for room. */
static int submit(struct block_device *device, struct block_request *request)
{
    uint64_t deadline_ns = clock_monotonic_ns() + timeout_ns;
    int error = -EBUSY;

    for (unsigned tries = 0; error == -EBUSY && tries < 3; tries++) {
        /* A request of somebody else that becomes done wakes the queue. */
        int waited = wait_event_state(&device->wait,
                                      (error = device->ops->submit(device, request)) != -EBUSY ||
                                          atomic_load_acquire(&device->broken),
                                      THREAD_UNINTERRUPTIBLE, deadline_ns, false);
        if (error == -EBUSY) {
            klog(KLOG_ERR, "%s: %s; resetting it", device->name,
                 waited == -ETIMEDOUT ? "no request is answered" : "the device is broken");
            device->ops->recover(device);
        }
    }
    return error == -EBUSY ? -EIO : error;
}

/* Inside the device, whose partition it may be: that may be smaller now than it was. */
static bool is_inside(const struct block_device *device, const struct block_request *request)
{
    return request->sector <= device->limits.sectors &&
           request->count <= device->limits.sectors - request->sector;
}

static int carry_out(struct block_device *device, struct block_request *request)
{
    assert(is_inside(device, request));
    request->done = false;
    request->status = -EIO;
    int error = submit(device, request);
    if (error == 0 && !wait_for(device, &request->done, "no answer")) {
        assert(request->done);
    }
    if (error != 0) {
        request->status = error;
    }
    return request->status;
}

static int execute_on_disk(struct block_device *part, struct block_request *request)
{
    if (!is_inside(part, request)) {
        return request->status = -EIO;
    }
    request->sector += part->start;
    int error = block_execute(part->disk, request);
    request->sector -= part->start;
    return error;
}

int block_execute(struct block_device *device, struct block_request *request)
{
    assert(request->segment_count <= device->limits.segments);
    uint64_t start_ns = stats_begin(device);
    int status = device->disk ? execute_on_disk(device, request) : carry_out(device, request);
    stats_end(device, request, start_ns);
    return status;
}

int block_flush(struct block_device *device)
{
    struct block_request request = {.operation = BLOCK_FLUSH};

    return device->limits.write_cache ? block_execute(device, &request) : 0;
}

int block_discard(struct block_device *device, uint64_t sector, uint64_t count)
{
    while (count > 0) {
        struct block_request request = {.operation = BLOCK_DISCARD,
                                        .sector = sector,
                                        .count =
                                            MIN(count, (uint64_t)device->limits.discard_sectors)};
        if (request.count == 0) {
            return -EOPNOTSUPP;
        }
        int error = block_execute(device, &request);
        if (error) {
            return error;
        }
        sector += request.count;
        count -= request.count;
    }
    return 0;
}

static int zero_by_device(struct block_device *device, uint64_t *sector, uint64_t *count,
                          bool unmap)
{
    while (*count > 0) {
        struct block_request request = {.operation = BLOCK_WRITE_ZEROES,
                                        .unmap = unmap,
                                        .sector = *sector,
                                        .count =
                                            MIN(*count, (uint64_t)device->limits.zeroes_sectors)};
        int error = request.count == 0 ? -EOPNOTSUPP : block_execute(device, &request);
        if (error) {
            return error;
        }
        *sector += request.count;
        *count -= request.count;
    }
    return 0;
}

int block_write_zeroes(struct block_device *device, uint64_t sector, uint64_t count, bool unmap)
{
    int error = zero_by_device(device, &sector, &count, unmap);

    if (error != -EOPNOTSUPP) {
        return error;
    }
    struct page *page = page_alloc(0, ALLOC_ZERO);
    if (!page) {
        return -ENOMEM;
    }
    for (error = 0; count > 0 && !error;) {
        uint64_t part = MIN(count, (uint64_t)PAGE_SIZE / BLOCK_SECTOR);
        const struct block_segment segment = {page_to_phys(page), (uint32_t)part * BLOCK_SECTOR};
        struct block_request request = {.operation = BLOCK_WRITE,
                                        .sector = sector,
                                        .count = part,
                                        .segments = &segment,
                                        .segment_count = 1};
        error = block_execute(device, &request);
        sector += part;
        count -= part;
    }
    page_put(page);
    return error;
}

int block_serial(struct block_device *device, char out[BLOCK_SERIAL_MAX])
{
    struct page *page = page_alloc(0, ALLOC_ZERO);

    if (!page) {
        return -ENOMEM;
    }
    const struct block_segment segment = {page_to_phys(page), BLOCK_SERIAL_MAX - 1};
    struct block_request request = {
        .operation = BLOCK_GET_SERIAL, .segments = &segment, .segment_count = 1};
    int error = block_execute(device, &request);
    memcpy(out, page_address(page), BLOCK_SERIAL_MAX - 1);
    out[error ? 0 : BLOCK_SERIAL_MAX - 1] = '\0';
    page_put(page);
    return error == -EOPNOTSUPP ? 0 : error;
}
