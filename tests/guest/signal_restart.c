/* SPDX-License-Identifier: MIT
 *
 * What a signal does to the system call that it interrupts (signal(7), "Interruption of system
 * calls").
 */
#include "futex_check.h"

#include <sys/select.h>

static volatile sig_atomic_t handled;

static void count(int signo)
{
    (void)signo;
    handled++;
}

static void set_handler(int flags)
{
    struct sigaction action = {.sa_handler = count, .sa_flags = flags};
    OK(sigaction(SIGUSR1, &action, NULL));
    handled = 0;
}

/* ---- a second process that sends signals, then lets the call finish ---- */


/* Once the main thread sleeps: `signals` SIGUSR1; after each it must sleep again, or not. Then what
 * `then` says. */
static pid_t helper(int signals, int signo, int write_fd)
{
    pid_t target = getpid();
    pid_t pid = (pid_t)OK(fork());
    if (pid > 0)
        return pid;
    for (int i = 0; i < signals; i++) {
        wait_for_state(target, "S");
        usleep(20000);
        kill(target, signo);
        usleep(20000);
    }
    if (write_fd >= 0) {
        wait_for_state(target, "S");
        if (write(write_fd, "x", 1) != 1)
            _exit(1);
    }
    _exit(0);
}

static void reap(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) != pid)
        ;
    EQ(status, 0);
}

static void read_from_a_pipe(void)
{
    int fds[2];
    char byte;
    OK(pipe(fds));

    set_handler(SA_RESTART);
    pid_t pid = helper(2, SIGUSR1, fds[1]);
    EQ(read(fds[0], &byte, 1), 1);
    reap(pid);
    EQ(handled, 2);

    set_handler(0);
    pid = helper(1, SIGUSR1, -1);
    FAILS(read(fds[0], &byte, 1), EINTR);
    reap(pid);
    EQ(handled, 1);

    /* An ignored signal, and one whose default is to be ignored, do not end the call. */
    dispose(SIGUSR2, SIG_IGN);
    pid = helper(2, SIGUSR2, fds[1]);
    EQ(read(fds[0], &byte, 1), 1);
    reap(pid);
    pid = helper(2, SIGWINCH, fds[1]);
    EQ(read(fds[0], &byte, 1), 1);
    reap(pid);
    close(fds[0]);
    close(fds[1]);
}

static void stop_and_continue_restart_the_call(void)
{
    int fds[2];
    char byte;
    OK(pipe(fds));
    pid_t reader = (pid_t)OK(fork());
    if (reader == 0)
        _exit(read(fds[0], &byte, 1) == 1 ? 0 : 1);
    wait_for_state(reader, "S");
    OK(kill(reader, SIGSTOP));
    int status;
    EQ(waitpid(reader, &status, WUNTRACED), reader);
    TRUE(WIFSTOPPED(status));
    OK(kill(reader, SIGCONT));
    wait_for_state(reader, "S");
    EQ(write(fds[1], "x", 1), 1);
    reap(reader);
    close(fds[0]);
    close(fds[1]);
}

static void nanosleep_tells_what_is_left(void)
{
    struct timespec time = {.tv_sec = 5}, left = {0};
    set_handler(SA_RESTART); /* makes no difference */
    pid_t pid = helper(1, SIGUSR1, -1);
    FAILS(nanosleep(&time, &left), EINTR);
    reap(pid);
    TRUE(left.tv_sec >= 3 && left.tv_sec < 5);

    time.tv_sec += now_ns(CLOCK_MONOTONIC) / 1000000000;
    left.tv_sec = 77;
    pid = helper(1, SIGUSR1, -1);
    EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, &left), EINTR);
    reap(pid);
    EQ(left.tv_sec, 77);
}

