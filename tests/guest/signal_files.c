/* SPDX-License-Identifier: MIT
 *
 * Signals and processes as files: signalfd, pidfds.
 */
#include "signal_check.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static int open_signalfd(int signo, int flags)
{
    sigset_t set = set_of(signo);
    sigaddset(&set, SIGRTMIN + 3);
    sigaddset(&set, SIGCHLD);
    return (int)OK(signalfd(-1, &set, flags));
}

static struct signalfd_siginfo take(int fd)
{
    struct signalfd_siginfo info;
    EQ(read(fd, &info, sizeof(info)), sizeof(info));
    return info;
}

static void signals_are_read(void)
{
    struct signalfd_siginfo infos[4];
    union sigval value = {.sival_ptr = (void *)0x1122334455667788ul};
    block(SIGUSR1);
    block(SIGRTMIN + 3);
    block(SIGCHLD);
    int fd = open_signalfd(SIGUSR1, SFD_NONBLOCK | SFD_CLOEXEC);
    EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    FAILS(read(fd, infos, sizeof(infos)), EAGAIN);
    FAILS(read(fd, infos, sizeof(infos[0]) - 1), EINVAL);
    OK(kill(getpid(), SIGUSR1));
    OK(sigqueue(getpid(), SIGRTMIN + 3, value));
    value.sival_int = 99;
    OK(sigqueue(getpid(), SIGRTMIN + 3, value));
    EQ(read(fd, infos, sizeof(infos)), 3 * sizeof(infos[0]));
    EQ(infos[0].ssi_signo, SIGUSR1);
    EQ(infos[0].ssi_code, SI_USER);
    EQ(infos[0].ssi_pid, getpid());
    EQ(infos[1].ssi_signo, SIGRTMIN + 3);
    EQ(infos[1].ssi_code, SI_QUEUE);
    EQ(infos[1].ssi_ptr, 0x1122334455667788ul);
    EQ(infos[1].ssi_int, 0x55667788);
    EQ(infos[2].ssi_int, 99);
    TRUE(!is_pending(SIGUSR1));

    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(17);
    OK(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT));
    infos[0] = take(fd);
    EQ(infos[0].ssi_signo, SIGCHLD);
    EQ(infos[0].ssi_code, CLD_EXITED);
    EQ(infos[0].ssi_pid, pid);
    EQ(infos[0].ssi_status, 17);
    OK(waitpid(pid, NULL, 0));

    /* Another mask for the same file. */
    sigset_t set = set_of(SIGUSR2);
    EQ(signalfd(fd, &set, 0), fd);
    OK(kill(getpid(), SIGUSR1));
    FAILS(read(fd, infos, sizeof(infos)), EAGAIN);
    TRUE(is_pending(SIGUSR1));
    set = set_of(SIGUSR1);
    EQ(signalfd(fd, &set, 0), fd);
    EQ(take(fd).ssi_signo, SIGUSR1);
    FAILS(signalfd(0, &set, 0), EINVAL);
    FAILS(signalfd(99, &set, 0), EBADF);
    FAILS(signalfd(-1, &set, 1), EINVAL);
    OK(close(fd));
}

static void reading_and_polling_wait(void)
{
    int fd = open_signalfd(SIGUSR1, 0), epoll = (int)OK(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    pid_t self = getpid();
    OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    EQ(epoll_wait(epoll, &event, 1, 0), 0);
    for (int i = 0; i < 3; i++) {
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0) {
            wait_for_state(self, "S");
            _exit(kill(self, SIGUSR1));
        }
        struct pollfd p = {.fd = fd, .events = POLLIN};
        /* SIGCHLD of the child before may come too; so look for the signal. */
        if (i == 1)
            EQ(poll(&p, 1, 5000), 1);
        else if (i == 2)
            EQ(epoll_wait(epoll, &event, 1, 5000), 1);
        while (take(fd).ssi_signo != SIGUSR1)
            ;
        OK(waitpid(pid, NULL, 0));
        EQ(take(fd).ssi_signo, SIGCHLD);
    }
    OK(close(fd));
    OK(close(epoll));
    unblock(SIGUSR1);
    unblock(SIGCHLD);
}

