/* SPDX-License-Identifier: MIT
 *
 * epoll(7): creation, changing the set, triggering modes, errors.
 */
#include "tests/guest/ipc_check.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28)
#endif

static int new_epoll(void)
{
    return (int)OK(epoll_create1(EPOLL_CLOEXEC));
}

static int control(int epoll, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)fd | 0xabcd00000000ull};
    return epoll_ctl(epoll, operation, fd, &event);
}

/* The only event there is now, as events; 0 for none. */
static uint32_t only_event(int epoll, int fd)
{
    struct epoll_event events[4];
    int count = (int)OK(epoll_wait(epoll, events, 4, 0));
    if (count == 0)
        return 0;
    EQ(count, 1);
    EQ(events[0].data.u64, (uint64_t)fd | 0xabcd00000000ull);
    return events[0].events;
}

static void test_errors(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int fds[2], epoll = new_epoll(), file = (int)OK(open("/tmp", O_RDONLY));
    OK(pipe(fds));

    FAILS(syscall(SYS_epoll_create, 0), EINVAL);
    FAILS(syscall(SYS_epoll_create, -1), EINVAL);
    FAILS(epoll_create1(1), EINVAL);
    OK(close((int)OK(epoll_create(1))));
    EQ(OK(fcntl(epoll, F_GETFD)), FD_CLOEXEC);

    FAILS(epoll_ctl(-1, EPOLL_CTL_ADD, fds[0], &event), EBADF);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, -1, &event), EBADF);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, 999, &event), EBADF);
    FAILS(epoll_ctl(fds[0], EPOLL_CTL_ADD, fds[1], &event), EINVAL);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &event), EINVAL);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event), EPERM);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], BAD_POINTER), EFAULT);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_MOD, fds[0], BAD_POINTER), EFAULT);
    FAILS(epoll_ctl(epoll, 77, fds[0], &event), EINVAL);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_MOD, fds[0], &event), ENOENT);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_DEL, fds[0], NULL), ENOENT);
    OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event));
    FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event), EEXIST);
    FAILS(epoll_ctl(epoll, 77, fds[0], &event), EINVAL);
    OK(epoll_ctl(epoll, EPOLL_CTL_DEL, fds[0], BAD_POINTER));

    FAILS(epoll_wait(-1, &event, 1, 0), EBADF);
    FAILS(epoll_wait(fds[0], &event, 1, 0), EINVAL);
    FAILS(epoll_wait(epoll, &event, (int)hidden(0), 0), EINVAL);
    FAILS(epoll_wait(epoll, &event, (int)hidden((uintptr_t)-1), 0), EINVAL);
    FAILS(epoll_wait(epoll, &event, (int)hidden(INT32_MAX), 0), EINVAL);
    FAILS(epoll_wait(epoll, (void *)hidden(UINT64_MAX / 2 + 1), 1, 0), EFAULT);
    EQ(epoll_wait(epoll, BAD_POINTER, 1, 0), 0); /* nothing to write */
    FAILS(read(epoll, &event, 1), EINVAL);
    FAILS(write(epoll, &event, 1), EINVAL);
    EQ(lseek(epoll, 5, SEEK_SET), 0);
    close(file);
    close(fds[0]);
    close(fds[1]);
    close(epoll);
}

static void test_fault_keeps_the_event(void)
{
    int fds[2], epoll = new_epoll();
    OK(pipe(fds));
    OK(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLET));
    EQ(write(fds[1], "x", 1), 1);
    FAILS(epoll_wait(epoll, BAD_POINTER, 1, 0), EFAULT);
    EQ(only_event(epoll, fds[0]), EPOLLIN);
    close(fds[0]);
    close(fds[1]);
    close(epoll);
}

static void test_level_and_edge(void)
{
    char byte;
    int fds[2], epoll = new_epoll();
    OK(pipe(fds));
    OK(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLIN));
    EQ(only_event(epoll, fds[0]), 0);
    EQ(write(fds[1], "ab", 2), 2);
    EQ(only_event(epoll, fds[0]), EPOLLIN);
    EQ(only_event(epoll, fds[0]), EPOLLIN);
    EQ(read(fds[0], &byte, 1), 1);
    EQ(only_event(epoll, fds[0]), EPOLLIN);

    OK(control(epoll, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLET));
    EQ(only_event(epoll, fds[0]), EPOLLIN); /* MOD looks again */
    EQ(only_event(epoll, fds[0]), 0);
    EQ(write(fds[1], "c", 1), 1); /* news, though it was readable all the time */
    EQ(only_event(epoll, fds[0]), EPOLLIN);
    EQ(only_event(epoll, fds[0]), 0);
    EQ(read(fds[0], &byte, 1), 1);
    EQ(only_event(epoll, fds[0]), 0);

    OK(control(epoll, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLONESHOT));
    EQ(only_event(epoll, fds[0]), EPOLLIN);
    EQ(write(fds[1], "d", 1), 1);
    EQ(only_event(epoll, fds[0]), 0);
    OK(control(epoll, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLONESHOT));
    EQ(only_event(epoll, fds[0]), EPOLLIN);
    close(fds[1]); /* not even a hang-up now */
    EQ(only_event(epoll, fds[0]), 0);
    OK(control(epoll, EPOLL_CTL_MOD, fds[0], 0)); /* HUP and ERR always count */
    EQ(only_event(epoll, fds[0]), EPOLLHUP);
    close(fds[0]);
    close(epoll);
}

