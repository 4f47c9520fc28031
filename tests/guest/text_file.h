/* SPDX-License-Identifier: MIT
 *
 * Small text files of the kernel (in /proc): read whole, and written by one write.
 */
#ifndef TESTS_GUEST_TEXT_FILE_H
#define TESTS_GUEST_TEXT_FILE_H

#include "tests/guest/guest.h"

/* The whole file, terminated; good until the fourth call from now. */
static inline const char *text_of(const char *path)
{
    static char texts[4][8192];
    static unsigned next;
    char *text = texts[next++ % 4];
    size_t length = 0;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail_at(__LINE__, "%s: %s", path, strerror(errno));
    while ((got = OK(read(fd, text + length, sizeof(texts[0]) - 1 - length))) > 0)
        length += (size_t)got;
    text[length] = '\0';
    OK(close(fd));
    return text;
}

/* What write(2) returned, with its errno. */
static inline ssize_t put_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t result = write(fd, text, strlen(text));
    int error = errno;
    OK(close(fd));
    errno = error;
    return result;
}

#endif
