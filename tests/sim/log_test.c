/* SPDX-License-Identifier: MIT */
/*
 * Event logs: reading them, whole and broken, comparing and exporting them.
 */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/log/diff.h"
#include "sim/log/export.h"
#include "sim/log/reader.h"
#include "sim/net/network.h"
#include "tests/unit/support/suite.h"

static char first_path[] = "/tmp/assay-log-XXXXXX", second_path[] = "/tmp/assay-log-XXXXXX";
static FILE *file;

static void setup(void)
{
    close(mkstemp(first_path));
    close(mkstemp(second_path));
}

static void teardown(void)
{
    unlink(first_path);
    unlink(second_path);
    strcpy(first_path + strlen(first_path) - 6, "XXXXXX");
    strcpy(second_path + strlen(second_path) - 6, "XXXXXX");
}

static void begin_log(const char *path)
{
    const uint64_t version = LOG_VERSION;

    file = fopen(path, "wb");
    fwrite("assaylog", 1, 8, file);
    fwrite(&version, 1, 8, file);
}

static void add(struct sim_event event, const void *text, size_t bytes)
{
    static const char zeros[8];

    event.bytes = (uint16_t)bytes;
    fwrite(&event, 1, sizeof(event), file);
    fwrite(text, 1, bytes, file);
    fwrite(zeros, 1, (8 - bytes % 8) % 8, file);
}

static const uint8_t frame[64] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 0};

/* A short story of two machines; `twist` is the result of its second call. */
static void write_story(const char *path, uint64_t twist)
{
    static const char nasty[] = "</script><!--<script>\xff\n";

    begin_log(path);
    add(
        (struct sim_event){
            .type = SIM_EVENT_START, .machine = UINT16_MAX, .cpu = UINT16_MAX, .a = 42},
        "random", 6);
    add((struct sim_event){.type = SIM_EVENT_REPORT, .machine = UINT16_MAX, .cpu = UINT16_MAX},
        path, strlen(path));
    add((struct sim_event){.time_ns = 500, .type = SIM_EVENT_SWITCH}, "", 0);
    add((struct sim_event){.time_ns = 1000,
                           .type = SIM_EVENT_SYSCALL,
                           .user = 1,
                           .pid = 2,
                           .a = SYS_openat,
                           .b = 0x1234},
        "", 0);
    add((struct sim_event){.time_ns = 1500,
                           .type = SIM_EVENT_RESULT,
                           .user = 1,
                           .pid = 2,
                           .a = SYS_openat,
                           .b = (uint64_t)-ENOENT},
        "", 0);
    add((struct sim_event){.time_ns = 2000,
                           .type = SIM_EVENT_FRAME,
                           .machine = UINT16_MAX,
                           .cpu = UINT16_MAX,
                           .a = log_frame_code(3, LINK_FORTH, FRAME_SENT)},
        frame, sizeof(frame));
    add((struct sim_event){.time_ns = 2100, .type = SIM_EVENT_SWITCH, .machine = 1}, "", 0);
    add((struct sim_event){.time_ns = 2500,
                           .type = SIM_EVENT_FRAME,
                           .machine = UINT16_MAX,
                           .cpu = UINT16_MAX,
                           .a = log_frame_code(3, LINK_FORTH, FRAME_DELIVERED)},
        frame, sizeof(frame));
    add((struct sim_event){.time_ns = 3000,
                           .type = SIM_EVENT_SYSCALL,
                           .machine = 1,
                           .user = 1,
                           .pid = 7,
                           .a = SYS_read},
        "", 0);
    add((struct sim_event){.time_ns = 4000,
                           .type = SIM_EVENT_RESULT,
                           .machine = 1,
                           .user = 1,
                           .pid = 7,
                           .a = SYS_read,
                           .b = twist},
        "", 0);
    add((struct sim_event){.time_ns = 4500, .type = SIM_EVENT_CONSOLE, .machine = 1}, nasty,
        sizeof(nasty) - 1);
    add((struct sim_event){.time_ns = 5000,
                           .type = SIM_EVENT_SYSCALL,
                           .machine = 1,
                           .user = 2,
                           .pid = 8,
                           .a = SYS_futex},
        "", 0);
    ck_assert_int_eq(fclose(file), 0);
}

