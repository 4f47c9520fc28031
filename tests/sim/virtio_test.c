/* SPDX-License-Identifier: MIT */
/*
 * Virtio models, driven by a small driver that knows them only through the bus: network devices at
 * both ends of a link, a block device in front of a disk, and drivers that break the rules.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/events/queue.h"
#include "sim/virtio/virtio.h"
#include "tests/unit/support/suite.h"

enum { RAM_BYTES = 1 << 20, RING = 8, MS = 1000000 };
enum { NEXT = 1, WRITE = 2 };

struct descriptor {
    uint64_t address;
    uint32_t bytes;
    uint16_t flags, next;
};

/* A driver's view of one device, with its queues at fixed places of its own RAM. */
struct driver {
    struct virtio_model *model;
    uint8_t *ram;
    unsigned interrupts[4];
    uint64_t common, notify, isr, device; /* offsets in register window 0 */
    uint32_t notify_step;
    uint16_t available[2], used[2];
};

static struct event_queue *queue;

static void *ram_at(void *context, uint64_t paddr, size_t bytes)
{
    struct driver *driver = context;

    return paddr <= RAM_BYTES && bytes <= RAM_BYTES - paddr ? driver->ram + paddr : NULL;
}

static void raise_interrupt(void *context, unsigned index)
{
    struct driver *driver = context;

    ck_assert_uint_lt(index, 4);
    driver->interrupts[index]++;
}

static struct virtio_host host_of(struct driver *driver)
{
    *driver = (struct driver){.ram = calloc(1, RAM_BYTES)};
    return (struct virtio_host){ram_at, raise_interrupt, driver};
}

static void put(struct driver *driver, uint64_t at, unsigned width, uint64_t value)
{
    virtio_bar_write(driver->model, 0, at, width, value);
}

static uint64_t get(struct driver *driver, uint64_t at, unsigned width)
{
    return virtio_bar_read(driver->model, 0, at, width);
}

static uint32_t config(struct driver *driver, unsigned offset, unsigned width)
{
    return virtio_config_read(driver->model, offset, width);
}

static void find_structures(struct driver *driver)
{
    unsigned found = 0;

    ck_assert_uint_eq(config(driver, 0, 2), VIRTIO_VENDOR);
    ck_assert(config(driver, 6, 2) & 0x10);
    for (unsigned at = config(driver, 0x34, 1); at != 0; at = config(driver, at + 1, 1)) {
        ck_assert_uint_eq(config(driver, at, 1), 9);
        ck_assert_uint_eq(config(driver, at + 4, 1), 0);
        uint64_t offset = config(driver, at + 8, 4), bytes = config(driver, at + 12, 4);
        ck_assert_uint_le(offset + bytes, virtio_bar_size(driver->model, 0));
        switch (config(driver, at + 3, 1)) {
        case 1:
            driver->common = offset;
            break;
        case 2:
            driver->notify = offset;
            driver->notify_step = config(driver, at + 16, 4);
            break;
        case 3:
            driver->isr = offset;
            break;
        case 4:
            driver->device = offset;
            break;
        }
        found++;
    }
    ck_assert_uint_eq(found, 4);
}

/* Where things of queue q are in RAM. */
static uint64_t table_at(unsigned q)
{
    return 0x1000 + q * 0x3000u;
}
static uint64_t available_at(unsigned q)
{
    return table_at(q) + 0x1000;
}
static uint64_t used_at(unsigned q)
{
    return table_at(q) + 0x2000;
}
static uint64_t buffer_at(unsigned q, unsigned index)
{
    return 0x10000 + q * 0x20000u + index * 0x1000u;
}

static void set_up_queue(struct driver *driver, unsigned q)
{
    put(driver, driver->common + 0x16, 2, q);
    ck_assert_uint_ge(get(driver, driver->common + 0x18, 2), RING);
    put(driver, driver->common + 0x18, 2, RING);
    put(driver, driver->common + 0x1a, 2, q + 1);
    ck_assert_uint_eq(get(driver, driver->common + 0x1a, 2), q + 1);
    put(driver, driver->common + 0x20, 8, table_at(q));
    put(driver, driver->common + 0x28, 4, available_at(q));
    put(driver, driver->common + 0x2c, 4, 0);
    put(driver, driver->common + 0x30, 8, used_at(q));
    put(driver, driver->common + 0x1c, 2, 1);
}

