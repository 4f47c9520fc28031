/* SPDX-License-Identifier: MIT */
/*
 * Policies, priorities, nice values and affinity: sched_setscheduler(2), sched_setattr(2),
 * setpriority(2), sched_setaffinity(2) and their relatives. Raw calls, because musl refuses some.
 */
#include <time.h>

#include "fs_check.h"

enum { NORMAL = 0, FIFO = 1, RR = 2, BATCH = 3, IDLE = 5, RESET_ON_FORK = 0x40000000 };
enum { PROCESS = 0, GROUP = 1, USER = 2, NOBODY = 12345, NO_PID = 4194303 };
enum { KEEP_POLICY = 8, KEEP_PARAMS = 16 };

struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};

static long set_policy(int pid, int policy, int priority)
{
    return syscall(SYS_sched_setscheduler, pid, policy, &priority);
}

static long set_param(int pid, int priority)
{
    return syscall(SYS_sched_setparam, pid, &priority);
}

static int get_param(int pid)
{
    int priority = -1;

    OK(syscall(SYS_sched_getparam, pid, &priority));
    return priority;
}

static long get_policy(int pid)
{
    return syscall(SYS_sched_getscheduler, pid);
}

#define IS(call, wanted)                                                                           \
    do {                                                                                           \
        long is_ = OK(call);                                                                       \
        if (is_ != (wanted))                                                                       \
            fail_at(__LINE__, "%s: %ld, not %ld", #call, is_, (long)(wanted));                     \
    } while (0)

/* Run body in a child that must exit with 0. */
static void in_child(void (*body)(void))
{
    int status;
    pid_t child = (pid_t)OK(fork());

    if (child == 0) {
        body();
        _exit(0);
    }
    OK(waitpid(child, &status, 0));
    if (status != 0)
        _exit(1); /* it has said why */
}

static void constants(void)
{
    IS(syscall(SYS_sched_get_priority_max, FIFO), 99);
    IS(syscall(SYS_sched_get_priority_min, FIFO), 1);
    IS(syscall(SYS_sched_get_priority_max, RR), 99);
    IS(syscall(SYS_sched_get_priority_min, RR), 1);
    IS(syscall(SYS_sched_get_priority_max, NORMAL), 0);
    IS(syscall(SYS_sched_get_priority_min, BATCH), 0);
    IS(syscall(SYS_sched_get_priority_max, IDLE), 0);
    FAILS(syscall(SYS_sched_get_priority_max, 4), EINVAL);
    FAILS(syscall(SYS_sched_get_priority_min, -1), EINVAL);
    OK(syscall(SYS_sched_yield));
}

static void errors(void)
{
    int priority = 0;

    FAILS(set_policy(-1, NORMAL, 0), EINVAL);
    FAILS(set_policy(NO_PID, NORMAL, 0), ESRCH);
    FAILS(set_policy(0, -1, 0), EINVAL);
    FAILS(set_policy(0, 4, 0), EINVAL);
    FAILS(set_policy(0, 77, 0), EINVAL);
    FAILS(set_policy(0, NORMAL, 1), EINVAL);
    FAILS(set_policy(0, FIFO, 0), EINVAL);
    FAILS(set_policy(0, FIFO, 100), EINVAL);
    FAILS(set_policy(0, FIFO, -1), EINVAL);
    FAILS(syscall(SYS_sched_setscheduler, 0, NORMAL, NULL), EINVAL);
    FAILS(syscall(SYS_sched_setscheduler, 0, NORMAL, BAD_POINTER), EFAULT);
    FAILS(syscall(SYS_sched_setparam, 0, NULL), EINVAL);
    FAILS(syscall(SYS_sched_setparam, -1, &priority), EINVAL);
    FAILS(syscall(SYS_sched_setparam, NO_PID, &priority), ESRCH);
    FAILS(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
    FAILS(syscall(SYS_sched_getparam, 0, BAD_POINTER), EFAULT);
    FAILS(syscall(SYS_sched_getparam, NO_PID, &priority), ESRCH);
    FAILS(get_policy(-1), EINVAL);
    FAILS(get_policy(NO_PID), ESRCH);
    FAILS(syscall(SYS_sched_rr_get_interval, -1, &priority), EINVAL);
    FAILS(syscall(SYS_sched_rr_get_interval, NO_PID, &priority), ESRCH);
    FAILS(syscall(SYS_sched_rr_get_interval, 0, BAD_POINTER), EFAULT);
}

static void fair_policies(void)
{
    IS(get_policy(0), NORMAL);
    IS(get_policy(getpid()), NORMAL);
    IS(get_param(0), 0);
    OK(set_policy(0, BATCH, 0));
    IS(get_policy(0), BATCH);
    OK(set_param(0, 0));
    FAILS(set_param(0, 1), EINVAL);
    OK(set_policy(0, IDLE, 0));
    IS(get_policy(0), IDLE);
    OK(set_policy(0, NORMAL | RESET_ON_FORK, 0));
    IS(get_policy(0), NORMAL | RESET_ON_FORK);
    OK(set_param(0, 0));
    IS(get_policy(0), NORMAL | RESET_ON_FORK);
    OK(set_policy(0, NORMAL, 0));
    IS(get_policy(0), NORMAL);
}

static void real_time_child(void)
{
    IS(get_policy(0), NORMAL); /* reset on fork */
    IS(get_param(0), 0);
}

static void real_time_heir(void)
{
    IS(get_policy(0), RR);
    IS(get_param(0), 7);
}

static void real_time(void)
{
    struct timespec quantum;

    if (set_policy(0, FIFO, 10) < 0 && errno == EPERM)
        return; /* not here */
    IS(get_policy(0), FIFO);
    IS(get_param(0), 10);
    OK(syscall(SYS_sched_rr_get_interval, 0, &quantum));
    if (quantum.tv_sec != 0 || quantum.tv_nsec != 0)
        fail_at(__LINE__, "FIFO has a quantum");
    OK(set_param(0, 20));
    IS(get_param(0), 20);
    FAILS(set_param(0, 0), EINVAL);
    OK(set_policy(0, RR, 7));
    OK(syscall(SYS_sched_rr_get_interval, 0, &quantum));
    if (quantum.tv_sec != 0 || quantum.tv_nsec <= 0)
        fail_at(__LINE__, "RR has no quantum");
    in_child(real_time_heir);
    OK(set_policy(0, RR | RESET_ON_FORK, 7));
    in_child(real_time_child);
    OK(set_policy(0, NORMAL, 0));
    IS(get_param(0), 0);
}

static void attributes(void)
{
    struct attr attr, big[2];
    uint32_t size;

    memset(&attr, 0, sizeof attr);
    FAILS(syscall(SYS_sched_getattr, 0, NULL, sizeof attr, 0), EINVAL);
    FAILS(syscall(SYS_sched_getattr, 0, &attr, 47, 0), EINVAL);
    FAILS(syscall(SYS_sched_getattr, 0, &attr, 4097, 0), EINVAL);
    FAILS(syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 1), EINVAL);
    FAILS(syscall(SYS_sched_getattr, -1, &attr, sizeof attr, 0), EINVAL);
    FAILS(syscall(SYS_sched_getattr, NO_PID, &attr, sizeof attr, 0), ESRCH);
    FAILS(syscall(SYS_sched_getattr, 0, BAD_POINTER, sizeof attr, 0), EFAULT);
    OK(syscall(SYS_sched_getattr, 0, &attr, 48, 0));
    IS(attr.size, 48);
    IS(attr.policy, NORMAL);
    IS(attr.nice, 0);

    attr = (struct attr){.size = 48, .policy = BATCH, .nice = 5};
    OK(syscall(SYS_sched_setattr, 0, &attr, 0));
    IS(get_policy(0), BATCH);
    IS(syscall(SYS_getpriority, PROCESS, 0), 15);
    attr = (struct attr){.size = 0, .policy = NORMAL, .nice = 6, .flags = 1};
    OK(syscall(SYS_sched_setattr, 0, &attr, 0));
    IS(get_policy(0), NORMAL | RESET_ON_FORK);
    attr = (struct attr){.size = 48, .policy = NORMAL, .nice = 100};
    OK(syscall(SYS_sched_setattr, 0, &attr, 0));
    IS(syscall(SYS_getpriority, PROCESS, 0), 1);
    attr = (struct attr){.size = 48, .policy = 77, .nice = 10, .flags = KEEP_POLICY};
    OK(syscall(SYS_sched_setattr, 0, &attr, 0));
    IS(syscall(SYS_getpriority, PROCESS, 0), 10);
    attr = (struct attr){.size = 48, .policy = BATCH, .nice = 3, .flags = KEEP_PARAMS | 1};
    OK(syscall(SYS_sched_setattr, 0, &attr, 0)); /* changes the flag only */
    IS(syscall(SYS_getpriority, PROCESS, 0), 10);
    IS(get_policy(0), NORMAL | RESET_ON_FORK);

    FAILS(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
    FAILS(syscall(SYS_sched_setattr, 0, &attr, 1), EINVAL);
    FAILS(syscall(SYS_sched_setattr, -1, &attr, 0), EINVAL);
    FAILS(syscall(SYS_sched_setattr, NO_PID, &attr, 0), ESRCH);
    FAILS(syscall(SYS_sched_setattr, 0, BAD_POINTER, 0), EFAULT);
    attr = (struct attr){.size = 48, .policy = FIFO};
    FAILS(syscall(SYS_sched_setattr, 0, &attr, 0), EINVAL);
    attr = (struct attr){.size = 48, .policy = NORMAL, .flags = 1ull << 40};
    FAILS(syscall(SYS_sched_setattr, 0, &attr, 0), EINVAL);
    attr = (struct attr){.size = 47};
    FAILS(syscall(SYS_sched_setattr, 0, &attr, 0), E2BIG);
    size = attr.size;
    if (size < 48)
        fail_at(__LINE__, "a short attr is not told the right size: %u", size);
    memset(big, 0, sizeof big);
    big[0].size = sizeof big;
    OK(syscall(SYS_sched_setattr, 0, big, 0));
    memset(&big[1], 1, sizeof big[1]);
    big[0].size = sizeof big;
    FAILS(syscall(SYS_sched_setattr, 0, big, 0), E2BIG);
    OK(syscall(SYS_setpriority, PROCESS, 0, 0));
}

static void nice_values(void)
{
    IS(syscall(SYS_getpriority, PROCESS, 0), 20);
    OK(syscall(SYS_setpriority, PROCESS, 0, 4));
    IS(syscall(SYS_getpriority, PROCESS, getpid()), 16);
    OK(syscall(SYS_setpriority, PROCESS, 0, 1000));
    IS(syscall(SYS_getpriority, PROCESS, 0), 1);
    OK(syscall(SYS_setpriority, PROCESS, 0, -1000));
    IS(syscall(SYS_getpriority, PROCESS, 0), 40);
    OK(setpgid(0, 0));
    OK(syscall(SYS_setpriority, GROUP, 0, 7));
    IS(syscall(SYS_getpriority, GROUP, getpid()), 13);
    IS(syscall(SYS_getpriority, PROCESS, 0), 13);
    FAILS(syscall(SYS_getpriority, 3, 0), EINVAL);
    FAILS(syscall(SYS_getpriority, -1, 0), EINVAL);
    FAILS(syscall(SYS_getpriority, PROCESS, NO_PID), ESRCH);
    FAILS(syscall(SYS_getpriority, GROUP, NO_PID), ESRCH);
    FAILS(syscall(SYS_setpriority, PROCESS, NO_PID, 0), ESRCH);
    FAILS(syscall(SYS_setpriority, 3, 0, 0), EINVAL);
    FAILS(syscall(SYS_getpriority, USER, 2000000001), ESRCH);
    if (OK(syscall(SYS_getpriority, USER, 0)) < 13)
        fail_at(__LINE__, "getpriority(USER) does not find the best of the user's");
}

/* What is not allowed without CAP_SYS_NICE. */
static void unprivileged(void)
{
    struct attr attr = {.size = 48, .policy = NORMAL, .nice = -5};
    unsigned long mask = 1;

    OK(setgid(NOBODY));
    OK(setuid(NOBODY));
    FAILS(syscall(SYS_setpriority, PROCESS, 0, -1), EACCES);
    FAILS(syscall(SYS_setpriority, PROCESS, 1, 5), EPERM);
    OK(syscall(SYS_setpriority, PROCESS, 0, 5));
    FAILS(syscall(SYS_setpriority, PROCESS, 0, 4), EACCES);
    OK(syscall(SYS_setpriority, PROCESS, 0, 5));
    FAILS(set_policy(0, FIFO, 1), EPERM);
    FAILS(set_policy(1, BATCH, 0), EPERM);
    FAILS(syscall(SYS_sched_setattr, 0, &attr, 0), EPERM);
    FAILS(syscall(SYS_sched_setaffinity, 1, sizeof mask, &mask), EPERM);
    OK(set_policy(0, BATCH | RESET_ON_FORK, 0));
    FAILS(set_policy(0, BATCH, 0), EPERM);
    OK(set_policy(0, IDLE | RESET_ON_FORK, 0));
    FAILS(set_policy(0, NORMAL | RESET_ON_FORK, 0), EPERM);
}

static void affinity(void)
{
    unsigned long mask[16] = {0}, one[16] = {0}, back[16] = {0}, none[16] = {0};
    unsigned cpu = 0, here = 1000, node = 1000;
    long bytes = OK(syscall(SYS_sched_getaffinity, 0, sizeof mask, mask));

    if (bytes < 8 || bytes % 8 != 0 || mask[0] == 0)
        fail_at(__LINE__, "sched_getaffinity: %ld bytes, %#lx", bytes, mask[0]);
    while (!(mask[0] >> cpu & 1))
        cpu++;
    one[0] = 1ul << cpu;
    OK(syscall(SYS_sched_setaffinity, 0, sizeof one, one));
    IS(syscall(SYS_sched_getaffinity, 0, sizeof back, back), bytes);
    if (memcmp(one, back, sizeof one) != 0)
        fail_at(__LINE__, "affinity is %#lx, not %#lx", back[0], one[0]);
    OK(syscall(SYS_getcpu, &here, &node, NULL));
    if (here != cpu || node == 1000)
        fail_at(__LINE__, "on CPU %u node %u, not %u", here, node, cpu);
    OK(syscall(SYS_getcpu, NULL, NULL, NULL));
    FAILS(syscall(SYS_getcpu, BAD_POINTER, NULL, NULL), EFAULT);
    FAILS(syscall(SYS_sched_setaffinity, 0, sizeof none, none), EINVAL);
    FAILS(syscall(SYS_sched_setaffinity, 0, 0, one), EINVAL);
    FAILS(syscall(SYS_sched_setaffinity, NO_PID, sizeof one, one), ESRCH);
    FAILS(syscall(SYS_sched_setaffinity, 0, sizeof one, BAD_POINTER), EFAULT);
    FAILS(syscall(SYS_sched_getaffinity, 0, 0, back), EINVAL);
    FAILS(syscall(SYS_sched_getaffinity, 0, 9, back), EINVAL);
    FAILS(syscall(SYS_sched_getaffinity, NO_PID, sizeof back, back), ESRCH);
    FAILS(syscall(SYS_sched_getaffinity, 0, sizeof back, BAD_POINTER), EFAULT);
    OK(syscall(SYS_sched_setaffinity, 0, sizeof mask, mask));
}

int main(void)
{
    constants();
    errors();
    in_child(fair_policies);
    in_child(real_time);
    in_child(attributes);
    in_child(nice_values);
    in_child(affinity);
    if (getuid() == 0)
        in_child(unprivileged);
    return 0;
}
