/* SPDX-License-Identifier: MIT
 *
 * Futexes with owners: priority inheritance, robust lists, the word that a thread's end clears.
 */
#include "futex_check.h"

#include <sched.h>
#include <stddef.h>

static volatile uint32_t *word, *condition; /* in shared memory */
static volatile int step;

static uint32_t me(void)
{
    return (uint32_t)thread_id();
}

/* ---- PI: taking and giving ---- */

static void alone(void)
{
    *word = 0;
    OK(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    EQ(*word, me());
    FAILS(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EDEADLK);
    FAILS(futex(word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EDEADLK);
    OK(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    EQ(*word, 0);
    FAILS(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
    OK(futex(word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    OK(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    *word = 0x3ffffff0; /* nobody */
    FAILS(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), ESRCH);
    FAILS(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
    *word = FUTEX_OWNER_DIED; /* left by a dead owner: ours, with the mark */
    OK(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    EQ(*word, me() | FUTEX_OWNER_DIED);
    *word = 0;
    FAILS(futex(BAD_POINTER, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EFAULT);
}

static volatile pid_t waiter_tid;

static void *lock_and_unlock(void *argument)
{
    (void)argument;
    waiter_tid = thread_id();
    if (futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0))
        return (void *)(intptr_t)errno;
    if ((*word & FUTEX_TID_MASK) != me())
        return (void *)1000;
    __atomic_fetch_add(&step, 1, __ATOMIC_SEQ_CST);
    if (futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0))
        return (void *)(intptr_t)errno;
    return NULL;
}

static pthread_t start(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    waiter_tid = 0;
    EQ(pthread_create(&thread, NULL, body, argument), 0);
    while (!waiter_tid)
        usleep(100);
    wait_for_state(waiter_tid, "S");
    return thread;
}

static void join(pthread_t thread, intptr_t wanted)
{
    void *result;
    EQ(pthread_join(thread, &result), 0);
    EQ((intptr_t)result, wanted);
}

static void handed_over(void)
{
    struct timespec when;
    *word = 0;
    step = 0;
    OK(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    pthread_t first = start(lock_and_unlock, NULL), second = start(lock_and_unlock, NULL);
    EQ(*word, me() | FUTEX_WAITERS);
    OK(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    join(first, 0);
    join(second, 0);
    EQ(step, 2);
    EQ(*word & FUTEX_TID_MASK, 0);

    /* A timeout (of the wall clock for LOCK_PI, of either for LOCK_PI2) leaves the owner alone. */
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        long long until = now_ns(CLOCK_REALTIME) + 20 * MS;
        *word = (uint32_t)getppid();
        when = (struct timespec){until / 1000000000, until % 1000000000};
        FAILS(futex(word, FUTEX_LOCK_PI, 0, &when, NULL, 0), ETIMEDOUT);
        TRUE(now_ns(CLOCK_REALTIME) >= until);
        EQ(*word & FUTEX_TID_MASK, (uint32_t)getppid());
        FAILS(futex(word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EAGAIN);
        until = now_ns(CLOCK_MONOTONIC) + 20 * MS;
        when = (struct timespec){until / 1000000000, until % 1000000000};
        FAILS(futex(word, FUTEX_LOCK_PI2, 0, &when, NULL, 0), ETIMEDOUT);
        _exit(0);
    }
    int status;
    EQ(waitpid(pid, &status, 0), pid);
    EQ(status, 0);
    OK(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0)); /* the word still says that we own it */
    EQ(*word, 0);
}

/* Two threads that each own what the other wants. */
static void *lock_other(void *argument)
{
    volatile uint32_t *second = word + 1;
    (void)argument;
    OK(futex(second, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    waiter_tid = thread_id();
    OK(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    OK(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    OK(futex(second, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    return NULL;
}

static void deadlock(void)
{
    *word = word[1] = 0;
    OK(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    pthread_t thread = start(lock_other, NULL);
    FAILS(futex(word + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EDEADLK);
    OK(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    join(thread, 0);
}

/* The owner exits with the lock held: the waiter gets it, marked. */
static void *lock_and_leave(void *argument)
{
    (void)argument;
    OK(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    step = 1;
    while (step == 1)
        usleep(1000);
    return NULL;
}

static void *lock_after_death(void *argument)
{
    (void)argument;
    waiter_tid = thread_id();
    if (futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0))
        return (void *)(intptr_t)errno;
    uint32_t value = *word;
    OK(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    return (value & FUTEX_TID_MASK) == me() && (value & FUTEX_OWNER_DIED) ? NULL : (void *)1;
}

static void the_owner_dies(void)
{
    pthread_t owner;
    *word = 0;
    step = 0;
    EQ(pthread_create(&owner, NULL, lock_and_leave, NULL), 0);
    while (step != 1)
        usleep(100);
    pthread_t waiter = start(lock_after_death, NULL);
    step = 2;
    join(owner, 0);
    join(waiter, 0);
    EQ(*word & FUTEX_TID_MASK, 0);
}

/* ---- PI condition variables ---- */

static void *wait_requeue(void *argument)
{
    (void)argument;
    waiter_tid = thread_id();
    long result = futex(condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, word, 0);
    if (result)
        return (void *)(intptr_t)errno;
    if ((*word & FUTEX_TID_MASK) != me())
        return (void *)1000;
    __atomic_fetch_add(&step, 1, __ATOMIC_SEQ_CST);
    OK(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    return NULL;
}

static void requeued_to_a_pi_futex(void)
{
    pthread_t threads[3];
    *word = *condition = 0;
    step = 0;
    for (int i = 0; i < 3; i++)
        threads[i] = start(wait_requeue, NULL);
    FAILS(futex2(condition, FUTEX_CMP_REQUEUE_PI, 1, 100, word, 1), EAGAIN);
    FAILS(futex2(condition, FUTEX_CMP_REQUEUE_PI, 2, 100, word, 0), EINVAL);
    FAILS(futex(condition, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
    /* While we own the lock all wait for it. */
    OK(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    EQ(futex2(condition, FUTEX_CMP_REQUEUE_PI, 1, 100, word, 0), 3);
    usleep(20000);
    EQ(step, 0);
    OK(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    for (int i = 0; i < 3; i++)
        join(threads[i], 0);
    EQ(step, 3);
    EQ(*word & FUTEX_TID_MASK, 0);

    /* If it is free the first waiter owns it at once. */
    step = 0;
    pthread_t thread = start(wait_requeue, NULL);
    EQ(futex2(condition, FUTEX_CMP_REQUEUE_PI, 1, 0, word, 0), 1);
    join(thread, 0);
    EQ(step, 1);

    struct timespec when = {0};
    FAILS(futex(condition, FUTEX_WAIT_REQUEUE_PI, 0, &when, word, 0), ETIMEDOUT);
    FAILS(futex(condition, FUTEX_WAIT_REQUEUE_PI, 1, NULL, word, 0), EAGAIN);
    FAILS(futex(condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, condition, 0), EINVAL);
}

/* The C library's mutexes, in all their kinds, under load. */
static pthread_mutex_t mutex;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static int total;

static void *count_up(void *argument)
{
    for (int i = 0; i < 300; i++) {
        pthread_mutex_lock(&mutex);
        int copy = total;
        if (i % 50 == 0)
            sched_yield();
        total = copy + 1;
        if (argument && i % 10 == 0)
            pthread_cond_broadcast(&ready);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void library_mutexes(void)
{
    int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT};
    for (int p = 0; p < 2; p++) {
        pthread_mutexattr_t attributes;
        pthread_t threads[4];
        pthread_mutexattr_init(&attributes);
        if (pthread_mutexattr_setprotocol(&attributes, protocols[p]))
            continue;
        EQ(pthread_mutex_init(&mutex, &attributes), 0);
        total = 0;
        for (int i = 0; i < 4; i++)
            EQ(pthread_create(&threads[i], NULL, count_up, i ? NULL : &ready), 0);
        pthread_mutex_lock(&mutex);
        while (total < 600) {
            struct timespec when;
            clock_gettime(CLOCK_REALTIME, &when);
            when.tv_nsec += 1000000;
            if (when.tv_nsec >= 1000000000) {
                when.tv_sec++;
                when.tv_nsec -= 1000000000;
            }
            pthread_cond_timedwait(&ready, &mutex, &when);
        }
        pthread_mutex_unlock(&mutex);
        for (int i = 0; i < 4; i++)
            EQ(pthread_join(threads[i], NULL), 0);
        EQ(total, 1200);
        pthread_mutex_destroy(&mutex);
    }
}

/* ---- robust lists ---- */

struct robust_node {
    struct robust_node *next;
    uint32_t futex, padding;
};

struct robust_head {
    struct robust_node *first;
    long offset;
    struct robust_node *pending;
};

static struct robust_head *head;
static struct robust_node *nodes;

static void robust_owner(void)
{
    uint32_t tid = me();
    head->offset = offsetof(struct robust_node, futex);
    head->first = &nodes[0];
    nodes[0] = (struct robust_node){.next = &nodes[1], .futex = tid | FUTEX_WAITERS};
    nodes[1] = (struct robust_node){.next = (struct robust_node *)head, .futex = tid};
    nodes[2] = (struct robust_node){.futex = tid + 1}; /* not ours after all */
    nodes[3] = (struct robust_node){.futex = tid};     /* being taken */
    head->pending = &nodes[3];
    OK(syscall(SYS_set_robust_list, head, sizeof(*head)));
    for (;;)
        pause();
}

static void robust_lists(void)
{
    struct robust_head *got;
    size_t size;
    int status;
    OK(syscall(SYS_get_robust_list, 0, &got, &size));
    EQ(size, sizeof(*head));
    FAILS(syscall(SYS_set_robust_list, head, 8), EINVAL);
    FAILS(syscall(SYS_get_robust_list, 0x3ffffff0, &got, &size), ESRCH);
    FAILS(syscall(SYS_get_robust_list, 0, BAD_POINTER, &size), EFAULT);

    pid_t owner = (pid_t)OK(fork());
    if (owner == 0)
        robust_owner();
    wait_for_state(owner, "S");
    pid_t waiter = (pid_t)OK(fork());
    if (waiter == 0)
        _exit(futex(&nodes[0].futex, FUTEX_WAIT, (uint32_t)owner | FUTEX_WAITERS, NULL, NULL, 0)
                  ? 1
                  : 0);
    wait_for_state(waiter, "S");
    OK(kill(owner, SIGKILL));
    EQ(waitpid(owner, &status, 0), owner);
    EQ(waitpid(waiter, &status, 0), waiter);
    EQ(status, 0);
    EQ(nodes[0].futex, FUTEX_WAITERS | FUTEX_OWNER_DIED);
    EQ(nodes[1].futex, FUTEX_OWNER_DIED);
    EQ(nodes[2].futex, (uint32_t)owner + 1);
    EQ(nodes[3].futex, FUTEX_OWNER_DIED);
}

static void broken_list(void)
{
    head->first = nodes;
    nodes[0] = (struct robust_node){.next = nodes, .futex = 0}; /* endless */
    OK(syscall(SYS_set_robust_list, head, sizeof(*head)));
}

static void bad_list(void)
{
    OK(syscall(SYS_set_robust_list, hidden(8), sizeof(*head)));
}

/* execve leaves the memory: what was owned is released. */
static void robust_exec(void)
{
    head->offset = offsetof(struct robust_node, futex);
    head->first = &nodes[0];
    head->pending = NULL;
    nodes[0] = (struct robust_node){.next = (struct robust_node *)head, .futex = me()};
    OK(syscall(SYS_set_robust_list, head, sizeof(*head)));
    execl("/proc/self/exe", "futex_owner", "exit", NULL);
    _exit(1);
}

static void *own_mutex(void *argument)
{
    EQ(pthread_mutex_lock(argument), 0);
    return NULL;
}

static void library_robust_mutex(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t robust;
    pthread_t thread;
    pthread_mutexattr_init(&attributes);
    EQ(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
    EQ(pthread_mutex_init(&robust, &attributes), 0);
    EQ(pthread_create(&thread, NULL, own_mutex, &robust), 0);
    EQ(pthread_join(thread, NULL), 0);
    EQ(pthread_mutex_lock(&robust), EOWNERDEAD);
    EQ(pthread_mutex_consistent(&robust), 0);
    EQ(pthread_mutex_unlock(&robust), 0);
    EQ(pthread_mutex_lock(&robust), 0);
    EQ(pthread_mutex_unlock(&robust), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "exit") == 0)
        return 0;
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    TRUE(memory != MAP_FAILED);
    word = (uint32_t *)memory;
    condition = word + 16;
    head = (struct robust_head *)(memory + 1024);
    nodes = (struct robust_node *)(memory + 2048);
    alone();
    handed_over();
    deadlock();
    the_owner_dies();
    requeued_to_a_pi_futex();
    library_mutexes();
    robust_lists();
    EQ(status_of(broken_list), 0);
    EQ(status_of(bad_list), 0);
    EQ(status_of(robust_exec), 0);
    EQ(nodes[0].futex, FUTEX_OWNER_DIED);
    library_robust_mutex();
    return 0;
}