static void set_up(struct driver *driver)
{
    uint32_t low, high;

    find_structures(driver);
    put(driver, driver->common + 0x14, 1, 0);
    put(driver, driver->common + 0x14, 1, 1 | 2);
    put(driver, driver->common, 4, 0);
    low = (uint32_t)get(driver, driver->common + 4, 4);
    put(driver, driver->common, 4, 1);
    high = (uint32_t)get(driver, driver->common + 4, 4);
    ck_assert(high & 1); /* VIRTIO_F_VERSION_1 */
    put(driver, driver->common + 8, 4, 0);
    put(driver, driver->common + 0xc, 4, low);
    put(driver, driver->common + 8, 4, 1);
    put(driver, driver->common + 0xc, 4, high);
    put(driver, driver->common + 0x14, 1, 1 | 2 | 8);
    ck_assert(get(driver, driver->common + 0x14, 1) & 8);
    for (unsigned q = 0; q < get(driver, driver->common + 0x12, 2); q++) {
        set_up_queue(driver, q);
    }
    put(driver, driver->common + 0x14, 1, 1 | 2 | 8 | 4);
}

static void describe(struct driver *driver, unsigned q, unsigned index, struct descriptor d)
{
    memcpy(driver->ram + table_at(q) + index * sizeof(d), &d, sizeof(d));
}

static void make_available(struct driver *driver, unsigned q, uint16_t head)
{
    uint8_t *ring = driver->ram + available_at(q);
    uint16_t count = driver->available[q]++;

    memcpy(ring + 4 + 2 * (count % RING), &head, 2);
    count++;
    memcpy(ring + 2, &count, 2);
}

static void notify(struct driver *driver, unsigned q)
{
    put(driver, driver->common + 0x16, 2, q);
    put(driver, driver->notify + get(driver, driver->common + 0x1e, 2) * driver->notify_step, 2, q);
}

/* The next used element; false if there is none. */
static bool take_used(struct driver *driver, unsigned q, uint32_t *head, uint32_t *written)
{
    const uint8_t *ring = driver->ram + used_at(q);
    uint16_t count;

    memcpy(&count, ring + 2, 2);
    if (count == driver->used[q]) {
        return false;
    }
    memcpy(head, ring + 4 + 8 * (driver->used[q] % RING), 4);
    memcpy(written, ring + 8 + 8 * (driver->used[q] % RING), 4);
    driver->used[q]++;
    return true;
}

static bool needs_reset(struct driver *driver)
{
    return get(driver, driver->common + 0x14, 1) & 64;
}

static void close_driver(struct driver *driver)
{
    virtio_destroy(driver->model);
    free(driver->ram);
}

/* ---- network ---- */

static struct driver ends[2];
static struct network *network;
static struct network_link *cable;

static void open_net(struct link_quality quality)
{
    queue = event_queue_create();
    const struct network_config net_config = {.seed = 1, .clock = event_queue_clock(queue)};
    ck_assert_int_eq(network_create(&net_config, &network), 0);
    struct network_node *nics[2];
    for (int i = 0; i < 2; i++) {
        const uint8_t address[6] = {2, 0, 0, 0, 0, (uint8_t)i};
        struct virtio_host host = host_of(&ends[i]);
        ck_assert_int_eq(virtio_net_create(&host, address, &ends[i].model), 0);
        ck_assert_int_eq(network_add_nic(network, i == 0 ? "a" : "b", virtio_net_receive,
                                         ends[i].model, &nics[i]),
                         0);
        virtio_net_attach(ends[i].model, nics[i]);
    }
    ck_assert_int_eq(network_join(network, nics[0], nics[1], &quality, &cable), 0);
}

static void close_net(void)
{
    network_destroy(network);
    close_driver(&ends[0]);
    close_driver(&ends[1]);
    event_queue_destroy(queue);
}