static struct log_reader *open_log(const char *path)
{
    struct log_reader *reader;
    char message[256];

    ck_assert_int_eq(log_open(path, &reader, message, sizeof(message)), 0);
    return reader;
}

START_TEST(records_are_read_as_they_were_written)
{
    struct log_record record;
    unsigned count = 0;

    write_story(first_path, 5);
    struct log_reader *reader = open_log(first_path);
    while (log_next(reader, &record) == 1) {
        ck_assert_uint_eq(record.index, count++);
        if (record.event.type == SIM_EVENT_START) {
            ck_assert_uint_eq(record.event.a, 42);
            ck_assert_str_eq((const char *)record.text, "random");
        }
    }
    ck_assert_uint_eq(count, 12);
    log_close(reader);
}
END_TEST

START_TEST(files_that_are_no_logs_are_refused)
{
    struct log_reader *reader;
    char message[256];

    ck_assert_int_eq(log_open("/nonexistent/log", &reader, message, sizeof(message)), -ENOENT);
    ck_assert_str_eq(message, "/nonexistent/log: No such file or directory");
    ck_assert_int_eq(log_open(first_path, &reader, message, sizeof(message)), -EINVAL);
    ck_assert_ptr_nonnull(strstr(message, "too short"));
    file = fopen(first_path, "wb");
    fputs("#!/bin/sh\necho this is no log\n", file);
    fclose(file);
    ck_assert_int_eq(log_open(first_path, &reader, message, sizeof(message)), -EINVAL);
    ck_assert_ptr_nonnull(strstr(message, "no event log"));
    file = fopen(first_path, "wb");
    fwrite("assaylog\xff\0\0\0\0\0\0\0", 1, 16, file);
    fclose(file);
    ck_assert_int_eq(log_open(first_path, &reader, message, sizeof(message)), -EINVAL);
    ck_assert_ptr_nonnull(strstr(message, "another version"));
    ck_assert_int_lt(log_open("/tmp", &reader, message, sizeof(message)), 0);
}
END_TEST

START_TEST(log_cut_anywhere_is_read_up_to_there)
{
    struct log_record record;

    write_story(first_path, 5);
    file = fopen(first_path, "rb");
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    for (long cut = size - 1; cut >= LOG_HEADER_BYTES; cut--) {
        ck_assert_int_eq(truncate(first_path, cut), 0);
        struct log_reader *reader = open_log(first_path);
        int state;
        while ((state = log_next(reader, &record)) == 1) {
        }
        ck_assert(state == 0 || strstr(log_message(reader), "ends in the middle") != NULL);
        log_close(reader);
    }
}
END_TEST

START_TEST(unknown_type_is_refused_with_its_offset)
{
    struct log_record record;

    begin_log(first_path);
    add((struct sim_event){.type = SIM_EVENT_TYPES}, "", 0);
    fclose(file);
    struct log_reader *reader = open_log(first_path);
    ck_assert_int_eq(log_next(reader, &record), -EINVAL);
    ck_assert_ptr_nonnull(strstr(log_message(reader), "byte 16: a record of no known type"));
    log_close(reader);
}
END_TEST

static char *text;
static size_t text_bytes;

static int diff(unsigned context)
{
    FILE *out = open_memstream(&text, &text_bytes);
    int result = log_diff(first_path, second_path, context, out, out);

    fclose(out);
    return result;
}

START_TEST(diff_of_equal_runs_ignores_reports_about_the_host)
{
    write_story(first_path, 5);
    write_story(second_path, 5); /* its REPORT differs: it has the path */
    ck_assert_int_eq(diff(3), 0);
    ck_assert_str_eq(text, "the logs are equal: 11 records\n");
    free(text);
}
END_TEST

