/* SPDX-License-Identifier: MIT */
/* kernel/ipc/pipe.c, pipe_file.c, splice.c, eventfd.c */
#include "tests/unit/ipc/ipc_fixture.h"

#include "kernel/ipc/eventfd.h"
#include "kernel/ipc/pipe.h"
#include "kernel/ipc/splice.h"
#include "kernel/mm/page.h"
#include "kernel/sched/sched.h"

enum { STREAM_BYTES = 1 << 20 };

static void new_pipe(uint32_t flags, struct file **out_read, struct file **out_write)
{
    ck_assert_int_eq(pipe_create(this_kernel(), flags, out_read, out_write), 0);
}

IPC_TEST(bytes_come_out_in_order_and_small_writes_share_a_page, 1)
{
    struct file *in, *out;
    char buffer[64];
    new_pipe(O_NONBLOCK, &in, &out);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(put_bytes(out, "abc", 3), 3);
    ck_assert_int_eq(get_bytes(in, buffer, sizeof(buffer)), 60);
    ck_assert_int_eq(memcmp(buffer, "abcabc", 6), 0);
    ck_assert_int_eq(get_bytes(in, buffer, 1), -EAGAIN);
    file_put(out);
    ck_assert_int_eq(get_bytes(in, buffer, 1), 0);
    file_put(in);
}

IPC_TEST(write_without_readers_fails_and_closing_frees_the_data, 1)
{
    struct file *in, *out;
    new_pipe(0, &in, &out);
    ck_assert_int_eq(put_bytes(out, "lost", 4), 4);
    file_put(in);
    ck_assert_int_eq(put_bytes(out, "x", 1), -EPIPE);
    file_put(out);
}

static int call_pipe_round_trip(void)
{
    struct file *in, *out;
    char buffer[8];
    int error = pipe_create(this_kernel(), O_NONBLOCK, &in, &out);
    if (error)
        return error;
    int64_t done = put_bytes(out, "bytes", 5);
    if (done > 0)
        ck_assert_int_eq(get_bytes(in, buffer, sizeof(buffer)), 5);
    file_put(in);
    file_put(out);
    return done < 0 ? (int)done : 0;
}

IPC_TEST(pipe_survives_failure_of_nth_allocation, 1)
{
    fail_each_allocation(call_pipe_round_trip, -ENOMEM, -ENOMEM);
}

static int call_splices(void)
{
    struct file *a_in, *a_out, *b_in, *b_out;
    static const char text[] = "spliced";
    int error = pipe_create(this_kernel(), O_NONBLOCK, &a_in, &a_out);
    if (error)
        return error;
    error = pipe_create(this_kernel(), O_NONBLOCK, &b_in, &b_out);
    if (error)
        goto put_a;
    int64_t done = put_bytes(a_out, text, 7);
    if (done > 0)
        done = splice_tee(a_in, b_out, 4, true);
    if (done > 0)
        done = splice_files(a_in, NULL, b_out, NULL, 100, true);
    if (done > 0) {
        char buffer[16];
        ck_assert_int_eq(get_bytes(b_in, buffer, sizeof(buffer)), 11);
        ck_assert_int_eq(memcmp(buffer, "splispliced", 11), 0);
    }
    error = done < 0 ? (int)done : 0;
    file_put(b_in);
    file_put(b_out);
put_a:
    file_put(a_in);
    file_put(a_out);
    return error;
}

IPC_TEST(splice_survives_failure_of_nth_allocation, 1)
{
    fail_each_allocation(call_splices, -ENOMEM, -ENOMEM);
}

static uint8_t pattern(size_t position)
{
    return (uint8_t)(position * 13 + (position >> 8));
}

static void write_stream(void *argument)
{
    struct file *file = argument;
    static uint8_t buffer[10007];
    for (size_t at = 0, piece = 1; at < STREAM_BYTES;) {
        size_t bytes = piece < STREAM_BYTES - at ? piece : STREAM_BYTES - at;
        for (size_t i = 0; i < bytes; i++)
            buffer[i] = pattern(at + i);
        ck_assert_int_eq(put_bytes(file, buffer, bytes), (int64_t)bytes);
        at += bytes;
        piece = piece * 3 % sizeof(buffer) + 1;
    }
    file_put(file);
}

static void check_stream(struct file *file)
{
    static uint8_t buffer[5003];
    size_t at = 0;
    int64_t got;
    while ((got = get_bytes(file, buffer, 1 + at % sizeof(buffer))) > 0) {
        for (int64_t i = 0; i < got; i++)
            ck_assert_uint_eq(buffer[i], pattern(at + (size_t)i));
        at += (size_t)got;
    }
    ck_assert_int_eq(got, 0);
    ck_assert_uint_eq(at, STREAM_BYTES);
}

IPC_TEST(stream_between_cpus_loses_nothing, 2)
{
    struct file *in, *out;
    struct ipc_helper helper;
    new_pipe(0, &in, &out);
    ipc_start(&helper, write_stream, out);
    check_stream(in);
    ipc_join(&helper);
    file_put(in);
}

struct pump {
    struct file *from, *to;
};

static void pump_all(void *argument)
{
    struct pump *pump = argument;
    while (splice_files(pump->from, NULL, pump->to, NULL, 7777, false) > 0)
        ;
    file_put(pump->to);
    file_put(pump->from);
}

IPC_TEST(stream_through_a_splice_loses_nothing, 2)
{
    struct file *a_in, *a_out, *b_in, *b_out;
    struct ipc_helper writer, pumper;
    new_pipe(0, &a_in, &a_out);
    new_pipe(0, &b_in, &b_out);
    struct pump pump = {a_in, b_out};
    ipc_start(&writer, write_stream, a_out);
    ipc_start(&pumper, pump_all, &pump);
    check_stream(b_in);
    ipc_join(&writer);
    ipc_join(&pumper);
    file_put(b_in);
}

static int call_eventfd(void)
{
    struct file *file;
    uint64_t value = 3;
    int error = eventfd_create(this_kernel(), 0, O_NONBLOCK, &file);
    if (error)
        return error;
    ck_assert_int_eq(put_bytes(file, &value, sizeof(value)), 8);
    ck_assert_int_eq(get_bytes(file, &value, sizeof(value)), 8);
    ck_assert_int_eq(get_bytes(file, &value, sizeof(value)), -EAGAIN);
    file_put(file);
    return 0;
}

IPC_TEST(eventfd_survives_failure_of_nth_allocation, 1)
{
    fail_each_allocation(call_eventfd, -ENOMEM, -ENOMEM);
}

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, bytes_come_out_in_order_and_small_writes_share_a_page);
    tcase_add_test(tcase, write_without_readers_fails_and_closing_frees_the_data);
    tcase_add_test(tcase, pipe_survives_failure_of_nth_allocation);
    tcase_add_test(tcase, splice_survives_failure_of_nth_allocation);
    tcase_add_test(tcase, stream_between_cpus_loses_nothing);
    tcase_add_test(tcase, stream_through_a_splice_loses_nothing);
    tcase_add_test(tcase, eventfd_survives_failure_of_nth_allocation);
    tcase_set_timeout(tcase, 60);
}

static Suite *pipe_suite(void)
{
    return unit_suite("pipe", add_tests);
}

UNIT_MAIN(pipe_suite)
