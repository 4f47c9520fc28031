/* SPDX-License-Identifier: MIT
 *
 * eventfd(2).
 */
#include "tests/guest/ipc_check.h"

#include <sys/eventfd.h>

static uint64_t take(int fd)
{
    uint64_t value;
    EQ(read(fd, &value, sizeof(value)), sizeof(value));
    return value;
}

static ssize_t put(int fd, uint64_t value)
{
    return write(fd, &value, sizeof(value));
}

static void *put_later(void *argument)
{
    sleep_ms(30);
    EQ(put(*(int *)argument, 7), 8);
    return NULL;
}

static void *take_later(void *argument)
{
    sleep_ms(30);
    take(*(int *)argument);
    return NULL;
}

static void test_counter(void)
{
    uint64_t value;
    char small[4];
    int fd = (int)OK(eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));
    EQ(OK(fcntl(fd, F_GETFD)), FD_CLOEXEC);
    EQ(OK(fcntl(fd, F_GETFL)), O_RDWR | O_NONBLOCK);
    EQ(events_of(fd), POLLIN | POLLOUT);
    EQ(put(fd, 4), 8);
    EQ(take(fd), 7);
    EQ(events_of(fd), POLLOUT);
    FAILS(read(fd, &value, 8), EAGAIN);
    EQ(put(fd, 0), 8);
    FAILS(read(fd, &value, 8), EAGAIN);
    FAILS(read(fd, small, 4), EINVAL);
    FAILS(write(fd, small, 4), EINVAL);
    FAILS(put(fd, UINT64_MAX), EINVAL);
    EQ(put(fd, UINT64_MAX - 1), 8);
    EQ(events_of(fd), POLLIN);
    FAILS(put(fd, 1), EAGAIN);
    EQ(put(fd, 0), 8);
    EQ(take(fd), UINT64_MAX - 1);
    FAILS(write(fd, BAD_POINTER, 8), EFAULT);
    char large[16] = {5};
    FAILS(write(fd, large, 16), EINVAL); /* unlike a read */
    EQ(put(fd, 5), 8);
    EQ(read(fd, large, 16), 8);
    EQ(large[0], 5);
    close(fd);
    FAILS(eventfd(0, 0x100), EINVAL);
}

static void test_semaphore(void)
{
    uint64_t value;
    int fd = (int)OK(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
    EQ(put(fd, 1), 8);
    EQ(take(fd), 1);
    EQ(take(fd), 1);
    EQ(take(fd), 1);
    FAILS(read(fd, &value, 8), EAGAIN);
    close(fd);
}

static void test_blocking(void)
{
    int fd = (int)OK(eventfd(0, 0));
    pthread_t thread = start(put_later, &fd);
    EQ(take(fd), 7);
    join(thread);
    EQ(put(fd, UINT64_MAX - 1), 8);
    thread = start(take_later, &fd);
    EQ(put(fd, 9), 8);
    join(thread);
    EQ(take(fd), 9);
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    uint64_t value;
    catch_signal(SIGALRM, 0);
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    FAILS(read(fd, &value, 8), EINTR);
    close(fd);
}

int main(void)
{
    limit_seconds(55);
    test_counter();
    test_semaphore();
    test_blocking();
    return 0;
}