static void test_events_of_pipes(void)
{
    int fds[2], epoll = new_epoll();
    OK(pipe(fds));
    OK(control(epoll, EPOLL_CTL_ADD, fds[1], EPOLLOUT | EPOLLIN));
    EQ(only_event(epoll, fds[1]), EPOLLOUT);
    close(fds[0]);
    EQ(only_event(epoll, fds[1]), EPOLLOUT | EPOLLERR);
    close(fds[1]);
    EQ(only_event(epoll, fds[1]), 0);
    close(epoll);
}

/* The set knows files, not descriptors. */
static void test_duplicates(void)
{
    struct epoll_event events[4];
    int fds[2], epoll = new_epoll();
    OK(pipe(fds));
    int copy = (int)OK(dup(fds[0]));
    OK(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLIN));
    OK(control(epoll, EPOLL_CTL_ADD, copy, EPOLLIN));
    EQ(write(fds[1], "x", 1), 1);
    EQ(epoll_wait(epoll, events, 4, 0), 2);
    OK(close(copy)); /* the file is still open under its other number */
    EQ(epoll_wait(epoll, events, 4, 0), 2);
    FAILS(control(epoll, EPOLL_CTL_DEL, copy, 0), EBADF);
    OK(close(fds[0]));
    EQ(epoll_wait(epoll, events, 4, 0), 0);
    close(fds[1]);
    close(epoll);
}

static void test_fairness_with_few_slots(void)
{
    enum { COUNT = 5 };
    struct epoll_event event;
    int seen[COUNT] = {0}, fds[COUNT], epoll = new_epoll();
    for (int i = 0; i < COUNT; i++) {
        fds[i] = (int)OK(eventfd(1, 0));
        event = (struct epoll_event){.events = EPOLLIN, .data.u32 = (uint32_t)i};
        OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event));
    }
    for (int i = 0; i < 2 * COUNT; i++) {
        EQ(epoll_wait(epoll, &event, 1, 0), 1);
        seen[event.data.u32]++;
    }
    for (int i = 0; i < COUNT; i++) {
        EQ(seen[i], 2);
        close(fds[i]);
    }
    close(epoll);
}

