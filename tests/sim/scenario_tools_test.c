/* SPDX-License-Identifier: MIT */
/*
 * What surrounds the runs of a scenario: processes, minimisation, failure bundles.
 */
#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/scenario/bundle.h"
#include "sim/scenario/minimise.h"
#include "sim/scenario/pool.h"
#include "tests/unit/support/suite.h"

/* ---- minimisation ---- */

static unsigned trials;
static const bool *needed;

static bool fails_with_needed(void *context, const bool *kept)
{
    size_t count = *(size_t *)context;

    trials++;
    for (size_t i = 0; i < count; i++) {
        if (needed[i] && !kept[i]) {
            return false;
        }
    }
    return true;
}

START_TEST(only_needed_parts_are_kept)
{
    static const bool patterns[][64] = {
        {false}, {[0] = true}, {[63] = true}, {[3] = true, [40] = true}, {[10 ... 20] = true}};
    size_t count = 64;

    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        bool kept[64];
        size_t wanted = 0;
        needed = patterns[i];
        trials = 0;
        size_t left = minimise(count, kept, 1000, fails_with_needed, &count);
        for (size_t j = 0; j < count; j++) {
            ck_assert_int_eq(kept[j], needed[j]);
            wanted += needed[j];
        }
        ck_assert_uint_eq(left, wanted);
        ck_assert_uint_lt(trials, 200);
    }
}
END_TEST

START_TEST(few_trials_leave_something_that_still_fails)
{
    static const bool pattern[64] = {[7] = true};
    bool kept[64];
    size_t count = 64;

    needed = pattern;
    for (unsigned limit = 0; limit < 30; limit++) {
        minimise(count, kept, limit, fails_with_needed, &count);
        ck_assert(kept[7]);
    }
}
END_TEST

/* ---- processes ---- */

struct tally {
    unsigned finished, failed;
    bool go_on;
    uint64_t sum;
    char last[1024];
};

static void work(void *context, uint64_t number, struct run_result *out)
{
    (void)context;
    *out = (struct run_result){.outcome = RUN_PASSED, .records = number};
    if (number == 13) {
        out->outcome = RUN_FAILED;
        strcpy(out->message, "unlucky");
    } else if (number == 17) {
        raise(SIGKILL);
    } else if (number == 19) {
        _exit(0);
    } else if (number == 23) {
        pause();
    }
}

static bool finished(void *context, uint64_t number, const struct run_result *result)
{
    struct tally *tally = context;

    tally->finished++;
    tally->sum += number;
    if (result->outcome != RUN_PASSED) {
        tally->failed++;
        snprintf(tally->last, sizeof(tally->last), "%s", result->message);
        return tally->go_on;
    }
    ck_assert_uint_eq(result->records, number);
    return true;
}

static struct tally run_pool(uint64_t first, uint64_t count, unsigned jobs, bool go_on)
{
    struct tally tally = {.go_on = go_on};
    const struct pool_config config = {
        .first = first,
        .count = count,
        .jobs = jobs,
        .timeout_s = 1,
        .context = &tally,
        .work = work,
        .finished = finished,
    };

    ck_assert_int_eq(pool_run(&config), 0);
    return tally;
}

START_TEST(every_case_runs_once)
{
    for (unsigned jobs = 1; jobs < 8; jobs += 3) {
        struct tally tally = run_pool(100, 50, jobs, false);
        ck_assert_uint_eq(tally.finished, 50);
        ck_assert_uint_eq(tally.sum, 50 * 100 + 49 * 50 / 2);
        ck_assert_uint_eq(tally.failed, 0);
    }
    ck_assert_uint_eq(run_pool(1, 0, 3, false).finished, 0);
}
END_TEST

START_TEST(first_failure_ends_the_pool_unless_counting)
{
    struct tally tally = run_pool(10, 7, 1, false);
    ck_assert_uint_eq(tally.finished, 4);
    ck_assert_str_eq(tally.last, "unlucky");
    tally = run_pool(10, 6, 2, true);
    ck_assert_uint_eq(tally.finished, 6);
    ck_assert_uint_eq(tally.failed, 1);
}
END_TEST

START_TEST(death_silence_and_hanging_are_failures)
{
    ck_assert_str_eq(run_pool(17, 1, 2, false).last, "the simulator died: Killed");
    ck_assert_str_eq(run_pool(19, 1, 2, false).last, "");
    ck_assert_ptr_nonnull(strstr(run_pool(23, 1, 2, false).last, "ran for 1 s of host time"));
}
END_TEST

/* ---- bundles ---- */

static char *folder, *target;
static char path[] = "/tmp/assay-bundle-XXXXXX";
static char message[512];

static void setup(void)
{
    close(mkstemp(path));
    folder = scratch_create();
    target = scratch_create();
    ck_assert_ptr_nonnull(folder);
    ck_assert_ptr_nonnull(target);
}

static void teardown(void)
{
    scratch_remove(folder);
    scratch_remove(target);
    unlink(path);
    strcpy(path + strlen(path) - 6, "XXXXXX");
}

static void add_file(const char *name, const char *text)
{
    char whole[4096];

    snprintf(whole, sizeof(whole), "%s/%s", folder, name);
    FILE *file = fopen(whole, "w");
    fputs(text, file);
    fclose(file);
}

