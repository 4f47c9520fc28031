/* SPDX-License-Identifier: MIT */
/* dup(2), fcntl(2), close(2), close_range(2), ioctl(2) on descriptors. */
#include "fs_check.h"

#include <sys/ioctl.h>
#include <sys/resource.h>

static void duplicates(void)
{
    int fd = (int)OK(open("f", O_RDWR | O_CREAT, 0600));
    int copy = (int)OK(dup(fd));
    OK(write(fd, "abc", 3));
    EQ(lseek(copy, 0, SEEK_CUR), 3);
    EQ(dup2(fd, 50), 50);
    EQ(dup2(fd, fd), fd);
    FAILS(dup3(fd, fd, 0), EINVAL);
    FAILS(syscall(SYS_dup3, fd, 51, O_RDWR), EINVAL);
    EQ(dup3(fd, 51, O_CLOEXEC), 51);
    EQ(fcntl(51, F_GETFD), FD_CLOEXEC);
    EQ(fcntl(50, F_GETFD), 0);
    FAILS(dup(99), EBADF);
    FAILS(dup2(99, 3), EBADF);
    FAILS(dup2(99, 99), EBADF);
    FAILS(dup2(fd, -1), EBADF);
    FAILS(dup2(fd, 1 << 30), EBADF);
    EQ(fcntl(fd, F_DUPFD, 60), 60);
    EQ(fcntl(fd, F_DUPFD, 60), 61);
    EQ(fcntl(fd, F_DUPFD_CLOEXEC, 60), 62);
    EQ(fcntl(62, F_GETFD), FD_CLOEXEC);
    OK(fcntl(62, F_SETFD, 0));
    EQ(fcntl(62, F_GETFD), 0);
    FAILS(fcntl(fd, F_DUPFD, -1), EINVAL);
    FAILS(fcntl(99, F_GETFD), EBADF);
    FAILS(fcntl(fd, 9999), EINVAL);
    OK(close(60));
    FAILS(close(60), EBADF);
    EQ(fcntl(fd, F_DUPFD, 55), 55);
    EQ(fcntl(fd, F_DUPFD, 60), 60);
    int first = (int)OK(dup(fd));
    OK(close(first));
    EQ(dup(fd), first); /* always the lowest */
    OK(syscall(SYS_close_range, 3, ~0u, 0));
    FAILS(close(fd), EBADF);
    FAILS(close(62), EBADF);
}

static void ranges(void)
{
    int fd = (int)OK(open("f", O_RDWR));
    for (int i = 10; i < 20; i++)
        EQ(dup2(fd, i), i);
    OK(syscall(SYS_close_range, 12, 14, 0));
    FAILS(fcntl(12, F_GETFD), EBADF);
    FAILS(fcntl(14, F_GETFD), EBADF);
    EQ(fcntl(15, F_GETFD), 0);
    OK(syscall(SYS_close_range, 15, 17, 4 /* CLOEXEC */));
    EQ(fcntl(15, F_GETFD), FD_CLOEXEC);
    EQ(fcntl(18, F_GETFD), 0);
    FAILS(syscall(SYS_close_range, 5, 4, 0), EINVAL);
    FAILS(syscall(SYS_close_range, 5, 6, 1), EINVAL);
    OK(syscall(SYS_close_range, 1000, 2000, 0));
    OK(syscall(SYS_close_range, 3, ~0u, 2 /* UNSHARE */));
}

static void limit(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        struct rlimit limit = {20, 20};
        OK(setrlimit(RLIMIT_NOFILE, &limit));
        int fd, last = -1;
        while ((fd = open("f", O_RDONLY)) >= 0)
            last = fd;
        EQ(errno, EMFILE);
        EQ(last, 19);
        FAILS(dup(0), EMFILE);
        FAILS(dup2(3, 20), EBADF);
        FAILS(fcntl(3, F_DUPFD, 20), EINVAL);
        FAILS(open("none", O_RDONLY), EMFILE); /* before the name is looked at */
        _exit(0);
    }
    int status;
    OK(waitpid(pid, &status, 0));
    EQ(status, 0);
}

static void many(void)
{
    int fd = (int)OK(open("f", O_RDONLY));
    for (int i = 0; i < 600; i++)
        OK(dup(fd));
    OK(fcntl(602, F_GETFD));
    OK(syscall(SYS_close_range, 3, ~0u, 0));
}

static void ioctls(void)
{
    int fd = (int)OK(open("f", O_RDWR)), value = 1;
    OK(ftruncate(fd, 100));
    OK(ioctl(fd, FIOCLEX));
    EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    OK(ioctl(fd, FIONCLEX));
    EQ(fcntl(fd, F_GETFD), 0);
    OK(ioctl(fd, FIONBIO, &value));
    TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
    value = 0;
    OK(ioctl(fd, FIONBIO, &value));
    TRUE(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
    FAILS(ioctl(fd, FIONBIO, BAD_POINTER), EFAULT);
    OK(lseek(fd, 30, SEEK_SET));
    OK(ioctl(fd, FIONREAD, &value));
    EQ(value, 70);
    FAILS(ioctl(fd, 0x5401 /* TCGETS */, &value), ENOTTY);
    FAILS(ioctl(99, FIONBIO, &value), EBADF);
    int path = (int)OK(open("f", O_PATH));
    FAILS(ioctl(path, FIOCLEX), EBADF);
    OK(close(path));
    OK(close(fd));
}

static void owners(void)
{
    int fds[2];
    OK(pipe(fds));
    EQ(fcntl(fds[0], F_GETOWN), 0);
    OK(fcntl(fds[0], F_SETOWN, getpid()));
    EQ(fcntl(fds[0], F_GETOWN), getpid());
    OK(fcntl(fds[0], F_SETOWN, 0));
    struct f_owner_ex owner = {F_OWNER_TID, getpid()};
    OK(fcntl(fds[0], F_SETOWN_EX, &owner));
    owner.type = 9;
    OK(fcntl(fds[0], F_GETOWN_EX, &owner));
    EQ(owner.type, F_OWNER_TID);
    EQ(owner.pid, getpid());
    owner.type = 9;
    FAILS(fcntl(fds[0], F_SETOWN_EX, &owner), EINVAL);
    FAILS(fcntl(fds[0], F_SETOWN, 0x3fffffff), ESRCH);
    OK(fcntl(fds[0], F_SETSIG, SIGUSR1));
    EQ(fcntl(fds[0], F_GETSIG), SIGUSR1);
    FAILS(fcntl(fds[0], F_SETSIG, 100), EINVAL);
    OK(close(fds[0]));
    OK(close(fds[1]));
}

static void on_exec(void)
{
    /* A descriptor with the flag is gone after execve, others are not. */
    int keep = (int)OK(open("f", O_RDONLY)), drop = (int)OK(open("f", O_RDONLY | O_CLOEXEC));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        char a[16], b[16];
        snprintf(a, sizeof(a), "%d", keep);
        snprintf(b, sizeof(b), "%d", drop);
        execl("/proc/self/exe", "self", a, b, NULL);
        _exit(9);
    }
    int status;
    OK(waitpid(pid, &status, 0));
    EQ(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return fcntl(atoi(argv[1]), F_GETFD) == 0 && fcntl(atoi(argv[2]), F_GETFD) == -1 ? 0 : 1;
    fresh_tmpfs(NULL);
    duplicates();
    ranges();
    limit();
    many();
    ioctls();
    owners();
    on_exec();
    OK(syscall(SYS_close_range, 3, ~0u, 0));
    leave_tmpfs();
    return 0;
}
