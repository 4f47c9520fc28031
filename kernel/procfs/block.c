/* SPDX-License-Identifier: MIT */
/*
 * Disks as /proc and /sys tell of them: partitions and diskstats of proc(5); /sys/block/NAME with
 * its queue limits and a directory for each partition, and the links below /sys/class/block and
 * /sys/dev/block that lead there.
 *
 * The inodes have the minor number. A disk and a partition that was there once are never freed, so
 * that a file of a deleted partition still has something to tell.
 */
#include "kernel/drivers/block.h"
#include "kernel/drivers/block_cache.h"
#include "kernel/fs/device.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/printf.h"
#include "kernel/procfs/sysfs_internal.h"

enum { NS_PER_MS = 1000000 };

/* ---- /proc ---- */

static int show_partitions(struct file *file, struct strbuf *out)
{
    struct block_device *device = NULL;
    while ((device = block_next(file->kernel, device))) {
        if (device == block_next(file->kernel, NULL))
            strbuf_puts(out, "major minor  #blocks  name\n\n"); /* with the first disk */
        strbuf_printf(out, "%4u  %7u %10llu %s\n", device->major, device->minor,
                      (unsigned long long)device->limits.sectors / 2, device->name);
    }
    return 0;
}

const struct text_file_ops proc_partitions = {.show = show_partitions};

static void put_operation(struct strbuf *out, const struct block_stats *stats,
                          enum block_operation operation)
{
    strbuf_printf(out, "%llu 0 %llu %llu ",
                  (unsigned long long)stats->operations[operation].requests,
                  (unsigned long long)stats->operations[operation].sectors,
                  (unsigned long long)stats->operations[operation].time_ns / NS_PER_MS);
}

/* The 17 figures; nothing is ever merged. */
static void put_stats(struct strbuf *out, struct block_device *device)
{
    struct block_stats stats;
    block_stats_now(device, &stats);
    put_operation(out, &stats, BLOCK_READ);
    put_operation(out, &stats, BLOCK_WRITE);
    strbuf_printf(out, "%llu %llu %llu ", (unsigned long long)stats.in_flight,
                  (unsigned long long)stats.busy_ns / NS_PER_MS,
                  (unsigned long long)stats.weighted_ns / NS_PER_MS);
    put_operation(out, &stats, BLOCK_DISCARD);
    strbuf_printf(out, "%llu %llu\n", (unsigned long long)stats.operations[BLOCK_FLUSH].requests,
                  (unsigned long long)stats.operations[BLOCK_FLUSH].time_ns / NS_PER_MS);
}

static int show_diskstats(struct file *file, struct strbuf *out)
{
    struct block_device *device = NULL;
    while ((device = block_next(file->kernel, device))) {
        strbuf_printf(out, "%4u %7u %s ", device->major, device->minor, device->name);
        put_stats(out, device);
    }
    return 0;
}

const struct text_file_ops proc_diskstats = {.show = show_diskstats};

/* ---- a disk's directory: its inodes have the device's minor number ---- */

static struct block_device *device_at(struct kernel *kernel, uint64_t minor)
{
    struct block_device *device = NULL;
    while ((device = block_next(kernel, device))) {
        struct block_device *disk = block_disk_of(device);
        if (disk->minor == minor)
            return disk;
        if (minor > disk->minor && minor < disk->minor + BLOCK_MINORS)
            return atomic_load_acquire(&disk->parts[minor - disk->minor - 1]);
    }
    unreachable_panic();
}

static struct block_device *disk_of(struct file *file)
{
    return device_at(file->kernel, file->inode->private_u64);
}

/*
 * Partitions come and go. The number of every inode of a device begins with its minor number; a
 * directory of disks is asked about itself too and stays.
 */
static bool disks_revalidate(struct dentry *dentry)
{
    const struct inode *inode = dentry_inode(dentry);
    return inode && (inode->ops == &sysfs_disks_inode_ops ||
                     block_is_present(device_at(inode->sb->kernel, inode->ino >> 24)));
}

static int put_number(struct strbuf *out, uint64_t number)
{
    strbuf_printf(out, "%llu\n", (unsigned long long)number);
    return 0;
}

