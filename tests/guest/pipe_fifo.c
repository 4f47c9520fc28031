/* SPDX-License-Identifier: MIT
 *
 * Named pipes: opening, waiting for the other side, ends (fifo(7)).
 */
#include "tests/guest/ipc_check.h"

static void *open_writer(void *argument)
{
    (void)argument;
    sleep_ms(30);
    return (void *)(intptr_t)open("fifo", O_WRONLY);
}

static void *open_reader(void *argument)
{
    (void)argument;
    sleep_ms(30);
    return (void *)(intptr_t)open("fifo", O_RDONLY);
}

/* A pipe opened by its name in /proc waits for nobody, whoever is left. */
static void test_nameless_pipe_opens_at_once(void)
{
    int fds[2];
    char name[64], bytes[8];
    OK(pipe(fds));
    EQ(write(fds[1], "hi", 2), 2);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fds[0]);
    OK(close(fds[1]));
    int reader = (int)OK(open(name, O_RDONLY));
    struct pollfd p = {.fd = reader, .events = POLLIN};
    EQ(poll(&p, 1, 0), 1);
    EQ(p.revents, POLLIN | POLLHUP);
    EQ(read(reader, bytes, 8), 2);
    EQ(read(reader, bytes, 8), 0);
    OK(close(fds[0]));
    OK(close(reader));

    OK(pipe(fds));
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fds[1]);
    OK(close(fds[0]));
    int writer = (int)OK(open(name, O_WRONLY));
    int other = (int)OK(open(name, O_WRONLY | O_NONBLOCK));
    signal(SIGPIPE, SIG_IGN);
    FAILS(write(writer, "x", 1), EPIPE);
    FAILS(write(other, "x", 1), EPIPE);
    OK(close(fds[1]));
    OK(close(writer));
    OK(close(other));
}

static void test_opening(void)
{
    char byte;
    void *other;
    OK(mkfifo("fifo", 0600));
    FAILS(mkfifo("fifo", 0600), EEXIST);
    FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    int reader = (int)OK(open("fifo", O_RDONLY | O_NONBLOCK));
    EQ(events_of(reader), 0); /* there was no writer yet: no hang-up */
    EQ(read(reader, &byte, 1), 0);
    int writer = (int)OK(open("fifo", O_WRONLY | O_NONBLOCK));
    FAILS(read(reader, &byte, 1), EAGAIN);
    EQ(write(writer, "x", 1), 1);
    close(writer);
    EQ(events_of(reader), POLLIN | POLLRDNORM | POLLHUP);
    EQ(read(reader, &byte, 1), 1);
    EQ(read(reader, &byte, 1), 0);
    close(reader);

    pthread_t thread = start(open_writer, NULL);
    reader = (int)OK(open("fifo", O_RDONLY)); /* waits */
    EQ(pthread_join(thread, &other), 0);
    writer = (int)(intptr_t)other;
    TRUE(writer >= 0);
    EQ(write(writer, "y", 1), 1);
    EQ(read(reader, &byte, 1), 1);
    close(reader);
    close(writer);

    thread = start(open_reader, NULL);
    writer = (int)OK(open("fifo", O_WRONLY));
    EQ(pthread_join(thread, &other), 0);
    reader = (int)(intptr_t)other;
    TRUE(reader >= 0);
    close(reader);
    close(writer);
}

static void test_both_ways(void)
{
    char byte;
    int fd = (int)OK(open("fifo", O_RDWR)); /* never waits */
    EQ(write(fd, "ab", 2), 2);
    EQ(read(fd, &byte, 1), 1);
    EQ(events_of(fd), POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
    int second = (int)OK(open("fifo", O_RDONLY));
    EQ(read(second, &byte, 1), 1);
    EQ(byte, 'b');
    FAILS(lseek(fd, 0, SEEK_SET), ESPIPE);
    EQ(write(fd, "left", 4), 4);
    close(fd);
    close(second);
    fd = (int)OK(open("fifo", O_RDONLY | O_NONBLOCK)); /* nobody kept the data */
    EQ(read(fd, &byte, 1), 0);
    close(fd);
}

static void test_interrupted_open(void)
{
    struct itimerval soon = {.it_value = {.tv_usec = 30000}};
    catch_signal(SIGALRM, 0);
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    FAILS(open("fifo", O_RDONLY), EINTR);
    FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO); /* it left no reader behind */
    OK(unlink("fifo"));
}

int main(void)
{
    limit_seconds(55);
    test_nameless_pipe_opens_at_once();
    test_opening();
    test_both_ways();
    test_interrupted_open();
    return 0;
}
