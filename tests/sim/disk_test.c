/* SPDX-License-Identifier: MIT */
/*
 * Simulated disks, sector by sector: every fault, power cuts, and the states that a crash can
 * leave.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/disk/crash.h"
#include "sim/disk/disk.h"
#include "sim/events/queue.h"
#include "tests/unit/support/suite.h"

enum { SECTORS = 1024, MS = 1000000 };

static struct event_queue *queue;
static struct fault_plan *plan;
static struct disk *disk;
static int last_status, finished, order[64];

static void open_disk_on(uint64_t seed, struct disk_quality quality, int base_fd)
{
    queue = event_queue_create();
    plan = fault_plan_create();
    const struct disk_config config = {
        .name = "d",
        .seed = seed,
        .clock = event_queue_clock(queue),
        .plan = plan,
        .sectors = SECTORS,
        .base_fd = base_fd,
        .quality = quality,
    };
    ck_assert_int_eq(disk_create(&config, &disk), 0);
    finished = 0;
}

static void open_disk(uint64_t seed, struct disk_quality quality)
{
    open_disk_on(seed, quality, -1);
}

static void close_disk(void)
{
    disk_destroy(disk);
    event_queue_destroy(queue);
    fault_plan_destroy(plan);
}

static void done(void *argument, int status)
{
    last_status = status;
    order[finished++ % 64] = (int)(intptr_t)argument;
}

static void submit(enum disk_operation operation, uint64_t sector, uint64_t count, void *bytes,
                   int tag)
{
    ck_assert_int_eq(
        disk_submit(disk, operation, sector, count, bytes, done, (void *)(intptr_t)tag), 0);
}

static int request(enum disk_operation operation, uint64_t sector, uint64_t count, void *bytes)
{
    int before = finished;

    submit(operation, sector, count, bytes, 0);
    ck_assert_int_eq(finished, before); /* never from within the call */
    ck_assert(event_queue_drain(queue, 1000));
    ck_assert_int_eq(finished, before + 1);
    return last_status;
}

/* Fill sectors with a byte. */
static int write_byte(uint64_t sector, uint64_t count, int byte)
{
    static uint8_t bytes[64 * DISK_SECTOR];

    memset(bytes, byte, sizeof(bytes));
    return request(DISK_WRITE, sector, count, bytes);
}

/* The byte a sector is full of, -1 if it is not of one byte. */
static int byte_of(const uint8_t *sector)
{
    for (int i = 1; i < DISK_SECTOR; i++) {
        if (sector[i] != sector[0]) {
            return -1;
        }
    }
    return sector[0];
}

static int read_byte(uint64_t sector)
{
    uint8_t bytes[DISK_SECTOR];

    ck_assert_int_eq(request(DISK_READ, sector, 1, bytes), 0);
    return byte_of(bytes);
}

static int durable_byte(uint64_t sector)
{
    uint8_t bytes[DISK_SECTOR];

    ck_assert_int_eq(disk_peek_durable(disk, sector, 1, bytes), 0);
    return byte_of(bytes);
}

START_TEST(writes_are_read_back_and_others_stay_zero)
{
    open_disk(1, (struct disk_quality){.latency_ns = MS});
    ck_assert_int_eq(write_byte(7, 9, 0xab), 0);
    ck_assert_uint_eq(event_queue_now(queue), MS);
    ck_assert_int_eq(read_byte(6), 0);
    ck_assert_int_eq(read_byte(7), 0xab);
    ck_assert_int_eq(read_byte(15), 0xab);
    ck_assert_int_eq(read_byte(16), 0);
    ck_assert_int_eq(write_byte(SECTORS - 1, 1, 1), 0);
    close_disk();
}
END_TEST

START_TEST(requests_outside_the_disk_are_refused)
{
    uint8_t bytes[2 * DISK_SECTOR] = {0};

    open_disk(2, (struct disk_quality){0});
    ck_assert_int_eq(request(DISK_READ, SECTORS, 1, bytes), -EINVAL);
    ck_assert_int_eq(request(DISK_READ, SECTORS - 1, 2, bytes), -EINVAL);
    ck_assert_int_eq(request(DISK_WRITE, UINT64_MAX, 2, bytes), -EINVAL);
    ck_assert_int_eq(request(DISK_WRITE, 0, UINT64_MAX, bytes), -EINVAL);
    ck_assert_int_eq(request(DISK_READ, SECTORS, 0, bytes), 0);
    close_disk();
}
END_TEST

