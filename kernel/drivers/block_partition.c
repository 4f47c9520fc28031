/* SPDX-License-Identifier: MIT */
/*
 * Partitions of disks as block devices, and who has a disk or a partition open.
 *
 * A partition is made when its number is first used, and never freed: readers of the list take no
 * lock and hold no reference, and there are PARTITIONS_MAX of them at most. One that is deleted is
 * not present until its number is used again. Where it lies changes only while nobody has it open;
 * its cache is empty then. All that changes under the disk's parts_mutex, which is held while the
 * last close writes the cache: nobody can put another partition in its place meanwhile.
 */
#include "kernel/abi/errno.h"
#include "kernel/core/klog.h"
#include "kernel/drivers/block.h"
#include "kernel/drivers/block_cache.h"
#include "kernel/drivers/drivers_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"

/* ---- reading the table ---- */

struct table_reader {
    struct block_device *disk;
    struct page *page;
};

static int read_table_block(void *context, uint64_t block, void *buffer)
{
    struct table_reader *reader = context;
    uint32_t bytes = reader->disk->limits.logical_block, sectors = bytes / BLOCK_SECTOR;
    const struct block_segment segment = {page_to_phys(reader->page), bytes};
    struct block_request request = {
        .operation = BLOCK_READ,
        .sector = block * sectors,
        .count = sectors,
        .segments = &segment,
        .segment_count = 1,
    };

    assert(buffer == page_address(reader->page));
    return block_execute(reader->disk, &request);
}

int block_read_table(struct block_device *disk, struct partition out[PARTITIONS_MAX])
{
    uint32_t block_bytes = disk->limits.logical_block;
    struct table_reader reader = {.disk = disk, .page = page_alloc(0, ALLOC_ZERO)};

    if (!reader.page) {
        return -ENOMEM;
    }
    const struct partition_source source = {
        .read = read_table_block,
        .context = &reader,
        .block_bytes = block_bytes,
        .blocks = disk->limits.sectors / (block_bytes / BLOCK_SECTOR),
        .buffer = page_address(reader.page),
    };
    int error = block_sync(disk, 0, UINT64_MAX, false); /* it may have been written just now */
    int count = error ? error : partition_scan(&source, out);
    page_put(reader.page);
    return count;
}

/* ---- changes ---- */

static struct block_device *part_at(const struct block_device *disk, unsigned number)
{
    return atomic_load_acquire(&disk->parts[number - 1]);
}

static bool is_there(const struct block_device *part)
{
    return part && block_is_present(part);
}

/* The device of a number, made now if it has never been. NULL: no memory. */
static struct block_device *part_make(struct block_device *disk, unsigned number)
{
    struct block_device *part = part_at(disk, number);

    if (part) {
        return part;
    }
    part = kzalloc(sizeof(*part));
    if (!part) {
        return NULL;
    }
    part->disk = disk;
    part->number = number;
    part->limits = disk->limits;
    part->limits.sectors = 0;
    ksnprintf(part->name, sizeof(part->name), "%s%u", disk->name, number);
    block_setup(part, disk->kernel, disk->minor + number);
    atomic_store_release(&disk->parts[number - 1], part);
    return part;
}

static int part_place_locked(struct block_device *disk, unsigned number,
                             const struct partition *where) MUST_HOLD(&disk->parts_mutex)
{
    struct block_device *part = part_make(disk, number);

    if (!part) {
        return -ENOMEM;
    }
    part->start = where->start;
    part->limits.sectors = where->sectors;
    part->read_only = disk->read_only;
    atomic_store_release(&part->present, true);
    return 0;
}

static void part_remove_locked(struct block_device *disk, struct block_device *part)
    MUST_HOLD(&disk->parts_mutex)
{
    (void)disk;
    assert(part->openers == 0);
    atomic_store_release(&part->present, false);
    page_cache_truncate(&part->cache, 0); /* what could not be written is lost now */
}

int block_set_partitions(struct block_device *disk, const void *user,
                         const struct partition parts[PARTITIONS_MAX])
{
    int error = 0;

    mutex_lock(&disk->parts_mutex);
    if (disk->claimed_by && disk->claimed_by != user) {
        error = -EBUSY;
    }
    for (unsigned i = 1; i <= PARTITIONS_MAX; i++) {
        struct block_device *part = part_at(disk, i);
        if (part && part->openers > 0) {
            error = -EBUSY;
        }
    }
    for (unsigned i = 1; i <= PARTITIONS_MAX && !error; i++) {
        struct block_device *part = part_at(disk, i);
        if (is_there(part)) {
            part_remove_locked(disk, part);
        }
    }
    for (unsigned i = 1; i <= PARTITIONS_MAX && !error; i++) {
        if (parts[i - 1].sectors > 0) {
            error = part_place_locked(disk, i, &parts[i - 1]);
        }
    }
    mutex_unlock(&disk->parts_mutex);
    return error;
}