static void test_exclusive(void)
{
    int fds[2], epoll = new_epoll(), inner = new_epoll();
    OK(pipe(fds));
    FAILS(control(epoll, EPOLL_CTL_ADD, inner, EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
    FAILS(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), EINVAL);
    FAILS(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLPRI | EPOLLEXCLUSIVE), EINVAL);
    FAILS(control(epoll, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
    OK(control(epoll, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLET | EPOLLEXCLUSIVE));
    FAILS(control(epoll, EPOLL_CTL_MOD, fds[0], EPOLLIN), EINVAL);
    EQ(write(fds[1], "x", 1), 1);
    EQ(only_event(epoll, fds[0]), EPOLLIN);
    OK(control(epoll, EPOLL_CTL_DEL, fds[0], 0));
    close(fds[0]);
    close(fds[1]);
    close(inner);
    close(epoll);
}

static void test_nesting(void)
{
    char byte;
    int fds[2], outer = new_epoll(), inner = new_epoll();
    OK(pipe(fds));
    OK(control(inner, EPOLL_CTL_ADD, fds[0], EPOLLIN));
    OK(control(outer, EPOLL_CTL_ADD, inner, EPOLLIN));
    FAILS(control(inner, EPOLL_CTL_ADD, outer, EPOLLIN), ELOOP);
    EQ(events_of(outer), 0);
    EQ(only_event(outer, inner), 0);
    EQ(write(fds[1], "x", 1), 1);
    EQ(events_of(inner), POLLIN | POLLRDNORM);
    EQ(events_of(outer), POLLIN | POLLRDNORM);
    EQ(only_event(outer, inner), EPOLLIN);
    EQ(only_event(inner, fds[0]), EPOLLIN);
    EQ(read(fds[0], &byte, 1), 1);
    EQ(events_of(outer), 0);
    EQ(only_event(outer, inner), 0);
    close(inner);
    EQ(only_event(outer, inner), 0);
    close(outer);
    close(fds[0]);
    close(fds[1]);
}

static void test_nesting_depth(void)
{
    enum { SETS = 6 };
    int sets[SETS];
    for (int i = 0; i < SETS; i++)
        sets[i] = new_epoll();
    /* Five levels are allowed, built from the inside. */
    for (int i = 0; i < 4; i++)
        OK(control(sets[i + 1], EPOLL_CTL_ADD, sets[i], EPOLLIN));
    FAILS(control(sets[5], EPOLL_CTL_ADD, sets[4], EPOLLIN), ELOOP);
    FAILS(control(sets[0], EPOLL_CTL_ADD, sets[3], EPOLLIN), ELOOP);
    FAILS(control(sets[0], EPOLL_CTL_ADD, sets[4], EPOLLIN), ELOOP);
    for (int i = 0; i < SETS; i++)
        close(sets[i]);
}

static void test_timeouts_and_signals(void)
{
    struct epoll_event event;
    struct itimerval soon = {.it_value = {.tv_usec = 30000}}, off = {0};
    sigset_t none, alarm_only;
    int epoll = new_epoll();
    long start = now_ms();
    EQ(epoll_wait(epoll, &event, 1, 40), 0);
    TRUE(now_ms() - start >= 39);

    catch_signal(SIGALRM, SA_RESTART); /* which does not matter here */
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    FAILS(epoll_wait(epoll, &event, 1, -1), EINTR);
    EQ(signals_seen, 1);

    /* A blocked signal that only epoll_pwait lets through. */
    sigemptyset(&none);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    OK(sigprocmask(SIG_BLOCK, &alarm_only, NULL));
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    EQ(epoll_wait(epoll, &event, 1, 60), 0);
    EQ(signals_seen, 1);
    FAILS(epoll_pwait(epoll, &event, 1, -1, &none), EINTR);
    EQ(signals_seen, 2);
    sigset_t now;
    OK(sigprocmask(SIG_BLOCK, NULL, &now));
    EQ(sigismember(&now, SIGALRM), 1);
    FAILS(syscall(SYS_epoll_pwait, epoll, &event, 1, 0, &none, 4), EINVAL);
    FAILS(syscall(SYS_epoll_pwait, epoll, &event, 1, 0, BAD_POINTER, 8), EFAULT);
    OK(sigprocmask(SIG_UNBLOCK, &alarm_only, NULL));
    OK(setitimer(ITIMER_REAL, &off, NULL));
    close(epoll);
}

static void test_pwait2(void)
{
    struct epoll_event event;
    struct timespec time = {.tv_nsec = 20000000}, bad = {.tv_nsec = 1000000000};
    int epoll = new_epoll();
    long start = now_ms();
    EQ(syscall(SYS_epoll_pwait2, epoll, &event, 1, &time, NULL, 8), 0);
    TRUE(now_ms() - start >= 19);
    FAILS(syscall(SYS_epoll_pwait2, epoll, &event, 1, &bad, NULL, 8), EINVAL);
    FAILS(syscall(SYS_epoll_pwait2, epoll, &event, 1, BAD_POINTER, NULL, 8), EFAULT);
    time = (struct timespec){.tv_sec = -1};
    FAILS(syscall(SYS_epoll_pwait2, epoll, &event, 1, &time, NULL, 8), EINVAL);
    close(epoll);
}

static void test_fdinfo(void)
{
    char name[64], text[512], wanted[96];
    int fd = (int)OK(eventfd(0, 0)), epoll = new_epoll();
    OK(control(epoll, EPOLL_CTL_ADD, fd, EPOLLIN));
    snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", epoll);
    int info = open(name, O_RDONLY);
    if (info < 0)
        return; /* no /proc */
    long bytes = OK(read(info, text, sizeof(text) - 1));
    text[bytes] = '\0';
    snprintf(wanted, sizeof(wanted), "tfd: %8d events: %8x data: %16llx ", fd,
             EPOLLIN | EPOLLERR | EPOLLHUP, (unsigned long long)fd | 0xabcd00000000ull);
    TRUE(strstr(text, wanted));
    close(info);
    close(fd);
    close(epoll);
}

int main(void)
{
    limit_seconds(55);
    test_errors();
    test_fault_keeps_the_event();
    test_level_and_edge();
    test_events_of_pipes();
    test_duplicates();
    test_fairness_with_few_slots();
    test_exclusive();
    test_nesting();
    test_nesting_depth();
    test_pwait2();
    test_fdinfo();
    test_timeouts_and_signals();
    return 0;
}
