/* SPDX-License-Identifier: MIT
 *
 * Block devices: between the drivers of disks and those who use them (fs/block_file.c).
 *
 * A driver fills in a struct block_device with its ops and limits and registers it; it then lives
 * as long as the machine. A partition is a block device, too, whose requests go to its disk; it
 * lives as long as the machine once it was there, and is told by block_is_present.
 * Users read and write through the device's page cache (block_cache.h) or
 * execute single requests, which block until the device has answered. A device that does not answer
 * within BLOCK_TIMEOUT_NS is put in order by its driver, and the request fails with -EIO.
 */
#ifndef KERNEL_DRIVERS_BLOCK_H
#define KERNEL_DRIVERS_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/core/spinlock.h"
#include "kernel/drivers/partition.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/mm/page_cache.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/wait.h"

struct block_device;
struct kernel;

enum {
    BLOCK_SECTOR = 512, /* unit of positions and sizes, whatever the device's own block is */
    BLOCK_SEGMENTS_MAX = 16,
    BLOCK_NAME_MAX = 16,
    BLOCK_SERIAL_MAX = 21, /* with its end */
    BLOCK_TIMEOUT_S = 30,
    BLOCK_MINORS = PARTITIONS_MAX + 1, /* of a disk: itself and its partitions */
};

enum block_operation {
    BLOCK_READ,
    BLOCK_WRITE,
    BLOCK_DISCARD, /* the contents are of no interest any more */
    BLOCK_FLUSH,   /* what has been written before survives a power cut */
    BLOCK_WRITE_ZEROES,
    BLOCK_GET_SERIAL, /* at most 20 bytes, into the one segment */
    BLOCK_OPERATIONS
};

struct block_segment {
    uint64_t paddr;
    uint32_t bytes; /* a multiple of the logical block */
};

/* The submitter's, on its stack. */
struct block_request {
    enum block_operation operation;
    bool unmap;                           /* BLOCK_WRITE_ZEROES may take the blocks away */
    uint64_t sector, count;               /* in sectors; inside the device */
    const struct block_segment *segments; /* of READ, WRITE: `count` sectors in all */
    unsigned segment_count;

    int status; /* of a request that is done: 0, -EIO, -EOPNOTSUPP, -ENOSPC */
    bool done;  /* atomic; nobody touches the request once it is set */
};

struct block_ops {
    /* Give a request to the device. 0; -EBUSY: no room before another is done; -EIO: the device
     * does not work (any more). The driver fills in status, sets done and calls block_completed.
     * Thread context. */
    int (*submit)(struct block_device *device, struct block_request *request);

    /* The device is taking too long over a request, or was said to be broken: reset it. Afterwards
     * all requests are done, with -EIO where they were not. Thread context, may block. */
    void (*recover)(struct block_device *device);
};

/* Set by the driver before registering. Constant. */
struct block_limits {
    uint64_t sectors;
    uint32_t logical_block, physical_block;   /* bytes; powers of two from 512 to a page */
    uint32_t optimal_io;                      /* bytes; 0: unknown */
    unsigned segments;                        /* of a request; 1 .. BLOCK_SEGMENTS_MAX */
    uint32_t segment_bytes;                   /* at least a page */
    uint32_t discard_sectors, zeroes_sectors; /* of one request; 0: not supported */
    bool write_cache;                         /* flushing makes a difference */
    bool read_only;
};

/* What /proc/diskstats tells, by enum block_operation (up to FLUSH). */
struct block_stats {
    struct {
        uint64_t requests, sectors, time_ns;
    } operations[BLOCK_FLUSH + 1];
    uint64_t in_flight, busy_ns, weighted_ns;
};

struct block_device {
    const struct block_ops *ops;
    struct block_limits limits;
    void *driver;

    /* Below: of block.c and its relatives. */
    struct kernel *kernel;
    char name[BLOCK_NAME_MAX];
    unsigned major, minor;
    struct list_node node;
    struct wait_queue wait; /* requests that become done, room that becomes free */
    bool broken;            /* atomic: the driver wants recover to be called */

    struct spinlock stats_lock;
    struct block_stats stats;
    uint64_t stats_stamp_ns; /* when in_flight last changed */

