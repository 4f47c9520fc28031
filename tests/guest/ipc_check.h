/* SPDX-License-Identifier: MIT
 *
 * What the guest tests of pipes, sockets and polling share: checks that say what failed, an alarm
 * against hanging, threads.
 */
#ifndef TESTS_GUEST_IPC_CHECK_H
#define TESTS_GUEST_IPC_CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline void fail_at(int line, const char *format, ...)
{
    va_list args;
    printf("line %d: ", line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

#include "tests/guest/expect.h"

static inline void on_hang(int signo)
{
    static const char text[] = "hangs\n";
    (void)signo;
    (void)!write(1, text, sizeof(text) - 1);
    _exit(1);
}

/* A test that does not end in time has failed. */
static inline void limit_seconds(unsigned seconds)
{
    signal(SIGALRM, on_hang);
    alarm(seconds);
}

static inline void sleep_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        ;
}

static inline long now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* The events that poll(2) reports now, of all there are. */
static inline int events_of(int fd)
{
    struct pollfd entry = {.fd = fd,
                           .events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM |
                                     POLLRDBAND | POLLWRNORM | POLLWRBAND};
    OK(poll(&entry, 1, 0));
    return entry.revents;
}

static inline void set_nonblock(int fd, bool on)
{
    int flags = (int)OK(fcntl(fd, F_GETFL));
    OK(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

static inline pthread_t start(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    EQ(pthread_create(&thread, NULL, body, argument), 0);
    return thread;
}

static inline void join(pthread_t thread)
{
    EQ(pthread_join(thread, NULL), 0);
}

/* Run body in a child; the child's failure is the test's. Its wait status otherwise. */
static inline int in_child(void (*body)(void))
{
    int status;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        body();
        _exit(0);
    }
    OK(waitpid(pid, &status, 0));
    return status;
}

static volatile sig_atomic_t signals_seen;
static inline void count_signal(int signo)
{
    (void)signo;
    signals_seen++;
}

/* Count this signal in signals_seen. */
static inline void catch_signal(int signo, int flags)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags};
    OK(sigaction(signo, &action, NULL));
}

#endif
