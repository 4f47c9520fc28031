/* SPDX-License-Identifier: MIT
 *
 * What the tests of control groups share: a group of each case's own in a cgroup2 mount that nobody
 * else sees, and short ways to its files. The case runs in a child; its parent removes what it
 * left.
 */
#ifndef TESTS_GUEST_CGROUP_CHECK_H
#define TESTS_GUEST_CGROUP_CHECK_H

#include "guest.h"

#include <ftw.h>
#include <sys/mount.h>

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

static char cgroup_mount[64], cgroup_top[128];

/* A name below the case's own group ("": itself); eight are valid at a time. */
static inline const char *in_group(const char *name)
{
    static char names[8][320];
    static unsigned next;
    char *text = names[next++ % 8];
    snprintf(text, sizeof(names[0]), "%s%s%s", cgroup_top, name[0] ? "/" : "", name);
    return text;
}

/* The text of a file, or "" if it cannot be read. */
static inline const char *text_of_path(const char *path)
{
    static char texts[4][4096];
    static unsigned next;
    char *text = texts[next++ % 4];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(texts[0]) - 1);
    if (fd >= 0)
        close(fd);
    text[length < 0 ? 0 : length] = '\0';
    return text;
}

static inline const char *group_text(const char *name)
{
    return text_of_path(in_group(name));
}

/* One write; 0 or -1 with errno. */
static inline int group_write(const char *name, const char *text)
{
    int fd = open(in_group(name), O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t done = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    errno = error;
    return done < 0 ? -1 : 0;
}

static inline int group_add(const char *name, pid_t pid)
{
    char file[128], number[16];
    snprintf(file, sizeof(file), "%s%scgroup.procs", name, name[0] ? "/" : "");
    snprintf(number, sizeof(number), "%d", pid);
    return group_write(file, number);
}

static inline bool group_has(const char *file, pid_t pid)
{
    char text[4100], line[24];
    snprintf(text, sizeof(text), "\n%s", group_text(file));
    snprintf(line, sizeof(line), "\n%d\n", pid);
    return strstr(text, line) != NULL;
}

static inline bool group_is(const char *file, const char *line)
{
    return strstr(group_text(file), line) != NULL;
}

static int cgroup_remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)where;
    if (type == FTW_DP)
        rmdir(path);
    return 0;
}

/* Run the case in a group of its own. */
static inline void with_group(void (*body)(void))
{
    if (geteuid() != 0)
        skip("needs root");
    strcpy(cgroup_mount, "/tmp/cgroup.XXXXXX");
    if (!mkdtemp(cgroup_mount) || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", cgroup_mount, "cgroup2", 0, NULL) != 0) {
        rmdir(cgroup_mount);
        skip("no cgroup2 may be mounted");
    }
    snprintf(cgroup_top, sizeof(cgroup_top), "%s/assay-test-%d", cgroup_mount, getpid());
    if (mkdir(cgroup_top, 0755) != 0) {
        umount2(cgroup_mount, MNT_DETACH);
        rmdir(cgroup_mount);
        skip("no group may be made");
    }
    pid_t pid = fork();
    if (pid == 0) {
        alarm(GUEST_CASE_SECONDS);
        body();
        _exit(0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    group_write("cgroup.kill", "1");
    group_write("cgroup.freeze", "0");
    for (int tries = 0; group_is("cgroup.events", "populated 1") && tries < 2000; tries++)
        sleep_ms(2);
    nftw(cgroup_top, cgroup_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    umount2(cgroup_mount, MNT_DETACH);
    rmdir(cgroup_mount);
    if (WIFEXITED(status))
        _exit(WEXITSTATUS(status));
    fail_at(__LINE__, "ended by status 0x%x", status);
}

/* clone3(2) with CLONE_INTO_CGROUP: a process that starts in the group behind the descriptor. */
static inline pid_t fork_into(int group)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
            set_tid_size, cgroup;
    } args = {.flags = 0x200000000ull, .exit_signal = SIGCHLD, .cgroup = (uint64_t)group};
    return (pid_t)syscall(435, &args, sizeof(args));
}

/* A child that sleeps until it is killed; killed and waited for by end(). */
static inline pid_t start_sleeper(void)
{
    pid_t pid = (pid_t)OK(fork());
    while (pid == 0)
        pause();
    return pid;
}

static inline void end_sleeper(pid_t pid)
{
    OK(kill(pid, SIGKILL));
    WAIT(pid);
}

#endif
