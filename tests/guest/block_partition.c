/* SPDX-License-Identifier: MIT */
/*
 * Partitions of a disk: BLKRRPART, BLKPG, what /sys and /proc tell of them, and that they reach
 * their part of the disk; sfdisk(8), partx(8), blockdev(8).
 *
 * The disk is as in block_device.c: $GUEST_DISK or /dev/vda, which begins with a line that says
 * that it is for tests. It has no partitions afterwards. Nodes are the test's own, by the numbers
 * in /sys.
 */
#include <linux/blkpg.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "tests/guest/guest.h"

static const char marker[] = "assay-disk-test\n";

enum { SECTOR = 512, TABLE_AT = 446, ENTRY = 16 };

static const char *disk_path(void)
{
    const char *path = getenv("GUEST_DISK");
    return path ? path : "/dev/vda";
}

static int open_disk(int flags)
{
    char text[sizeof(marker) - 1];
    int fd = open(disk_path(), flags | O_CLOEXEC);
    if (fd < 0 || pread(fd, text, sizeof(text), 0) != sizeof(text) ||
        memcmp(text, marker, sizeof(text)) != 0)
        skip("no disk that is meant for this test");
    return fd;
}

/* A file of partition `number` in /sys: its first bytes, or -1. */
static int read_sys(int number, const char *name, char *out, size_t bytes)
{
    const char *disk = strrchr(disk_path(), '/') + 1;
    char path[128];
    snprintf(path, sizeof(path), "/sys/block/%s/%s%s%d/%s", disk, disk,
             strchr("0123456789", disk[strlen(disk) - 1]) ? "p" : "", number, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = OK(read(fd, out, bytes - 1));
    out[got] = '\0';
    close(fd);
    return 0;
}

static long sys_number(int number, const char *name)
{
    char text[32];
    return read_sys(number, name, text, sizeof(text)) == 0 ? atol(text) : -1;
}

static int open_partition(int number, int flags)
{
    char text[32], node[64];
    unsigned major, minor;
    EQ(read_sys(number, "dev", text, sizeof(text)), 0);
    EQ(sscanf(text, "%u:%u", &major, &minor), 2);
    snprintf(node, sizeof(node), "/dev/partition.%d.%d", getpid(), number);
    OK(mknod(node, S_IFBLK | 0600, makedev(major, minor)));
    int fd = open(node, flags | O_CLOEXEC);
    int error = errno;
    unlink(node);
    errno = error;
    return fd;
}

static long change(int fd, int op, int number, long long start, long long length)
{
    struct blkpg_partition part = {.start = start, .length = length, .pno = number};
    struct blkpg_ioctl_arg order = {.op = op, .datalen = sizeof(part), .data = &part};
    return ioctl(fd, BLKPG, &order);
}

static void put_entry(unsigned char *record, int i, int type, uint32_t start, uint32_t count)
{
    unsigned char *entry = record + TABLE_AT + i * ENTRY;
    entry[4] = (unsigned char)type;
    memcpy(entry + 8, &start, 4);
    memcpy(entry + 12, &count, 4);
    record[510] = 0x55;
    record[511] = 0xaa;
}

/* Write a boot record with two partitions, or one with none, and have it read. */
static void set_table(int fd, bool full)
{
    unsigned char record[SECTOR] = {0};
    memcpy(record, marker, sizeof(marker) - 1);
    put_entry(record, 0, 0x83, 256, full ? 64 : 0);
    put_entry(record, 2, 0x83, 512, full ? 1u << 30 : 0); /* behind the end of the disk */
    EQ(pwrite(fd, record, sizeof(record), 0), SECTOR);
    OK(ioctl(fd, BLKRRPART));
}

static void table_is_read(void)
{
    int fd = open_disk(O_RDWR);
    uint64_t size = 0;
    OK(ioctl(fd, BLKGETSIZE64, &size));
    set_table(fd, true);
    if (sys_number(1, "start") < 0) {
        set_table(fd, false);
        skip("a kernel without such tables");
    }
    EQ(sys_number(1, "start"), 256);
    EQ(sys_number(1, "size"), 64);
    EQ(sys_number(1, "partition"), 1);
    EQ(sys_number(2, "size"), -1);
    EQ(sys_number(3, "start"), 512);
    EQ(sys_number(3, "size"), (long)(size / SECTOR) - 512);
    set_table(fd, false);
    EQ(sys_number(1, "size"), -1);
    EQ(sys_number(3, "size"), -1);
    close(fd);
}

static void partition_reaches_its_part(void)
{
    char text[SECTOR], back[SECTOR];
    uint64_t size = 0;
    int fd = open_disk(O_RDWR);
    OK(change(fd, BLKPG_ADD_PARTITION, 1, 256 * SECTOR, 64 * SECTOR));
    int part = (int)OK(open_partition(1, O_RDWR));
    OK(ioctl(part, BLKGETSIZE64, &size));
    EQ(size, 64 * SECTOR);
    memset(text, 'p', sizeof(text));
    EQ(pwrite(part, text, SECTOR, 63 * SECTOR), SECTOR);
    FAILS(pwrite(part, text, SECTOR, 64 * SECTOR), ENOSPC);
    EQ(pread(part, text, SECTOR, 64 * SECTOR), 0);
    OK(fsync(part));
    close(part);
    OK(ioctl(fd, BLKFLSBUF, 0));
    EQ(pread(fd, back, SECTOR, (256 + 63) * SECTOR), SECTOR);
    memset(text, 'p', sizeof(text));
    EQ(memcmp(text, back, SECTOR), 0);
    memset(back, 0, sizeof(back));
    EQ(pwrite(fd, back, SECTOR, (256 + 63) * SECTOR), SECTOR);
    set_table(fd, false);
    close(fd);
}

static void open_partition_is_busy(void)
{
    int fd = open_disk(O_RDWR);
    OK(change(fd, BLKPG_ADD_PARTITION, 1, 256 * SECTOR, 64 * SECTOR));
    int part = (int)OK(open_partition(1, O_RDONLY));
    FAILS(ioctl(fd, BLKRRPART), EBUSY);
    FAILS(change(fd, BLKPG_DEL_PARTITION, 1, 0, 0), EBUSY);
    FAILS(ioctl(part, BLKRRPART), EINVAL);
    FAILS(change(part, BLKPG_ADD_PARTITION, 2, 1 << 20, SECTOR), EINVAL);
    close(part);
    part = (int)OK(open_partition(1, O_RDONLY | O_EXCL));
    FAILS(open_partition(1, O_RDONLY | O_EXCL), EBUSY);
    FAILS(open(disk_path(), O_RDONLY | O_EXCL | O_CLOEXEC), EBUSY);
    close(part);
    set_table(fd, false);
    close(fd);
}

static void partitions_are_added_and_deleted(void)
{
    int fd = open_disk(O_RDWR);
    set_table(fd, false);
    OK(change(fd, BLKPG_ADD_PARTITION, 4, 200 * SECTOR, 10 * SECTOR));
    EQ(sys_number(4, "start"), 200);
    EQ(sys_number(4, "size"), 10);
    FAILS(change(fd, BLKPG_ADD_PARTITION, 4, 300 * SECTOR, SECTOR), EBUSY);
    FAILS(change(fd, BLKPG_ADD_PARTITION, 5, 209 * SECTOR, SECTOR), EBUSY);
    FAILS(change(fd, BLKPG_ADD_PARTITION, 0, 300 * SECTOR, SECTOR), EINVAL);
    FAILS(change(fd, BLKPG_ADD_PARTITION, -1, 300 * SECTOR, SECTOR), EINVAL);
    OK(change(fd, BLKPG_ADD_PARTITION, 5, 210 * SECTOR, SECTOR));
    FAILS(change(fd, BLKPG_RESIZE_PARTITION, 4, 200 * SECTOR, 11 * SECTOR), EBUSY);
    FAILS(change(fd, BLKPG_RESIZE_PARTITION, 4, 201 * SECTOR, 2 * SECTOR), EINVAL);
    OK(change(fd, BLKPG_RESIZE_PARTITION, 4, 200 * SECTOR, 5 * SECTOR));
    EQ(sys_number(4, "size"), 5);
    OK(change(fd, BLKPG_DEL_PARTITION, 4, 0, 0));
    FAILS(change(fd, BLKPG_DEL_PARTITION, 4, 0, 0), ENXIO);
    EQ(sys_number(4, "size"), -1);
    OK(change(fd, BLKPG_DEL_PARTITION, 5, 0, 0));
    FAILS(change(fd, 77, 1, 0, SECTOR), EINVAL);
    FAILS(ioctl(fd, BLKPG, 1), EFAULT);
    close(fd);
}

GUEST_MAIN(CASE(table_is_read), CASE(partition_reaches_its_part), CASE(open_partition_is_busy),
           CASE(partitions_are_added_and_deleted))
