/* SPDX-License-Identifier: MIT */
/* The calls that C libraries no longer make, because a newer one does the same and more: by number.
 */
#include "fs_check.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <utime.h>

static void files(void)
{
    struct stat here, there;
    int fd = (int)OK(syscall(SYS_open, "f", O_RDWR | O_CREAT | O_EXCL, 0640));
    FAILS(syscall(SYS_open, "f", O_RDWR | O_CREAT | O_EXCL, 0640), EEXIST);
    FAILS(syscall(SYS_open, "none", O_RDONLY), ENOENT);
    FAILS(syscall(SYS_open, BAD_POINTER, O_RDONLY), EFAULT);
    EQ(write(fd, "12345", 5), 5);
    OK(syscall(SYS_fstat, fd, &here));
    EQ(here.st_size, 5);
    EQ(here.st_mode, S_IFREG | 0640);
    FAILS(syscall(SYS_fstat, -1, &here), EBADF);
    FAILS(syscall(SYS_fstat, fd, BAD_POINTER), EFAULT);
    OK(syscall(SYS_stat, "f", &there));
    EQ(there.st_ino, here.st_ino);
    OK(syscall(SYS_symlinkat, "f", AT_FDCWD, "l"));
    FAILS(syscall(SYS_symlinkat, "", AT_FDCWD, "m"), ENOENT);
    OK(syscall(SYS_stat, "l", &there));
    EQ(there.st_ino, here.st_ino);
    OK(syscall(SYS_lstat, "l", &there));
    TRUE(S_ISLNK(there.st_mode));
    EQ(there.st_size, 1);
    FAILS(syscall(SYS_lstat, "f/x", &there), ENOTDIR);
    close(fd);
    fd = (int)OK(syscall(SYS_creat, "f", 0600)); /* cuts it */
    FAILS(read(fd, &here, 1), EBADF);
    OK(syscall(SYS_stat, "f", &there));
    EQ(there.st_size, 0);
    close(fd);
}

static void folders(void)
{
    struct stat stat;
    int dir;
    OK(syscall(SYS_mkdirat, AT_FDCWD, "d", 0700));
    FAILS(syscall(SYS_mkdirat, AT_FDCWD, "d", 0700), EEXIST);
    dir = (int)OK(syscall(SYS_open, "d", O_RDONLY | O_DIRECTORY, 0));
    OK(syscall(SYS_mkdirat, dir, "e", 0700));
    OK(syscall(SYS_mknod, "p", S_IFIFO | 0600, 0));
    OK(syscall(SYS_stat, "p", &stat));
    TRUE(S_ISFIFO(stat.st_mode));
    FAILS(syscall(SYS_mknod, "p", S_IFIFO | 0600, 0), EEXIST);
    FAILS(syscall(SYS_mknod, "q", S_IFDIR | 0600, 0), EPERM);
    OK(syscall(SYS_renameat, AT_FDCWD, "p", dir, "p"));
    FAILS(syscall(SYS_renameat, AT_FDCWD, "p", dir, "p"), ENOENT);
    OK(syscall(SYS_fchmodat, dir, "p", 0444));
    FAILS(syscall(SYS_fchmodat, dir, "q", 0444), ENOENT);
    OK(fstatat(dir, "p", &stat, 0));
    EQ(stat.st_mode, S_IFIFO | 0444);
    OK(syscall(SYS_faccessat, dir, "p", R_OK));
    FAILS(syscall(SYS_faccessat, dir, "p", 8), EINVAL);
    FAILS(syscall(SYS_faccessat, -1, "p", R_OK), EBADF);
    OK(syscall(SYS_unlink, "d/p"));
    OK(syscall(SYS_rmdir, "d/e"));
    close(dir);
    OK(syscall(SYS_rmdir, "d"));
}

static void times(void)
{
    struct utimbuf when = {.actime = 1000, .modtime = 2000};
    struct timeval times[2] = {{.tv_sec = 3000, .tv_usec = 5}, {.tv_sec = 4000, .tv_usec = 6}};
    struct stat stat;
    OK(syscall(SYS_utime, "f", &when));
    OK(syscall(SYS_stat, "f", &stat));
    EQ(stat.st_atime, 1000);
    EQ(stat.st_mtime, 2000);
    FAILS(syscall(SYS_utime, "none", &when), ENOENT);
    FAILS(syscall(SYS_utime, "f", BAD_POINTER), EFAULT);
    OK(syscall(SYS_futimesat, AT_FDCWD, "f", times));
    OK(syscall(SYS_stat, "f", &stat));
    EQ(stat.st_atim.tv_sec, 3000);
    EQ(stat.st_mtim.tv_nsec, 6000);
    times[0].tv_usec = 1000000;
    FAILS(syscall(SYS_futimesat, AT_FDCWD, "f", times), EINVAL);
    FAILS(syscall(SYS_utimes, "f", times), EINVAL);
}

