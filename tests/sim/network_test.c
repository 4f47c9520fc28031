/* SPDX-License-Identifier: MIT */
/*
 * Simulated links and switches, frame by frame: every fault, bandwidth and queues, partitions, and
 * that all of it is a function of the seed.
 */
#include <check.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/events/queue.h"
#include "sim/net/capture.h"
#include "sim/net/network.h"
#include "tests/unit/support/suite.h"

enum { FRAMES_MAX = 4096, FRAME_BYTES = 64, US = 1000, MS = 1000000 };

/* What one NIC got. Frames carry their number after the header. */
struct inbox {
    struct network_node *nic;
    size_t count;
    uint32_t numbers[FRAMES_MAX];
    uint64_t times[FRAMES_MAX];
    size_t damaged;
};

static struct event_queue *queue;
static struct network *network;
static struct fault_plan *plan;
static struct inbox inboxes[4];
static unsigned events[FRAME_REFUSED + 1];
static struct capture *tap;

static void make_frame(uint8_t *frame, unsigned from, unsigned to, uint32_t number)
{
    memset(frame, 0, FRAME_BYTES);
    memset(frame, to == 0xff ? 0xff : 2 * (int)to + 2, 6);
    memset(frame + 6, 2 * (int)from + 2, 6);
    memcpy(frame + 14, &number, sizeof(number));
    for (int i = 18; i < FRAME_BYTES; i++) {
        frame[i] = (uint8_t)(i * 7);
    }
}

static void receive(void *owner, const uint8_t *bytes, size_t count)
{
    struct inbox *inbox = owner;
    uint8_t wanted[FRAME_BYTES];
    uint32_t number;

    ck_assert_uint_eq(count, FRAME_BYTES);
    memcpy(&number, bytes + 14, sizeof(number));
    make_frame(wanted, bytes[6] / 2 - 1, bytes[0] == 0xff ? 0xff : bytes[0] / 2 - 1u, number);
    inbox->damaged += memcmp(wanted, bytes, count) != 0;
    ck_assert_uint_lt(inbox->count, FRAMES_MAX);
    inbox->numbers[inbox->count] = number;
    inbox->times[inbox->count++] = event_queue_now(queue);
}

static void observe(void *context, const struct frame_report *report)
{
    (void)context;
    events[report->event]++;
    if (tap != NULL) {
        capture_report(tap, report);
    }
}

static void open_network(uint64_t seed)
{
    memset(inboxes, 0, sizeof(inboxes));
    memset(events, 0, sizeof(events));
    queue = event_queue_create();
    plan = plan == NULL ? fault_plan_create() : plan;
    const struct network_config config = {seed, event_queue_clock(queue), plan};
    ck_assert_int_eq(network_create(&config, &network), 0);
    network_observe(network, observe, NULL);
}

static void close_network(void)
{
    network_destroy(network);
    event_queue_destroy(queue);
    fault_plan_destroy(plan);
    plan = NULL;
}

static void add_nics(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "nic%u", i);
        ck_assert_int_eq(network_add_nic(network, name, receive, &inboxes[i], &inboxes[i].nic), 0);
    }
}

static struct network_link *join(struct network_node *a, struct network_node *b,
                                 struct link_quality quality)
{
    struct network_link *link;

    ck_assert_int_eq(network_join(network, a, b, &quality, &link), 0);
    return link;
}

/* Two NICs, one link. */
static struct network_link *open_pair(uint64_t seed, struct link_quality quality)
{
    open_network(seed);
    add_nics(2);
    return join(inboxes[0].nic, inboxes[1].nic, quality);
}

static void send_frames(unsigned from, unsigned to, uint32_t first, uint32_t count)
{
    uint8_t frame[FRAME_BYTES];

    for (uint32_t i = 0; i < count; i++) {
        make_frame(frame, from, to, first + i);
        ck_assert_int_eq(network_send(inboxes[from].nic, frame, sizeof(frame)), 0);
    }
}

static void drain(void)
{
    ck_assert(event_queue_drain(queue, 1000000));
}

