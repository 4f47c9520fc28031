/* SPDX-License-Identifier: MIT */
/* kernel/ipc/epoll.c, epoll_control.c */
#include "tests/unit/ipc/ipc_fixture.h"

#include "kernel/abi/poll.h"
#include "kernel/ipc/epoll.h"
#include "kernel/ipc/eventfd.h"
#include "kernel/sched/sched.h"

static struct file *new_epoll(void)
{
    struct file *file;
    ck_assert_int_eq(epoll_file_create(this_kernel(), &file), 0);
    return file;
}

static struct file *new_event(uint64_t value)
{
    struct file *file;
    ck_assert_int_eq(eventfd_create(this_kernel(), value, O_NONBLOCK, &file), 0);
    return file;
}

static int control(struct file *epoll, int operation, int fd, struct file *file, uint32_t events)
{
    struct linux_epoll_event event = {.events = events, .data = (uint64_t)fd};
    return epoll_control(epoll, operation, fd, file, &event);
}

static int ready_count(struct file *epoll)
{
    struct linux_epoll_event events[8];
    return (int)epoll_wait_kernel(epoll, events, 8, 0);
}

IPC_TEST(level_edge_and_oneshot_report_as_they_should, 1)
{
    struct file *epoll = new_epoll(), *event = new_event(1);
    ck_assert_int_eq(control(epoll, EPOLL_CTL_ADD, 3, event, EPOLLIN), 0);
    ck_assert_int_eq(ready_count(epoll), 1);
    ck_assert_int_eq(ready_count(epoll), 1);
    ck_assert_int_eq(control(epoll, EPOLL_CTL_MOD, 3, event, EPOLLIN | EPOLLET), 0);
    ck_assert_int_eq(ready_count(epoll), 1);
    ck_assert_int_eq(ready_count(epoll), 0);
    uint64_t one = 1;
    ck_assert_int_eq(put_bytes(event, &one, sizeof(one)), 8);
    ck_assert_int_eq(ready_count(epoll), 1);
    ck_assert_int_eq(control(epoll, EPOLL_CTL_MOD, 3, event, EPOLLIN | EPOLLONESHOT), 0);
    ck_assert_int_eq(ready_count(epoll), 1);
    ck_assert_int_eq(put_bytes(event, &one, sizeof(one)), 8);
    ck_assert_int_eq(ready_count(epoll), 0);
    file_put(event);
    file_put(epoll);
}

IPC_TEST(either_end_may_go_first, 1)
{
    struct file *epoll = new_epoll(), *event = new_event(1);
    ck_assert_int_eq(control(epoll, EPOLL_CTL_ADD, 3, event, EPOLLIN), 0);
    file_put(event);
    ck_assert_int_eq(ready_count(epoll), 0);
    event = new_event(1);
    ck_assert_int_eq(control(epoll, EPOLL_CTL_ADD, 3, event, EPOLLIN), 0);
    file_put(epoll);
    file_put(event);
}

