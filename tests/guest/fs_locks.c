/* SPDX-License-Identifier: MIT */
/* fcntl_locking(2), flock(2). */
#include "fs_check.h"

#include <pthread.h>
#include <sys/file.h>
#include <sys/time.h>

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

static int lock(int fd, int command, short type, off_t start, off_t length)
{
    struct flock fl = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, command, &fl);
}

/* What stands in the way of a lock, as seen by another process: type, and range and owner. */
static struct flock seen_by_child(short type, off_t start, off_t length)
{
    struct flock fl = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    int fds[2];
    OK(pipe(fds));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        int fd = (int)OK(open("f", O_RDWR));
        OK(fcntl(fd, F_GETLK, &fl));
        OK(write(fds[1], &fl, sizeof(fl)));
        _exit(0);
    }
    EQ(read(fds[0], &fl, sizeof(fl)), sizeof(fl));
    OK(close(fds[0]));
    OK(close(fds[1]));
    OK(waitpid(pid, NULL, 0));
    return fl;
}

static void expect_held(short type, off_t at, off_t start, off_t length)
{
    struct flock fl = seen_by_child(F_WRLCK, at, 1);
    EQ(fl.l_type, type);
    if (type == F_UNLCK)
        return;
    EQ(fl.l_start, start);
    EQ(fl.l_len, length);
    EQ(fl.l_pid, getpid());
}

static void ranges(void)
{
    int fd = (int)OK(open("f", O_RDWR));
    OK(lock(fd, F_SETLK, F_WRLCK, 10, 10));
    expect_held(F_WRLCK, 15, 10, 10);
    expect_held(F_UNLCK, 5, 0, 0);
    expect_held(F_UNLCK, 20, 0, 0);
    OK(lock(fd, F_SETLK, F_WRLCK, 20, 10)); /* merges with its neighbour */
    expect_held(F_WRLCK, 15, 10, 20);
    OK(lock(fd, F_SETLK, F_UNLCK, 15, 5)); /* falls in two */
    expect_held(F_WRLCK, 12, 10, 5);
    expect_held(F_UNLCK, 17, 0, 0);
    expect_held(F_WRLCK, 22, 20, 10);
    OK(lock(fd, F_SETLK, F_RDLCK, 0, 0)); /* to the end of everything: replaces all */
    expect_held(F_RDLCK, 1000000, 0, 0);
    EQ(seen_by_child(F_RDLCK, 0, 1).l_type, F_UNLCK);
    OK(lock(fd, F_SETLK, F_WRLCK, 100, 1));
    expect_held(F_RDLCK, 50, 0, 100);
    expect_held(F_WRLCK, 100, 100, 1);
    expect_held(F_RDLCK, 101, 101, 0);
    OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
    expect_held(F_UNLCK, 100, 0, 0);
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 50, .l_len = -10};
    OK(fcntl(fd, F_SETLK, &fl));
    expect_held(F_WRLCK, 40, 40, 10);
    expect_held(F_UNLCK, 50, 0, 0);
    OK(lseek(fd, 7, SEEK_SET));
    fl = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = 1, .l_len = 1};
    OK(fcntl(fd, F_SETLK, &fl));
    expect_held(F_WRLCK, 8, 8, 1);
    /* Closing any descriptor of the file drops them all. */
    OK(close((int)OK(open("f", O_RDONLY))));
    expect_held(F_UNLCK, 45, 0, 0);
    OK(close(fd));
}

