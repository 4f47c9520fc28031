/* SPDX-License-Identifier: MIT
 *
 * poll(2), ppoll(2).
 */
#include "tests/guest/ipc_check.h"

#include <sys/eventfd.h>
#include <sys/resource.h>

static int new_event(unsigned value)
{
    return (int)OK(eventfd(value, 0));
}

static void test_results(void)
{
    int ready = new_event(1), idle = new_event(0), pipe_fds[2];
    OK(pipe(pipe_fds));
    close(pipe_fds[1]);
    struct pollfd fds[6] = {
        {.fd = ready, .events = POLLIN, .revents = 0x55},
        {.fd = idle, .events = POLLIN, .revents = 0x55},
        {.fd = -5, .events = POLLIN, .revents = 0x55}, /* ignored */
        {.fd = 999, .events = 0, .revents = 0x55},
        {.fd = pipe_fds[0], .events = 0, .revents = 0x55}, /* hang-ups always count */
        {.fd = ready, .events = POLLOUT, .revents = 0x55},
    };
    EQ(poll(fds, 6, -1), 4);
    EQ(fds[0].revents, POLLIN);
    EQ(fds[1].revents, 0);
    EQ(fds[2].revents, 0);
    EQ(fds[3].revents, POLLNVAL);
    EQ(fds[4].revents, POLLHUP);
    EQ(fds[5].revents, POLLOUT);
    EQ(fds[2].events, POLLIN);

    int file = (int)OK(open("/", O_RDONLY)); /* always ready */
    EQ(events_of(file), POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
    close(file);
    close(ready);
    close(idle);
    close(pipe_fds[0]);
}

static void test_errors(void)
{
    struct pollfd entry = {.fd = 0};
    struct rlimit limit;
    OK(getrlimit(RLIMIT_NOFILE, &limit));
    FAILS(poll((void *)hidden(8), 1, 0), EFAULT);
    if (limit.rlim_cur < UINT32_MAX)
        FAILS(syscall(SYS_poll, &entry, (unsigned)limit.rlim_cur + 1, 0), EINVAL);
    struct timespec bad = {.tv_nsec = 1000000000};
    FAILS(ppoll(&entry, 1, &bad, NULL), EINVAL);
    bad = (struct timespec){.tv_sec = -1};
    FAILS(ppoll(&entry, 1, &bad, NULL), EINVAL);
    sigset_t mask;
    sigemptyset(&mask);
    FAILS(syscall(SYS_ppoll, &entry, 1, NULL, &mask, 4), EINVAL);
    FAILS(syscall(SYS_ppoll, &entry, 1, NULL, BAD_POINTER, 8), EFAULT);
    FAILS(syscall(SYS_ppoll, &entry, 1, BAD_POINTER, NULL, 8), EFAULT);
}

static void test_timeouts(void)
{
    long start_ms = now_ms();
    EQ(poll(NULL, 0, 40), 0);
    TRUE(now_ms() - start_ms >= 39);
    struct timespec time = {.tv_nsec = 20000000};
    EQ(syscall(SYS_ppoll, NULL, 0, &time, NULL, 8), 0);
    EQ(time.tv_sec, 0); /* the call writes back what is left */
    EQ(time.tv_nsec, 0);
    time = (struct timespec){.tv_sec = 10};
    int fd = new_event(1);
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    EQ(syscall(SYS_ppoll, &entry, 1, &time, NULL, 8), 1);
    /* Ten seconds, but for the time that the call has taken: none, where user code takes none. */
    TRUE(time.tv_sec == 9 || (time.tv_sec == 10 && time.tv_nsec == 0));
    close(fd);
}

static void *write_later(void *argument)
{
    uint64_t one = 1;
    sleep_ms(30);
    EQ(write(*(int *)argument, &one, 8), 8);
    return NULL;
}

static void test_waking(void)
{
    enum { COUNT = 50 }; /* more than fit on the kernel's stack */
    int events[COUNT];
    struct pollfd fds[COUNT];
    for (int i = 0; i < COUNT; i++) {
        events[i] = new_event(0);
        fds[i] = (struct pollfd){.fd = events[i], .events = POLLIN};
    }
    pthread_t thread = start(write_later, &events[COUNT - 1]);
    EQ(poll(fds, COUNT, -1), 1);
    EQ(fds[COUNT - 1].revents, POLLIN);
    join(thread);
    for (int i = 0; i < COUNT; i++)
        close(events[i]);
}

static void test_signals(void)
{
    struct itimerval soon = {.it_value = {.tv_usec = 30000}}, off = {0};
    sigset_t none, alarm_only;
    catch_signal(SIGALRM, SA_RESTART); /* poll does not restart */
    signals_seen = 0;
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    FAILS(poll(NULL, 0, -1), EINTR);
    EQ(signals_seen, 1);
    sigemptyset(&none);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    OK(sigprocmask(SIG_BLOCK, &alarm_only, NULL));
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    EQ(poll(NULL, 0, 60), 0);
    FAILS(ppoll(NULL, 0, NULL, &none), EINTR);
    EQ(signals_seen, 2);
    OK(setitimer(ITIMER_REAL, &off, NULL));
}

/* A stop and continue does not end a poll, and does not lengthen it. */
static void poll_a_while(void)
{
    long start_ms = now_ms();
    EQ(poll(NULL, 0, 200), 0);
    TRUE(now_ms() - start_ms >= 199);
}

static void test_stopping(void)
{
    int status;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        poll_a_while();
        _exit(0);
    }
    sleep_ms(50);
    OK(kill(pid, SIGSTOP));
    OK(waitpid(pid, &status, WUNTRACED));
    TRUE(WIFSTOPPED(status));
    OK(kill(pid, SIGCONT));
    OK(waitpid(pid, &status, 0));
    EQ(status, 0);
}

int main(void)
{
    limit_seconds(55);
    test_results();
    test_errors();
    test_timeouts();
    test_waking();
    test_stopping();
    test_signals();
    return 0;
}