static void write_one(void)
{
    const struct bundle bundle = {.seed = UINT64_MAX,
                                  .restricted = true,
                                  .allocation_machine = 3,
                                  .allocation_nth = 12345678901234567890u,
                                  .hash = {0x123, 0xfedcba9876543210},
                                  .message = "a \"quoted\"\nmessage"};

    add_file("scenario.yaml", "machines: {}\n");
    add_file("log", "");
    ck_assert_int_eq(bundle_write(path, folder, &bundle, message, sizeof(message)), 0);
}

START_TEST(bundle_comes_back_as_it_was)
{
    struct bundle bundle;
    char whole[4096], text[64] = "";

    write_one();
    ck_assert_msg(bundle_read(path, target, &bundle, message, sizeof(message)) == 0, "%s", message);
    ck_assert_uint_eq(bundle.seed, UINT64_MAX);
    ck_assert(bundle.restricted);
    ck_assert_int_eq(bundle.allocation_machine, 3);
    ck_assert_uint_eq(bundle.allocation_nth, 12345678901234567890u);
    ck_assert_uint_eq(bundle.hash[0], 0x123);
    ck_assert_uint_eq(bundle.hash[1], 0xfedcba9876543210);
    ck_assert_str_eq(bundle.message, "a \"quoted\"\nmessage");
    snprintf(whole, sizeof(whole), "%s/scenario.yaml", target);
    FILE *file = fopen(whole, "r");
    ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
    fclose(file);
    ck_assert_str_eq(text, "machines: {}\n");
}
END_TEST

/* Reading must fail with the file's name in the message. */
static void refuse(void)
{
    struct bundle bundle;

    ck_assert_int_eq(bundle_read(path, target, &bundle, message, sizeof(message)), -EINVAL);
    ck_assert_msg(strncmp(message, path, strlen(path)) == 0, "%s", message);
}

START_TEST(broken_bundles_are_refused)
{
    struct stat info;

    write_one();
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq(truncate(path, info.st_size / 2), 0);
    refuse();
    ck_assert_int_eq(truncate(path, 0), 0);
    refuse();
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++) {
        fputs("nonsense ", file);
    }
    fclose(file);
    refuse();
    unlink(path);
    refuse();
}
END_TEST

static void write_archive(const char *name, const char *text, unsigned type)
{
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();

    archive_write_set_format_pax_restricted(archive);
    archive_write_open_filename(archive, path);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, type == AE_IFREG ? (la_int64_t)strlen(text) : 0);
    if (type == AE_IFLNK) {
        archive_entry_set_symlink(entry, text);
    }
    archive_write_header(archive, entry);
    if (type == AE_IFREG) {
        archive_write_data(archive, text, strlen(text));
    }
    archive_entry_free(entry);
    archive_write_close(archive);
    archive_write_free(archive);
}

START_TEST(archives_that_are_no_bundles_are_refused)
{
    static const struct {
        const char *name, *text;
        unsigned type;
    } archives[] = {
        {"../escape", "x", AE_IFREG},
        {"/tmp/assay-escape", "x", AE_IFREG},
        {"a/b", "x", AE_IFREG},
        {".hidden", "x", AE_IFREG},
        {"log", "/etc/passwd", AE_IFLNK},
        {"folder", "", AE_IFDIR},
        {"log", "no manifest", AE_IFREG},
        {"manifest.json", "{", AE_IFREG},
        {"manifest.json", "{}", AE_IFREG},
        {"manifest.json", "[1]", AE_IFREG},
        {"manifest.json",
         "{\"format\":1,\"seed\":\"x\",\"hash\":\"00000000000000000000000000000000\","
         "\"message\":\"\",\"allocation-nth\":\"0\"}",
         AE_IFREG},
    };

    write_archive(archives[_i].name, archives[_i].text, archives[_i].type);
    refuse();
    ck_assert_int_eq(access("/tmp/assay-escape", F_OK), -1);
}
END_TEST

START_TEST(bundle_that_cannot_be_written_leaves_nothing)
{
    const struct bundle bundle = {0};

    add_file("log", "");
    ck_assert_int_lt(
        bundle_write("/nonexistent/folder/x", folder, &bundle, message, sizeof(message)), 0);
    ck_assert_ptr_nonnull(strstr(message, "/nonexistent/folder/x: "));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scenario tools");
    TCase *tools = tcase_create("tools"), *bundles = tcase_create("bundles");

    tcase_add_test(tools, only_needed_parts_are_kept);
    tcase_add_test(tools, few_trials_leave_something_that_still_fails);
    tcase_add_test(tools, every_case_runs_once);
    tcase_add_test(tools, first_failure_ends_the_pool_unless_counting);
    tcase_add_test(tools, death_silence_and_hanging_are_failures);
    tcase_add_checked_fixture(bundles, setup, teardown);
    tcase_add_test(bundles, bundle_comes_back_as_it_was);
    tcase_add_test(bundles, broken_bundles_are_refused);
    tcase_add_loop_test(bundles, archives_that_are_no_bundles_are_refused, 0, 11);
    tcase_add_test(bundles, bundle_that_cannot_be_written_leaves_nothing);
    suite_add_tcase(suite, tools);
    suite_add_tcase(suite, bundles);
    return suite_run(suite);
}