static void errors(void)
{
    int fd = (int)OK(open("f", O_RDONLY)), out = (int)OK(open("f", O_WRONLY));
    FAILS(lock(fd, F_SETLK, F_WRLCK, 0, 1), EBADF);
    FAILS(lock(out, F_SETLK, F_RDLCK, 0, 1), EBADF);
    FAILS(lock(fd, F_SETLK, 9, 0, 1), EINVAL);
    FAILS(lock(fd, F_SETLK, F_RDLCK, -1, 1), EINVAL);
    FAILS(lock(fd, F_SETLK, F_RDLCK, 5, -6), EINVAL);
    struct flock fl = {.l_type = F_RDLCK, .l_whence = 9};
    FAILS(fcntl(fd, F_SETLK, &fl), EINVAL);
    fl = (struct flock){.l_type = F_RDLCK, .l_whence = SEEK_END, .l_start = INT64_MAX};
    FAILS(fcntl(fd, F_SETLK, &fl), EOVERFLOW);
    FAILS(lock(99, F_SETLK, F_RDLCK, 0, 1), EBADF);
    FAILS(fcntl(fd, F_SETLK, BAD_POINTER), EFAULT);
    FAILS(lock(fd, F_GETLK, F_UNLCK, 0, 1), EINVAL);
    fl = (struct flock){.l_type = F_RDLCK, .l_pid = 1};
    FAILS(fcntl(fd, F_OFD_SETLK, &fl), EINVAL);
    OK(close(fd));
    OK(close(out));
}

static void on_alarm(int signal)
{
    (void)signal;
}

/* A child tries a lock that the parent holds: fails, waits, gets it. */
static void waiting(void)
{
    int fd = (int)OK(open("f", O_RDWR)), ready[2];
    char c;
    OK(pipe(ready));
    OK(lock(fd, F_SETLK, F_WRLCK, 0, 10));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        int mine = (int)OK(open("f", O_RDWR));
        FAILS(lock(mine, F_SETLK, F_WRLCK, 5, 1), EAGAIN);
        FAILS(lock(mine, F_SETLK, F_RDLCK, 5, 1), EAGAIN);
        OK(lock(mine, F_SETLK, F_WRLCK, 10, 1));
        struct sigaction action = {.sa_handler = on_alarm};
        OK(sigaction(SIGALRM, &action, NULL));
        struct itimerval timer = {.it_value = {0, 20000}};
        OK(setitimer(ITIMER_REAL, &timer, NULL));
        FAILS(lock(mine, F_SETLKW, F_WRLCK, 5, 1), EINTR);
        OK(write(ready[1], "x", 1));
        OK(lock(mine, F_SETLKW, F_WRLCK, 5, 1));
        _exit(0);
    }
    EQ(read(ready[0], &c, 1), 1);
    usleep(20000);
    OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
    int status;
    OK(waitpid(pid, &status, 0));
    EQ(status, 0);
    OK(close(ready[0]));
    OK(close(ready[1]));
    OK(close(fd));
}

static void *wait_for_lock(void *fd)
{
    return (void *)(intptr_t)(lock(*(int *)fd, F_SETLKW, F_WRLCK, 0, 10) == 0 ? 0 : errno);
}

/* /proc/locks tells of a process that waits for one. */
static void until_waiting(pid_t pid)
{
    char wanted[32], line[256];
    bool found = false;

    snprintf(wanted, sizeof(wanted), " %d ", (int)pid);
    while (!found) {
        FILE *locks = fopen("/proc/locks", "r");
        TRUE(locks);
        while (fgets(line, sizeof(line), locks))
            found = found || (strstr(line, "->") && strstr(line, wanted));
        fclose(locks);
    }
}

/* A lock that comes when its descriptor is gone is given back. */
static void closed_while_waiting(void)
{
    int fd = (int)OK(open("f", O_RDWR)), gate[2];
    pthread_t thread;
    void *result;
    char c;
    OK(pipe(gate));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(lock(fd, F_SETLK, F_WRLCK, 0, 10));
        OK(write(gate[1], "x", 1));
        pause();
    }
    EQ(read(gate[0], &c, 1), 1);
    EQ(pthread_create(&thread, NULL, wait_for_lock, &fd), 0);
    until_waiting(getpid());
    OK(close(fd));
    OK(kill(pid, SIGKILL));
    OK(waitpid(pid, NULL, 0));
    EQ(pthread_join(thread, &result), 0);
    EQ((intptr_t)result, EBADF);
    EQ(seen_by_child(F_WRLCK, 0, 0).l_type, F_UNLCK);
    OK(close(gate[0]));
    OK(close(gate[1]));
}

