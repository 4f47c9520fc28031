/* SPDX-License-Identifier: MIT */
/*
 * A disk as a file: sizes, buffered and direct I/O and how they see each other, mappings, the end
 * of the device, ioctls, figures; sd(4), open(2) on O_DIRECT, blockdev(8).
 *
 * The disk is $GUEST_DISK, or /dev/vda, and is overwritten; so it must begin with a line that says
 * that it is for this test. What it contains afterwards is always the same: tests/stages/35-disk
 * compares. On Linux a loop device will do.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "tests/guest/guest.h"

#ifndef BLKDISCARD
#define BLKDISCARD _IO(0x12, 119)
#endif
#ifndef BLKZEROOUT
#define BLKZEROOUT _IO(0x12, 127)
#endif

static const char marker[] = "assay-disk-test\n";

enum { PAGE = 4096, SECTOR = 512, KIB = 1024, WORKERS = 4 };

/* The cases' own parts of the disk. */
enum {
    AT_BUFFERED = 64 * KIB,
    AT_DIRECT = 128 * KIB,
    AT_MAPPED = 192 * KIB,
    AT_ERASED = 256 * KIB,
    AT_WORKERS = 320 * KIB,
    AT_SYNC = 576 * KIB,
    SIZE_MIN = 1024 * KIB,
};

static const char *disk_path(void)
{
    const char *path = getenv("GUEST_DISK");
    return path ? path : "/dev/vda";
}

static int open_disk(int flags)
{
    char text[sizeof(marker) - 1];
    int fd = open(disk_path(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text)) != sizeof(text) ||
        memcmp(text, marker, sizeof(text)) != 0)
        skip("no disk that is meant for this test");
    close(fd);
    return (int)OK(open(disk_path(), flags | O_CLOEXEC));
}

static void fill(void *buffer, size_t bytes, unsigned seed)
{
    unsigned char *byte = buffer;
    for (size_t i = 0; i < bytes; i++)
        byte[i] = (unsigned char)((i * 7 + seed * 13 + i / 251) & 0xff);
}

static uint64_t disk_size(int fd)
{
    uint64_t size = 0;
    OK(ioctl(fd, BLKGETSIZE64, &size));
    return size;
}

static void *aligned(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(memory != MAP_FAILED);
    return memory;
}

static void sizes_agree(void)
{
    int fd = open_disk(O_RDWR), sector = 0, block = 0, read_only = 1;
    unsigned long sectors = 0;
    struct stat status;
    OK(fstat(fd, &status));
    TRUE(S_ISBLK(status.st_mode));
    EQ(status.st_size, 0);
    uint64_t size = disk_size(fd);
    TRUE(size >= SIZE_MIN);
    OK(ioctl(fd, BLKGETSIZE, &sectors));
    EQ(sectors, size / SECTOR);
    OK(ioctl(fd, BLKSSZGET, &sector));
    EQ(sector, SECTOR);
    OK(ioctl(fd, BLKBSZGET, &block));
    TRUE(block >= SECTOR && block <= PAGE);
    OK(ioctl(fd, BLKROGET, &read_only));
    EQ(read_only, 0);
    EQ(OK(lseek(fd, 0, SEEK_END)), (off_t)size);
    FAILS(lseek(fd, (off_t)size + 1, SEEK_SET), EINVAL);
    EQ(OK(lseek(fd, 0, SEEK_CUR)), (off_t)size);
    FAILS(ioctl(fd, BLKGETSIZE64, (void *)8), EFAULT);
}

static void what_is_written_is_read(void)
{
    static char out[3 * PAGE + 100], in[sizeof(out)];
    int fd = open_disk(O_RDWR), other = open_disk(O_RDONLY);
    fill(out, sizeof(out), 1);
    EQ(OK(pwrite(fd, out, sizeof(out), AT_BUFFERED + 777)), (ssize_t)sizeof(out));
    EQ(OK(pread(other, in, sizeof(in), AT_BUFFERED + 777)), (ssize_t)sizeof(in));
    EQ(memcmp(in, out, sizeof(in)), 0);
    OK(fsync(fd));
    OK(fdatasync(fd));
    if (geteuid() == 0)
        OK(ioctl(fd, BLKFLSBUF, 0));
    memset(in, 0, sizeof(in));
    EQ(OK(pread(other, in, sizeof(in), AT_BUFFERED + 777)), (ssize_t)sizeof(in));
    EQ(memcmp(in, out, sizeof(in)), 0);
    FAILS(write(other, out, 1), EBADF);
}

static void the_device_ends(void)
{
    char buffer[PAGE] = {0};
    int fd = open_disk(O_RDWR);
    off_t size = (off_t)disk_size(fd);
    EQ(OK(pread(fd, buffer, PAGE, size)), 0);
    EQ(OK(pread(fd, buffer, PAGE, size + 12345)), 0);
    EQ(OK(pread(fd, buffer, PAGE, size - 100)), 100);
    FAILS(pwrite(fd, buffer, 1, size), ENOSPC);
    EQ(OK(pwrite(fd, buffer, PAGE, size - 100)), 100);
    EQ(OK(lseek(fd, size - 10, SEEK_SET)), size - 10);
    EQ(OK(write(fd, buffer, 20)), 10);
    FAILS(write(fd, buffer, 20), ENOSPC);
    OK(fsync(fd));
    FAILS(ftruncate(fd, 0), EINVAL);
}