START_TEST(perfect_wire_delivers_in_order_after_its_latency)
{
    open_pair(1, (struct link_quality){.latency_ns = 5 * MS});
    send_frames(0, 1, 0, 100);
    event_queue_run(queue, 5 * MS - 1);
    ck_assert_uint_eq(inboxes[1].count, 0);
    drain();
    ck_assert_uint_eq(inboxes[1].count, 100);
    for (uint32_t i = 0; i < 100; i++) {
        ck_assert_uint_eq(inboxes[1].numbers[i], i);
        ck_assert_uint_eq(inboxes[1].times[i], 5 * MS);
    }
    ck_assert_uint_eq(inboxes[0].count + inboxes[1].damaged, 0);
    close_network();
}
END_TEST

START_TEST(jitter_delays_within_its_bounds_and_keeps_the_order)
{
    open_pair(2, (struct link_quality){.latency_ns = 1 * MS, .jitter_ns = 1 * MS});
    bool spread = false;
    for (uint32_t i = 0; i < 200; i++) {
        event_queue_run(queue, (uint64_t)i * 100 * US);
        send_frames(0, 1, i, 1);
    }
    drain();
    ck_assert_uint_eq(inboxes[1].count, 200);
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t sent = (uint64_t)i * 100 * US;
        ck_assert_uint_eq(inboxes[1].numbers[i], i);
        ck_assert_uint_ge(inboxes[1].times[i], sent + 1 * MS);
        ck_assert_uint_le(inboxes[1].times[i], sent + 2 * MS);
        spread = spread || inboxes[1].times[i] - sent != inboxes[1].times[0];
    }
    ck_assert(spread);
    close_network();
}
END_TEST

START_TEST(bandwidth_spaces_frames)
{
    /* 64 bytes at 512 kbit/s take 1 ms. */
    open_pair(3, (struct link_quality){.bits_per_s = 512000});
    send_frames(0, 1, 0, 10);
    drain();
    for (uint32_t i = 0; i < 10; i++) {
        ck_assert_uint_eq(inboxes[1].times[i], (i + 1) * (uint64_t)MS);
    }
    close_network();
}
END_TEST

START_TEST(full_queue_drops_the_tail)
{
    open_pair(4, (struct link_quality){.bits_per_s = 512000, .queue_bytes = 4 * FRAME_BYTES});
    send_frames(0, 1, 0, 10);
    drain();
    ck_assert_uint_eq(inboxes[1].count, 4);
    ck_assert_uint_eq(events[FRAME_OVERFLOW], 6);
    ck_assert_uint_eq(inboxes[1].numbers[3], 3);
    /* Room again. */
    send_frames(0, 1, 10, 1);
    drain();
    ck_assert_uint_eq(inboxes[1].count, 5);
    close_network();
}
END_TEST

START_TEST(loss_drops_about_its_share)
{
    open_pair(5, (struct link_quality){.loss_ppm = 250000});
    send_frames(0, 1, 0, 2000);
    drain();
    ck_assert_uint_eq(inboxes[1].count + events[FRAME_LOST], 2000);
    ck_assert_uint_gt(events[FRAME_LOST], 400);
    ck_assert_uint_lt(events[FRAME_LOST], 600);
    ck_assert_uint_eq(fault_plan_count(plan), events[FRAME_LOST]);
    close_network();
}
END_TEST

START_TEST(certain_loss_loses_all_of_one_direction)
{
    struct network_link *link = open_pair(6, (struct link_quality){0});
    network_link_set(link, LINK_FORTH, &(struct link_quality){.loss_ppm = 1000000});
    send_frames(0, 1, 0, 50);
    send_frames(1, 0, 0, 50);
    drain();
    ck_assert_uint_eq(inboxes[1].count, 0);
    ck_assert_uint_eq(inboxes[0].count, 50);
    close_network();
}
END_TEST

