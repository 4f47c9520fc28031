/* SPDX-License-Identifier: MIT */
/*
 * Explorers of disks, with a tiny database: records of several sectors and a commit sector that
 * says how many there are. It is wrong if it does not flush between the two, or ignores errors; the
 * explorers must find both, and nothing when it is right.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/events/queue.h"
#include "sim/explore/explore.h"
#include "tests/unit/support/suite.h"

enum { RECORDS = 5, RECORD_SECTORS = 3, SECTORS = 64 };

struct database {
    bool no_flush, ignores_errors; /* its bugs */
    struct event_queue *queue;
    struct disk *disk;
    int status;
    uint32_t committed; /* what it has told its user */
};

static void done(void *argument, int status)
{
    ((struct database *)argument)->status = status;
}

static bool request(struct database *database, enum disk_operation operation, uint64_t sector,
                    uint64_t count, void *bytes)
{
    ck_assert_int_eq(disk_submit(database->disk, operation, sector, count, bytes, done, database),
                     0);
    ck_assert(event_queue_drain(database->queue, 100));
    return database->status == 0 || database->ignores_errors;
}

static bool flush(struct database *database)
{
    return database->no_flush || request(database, DISK_FLUSH, 0, 0, NULL);
}

/* Sector 0 has the number of records; record i is in the sectors from 1 + i * RECORD_SECTORS. */
static void run_database(struct database *database)
{
    uint8_t record[RECORD_SECTORS * DISK_SECTOR], commit[DISK_SECTOR] = {0};

    for (uint32_t i = 0; i < RECORDS; i++) {
        const uint32_t count = i + 1;
        memset(record, (int)count, sizeof(record));
        memcpy(commit, &count, sizeof(count));
        if (!request(database, DISK_WRITE, 1 + i * RECORD_SECTORS, RECORD_SECTORS, record) ||
            !flush(database) || !request(database, DISK_WRITE, 0, 1, commit) ||
            !request(database, DISK_FLUSH, 0, 0, NULL)) {
            return;
        }
        database->committed = count;
    }
}

/* Every record that the commit sector counts must be whole. */
static bool check_contents(const uint8_t *bytes, uint32_t at_least, char *message, size_t room)
{
    uint32_t count;

    memcpy(&count, bytes, sizeof(count));
    if (count < at_least || count > RECORDS) {
        snprintf(message, room, "%u records, not %u", count, at_least);
        return false;
    }
    for (size_t i = 0; i < (size_t)count * RECORD_SECTORS * DISK_SECTOR; i++) {
        if (bytes[DISK_SECTOR + i] != 1 + i / (RECORD_SECTORS * DISK_SECTOR)) {
            snprintf(message, room, "of %u records, number %zu is not whole", count,
                     1 + i / (RECORD_SECTORS * DISK_SECTOR));
            return false;
        }
    }
    return true;
}

static bool check_store(void *context, const struct crash_state *state, struct store *store,
                        char *message, size_t room)
{
    uint8_t bytes[SECTORS * STORE_SECTOR];

    (void)context;
    (void)state;
    return store_read(store, 0, SECTORS, bytes) == 0 && check_contents(bytes, 0, message, room);
}

static void open_database(struct database *database)
{
    database->queue = event_queue_create();
    const struct disk_config config = {.name = "d",
                                       .clock = event_queue_clock(database->queue),
                                       .sectors = SECTORS,
                                       .base_fd = -1};
    ck_assert_int_eq(disk_create(&config, &database->disk), 0);
}

static void close_database(struct database *database)
{
    disk_destroy(database->disk);
    event_queue_destroy(database->queue);
}

static struct explore_summary explore_database_crashes(struct database *database, unsigned jobs)
{
    struct crash_trace *trace = crash_trace_create();
    struct explore_summary summary;

    open_database(database);
    explore_record(database->disk, trace);
    run_database(database);
    ck_assert_uint_eq(crash_trace_writes(trace), 2 * RECORDS);
    const struct explore_crashes explorer = {
        .trace = trace,
        .limits = {.drops = 2, .window = 8, .tears = 2},
        .sectors = SECTORS,
        .base_fd = -1,
        .jobs = jobs,
        .timeout_s = 30,
        .check = check_store,
    };
    ck_assert_int_eq(explore_crashes(&explorer, &summary), 0);
    crash_trace_destroy(trace);
    close_database(database);
    return summary;
}

START_TEST(database_that_flushes_survives_every_crash)
{
    struct database database = {0};
    struct explore_summary summary = explore_database_crashes(&database, 2);

    ck_assert_uint_eq(summary.failed, 0);
    /* Nothing, and for each record: whole, torn twice; the commit. Flushes leave nothing to
     * reorder. */
    ck_assert_uint_eq(summary.cases, 1 + RECORDS * 4);
}
END_TEST

START_TEST(missing_flush_is_found_by_reordering)
{
    struct database database = {.no_flush = true};
    struct explore_summary summary = explore_database_crashes(&database, 2);
    struct explore_summary again = explore_database_crashes(&database, 1);

    ck_assert_uint_gt(summary.failed, 0);
    ck_assert_str_eq(summary.message,
                     "writes 2 of 10, flushed 0, without 1: of 1 records, number 1 is not whole");
    ck_assert_mem_eq(&summary, &again, sizeof(summary));
}
END_TEST

static bool database_workload(void *context, uint64_t nth, uint64_t *out_requests, char *message,
                              size_t room)
{
    struct database database = *(struct database *)context;
    uint8_t bytes[SECTORS * DISK_SECTOR];

    open_database(&database);
    disk_fail_nth(database.disk, nth);
    run_database(&database);
    *out_requests = disk_requests(database.disk);
    ck_assert_int_eq(disk_peek(database.disk, 0, SECTORS, bytes), 0);
    bool good = check_contents(bytes, database.committed, message, room);
    close_database(&database);
    return good;
}

START_TEST(database_that_looks_at_errors_survives_every_failing_request)
{
    struct database database = {0};
    const struct explore_requests explorer = {
        .jobs = 2, .timeout_s = 30, .context = &database, .workload = database_workload};
    struct explore_summary summary;

    ck_assert_int_eq(explore_requests(&explorer, &summary), 0);
    ck_assert_uint_eq(summary.cases, RECORDS * 4);
    ck_assert_msg(summary.failed == 0, "%s", summary.message);
}
END_TEST

START_TEST(ignored_error_is_found_by_failing_requests)
{
    struct database database = {.ignores_errors = true};
    const struct explore_requests explorer = {
        .jobs = 2, .timeout_s = 30, .context = &database, .workload = database_workload};
    struct explore_summary summary;

    ck_assert_int_eq(explore_requests(&explorer, &summary), 0);
    ck_assert_uint_eq(summary.cases, RECORDS * 4);
    ck_assert_uint_eq(summary.first, 1);
    ck_assert_str_eq(summary.message, "request 1 fails: of 5 records, number 1 is not whole");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explorers");
    TCase *tcase = tcase_create("explorers");

    tcase_add_test(tcase, database_that_flushes_survives_every_crash);
    tcase_add_test(tcase, missing_flush_is_found_by_reordering);
    tcase_add_test(tcase, database_that_looks_at_errors_survives_every_failing_request);
    tcase_add_test(tcase, ignored_error_is_found_by_failing_requests);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
