/* SPDX-License-Identifier: MIT
 *
 * select(2), pselect(2).
 */
#include "tests/guest/ipc_check.h"

#include <sys/eventfd.h>
#include <sys/select.h>

static void test_results(void)
{
    int ready = (int)OK(eventfd(1, 0)), idle = (int)OK(eventfd(0, 0)), broken[2];
    int high = (int)OK(fcntl(ready, F_DUPFD, 200));
    fd_set in, out, except;
    OK(pipe(broken));
    close(broken[0]);

    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&except);
    FD_SET(ready, &in);
    FD_SET(idle, &in);
    FD_SET(high, &in);
    FD_SET(ready, &out);
    FD_SET(broken[1], &out); /* an error is readiness of all kinds */
    FD_SET(ready, &except);
    EQ(select(high + 1, &in, &out, &except, NULL), 4);
    TRUE(FD_ISSET(ready, &in) && !FD_ISSET(idle, &in) && FD_ISSET(high, &in));
    TRUE(FD_ISSET(ready, &out) && FD_ISSET(broken[1], &out) && !FD_ISSET(ready, &except));

    FD_ZERO(&in);
    FD_SET(high, &in);
    struct timeval none = {0};
    EQ(select(high, &in, NULL, NULL, &none), 0); /* below it: not looked at */
    close(ready);
    close(idle);
    close(high);
    close(broken[1]);
}

static void test_errors(void)
{
    fd_set in;
    struct timeval time = {.tv_sec = -1};
    FD_ZERO(&in);
    FAILS(select((int)hidden((uintptr_t)-1), NULL, NULL, NULL, NULL), EINVAL);
    FAILS(syscall(SYS_select, 0, NULL, NULL, NULL, &time), EINVAL);
    FAILS(syscall(SYS_select, 0, NULL, NULL, NULL, BAD_POINTER), EFAULT);
    FAILS(syscall(SYS_select, 1, BAD_POINTER, NULL, NULL, NULL), EFAULT);
    FD_SET(20, &in);
    FAILS(select(21, &in, NULL, NULL, NULL), EBADF);
    TRUE(FD_ISSET(20, &in)); /* sets are untouched on failure */
    struct timespec bad = {.tv_nsec = 1000000000};
    FAILS(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &bad, NULL), EINVAL);
    FAILS(syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, BAD_POINTER), EFAULT);
    sigset_t mask;
    sigemptyset(&mask);
    uintptr_t argument[2] = {(uintptr_t)&mask, 4};
    FAILS(syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, argument), EINVAL);
}

static void test_timeouts(void)
{
    struct timeval time = {.tv_usec = 40000};
    long start_ms = now_ms();
    EQ(syscall(SYS_select, 0, NULL, NULL, NULL, &time), 0);
    TRUE(now_ms() - start_ms >= 39);
    EQ(time.tv_sec, 0);
    EQ(time.tv_usec, 0);
    time = (struct timeval){.tv_sec = 10};
    fd_set out;
    FD_ZERO(&out);
    int fd = (int)OK(eventfd(0, 0));
    FD_SET(fd, &out);
    EQ(syscall(SYS_select, fd + 1, NULL, &out, NULL, &time), 1);
    /* Ten seconds, but for the time that the call has taken: none, where user code takes none. */
    TRUE(time.tv_sec == 9 || (time.tv_sec == 10 && time.tv_usec == 0));
    time = (struct timeval){.tv_usec = 1500000}; /* more than a second of them */
    EQ(syscall(SYS_select, fd + 1, NULL, &out, NULL, &time), 1);
    EQ(time.tv_sec, 1);
    close(fd);
}

static void *write_later(void *argument)
{
    uint64_t one = 1;
    sleep_ms(30);
    EQ(write(*(int *)argument, &one, 8), 8);
    return NULL;
}

static void test_waking_and_signals(void)
{
    struct itimerval soon = {.it_value = {.tv_usec = 30000}}, off = {0};
    int fd = (int)OK(eventfd(0, 0));
    fd_set in;
    FD_ZERO(&in);
    FD_SET(fd, &in);
    pthread_t thread = start(write_later, &fd);
    EQ(select(fd + 1, &in, NULL, NULL, NULL), 1);
    join(thread);

    catch_signal(SIGALRM, SA_RESTART);
    signals_seen = 0;
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    FAILS(select(0, NULL, NULL, NULL, NULL), EINTR);
    sigset_t none, alarm_only;
    sigemptyset(&none);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    OK(sigprocmask(SIG_BLOCK, &alarm_only, NULL));
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    FAILS(pselect(0, NULL, NULL, NULL, NULL, &none), EINTR);
    EQ(signals_seen, 2);
    OK(setitimer(ITIMER_REAL, &off, NULL));
    close(fd);
}

int main(void)
{
    limit_seconds(55);
    test_results();
    test_errors();
    test_timeouts();
    test_waking_and_signals();
    return 0;
}