START_TEST(base_image_shows_through_and_stays_unchanged)
{
    char path[] = "/tmp/assay-disk-XXXXXX", saved[] = "/tmp/assay-saved-XXXXXX";
    uint8_t base[3 * DISK_SECTOR], bytes[DISK_SECTOR];
    int fd = mkstemp(path);

    memset(base, 0x11, sizeof(base));
    ck_assert_int_eq(write(fd, base, sizeof(base)), sizeof(base));
    open_disk_on(3, (struct disk_quality){0}, fd);
    ck_assert_int_eq(write_byte(1, 1, 0x22), 0);
    ck_assert_int_eq(read_byte(0), 0x11);
    ck_assert_int_eq(read_byte(1), 0x22);
    ck_assert_int_eq(read_byte(2), 0x11);
    ck_assert_int_eq(read_byte(3), 0);
    ck_assert_int_eq(pread(fd, bytes, sizeof(bytes), DISK_SECTOR), sizeof(bytes));
    ck_assert_int_eq(byte_of(bytes), 0x11);
    int saved_fd = mkstemp(saved);
    ck_assert_int_eq(disk_save(disk, saved), 0);
    ck_assert_int_eq(lseek(saved_fd, 0, SEEK_END), SECTORS * DISK_SECTOR);
    ck_assert_int_eq(pread(saved_fd, bytes, sizeof(bytes), DISK_SECTOR), sizeof(bytes));
    ck_assert_int_eq(byte_of(bytes), 0x22);
    close_disk();
    close(fd);
    close(saved_fd);
    unlink(path);
    unlink(saved);
}
END_TEST

START_TEST(power_cut_loses_unflushed_writes_only)
{
    open_disk(4, (struct disk_quality){.cut_lose_ppm = 1000000});
    ck_assert_int_eq(write_byte(0, 1, 1), 0);
    ck_assert_int_eq(request(DISK_FLUSH, 0, 0, NULL), 0);
    ck_assert_int_eq(write_byte(0, 1, 2), 0);
    ck_assert_int_eq(write_byte(1, 1, 3), 0);
    ck_assert_uint_eq(disk_unflushed(disk), 2);
    ck_assert_int_eq(disk_power_cut(disk, false), 0);
    ck_assert_int_eq(read_byte(0), 1);
    ck_assert_int_eq(read_byte(1), 0);
    ck_assert_int_eq(durable_byte(0), 1);
    ck_assert_uint_eq(disk_unflushed(disk), 0);
    close_disk();
}
END_TEST

START_TEST(battery_keeps_everything)
{
    open_disk(5, (struct disk_quality){.cut_lose_ppm = 1000000});
    ck_assert_int_eq(write_byte(0, 1, 2), 0);
    ck_assert_int_eq(disk_power_cut(disk, true), 0);
    ck_assert_int_eq(read_byte(0), 2);
    close_disk();
}
END_TEST

START_TEST(write_through_disk_loses_nothing_that_was_done)
{
    open_disk(6, (struct disk_quality){.cut_lose_ppm = 1000000, .write_through = true});
    ck_assert_int_eq(write_byte(5, 1, 2), 0);
    ck_assert_int_eq(durable_byte(5), 2);
    ck_assert_int_eq(disk_power_cut(disk, false), 0);
    ck_assert_int_eq(read_byte(5), 2);
    close_disk();
}
END_TEST

START_TEST(power_cut_loses_some_writes_and_keeps_later_ones)
{
    unsigned kept = 0, holes = 0;

    open_disk(7, (struct disk_quality){.cut_lose_ppm = 500000});
    for (int i = 0; i < 60; i++) {
        ck_assert_int_eq(write_byte((uint64_t)i, 1, i + 1), 0);
    }
    ck_assert_int_eq(disk_power_cut(disk, false), 0);
    for (int i = 0; i < 60; i++) {
        int byte = read_byte((uint64_t)i);
        ck_assert(byte == 0 || byte == i + 1);
        kept += byte != 0;
        holes += byte == 0 && i < 59;
    }
    ck_assert_uint_gt(kept, 15);
    ck_assert_uint_gt(holes, 15);
    close_disk();
}
END_TEST