static int show_size(struct file *file, struct strbuf *out)
{
    return put_number(out, disk_of(file)->limits.sectors);
}

static int show_read_only(struct file *file, struct strbuf *out)
{
    return put_number(out, atomic_load_relaxed(&disk_of(file)->read_only));
}

static int show_device_number(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%u:%u\n", disk_of(file)->major, disk_of(file)->minor);
    return 0;
}

static int show_stat(struct file *file, struct strbuf *out)
{
    put_stats(out, disk_of(file));
    return 0;
}

static int show_in_flight(struct file *file, struct strbuf *out)
{
    struct block_stats stats;
    block_stats_now(disk_of(file), &stats);
    strbuf_printf(out, "%8u %8llu\n", 0, (unsigned long long)stats.in_flight);
    return 0;
}

static int show_serial(struct file *file, struct strbuf *out)
{
    char serial[BLOCK_SERIAL_MAX];
    int error = block_serial(disk_of(file), serial);
    if (!error)
        strbuf_puts(out, serial);
    return error;
}

static int show_range(struct file *file, struct strbuf *out)
{
    (void)file;
    return put_number(out, BLOCK_MINORS);
}

static int show_uevent(struct file *file, struct strbuf *out)
{
    const struct block_device *device = disk_of(file);
    strbuf_printf(out, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nDEVTYPE=%s\nDISKSEQ=%u\n", device->major,
                  device->minor, device->name, device->disk ? "partition" : "disk",
                  device->minor / BLOCK_MINORS + 1);
    if (device->disk)
        strbuf_printf(out, "PARTN=%u\n", device->number);
    return 0;
}

static int show_start(struct file *file, struct strbuf *out)
{
    return put_number(out, disk_of(file)->start);
}

static int show_partition(struct file *file, struct strbuf *out)
{
    return put_number(out, disk_of(file)->number);
}

static int show_logical_block(struct file *file, struct strbuf *out)
{
    return put_number(out, disk_of(file)->limits.logical_block);
}

static int show_physical_block(struct file *file, struct strbuf *out)
{
    return put_number(out, disk_of(file)->limits.physical_block);
}

static int show_optimal_io(struct file *file, struct strbuf *out)
{
    return put_number(out, disk_of(file)->limits.optimal_io);
}

static int show_discard_max(struct file *file, struct strbuf *out)
{
    return put_number(out, (uint64_t)disk_of(file)->limits.discard_sectors * BLOCK_SECTOR);
}

static int show_discard_granularity(struct file *file, struct strbuf *out)
{
    const struct block_limits *limits = &disk_of(file)->limits;
    return put_number(out, limits->discard_sectors ? limits->logical_block : 0);
}

static int show_zeroes_max(struct file *file, struct strbuf *out)
{
    return put_number(out, (uint64_t)disk_of(file)->limits.zeroes_sectors * BLOCK_SECTOR);
}

static int show_max_sectors(struct file *file, struct strbuf *out)
{
    return put_number(out, (uint64_t)disk_of(file)->limits.segments * (PAGE_SIZE / 1024));
}

static int show_segments(struct file *file, struct strbuf *out)
{
    return put_number(out, disk_of(file)->limits.segments);
}

static int show_write_cache(struct file *file, struct strbuf *out)
{
    strbuf_puts(out, disk_of(file)->limits.write_cache ? "write back\n" : "write through\n");
    return 0;
}

static int show_scheduler(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "[none]\n");
    return 0;
}

static int show_timeout(struct file *file, struct strbuf *out)
{
    (void)file;
    return put_number(out, BLOCK_TIMEOUT_S * 1000);
}

static int show_readahead(struct file *file, struct strbuf *out)
{
    return put_number(out, atomic_load_relaxed(&disk_of(file)->readahead) / 2);
}

