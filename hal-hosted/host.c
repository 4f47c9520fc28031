/* SPDX-License-Identifier: MIT
 *
 * Clock, futex and fatal errors (host.h).
 */
#include "hal-hosted/host.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "hal-hosted/terminal.h"

uint64_t host_monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void host_futex_wait(uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    struct timespec until = {
        .tv_sec = (time_t)(deadline_ns / 1000000000u),
        .tv_nsec = (long)(deadline_ns % 1000000000u),
    };

    syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
            deadline_ns == UINT64_MAX ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
}

void host_futex_wake(uint32_t *word)
{
    int saved_errno = errno;

    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX, NULL, NULL, 0);
    errno = saved_errno;
}

void host_yield(void)
{
    syscall(SYS_sched_yield);
}

void host_fatal(const char *text)
{
    struct iovec line[3] = {
        {.iov_base = (char *)"assay: ", .iov_len = 7},
        {.iov_base = (char *)text, .iov_len = strlen(text)},
        {.iov_base = (char *)"\n", .iov_len = 1},
    };

    host_terminal_restore_all();
    if (writev(STDERR_FILENO, line, 3) < 0) {
        /* nowhere to complain */
    }
    abort();
}
