/* SPDX-License-Identifier: MIT */
/*
 * The kernel log's readers and the random pool (kernel/core/klog.c, entropy.c).
 */
#include <string.h>

#include "kernel/core/clock.h"
#include "kernel/core/entropy.h"
#include "kernel/core/kernel.h"
#include "kernel/core/klog.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/log.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/wait.h"
#include "tests/unit/support/kernel_fixture.h"
#include "tests/unit/support/unit.h"

static const unsigned cpu_counts[] = {1, 2, 4};

static void read_back(void *argument)
{
    char text[LOG_TEXT_MAX];
    struct log_record record;
    uint64_t sequence = klog_next_sequence(), first = sequence, before_ns = clock_monotonic_ns();

    (void)argument;
    klog_info("one %d", 1);
    klog_info("two\n");
    klog_write(1 << 3 | KLOG_NOTICE, "three", 5);
    ck_assert_int_eq(klog_read(&sequence, &record, text), 1);
    ck_assert_uint_eq(record.text_size, 5);
    ck_assert_mem_eq(text, "one 1", 5);
    ck_assert_uint_eq(record.priority, KLOG_INFO);
    ck_assert_uint_ge(record.timestamp_ns, before_ns);
    ck_assert_int_eq(klog_read(&sequence, &record, text), 1);
    ck_assert_uint_eq(record.text_size, 3);
    ck_assert_int_eq(klog_read(&sequence, &record, text), 1);
    ck_assert_uint_eq(record.priority, 1 << 3 | KLOG_NOTICE);
    ck_assert_uint_eq(sequence, first + 3);
    ck_assert_int_eq(klog_read(&sequence, &record, text), 0);
    klog_positions()->syslog = 5;
    ck_assert_uint_eq(klog_positions()->syslog, 5);
}

START_TEST(records_are_read_in_order)
{
    kernel_fixture_run(1, read_back, NULL);
}
END_TEST

static void long_and_many(void *argument)
{
    char text[LOG_TEXT_MAX], line[2000];
    struct log_record record;
    uint64_t sequence = klog_next_sequence();

    (void)argument;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = 0;
    klog_info("%s", line);
    ck_assert_int_eq(klog_read(&sequence, &record, text), 1);
    ck_assert_uint_le(record.text_size, LOG_TEXT_MAX);
    ck_assert_uint_gt(record.text_size, LOG_TEXT_MAX - 2);
    sequence = klog_first_sequence();
    for (unsigned i = 0; i < 200; i++) {
        klog_info("%s", line);
    }
    ck_assert_int_eq(klog_read(&sequence, &record, text), -EPIPE);
    ck_assert_uint_eq(sequence, klog_first_sequence());
    ck_assert_int_eq(klog_read(&sequence, &record, text), 1);
}

START_TEST(long_lines_are_cut_and_old_ones_overwritten)
{
    kernel_fixture_run(1, long_and_many, NULL);
}
END_TEST

enum { LINES = 300 };

struct reader {
    uint64_t from;
    unsigned seen; /* atomic */
};

static void read_lines(void *argument)
{
    struct reader *reader = argument;
    char text[LOG_TEXT_MAX];
    struct log_record record;
    uint64_t sequence = reader->from;

    for (unsigned seen = 0; seen < LINES;) {
        wait_event(klog_wait_queue(), klog_next_sequence() > sequence);
        ck_assert_int_eq(klog_read(&sequence, &record, text), 1);
        atomic_store_seq(&reader->seen, ++seen);
    }
}

static void wait_for_lines(void *argument)
{
    struct reader *reader = kzalloc(sizeof *reader);
    struct spinlock lock;

    (void)argument;
    spin_lock_init(&lock, LOCK_RANK_LOG - 1);
    reader->from = klog_next_sequence();
    kernel_fixture_thread("reader", read_lines, reader);
    for (unsigned i = 0; i < LINES; i++) {
        bool irq = spin_lock_irqsave(&lock); /* the log may be written with any lock held */

        klog_info("line %u", i);
        spin_unlock_irqrestore(&lock, irq);
        if (i % 32 == 0) {
            kernel_fixture_sleep_ns(100000);
        }
    }
    while (atomic_load_seq(&reader->seen) < LINES) {
        kernel_fixture_sleep_ns(100000);
    }
    kernel_fixture_sleep_ns(1000000);
    kfree(reader);
}

START_TEST(waiting_readers_see_every_line)
{
    kernel_fixture_run(cpu_counts[_i], wait_for_lines, NULL);
}
END_TEST

static void randomness(void *argument)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 5000};
    uint8_t *bytes = kmalloc(5008);
    unsigned ones = 0;

    (void)argument;
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(bytes, 0xAA, 5008);
        entropy_bytes(bytes, sizes[i]);
        for (size_t j = sizes[i]; j < 5008; j++) {
            ck_assert_uint_eq(bytes[j], 0xAA);
        }
    }
    for (size_t j = 0; j < 5000; j++) {
        ones += (unsigned)__builtin_popcount(bytes[j]);
    }
    ck_assert_uint_gt(ones, 19000);
    ck_assert_uint_lt(ones, 21000);
    entropy_mix(bytes, 100);
    ck_assert_uint_ne(entropy_u64(), entropy_u64());
    kfree(bytes);
}

START_TEST(random_bytes_fill_exactly_and_look_random)
{
    kernel_fixture_run(cpu_counts[_i], randomness, NULL);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, records_are_read_in_order);
    tcase_add_test(tcase, long_lines_are_cut_and_old_ones_overwritten);
    tcase_add_loop_test(tcase, waiting_readers_see_every_line, 0, 3);
    tcase_add_loop_test(tcase, random_bytes_fill_exactly_and_look_random, 0, 2);
}

static Suite *suite(void)
{
    return unit_suite("klog", add_tests);
}

UNIT_MAIN(suite)
