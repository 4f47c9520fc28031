/* SPDX-License-Identifier: MIT
 *
 * What the file system's guest tests share: checks that say what failed, and a fresh tmpfs to work
 * in.
 */
#ifndef TESTS_GUEST_FS_CHECK_H
#define TESTS_GUEST_FS_CHECK_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t fresh_pid; /* who stands in a fresh_tmpfs */
static char fresh_name[PATH_MAX];

static inline void fail_at(int line, const char *format, ...)
{
    va_list args;
    printf("line %d: ", line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
    if (fresh_pid == getpid() && chdir("/") == 0)
        umount2(fresh_name, MNT_DETACH);
    _exit(1);
}

#include "tests/guest/expect.h"

#define STR_EQ(a, b)                                                                               \
    do {                                                                                           \
        const char *a_ = (a), *b_ = (b);                                                           \
        if (strcmp(a_, b_) != 0)                                                                   \
            fail_at(__LINE__, "%s is \"%s\", not \"%s\"", #a, a_, b_);                             \
    } while (0)

/* Stand in an empty tmpfs. Skips the test where one may not mount. */
static inline void fresh_tmpfs(const char *options)
{
    umask(0);
    OK(mkdir("fs", 0755));
    if (mount("test", "fs", "tmpfs", 0, options) != 0) {
        if (errno == EPERM) {
            printf("needs the right to mount\n");
            exit(77);
        }
        fail_at(__LINE__, "mount: %s", strerror(errno));
    }
    OK(chdir("fs"));
    TRUE(getcwd(fresh_name, sizeof(fresh_name)));
    fresh_pid = getpid();
}

static inline void leave_tmpfs(void)
{
    OK(chdir(".."));
    OK(umount("fs"));
    OK(rmdir("fs"));
}

static inline void write_file(const char *name, const char *text)
{
    int fd = (int)OK(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    EQ(write(fd, text, strlen(text)), strlen(text));
    OK(close(fd));
}

static inline bool exists(const char *name)
{
    struct stat st;
    return lstat(name, &st) == 0;
}

/* Run body as a user in a child; the child's failure is the test's. */
static inline void as_user(uid_t uid, gid_t gid, void (*body)(void))
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(syscall(SYS_setgroups, 0, NULL));
        OK(syscall(SYS_setresgid, gid, gid, gid));
        OK(syscall(SYS_setresuid, uid, uid, uid));
        body();
        _exit(0);
    }
    int status;
    OK(waitpid(pid, &status, 0));
    EQ(status, 0);
}

#endif