/* restart_syscall: after a stop the sleep goes on to its old end. */
static void a_stop_does_not_prolong_a_sleep(void)
{
    long long before = now_ns(CLOCK_MONOTONIC);
    pid_t sleeper = (pid_t)OK(fork());
    if (sleeper == 0) {
        struct timespec time = {.tv_nsec = 300 * MS};
        _exit(nanosleep(&time, NULL) == 0 ? 0 : 1);
    }
    wait_for_state(sleeper, "S");
    int status;
    for (int i = 0; i < 3; i++) {
        OK(kill(sleeper, SIGSTOP));
        EQ(waitpid(sleeper, &status, WUNTRACED), sleeper);
        OK(kill(sleeper, SIGCONT));
        usleep(20000);
    }
    reap(sleeper);
    long long took = now_ns(CLOCK_MONOTONIC) - before;
    TRUE(took >= 300 * MS);
    TRUE(took < 5000 * MS);
}

static void waiting_for_children(void)
{
    set_handler(SA_RESTART);
    pid_t child = (pid_t)OK(fork());
    if (child == 0) {
        usleep(200000);
        _exit(3);
    }
    int status;
    pid_t pid = helper(1, SIGUSR1, -1);
    EQ(waitpid(child, &status, 0), child);
    EQ(handled, 1);
    EQ(WEXITSTATUS(status), 3);
    reap(pid);

    set_handler(0);
    child = (pid_t)OK(fork());
    if (child == 0) {
        pause();
        _exit(0);
    }
    pid = helper(1, SIGUSR1, -1);
    FAILS(waitpid(child, &status, 0), EINTR);
    OK(kill(child, SIGKILL));
    EQ(waitpid(child, &status, 0), child);
    reap(pid);
}

static void never_restarted(void)
{
    struct pollfd none = {.fd = -1};
    struct timespec second = {.tv_sec = 5};
    sigset_t set = set_of(SIGUSR2);
    set_handler(SA_RESTART);
    block(SIGUSR2);

    pid_t pid = helper(1, SIGUSR1, -1);
    FAILS(poll(&none, 1, 5000), EINTR);
    reap(pid);
    pid = helper(1, SIGUSR1, -1);
    FAILS(select(0, NULL, NULL, NULL, NULL), EINTR);
    reap(pid);
    pid = helper(1, SIGUSR1, -1);
    FAILS(pause(), EINTR);
    reap(pid);
    pid = helper(1, SIGUSR1, -1);
    FAILS(syscall(SYS_rt_sigtimedwait, &set, NULL, &second, 8), EINTR); /* musl would retry */
    reap(pid);
    unblock(SIGUSR2);
    EQ(handled, 4);
}

static void futex_waits(void)
{
    static uint32_t word;
    struct timespec second = {.tv_sec = 5};

    set_handler(SA_RESTART);
    pid_t pid = helper(1, SIGUSR1, -1);
    /* With a timeout it ends even so. */
    FAILS(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &second, NULL, 0), EINTR);
    reap(pid);
    set_handler(0);
    pid = helper(1, SIGUSR1, -1);
    FAILS(syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0), EINTR);
    reap(pid);

    /* Without one and with SA_RESTART it waits on, until its time is over for another reason. */
    set_handler(SA_RESTART);
    uint32_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t waiter = (pid_t)OK(fork());
    if (waiter == 0)
        _exit(syscall(SYS_futex, shared, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 && handled == 1 ? 0 : 1);
    wait_for_state(waiter, "S");
    OK(kill(waiter, SIGUSR1));
    usleep(50000);
    wait_for_state(waiter, "S");
    EQ(syscall(SYS_futex, shared, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
    reap(waiter);
}

/* A call that had done part of its work says so. */
static void partial_results_are_kept(void)
{
    int fds[2];
    static char data[300000];
    OK(pipe(fds));
    set_handler(0);
    pid_t pid = helper(1, SIGUSR1, -1);
    ssize_t written = write(fds[1], data, sizeof(data));
    reap(pid);
    TRUE(written > 0 && written < (ssize_t)sizeof(data));
    EQ(handled, 1);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    read_from_a_pipe();
    stop_and_continue_restart_the_call();
    nanosleep_tells_what_is_left();
    a_stop_does_not_prolong_a_sleep();
    waiting_for_children();
    never_restarted();
    futex_waits();
    partial_results_are_kept();
    return 0;
}