static void descriptors(void)
{
    int ends[2], fd;
    uint64_t count = 3;
    sigset_t set;
    OK(syscall(SYS_pipe, ends));
    EQ(write(ends[1], "x", 1), 1);
    OK(syscall(SYS_dup2, ends[0], 100));
    EQ(read(100, &count, 1), 1);
    FAILS(syscall(SYS_dup2, -1, 100), EBADF);
    FAILS(syscall(SYS_pipe, BAD_POINTER), EFAULT);
    count = 3;
    fd = (int)OK(syscall(SYS_eventfd, 4));
    EQ(write(fd, &count, sizeof(count)), 8);
    EQ(read(fd, &count, sizeof(count)), 8);
    EQ(count, 7);
    close(fd);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    fd = (int)OK(syscall(SYS_signalfd, -1, &set, 8));
    FAILS(syscall(SYS_signalfd, -1, &set, 7), EINVAL);
    struct pollfd poll = {.fd = fd, .events = POLLIN};
    EQ(syscall(SYS_poll, &poll, 1, 0), 0);
    OK(kill(getpid(), SIGUSR1));
    EQ(syscall(SYS_poll, &poll, 1, 1000), 1);
    close(fd);
    fd = (int)OK(syscall(SYS_epoll_create, 1));
    FAILS(syscall(SYS_epoll_create, 0), EINVAL);
    struct epoll_event event = {.events = EPOLLIN};
    OK(syscall(SYS_epoll_ctl, fd, EPOLL_CTL_ADD, ends[0], &event));
    EQ(syscall(SYS_epoll_wait, fd, &event, 1, 0), 0);
    EQ(write(ends[1], "y", 1), 1);
    EQ(syscall(SYS_epoll_wait, fd, &event, 1, 0), 1);
    close(fd);
    fd_set readable;
    struct timeval none = {0};
    FD_ZERO(&readable);
    FD_SET(ends[0], &readable);
    EQ(syscall(SYS_select, ends[0] + 1, &readable, NULL, NULL, &none), 1);
    close(ends[0]);
    close(ends[1]);
}

static void watches(void)
{
    struct inotify_event event;
    int fd = (int)OK(syscall(SYS_inotify_init));
    int watch = (int)OK(syscall(SYS_inotify_add_watch, fd, "f", IN_ATTRIB));
    FAILS(syscall(SYS_inotify_add_watch, fd, "none", IN_ATTRIB), ENOENT);
    FAILS(syscall(SYS_inotify_add_watch, fd, "f", 0), EINVAL);
    OK(syscall(SYS_chmod, "f", 0644));
    EQ(read(fd, &event, sizeof(event)), (long)sizeof(event));
    EQ(event.mask, IN_ATTRIB);
    EQ(event.wd, watch);
    OK(syscall(SYS_inotify_rm_watch, fd, watch));
    FAILS(syscall(SYS_inotify_rm_watch, fd, watch), EINVAL);
    close(fd);
}

static void processes(void)
{
    int status, pid = (int)OK(syscall(SYS_fork));
    if (pid == 0)
        syscall(SYS_exit_group, getppid() > 0 ? 5 : 6);
    EQ(syscall(SYS_wait4, pid, &status, 0, NULL), pid);
    TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    FAILS(syscall(SYS_wait4, pid, &status, 0, NULL), ECHILD);
    OK(syscall(SYS_munlockall));
    EQ(syscall(SYS_getpgrp), getpgid(0));
    EQ(syscall(SYS_time, NULL) - time(NULL) <= 1, 1);
}

static void file_system_figures(void)
{
    struct {
        int32_t free_blocks;
        uint64_t free_inodes;
        char name[12];
        char more[64];
    } figures;
    struct stat stat;
    char name[64];
    OK(syscall(SYS_stat, ".", &stat));
    OK(syscall(SYS_ustat, (unsigned)stat.st_dev, &figures));
    FAILS(syscall(SYS_ustat, 0xfffffu, &figures), EINVAL);
    long types = OK(syscall(SYS_sysfs, 3));
    TRUE(types > 1);
    OK(syscall(SYS_sysfs, 2, 0, name));
    EQ(syscall(SYS_sysfs, 1, name), 0);
    FAILS(syscall(SYS_sysfs, 1, "no such type"), EINVAL);
    FAILS(syscall(SYS_sysfs, 2, types, name), EINVAL);
    FAILS(syscall(SYS_sysfs, 4), EINVAL);
}

int main(void)
{
    fresh_tmpfs("size=1m");
    files();
    folders();
    times();
    descriptors();
    watches();
    processes();
    file_system_figures();
    leave_tmpfs();
    return 0;
}