START_TEST(torn_write_keeps_its_first_sectors)
{
    open_disk(8, (struct disk_quality){.write_torn_ppm = 1000000});
    ck_assert_int_eq(write_byte(0, 16, 9), 0); /* nobody notices */
    int kept = 0;
    while (kept < 16 && read_byte((uint64_t)kept) == 9) {
        kept++;
    }
    ck_assert_int_gt(kept, 0);
    ck_assert_int_lt(kept, 16);
    for (int i = kept; i < 16; i++) {
        ck_assert_int_eq(read_byte((uint64_t)i), 0);
    }
    ck_assert_uint_eq(fault_plan_count(plan), 1);
    ck_assert_int_eq(write_byte(100, 1, 9), 0); /* one sector is atomic */
    ck_assert_int_eq(read_byte(100), 9);
    close_disk();
}
END_TEST

START_TEST(write_torn_by_power_cut_keeps_its_first_sectors)
{
    open_disk(9, (struct disk_quality){.cut_tear_ppm = 1000000});
    ck_assert_int_eq(write_byte(0, 16, 9), 0);
    ck_assert_int_eq(read_byte(15), 9);
    ck_assert_int_eq(disk_power_cut(disk, false), 0);
    ck_assert_int_eq(read_byte(0), 9);
    ck_assert_int_eq(read_byte(15), 0);
    close_disk();
}
END_TEST

START_TEST(lost_write_is_reported_as_done)
{
    open_disk(10, (struct disk_quality){.write_lost_ppm = 1000000});
    ck_assert_int_eq(write_byte(0, 4, 9), 0);
    ck_assert_int_eq(read_byte(0), 0);
    close_disk();
}
END_TEST

START_TEST(failed_requests_say_so_and_change_nothing)
{
    uint8_t bytes[DISK_SECTOR] = {0x77};

    open_disk(11, (struct disk_quality){.write_fail_ppm = 1000000, .read_fail_ppm = 1000000});
    ck_assert_int_eq(write_byte(0, 4, 9), -EIO);
    ck_assert_int_eq(request(DISK_READ, 0, 1, bytes), -EIO);
    ck_assert_uint_eq(bytes[0], 0x77);
    disk_set_quality(disk, &(struct disk_quality){0});
    ck_assert_int_eq(read_byte(0), 0);
    close_disk();
}
END_TEST

START_TEST(corrupted_read_differs_in_one_bit_and_heals)
{
    uint8_t bytes[8 * DISK_SECTOR];
    unsigned bits = 0;

    open_disk(12, (struct disk_quality){.read_corrupt_ppm = 1000000});
    ck_assert_int_eq(request(DISK_READ, 0, 8, bytes), 0);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bits += (unsigned)__builtin_popcount(bytes[i]);
    }
    ck_assert_uint_eq(bits, 1);
    disk_set_quality(disk, &(struct disk_quality){0});
    ck_assert_int_eq(read_byte(0), 0);
    close_disk();
}
END_TEST

START_TEST(full_disk_refuses_new_blocks_only)
{
    open_disk(13, (struct disk_quality){.room_sectors = 16});
    ck_assert_int_eq(write_byte(0, 16, 1), 0);
    ck_assert_int_eq(write_byte(16, 1, 1), -ENOSPC);
    ck_assert_int_eq(write_byte(3, 2, 5), 0);
    ck_assert_int_eq(read_byte(4), 5);
    ck_assert_int_eq(read_byte(16), 0);
    close_disk();
}
END_TEST

START_TEST(reordered_requests_finish_out_of_order)
{
    uint8_t bytes[DISK_SECTOR];
    int inversions = 0;

    open_disk(14, (struct disk_quality){.reorder_ppm = 300000, .reorder_ns = MS});
    for (int i = 0; i < 64; i++) {
        memset(bytes, i, sizeof(bytes));
        submit(DISK_WRITE, 0, 1, bytes, i);
    }
    ck_assert(event_queue_drain(queue, 1000));
    ck_assert_int_eq(finished, 64);
    for (int i = 1; i < 64; i++) {
        inversions += order[i] < order[i - 1];
    }
    ck_assert_int_gt(inversions, 4);
    ck_assert_int_eq(read_byte(0), order[63]);
    close_disk();
}
END_TEST