static void offer_receive_buffer(struct driver *driver, uint16_t index, uint32_t bytes)
{
    describe(driver, 0, index, (struct descriptor){buffer_at(0, index), bytes, WRITE, 0});
    make_available(driver, 0, index);
    notify(driver, 0);
}

/* A frame in two parts: the header alone, then the bytes. */
static void send_frame(struct driver *driver, const uint8_t *bytes, uint32_t count)
{
    memset(driver->ram + buffer_at(1, 0), 0, 12);
    memcpy(driver->ram + buffer_at(1, 1), bytes, count);
    describe(driver, 1, 0, (struct descriptor){buffer_at(1, 0), 12, NEXT, 1});
    describe(driver, 1, 1, (struct descriptor){buffer_at(1, 1), count, 0, 0});
    make_available(driver, 1, 0);
    notify(driver, 1);
}

START_TEST(frames_travel_between_two_devices)
{
    uint8_t frame[1514];
    uint32_t head, written;

    open_net((struct link_quality){.latency_ns = MS});
    set_up(&ends[0]);
    set_up(&ends[1]);
    for (unsigned i = 0; i < 6; i++) {
        ck_assert_uint_eq(get(&ends[1], ends[1].device + i, 1), i == 0 ? 2 : i == 5 ? 1 : 0);
    }
    for (unsigned round = 0; round < 3 * RING; round++) { /* the rings wrap */
        uint32_t count = 14 + round * 60;
        for (uint32_t i = 0; i < count; i++) {
            frame[i] = (uint8_t)(i + round);
        }
        offer_receive_buffer(&ends[1], (uint16_t)(round % RING), 12 + 1514);
        send_frame(&ends[0], frame, count);
        ck_assert(take_used(&ends[0], 1, &head, &written));
        ck_assert_uint_eq(written, 0);
        ck_assert(!take_used(&ends[1], 0, &head, &written));
        ck_assert(event_queue_drain(queue, 10));
        ck_assert(take_used(&ends[1], 0, &head, &written));
        ck_assert_uint_eq(head, round % RING);
        ck_assert_uint_eq(written, 12 + count);
        ck_assert_mem_eq(ends[1].ram + buffer_at(0, head) + 12, frame, count);
        ck_assert_uint_eq(ends[1].ram[buffer_at(0, head) + 10], 1);
    }
    ck_assert_uint_eq(ends[0].interrupts[2], 3 * RING);
    ck_assert_uint_eq(ends[1].interrupts[1], 3 * RING);
    ck_assert_uint_eq(virtio_errors(ends[0].model) + virtio_errors(ends[1].model), 0);
    close_net();
}
END_TEST

START_TEST(frames_without_a_buffer_are_dropped)
{
    const uint8_t frame[100] = {0};
    uint32_t head, written;

    open_net((struct link_quality){0});
    set_up(&ends[0]);
    send_frame(&ends[0], frame, sizeof(frame)); /* nobody listens */
    ck_assert(event_queue_drain(queue, 10));
    set_up(&ends[1]);
    send_frame(&ends[0], frame, sizeof(frame)); /* no buffer */
    ck_assert(event_queue_drain(queue, 10));
    ck_assert_uint_eq(virtio_net_dropped(ends[1].model), 2);
    offer_receive_buffer(&ends[1], 0, 64); /* too small */
    send_frame(&ends[0], frame, sizeof(frame));
    ck_assert(event_queue_drain(queue, 10));
    ck_assert_uint_eq(virtio_net_dropped(ends[1].model), 3);
    ck_assert(take_used(&ends[1], 0, &head, &written));
    ck_assert_uint_eq(written, 0);
    close_net();
}
END_TEST

