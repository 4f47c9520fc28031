/* SPDX-License-Identifier: MIT
 *
 * pipe(7): creation, atomicity, packets, ends, size, readiness.
 */
#include "tests/guest/ipc_check.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/uio.h>

static char page[4096], big[65536 + 4096];

static void test_creation(void)
{
    int fds[2];
    struct stat st;
    FAILS(pipe2(fds, 0x40), EINVAL);
    FAILS(pipe((int *)hidden(8)), EFAULT);
    OK(pipe2(fds, O_CLOEXEC | O_NONBLOCK | O_DIRECT));
    EQ(OK(fcntl(fds[0], F_GETFL)), O_RDONLY | O_NONBLOCK);
    EQ(OK(fcntl(fds[1], F_GETFL)), O_WRONLY | O_NONBLOCK | O_DIRECT);
    EQ(OK(fcntl(fds[0], F_GETFD)), FD_CLOEXEC);
    OK(fstat(fds[0], &st));
    EQ(st.st_mode, S_IFIFO | 0600);
    EQ(st.st_size, 0);
    FAILS(lseek(fds[0], 0, SEEK_CUR), ESPIPE);
    FAILS(pread(fds[0], page, 1, 0), ESPIPE);
    FAILS(write(fds[0], page, 1), EBADF);
    FAILS(read(fds[1], page, 1), EBADF);
    FAILS(ftruncate(fds[1], 0), EINVAL);
    FAILS(fsync(fds[1]), EINVAL);
    close(fds[0]);
    close(fds[1]);

    struct rlimit limit, low;
    OK(getrlimit(RLIMIT_NOFILE, &limit));
    low = limit;
    low.rlim_cur = (rlim_t)OK(dup(0)) + 1; /* one descriptor too few */
    OK(setrlimit(RLIMIT_NOFILE, &low));
    close((int)low.rlim_cur - 1);
    FAILS(pipe(fds), EMFILE);
    OK(setrlimit(RLIMIT_NOFILE, &limit));
}

static void test_bytes(void)
{
    int fds[2], value;
    OK(pipe(fds));
    EQ(write(fds[1], "abc", 3), 3);
    EQ(write(fds[1], "def", 3), 3);
    OK(ioctl(fds[0], FIONREAD, &value));
    EQ(value, 6);
    EQ(read(fds[0], page, 4), 4);
    EQ(memcmp(page, "abcd", 4), 0);
    OK(ioctl(fds[1], FIONREAD, &value));
    EQ(value, 2);
    EQ(read(fds[0], page, 100), 2);
    EQ(read(fds[0], page, 0), 0);
    EQ(write(fds[1], page, 0), 0);
    FAILS(write(fds[1], BAD_POINTER, 4), EFAULT);
    set_nonblock(fds[0], true);
    FAILS(read(fds[0], page, 1), EAGAIN);
    EQ(write(fds[1], "xyz", 3), 3);
    FAILS(read(fds[0], BAD_POINTER, 3), EFAULT);
    EQ(read(fds[0], page, 100), 3); /* a fault loses nothing */
    struct iovec out[2] = {{"12", 2}, {"345", 3}};
    EQ(writev(fds[1], out, 2), 5);
    EQ(read(fds[0], page, 100), 5);
    FAILS(ioctl(fds[0], 0x1234, 0), ENOTTY);
    close(fds[0]);
    close(fds[1]);
}

static void test_capacity(void)
{
    int fds[2];
    OK(pipe2(fds, O_NONBLOCK));
    EQ(OK(fcntl(fds[0], F_GETPIPE_SZ)), 65536);
    EQ(events_of(fds[1]), POLLOUT | POLLWRNORM);
    EQ(write(fds[1], big, 65536 + 100), 65536); /* as much as fits */
    FAILS(write(fds[1], big, 1), EAGAIN);
    EQ(events_of(fds[1]), 0);
    EQ(read(fds[0], page, 100), 100);
    EQ(events_of(fds[1]), 0); /* no page is free yet */
    EQ(read(fds[0], page, 3996), 3996);
    EQ(events_of(fds[1]), POLLOUT | POLLWRNORM);
    EQ(write(fds[1], page, 4096), 4096);
    FAILS(fcntl(fds[0], F_SETPIPE_SZ, 4096), EBUSY);
    EQ(OK(fcntl(fds[0], F_SETPIPE_SZ, 65537)), 131072);
    EQ(OK(fcntl(fds[1], F_GETPIPE_SZ)), 131072);
    EQ(write(fds[1], big, 65536 + 100), 65536);
    long total = 0, got;
    while ((got = read(fds[0], big, sizeof(big))) > 0)
        total += got;
    EQ(total, 131072);
    EQ(OK(fcntl(fds[0], F_SETPIPE_SZ, 1)), 4096);
    EQ(write(fds[1], big, 10000), 4096);
    FAILS(fcntl(fds[0], F_SETPIPE_SZ, 0x80000001u), EINVAL);
    int file = (int)OK(open("not-a-pipe", O_CREAT | O_RDWR, 0600));
    FAILS(fcntl(file, F_SETPIPE_SZ, 4096), EBADF);
    FAILS(fcntl(file, F_GETPIPE_SZ), EBADF);
    OK(close(file));
    int plain = (int)OK(open("/dev/null", O_RDWR));
    FAILS(fcntl(plain, F_SETPIPE_SZ, 4096), EBADF);
    FAILS(fcntl(plain, F_GETPIPE_SZ), EBADF);
    close(plain);
    close(fds[0]);
    close(fds[1]);
}

