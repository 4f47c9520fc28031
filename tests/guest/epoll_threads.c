/* SPDX-License-Identifier: MIT
 *
 * epoll(7) under many threads: every event is handled, by one of them where that is asked for, while
 * files come and go.
 */
#include "tests/guest/ipc_check.h"

#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28)
#endif

enum { THREADS = 4, SOURCES = 8, ROUNDS = 500 };

static int set;
static int sources[SOURCES];
static atomic_int busy[SOURCES];
static atomic_long handled;
static atomic_bool finished;

/* ---- EPOLLONESHOT gives each event to one thread ---- */

static void *serve(void *argument)
{
    struct epoll_event event;
    uint64_t value;
    (void)argument;
    while (!finished) {
        if (OK(epoll_wait(set, &event, 1, 20)) == 0)
            continue;
        unsigned i = event.data.u32;
        EQ(atomic_fetch_add(&busy[i], 1), 0);
        while (read(sources[i], &value, sizeof(value)) == sizeof(value))
            handled += (long)value;
        EQ(atomic_fetch_sub(&busy[i], 1), 1);
        event = (struct epoll_event){.events = EPOLLIN | EPOLLONESHOT, .data.u32 = i};
        OK(epoll_ctl(set, EPOLL_CTL_MOD, sources[i], &event));
    }
    return NULL;
}

static void test_oneshot(void)
{
    pthread_t threads[THREADS];
    uint64_t one = 1;
    set = (int)OK(epoll_create1(0));
    handled = 0;
    finished = false;
    for (unsigned i = 0; i < SOURCES; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u32 = i};
        sources[i] = (int)OK(eventfd(0, EFD_NONBLOCK));
        OK(epoll_ctl(set, EPOLL_CTL_ADD, sources[i], &event));
    }
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(serve, NULL);
    for (int i = 0; i < ROUNDS * SOURCES; i++)
        EQ(write(sources[i % SOURCES], &one, sizeof(one)), sizeof(one));
    for (int i = 0; i < 1000 && handled < ROUNDS * SOURCES; i++)
        sleep_ms(10);
    finished = true;
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    EQ(handled, ROUNDS * SOURCES);
    for (int i = 0; i < SOURCES; i++)
        close(sources[i]);
    close(set);
}

/* ---- level-triggered, one event at a time wakes enough threads ---- */

static void *take_tokens(void *argument)
{
    struct epoll_event event;
    char byte;
    (void)argument;
    while (!finished) {
        if (OK(epoll_wait(set, &event, 1, 50)) == 0)
            continue;
        if (read(sources[0], &byte, 1) == 1)
            handled++;
        else
            EQ(errno, EAGAIN);
    }
    return NULL;
}

static void run_tokens(uint32_t events)
{
    pthread_t threads[THREADS];
    int fds[2];
    OK(pipe2(fds, O_NONBLOCK));
    sources[0] = fds[0];
    set = (int)OK(epoll_create1(0));
    struct epoll_event event = {.events = events};
    OK(epoll_ctl(set, EPOLL_CTL_ADD, fds[0], &event));
    handled = 0;
    finished = false;
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(take_tokens, NULL);
    for (int i = 0; i < ROUNDS; i++)
        EQ(write(fds[1], "t", 1), 1);
    for (int i = 0; i < 1000 && handled < ROUNDS; i++)
        sleep_ms(10);
    finished = true;
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    EQ(handled, ROUNDS);
    close(fds[0]);
    close(fds[1]);
    close(set);
}

/* ---- several sets on one file, exclusively: one wake-up each is enough ---- */

static void *wait_exclusively(void *argument)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    uint64_t value;
    int own = (int)OK(epoll_create1(0));
    (void)argument;
    OK(epoll_ctl(own, EPOLL_CTL_ADD, sources[0], &event));
    while (!finished) {
        if (OK(epoll_wait(own, &event, 1, 50)) == 1 &&
            read(sources[0], &value, sizeof(value)) == sizeof(value))
            handled++;
    }
    close(own);
    return NULL;
}

static void test_exclusive(void)
{
    pthread_t threads[THREADS];
    uint64_t one = 1;
    sources[0] = (int)OK(eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE));
    handled = 0;
    finished = false;
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(wait_exclusively, NULL);
    for (int i = 0; i < ROUNDS; i++)
        EQ(write(sources[0], &one, sizeof(one)), sizeof(one));
    for (int i = 0; i < 1000 && handled < ROUNDS; i++)
        sleep_ms(10);
    finished = true;
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    EQ(handled, ROUNDS);
    close(sources[0]);
}

/* ---- files closed while they are watched, added, polled; sets closed while files are ---- */

static void *churn(void *argument)
{
    int inner = (int)OK(epoll_create1(0));
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        int pair[2];
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT}, got[4];
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        OK(epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &event));
        OK(epoll_ctl(inner, EPOLL_CTL_ADD, pair[1], &event));
        if (i % 7 == 0) {
            OK(epoll_ctl(set, EPOLL_CTL_ADD, inner, &event));
        }
        EQ(write(pair[1], "x", 1), 1);
        OK(epoll_wait(set, got, 4, 0));
        if (i % 5 == 0) {
            close(inner);
            inner = (int)OK(epoll_create1(0));
        } else if (i % 7 == 0) {
            OK(epoll_ctl(set, EPOLL_CTL_DEL, inner, NULL));
        }
        if (i % 2)
            OK(epoll_ctl(set, EPOLL_CTL_DEL, pair[0], NULL));
        close(pair[0]);
        close(pair[1]);
    }
    close(inner);
    return NULL;
}

static void test_churn(void)
{
    pthread_t threads[THREADS];
    set = (int)OK(epoll_create1(0));
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(churn, NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    struct epoll_event event;
    EQ(epoll_wait(set, &event, 1, 0), 0); /* nothing is left in it */
    close(set);
}

int main(void)
{
    limit_seconds(60);
    test_oneshot();
    run_tokens(EPOLLIN);
    run_tokens(EPOLLIN | EPOLLEXCLUSIVE);
    test_exclusive();
    test_churn();
    return 0;
}