/* ---- pidfds ---- */

static void pidfds(void)
{
    int fds[2], status;
    OK(pipe(fds));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        char byte;
        _exit(read(fds[0], &byte, 1) == 1 ? 21 : 1);
    }
    int fd = (int)OK(syscall(SYS_pidfd_open, pid, 0));
    EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    EQ(poll(&p, 1, 0), 0);
    OK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    FAILS(syscall(SYS_pidfd_send_signal, fd, 99, NULL, 0), EINVAL);
    FAILS(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0x100), EINVAL);
    FAILS(syscall(SYS_pidfd_send_signal, 0, SIGUSR1, NULL, 0), EBADF);
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_USER};
    FAILS(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &info, 0), EPERM);
    FAILS(syscall(SYS_pidfd_send_signal, fd, SIGUSR2, &info, 0), EINVAL);
    OK(syscall(SYS_pidfd_send_signal, fd, SIGSTOP, NULL, 0));
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    OK(syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0));

    /* One of its files. */
    int copy = (int)OK(syscall(SYS_pidfd_getfd, fd, fds[1], 0));
    EQ(fcntl(copy, F_GETFD), FD_CLOEXEC);
    FAILS(syscall(SYS_pidfd_getfd, fd, 99, 0), EBADF);
    FAILS(syscall(SYS_pidfd_getfd, fd, 0, 1), EINVAL);
    FAILS(syscall(SYS_pidfd_getfd, 0, 0, 0), EBADF);
    EQ(write(copy, "x", 1), 1);

    EQ(poll(&p, 1, 5000), 1);
    EQ(p.revents, POLLIN);
    OK(waitid(3 /* P_PIDFD */, (id_t)fd, &info, WEXITED));
    EQ(info.si_pid, pid);
    EQ(info.si_status, 21);
    FAILS(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
    FAILS(syscall(SYS_pidfd_getfd, fd, 0, 0), ESRCH);
    OK(close(fd));
    OK(close(copy));

    FAILS(syscall(SYS_pidfd_open, pid, 0), ESRCH);
    FAILS(syscall(SYS_pidfd_open, 0, 0), EINVAL);
    FAILS(syscall(SYS_pidfd_open, getpid(), 1), EINVAL);
    fd = (int)OK(syscall(SYS_pidfd_open, getpid(), 0));
    block(SIGUSR1);
    OK(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &(siginfo_t){.si_signo = SIGUSR1, .si_code = 5},
               0));
    sigset_t set = set_of(SIGUSR1);
    EQ(sigwaitinfo(&set, &info), SIGUSR1);
    EQ(info.si_code, 5);
    OK(close(fd));
}

/* psmisc's killall signals through /proc/PID. */
static void proc_directory_is_a_pidfd_for_signals(void)
{
    char name[64];
    int status;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        for (;;)
            pause();
    }
    snprintf(name, sizeof(name), "/proc/%d", pid);
    int fd = (int)OK(open(name, O_RDONLY | O_DIRECTORY));
    OK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    FAILS(syscall(SYS_pidfd_getfd, fd, 0, 0), EBADF);
    snprintf(name, sizeof(name), "/proc/%d/status", pid);
    int other = (int)OK(open(name, O_RDONLY));
    FAILS(syscall(SYS_pidfd_send_signal, other, 0, NULL, 0), EBADF);
    snprintf(name, sizeof(name), "/proc/%d/fd", pid);
    int below = (int)OK(open(name, O_RDONLY | O_DIRECTORY));
    FAILS(syscall(SYS_pidfd_send_signal, below, 0, NULL, 0), EBADF);
    OK(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
    EQ(waitpid(pid, &status, 0), pid);
    EQ(status, SIGTERM);
    FAILS(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
    OK(close(fd));
    OK(close(other));
    OK(close(below));
}

int main(void)
{
    proc_directory_is_a_pidfd_for_signals();
    signals_are_read();
    reading_and_polling_wait();
    pidfds();
    return 0;
}
