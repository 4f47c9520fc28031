/* SPDX-License-Identifier: MIT */
/*
 * Does what its first argument says, so that a test of libsim can look at the outcome.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

/* Everything that differs from run to run on an ordinary system. */
static int chance(void)
{
    unsigned long words[2] = {0, 0};
    struct timespec now, boot;
    void *heap = malloc(100000);
    if (getrandom(words, sizeof(words), 0) != sizeof(words))
        return 1;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_MONOTONIC, &boot);
    printf("%lx %lx %p %p %d %lld.%09ld %lld.%09ld %llx\n", words[0], words[1], (void *)&now, heap,
           (int)getpid(), (long long)now.tv_sec, now.tv_nsec, (long long)boot.tv_sec, boot.tv_nsec,
           (unsigned long long)__rdtsc());
    free(heap);
    return 0;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char order[256];
static atomic_uint filled;

static void *compete(void *name)
{
    for (int i = 0; i < 20; i++) {
        pthread_mutex_lock(&lock);
        order[atomic_fetch_add(&filled, 1)] = *(char *)name;
        pthread_mutex_unlock(&lock);
        sched_yield();
    }
    return NULL;
}

/* In which order four threads get a lock. */
static int race(void)
{
    pthread_t threads[4];
    static char names[] = "ABCD";
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, compete, &names[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    puts(order);
    return 0;
}

static int copy_input(void)
{
    int c;
    while ((c = getchar()) != EOF)
        putchar(c);
    fputs("to stderr\n", stderr);
    return 7;
}

static int spin(void)
{
    pid_t child = fork();
    if (child == 0) {
        for (volatile long i = 0; i < 300000000; i++)
            ;
        return 5;
    }
    int status;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

static atomic_int flag;

static void *raise_flag(void *unused)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    atomic_store(&flag, 1);
    return unused;
}

/* A thread that looks at a flag all the time, without a system call. */
static int spin_for_flag(void)
{
    unsigned turns = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, raise_flag, NULL);
    while (!atomic_load(&flag))
        turns++;
    pthread_join(thread, NULL);
    printf("%u turns\n", turns);
    return turns > 0 ? 5 : 6;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "chance"))
        return chance();
    if (!strcmp(what, "race"))
        return race();
    if (!strcmp(what, "copy"))
        return copy_input();
    if (!strcmp(what, "spin"))
        return spin();
    if (!strcmp(what, "flag"))
        return spin_for_flag();
    if (!strcmp(what, "abort"))
        abort();
    if (!strcmp(what, "hang"))
        pause();
    printf("%s %s\n", argc > 2 ? argv[2] : "", getenv("WORD") ? getenv("WORD") : "");
    return 3;
}
