/* SPDX-License-Identifier: MIT
 *
 * The frame of a guest test: named cases, each run in a process of its own with a time limit, and
 * checks that say in one line what failed.
 *
 *     static void fork_copies_memory(void) { … OK(fork()) … EQ(a, b) … }
 *     GUEST_MAIN(CASE(fork_copies_memory), CASE(…))
 *
 * A program that its own cases execute again has a main of its own around GUEST_CASES.
 */
#ifndef TESTS_GUEST_GUEST_H
#define TESTS_GUEST_GUEST_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GUEST_SKIPPED = 77, GUEST_CASE_SECONDS = 30 };

static const char *guest_case_name = "main";

/* Ends this process; one that was forked by a case must be waited for with child_ok. */
__attribute__((noreturn, format(printf, 2, 3))) static inline void fail_at(int line,
                                                                           const char *format, ...)
{
    char text[512];
    va_list args;
    int length = snprintf(text, sizeof(text), "%s: line %d: ", guest_case_name, line);
    va_start(args, format);
    length += vsnprintf(text + length, sizeof(text) - (size_t)length - 1, format, args);
    va_end(args);
    if (length > (int)sizeof(text) - 2)
        length = sizeof(text) - 2;
    text[length++] = '\n';
    if (write(STDOUT_FILENO, text, (size_t)length) < 0)
        _exit(1);
    _exit(1);
}

__attribute__((noreturn)) static inline void skip(const char *why)
{
    printf("%s: %s\n", guest_case_name, why);
    fflush(stdout);
    _exit(GUEST_SKIPPED);
}

/* Settings of the whole machine (its clock, sysctls) are not touched from inside a container:
 * others share them. */
static inline void need_own_machine(void)
{
    const ino_t first_pid_namespace = 0xeffffffcu;
    struct stat st;
    if (stat("/proc/self/ns/pid", &st) != 0 || st.st_ino != first_pid_namespace)
        skip("the machine is shared with others");
}

#include "tests/guest/expect.h"

#define STR_EQ(a, b)                                                                               \
    do {                                                                                           \
        const char *a_ = (a), *b_ = (b);                                                           \
        if (strcmp(a_, b_) != 0)                                                                   \
            fail_at(__LINE__, "%s is \"%s\", not \"%s\"", #a, a_, b_);                             \
    } while (0)

/* ---- time ---- */

static inline uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void sleep_ms(unsigned ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        continue;
}

/* Wait (at most ten seconds) until something becomes true. */
#define EVENTUALLY(condition)                                                                      \
    do {                                                                                           \
        uint64_t until_ = now_ms() + 10000;                                                        \
        while (!(condition)) {                                                                     \
            if (now_ms() > until_)                                                                 \
                fail_at(__LINE__, "never true: %s", #condition);                                   \
            sleep_ms(2);                                                                           \
        }                                                                                          \
    } while (0)

/* ---- children ---- */

/* fork that never returns in the child: it runs body(argument) and exits with 0. */
static inline pid_t spawn(void (*body)(void *argument), void *argument)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        body(argument);
        _exit(0);
    }
    return pid;
}

/* Wait for a child by wait4; its status word. */
#define WAIT(pid)                                                                                  \
    ({                                                                                             \
        int status_ = -1;                                                                          \
        pid_t pid_ = (pid);                                                                        \
        EQ(OK(waitpid(pid_, &status_, __WALL)), pid_);                                             \
        status_;                                                                                   \
    })

/* Wait for a child that must exit with 0; if it failed it has said why. */
#define CHILD_OK(pid)                                                                              \
    do {                                                                                           \
        int ok_status_ = WAIT(pid);                                                                \
        if (WIFEXITED(ok_status_) && WEXITSTATUS(ok_status_) == 1)                                 \
            _exit(1);                                                                              \
        EQ(ok_status_, 0);                                                                         \
    } while (0)

/* The state letter of a process in /proc/PID/stat, 0 if there is none. */
static inline char process_state(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    char *after = strrchr(text, ')');
    return after && after[1] == ' ' ? after[2] : 0;
}

/* ---- files ---- */

static inline void write_file(const char *name, const void *bytes, size_t count, mode_t mode)
{
    int fd = (int)OK(open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    EQ(write(fd, bytes, count), count);
    OK(fchmod(fd, mode));
    OK(close(fd));
}

static inline void write_text(const char *name, const char *text, mode_t mode)
{
    write_file(name, text, strlen(text), mode);
}

/* A pipe's two ends as one event: sent by closing or writing, awaited by reading. */
struct gate {
    int fds[2];
};

static inline struct gate gate_make(void)
{
    struct gate gate;
    OK(pipe2(gate.fds, O_CLOEXEC));
    return gate;
}

static inline void gate_open(struct gate *gate)
{
    EQ(write(gate->fds[1], "x", 1), 1);
}

static inline void gate_pass(struct gate *gate)
{
    char c;
    ssize_t got;
    do {
        got = read(gate->fds[0], &c, 1);
    } while (got < 0 && errno == EINTR);
    EQ(got, 1);
}

/* ---- the program itself ---- */

/* Path of this program, for cases that execute it again. */
static inline const char *guest_self(void)
{
    static char path[PATH_MAX];
    if (!path[0]) {
        ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
        if (length <= 0)
            fail_at(__LINE__, "readlink /proc/self/exe: %s", strerror(errno));
    }
    return path;
}

struct guest_case {
    const char *name;
    void (*body)(void);
};

#define CASE(name_)                                                                                \
    {                                                                                              \
        .name = #name_, .body = name_                                                              \
    }

static inline void guest_timeout(int signo)
{
    (void)signo;
    fail_at(0, "still running after %d seconds", GUEST_CASE_SECONDS);
}

static inline int guest_run_case(const struct guest_case *test)
{
    int status;
    guest_case_name = test->name;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGALRM, guest_timeout);
        alarm(GUEST_CASE_SECONDS);
        test->body();
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        printf("%s: cannot run: %s\n", test->name, strerror(errno));
        return 1;
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    printf("%s: killed by signal %d\n", test->name, WTERMSIG(status));
    return 1;
}

/* Run all cases, or the one whose name is given. Exits with 77 if one was skipped and none failed.
 */
static inline int guest_main(int argc, char **argv, const struct guest_case *cases, size_t count)
{
    int result = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (setsid() < 0) /* away from whoever started us, and from a terminal */
        setpgid(0, 0);
    for (size_t i = 0; i < count; i++) {
        if (argc > 1 && strcmp(argv[1], cases[i].name) != 0)
            continue;
        int status = guest_run_case(&cases[i]);
        if (status == GUEST_SKIPPED && result == 0)
            result = GUEST_SKIPPED;
        else if (status != 0 && status != GUEST_SKIPPED)
            return 1;
    }
    return result;
}

#define GUEST_CASES(...)                                                                           \
    static const struct guest_case guest_cases[] = {__VA_ARGS__};                                  \
    static int guest_run_all(int argc, char **argv)                                                \
    {                                                                                              \
        return guest_main(argc, argv, guest_cases, sizeof(guest_cases) / sizeof(guest_cases[0]));  \
    }

#define GUEST_MAIN(...)                                                                            \
    GUEST_CASES(__VA_ARGS__)                                                                       \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        return guest_run_all(argc, argv);                                                          \
    }

#endif
