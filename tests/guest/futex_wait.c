/* SPDX-License-Identifier: MIT
 *
 * Waiting and waking, timeouts, bit sets, requeueing, WAKE_OP, futex_waitv, keys of shared memory.
 */
#include "futex_check.h"

enum { THREADS = 4 };

static volatile uint32_t word, word2;
static volatile int awake, order[THREADS];
static pid_t tids[THREADS];

struct waiter {
    int index, op;
    int priority; /* of SCHED_FIFO; 0: an ordinary thread */
    uint32_t bitset;
};

static void *wait_on_word(void *argument)
{
    const struct waiter *waiter = argument;
    struct sched_param param = {.sched_priority = waiter->priority};
    if (waiter->priority)
        OK(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param));
    tids[waiter->index] = thread_id();
    long result = futex(&word, waiter->op, 0, NULL, NULL, waiter->bitset);
    order[__atomic_fetch_add(&awake, 1, __ATOMIC_SEQ_CST)] = waiter->index;
    return (void *)result;
}

static struct waiter waiters[THREADS];
static pthread_t threads[THREADS];

/* Start waiters one after the other, so that their order is known. */
static void start_with_priorities(int count, int op, const int *priorities)
{
    awake = 0;
    memset(tids, 0, sizeof(tids));
    for (int i = 0; i < count; i++) {
        waiters[i] =
            (struct waiter){.index = i, .op = op, .priority = priorities[i], .bitset = 1u << i};
        EQ(pthread_create(&threads[i], NULL, wait_on_word, &waiters[i]), 0);
        while (!*(volatile pid_t *)&tids[i])
            usleep(100);
        wait_for_state(tids[i], "S");
    }
}

static void start(int count, int op)
{
    start_with_priorities(count, op, (const int[THREADS]){0});
}

static void await(int wanted)
{
    while (__atomic_load_n(&awake, __ATOMIC_SEQ_CST) < wanted)
        usleep(100);
    EQ(awake, wanted);
}

static void join(int index)
{
    void *result;
    EQ(pthread_join(threads[index], &result), 0);
    EQ((intptr_t)result, 0);
}

static void wake_counts(void)
{
    for (int private = 0; private <= FUTEX_PRIVATE; private += FUTEX_PRIVATE) {
        start(THREADS, FUTEX_WAIT | private);
        EQ(futex(&word, FUTEX_WAKE | private, 1, NULL, NULL, 0), 1);
        await(1);
        join(0); /* in order of arrival */
        EQ(futex(&word, FUTEX_WAKE | private, 2, NULL, NULL, 0), 2);
        await(3);
        EQ(futex(&word, FUTEX_WAKE | private, 100, NULL, NULL, 0), 1);
        for (int i = 1; i < THREADS; i++)
            join(i);
        EQ(futex(&word, FUTEX_WAKE | private, 1, NULL, NULL, 0), 0);
        EQ(futex(&word2, FUTEX_WAKE | private, 1, NULL, NULL, 0), 0);
    }
}

/* Real-time waiters go first, the highest priority before all; requeueing keeps that order. */
static void real_time_first(void)
{
    static const int priorities[THREADS] = {0, 1, 3, 1}, wanted[THREADS] = {2, 1, 3, 0};
    struct sched_param param = {.sched_priority = 1};
    if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param)) {
        EQ(errno, EPERM);
        return;
    }
    param.sched_priority = 0;
    OK(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param));
    for (int requeued = 0; requeued < 2; requeued++) {
        volatile uint32_t *from = &word;
        start_with_priorities(THREADS, FUTEX_WAIT, priorities);
        if (requeued) {
            EQ(futex2(&word, FUTEX_REQUEUE, 0, THREADS, &word2, 0), THREADS);
            from = &word2;
        }
        for (int i = 0; i < THREADS; i++) {
            EQ(futex(from, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
            await(i + 1);
            EQ(order[i], wanted[i]);
        }
        for (int i = 0; i < THREADS; i++)
            join(i);
    }
}

static void bit_sets(void)
{
    start(THREADS, FUTEX_WAIT_BITSET | FUTEX_PRIVATE);
    EQ(futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE, 100, NULL, NULL, 0x30), 0);
    EQ(futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE, 100, NULL, NULL, 0x4), 1);
    join(2);
    EQ(futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE, 100, NULL, NULL, 0x3), 2);
    join(0);
    join(1);
    EQ(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, 100, NULL, NULL, 0), 1);
    join(3);
}