static void cut(void *context)
{
    (void)context;
    ck_assert_int_eq(disk_power_cut(disk, false), 0);
}

START_TEST(power_cut_at_the_nth_request)
{
    uint8_t bytes[DISK_SECTOR];

    open_disk(15, (struct disk_quality){.latency_ns = MS});
    disk_cut_at(disk, 3, cut, NULL);
    for (int i = 0; i < 5; i++) {
        memset(bytes, i + 1, sizeof(bytes));
        submit(DISK_WRITE, (uint64_t)i, 1, bytes, i);
        event_queue_run(queue, event_queue_now(queue) + 2 * MS);
        ck_assert_int_eq(finished, i + 1);
        ck_assert_int_eq(last_status, i == 2 ? -ECANCELED : 0);
    }
    ck_assert_int_eq(read_byte(1), 2);
    ck_assert_int_eq(read_byte(2), 0);
    ck_assert_int_eq(read_byte(4), 5);
    close_disk();
}
END_TEST

START_TEST(power_cut_forgets_requests_under_way)
{
    uint8_t bytes[DISK_SECTOR] = {0};

    open_disk(16, (struct disk_quality){.latency_ns = MS, .cut_lose_ppm = 1000000});
    submit(DISK_READ, 0, 1, bytes, 0);
    submit(DISK_WRITE, 0, 1, bytes, 0);
    ck_assert_int_eq(disk_power_cut(disk, false), 0);
    ck_assert(event_queue_drain(queue, 100));
    ck_assert_int_eq(finished, 2);
    ck_assert_int_eq(last_status, -ECANCELED);
    ck_assert_int_eq(read_byte(0), 0);
    submit(DISK_WRITE, 0, 1, bytes, 0);
    close_disk(); /* also with requests under way */
}
END_TEST

START_TEST(same_seed_gives_same_disk)
{
    uint8_t first[64 * DISK_SECTOR], second[64 * DISK_SECTOR];
    uint8_t *contents[] = {first, second, second};
    const uint64_t seeds[] = {20, 20, 21};

    for (int run = 0; run < 3; run++) {
        open_disk(seeds[run], (struct disk_quality){.write_lost_ppm = 100000,
                                                    .write_torn_ppm = 100000,
                                                    .cut_lose_ppm = 300000,
                                                    .cut_tear_ppm = 300000});
        for (int i = 0; i < 60; i++) {
            ck_assert_int_eq(write_byte((uint64_t)(i * 7 % 50), 8, i + 1), 0);
        }
        ck_assert_int_eq(disk_power_cut(disk, false), 0);
        ck_assert_int_eq(disk_peek(disk, 0, 64, contents[run]), 0);
        close_disk();
        ck_assert(run == 0 || (memcmp(first, second, sizeof(first)) == 0) == (run == 1));
    }
}
END_TEST

/* ---- crash states ---- */

static struct crash_trace *trace;

static void trace_write(uint64_t sector, uint64_t count, int byte)
{
    uint8_t bytes[16 * DISK_SECTOR];

    memset(bytes, byte, sizeof(bytes));
    ck_assert_int_eq(crash_trace_write(trace, sector, count, bytes), 0);
}

static char seen[128][16];
static size_t seen_count;

/* Contents of the first 8 sectors as text; each state must be new. */
static bool see(void *context, const struct crash_state *state)
{
    struct store store;
    uint8_t bytes[8 * DISK_SECTOR];
    char *text = seen[seen_count++];

    (void)context;
    ck_assert_int_eq(store_init(&store, 8, -1), 0);
    ck_assert_int_eq(crash_state_apply(trace, state, &store), 0);
    ck_assert_int_eq(store_read(&store, 0, 8, bytes), 0);
    for (int i = 0; i < 8; i++) {
        text[i] = (char)('0' + byte_of(bytes + i * DISK_SECTOR));
    }
    store_free(&store);
    return seen_count < 128;
}

static bool was_seen(const char *text)
{
    unsigned times = 0;

    for (size_t i = 0; i < seen_count; i++) {
        times += strcmp(seen[i], text) == 0;
    }
    return times == 1;
}

