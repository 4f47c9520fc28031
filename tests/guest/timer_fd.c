/* SPDX-License-Identifier: MIT
 *
 * timerfd: expirations, polling, cancellation when the clock is set, errors.
 */
#include "signal_check.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>

static struct itimerspec spec(long long first_ns, long long interval_ns)
{
    struct itimerspec s;
    s.it_value = (struct timespec){first_ns / 1000000000, first_ns % 1000000000};
    s.it_interval = (struct timespec){interval_ns / 1000000000, interval_ns % 1000000000};
    return s;
}

static void set(int fd, int flags, long long first_ns, long long interval_ns)
{
    struct itimerspec s = spec(first_ns, interval_ns);
    OK(timerfd_settime(fd, flags, &s, NULL));
}

static uint64_t take(int fd)
{
    uint64_t ticks = 0;
    EQ(read(fd, &ticks, sizeof(ticks)), 8);
    return ticks;
}

static void one_shot(void)
{
    clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};
    for (int i = 0; i < 3; i++) {
        int fd = (int)OK(timerfd_create(clocks[i], TFD_CLOEXEC));
        long long before = now_ns(CLOCK_MONOTONIC);
        set(fd, 0, 20 * MS, 0);
        EQ(take(fd), 1);
        TRUE(now_ns(CLOCK_MONOTONIC) - before >= 20 * MS);
        struct itimerspec s;
        OK(timerfd_gettime(fd, &s));
        EQ(s.it_value.tv_nsec, 0);
        long long when = now_ns(clocks[i]) + 20 * MS;
        set(fd, TFD_TIMER_ABSTIME, when, 0);
        EQ(take(fd), 1);
        TRUE(now_ns(clocks[i]) >= when);
        set(fd, TFD_TIMER_ABSTIME, 1, 0);
        EQ(take(fd), 1);
        EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
        OK(close(fd));
    }
}

static void intervals(void)
{
    int fd = (int)OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    uint64_t ticks;
    FAILS(read(fd, &ticks, 8), EAGAIN);
    set(fd, 0, 10 * MS, 5 * MS);
    FAILS(read(fd, &ticks, 8), EAGAIN);
    sleep_ms(42);
    ticks = take(fd);
    TRUE(ticks >= 7);
    FAILS(read(fd, &ticks, 8), EAGAIN);
    FAILS(read(fd, &ticks, 7), EINVAL);
    struct itimerspec s;
    OK(timerfd_gettime(fd, &s));
    EQ(s.it_interval.tv_nsec, 5 * MS);
    TRUE(s.it_value.tv_nsec > 0 && s.it_value.tv_nsec <= 5 * MS);
    set(fd, 0, 0, 0);
    OK(timerfd_gettime(fd, &s));
    EQ(s.it_value.tv_nsec, 0);
    OK(close(fd));
}

static void polling(void)
{
    int fd = (int)OK(timerfd_create(CLOCK_MONOTONIC, 0));
    int epoll = (int)OK(epoll_create1(0));
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct epoll_event event = {.events = EPOLLIN};
    OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    EQ(poll(&p, 1, 0), 0);
    set(fd, 0, 10 * MS, 10 * MS);
    EQ(poll(&p, 1, 5000), 1);
    EQ(p.revents, POLLIN);
    EQ(epoll_wait(epoll, &event, 1, 5000), 1);
    TRUE(take(fd) >= 1);
    EQ(epoll_wait(epoll, &event, 1, 5000), 1);
    OK(close(fd));
    OK(close(epoll));
}

static void errors(void)
{
    struct itimerspec s = spec(1, 0);
    int fd = (int)OK(timerfd_create(CLOCK_MONOTONIC, 0));
    FAILS(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
    FAILS(timerfd_create(99, 0), EINVAL);
    FAILS(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
    FAILS(timerfd_settime(fd, 4, &s, NULL), EINVAL);
    FAILS(timerfd_settime(-1, 0, &s, NULL), EBADF);
    FAILS(timerfd_settime(0, 0, &s, NULL), EINVAL);
    FAILS(timerfd_settime(fd, 0, BAD_POINTER, NULL), EFAULT);
    FAILS(timerfd_gettime(0, &s), EINVAL);
    s.it_interval.tv_nsec = -1;
    FAILS(timerfd_settime(fd, 0, &s, NULL), EINVAL);
    char byte = 0;
    FAILS(write(fd, &byte, 1), EINVAL);
    EQ(lseek(fd, 5, SEEK_SET), 0);
    OK(close(fd));
}

/* The wall clock jumps: an absolute timer fires when its time is there, a relative one does not care,
 * and who asked for it is told. Only in a machine of our own. */
static void the_clock_is_set(void)
{
    struct timespec now, changed;
    int cancel = (int)OK(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
    int absolute = (int)OK(timerfd_create(CLOCK_REALTIME, 0));
    int relative = (int)OK(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
    uint64_t ticks;
    OK(clock_gettime(CLOCK_REALTIME, &now));
    long long now_realtime = now.tv_sec * 1000000000ll + now.tv_nsec;
    set(cancel, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, now_realtime + 3600000 * MS, 0);
    set(absolute, TFD_TIMER_ABSTIME, now_realtime + 600000 * MS, 0);
    set(relative, 0, 600000 * MS, 0);
    changed = now;
    changed.tv_sec += 700;
    OK(clock_settime(CLOCK_REALTIME, &changed));
    EQ(take(absolute), 1);
    FAILS(read(cancel, &ticks, 8), ECANCELED);
    FAILS(read(cancel, &ticks, 8), EAGAIN);
    FAILS(read(relative, &ticks, 8), EAGAIN);
    OK(clock_settime(CLOCK_REALTIME, &now));
    OK(close(cancel));
    OK(close(absolute));
    OK(close(relative));
}

int main(void)
{
    one_shot();
    intervals();
    polling();
    errors();
    struct utsname system;
    OK(uname(&system));
    if (strstr(system.version, "Assay"))
        the_clock_is_set();
    return 0;
}
