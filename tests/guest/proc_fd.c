/* SPDX-License-Identifier: MIT */
/* proc_pid_fd(5), proc_pid_fdinfo(5): what open files are called, and opening them again. */
#include "proc_check.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static const char *fd_path(int fd)
{
    static char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

static void names(void)
{
    char want[128];
    struct stat st, other;
    int fds[2], fd = (int)OK(open("/proc/self/status", O_RDONLY));
    snprintf(want, sizeof(want), "/proc/%d/status", getpid());
    STR_EQ(link_of(fd_path(fd)), want);
    OK(lstat(fd_path(fd), &st));
    TRUE(S_ISLNK(st.st_mode));
    EQ(st.st_mode & 0777, 0500);
    EQ(st.st_size, 64);
    OK(stat(fd_path(fd), &st));
    OK(fstat(fd, &other));
    EQ(st.st_ino, other.st_ino);
    OK(pipe(fds));
    OK(fstat(fds[0], &st));
    snprintf(want, sizeof(want), "pipe:[%llu]", (unsigned long long)st.st_ino);
    STR_EQ(link_of(fd_path(fds[0])), want);
    STR_EQ(link_of(fd_path(fds[1])), want);
    OK(lstat(fd_path(fds[1]), &st));
    EQ(st.st_mode & 0777, 0300);
    close(fds[0]);
    close(fds[1]);
    FAILS(readlink(fd_path(fds[1]), want, sizeof(want)), ENOENT);
    int event = (int)OK(eventfd(7, 0));
    STR_EQ(link_of(fd_path(event)), "anon_inode:[eventfd]");
    OK(lstat(fd_path(event), &st));
    EQ(st.st_mode & 0777, 0700);
    close(event);
    close(fd);
}

static void sockets(void)
{
    char want[64];
    struct stat st;
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return;
    OK(fstat(fds[0], &st));
    snprintf(want, sizeof(want), "socket:[%llu]", (unsigned long long)st.st_ino);
    STR_EQ(link_of(fd_path(fds[0])), want);
    FAILS(open(fd_path(fds[0]), O_RDWR), ENXIO);
    close(fds[0]);
    close(fds[1]);
}

static void deleted(void)
{
    char cwd[4096], want[4200], text[8];
    TRUE(getcwd(cwd, sizeof(cwd)) != NULL);
    write_file("gone", "still");
    int fd = (int)OK(open("gone", O_RDONLY));
    OK(unlink("gone"));
    snprintf(want, sizeof(want), "%s/gone (deleted)", cwd);
    STR_EQ(link_of(fd_path(fd)), want);
    int again = (int)OK(open(fd_path(fd), O_RDWR));
    EQ(read(again, text, sizeof(text)), 5);
    EQ(lseek(fd, 0, SEEK_CUR), 0); /* a file of its own */
    close(again);
    close(fd);
    fd = (int)OK(open(".", O_RDONLY | O_DIRECTORY));
    STR_EQ(link_of(fd_path(fd)), cwd);
    write_file("inside", "x");
    snprintf(want, sizeof(want), "/proc/self/fd/%d/inside", fd);
    struct stat st;
    OK(stat(want, &st));
    EQ(st.st_size, 1);
    OK(unlink("inside"));
    close(fd);
}

static void pipe_by_name(void)
{
    int fds[2];
    char text[4];
    OK(pipe(fds));
    int writer = (int)OK(open(fd_path(fds[0]), O_WRONLY));
    EQ(write(writer, "abc", 3), 3);
    EQ(read(fds[0], text, 4), 3);
    close(writer);
    close(fds[0]);
    close(fds[1]);
}

static void info(void)
{
    char path[64];
    int fd = (int)OK(open("data", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    EQ(write(fd, "12345", 5), 5);
    OK(lseek(fd, 3, SEEK_SET));
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    char *text = slurp(path, NULL);
    EQ(number_of(text, "pos:\t"), 3);
    long flags = strtol(value_of(text, "flags:\t"), NULL, 8);
    EQ(flags & (O_ACCMODE | O_APPEND | O_CLOEXEC), O_RDWR | O_APPEND | O_CLOEXEC);
    TRUE(number_of(text, "mnt_id:\t") > 0);
    struct stat st;
    OK(fstat(fd, &st));
    EQ(number_of(text, "ino:\t"), st.st_ino);
    free(text);
    close(fd);
    FAILS(open(path, O_RDONLY), ENOENT);
    OK(unlink("data"));
}

static void listing(void)
{
    bool seen[64] = {false};
    int fd = (int)OK(dup(1));
    OK(dup2(fd, 40));
    DIR *dir = opendir("/proc/self/fd");
    TRUE(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir));) {
        int number = atoi(entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        EQ(entry->d_type, DT_LNK);
        TRUE(number < 64 && !seen[number]);
        seen[number] = true;
    }
    TRUE(seen[0] && seen[1] && seen[2] && seen[fd] && seen[40] && seen[dirfd(dir)]);
    closedir(dir);
    close(fd);
    close(40);
    struct stat st;
    FAILS(lstat("/proc/self/fd/40", &st), ENOENT);
    FAILS(lstat("/proc/self/fd/040", &st), ENOENT);
    FAILS(lstat("/proc/self/fd/x", &st), ENOENT);
    FAILS(lstat("/proc/self/fd/99999999999999", &st), ENOENT);
    FAILS(unlink("/proc/self/fd/1"), EPERM);
}

static void of_another_process(void)
{
    int fds[2];
    char path[64], text[8];
    OK(pipe(fds));
    EQ(write(fds[1], "hello", 5), 5);
    pid_t pid = idle_child();
    close(fds[0]);
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fds[0]);
    int fd = (int)OK(open(path, O_RDONLY));
    EQ(read(fd, text, 8), 5);
    close(fd);
    end_child(pid);
    FAILS(open(path, O_RDONLY), ENOENT);
    close(fds[1]);
}

int main(void)
{
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    names();
    sockets();
    deleted();
    pipe_by_name();
    info();
    listing();
    of_another_process();
    return 0;
}