IPC_TEST(sets_in_sets_wake_the_outermost_and_make_no_cycle, 1)
{
    struct file *sets[6], *event = new_event(0);
    for (int i = 0; i < 6; i++)
        sets[i] = new_epoll();
    ck_assert_int_eq(control(sets[0], EPOLL_CTL_ADD, 3, event, EPOLLIN), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(control(sets[i + 1], EPOLL_CTL_ADD, i, sets[i], EPOLLIN), 0);
    ck_assert_int_eq(control(sets[5], EPOLL_CTL_ADD, 4, sets[4], EPOLLIN), -ELOOP);
    ck_assert_int_eq(control(sets[0], EPOLL_CTL_ADD, 4, sets[4], EPOLLIN), -ELOOP);
    ck_assert_int_eq(control(sets[0], EPOLL_CTL_ADD, 5, sets[5], EPOLLIN), -ELOOP);
    ck_assert_int_eq(control(sets[2], EPOLL_CTL_ADD, 2, sets[2], EPOLLIN), -EINVAL);
    ck_assert_int_eq(ready_count(sets[4]), 0);
    uint64_t one = 1;
    ck_assert_int_eq(put_bytes(event, &one, sizeof(one)), 8);
    ck_assert_int_eq(ready_count(sets[4]), 1);
    for (int i = 0; i < 6; i++)
        file_put(sets[i]);
    file_put(event);
}

static int call_watch(void)
{
    struct file *epoll, *event;
    int error = epoll_file_create(this_kernel(), &epoll);
    if (error)
        return error;
    error = eventfd_create(this_kernel(), 1, 0, &event);
    if (!error) {
        error = control(epoll, EPOLL_CTL_ADD, 1, event, EPOLLIN);
        ck_assert_int_eq(ready_count(epoll), error ? 0 : 1);
        file_put(event);
    }
    file_put(epoll);
    return error;
}

IPC_TEST(watching_survives_failure_of_nth_allocation, 1)
{
    fail_each_allocation(call_watch, -ENOMEM, -ENOMEM);
}

/* ---- between CPUs ---- */

struct shared {
    struct file *epoll, *event;
    uint32_t finished;
};

static void write_many(void *argument)
{
    struct shared *shared = argument;
    uint64_t one = 1;
    for (int i = 0; i < 2000; i++)
        ck_assert_int_eq(put_bytes(shared->event, &one, sizeof(one)), 8);
    atomic_store_seq(&shared->finished, 1u);
    ck_assert_int_eq(put_bytes(shared->event, &one, sizeof(one)), 8);
}

IPC_TEST(no_edge_is_lost_between_cpus, 2)
{
    struct shared shared = {.epoll = new_epoll(), .event = new_event(0)};
    struct linux_epoll_event event;
    struct ipc_helper helper;
    uint64_t total = 0, value;
    ck_assert_int_eq(control(shared.epoll, EPOLL_CTL_ADD, 1, shared.event, EPOLLIN | EPOLLET), 0);
    ipc_start(&helper, write_many, &shared);
    while (total < 2001) {
        ck_assert_int_eq(epoll_wait_kernel(shared.epoll, &event, 1, UINT64_MAX), 1);
        while (get_bytes(shared.event, &value, sizeof(value)) == 8)
            total += value;
    }
    ck_assert_uint_eq(total, 2001);
    ipc_join(&helper);
    file_put(shared.event);
    file_put(shared.epoll);
}

static void watch_and_drop(void *argument)
{
    struct shared *shared = argument;
    for (int i = 0; i < 500; i++) {
        struct file *event = new_event(1), *inner = new_epoll();
        ck_assert_int_eq(control(shared->epoll, EPOLL_CTL_ADD, i, event, EPOLLIN), 0);
        ck_assert_int_eq(control(inner, EPOLL_CTL_ADD, i, event, EPOLLIN), 0);
        ck_assert_int_eq(control(inner, EPOLL_CTL_ADD, i, shared->event, EPOLLIN), 0);
        ready_count(shared->epoll);
        if (i % 2)
            file_put(inner);
        file_put(event);
        if (i % 2 == 0)
            file_put(inner);
    }
}

IPC_TEST(files_and_sets_may_go_at_the_same_time, 2)
{
    struct shared shared = {.epoll = new_epoll(), .event = new_event(1)};
    struct ipc_helper helper;
    ipc_start(&helper, watch_and_drop, &shared);
    watch_and_drop(&shared);
    ipc_join(&helper);
    ck_assert_int_eq(ready_count(shared.epoll), 0);
    file_put(shared.event);
    file_put(shared.epoll);
}

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, level_edge_and_oneshot_report_as_they_should);
    tcase_add_test(tcase, either_end_may_go_first);
    tcase_add_test(tcase, sets_in_sets_wake_the_outermost_and_make_no_cycle);
    tcase_add_test(tcase, watching_survives_failure_of_nth_allocation);
    tcase_add_test(tcase, no_edge_is_lost_between_cpus);
    tcase_add_test(tcase, files_and_sets_may_go_at_the_same_time);
    tcase_set_timeout(tcase, 60);
}

static Suite *epoll_suite(void)
{
    return unit_suite("epoll", add_tests);
}

UNIT_MAIN(epoll_suite)