START_TEST(duplication_delivers_twice)
{
    open_pair(7, (struct link_quality){.latency_ns = MS, .duplicate_ppm = 1000000});
    send_frames(0, 1, 0, 20);
    drain();
    ck_assert_uint_eq(inboxes[1].count, 40);
    for (uint32_t i = 0; i < 20; i++) {
        unsigned copies = 0;
        for (size_t j = 0; j < inboxes[1].count; j++) {
            copies += inboxes[1].numbers[j] == i;
        }
        ck_assert_uint_eq(copies, 2);
    }
    close_network();
}
END_TEST

/* The first frame that was sent, and how many bits of what arrived differ from it. */
static uint8_t sent_frame[FRAME_BYTES];
static unsigned wrong_bits;

static void count_wrong_bits(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    for (size_t i = 0; i < count; i++) {
        wrong_bits += (unsigned)__builtin_popcount(bytes[i] ^ sent_frame[i]);
    }
}

START_TEST(corruption_flips_one_bit)
{
    struct network_node *a, *b;

    open_network(8);
    ck_assert_int_eq(network_add_nic(network, "a", count_wrong_bits, NULL, &a), 0);
    ck_assert_int_eq(network_add_nic(network, "b", count_wrong_bits, NULL, &b), 0);
    join(a, b, (struct link_quality){.corrupt_ppm = 1000000});
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(network_send(a, sent_frame, FRAME_BYTES), 0);
    }
    drain();
    ck_assert_uint_eq(events[FRAME_CORRUPTED], 100);
    ck_assert_uint_eq(wrong_bits, 100);
    close_network();
}
END_TEST

START_TEST(reordering_lets_later_frames_overtake)
{
    open_pair(
        9, (struct link_quality){.latency_ns = MS, .reorder_ppm = 200000, .reorder_ns = 10 * MS});
    for (uint32_t i = 0; i < 200; i++) {
        event_queue_run(queue, (uint64_t)i * MS);
        send_frames(0, 1, i, 1);
    }
    drain();
    unsigned overtaken = 0;
    ck_assert_uint_eq(inboxes[1].count, 200);
    for (size_t i = 1; i < 200; i++) {
        overtaken += inboxes[1].numbers[i] < inboxes[1].numbers[i - 1];
    }
    ck_assert_uint_gt(overtaken, 10);
    ck_assert_uint_gt(events[FRAME_REORDERED], 20);
    close_network();
}
END_TEST

START_TEST(link_that_goes_down_loses_what_is_on_its_way)
{
    struct network_link *link = open_pair(10, (struct link_quality){.latency_ns = MS});
    send_frames(0, 1, 0, 3);
    event_queue_run(queue, MS / 2);
    network_link_up(link, LINK_FORTH, false);
    send_frames(0, 1, 3, 3);
    send_frames(1, 0, 0, 1);
    network_link_up(link, LINK_FORTH, true); /* a short cut: frames 0..2 do not come back */
    send_frames(0, 1, 6, 1);
    drain();
    ck_assert_uint_eq(inboxes[1].count, 1);
    ck_assert_uint_eq(inboxes[1].numbers[0], 6);
    ck_assert_uint_eq(inboxes[0].count, 1);
    ck_assert_uint_eq(events[FRAME_REFUSED], 6);
    close_network();
}
END_TEST

static void open_star(uint64_t seed, struct link_quality quality)
{
    struct network_node *hub;

    open_network(seed);
    add_nics(4);
    ck_assert_int_eq(network_add_switch(network, "hub", &hub), 0);
    for (int i = 0; i < 4; i++) {
        join(inboxes[i].nic, hub, quality);
    }
}

START_TEST(switch_floods_the_unknown_and_learns)
{
    open_star(11, (struct link_quality){.latency_ns = US});
    send_frames(0, 1, 0, 1); /* unknown: everywhere but back */
    drain();
    for (int i = 0; i < 4; i++) {
        ck_assert_uint_eq(inboxes[i].count, i != 0);
    }
    send_frames(1, 0, 1, 1); /* 0 is known by now, and 1 gets known */
    drain();
    send_frames(0, 1, 2, 1);
    drain();
    ck_assert_uint_eq(inboxes[0].count, 1);
    ck_assert_uint_eq(inboxes[1].count, 2);
    ck_assert_uint_eq(inboxes[2].count, 1);
    ck_assert_uint_eq(inboxes[3].count, 1);
    send_frames(3, 0xff, 3, 1);
    drain();
    ck_assert_uint_eq(inboxes[0].count, 2);
    ck_assert_uint_eq(inboxes[2].count, 2);
    ck_assert_uint_eq(inboxes[3].count, 1);
    close_network();
}
END_TEST