static void direct_and_buffered_see_each_other(void)
{
    int direct = open_disk(O_RDWR | O_DIRECT), fd = open_disk(O_RDWR);
    char *out = aligned(5 * PAGE), *in = aligned(5 * PAGE);
    fill(out, 5 * PAGE, 2);
    EQ(OK(pwrite(fd, out, 5 * PAGE, AT_DIRECT)), 5 * PAGE);
    EQ(OK(pread(direct, in, 5 * PAGE, AT_DIRECT)), 5 * PAGE);
    EQ(memcmp(in, out, 5 * PAGE), 0);
    fill(out, 3 * SECTOR, 3);
    EQ(OK(pwrite(direct, out, 3 * SECTOR, AT_DIRECT + SECTOR)), 3 * SECTOR);
    EQ(OK(pread(fd, in, 3 * SECTOR, AT_DIRECT + SECTOR)), 3 * SECTOR);
    EQ(memcmp(in, out, 3 * SECTOR), 0);
    EQ(OK(pread(fd, in, PAGE, AT_DIRECT + PAGE)), PAGE);
    fill(out, 5 * PAGE, 2);
    EQ(memcmp(in, out + PAGE, PAGE), 0);
    /* A long one, in one call. */
    char *big = aligned(64 * PAGE);
    EQ(OK(pread(direct, big, 64 * PAGE, 0)), 64 * PAGE);
    EQ(memcmp(big, marker, sizeof(marker) - 1), 0);
}

static void direct_io_wants_whole_blocks(void)
{
    int direct = open_disk(O_RDWR | O_DIRECT);
    char *memory = aligned(2 * PAGE);
    off_t size = (off_t)disk_size(direct);
    FAILS(pread(direct, memory, 100, AT_DIRECT), EINVAL);
    FAILS(pread(direct, memory, SECTOR, AT_DIRECT + 1), EINVAL);
    FAILS(pwrite(direct, memory, SECTOR + 1, AT_DIRECT), EINVAL);
    EQ(OK(pread(direct, memory, SECTOR, size)), 0);
    EQ(OK(pread(direct, memory, 2 * SECTOR, size - SECTOR)), SECTOR);
    FAILS(pwrite(direct, memory, SECTOR, size), ENOSPC);
    FAILS(pread(direct, (void *)(uintptr_t)PAGE, SECTOR, 0), EFAULT);
}

static void shared_mapping_reaches_the_disk(void)
{
    int fd = open_disk(O_RDWR), direct = open_disk(O_RDONLY | O_DIRECT);
    char *in = aligned(2 * PAGE), *want = aligned(2 * PAGE);
    char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, AT_MAPPED);
    TRUE(map != MAP_FAILED);
    close(fd);
    fill(map, 2 * PAGE, 4);
    fill(want, 2 * PAGE, 4);
    OK(msync(map, 2 * PAGE, MS_SYNC));
    EQ(OK(pread(direct, in, 2 * PAGE, AT_MAPPED)), 2 * PAGE);
    EQ(memcmp(in, want, 2 * PAGE), 0);
    map[5] = want[5] = 'x'; /* dirty once more */
    OK(munmap(map, 2 * PAGE));
    EQ(OK(pread(direct, in, 2 * PAGE, AT_MAPPED)), 2 * PAGE);
    EQ(memcmp(in, want, 2 * PAGE), 0);
}

static void private_mapping_stays_private(void)
{
    int fd = open_disk(O_RDONLY);
    char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), text[16];
    TRUE(map != MAP_FAILED);
    EQ(memcmp(map, marker, sizeof(marker) - 1), 0);
    map[0] = 'X';
    EQ(OK(pread(fd, text, sizeof(text), 0)), (ssize_t)sizeof(text));
    EQ(text[0], 'a');
}

static void touch_beyond(void *argument)
{
    *(volatile char *)argument = 1;
}

static void mapping_beyond_the_end_is_sigbus(void)
{
    int fd = open_disk(O_RDWR);
    off_t end = (off_t)((disk_size(fd) + PAGE - 1) / PAGE * PAGE);
    char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, end);
    TRUE(map != MAP_FAILED);
    int status = WAIT(spawn(touch_beyond, map));
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static void exclusive_open_is_one_at_a_time(void)
{
    int fd = open_disk(O_RDONLY | O_EXCL);
    FAILS(open(disk_path(), O_RDONLY | O_EXCL), EBUSY);
    int plain = (int)OK(open(disk_path(), O_RDONLY));
    close(fd);
    close((int)OK(open(disk_path(), O_RDONLY | O_EXCL)));
    close(plain);
}

