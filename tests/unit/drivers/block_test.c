/* SPDX-License-Identifier: MIT */
/*
 * kernel/drivers/block.c and block_cache.c, with a driver of the test behind them, which looks at
 * every request and can fail, be busy, or break down.
 */
#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/drivers/block.h"
#include "kernel/drivers/block_cache.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uio.h"
#include "tests/unit/support/kernel_fixture.h"
#include "tests/unit/support/unit.h"

enum { SECTORS = 521, STORE_BYTES = SECTORS * BLOCK_SECTOR, ODD_SECTORS = SECTORS % 8 };

/* A disk of 65 pages and a sector. */
struct fake_disk {
    struct block_device block;
    unsigned char store[STORE_BYTES];

    int status;               /* of the requests from now on */
    unsigned busy;            /* so many submissions find no room */
    bool breaks;              /* takes requests, and breaks down */
    int dead;                 /* what submit returns, if not 0 */
    struct block_request *at; /* taken, and not answered */

    unsigned requests[BLOCK_OPERATIONS], recovered;
    uint64_t largest; /* sectors of a request */
    bool keeps;       /* BLOCK_WRITE_ZEROES came without `unmap` */
};

static struct fake_disk disk;

static void *position(uint64_t sector)
{
    return disk.store + sector * BLOCK_SECTOR;
}

/* Data goes through segments that obey the limits. */
static void move_data(const struct block_request *request)
{
    unsigned char *at = position(request->sector);
    uint64_t bytes = 0;

    ck_assert_uint_ge(request->segment_count, 1);
    ck_assert_uint_le(request->segment_count, disk.block.limits.segments);
    for (unsigned i = 0; i < request->segment_count; i++) {
        const struct block_segment *segment = &request->segments[i];
        void *memory = phys_to_virt(segment->paddr);
        ck_assert_uint_le(segment->bytes, disk.block.limits.segment_bytes);
        ck_assert_uint_eq(segment->bytes % disk.block.limits.logical_block, 0);
        if (request->operation == BLOCK_READ) {
            memcpy(memory, at, segment->bytes);
        } else {
            memcpy(at, memory, segment->bytes);
        }
        at += segment->bytes;
        bytes += segment->bytes;
    }
    ck_assert_uint_eq(bytes, request->count * BLOCK_SECTOR);
}

static int carry_out(struct block_request *request)
{
    static const char serial[20] = "abcdefghijklmnopqrst";

    switch (request->operation) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        move_data(request);
        return 0;
    case BLOCK_DISCARD:
        ck_assert_uint_le(request->count, disk.block.limits.discard_sectors);
        return 0;
    case BLOCK_WRITE_ZEROES:
        ck_assert_uint_le(request->count, disk.block.limits.zeroes_sectors);
        disk.keeps = !request->unmap;
        memset(position(request->sector), 0, request->count * BLOCK_SECTOR);
        return 0;
    case BLOCK_GET_SERIAL:
        memcpy(phys_to_virt(request->segments[0].paddr), serial, sizeof(serial));
        return 0;
    default:
        return 0;
    }
}

static void answer(struct block_request *request, int status)
{
    request->status = status;
    __atomic_store_n(&request->done, true, __ATOMIC_RELEASE);
}

static int fake_submit(struct block_device *device, struct block_request *request)
{
    ck_assert_ptr_eq(device, &disk.block);
    ck_assert_uint_le(request->sector, SECTORS);
    ck_assert_uint_le(request->count, SECTORS - request->sector);
    if (disk.dead) {
        return disk.dead;
    }
    if (disk.busy > 0) {
        disk.busy--;
        block_completed(device); /* there may be room by now */
        return -EBUSY;
    }
    disk.requests[request->operation]++;
    disk.largest = request->count > disk.largest ? request->count : disk.largest;
    if (disk.breaks) {
        disk.at = request;
        block_set_broken(device);
        return 0;
    }
    answer(request, disk.status ? disk.status : carry_out(request));
    block_completed(device);
    return 0;
}