/* A write of up to PIPE_BUF bytes is taken whole or not at all. */
static void test_atomic_writes(void)
{
    int fds[2];
    OK(pipe2(fds, O_NONBLOCK));
    for (int i = 0; i < 15; i++)
        EQ(write(fds[1], page, 4096), 4096);
    EQ(write(fds[1], page, 4000), 4000);
    FAILS(write(fds[1], page, 200), EAGAIN); /* only 96 would fit */
    EQ(write(fds[1], page, 96), 96);
    close(fds[0]);
    close(fds[1]);
}

static void test_packets(void)
{
    int fds[2];
    OK(pipe2(fds, O_DIRECT | O_NONBLOCK));
    EQ(write(fds[1], "abc", 3), 3);
    EQ(write(fds[1], "defg", 4), 4);
    EQ(write(fds[1], "h", 1), 1);
    EQ(read(fds[0], page, 100), 3);
    EQ(read(fds[0], page, 2), 2); /* the rest of that packet is gone */
    EQ(read(fds[0], page, 100), 1);
    EQ(write(fds[1], big, 5000), 5000); /* becomes two */
    EQ(read(fds[0], big, 10000), 4096);
    EQ(read(fds[0], big, 10000), 904);
    close(fds[0]);
    close(fds[1]);
}

static void test_ends(void)
{
    int fds[2];
    OK(pipe(fds));
    EQ(events_of(fds[0]), 0);
    EQ(write(fds[1], "x", 1), 1);
    EQ(events_of(fds[0]), POLLIN | POLLRDNORM);
    close(fds[1]);
    EQ(events_of(fds[0]), POLLIN | POLLRDNORM | POLLHUP);
    EQ(read(fds[0], page, 10), 1);
    EQ(events_of(fds[0]), POLLHUP);
    EQ(read(fds[0], page, 10), 0);
    close(fds[0]);

    catch_signal(SIGPIPE, 0);
    signals_seen = 0;
    OK(pipe(fds));
    close(fds[0]);
    EQ(events_of(fds[1]), POLLOUT | POLLWRNORM | POLLERR);
    FAILS(write(fds[1], "x", 1), EPIPE);
    EQ(signals_seen, 1);
    EQ(write(fds[1], "x", 0), 0);
    EQ(signals_seen, 1);
    signal(SIGPIPE, SIG_IGN);
    FAILS(write(fds[1], "x", 1), EPIPE);
    close(fds[1]);
}

static void *close_soon(void *argument)
{
    sleep_ms(30);
    close(*(int *)argument);
    return NULL;
}

static void test_blocked_when_the_other_end_goes(void)
{
    int fds[2];
    OK(pipe(fds));
    pthread_t thread = start(close_soon, &fds[1]);
    EQ(read(fds[0], page, 1), 0);
    join(thread);
    close(fds[0]);
    OK(pipe(fds));
    thread = start(close_soon, &fds[0]);
    EQ(write(fds[1], big, sizeof(big)), 65536); /* what went in, before it broke */
    join(thread);
    close(fds[1]);
}

static void test_interruption(void)
{
    struct itimerval soon = {.it_value = {.tv_usec = 30000}}, off = {0};
    int fds[2];
    OK(pipe(fds));
    catch_signal(SIGALRM, 0);
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    FAILS(read(fds[0], page, 1), EINTR);
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    EQ(write(fds[1], big, sizeof(big)), 65536);
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    FAILS(write(fds[1], big, 1), EINTR);
    OK(setitimer(ITIMER_REAL, &off, NULL));
    close(fds[0]);
    close(fds[1]);
}

/* Edge-triggered waiters hear of room only when a full pipe gets some. */
static void test_epoll_edges(void)
{
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET};
    int fds[2], epoll = (int)OK(epoll_create1(0));
    OK(pipe2(fds, O_NONBLOCK));
    OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[1], &event));
    EQ(epoll_wait(epoll, &event, 1, 0), 1);
    EQ(write(fds[1], big, 8192), 8192);
    EQ(read(fds[0], big, 8192), 8192);
    EQ(epoll_wait(epoll, &event, 1, 0), 0);
    EQ(write(fds[1], big, 65536), 65536);
    EQ(read(fds[0], page, 4096), 4096);
    EQ(epoll_wait(epoll, &event, 1, 0), 1);
    close(fds[0]);
    close(fds[1]);
    close(epoll);
}

int main(void)
{
    limit_seconds(55);
    test_creation();
    test_bytes();
    test_capacity();
    test_atomic_writes();
    test_packets();
    test_ends();
    test_blocked_when_the_other_end_goes();
    test_epoll_edges();
    test_interruption();
    return 0;
}