START_TEST(lost_and_duplicated_frames_reach_the_driver_so)
{
    const uint8_t frame[100] = {0};
    uint32_t head, written;
    unsigned got = 0;

    open_net((struct link_quality){.loss_ppm = 1000000});
    set_up(&ends[0]);
    set_up(&ends[1]);
    for (uint16_t i = 0; i < 4; i++) {
        offer_receive_buffer(&ends[1], i, 2000);
    }
    send_frame(&ends[0], frame, sizeof(frame));
    ck_assert(event_queue_drain(queue, 10));
    ck_assert(!take_used(&ends[1], 0, &head, &written));
    network_link_set(cable, LINK_FORTH, &(struct link_quality){.duplicate_ppm = 1000000});
    send_frame(&ends[0], frame, sizeof(frame));
    ck_assert(event_queue_drain(queue, 10));
    while (take_used(&ends[1], 0, &head, &written)) {
        got++;
    }
    ck_assert_uint_eq(got, 2);
    close_net();
}
END_TEST

START_TEST(driver_may_ask_for_no_interrupts)
{
    const uint8_t frame[100] = {0};
    const uint16_t no_interrupt = 1;

    open_net((struct link_quality){0});
    set_up(&ends[0]);
    memcpy(ends[0].ram + available_at(1), &no_interrupt, 2);
    send_frame(&ends[0], frame, sizeof(frame));
    ck_assert_uint_eq(ends[0].interrupts[2], 0);
    close_net();
}
END_TEST

START_TEST(legacy_interrupt_is_taken_back_by_reading_isr)
{
    const uint8_t frame[100] = {0};

    open_net((struct link_quality){0});
    set_up(&ends[0]);
    put(&ends[0], ends[0].common + 0x16, 2, 1);
    put(&ends[0], ends[0].common + 0x1a, 2, 0xffff);
    send_frame(&ends[0], frame, sizeof(frame));
    ck_assert_uint_eq(ends[0].interrupts[0], 1);
    ck_assert_uint_eq(get(&ends[0], ends[0].isr, 1), 1);
    ck_assert_uint_eq(get(&ends[0], ends[0].isr, 1), 0);
    close_net();
}
END_TEST

/* ---- drivers that break the rules ---- */

START_TEST(rule_breakers_find_a_device_that_needs_reset)
{
    static const struct descriptor chains[][2] = {
        {{0x10000, 12, NEXT, 1}, {0x10000, 100, NEXT, 0}},      /* a circle */
        {{0x10000, 12, NEXT, RING}, {0}},                       /* outside the table */
        {{RAM_BYTES, 100, 0, 0}, {0}},                          /* no memory there */
        {{UINT64_MAX - 50, 100, 0, 0}, {0}},                    /* around the end */
        {{0x10000, UINT32_MAX, 0, 0}, {0}},                     /* more than there is */
        {{0x10000, 12, NEXT | WRITE, 1}, {0x10000, 100, 0, 0}}, /* wrong order */
        {{0x10000, 200, 4, 0}, {0}},                            /* indirect: not negotiated */
        {{0x10000, 20, 0, 0}, {0}},                             /* no whole frame */
    };
    const uint8_t frame[100] = {0};

    open_net((struct link_quality){0});
    set_up(&ends[0]);
    describe(&ends[0], 1, 0, chains[_i][0]);
    describe(&ends[0], 1, 1, chains[_i][1]);
    make_available(&ends[0], 1, 0);
    notify(&ends[0], 1);
    ck_assert(needs_reset(&ends[0]));
    ck_assert_uint_eq(virtio_errors(ends[0].model), 1);
    notify(&ends[0], 1); /* deaf now */
    ck_assert_uint_eq(virtio_errors(ends[0].model), 1);
    memset(ends[0].ram, 0, RAM_BYTES);
    memset(ends[0].available, 0, sizeof(ends[0].available));
    set_up(&ends[0]); /* and well again */
    ck_assert(!needs_reset(&ends[0]));
    send_frame(&ends[0], frame, sizeof(frame));
    ck_assert_uint_eq(virtio_errors(ends[0].model), 1);
    close_net();
}
END_TEST

START_TEST(rings_outside_memory_are_refused)
{
    open_net((struct link_quality){0});
    find_structures(&ends[0]);
    put(&ends[0], ends[0].common + 8, 4, 1);
    put(&ends[0], ends[0].common + 0xc, 4, 1);
    put(&ends[0], ends[0].common + 0x14, 1, 11);
    put(&ends[0], ends[0].common + 0x16, 2, 1);
    put(&ends[0], ends[0].common + 0x28, 8, _i == 0 ? RAM_BYTES - 2 : 0x1001);
    put(&ends[0], ends[0].common + 0x1c, 2, 1);
    put(&ends[0], ends[0].common + 0x14, 1, 15);
    notify(&ends[0], 1);
    ck_assert(needs_reset(&ends[0]));
    close_net();
}
END_TEST

