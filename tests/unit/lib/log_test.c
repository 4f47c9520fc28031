/* SPDX-License-Identifier: MIT */
/* kernel/lib/log.c */
#include "kernel/abi/errno.h"
#include "kernel/lib/log.h"
#include "kernel/lib/random.h"
#include "tests/unit/support/unit.h"

#include <string.h>

static struct log_ring ring;
static uint64_t buffer[4096 / 8];
static struct log_record record;
static char text[LOG_TEXT_MAX];

static void setup(void)
{
    log_ring_init(&ring, buffer, sizeof(buffer));
}

static void append(const char *message)
{
    log_ring_append(&ring, LOG_LEVEL_INFO, 1500, message, strlen(message));
}

START_TEST(records_are_read_in_order_with_their_metadata)
{
    append("one");
    ck_assert_uint_eq(log_ring_append(&ring, 3 << 3 | LOG_LEVEL_ERR, 2000, "two", 3), 1);
    uint64_t sequence = 0;
    ck_assert_int_eq(log_ring_read(&ring, &sequence, &record, text), 1);
    ck_assert_uint_eq(sequence, 1);
    ck_assert_uint_eq(record.sequence, 0);
    ck_assert_uint_eq(record.timestamp_ns, 1500);
    ck_assert_uint_eq(record.priority, LOG_LEVEL_INFO);
    ck_assert_uint_eq(record.text_size, 3);
    ck_assert_mem_eq(text, "one", 3);
    ck_assert_int_eq(log_ring_read(&ring, &sequence, &record, text), 1);
    ck_assert_uint_eq(record.priority, 3 << 3 | LOG_LEVEL_ERR);
    ck_assert_mem_eq(text, "two", 3);
    ck_assert_int_eq(log_ring_read(&ring, &sequence, &record, text), 0);
    ck_assert_uint_eq(sequence, 2);
}
END_TEST

START_TEST(overtaken_reader_gets_epipe_and_the_oldest_record)
{
    for (int i = 0; i < 1000; i++)
        append("a message of some length");
    uint64_t sequence = 5;
    ck_assert_int_eq(log_ring_read(&ring, &sequence, &record, text), -EPIPE);
    ck_assert_uint_eq(sequence, ring.first_sequence);
    ck_assert_uint_gt(sequence, 5);
    while (log_ring_read(&ring, &sequence, &record, text) == 1)
        ck_assert_mem_eq(text, "a message of some length", record.text_size);
    ck_assert_uint_eq(sequence, 1000);
}
END_TEST

START_TEST(long_message_is_cut)
{
    char message[2 * LOG_TEXT_MAX];
    memset(message, 'm', sizeof(message));
    log_ring_append(&ring, 0, 0, message, sizeof(message));
    uint64_t sequence = 0;
    ck_assert_int_eq(log_ring_read(&ring, &sequence, &record, text), 1);
    ck_assert_uint_eq(record.text_size, LOG_TEXT_MAX);
}
END_TEST

START_TEST(random_messages_and_readers_stay_consistent)
{
    struct prng prng;
    prng_seed(&prng, (uint64_t)_i);
    uint64_t readers[3] = {0};
    for (int step = 0; step < 2000; step++) {
        /* Each message is its sequence number's low byte, repeated. */
        char message[LOG_TEXT_MAX];
        size_t size = prng_below(&prng, 10) == 0 ? LOG_TEXT_MAX : prng_below(&prng, 60);
        memset(message, (int)(ring.next_sequence & 0xff), size);
        log_ring_append(&ring, 0, 0, message, size);
        uint64_t *reader = &readers[prng_below(&prng, 3)];
        for (uint64_t n = prng_below(&prng, 8); n > 0; n--) {
            uint64_t before = *reader;
            int status = log_ring_read(&ring, reader, &record, text);
            if (status == 0)
                ck_assert_uint_eq(before, ring.next_sequence);
            if (status != 1)
                continue;
            ck_assert_uint_eq(record.sequence, before);
            for (size_t i = 0; i < record.text_size; i++)
                ck_assert_int_eq((uint8_t)text[i], before & 0xff);
        }
        if (prng_below(&prng, 300) == 0)
            log_ring_clear(&ring);
    }
}
END_TEST

START_TEST(cleared_ring_goes_on_counting)
{
    append("one");
    append("two");
    log_ring_clear(&ring);
    uint64_t sequence = 0;
    ck_assert_int_eq(log_ring_read(&ring, &sequence, &record, text), -EPIPE);
    ck_assert_int_eq(log_ring_read(&ring, &sequence, &record, text), 0);
    append("three");
    ck_assert_int_eq(log_ring_read(&ring, &sequence, &record, text), 1);
    ck_assert_uint_eq(record.sequence, 2);
}
END_TEST

START_TEST(formats_are_those_of_kmsg_and_syslog)
{
    char out[LOG_KMSG_MAX];
    record = (struct log_record){
        .sequence = 339, .timestamp_ns = 5140900999, .priority = 6, .text_size = 8};
    memcpy(text, "NET:\\\n\x80x", 8);
    const char *wanted = "6,339,5140900,-;NET:\\x5c\\x0a\\x80x\n";
    ck_assert_int_eq(log_format_kmsg(&record, text, out, sizeof(out)), (int)strlen(wanted));
    ck_assert_str_eq(out, wanted);
    ck_assert_int_eq(log_format_kmsg(&record, text, out, 8), (int)strlen(wanted));
    ck_assert_str_eq(out, "6,339,5");
    ck_assert_int_eq(log_format_kmsg(&record, text, NULL, 0), (int)strlen(wanted));
    record.text_size = 4;
    log_format_syslog(&record, text, out, sizeof(out));
    ck_assert_str_eq(out, "<6>[    5.140900] NET:\n");
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, records_are_read_in_order_with_their_metadata);
    tcase_add_test(tcase, overtaken_reader_gets_epipe_and_the_oldest_record);
    tcase_add_test(tcase, long_message_is_cut);
    tcase_add_loop_test(tcase, random_messages_and_readers_stay_consistent, 0, 5);
    tcase_add_test(tcase, cleared_ring_goes_on_counting);
    tcase_add_test(tcase, formats_are_those_of_kmsg_and_syslog);
}

static Suite *log_suite(void)
{
    return unit_suite("log", add);
}

UNIT_MAIN(log_suite)