START_TEST(all_prefixes_are_listed_once)
{
    trace = crash_trace_create();
    for (int i = 0; i < 4; i++) {
        trace_write((uint64_t)i, 1, i + 1);
    }
    ck_assert_uint_eq(crash_states(trace, &(struct crash_limits){0}, see, NULL), 5);
    ck_assert(was_seen("00000000"));
    ck_assert(was_seen("10000000"));
    ck_assert(was_seen("12000000"));
    ck_assert(was_seen("12300000"));
    ck_assert(was_seen("12340000"));
    crash_trace_destroy(trace);
}
END_TEST

START_TEST(reorderings_stay_behind_flushes)
{
    trace = crash_trace_create();
    trace_write(0, 1, 1);
    trace_write(1, 1, 2);
    crash_trace_flush(trace);
    trace_write(2, 1, 3);
    trace_write(3, 1, 4);
    trace_write(4, 1, 5);
    const struct crash_limits limits = {.drops = 2, .window = 8};
    size_t count = crash_states(trace, &limits, see, NULL);
    /* Before the flush: "", 1, 12, _2; behind it: 3; 34, _4; 345, _45, 3_5, __5. */
    ck_assert_uint_eq(count, 11);
    ck_assert(was_seen("02000000"));
    ck_assert(was_seen("12040000"));
    ck_assert(was_seen("12045000"));
    ck_assert(was_seen("12305000"));
    ck_assert(was_seen("12005000"));
    for (size_t i = 0; i < seen_count; i++) { /* nothing twice, no flushed write missing */
        ck_assert(was_seen(seen[i]));
        ck_assert(strchr(seen[i], '3') == NULL || strncmp(seen[i], "12", 2) == 0);
    }
    crash_trace_destroy(trace);
}
END_TEST

START_TEST(last_write_is_torn_in_bounded_places)
{
    char text[128];

    trace = crash_trace_create();
    trace_write(0, 1, 1);
    trace_write(0, 8, 2);
    ck_assert_uint_eq(crash_states(trace, &(struct crash_limits){.tears = 100}, see, NULL), 3 + 7);
    ck_assert(was_seen("20000000"));
    ck_assert(was_seen("22222220"));
    seen_count = 0;
    ck_assert_uint_eq(crash_states(trace, &(struct crash_limits){.tears = 2}, see, NULL), 3 + 2);
    const struct crash_state state = {.writes = 2, .last_sectors = 3, .drop_count = 1};
    crash_state_describe(trace, &state, text, sizeof(text));
    ck_assert_str_eq(text, "writes 2 of 2, flushed 0, without 1, last torn after 3 sectors");
    crash_trace_destroy(trace);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("disk");
    TCase *tcase = tcase_create("disk");

    tcase_add_test(tcase, writes_are_read_back_and_others_stay_zero);
    tcase_add_test(tcase, requests_outside_the_disk_are_refused);
    tcase_add_test(tcase, base_image_shows_through_and_stays_unchanged);
    tcase_add_test(tcase, power_cut_loses_unflushed_writes_only);
    tcase_add_test(tcase, battery_keeps_everything);
    tcase_add_test(tcase, write_through_disk_loses_nothing_that_was_done);
    tcase_add_test(tcase, power_cut_loses_some_writes_and_keeps_later_ones);
    tcase_add_test(tcase, torn_write_keeps_its_first_sectors);
    tcase_add_test(tcase, write_torn_by_power_cut_keeps_its_first_sectors);
    tcase_add_test(tcase, lost_write_is_reported_as_done);
    tcase_add_test(tcase, failed_requests_say_so_and_change_nothing);
    tcase_add_test(tcase, corrupted_read_differs_in_one_bit_and_heals);
    tcase_add_test(tcase, full_disk_refuses_new_blocks_only);
    tcase_add_test(tcase, reordered_requests_finish_out_of_order);
    tcase_add_test(tcase, power_cut_at_the_nth_request);
    tcase_add_test(tcase, power_cut_forgets_requests_under_way);
    tcase_add_test(tcase, same_seed_gives_same_disk);
    tcase_add_test(tcase, all_prefixes_are_listed_once);
    tcase_add_test(tcase, reorderings_stay_behind_flushes);
    tcase_add_test(tcase, last_write_is_torn_in_bounded_places);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