static void fake_recover(struct block_device *device)
{
    disk.recovered++;
    disk.breaks = false;
    if (disk.at) {
        answer(disk.at, -EIO);
        disk.at = NULL;
    }
    __atomic_store_n(&device->broken, false, __ATOMIC_RELEASE);
    block_completed(device);
}

static const struct block_ops fake_ops = {.submit = fake_submit, .recover = fake_recover};

static const struct block_limits ordinary = {
    .sectors = SECTORS,
    .logical_block = BLOCK_SECTOR,
    .physical_block = BLOCK_SECTOR,
    .segments = 3,
    .segment_bytes = PAGE_SIZE,
    .discard_sectors = 64,
    .zeroes_sectors = 32,
    .write_cache = true,
};

static void fill_store(void)
{
    for (unsigned i = 0; i < STORE_BYTES; i++) {
        disk.store[i] = (unsigned char)(i / 7 + i / 4096);
    }
}

static void add_disk(const struct block_limits *limits)
{
    disk.block.ops = &fake_ops;
    disk.block.limits = *limits;
    fill_store();
    ck_assert_int_eq(block_register(this_kernel(), &disk.block), 0);
}

/* The disk takes its leave: its cached pages are no leak of the test's. */
static void remove_disk(void)
{
    page_cache_drop_clean(&disk.block.cache, 0, UINT64_MAX);
    page_cache_destroy(&disk.block.cache);
    for (unsigned i = 0; i < PARTITIONS_MAX; i++) {
        if (disk.block.parts[i]) {
            page_cache_destroy(&disk.block.parts[i]->cache);
            kfree(disk.block.parts[i]);
        }
    }
}

static int64_t read_at(uint64_t pos, void *into, uint64_t bytes)
{
    struct uio uio;

    uio_init_kernel(&uio, into, bytes);
    return block_read(&disk.block, pos, bytes, &uio);
}

static int64_t write_at(uint64_t pos, void *from, uint64_t bytes)
{
    struct uio uio;

    uio_init_kernel(&uio, from, bytes);
    return block_write(&disk.block, pos, bytes, &uio);
}

static unsigned char buffer[STORE_BYTES], other[STORE_BYTES];