START_TEST(diff_shows_the_first_divergence_with_context)
{
    write_story(first_path, 5);
    write_story(second_path, (uint64_t)-EINTR);
    ck_assert_int_eq(diff(1), 1);
    ck_assert_ptr_nonnull(strstr(text, "the logs differ after 8 equal records\n"));
    ck_assert_ptr_nonnull(strstr(text, "m1 cpu0 user1 pid7 SYSCALL read arguments"));
    ck_assert_ptr_nonnull(strstr(text, "RESULT read = 5\n"));
    ck_assert_ptr_nonnull(strstr(text, "RESULT read = -4 EINTR\n"));
    ck_assert_ptr_nonnull(strstr(text, "CONSOLE"));
    ck_assert_ptr_null(strstr(text, "SWITCH"));
    free(text);
}
END_TEST

START_TEST(diff_sees_that_one_log_goes_on)
{
    write_story(first_path, 5);
    write_story(second_path, 5);
    file = fopen(second_path, "ab");
    add((struct sim_event){.type = SIM_EVENT_NOTE}, "more", 4);
    fclose(file);
    ck_assert_int_eq(diff(0), 1);
    ck_assert_ptr_nonnull(strstr(text, "- the log ends\n"));
    ck_assert_ptr_nonnull(strstr(text, "NOTE a 0 b 0 \"more\"\n"));
    free(text);
    truncate(second_path, 100);
    ck_assert_int_eq(diff(0), 2);
    free(text);
}
END_TEST

static char *export(int (*how)(struct log_reader *reader, FILE *out))
{
    struct log_reader *reader = open_log(first_path);
    FILE *out = open_memstream(&text, &text_bytes);

    ck_assert_int_eq(how(reader, out), 0);
    fclose(out);
    log_close(reader);
    return text;
}

START_TEST(strace_shows_calls_with_results_and_time)
{
    write_story(first_path, 5);
    ck_assert_str_eq(export(export_strace),
                     "0.000001500 m0 [2] openat(...) = -1 ENOENT (No such file or directory) "
                     "<0.000000500>\n"
                     "0.000004000 m1 [7] read(...) = 5 <0.000001000>\n"
                     "0.000005000 m1 [8] futex(...) <unfinished ...>\n");
    free(text);
}
END_TEST

/* As the simulator writes them; a guest's own bytes must not break a line. */
START_TEST(strace_shows_the_texts_of_calls)
{
    static const char begin[] = "openat(AT_FDCWD, \"/x\", O_RDONLY", end[] = ") = 3",
                      last[] = "exit_group(\n0";
    struct sim_event event = {
        .time_ns = 10, .type = SIM_EVENT_SYSCALL, .user = 1, .pid = 2, .a = SYS_openat};

    begin_log(first_path);
    add(event, begin, strlen(begin));
    event.type = SIM_EVENT_RESULT;
    event.time_ns = 30;
    event.b = 3;
    add(event, end, strlen(end));
    event.type = SIM_EVENT_SYSCALL;
    event.a = SYS_exit_group;
    add(event, last, strlen(last));
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_str_eq(export(export_strace),
                     "0.000000030 m0 [2] openat(AT_FDCWD, \"/x\", O_RDONLY) = 3 "
                     "<0.000000020>\n"
                     "0.000000030 m0 [2] exit_group(?0) = ?\n");
    free(text);
    ck_assert_ptr_nonnull(
        strstr(export(export_chrome), "openat(AT_FDCWD, \\\"/x\\\", O_RDONLY) = 3"));
    free(text);
}
END_TEST

START_TEST(text_has_a_line_for_each_record)
{
    unsigned lines = 0;

    write_story(first_path, 5);
    for (const char *c = export(export_text); *c != '\0'; c++) {
        lines += *c == '\n';
    }
    ck_assert_uint_eq(lines, 12);
    free(text);
}
END_TEST

/* The only event with this phase and name. */
static json_t *find_event(json_t *events, const char *phase, const char *name)
{
    json_t *event, *found = NULL;
    size_t i;

    json_array_foreach(events, i, event)
    {
        if (strcmp(json_string_value(json_object_get(event, "ph")), phase) == 0 &&
            strcmp(json_string_value(json_object_get(event, "name")), name) == 0) {
            ck_assert_ptr_null(found);
            found = event;
        }
    }
    ck_assert_msg(found != NULL, "no event %s %s", phase, name);
    return found;
}

