/* SPDX-License-Identifier: MIT
 *
 * What the guest tests of /proc share: whole files, single values.
 */
#ifndef TESTS_GUEST_PROC_CHECK_H
#define TESTS_GUEST_PROC_CHECK_H

#include "fs_check.h"

/* The file's text in a fresh buffer, terminated. */
static inline char *slurp(const char *name, size_t *out_bytes)
{
    size_t size = 65536, bytes = 0;
    char *text = malloc(size + 1);
    int fd = open(name, O_RDONLY);
    if (fd < 0)
        fail_at(__LINE__, "%s: %s", name, strerror(errno));
    for (;;) {
        ssize_t got = read(fd, text + bytes, size - bytes);
        if (got < 0)
            fail_at(__LINE__, "read of %s: %s", name, strerror(errno));
        if (got == 0)
            break;
        bytes += (size_t)got;
        if (bytes == size) {
            size *= 2;
            text = realloc(text, size + 1);
        }
    }
    close(fd);
    text[bytes] = 0;
    if (out_bytes)
        *out_bytes = bytes;
    return text;
}

static inline const char *proc_path(int pid, const char *name)
{
    static char path[4][128];
    static unsigned next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof(path[0]), "/proc/%d/%s", pid, name);
    return p;
}

/* What follows "label" at the start of a line; fails if there is none. */
static inline const char *value_of(const char *text, const char *label)
{
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        if (*line == '\n')
            line++;
        if (strncmp(line, label, strlen(label)) == 0)
            return line + strlen(label);
    }
    fail_at(__LINE__, "no line \"%s\" in:\n%s", label, text);
    return NULL;
}

static inline long long number_of(const char *text, const char *label)
{
    return strtoll(value_of(text, label), NULL, 10);
}

static inline unsigned long long hex_of(const char *text, const char *label)
{
    return strtoull(value_of(text, label), NULL, 16);
}

/* The target of a link, in a static buffer. */
static inline const char *link_of(const char *name)
{
    static char text[4096];
    ssize_t length = readlink(name, text, sizeof(text) - 1);
    if (length < 0)
        fail_at(__LINE__, "readlink %s: %s", name, strerror(errno));
    text[length] = 0;
    return text;
}

/* A child that waits to be killed. */
static inline pid_t idle_child(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

static inline void end_child(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    OK(waitpid(pid, &status, 0));
}

#endif