static void ranges_are_zeroed(void)
{
    static char buffer[4 * PAGE], zeros[4 * PAGE];
    int fd = open_disk(O_RDWR), reader = open_disk(O_RDONLY);
    uint64_t range[2] = {AT_ERASED + SECTOR, 2 * PAGE};
    fill(buffer, sizeof(buffer), 5);
    EQ(OK(pwrite(fd, buffer, sizeof(buffer), AT_ERASED)), (ssize_t)sizeof(buffer));
    OK(ioctl(fd, BLKZEROOUT, range));
    EQ(OK(pread(fd, zeros, sizeof(zeros), AT_ERASED)), (ssize_t)sizeof(zeros));
    memset(buffer + SECTOR, 0, 2 * PAGE);
    EQ(memcmp(zeros, buffer, sizeof(zeros)), 0);
    range[0]++;
    FAILS(ioctl(fd, BLKZEROOUT, range), EINVAL);
    range[0] = disk_size(fd);
    FAILS(ioctl(fd, BLKZEROOUT, range), EINVAL);
    FAILS(ioctl(reader, BLKZEROOUT, range), EBADF);
    FAILS(ioctl(reader, BLKDISCARD, range), EBADF);
}

static void synchronous_writes(void)
{
    static char buffer[2 * PAGE];
    int fd = open_disk(O_RDWR | O_SYNC), direct = open_disk(O_RDONLY | O_DIRECT);
    char *in = aligned(2 * PAGE);
    fill(buffer, sizeof(buffer), 6);
    EQ(OK(pwrite(fd, buffer, sizeof(buffer), AT_SYNC)), (ssize_t)sizeof(buffer));
    EQ(OK(pread(direct, in, 2 * PAGE, AT_SYNC)), 2 * PAGE);
    EQ(memcmp(in, buffer, sizeof(buffer)), 0);
    OK(sync_file_range(fd, AT_SYNC, PAGE, SYNC_FILE_RANGE_WRITE));
    sync();
}

static void work(void *argument)
{
    static char out[16 * PAGE], in[sizeof(out)];
    unsigned number = (unsigned)(uintptr_t)argument;
    int fd = open_disk(number % 2 ? O_RDWR | O_DIRECT : O_RDWR);
    off_t at = AT_WORKERS + (off_t)(number * sizeof(out));
    char *memory = aligned(sizeof(out));
    for (unsigned round = 0; round < 5; round++) {
        fill(out, sizeof(out), 10 + number);
        memcpy(memory, out, sizeof(out));
        EQ(OK(pwrite(fd, memory, sizeof(out), at)), (ssize_t)sizeof(out));
        if (round % 2)
            OK(fsync(fd));
        EQ(OK(pread(fd, memory, sizeof(in), at)), (ssize_t)sizeof(in));
        EQ(memcmp(memory, out, sizeof(in)), 0);
    }
}

static void several_processes_write(void)
{
    pid_t pids[WORKERS];
    close(open_disk(O_RDONLY));
    for (unsigned i = 0; i < WORKERS; i++)
        pids[i] = spawn(work, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < WORKERS; i++)
        EQ(WAIT(pids[i]), 0);
}

/* A number of /sys/dev/block/MAJOR:MINOR/NAME. */
static uint64_t sys_number(int fd, const char *name, unsigned index)
{
    char path[128], text[512];
    struct stat status;
    OK(fstat(fd, &status));
    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(status.st_rdev),
             minor(status.st_rdev), name);
    int file = open(path, O_RDONLY);
    if (file < 0 && errno == ENOENT)
        skip("no /sys");
    ssize_t bytes = OK(read(file, text, sizeof(text) - 1));
    text[bytes] = '\0';
    close(file);
    char *at = text;
    for (unsigned i = 0; i < index; i++)
        strtoull(at, &at, 10);
    return strtoull(at, NULL, 10);
}

static void figures_tell_what_happened(void)
{
    char buffer[PAGE];
    int fd = open_disk(O_RDWR);
    EQ(sys_number(fd, "size", 0), disk_size(fd) / SECTOR);
    EQ(sys_number(fd, "queue/logical_block_size", 0), SECTOR);
    uint64_t writes = sys_number(fd, "stat", 4), sectors = sys_number(fd, "stat", 6);
    fill(buffer, sizeof(buffer), 6);
    EQ(OK(pwrite(fd, buffer, sizeof(buffer), AT_SYNC)), (ssize_t)sizeof(buffer));
    OK(fsync(fd));
    TRUE(sys_number(fd, "stat", 4) > writes);
    TRUE(sys_number(fd, "stat", 6) >= sectors + PAGE / SECTOR);
}

GUEST_MAIN(CASE(sizes_agree), CASE(what_is_written_is_read), CASE(the_device_ends),
           CASE(direct_and_buffered_see_each_other), CASE(direct_io_wants_whole_blocks),
           CASE(shared_mapping_reaches_the_disk), CASE(private_mapping_stays_private),
           CASE(mapping_beyond_the_end_is_sigbus), CASE(exclusive_open_is_one_at_a_time),
           CASE(ranges_are_zeroed), CASE(synchronous_writes), CASE(several_processes_write),
           CASE(figures_tell_what_happened))