static void timeouts(void)
{
    struct timespec ms20 = {.tv_nsec = 20 * MS}, when;
    long long before = now_ns(CLOCK_MONOTONIC);
    FAILS(futex(&word, FUTEX_WAIT, 0, &ms20, NULL, 0), ETIMEDOUT);
    TRUE(now_ns(CLOCK_MONOTONIC) - before >= 20 * MS);
    for (int realtime = 0; realtime <= FUTEX_REALTIME; realtime += FUTEX_REALTIME) {
        clockid_t clock = realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC;
        long long until = now_ns(clock) + 20 * MS;
        when = (struct timespec){until / 1000000000, until % 1000000000};
        FAILS(futex(&word, FUTEX_WAIT_BITSET | realtime, 0, &when, NULL, 1), ETIMEDOUT);
        TRUE(now_ns(clock) >= until);
        FAILS(futex(&word, FUTEX_WAIT_BITSET | realtime, 0, &when, NULL, 1), ETIMEDOUT);
    }
}

static void errors(void)
{
    struct timespec bad = {.tv_nsec = 1000000000}, negative = {.tv_sec = -1},
                    second = {.tv_sec = 1};
    FAILS(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
    FAILS(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0), EINVAL);
    FAILS(futex(&word, FUTEX_WAIT, 0, &negative, NULL, 0), EINVAL);
    FAILS(futex(&word, FUTEX_WAIT, 0, BAD_POINTER, NULL, 0), EFAULT);
    FAILS(futex((uint32_t *)((char *)&word + 1), FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
    FAILS(futex(BAD_POINTER, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
    FAILS(futex(BAD_POINTER, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    EQ(futex(BAD_POINTER, FUTEX_WAKE | FUTEX_PRIVATE, 1, NULL, NULL, 0), 0);
    FAILS(futex((void *)hidden(1ul << 63), FUTEX_WAKE | FUTEX_PRIVATE, 1, NULL, NULL, 0), EFAULT);
    FAILS(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);
    FAILS(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
    FAILS(futex(&word, FUTEX_WAIT | FUTEX_REALTIME, 0, &second, NULL, 0), ENOSYS);
    FAILS(futex(&word, 99, 0, NULL, NULL, 0), ENOSYS);
    FAILS(futex(&word, 2 /* FUTEX_FD */, 0, NULL, NULL, 0), ENOSYS);
    FAILS(futex2(&word, FUTEX_CMP_REQUEUE, 1, 1, &word2, 1), EAGAIN);
    FAILS(futex2(&word, FUTEX_REQUEUE, (uint32_t)-1, 1, &word2, 0), EINVAL);
    FAILS(futex2(&word, FUTEX_WAKE_OP, 1, 1, &word2, 7u << 28), ENOSYS);
}

static void requeueing(void)
{
    start(THREADS, FUTEX_WAIT | FUTEX_PRIVATE);
    EQ(futex2(&word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE, 1, 2, &word2, 0), 3);
    join(0);
    EQ(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, 100, NULL, NULL, 0), 1);
    join(3);
    usleep(10000);
    EQ(awake, 2);
    EQ(futex(&word2, FUTEX_WAKE | FUTEX_PRIVATE, 1, NULL, NULL, 0), 1);
    join(1);
    EQ(futex2(&word2, FUTEX_REQUEUE | FUTEX_PRIVATE, 0, 100, &word, 0), 1);
    EQ(futex(&word2, FUTEX_WAKE | FUTEX_PRIVATE, 100, NULL, NULL, 0), 0);
    EQ(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, 100, NULL, NULL, 0), 1);
    join(2);
}

static uint32_t op(unsigned operation, unsigned argument, unsigned comparison, unsigned with)
{
    return operation << 28 | comparison << 24 | (argument & 0xfff) << 12 | (with & 0xfff);
}

static void wake_op(void)
{
    struct {
        uint32_t before, encoded, after;
        int wakes; /* second futex */
    } cases[] = {
        {5, op(0, 7, 0, 5), 7, 1},                       /* set, == */
        {5, op(1, 3, 1, 5), 8, 0},                       /* add, != */
        {5, op(1, (unsigned)-1, 2, 6), 4, 1},            /* add -1, < */
        {5, op(2, 8, 3, 5), 13, 1},                      /* or, <= */
        {5, op(3, 4, 4, 5), 1, 0},                       /* and not, > */
        {5, op(4, 6, 5, 5), 3, 1},                       /* xor, >= */
        {5, op(2 | 8, 4, 0, 5), 21, 1},                  /* or 1 << 4 */
        {(uint32_t)-3, op(0, 0, 2, (unsigned)-2), 0, 1}, /* signed comparison */
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        start(1, FUTEX_WAIT | FUTEX_PRIVATE);
        word2 = cases[i].before;
        /* The waiter is on the first futex with count 0, and on the second with count 1. */
        EQ(futex2(&word2, FUTEX_WAKE_OP | FUTEX_PRIVATE, 1, 1, &word2, cases[i].encoded), 0);
        EQ(word2, cases[i].after);
        EQ(futex2(&word, FUTEX_WAKE_OP | FUTEX_PRIVATE, 1, 1, &word2, op(0, 0, 0, 0)), 1);
        join(0);

        /* The operation is on the waiters' own word. */
        start(1, FUTEX_WAIT | FUTEX_PRIVATE);
        word = cases[i].before;
        EQ(futex2(&word2, FUTEX_WAKE_OP | FUTEX_PRIVATE, 1, 1, &word, cases[i].encoded),
           cases[i].wakes);
        EQ(word, cases[i].after);
        if (!cases[i].wakes)
            EQ(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE, 1, NULL, NULL, 0), 1);
        join(0);
        word = word2 = 0;
    }
}

/* ---- shared memory: the key is the object, not the address ---- */

static void shared_keys(void)
{
    int fd = (int)OK(open("shared", O_RDWR | O_CREAT, 0600));
    OK(ftruncate(fd, 8192));
    uint32_t *first = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
    uint32_t *second = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint32_t *anonymous =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint32_t *waited[2] = {first + 3, anonymous + 5},
             *woken[2] = {second + 1024 + 3, anonymous + 5};
    for (int i = 0; i < 2; i++) {
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0)
            _exit(futex(waited[i], FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
        wait_for_state(pid, "S");
        EQ(futex(woken[i], FUTEX_WAKE | FUTEX_PRIVATE, 1, NULL, NULL, 0), 0);
        EQ(futex(woken[i], FUTEX_WAKE, 1, NULL, NULL, 0), 1);
        int status;
        EQ(waitpid(pid, &status, 0), pid);
        EQ(status, 0);
    }
    /* A private word is another one after fork. */
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        struct timespec ms50 = {.tv_nsec = 50 * MS};
        _exit(futex(&word, FUTEX_WAIT, 0, &ms50, NULL, 0) == -1 && errno == ETIMEDOUT ? 0 : 1);
    }
    wait_for_state(pid, "S");
    EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    int status;
    EQ(waitpid(pid, &status, 0), pid);
    EQ(status, 0);
    close(fd);
    unlink("shared");
}

/* ---- futex_waitv ---- */

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

struct futex_waitv_entry {
    uint64_t value, address;
    uint32_t flags, reserved;
};

static void *wait_for_any(void *argument)
{
    struct futex_waitv_entry entries[2] = {
        {.address = (uintptr_t)&word, .flags = FUTEX_32 | FUTEX_PRIVATE},
        {.address = (uintptr_t)&word2, .flags = FUTEX_32 | FUTEX_PRIVATE},
    };
    *(volatile pid_t *)argument = thread_id();
    return (void *)syscall(SYS_futex_waitv, entries, 2, 0, NULL, 0);
}

static void waiting_for_several(void)
{
    struct futex_waitv_entry entries[2] = {
        {.address = (uintptr_t)&word, .flags = FUTEX_32 | FUTEX_PRIVATE},
        {.address = (uintptr_t)&word2, .flags = FUTEX_32 | FUTEX_PRIVATE},
    };
    struct timespec when = {0};
    volatile uint32_t *which[2] = {&word, &word2};
    for (int i = 0; i < 2; i++) {
        volatile pid_t tid = 0;
        pthread_t thread;
        void *result;
        EQ(pthread_create(&thread, NULL, wait_for_any, (void *)&tid), 0);
        while (!tid)
            usleep(100);
        wait_for_state(tid, "S");
        EQ(futex(which[i], FUTEX_WAKE | FUTEX_PRIVATE, 1, NULL, NULL, 0), 1);
        EQ(pthread_join(thread, &result), 0);
        EQ((intptr_t)result, i);
    }
    FAILS(syscall(SYS_futex_waitv, entries, 2, 0, &when, CLOCK_MONOTONIC), ETIMEDOUT);
    FAILS(syscall(SYS_futex_waitv, entries, 2, 0, &when, 77), EINVAL);
    FAILS(syscall(SYS_futex_waitv, entries, 0, 0, NULL, 0), EINVAL);
    FAILS(syscall(SYS_futex_waitv, entries, 129, 0, NULL, 0), EINVAL);
    FAILS(syscall(SYS_futex_waitv, entries, 2, 1, NULL, 0), EINVAL);
    entries[1].value = 1;
    FAILS(syscall(SYS_futex_waitv, entries, 2, 0, NULL, 0), EAGAIN);
    entries[1].flags = FUTEX_PRIVATE;
    FAILS(syscall(SYS_futex_waitv, entries, 2, 0, NULL, 0), EINVAL);
}

int main(void)
{
    wake_counts();
    real_time_first();
    bit_sets();
    timeouts();
    errors();
    requeueing();
    wake_op();
    shared_keys();
    if (syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) == -1 && errno != ENOSYS)
        waiting_for_several();
    return 0;
}