/* A test whose body runs in a machine that has the disk. */
#define DISK_TEST(name)                                                                            \
    static void name##_body(void);                                                                 \
    static void name##_inside(void *argument)                                                      \
    {                                                                                              \
        (void)argument;                                                                            \
        add_disk(&ordinary);                                                                       \
        name##_body();                                                                             \
        remove_disk();                                                                             \
    }                                                                                              \
    START_TEST(name)                                                                               \
    {                                                                                              \
        kernel_fixture_run(1, name##_inside, NULL);                                                \
    }                                                                                              \
    END_TEST                                                                                       \
    static void name##_body(void)

/* ---- the list ---- */

static void register_many(void *argument)
{
    enum { DISKS = 26 };
    static struct block_device many[DISKS + 1];

    (void)argument;
    for (int i = 0; i < DISKS; i++) {
        many[i] = (struct block_device){.ops = &fake_ops, .limits = ordinary};
        ck_assert_int_eq(block_register(this_kernel(), &many[i]), 0);
    }
    many[DISKS] = many[0];
    ck_assert_int_eq(block_register(this_kernel(), &many[DISKS]), -ENOSPC);
    ck_assert_str_eq(many[0].name, "vda");
    ck_assert_str_eq(many[25].name, "vdz");
    ck_assert_ptr_eq(block_find_name(this_kernel(), "vdc", 3), &many[2]);
    ck_assert_ptr_null(block_find_name(this_kernel(), "vd", 2));
    ck_assert_ptr_eq(block_find(this_kernel(), many[3].major, many[3].minor), &many[3]);
    ck_assert_ptr_null(block_find(this_kernel(), many[3].major, many[3].minor + 1));
    ck_assert_ptr_null(block_next(this_kernel(), &many[25]));
}

START_TEST(register_names_disks_in_order_until_letters_are_used_up)
{
    kernel_fixture_run(1, register_many, NULL);
}
END_TEST

/* ---- the page cache ---- */

DISK_TEST(read_gives_what_the_disk_has_in_requests_within_its_limits)
{
    ck_assert_int_eq(read_at(100, buffer, STORE_BYTES - 100), STORE_BYTES - 100);
    ck_assert_mem_eq(buffer, disk.store + 100, STORE_BYTES - 100);
    ck_assert_uint_le(disk.largest, 3 * PAGE_SIZE / BLOCK_SECTOR);
    unsigned requests = disk.requests[BLOCK_READ];
    ck_assert_int_eq(read_at(0, buffer, STORE_BYTES), STORE_BYTES);
    ck_assert_uint_eq(disk.requests[BLOCK_READ], requests); /* it is cached */
}

DISK_TEST(write_reaches_the_disk_when_synced_and_not_before)
{
    memset(buffer, 0x5a, sizeof(buffer));
    memcpy(other, disk.store, sizeof(other));
    ck_assert_int_eq(write_at(1000, buffer, 50000), 50000);
    ck_assert_mem_eq(disk.store, other, STORE_BYTES);
    ck_assert_int_eq(block_sync(&disk.block, 0, UINT64_MAX, false), 0);
    memcpy(other + 1000, buffer, 50000);
    ck_assert_mem_eq(disk.store, other, STORE_BYTES);
    ck_assert_uint_eq(disk.requests[BLOCK_FLUSH], 0);
    ck_assert_int_eq(block_sync(&disk.block, 0, UINT64_MAX, true), 0);
    ck_assert_uint_eq(disk.requests[BLOCK_FLUSH], 1);
}

DISK_TEST(last_page_is_as_long_as_the_disk)
{
    const uint64_t start = STORE_BYTES - ODD_SECTORS * BLOCK_SECTOR;

    ck_assert_int_eq(read_at(start, buffer, ODD_SECTORS * BLOCK_SECTOR),
                     ODD_SECTORS * BLOCK_SECTOR);
    disk.largest = 0;
    memset(buffer, 1, BLOCK_SECTOR);
    ck_assert_int_eq(write_at(STORE_BYTES - BLOCK_SECTOR, buffer, BLOCK_SECTOR), BLOCK_SECTOR);
    ck_assert_int_eq(block_sync(&disk.block, 0, UINT64_MAX, false), 0);
    ck_assert_uint_eq(disk.largest, ODD_SECTORS);
    ck_assert_mem_eq(disk.store + STORE_BYTES - BLOCK_SECTOR, buffer, BLOCK_SECTOR);
}

DISK_TEST(sectors_that_cannot_be_read_are_an_io_error_and_not_cached)
{
    disk.status = -EIO;
    ck_assert_int_eq(read_at(0, buffer, PAGE_SIZE), -EIO);
    disk.status = -EOPNOTSUPP;
    ck_assert_int_eq(read_at(0, buffer, PAGE_SIZE), -EIO);
    disk.status = 0;
    ck_assert_int_eq(read_at(0, buffer, PAGE_SIZE), PAGE_SIZE);
    ck_assert_mem_eq(buffer, disk.store, PAGE_SIZE);
}

DISK_TEST(sectors_that_cannot_be_written_are_an_error_of_the_sync)
{
    memset(buffer, 7, sizeof(buffer));
    ck_assert_int_eq(write_at(0, buffer, 3 * PAGE_SIZE), 3 * PAGE_SIZE);
    disk.status = -EIO;
    ck_assert_int_eq(block_sync(&disk.block, 0, UINT64_MAX, true), -EIO);
    disk.status = 0;
    ck_assert_int_eq(block_sync(&disk.block, 0, UINT64_MAX, true), 0);
}

DISK_TEST(forgotten_sectors_are_read_again)
{
    ck_assert_int_eq(read_at(0, buffer, 2 * PAGE_SIZE), 2 * PAGE_SIZE);
    memset(buffer, 9, PAGE_SIZE);
    ck_assert_int_eq(write_at(0, buffer, PAGE_SIZE), PAGE_SIZE);
    block_forget(&disk.block, 0, PAGE_SIZE);
    ck_assert_int_eq(read_at(0, buffer, PAGE_SIZE), PAGE_SIZE);
    ck_assert_mem_eq(buffer, disk.store, PAGE_SIZE);
    fill_store();
    disk.store[PAGE_SIZE] ^= 0xff;
    ck_assert_int_eq(block_invalidate(&disk.block), 0);
    ck_assert_int_eq(read_at(PAGE_SIZE, buffer, 1), 1);
    ck_assert_uint_eq(buffer[0], disk.store[PAGE_SIZE]);
}

DISK_TEST(direct_access_agrees_with_the_cache)
{
    struct uio uio;

    memset(buffer, 3, sizeof(buffer));
    ck_assert_int_eq(write_at(0, buffer, PAGE_SIZE), PAGE_SIZE); /* dirty in the cache */
    uio_init_kernel(&uio, other, 40 * PAGE_SIZE);
    ck_assert_int_eq(block_read_direct(&disk.block, 0, 40 * PAGE_SIZE, &uio), 40 * PAGE_SIZE);
    ck_assert_mem_eq(other, buffer, PAGE_SIZE);
    ck_assert_mem_eq(other + PAGE_SIZE, disk.store + PAGE_SIZE, 39 * PAGE_SIZE);
    memset(other, 4, sizeof(other));
    uio_init_kernel(&uio, other, 20 * PAGE_SIZE);
    ck_assert_int_eq(block_write_direct(&disk.block, 0, 20 * PAGE_SIZE, &uio), 20 * PAGE_SIZE);
    ck_assert_mem_eq(disk.store, other, 20 * PAGE_SIZE);
    ck_assert_int_eq(read_at(0, buffer, PAGE_SIZE), PAGE_SIZE);
    ck_assert_mem_eq(buffer, other, PAGE_SIZE);
    disk.status = -EIO;
    uio_init_kernel(&uio, other, PAGE_SIZE);
    ck_assert_int_eq(block_read_direct(&disk.block, 0, PAGE_SIZE, &uio), -EIO);
}

/* ---- requests ---- */

DISK_TEST(busy_disk_is_asked_again)
{
    disk.busy = 5;
    ck_assert_int_eq(read_at(0, buffer, PAGE_SIZE), PAGE_SIZE);
    ck_assert_uint_eq(disk.recovered, 0);
    ck_assert_uint_eq(disk.busy, 0);
}

DISK_TEST(broken_disk_is_recovered_and_its_request_fails)
{
    disk.breaks = true;
    ck_assert_int_eq(block_flush(&disk.block), -EIO);
    ck_assert_uint_eq(disk.recovered, 1);
    ck_assert_int_eq(block_flush(&disk.block), 0);
    disk.breaks = true; /* what is read ahead is not missed */
    ck_assert_int_eq(read_at(0, buffer, PAGE_SIZE), PAGE_SIZE);
    ck_assert_uint_eq(disk.recovered, 2);
}

DISK_TEST(dead_disk_is_an_io_error_at_once)
{
    disk.dead = -EIO;
    ck_assert_int_eq(read_at(0, buffer, PAGE_SIZE), -EIO);
    ck_assert_int_eq(block_flush(&disk.block), -EIO);
    ck_assert_uint_eq(disk.recovered, 0);
}

DISK_TEST(discards_and_zeroes_are_split_at_the_limits)
{
    ck_assert_int_eq(block_discard(&disk.block, 1, 500), 0);
    ck_assert_uint_eq(disk.requests[BLOCK_DISCARD], 8);
    ck_assert_int_eq(block_write_zeroes(&disk.block, 3, 100, false), 0);
    ck_assert_uint_eq(disk.requests[BLOCK_WRITE_ZEROES], 4);
    ck_assert(disk.keeps);
    memset(buffer, 0, sizeof(buffer));
    ck_assert_mem_eq(position(3), buffer, 100 * BLOCK_SECTOR);
    ck_assert_uint_ne(disk.store[3 * BLOCK_SECTOR - 1], 0);
}

DISK_TEST(zeroes_are_written_where_the_disk_cannot_make_them)
{
    disk.block.limits.zeroes_sectors = disk.block.limits.discard_sectors = 0;
    ck_assert_int_eq(block_discard(&disk.block, 0, 8), -EOPNOTSUPP);
    ck_assert_int_eq(block_write_zeroes(&disk.block, 5, 20, true), 0);
    memset(buffer, 0, sizeof(buffer));
    ck_assert_mem_eq(position(5), buffer, 20 * BLOCK_SECTOR);
    ck_assert_uint_eq(disk.requests[BLOCK_WRITE], 3);
}

DISK_TEST(flush_is_for_disks_with_a_cache)
{
    ck_assert_int_eq(block_flush(&disk.block), 0);
    ck_assert_uint_eq(disk.requests[BLOCK_FLUSH], 1);
    disk.block.limits.write_cache = false;
    ck_assert_int_eq(block_flush(&disk.block), 0);
    ck_assert_uint_eq(disk.requests[BLOCK_FLUSH], 1);
}

DISK_TEST(serial_number_is_a_string_or_empty)
{
    char serial[BLOCK_SERIAL_MAX];

    ck_assert_int_eq(block_serial(&disk.block, serial), 0);
    ck_assert_str_eq(serial, "abcdefghijklmnopqrst");
    disk.status = -EOPNOTSUPP;
    ck_assert_int_eq(block_serial(&disk.block, serial), 0);
    ck_assert_str_eq(serial, "");
    disk.status = -EIO;
    ck_assert_int_eq(block_serial(&disk.block, serial), -EIO);
    ck_assert_str_eq(serial, "");
}

DISK_TEST(figures_count_requests_and_what_they_moved)
{
    struct block_stats stats;

    ck_assert_int_eq(block_write_zeroes(&disk.block, 0, 32, false), 0);
    ck_assert_int_eq(block_flush(&disk.block), 0);
    disk.status = -EIO;
    ck_assert_int_eq(block_discard(&disk.block, 0, 8), -EIO);
    block_stats_now(&disk.block, &stats);
    ck_assert_uint_eq(stats.operations[BLOCK_WRITE].requests, 1);
    ck_assert_uint_eq(stats.operations[BLOCK_WRITE].sectors, 32);
    ck_assert_uint_eq(stats.operations[BLOCK_FLUSH].requests, 1);
    ck_assert_uint_eq(stats.operations[BLOCK_DISCARD].requests, 1);
    ck_assert_uint_eq(stats.operations[BLOCK_DISCARD].sectors, 0);
    ck_assert_uint_eq(stats.in_flight, 0);
}

/* ---- without memory ---- */

/* Everything that allocates; 0 or the first error. */
static int64_t life(void)
{
    char serial[BLOCK_SERIAL_MAX];
    struct uio uio;
    int64_t error = read_at(0, other, 20 * PAGE_SIZE);

    if (error >= 0) {
        error = write_at(30 * PAGE_SIZE, other, 5 * PAGE_SIZE + 17);
    }
    if (error >= 0) {
        error = block_sync(&disk.block, 0, UINT64_MAX, true);
    }
    if (error >= 0) {
        uio_init_kernel(&uio, other, 20 * PAGE_SIZE);
        error = block_read_direct(&disk.block, 0, 20 * PAGE_SIZE, &uio);
    }
    if (error >= 0) {
        uio_init_kernel(&uio, other, 2 * PAGE_SIZE);
        error = block_write_direct(&disk.block, 0, 2 * PAGE_SIZE, &uio);
    }
    if (error >= 0) {
        error = block_serial(&disk.block, serial);
    }
    disk.block.limits.zeroes_sectors = 0;
    return error < 0 ? error : block_write_zeroes(&disk.block, 400, 16, false);
}

static void life_without_allocation(void *argument)
{
    const int nth = *(const int *)argument;
    struct fault_injection faults = {.fail_at = (uint64_t)nth};

    add_disk(&ordinary);
    this_kernel()->faults = &faults;
    int64_t error = life();
    this_kernel()->faults = NULL;
    ck_assert_msg(error >= 0 || error == -ENOMEM || error == -EIO, "%lld", (long long)error);
    ck_assert(faults.failed || error >= 0);
    /* And nothing is lost: with memory it goes on. */
    ck_assert_int_ge(life(), 0);
    ck_assert_int_eq(read_at(0, buffer, STORE_BYTES), STORE_BYTES);
    ck_assert_int_eq(block_sync(&disk.block, 0, UINT64_MAX, false), 0);
    ck_assert_mem_eq(buffer, disk.store, STORE_BYTES);
    remove_disk();
    if (nth == 60) {
        ck_assert_uint_eq(faults.failed, 0); /* that was all of them */
    }
}

START_TEST(every_step_survives_failure_of_nth_allocation)
{
    kernel_fixture_run(1, life_without_allocation, &_i);
}
END_TEST

/* ---- partitions ---- */

DISK_TEST(partition_is_a_device_that_reaches_its_part_of_the_disk)
{
    const struct partition where = {.start = 9, .sectors = 16};
    struct uio uio;
    int user;

    ck_assert_int_eq(block_add_partition(&disk.block, 3, &where), 0);
    struct block_device *part = block_find_name(this_kernel(), "vda3", 4);
    ck_assert_ptr_nonnull(part);
    ck_assert_ptr_eq(block_find(this_kernel(), disk.block.major, disk.block.minor + 3), part);
    ck_assert_int_eq(block_open_device(part, &user, true), 0);
    uio_init_kernel(&uio, buffer, 16 * BLOCK_SECTOR);
    ck_assert_int_eq(block_read(part, 0, 16 * BLOCK_SECTOR, &uio), 16 * BLOCK_SECTOR);
    ck_assert_mem_eq(buffer, position(9), 16 * BLOCK_SECTOR);

    memset(buffer, 'w', BLOCK_SECTOR);
    uio_init_kernel(&uio, buffer, BLOCK_SECTOR);
    ck_assert_int_eq(block_write(part, 15 * BLOCK_SECTOR, BLOCK_SECTOR, &uio), BLOCK_SECTOR);
    block_close_device(part, &user);
    ck_assert_mem_eq(position(24), buffer, BLOCK_SECTOR);
    ck_assert_mem_ne(position(25), buffer, BLOCK_SECTOR);
}

DISK_TEST(partitions_in_use_or_in_the_way_are_busy)
{
    const struct partition first = {.start = 8, .sectors = 8}, same = {.start = 15, .sectors = 1},
                           second = {.start = 16, .sectors = 8}, none[PARTITIONS_MAX] = {0},
                           outside = {.start = SECTORS - 1, .sectors = 2},
                           wraps = {.start = UINT64_MAX, .sectors = 2};
    int user, other;

    ck_assert_int_eq(block_add_partition(&disk.block, 1, &first), 0);
    ck_assert_int_eq(block_add_partition(&disk.block, 1, &second), -EBUSY);
    ck_assert_int_eq(block_add_partition(&disk.block, 2, &same), -EBUSY);
    ck_assert_int_eq(block_add_partition(&disk.block, 2, &outside), -EINVAL);
    ck_assert_int_eq(block_add_partition(&disk.block, 2, &wraps), -EINVAL);
    ck_assert_int_eq(block_add_partition(&disk.block, 0, &second), -EINVAL);
    ck_assert_int_eq(block_add_partition(&disk.block, PARTITIONS_MAX + 1, &second), -EINVAL);
    ck_assert_int_eq(block_delete_partition(&disk.block, 2), -ENXIO);
    ck_assert_int_eq(block_delete_partition(&disk.block, UINT32_MAX), -ENXIO);

    struct block_device *part = disk.block.parts[0];
    ck_assert_int_eq(block_open_device(part, &user, true), 0);
    ck_assert_int_eq(block_open_device(part, &other, true), -EBUSY);
    ck_assert_int_eq(block_open_device(&disk.block, &other, true), -EBUSY);
    ck_assert_int_eq(block_delete_partition(&disk.block, 1), -EBUSY);
    ck_assert_int_eq(block_resize_partition(&disk.block, 1, &first), -EBUSY);
    ck_assert_int_eq(block_set_partitions(&disk.block, &user, none), -EBUSY);
    block_close_device(part, &user);

    ck_assert_int_eq(block_open_device(&disk.block, &user, true), 0);
    ck_assert_int_eq(block_open_device(part, &other, true), -EBUSY);
    ck_assert_int_eq(block_set_partitions(&disk.block, &other, none), -EBUSY);
    ck_assert_int_eq(block_set_partitions(&disk.block, &user, none), 0);
    block_close_device(&disk.block, &user);
    ck_assert_int_eq(block_open_device(part, &user, false), -ENXIO);
    ck_assert_ptr_null(block_next(this_kernel(), &disk.block));
}

DISK_TEST(partition_that_has_moved_forgets_where_it_was)
{
    const struct partition old = {.start = 8, .sectors = 8};
    const struct partition parts[PARTITIONS_MAX] = {{.start = 80, .sectors = 4}};
    struct uio uio;
    int user;

    ck_assert_int_eq(block_add_partition(&disk.block, 1, &old), 0);
    struct block_device *part = disk.block.parts[0];
    ck_assert_int_eq(block_open_device(part, &user, false), 0);
    disk.status = -EIO; /* what is written now gets lost */
    memset(buffer, 'w', BLOCK_SECTOR);
    uio_init_kernel(&uio, buffer, BLOCK_SECTOR);
    (void)block_write(part, 0, BLOCK_SECTOR, &uio);
    block_close_device(part, &user);
    disk.status = 0;
    ck_assert_int_eq(block_set_partitions(&disk.block, NULL, parts), 0);
    ck_assert_int_eq(block_open_device(part, &user, false), 0);
    uio_init_kernel(&uio, buffer, BLOCK_SECTOR);
    ck_assert_int_eq(block_read(part, 0, BLOCK_SECTOR, &uio), BLOCK_SECTOR);
    ck_assert_mem_eq(buffer, position(80), BLOCK_SECTOR);
    block_close_device(part, &user);
}

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, register_names_disks_in_order_until_letters_are_used_up);
    tcase_add_test(tcase, read_gives_what_the_disk_has_in_requests_within_its_limits);
    tcase_add_test(tcase, write_reaches_the_disk_when_synced_and_not_before);
    tcase_add_test(tcase, last_page_is_as_long_as_the_disk);
    tcase_add_test(tcase, sectors_that_cannot_be_read_are_an_io_error_and_not_cached);
    tcase_add_test(tcase, sectors_that_cannot_be_written_are_an_error_of_the_sync);
    tcase_add_test(tcase, forgotten_sectors_are_read_again);
    tcase_add_test(tcase, direct_access_agrees_with_the_cache);
    tcase_add_test(tcase, busy_disk_is_asked_again);
    tcase_add_test(tcase, broken_disk_is_recovered_and_its_request_fails);
    tcase_add_test(tcase, dead_disk_is_an_io_error_at_once);
    tcase_add_test(tcase, discards_and_zeroes_are_split_at_the_limits);
    tcase_add_test(tcase, zeroes_are_written_where_the_disk_cannot_make_them);
    tcase_add_test(tcase, flush_is_for_disks_with_a_cache);
    tcase_add_test(tcase, serial_number_is_a_string_or_empty);
    tcase_add_test(tcase, figures_count_requests_and_what_they_moved);
    tcase_add_test(tcase, partition_is_a_device_that_reaches_its_part_of_the_disk);
    tcase_add_test(tcase, partitions_in_use_or_in_the_way_are_busy);
    tcase_add_test(tcase, partition_that_has_moved_forgets_where_it_was);
    tcase_add_loop_test(tcase, every_step_survives_failure_of_nth_allocation, 1, 61);
}

static Suite *suite(void)
{
    return unit_suite("block", add_tests);
}

UNIT_MAIN(suite)
