/* SPDX-License-Identifier: MIT */
/* Corner cases of epoll, eventfd, signalfd and timerfd, from their manual pages. */
#include "guest.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#ifndef EPOLLWAKEUP
#define EPOLLWAKEUP (1u << 29)
#endif

static int control(int epoll, int op, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(epoll, op, fd, &event);
}

static void exclusive_waits_have_rules(void)
{
    int epoll = (int)OK(epoll_create1(0)), other = (int)OK(epoll_create1(0));
    int first = (int)OK(eventfd(0, 0)), second = (int)OK(eventfd(0, 0));
    FAILS(control(epoll, EPOLL_CTL_ADD, first, EPOLLEXCLUSIVE | EPOLLIN | EPOLLONESHOT), EINVAL);
    FAILS(control(epoll, EPOLL_CTL_ADD, first, EPOLLEXCLUSIVE | EPOLLPRI), EINVAL);
    FAILS(control(epoll, EPOLL_CTL_ADD, other, EPOLLEXCLUSIVE | EPOLLIN), EINVAL);
    OK(control(epoll, EPOLL_CTL_ADD, first, EPOLLEXCLUSIVE | EPOLLIN | EPOLLET));
    FAILS(control(epoll, EPOLL_CTL_MOD, first, EPOLLIN), EINVAL);
    FAILS(control(epoll, EPOLL_CTL_MOD, first, EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
    FAILS(control(epoll, EPOLL_CTL_ADD, first, EPOLLIN), EEXIST);
    OK(control(epoll, EPOLL_CTL_ADD, second, EPOLLIN));
    FAILS(control(epoll, EPOLL_CTL_MOD, second, EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
    OK(control(epoll, EPOLL_CTL_DEL, first, 0));
    OK(control(epoll, EPOLL_CTL_ADD, first, EPOLLEXCLUSIVE | EPOLLIN | EPOLLWAKEUP));
}

static void control_says_what_is_wrong(void)
{
    int epoll = (int)OK(epoll_create1(0)), event = (int)OK(eventfd(0, 0));
    int plain = (int)OK(open("plain", O_RDWR | O_CREAT, 0600));
    FAILS(control(epoll, EPOLL_CTL_MOD, event, EPOLLIN), ENOENT);
    FAILS(control(epoll, EPOLL_CTL_DEL, event, 0), ENOENT);
    FAILS(control(epoll, EPOLL_CTL_ADD, plain, EPOLLIN), EPERM);
    FAILS(control(epoll, EPOLL_CTL_ADD, 999, EPOLLIN), EBADF);
    FAILS(control(999, EPOLL_CTL_ADD, event, EPOLLIN), EBADF);
    FAILS(control(epoll, EPOLL_CTL_ADD, epoll, EPOLLIN), EINVAL);
    FAILS(control(event, EPOLL_CTL_ADD, epoll, EPOLLIN), EINVAL);
    FAILS(control(epoll, 77, event, EPOLLIN), EINVAL);
    FAILS(syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, event, NULL), EFAULT);
    OK(control(epoll, EPOLL_CTL_ADD, event, EPOLLIN));
    OK(syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_DEL, event, NULL));
    struct epoll_event got;
    FAILS(epoll_wait(epoll, &got, 0, 0), EINVAL);
    FAILS(syscall(SYS_epoll_wait, epoll, &got, -1, 0), EINVAL);
    FAILS(epoll_wait(event, &got, 1, 0), EINVAL);
    FAILS(epoll_create1(1), EINVAL);
    FAILS(syscall(SYS_epoll_create, 0), EINVAL);
}

static void nests_are_neither_loops_nor_deep(void)
{
    int a = (int)OK(epoll_create1(0)), b = (int)OK(epoll_create1(0)), c = (int)OK(epoll_create1(0));
    OK(control(a, EPOLL_CTL_ADD, b, EPOLLIN));
    FAILS(control(b, EPOLL_CTL_ADD, a, EPOLLIN), ELOOP);
    OK(control(b, EPOLL_CTL_ADD, c, EPOLLIN));
    FAILS(control(c, EPOLL_CTL_ADD, a, EPOLLIN), ELOOP);
    int event = (int)OK(eventfd(0, 0));
    OK(control(c, EPOLL_CTL_ADD, event, EPOLLIN));
    struct epoll_event got;
    EQ(epoll_wait(a, &got, 1, 0), 0);
    EQ(eventfd_write(event, 1), 0);
    EQ(epoll_wait(a, &got, 1, -1), 1);
    EQ(got.data.fd, b);
    int deepest = 0;
    for (int depth = 3; depth < 10; depth++) {
        int next = (int)OK(epoll_create1(0));
        if (control(next, EPOLL_CTL_ADD, a, EPOLLIN) != 0) {
            EQ(errno, ELOOP);
            deepest = depth;
            break;
        }
        a = next;
    }
    EQ(deepest, 5);
}

static void pwait2_takes_nanoseconds(void)
{
    int epoll = (int)OK(epoll_create1(0)), event = (int)OK(eventfd(1, 0));
    struct epoll_event got;
    struct timespec time = {0, 1};
    EQ(syscall(SYS_epoll_pwait2, epoll, &got, 1, &time, NULL, 0), 0);
    time.tv_nsec = 1000000000;
    FAILS(syscall(SYS_epoll_pwait2, epoll, &got, 1, &time, NULL, 0), EINVAL);
    time = (struct timespec){-1, 0};
    FAILS(syscall(SYS_epoll_pwait2, epoll, &got, 1, &time, NULL, 0), EINVAL);
    FAILS(syscall(SYS_epoll_pwait2, epoll, &got, 1, (void *)8, NULL, 0), EFAULT);
    uint64_t mask = 0;
    FAILS(syscall(SYS_epoll_pwait2, epoll, &got, 1, NULL, &mask, 4), EINVAL);
    OK(control(epoll, EPOLL_CTL_ADD, event, EPOLLIN));
    EQ(syscall(SYS_epoll_pwait2, epoll, &got, 1, NULL, &mask, 8), 1);
}

static void eventfd_counts_have_limits(void)
{
    uint64_t value = UINT64_MAX;
    int fd = (int)OK(eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE));
    FAILS(write(fd, &value, 8), EINVAL);
    FAILS(write(fd, &value, 7), EINVAL);
    FAILS(read(fd, &value, 7), EINVAL);
    EQ(read(fd, &value, 8), 8);
    EQ(value, 1);
    value = UINT64_MAX - 1;
    FAILS(write(fd, &value, 8), EAGAIN);
    value = UINT64_MAX - 3;
    EQ(write(fd, &value, 8), 8);
    struct epoll_event got;
    int epoll = (int)OK(epoll_create1(0));
    OK(control(epoll, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT));
    EQ(epoll_wait(epoll, &got, 1, 0), 1);
    EQ(got.events, EPOLLIN);
    FAILS(eventfd(0, 0x10), EINVAL);
    EQ(lseek(fd, 0, SEEK_SET), 0);
}

static void *read_own_signal(void *argument)
{
    struct signalfd_siginfo info;
    OK(syscall(SYS_tkill, (int)syscall(SYS_gettid), SIGUSR1));
    EQ(read(*(int *)argument, &info, sizeof(info)), sizeof(info));
    EQ(info.ssi_signo, SIGUSR1);
    EQ(info.ssi_code, SI_TKILL);
    EQ(info.ssi_pid, getpid());
    return NULL;
}

static void a_signalfd_gives_the_signals_of_its_reader(void)
{
    sigset_t set;
    struct signalfd_siginfo info[2];
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGKILL); /* ignored */
    EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    int fd = (int)OK(signalfd(-1, &set, SFD_NONBLOCK));
    FAILS(signalfd(-1, &set, 1), EINVAL);
    FAILS(signalfd(999, &set, 0), EBADF);
    FAILS(signalfd((int)OK(eventfd(0, 0)), &set, 0), EINVAL);
    FAILS(syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
    FAILS(read(fd, info, sizeof(info[0]) - 1), EINVAL);
    FAILS(read(fd, info, sizeof(info)), EAGAIN);
    FAILS(write(fd, info, sizeof(info)), EINVAL);
    pthread_t thread;
    OK(syscall(SYS_tkill, (int)syscall(SYS_gettid), SIGUSR1));
    EQ(pthread_create(&thread, NULL, read_own_signal, &fd), 0);
    EQ(pthread_join(thread, NULL), 0);
    EQ(read(fd, info, sizeof(info)), sizeof(info[0]));
    FAILS(read(fd, info, sizeof(info)), EAGAIN);
    /* The set can be replaced. */
    sigemptyset(&set);
    OK(signalfd(fd, &set, 0));
    OK(syscall(SYS_tkill, (int)syscall(SYS_gettid), SIGUSR1));
    FAILS(read(fd, info, sizeof(info)), EAGAIN);
}

static void timers_are_cancelled_when_the_clock_is_set(void)
{
    need_own_machine();
    int fd = (int)OK(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
    int monotonic = (int)OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    struct itimerspec far = {.it_value = {4000000000, 0}};
    uint64_t count;
    FAILS(timerfd_settime(fd, 4, &far, NULL), EINVAL);
    /* On another clock the flag means nothing. */
    OK(timerfd_settime(monotonic, TFD_TIMER_CANCEL_ON_SET | TFD_TIMER_ABSTIME, &far, NULL));
    OK(timerfd_settime(fd, TFD_TIMER_CANCEL_ON_SET | TFD_TIMER_ABSTIME, &far, NULL));
    FAILS(read(fd, &count, 8), EAGAIN);
    FAILS(read(fd, &count, 4), EINVAL);
    struct timespec now;
    OK(clock_gettime(CLOCK_REALTIME, &now));
    if (clock_settime(CLOCK_REALTIME, &now) != 0)
        skip("may not set the clock");
    struct epoll_event got;
    int epoll = (int)OK(epoll_create1(0));
    OK(control(epoll, EPOLL_CTL_ADD, fd, EPOLLIN));
    EQ(epoll_wait(epoll, &got, 1, 0), 1);
    FAILS(read(fd, &count, 8), ECANCELED);
    FAILS(read(fd, &count, 8), EAGAIN);
    FAILS(read(monotonic, &count, 8), EAGAIN);
    /* Setting it again after an unseen change says so, and sets it. */
    OK(clock_gettime(CLOCK_REALTIME, &now));
    OK(clock_settime(CLOCK_REALTIME, &now));
    FAILS(timerfd_settime(fd, TFD_TIMER_CANCEL_ON_SET | TFD_TIMER_ABSTIME, &far, NULL), ECANCELED);
    struct itimerspec left;
    OK(timerfd_gettime(fd, &left));
    TRUE(left.it_value.tv_sec > 0);
}

GUEST_MAIN(CASE(exclusive_waits_have_rules), CASE(control_says_what_is_wrong),
           CASE(nests_are_neither_loops_nor_deep), CASE(pwait2_takes_nanoseconds),
           CASE(eventfd_counts_have_limits), CASE(a_signalfd_gives_the_signals_of_its_reader),
           CASE(timers_are_cancelled_when_the_clock_is_set))