    struct page_cache cache;
    struct mutex write_mutex; /* one buffered or direct write at a time */
    uint64_t dirty_bytes;     /* written to the cache and not yet to the device, roughly; atomic */
    bool read_only;           /* BLKROSET; atomic */
    uint32_t readahead;       /* BLKRASET, in sectors; atomic */

    struct mutex parts_mutex; /* a disk's, for it and its partitions: down to the blank line */
    uint32_t openers;
    const void *claimed_by; /* O_EXCL: the open file */

    struct block_device *disk; /* a partition's; NULL: it is a disk */
    unsigned number;           /* a partition's, from 1 */
    bool present;              /* a partition's; atomic, changes under the mutex */
    uint64_t start;            /* a partition's first sector; constant while it is open */
    struct block_device *parts[PARTITIONS_MAX]; /* NULL: never been; atomic, set once */
};

/* The machine's disks get the names vda, vdb … in the order of registration. 0, -ENOSPC, -ENOMEM.
 * Boot only. */
int block_register(struct kernel *kernel, struct block_device *device);

/* The device after `previous` (NULL: the first), NULL past the last; by number; by name. Partitions
 * follow their disk; those that are not present are left out. */
struct block_device *block_next(struct kernel *kernel, const struct block_device *previous);
struct block_device *block_find(struct kernel *kernel, unsigned major, unsigned minor);
struct block_device *block_find_name(struct kernel *kernel, const char *name, size_t length);

/* ---- partitions ---- */

/* What the disk's blocks say (partition.h). As partition_scan; -ENOMEM. Blocks. */
int block_read_table(struct block_device *disk, struct partition out[PARTITIONS_MAX]);

/* Make these the disk's partitions, in place of those it has. 0, -EBUSY when one is open or
 * somebody but `user` has claimed the disk, -ENOMEM. */
int block_set_partitions(struct block_device *disk, const void *user,
                         const struct partition parts[PARTITIONS_MAX]);

/* One more, one less, another size of one. -EINVAL (no such number is possible; not inside the
 * disk), -EBUSY (it is there, it is open, it overlaps another), -ENXIO (it is not there), -ENOMEM.
 */
int block_add_partition(struct block_device *disk, unsigned number, const struct partition *part);
int block_delete_partition(struct block_device *disk, unsigned number);
int block_resize_partition(struct block_device *disk, unsigned number,
                           const struct partition *part);

/* Open and close for a file, which claims it if `exclusive`: -ENXIO: it is not present; -EBUSY: it,
 * its disk or one of its partitions is claimed. The last close writes and forgets the cache. */
int block_open_device(struct block_device *device, const void *user, bool exclusive);
void block_close_device(struct block_device *device, const void *user);

static inline struct block_device *block_disk_of(struct block_device *device)
{
    return device->disk ? device->disk : device;
}

static inline bool block_is_present(const struct block_device *device)
{
    return !device->disk || atomic_load_acquire(&device->present);
}

/* For drivers: a request is done, or there is room again; or the device has to be recovered. Any
 * context, no lock of rank LOCK_RANK_WAIT_QUEUE or above held. */
void block_completed(struct block_device *device);
void block_set_broken(struct block_device *device);

/* Carry out a request: its status. Blocks, uninterruptibly as Linux does: memory is the device's
 * until it answers. */
int block_execute(struct block_device *device, struct block_request *request);

/* Whole requests. Sectors inside the device. */
int block_flush(struct block_device *device);
int block_discard(struct block_device *device, uint64_t sector, uint64_t count);
/* Zeroes, by the device if it can, else written. Blocks are kept unless `unmap`. */
int block_write_zeroes(struct block_device *device, uint64_t sector, uint64_t count, bool unmap);
/* The serial number; "" if the device has none. -EIO. */
int block_serial(struct block_device *device, char out[BLOCK_SERIAL_MAX]);

void block_stats_now(struct block_device *device, struct block_stats *out);

static inline uint64_t block_bytes(const struct block_device *device)
{
    return device->limits.sectors * BLOCK_SECTOR;
}

#endif