START_TEST(partition_separates_islands_until_healed)
{
    open_star(12, (struct link_quality){.latency_ns = US});
    send_frames(0, 0xff, 0, 1);
    drain();
    network_node_island(inboxes[2].nic, 1);
    network_node_island(inboxes[3].nic, 1);
    send_frames(0, 0xff, 1, 1);
    send_frames(3, 0xff, 2, 1);
    drain();
    ck_assert_uint_eq(inboxes[0].count, 0);
    ck_assert_uint_eq(inboxes[1].count, 2);
    ck_assert_uint_eq(inboxes[2].count, 2);
    ck_assert_uint_eq(inboxes[3].count, 1);
    network_heal(network);
    send_frames(3, 0xff, 3, 1);
    drain();
    ck_assert_uint_eq(inboxes[0].count, 1);
    close_network();
}
END_TEST

static const struct link_quality bad = {
    .latency_ns = MS,
    .jitter_ns = MS,
    .loss_ppm = 100000,
    .duplicate_ppm = 100000,
    .reorder_ppm = 100000,
    .reorder_ns = 5 * MS,
    .corrupt_ppm = 0,
    .bits_per_s = 1000000,
};

START_TEST(same_seed_gives_same_run_and_another_seed_another)
{
    static struct inbox first;

    open_pair(13, bad);
    send_frames(0, 1, 0, 500);
    drain();
    first = inboxes[1];
    close_network();
    open_pair(13, bad);
    send_frames(1, 0, 0, 77); /* the other direction does not matter */
    send_frames(0, 1, 0, 500);
    drain();
    ck_assert_uint_eq(first.count, inboxes[1].count);
    ck_assert_mem_eq(first.numbers, inboxes[1].numbers, sizeof(first.numbers));
    ck_assert_mem_eq(first.times, inboxes[1].times, sizeof(first.times));
    close_network();
    open_pair(14, bad);
    send_frames(0, 1, 0, 500);
    drain();
    ck_assert_mem_ne(first.times, inboxes[1].times, sizeof(first.times));
    close_network();
}
END_TEST

START_TEST(restricted_plan_injects_only_what_it_allows)
{
    open_pair(15, (struct link_quality){.loss_ppm = 200000});
    send_frames(0, 1, 0, 100);
    drain();
    ck_assert_uint_gt(fault_plan_count(plan), 5);
    struct fault kept = *fault_plan_at(plan, 3);
    ck_assert_str_eq(fault_plan_source_name(plan, kept.source), "link nic0-nic1");
    close_network();

    plan = fault_plan_create();
    fault_plan_restrict(plan);
    ck_assert_int_eq(fault_plan_allow(plan, kept.kind, "link nic0-nic1", kept.ordinal), 0);
    open_pair(15, (struct link_quality){.loss_ppm = 200000});
    send_frames(0, 1, 0, 100);
    drain();
    ck_assert_uint_eq(inboxes[1].count, 99);
    ck_assert_uint_eq(fault_plan_count(plan), 1);
    ck_assert_uint_eq(fault_plan_at(plan, 0)->ordinal, kept.ordinal);
    close_network();
}
END_TEST

