/* SPDX-License-Identifier: MIT
 *
 * Priority inheritance: the owner of a PI futex runs with the priority of its highest waiter
 * (futex(2), sched(7)). Everything happens on one CPU; what a thread runs with is field 18 of its
 * stat file.
 */
#include "futex_check.h"

#include <semaphore.h>

enum { NORMAL = 20, LOW = 10, MIDDLE = 20, HIGH = 30, TOP = 90 };

struct party {
    volatile uint32_t *first, *second; /* takes the one, then the other; or NULL */
    int priority;                      /* of SCHED_FIFO; 0: SCHED_OTHER */
    const struct timespec *until;
    volatile pid_t tid;
    pthread_t thread;
    sem_t has_first, go_on;
    long result;
};

static volatile uint32_t words[3];

static void set_priority(pid_t tid, int priority)
{
    struct sched_param param = {.sched_priority = priority};
    OK(syscall(SYS_sched_setscheduler, tid, priority ? SCHED_FIFO : SCHED_OTHER, &param));
}

/* Field 18: 20 + nice, or -1 - priority. */
static int runs_with(pid_t tid)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
    FILE *file = fopen(path, "r");
    TRUE(file && fgets(text, sizeof(text), file));
    fclose(file);
    char *field = strrchr(text, ')') + 1;
    for (int i = 3; i <= 18; i++)
        field = strchr(field, ' ') + 1;
    return atoi(field);
}

static void lock(volatile uint32_t *word)
{
    OK(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
}

static void unlock(volatile uint32_t *word)
{
    OK(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
}

static void *play(void *argument)
{
    struct party *party = argument;
    pid_t tid = thread_id();
    set_priority(tid, party->priority);
    if (party->first)
        lock(party->first);
    party->tid = tid;
    OK(sem_post(&party->has_first));
    if (party->second) {
        party->result = futex(party->second, FUTEX_LOCK_PI, 0, party->until, NULL, 0);
        if (party->result)
            party->result = -errno;
        else
            unlock(party->second);
    } else {
        while (sem_wait(&party->go_on) != 0)
            ;
    }
    if (party->first)
        unlock(party->first);
    return NULL;
}

/* It has its first and sleeps for its second, or for sem_post(&go_on). */
static void start(struct party *party)
{
    OK(sem_init(&party->has_first, 0, 0));
    OK(sem_init(&party->go_on, 0, 0));
    EQ(pthread_create(&party->thread, NULL, play, party), 0);
    while (sem_wait(&party->has_first) != 0)
        ;
    wait_for_state(party->tid, "S");
}

static void finish(struct party *party)
{
    EQ(pthread_join(party->thread, NULL), 0);
}

static void owner_gets_the_highest(void)
{
    struct party low = {.second = words, .priority = LOW},
                 high = {.second = words, .priority = HIGH};
    pid_t me = thread_id();
    EQ(runs_with(me), NORMAL);
    lock(words);
    start(&low);
    EQ(runs_with(me), -1 - LOW);
    start(&high);
    EQ(runs_with(me), -1 - HIGH);
    EQ(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER); /* what was asked for does not change */
    set_priority(high.tid, HIGH + 1);
    EQ(runs_with(me), -2 - HIGH);
    set_priority(high.tid, 0);
    EQ(runs_with(me), -1 - LOW);
    set_priority(me, MIDDLE);
    EQ(runs_with(me), -1 - MIDDLE);
    set_priority(me, 0);
    EQ(runs_with(me), -1 - LOW);
    unlock(words);
    EQ(runs_with(me), NORMAL);
    finish(&low);
    finish(&high);
}

static void waiter_that_gives_up_takes_it_back(void)
{
    long long until = now_ns(CLOCK_REALTIME) + 300 * MS;
    struct timespec when = {until / 1000000000, until % 1000000000};
    struct party high = {.second = words, .priority = HIGH, .until = &when};
    lock(words);
    start(&high);
    finish(&high);
    EQ(high.result, -ETIMEDOUT);
    EQ(runs_with(thread_id()), NORMAL);
    unlock(words);
}

/* owner <- middle <- high: the owner runs with what the last of them has; two futexes each. */
static void chains(void)
{
    struct party middle = {.first = words + 1, .second = words, .priority = LOW};
    struct party high = {.second = words + 1, .priority = HIGH};
    struct party other = {.second = words + 2, .priority = MIDDLE};
    pid_t me = thread_id();
    lock(words);
    lock(words + 2);
    start(&middle);
    EQ(runs_with(me), -1 - LOW);
    start(&high);
    EQ(runs_with(middle.tid), -1 - HIGH);
    EQ(runs_with(me), -1 - HIGH);
    start(&other);
    EQ(runs_with(me), -1 - HIGH);
    unlock(words); /* middle goes on, gives words + 1 to high */
    EQ(runs_with(me), -1 - MIDDLE);
    unlock(words + 2);
    EQ(runs_with(me), NORMAL);
    finish(&middle);
    finish(&high);
    finish(&other);
}

/* A child is born with what its parent has of its own. */
static void children_inherit_nothing(void)
{
    struct party high = {.second = words, .priority = HIGH};
    int status;
    lock(words);
    start(&high);
    pid_t child = (pid_t)OK(fork());
    if (child == 0)
        _exit(runs_with((pid_t)getpid()) == NORMAL ? 0 : 1);
    EQ(waitpid(child, &status, 0), child);
    EQ(status, 0);
    unlock(words);
    finish(&high);
}

/* ---- what it is for ---- */

static volatile bool high_is_done;
static volatile bool hog_gave_up;
static sem_t low_has_it;

static void *low_body(void *argument)
{
    (void)argument;
    set_priority(thread_id(), LOW);
    lock(words);
    OK(sem_post(&low_has_it)); /* main is above us: it starts the others now */
    unlock(words);
    return NULL;
}

static void *hog_body(void *argument)
{
    (void)argument;
    long long end = now_ns(CLOCK_MONOTONIC) + 20000 * MS;
    set_priority(thread_id(), MIDDLE);
    while (!high_is_done && !hog_gave_up)
        hog_gave_up = now_ns(CLOCK_MONOTONIC) > end;
    return NULL;
}

static void *high_body(void *argument)
{
    (void)argument;
    set_priority(thread_id(), HIGH);
    lock(words);
    high_is_done = true;
    unlock(words);
    return NULL;
}

static void hog_does_not_keep_the_highest_waiting(void)
{
    pthread_t low, hog, high;
    OK(sem_init(&low_has_it, 0, 0));
    set_priority(thread_id(), TOP); /* its threads start as high; nobody runs before we sleep */
    EQ(pthread_create(&low, NULL, low_body, NULL), 0);
    while (sem_wait(&low_has_it) != 0)
        ;
    EQ(pthread_create(&hog, NULL, hog_body, NULL), 0);
    EQ(pthread_create(&high, NULL, high_body, NULL), 0);
    EQ(pthread_join(high, NULL), 0);
    EQ(pthread_join(hog, NULL), 0);
    EQ(pthread_join(low, NULL), 0);
    TRUE(!hog_gave_up);
    set_priority(thread_id(), 0);
}

int main(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    OK(sched_setaffinity(0, sizeof(one), &one));
    owner_gets_the_highest();
    waiter_that_gives_up_takes_it_back();
    chains();
    children_inherit_nothing();
    hog_does_not_keep_the_highest_waiting();
    return 0;
}