START_TEST(chrome_trace_has_calls_and_frames)
{
    json_error_t error;

    write_story(first_path, 5);
    json_t *root = json_loads(export(export_chrome), 0, &error);
    ck_assert_msg(root != NULL, "%s", error.text);
    json_t *events = json_object_get(root, "traceEvents");
    json_t *call = find_event(events, "X", "openat");
    ck_assert(json_real_value(json_object_get(call, "ts")) == 1.0);
    ck_assert(json_real_value(json_object_get(call, "dur")) == 0.5);
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(call, "args"), "result")),
                     -ENOENT);
    json_t *sent = find_event(events, "b", "link 3 forth");
    json_t *arrived = find_event(events, "e", "link 3 forth");
    ck_assert_str_eq(json_string_value(json_object_get(sent, "id")),
                     json_string_value(json_object_get(arrived, "id")));
    find_event(events, "i", "</script><!--<script>. ");
    json_decref(root);
    free(text);
}
END_TEST

static int html(struct log_reader *reader, FILE *out)
{
    return export_html(reader, "a \"title\" </script>", out);
}

START_TEST(page_is_one_whole_file_whatever_guests_print)
{
    unsigned scripts = 0;

    write_story(first_path, 5);
    export(html);
    for (const char *at = text; (at = strstr(at, "</script")) != NULL; at++) {
        scripts++;
    }
    ck_assert_uint_eq(scripts, 2); /* the log's and the page's own */
    ck_assert_ptr_null(strstr(text, "http"));
    ck_assert_ptr_nonnull(strstr(text, "\"name\":\"openat\""));
    ck_assert_ptr_null(strstr(text, "@LOG@"));
    free(text);
}
END_TEST

START_TEST(link_becomes_a_capture)
{
    char message[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *bytes;

    write_story(first_path, 5);
    struct log_reader *reader = open_log(first_path);
    ck_assert_int_eq(export_pcap(reader, 3, second_path), 0);
    log_close(reader);
    pcap_t *pcap =
        pcap_open_offline_with_tstamp_precision(second_path, PCAP_TSTAMP_PRECISION_NANO, message);
    ck_assert_int_eq(pcap_next_ex(pcap, &header, &bytes), 1);
    ck_assert_uint_eq(header->caplen, sizeof(frame));
    ck_assert_int_eq(header->ts.tv_usec, 2000);
    ck_assert_mem_eq(bytes, frame, sizeof(frame));
    ck_assert_int_eq(pcap_next_ex(pcap, &header, &bytes), PCAP_ERROR_BREAK);
    pcap_close(pcap);
    reader = open_log(first_path);
    ck_assert_int_eq(export_pcap(reader, 4, second_path), -ENOENT);
    ck_assert_int_eq(access(second_path, F_OK), -1);
    log_close(reader);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tcase = tcase_create("log");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, records_are_read_as_they_were_written);
    tcase_add_test(tcase, files_that_are_no_logs_are_refused);
    tcase_add_test(tcase, log_cut_anywhere_is_read_up_to_there);
    tcase_add_test(tcase, unknown_type_is_refused_with_its_offset);
    tcase_add_test(tcase, diff_of_equal_runs_ignores_reports_about_the_host);
    tcase_add_test(tcase, diff_shows_the_first_divergence_with_context);
    tcase_add_test(tcase, diff_sees_that_one_log_goes_on);
    tcase_add_test(tcase, strace_shows_calls_with_results_and_time);
    tcase_add_test(tcase, strace_shows_the_texts_of_calls);
    tcase_add_test(tcase, text_has_a_line_for_each_record);
    tcase_add_test(tcase, chrome_trace_has_calls_and_frames);
    tcase_add_test(tcase, page_is_one_whole_file_whatever_guests_print);
    tcase_add_test(tcase, link_becomes_a_capture);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
