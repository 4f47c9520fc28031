/* SPDX-License-Identifier: MIT
 *
 * What the guest tests of signals, timers and futexes share beside the checks.
 */
#ifndef TESTS_GUEST_SIGNAL_CHECK_H
#define TESTS_GUEST_SIGNAL_CHECK_H

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#include "fs_check.h"

#define MS 1000000ll

static inline long long now_ns(clockid_t clock)
{
    struct timespec time;
    OK(clock_gettime(clock, &time));
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

/* Sleep at least this long, whatever signals come. */
static inline void sleep_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0)
        ;
}

static inline void handle(int signo, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigemptyset(&action.sa_mask);
    OK(sigaction(signo, &action, NULL));
}

static inline void dispose(int signo, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    OK(sigaction(signo, &action, NULL));
}

static inline sigset_t set_of(int signo)
{
    sigset_t set;
    sigemptyset(&set);
    if (signo)
        sigaddset(&set, signo);
    return set;
}

static inline void block(int signo)
{
    sigset_t set = set_of(signo);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
}

static inline void unblock(int signo)
{
    sigset_t set = set_of(signo);
    OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

static inline bool is_pending(int signo)
{
    sigset_t set;
    OK(sigpending(&set));
    return sigismember(&set, signo) == 1;
}

static inline pid_t thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* Wait until a task sleeps in the kernel (or is stopped): state letter of /proc/TID/stat. */
static inline void wait_for_state(pid_t tid, const char *states)
{
    char path[64], line[512];
    for (int tries = 0; tries < 5000; tries++) {
        snprintf(path, sizeof(path), "/proc/%d/stat", tid);
        int fd = open(path, O_RDONLY);
        if (fd >= 0) {
            ssize_t bytes = read(fd, line, sizeof(line) - 1);
            close(fd);
            line[bytes > 0 ? bytes : 0] = '\0';
            const char *end = strrchr(line, ')');
            if (end && strchr(states, end[2]))
                return;
        }
        usleep(1000);
    }
    fail_at(__LINE__, "%d does not reach state %s", tid, states);
}

/* Run body in a child and return its wait status. */
static inline int status_of(void (*body)(void))
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        body();
        _exit(0);
    }
    int status;
    OK(waitpid(pid, &status, 0));
    return status;
}

#endif