START_TEST(impossible_networks_are_refused)
{
    struct network_node *node;
    struct network_link *link;

    open_pair(16, (struct link_quality){0});
    ck_assert_int_eq(network_add_nic(network, "nic0", receive, NULL, &node), -EEXIST);
    ck_assert_int_eq(network_add_switch(network, "nic0", &node), -EEXIST);
    ck_assert_int_eq(network_add_switch(network, "s", &node), 0);
    ck_assert_int_eq(network_join(network, node, inboxes[0].nic, &(struct link_quality){0}, &link),
                     -EBUSY);
    ck_assert_int_eq(network_join(network, node, node, &(struct link_quality){0}, &link), -EINVAL);
    ck_assert_ptr_nonnull(link_quality_check(&(struct link_quality){.loss_ppm = 1000001}));
    ck_assert_ptr_nonnull(link_quality_check(&(struct link_quality){.reorder_ppm = 1}));
    ck_assert_ptr_nonnull(link_quality_check(&(struct link_quality){.queue_bytes = 1}));
    ck_assert_ptr_null(link_quality_check(&bad));
    ck_assert_int_eq(network_send(inboxes[0].nic, (const uint8_t *)"short", 5), -EINVAL);
    close_network();
}
END_TEST

START_TEST(network_with_frames_on_their_way_is_freed)
{
    open_pair(17, (struct link_quality){.latency_ns = MS});
    send_frames(0, 1, 0, 100);
    close_network();
}
END_TEST

START_TEST(capture_shows_what_the_first_end_sees)
{
    char path[] = "/tmp/assay-capture-XXXXXX", message[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *bytes;

    close(mkstemp(path));
    ck_assert_int_eq(capture_create(path, 1700000000000000000u, &tap), 0);
    struct network_link *link = open_pair(18, (struct link_quality){.latency_ns = 3 * MS});
    network_link_set(link, LINK_FORTH, &(struct link_quality){.loss_ppm = 1000000});
    send_frames(0, 1, 7, 1); /* seen although lost */
    send_frames(1, 0, 8, 1); /* seen when it arrives */
    drain();
    ck_assert_int_eq(capture_close(tap), 0);
    tap = NULL;
    pcap_t *pcap =
        pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, message);
    ck_assert_ptr_nonnull(pcap);
    ck_assert_int_eq(pcap_next_ex(pcap, &header, &bytes), 1);
    ck_assert_uint_eq(header->len, FRAME_BYTES);
    ck_assert_uint_eq(bytes[14], 7);
    ck_assert_int_eq(header->ts.tv_sec, 1700000000);
    ck_assert_int_eq(header->ts.tv_usec, 0);
    ck_assert_int_eq(pcap_next_ex(pcap, &header, &bytes), 1);
    ck_assert_uint_eq(bytes[14], 8);
    ck_assert_int_eq(header->ts.tv_usec, 3 * MS);
    ck_assert_int_eq(pcap_next_ex(pcap, &header, &bytes), PCAP_ERROR_BREAK);
    pcap_close(pcap);
    unlink(path);
    close_network();
    ck_assert_int_eq(capture_create("/nonexistent/file", 0, &tap), -ENOENT);
    tap = NULL;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network");
    TCase *tcase = tcase_create("network");

    tcase_add_test(tcase, perfect_wire_delivers_in_order_after_its_latency);
    tcase_add_test(tcase, jitter_delays_within_its_bounds_and_keeps_the_order);
    tcase_add_test(tcase, bandwidth_spaces_frames);
    tcase_add_test(tcase, full_queue_drops_the_tail);
    tcase_add_test(tcase, loss_drops_about_its_share);
    tcase_add_test(tcase, certain_loss_loses_all_of_one_direction);
    tcase_add_test(tcase, duplication_delivers_twice);
    tcase_add_test(tcase, corruption_flips_one_bit);
    tcase_add_test(tcase, reordering_lets_later_frames_overtake);
    tcase_add_test(tcase, link_that_goes_down_loses_what_is_on_its_way);
    tcase_add_test(tcase, switch_floods_the_unknown_and_learns);
    tcase_add_test(tcase, partition_separates_islands_until_healed);
    tcase_add_test(tcase, same_seed_gives_same_run_and_another_seed_another);
    tcase_add_test(tcase, restricted_plan_injects_only_what_it_allows);
    tcase_add_test(tcase, impossible_networks_are_refused);
    tcase_add_test(tcase, network_with_frames_on_their_way_is_freed);
    tcase_add_test(tcase, capture_shows_what_the_first_end_sees);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