START_TEST(unoffered_features_are_not_accepted)
{
    open_net((struct link_quality){0});
    find_structures(&ends[0]);
    put(&ends[0], ends[0].common + 8, 4, 1);
    put(&ends[0], ends[0].common + 0xc, 4, 0xff);
    put(&ends[0], ends[0].common + 0x14, 1, 11);
    ck_assert(!(get(&ends[0], ends[0].common + 0x14, 1) & 8));
    put(&ends[0], ends[0].common + 0xc, 4, 0); /* without VERSION_1: a legacy driver */
    put(&ends[0], ends[0].common + 0x14, 1, 11);
    ck_assert(!(get(&ends[0], ends[0].common + 0x14, 1) & 8));
    close_net();
}
END_TEST

START_TEST(any_register_access_is_survived)
{
    open_net((struct link_quality){0});
    set_up(&ends[0]);
    for (uint64_t at = 0; at < 0x4010; at++) {
        for (unsigned width = 1; width <= 8; width *= 2) {
            (void)get(&ends[0], at, width);
            put(&ends[0], at, width, at * 0x9e3779b97f4a7c15u);
            put(&ends[0], at, width, UINT64_MAX);
        }
    }
    (void)get(&ends[0], UINT64_MAX, 8);
    put(&ends[0], UINT64_MAX, 8, 1);
    ck_assert_uint_eq(virtio_bar_read(ends[0].model, 1, 0, 4), UINT64_MAX);
    for (unsigned at = 0; at < 300; at++) {
        (void)config(&ends[0], at, 4);
        virtio_config_write(ends[0].model, at, 2, 0xffff);
    }
    close_net();
}
END_TEST

/* ---- disk ---- */

static struct driver block;
static struct disk *disk;

static void open_blk(struct disk_quality quality)
{
    struct virtio_host host = host_of(&block);

    queue = event_queue_create();
    const struct disk_config disk_config = {.name = "disk",
                                            .clock = event_queue_clock(queue),
                                            .sectors = 256,
                                            .base_fd = -1,
                                            .quality = quality};
    ck_assert_int_eq(disk_create(&disk_config, &disk), 0);
    ck_assert_int_eq(virtio_blk_create(&host, disk, &block.model), 0);
    set_up(&block);
    ck_assert_uint_eq(get(&block, block.device, 8), 256);
}

static void close_blk(void)
{
    close_driver(&block);
    disk_destroy(disk);
    event_queue_destroy(queue);
}

/* Header, data in two parts, status. */
static void begin_request(uint32_t type, uint64_t sector, uint32_t bytes)
{
    uint8_t *header = block.ram + buffer_at(0, 0);
    const uint16_t flags = type == 1 ? NEXT : NEXT | WRITE;
    const uint32_t half = bytes / 2;

    memset(header, 0, 16);
    memcpy(header, &type, 4);
    memcpy(header + 8, &sector, 8);
    block.ram[buffer_at(0, 3)] = 0xee;
    describe(&block, 0, 0, (struct descriptor){buffer_at(0, 0), 16, NEXT, bytes > 0 ? 1 : 3});
    describe(&block, 0, 1, (struct descriptor){buffer_at(0, 1), half, flags, 2});
    describe(&block, 0, 2, (struct descriptor){buffer_at(0, 2), bytes - half, flags, 3});
    describe(&block, 0, 3, (struct descriptor){buffer_at(0, 3), 1, WRITE, 0});
    make_available(&block, 0, 0);
    notify(&block, 0);
}

static int request(uint32_t type, uint64_t sector, uint32_t bytes)
{
    uint32_t head, written;

    begin_request(type, sector, bytes);
    ck_assert(event_queue_drain(queue, 100));
    ck_assert(take_used(&block, 0, &head, &written));
    ck_assert_uint_eq(head, 0);
    return block.ram[buffer_at(0, 3)];
}