static const struct proc_entry queue_entries[] = {
    SYSFS_FILE("discard_granularity", show_discard_granularity),
    SYSFS_FILE("discard_max_bytes", show_discard_max),
    SYSFS_FILE("discard_zeroes_data", sysfs_show_zero),
    SYSFS_FILE("fua", sysfs_show_zero),
    SYSFS_FILE("hw_sector_size", show_logical_block),
    SYSFS_FILE("io_timeout", show_timeout),
    SYSFS_FILE("logical_block_size", show_logical_block),
    SYSFS_FILE("max_hw_sectors_kb", show_max_sectors),
    SYSFS_FILE("max_sectors_kb", show_max_sectors),
    SYSFS_FILE("max_segments", show_segments),
    SYSFS_FILE("minimum_io_size", show_physical_block),
    SYSFS_FILE("optimal_io_size", show_optimal_io),
    SYSFS_FILE("physical_block_size", show_physical_block),
    SYSFS_FILE("read_ahead_kb", show_readahead),
    SYSFS_FILE("rotational", sysfs_show_zero),
    SYSFS_FILE("scheduler", show_scheduler),
    SYSFS_FILE("write_cache", show_write_cache),
    SYSFS_FILE("write_zeroes_max_bytes", show_zeroes_max),
};
static const struct proc_table queue_table = PROC_TABLE(queue_entries, SYSFS_TABLE_DISK_QUEUE);

static const struct proc_entry disk_entries[] = {
    SYSFS_FILE("alignment_offset", sysfs_show_zero),
    SYSFS_FILE("dev", show_device_number),
    SYSFS_FILE("discard_alignment", sysfs_show_zero),
    SYSFS_FILE("hidden", sysfs_show_zero),
    SYSFS_FILE("inflight", show_in_flight),
    {"queue", S_IFDIR | 0755, &proc_numbered_inode_ops, &proc_table_file_ops, &queue_table},
    SYSFS_FILE("range", show_range),
    SYSFS_FILE("removable", sysfs_show_zero),
    SYSFS_FILE("ro", show_read_only),
    SYSFS_FILE("serial", show_serial),
    SYSFS_FILE("size", show_size),
    SYSFS_FILE("stat", show_stat),
    SYSFS_FILE("uevent", show_uevent),
};
static const struct proc_table disk_table = PROC_TABLE(disk_entries, SYSFS_TABLE_DISK);

static const struct proc_entry partition_entries[] = {
    SYSFS_FILE("alignment_offset", sysfs_show_zero),
    SYSFS_FILE("dev", show_device_number),
    SYSFS_FILE("discard_alignment", sysfs_show_zero),
    SYSFS_FILE("inflight", show_in_flight),
    SYSFS_FILE("partition", show_partition),
    SYSFS_FILE("ro", show_read_only),
    SYSFS_FILE("size", show_size),
    SYSFS_FILE("start", show_start),
    SYSFS_FILE("stat", show_stat),
    SYSFS_FILE("uevent", show_uevent),
};
static const struct proc_table partition_table =
    PROC_TABLE(partition_entries, SYSFS_TABLE_PARTITION);

static int make_directory(struct inode *dir, const struct block_device *device,
                          const struct inode_ops *inode_ops, const struct file_ops *file_ops,
                          const struct proc_table *table, struct inode **out)
{
    const struct proc_entry entry = {
        .mode = S_IFDIR | 0755,
        .inode_ops = inode_ops,
        .file_ops = file_ops,
        .data = table,
    };
    int error =
        proc_make_inode(dir->sb, &entry, proc_ino((int)device->minor, table->number, 255), out);
    if (!error)
        (*out)->private_u64 = device->minor;
    return error;
}

/* The present partition number i + 1 of a disk, or the next one; NULL past the last. */
static struct block_device *partition_from(const struct block_device *disk, uint64_t i)
{
    for (; i < PARTITIONS_MAX; i++) {
        struct block_device *part = atomic_load_acquire(&disk->parts[i]);
        if (part && block_is_present(part))
            return part;
    }
    return NULL;
}

static int disk_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    struct block_device *device = block_find_name(dir->sb->kernel, name, length);
    if (device && device->disk && device->disk->minor == dir->private_u64)
        return make_directory(dir, device, &proc_numbered_inode_ops, &proc_table_file_ops,
                              &partition_table, out);
    return proc_numbered_inode_ops.lookup(dir, name, length, out);
}