/* Whether it is inside the disk, and which other one it overlaps, if any. */
static int part_check_locked(const struct block_device *disk, unsigned number,
                             const struct partition *where) MUST_HOLD(&disk->parts_mutex)
{
    uint64_t end;

    if (where->sectors == 0 || add_overflows(where->start, where->sectors, &end) ||
        end > disk->limits.sectors) {
        return -EINVAL;
    }
    for (unsigned i = 1; i <= PARTITIONS_MAX; i++) {
        const struct block_device *other = part_at(disk, i);
        if (i != number && is_there(other) && where->start < other->start + other->limits.sectors &&
            other->start < end) {
            return -EBUSY;
        }
    }
    return 0;
}

int block_add_partition(struct block_device *disk, unsigned number, const struct partition *part)
{
    if (number == 0 || number > PARTITIONS_MAX) {
        return -EINVAL;
    }
    mutex_lock(&disk->parts_mutex);
    int error = part_check_locked(disk, number, part);
    if (!error && is_there(part_at(disk, number))) {
        error = -EBUSY;
    }
    if (!error) {
        error = part_place_locked(disk, number, part);
    }
    mutex_unlock(&disk->parts_mutex);
    return error;
}

/* The partition, if it is there and nobody has it open. */
static int part_idle_locked(const struct block_device *disk, unsigned number,
                            struct block_device **out) MUST_HOLD(&disk->parts_mutex)
{
    *out = number > 0 && number <= PARTITIONS_MAX ? part_at(disk, number) : NULL;
    return !is_there(*out) ? -ENXIO : (*out)->openers > 0 ? -EBUSY : 0;
}

int block_delete_partition(struct block_device *disk, unsigned number)
{
    struct block_device *part;

    mutex_lock(&disk->parts_mutex);
    int error = part_idle_locked(disk, number, &part);
    if (!error) {
        part_remove_locked(disk, part);
    }
    mutex_unlock(&disk->parts_mutex);
    return error;
}

int block_resize_partition(struct block_device *disk, unsigned number, const struct partition *part)
{
    struct block_device *old;

    mutex_lock(&disk->parts_mutex);
    /* Linux lets one that is in use change its size; here the users would not see it. */
    int error = part_idle_locked(disk, number, &old);
    if (!error && old->start != part->start) {
        error = -EINVAL;
    }
    if (!error) {
        error = part_check_locked(disk, number, part);
    }
    if (!error) {
        old->limits.sectors = part->sectors;
    }
    mutex_unlock(&disk->parts_mutex);
    return error;
}

/* ---- users ---- */

/* Somebody else has claimed the device, what it is part of, or what is part of it. */
static bool is_claimed_locked(const struct block_device *disk, const struct block_device *device)
    MUST_HOLD(&disk->parts_mutex)
{
    bool claimed = device->claimed_by || disk->claimed_by;

    for (unsigned i = 1; i <= PARTITIONS_MAX && device == disk; i++) {
        const struct block_device *part = part_at(disk, i);
        claimed |= part && part->claimed_by;
    }
    return claimed;
}

int block_open_device(struct block_device *device, const void *user, bool exclusive)
{
    struct block_device *disk = block_disk_of(device);
    int error = 0;

    mutex_lock(&disk->parts_mutex);
    if (!block_is_present(device)) {
        error = -ENXIO;
    } else if (exclusive && is_claimed_locked(disk, device)) {
        error = -EBUSY;
    } else {
        device->claimed_by = exclusive ? user : device->claimed_by;
        device->openers++;
    }
    mutex_unlock(&disk->parts_mutex);
    return error;
}

void block_close_device(struct block_device *device, const void *user)
{
    struct block_device *disk = block_disk_of(device);

    mutex_lock(&disk->parts_mutex);
    if (device->claimed_by == user) {
        device->claimed_by = NULL;
    }
    if (device->openers == 1) {
        (void)block_invalidate(device);
    }
    device->openers--;
    mutex_unlock(&disk->parts_mutex);
}
