/* SPDX-License-Identifier: MIT
 *
 * Host calls of the stub engine: shared futexes and process descriptors.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hal-hosted/engine/stub/stub_internal.h"

/* Between processes, so not FUTEX_PRIVATE. */
void stub_futex_wait(uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
    struct timespec timeout = {
        .tv_sec = (time_t)(timeout_ns / 1000000000u),
        .tv_nsec = (long)(timeout_ns % 1000000000u),
    };

    syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

void stub_futex_wake(uint32_t *word)
{
    int saved_errno = errno;

    syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    errno = saved_errno;
}

bool stub_pidfd_dead(int pidfd)
{
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 1;
}

/* One of them is dead. */
bool stub_pidfds_dead(int one, int other)
{
    struct pollfd polls[2] = {{.fd = one, .events = POLLIN}, {.fd = other, .events = POLLIN}};

    return poll(polls, 2, 0) > 0;
}

void stub_pidfd_signal(int pidfd, int signal)
{
    syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int stub_pidfd_pid(int pidfd)
{
    char path[48], line[80];
    FILE *info;
    int pid = -1;

    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    info = fopen(path, "re");
    if (!info) {
        return -1;
    }
    while (fgets(line, sizeof line, info) && sscanf(line, "Pid: %d", &pid) != 1) {
    }
    fclose(info);
    return pid > 0 ? pid : -1;
}

/* CPU time that a process has used, and whether it sleeps; 0 and false if the host does not tell.
 */
void stub_pidfd_usage(int pidfd, uint64_t *cpu_ns, bool *sleeps)
{
    struct timespec used = {0};
    clockid_t clock;
    int pid = stub_pidfd_pid(pidfd);
    char path[48], state = '?';
    FILE *stat;

    *cpu_ns = 0;
    *sleeps = false;
    if (pid < 0) {
        return;
    }
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &used) == 0) {
        *cpu_ns = (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
    }
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    stat = fopen(path, "re");
    if (stat) {
        *sleeps = fscanf(stat, "%*d (%*[^)]) %c", &state) == 1 && state == 'S';
        fclose(stat);
    }
}

/* PAUSE takes from 10 to 140 cycles, depending on the CPU. */
uint32_t stub_pauses_for(uint64_t ns)
{
    enum { SAMPLE = 2000 };
    uint64_t best = UINT64_MAX;

    for (int round = 0; round < 3; round++) {
        uint64_t start = host_monotonic_ns(), took;
        for (int i = 0; i < SAMPLE; i++) {
            __builtin_ia32_pause();
        }
        took = host_monotonic_ns() - start;
        best = took < best ? took : best;
    }
    return (uint32_t)(ns * SAMPLE / (best ? best : 1)) + 1;
}