START_TEST(sectors_are_written_and_read_back)
{
    open_blk((struct disk_quality){.latency_ns = MS});
    memset(block.ram + buffer_at(0, 1), 0x5a, 1024);
    memset(block.ram + buffer_at(0, 2), 0xa5, 1024);
    ck_assert_int_eq(request(1, 10, 2048), 0);
    memset(block.ram + buffer_at(0, 1), 0, 0x2000);
    ck_assert_int_eq(request(0, 10, 2048), 0);
    ck_assert_uint_eq(block.ram[buffer_at(0, 1)], 0x5a);
    ck_assert_uint_eq(block.ram[buffer_at(0, 2) + 1023], 0xa5);
    ck_assert_int_eq(request(0, 9, 512), 0);
    ck_assert_uint_eq(block.ram[buffer_at(0, 2)], 0);
    ck_assert_uint_eq(disk_unflushed(disk), 1);
    ck_assert_int_eq(request(4, 0, 0), 0);
    ck_assert_uint_eq(disk_unflushed(disk), 0);
    close_blk();
}
END_TEST

START_TEST(impossible_requests_get_an_error)
{
    open_blk((struct disk_quality){0});
    ck_assert_int_eq(request(0, 255, 1024), 1);
    ck_assert_int_eq(request(1, UINT64_MAX, 512), 1);
    ck_assert_int_eq(request(0, 0, 500), 1);
    ck_assert_int_eq(request(77, 0, 512), 2);
    ck_assert_int_eq(request(8, 0, 40), 0);
    ck_assert_str_eq((char *)block.ram + buffer_at(0, 1), "disk");
    ck_assert(!needs_reset(&block));
    disk_set_quality(disk, &(struct disk_quality){.write_fail_ppm = 1000000});
    ck_assert_int_eq(request(1, 0, 512), 1);
    close_blk();
}
END_TEST

START_TEST(power_off_forgets_requests_and_loses_the_cache)
{
    uint32_t head, written;

    open_blk((struct disk_quality){.latency_ns = MS, .cut_lose_ppm = 1000000});
    memset(block.ram + buffer_at(0, 1), 0x5a, 0x2000);
    ck_assert_int_eq(request(1, 10, 1024), 0);
    begin_request(1, 20, 1024);
    virtio_power(block.model, false);
    ck_assert(event_queue_drain(queue, 100));
    ck_assert(!take_used(&block, 0, &head, &written));
    virtio_power(block.model, true);
    memset(block.ram, 0, RAM_BYTES);
    memset(block.available, 0, sizeof(block.available));
    memset(block.used, 0, sizeof(block.used));
    set_up(&block);
    memset(block.ram + buffer_at(0, 1), 1, 0x2000);
    ck_assert_int_eq(request(0, 10, 1024), 0);
    ck_assert_uint_eq(block.ram[buffer_at(0, 1)], 0);
    begin_request(1, 20, 1024);
    close_blk(); /* under way */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("virtio");
    TCase *tcase = tcase_create("virtio");

    tcase_add_test(tcase, frames_travel_between_two_devices);
    tcase_add_test(tcase, frames_without_a_buffer_are_dropped);
    tcase_add_test(tcase, lost_and_duplicated_frames_reach_the_driver_so);
    tcase_add_test(tcase, driver_may_ask_for_no_interrupts);
    tcase_add_test(tcase, legacy_interrupt_is_taken_back_by_reading_isr);
    tcase_add_loop_test(tcase, rule_breakers_find_a_device_that_needs_reset, 0, 8);
    tcase_add_loop_test(tcase, rings_outside_memory_are_refused, 0, 2);
    tcase_add_test(tcase, unoffered_features_are_not_accepted);
    tcase_add_test(tcase, any_register_access_is_survived);
    tcase_add_test(tcase, sectors_are_written_and_read_back);
    tcase_add_test(tcase, impossible_requests_get_an_error);
    tcase_add_test(tcase, power_off_forgets_requests_and_loses_the_cache);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