static int disk_iterate(struct file *file, struct dir_context *context)
{
    uint64_t first = 2 + disk_table.count;
    const struct block_device *disk = disk_of(file), *part;
    if (!dir_emit_dots(file, context) ||
        (context->pos < first && !proc_table_emit(context, &disk_table, (int)disk->minor, 2)))
        return 0;
    while ((part = partition_from(disk, context->pos - first))) {
        uint64_t ino = proc_ino((int)part->minor, SYSFS_TABLE_PARTITION, 255);
        if (!dir_emit(context, part->name, kstrlen(part->name), ino, DT_DIR, first + part->number))
            return 0;
    }
    return 0;
}

static const struct inode_ops disk_inode_ops = {
    .lookup = disk_lookup,
    .revalidate = disks_revalidate,
    .setattr = proc_setattr_refused,
};

static const struct file_ops disk_file_ops = {
    .iterate = disk_iterate,
    .seek = proc_dir_seek,
};

/* ---- the directories of disks: themselves in /sys/block, links to there elsewhere ---- */

static bool has_partitions(const struct inode *dir)
{
    const struct proc_table *table = dir->private;
    return table->number != SYSFS_TABLE_BLOCK;
}

static size_t disk_name_in(const struct inode *dir, const struct block_device *device,
                           char name[BLOCK_NAME_MAX])
{
    const struct proc_table *table = dir->private;
    if (table->number == SYSFS_TABLE_DEV_BLOCK)
        return (size_t)kscnprintf(name, BLOCK_NAME_MAX, "%u:%u", device->major, device->minor);
    return (size_t)kscnprintf(name, BLOCK_NAME_MAX, "%s", device->name);
}

static int make_disk_inode(struct inode *dir, const struct block_device *device, struct inode **out)
{
    const struct proc_table *table = dir->private;
    char target[64];
    if (!has_partitions(dir))
        return make_directory(dir, device, &disk_inode_ops, &disk_file_ops, &disk_table, out);
    if (device->disk)
        ksnprintf(target, sizeof(target), "../../block/%s/%s", device->disk->name, device->name);
    else
        ksnprintf(target, sizeof(target), "../../block/%s", device->name);
    int error = inode_create_symlink(dir->sb, dir, target, out);
    if (!error)
        (*out)->ino = proc_ino((int)device->minor, table->number, 1);
    return error;
}

static int disks_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    struct block_device *device = NULL;
    char have[BLOCK_NAME_MAX];
    while ((device = block_next(dir->sb->kernel, device))) {
        if ((!device->disk || has_partitions(dir)) && disk_name_in(dir, device, have) == length &&
            memcmp(have, name, length) == 0)
            return make_disk_inode(dir, device, out);
    }
    return -ENOENT;
}

/* The position behind the dots is the minor number. */
static int disks_iterate(struct file *file, struct dir_context *context)
{
    const struct proc_table *table = file->inode->private;
    unsigned type = table->number == SYSFS_TABLE_BLOCK ? DT_DIR : DT_LNK;
    char name[BLOCK_NAME_MAX];
    struct block_device *device = NULL;
    if (!dir_emit_dots(file, context))
        return 0;
    while ((device = block_next(file->kernel, device))) {
        if (device->minor < context->pos - 2 || (device->disk && !has_partitions(file->inode)))
            continue;
        size_t length = disk_name_in(file->inode, device, name);
        uint64_t ino = proc_ino((int)device->minor, table->number, 1);
        if (!dir_emit(context, name, length, ino, type, device->minor + 3))
            return 0;
    }
    return 0;
}

const struct inode_ops sysfs_disks_inode_ops = {
    .lookup = disks_lookup,
    .revalidate = disks_revalidate,
    .setattr = proc_setattr_refused,
};

const struct file_ops sysfs_disks_file_ops = {
    .iterate = disks_iterate,
    .seek = proc_dir_seek,
};

const struct proc_table sysfs_block_table = {.number = SYSFS_TABLE_BLOCK};
const struct proc_table sysfs_class_block_table = {.number = SYSFS_TABLE_CLASS_BLOCK};
const struct proc_table sysfs_dev_block_table = {.number = SYSFS_TABLE_DEV_BLOCK};
