/* SPDX-License-Identifier: MIT */
/*
 * ioctl(2) on block devices: sizes and limits, read-only flag, flushing, discarding; blkdev(8)'s
 * relatives, blockdev(8), blkdiscard(8).
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/ioctl.h"
#include "kernel/drivers/block.h"
#include "kernel/drivers/block_cache.h"
#include "kernel/fs/block_file.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/mm/uaccess.h"

enum { GEOMETRY_HEADS = 16, GEOMETRY_SECTORS = 63 };

static int64_t put_int(uint64_t argument, uint32_t value)
{
    return put_user_u32(argument, value);
}

static int64_t put_short(uint64_t argument, uint16_t value)
{
    return copy_to_user(argument, &value, sizeof(value));
}

static int64_t set_read_only(struct block_device *device, uint64_t argument)
{
    uint32_t value;
    if (!capable(CAP_SYS_ADMIN))
        return -EACCES;
    int error = copy_from_user(&value, argument, sizeof(value));
    if (error)
        return error;
    /* A disk that is read only stays it. */
    atomic_store_relaxed(&device->read_only, value != 0 || device->limits.read_only);
    return 0;
}

/* BLKDISCARD, BLKSECDISCARD, BLKZEROOUT: a range of bytes, { start, length }. */
static int64_t erase(struct file *file, struct block_device *device, uint32_t command,
                     uint64_t argument)
{
    uint64_t range[2], end;
    uint32_t block = device->limits.logical_block;
    if (!(file->mode & FILE_WRITE))
        return -EBADF;
    if (command == BLKSECDISCARD || (command == BLKDISCARD && !device->limits.discard_sectors))
        return -EOPNOTSUPP;
    int error = copy_from_user(range, argument, sizeof(range));
    if (error)
        return error;
    if (range[0] % block || range[1] % block || add_overflows(range[0], range[1], &end) ||
        end > block_bytes(device))
        return -EINVAL;
    return block_file_erase(device, range[0], end,
                            command == BLKDISCARD ? ERASE_DISCARD : ERASE_ZERO);
}

static int64_t flush_buffers(struct block_device *device)
{
    if (!capable(CAP_SYS_ADMIN))
        return -EACCES;
    return block_invalidate(device);
}

static int64_t set_readahead(struct block_device *device, uint64_t argument)
{
    if (!capable(CAP_SYS_ADMIN))
        return -EACCES;
    atomic_store_relaxed(&device->readahead, (uint32_t)MIN(argument, (uint64_t)UINT32_MAX));
    return 0;
}

static int64_t get_geometry(const struct block_device *device, uint64_t argument)
{
    const struct linux_hd_geometry geometry = {
        .heads = GEOMETRY_HEADS,
        .sectors = GEOMETRY_SECTORS,
        .start = device->start,
        .cylinders = (uint16_t)(device->limits.sectors / (GEOMETRY_HEADS * GEOMETRY_SECTORS)),
    };
    return argument ? copy_to_user(argument, &geometry, sizeof(geometry)) : -EINVAL;
}

static int64_t set_block_size(const struct block_device *device, uint64_t argument)
{
    uint32_t size;
    if (!capable(CAP_SYS_ADMIN))
        return -EACCES;
    if (!argument)
        return -EINVAL;
    int error = copy_from_user(&size, argument, sizeof(size));
    if (error)
        return error;
    /* The cache's unit does not depend on it. */
    bool valid =
        size >= device->limits.logical_block && size <= PAGE_SIZE && (size & (size - 1)) == 0;
    return valid ? 0 : -EINVAL;
}

static int64_t reread_partitions(struct file *file, struct block_device *device)
{
    if (!capable(CAP_SYS_ADMIN))
        return -EACCES;
    return device->disk ? -EINVAL : block_file_reread(device, file);
}

/* BLKPG: positions and lengths are in bytes, and signed. */
static int64_t change_partition(struct block_device *device, uint64_t argument)
{
    struct linux_blkpg_ioctl_arg order;
    struct linux_blkpg_partition what;
    if (!capable(CAP_SYS_ADMIN))
        return -EACCES;
    int error = copy_from_user(&order, argument, sizeof(order));
    if (!error)
        error = copy_from_user(&what, order.data, sizeof(what));
    if (error)
        return error;
    if (device->disk || what.pno <= 0 || order.op < PARTITION_ADD || order.op > PARTITION_RESIZE)
        return -EINVAL;
    uint64_t unaligned = (uint64_t)what.start | (uint64_t)what.length;
    if (order.op != PARTITION_DELETE &&
        (what.start < 0 || what.length <= 0 || unaligned % device->limits.logical_block))
        return -EINVAL;
    const struct partition part = {.start = (uint64_t)what.start / BLOCK_SECTOR,
                                   .sectors = (uint64_t)what.length / BLOCK_SECTOR};
    return block_file_partition(device, (enum partition_change)order.op, (unsigned)what.pno, &part);
}

int64_t block_file_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    struct block_device *device = block_file_device(file);
    const struct block_limits *limits = &device->limits;
    switch (command) {
    case BLKGETSIZE64:
        return put_user_u64(argument, block_bytes(device));
    case BLKGETSIZE:
        return put_user_u64(argument, limits->sectors);
    case BLKSSZGET:
        return put_int(argument, limits->logical_block);
    case BLKBSZGET:
        return put_int(argument, PAGE_SIZE);
    case BLKBSZSET:
        return set_block_size(device, argument);
    case BLKPBSZGET:
    case BLKIOMIN:
        return put_int(argument, limits->physical_block);
    case BLKIOOPT:
        return put_int(argument, limits->optimal_io);
    case BLKALIGNOFF:
    case BLKDISCARDZEROES:
        return put_int(argument, 0);
    case BLKROTATIONAL:
        return put_short(argument, 0);
    case BLKSECTGET:
        return put_short(argument, (uint16_t)(limits->segments * (PAGE_SIZE / BLOCK_SECTOR)));
    case BLKROGET:
        return put_int(argument, atomic_load_relaxed(&device->read_only));
    case BLKROSET:
        return set_read_only(device, argument);
    case BLKRAGET:
    case BLKFRAGET:
        return put_user_u64(argument, atomic_load_relaxed(&device->readahead));
    case BLKRASET:
    case BLKFRASET:
        return set_readahead(device, argument);
    case BLKGETDISKSEQ:
        return put_user_u64(argument, device->minor / 16 + 1);
    case BLKFLSBUF:
        return flush_buffers(device);
    case BLKRRPART:
        return reread_partitions(file, device);
    case BLKPG:
        return change_partition(device, argument);
    case BLKDISCARD:
    case BLKSECDISCARD:
    case BLKZEROOUT:
        return erase(file, device, command, argument);
    case HDIO_GETGEO:
        return get_geometry(device, argument);
    default:
        return -ENOTTY;
    }
}