static void deadlock(void)
{
    int fd = (int)OK(open("f", O_RDWR)), ready[2];
    char c;
    OK(pipe(ready));
    OK(lock(fd, F_SETLK, F_WRLCK, 0, 1));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        int mine = (int)OK(open("f", O_RDWR));
        OK(lock(mine, F_SETLK, F_WRLCK, 1, 1));
        OK(write(ready[1], "x", 1));
        OK(lock(mine, F_SETLKW, F_WRLCK, 0, 1)); /* waits for the parent */
        _exit(0);
    }
    EQ(read(ready[0], &c, 1), 1);
    usleep(50000);
    FAILS(lock(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
    OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
    int status;
    OK(waitpid(pid, &status, 0));
    EQ(status, 0);
    OK(close(ready[0]));
    OK(close(ready[1]));
    OK(close(fd));
}

static void open_file_locks(void)
{
    int a = (int)OK(open("f", O_RDWR)), b = (int)OK(open("f", O_RDWR)), a2 = (int)OK(dup(a));
    OK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
    FAILS(lock(b, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN);
    OK(lock(a2, F_OFD_SETLK, F_WRLCK, 5, 1));       /* the same open file */
    FAILS(lock(b, F_SETLK, F_WRLCK, 5, 1), EAGAIN); /* conflicts with record locks too */
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    OK(fcntl(b, F_OFD_GETLK, &fl));
    EQ(fl.l_type, F_WRLCK);
    EQ(fl.l_pid, -1);
    OK(close(a));
    FAILS(lock(b, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN);
    OK(close(a2)); /* the last descriptor of the open file */
    OK(lock(b, F_OFD_SETLK, F_WRLCK, 5, 1));
    OK(close(b));
}

/* Closing a descriptor drops the process's record locks on the file, but not if it is O_PATH. */
static void closing_other_descriptors(void)
{
    int fd = (int)OK(open("f", O_RDWR));
    for (int path_only = 0; path_only < 2; path_only++) {
        OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
        OK(close((int)OK(open("f", path_only ? O_PATH : O_RDONLY))));
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0) {
            errno = 0;
            lock(fd, F_SETLK, F_WRLCK, 0, 0);
            EQ(errno, path_only ? EAGAIN : 0);
            _exit(0);
        }
        int status;
        OK(waitpid(pid, &status, 0));
        EQ(status, 0);
    }
    OK(close(fd));
}

static void flocks(void)
{
    int a = (int)OK(open("f", O_RDONLY)), b = (int)OK(open("f", O_RDONLY));
    OK(flock(a, LOCK_SH));
    OK(flock(b, LOCK_SH | LOCK_NB));
    FAILS(flock(b, LOCK_EX | LOCK_NB), EAGAIN);
    OK(flock(a, LOCK_UN));
    OK(flock(b, LOCK_EX | LOCK_NB));
    FAILS(flock(a, LOCK_SH | LOCK_NB), EAGAIN);
    OK(flock(b, LOCK_SH)); /* conversion */
    OK(flock(a, LOCK_SH | LOCK_NB));
    OK(flock(a, LOCK_UN));
    OK(flock(a, LOCK_UN));
    FAILS(flock(a, 16), EINVAL);
    FAILS(flock(a, LOCK_SH | LOCK_EX), EINVAL);
    FAILS(flock(99, LOCK_SH), EBADF);
    int c = (int)OK(dup(b));
    OK(close(b));
    FAILS(flock(a, LOCK_EX | LOCK_NB), EAGAIN);
    OK(lock(a, F_SETLK, F_RDLCK, 0, 0)); /* the two kinds do not see each other */
    OK(close(c));
    OK(flock(a, LOCK_EX | LOCK_NB));
    /* Waiting, and inheritance of the open file. */
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        int mine = (int)OK(open("f", O_RDONLY));
        FAILS(flock(mine, LOCK_EX | LOCK_NB), EAGAIN);
        OK(close(a));
        OK(flock(mine, LOCK_EX));
        _exit(0);
    }
    usleep(30000);
    OK(close(a));
    int status;
    OK(waitpid(pid, &status, 0));
    EQ(status, 0);
}

int main(void)
{
    fresh_tmpfs(NULL);
    write_file("f", "0123456789");
    ranges();
    errors();
    waiting();
    closed_while_waiting();
    deadlock();
    open_file_locks();
    closing_other_descriptors();
    flocks();
    leave_tmpfs();
    return 0;
}
