/* SPDX-License-Identifier: MIT */
/*
 * Does what its first argument says, so that a test of libsim can look at the outcome.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

/* FNV-1a. */
static uint64_t add(uint64_t hash, const void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    return hash;
}

#define ADD(value) hash = add(hash, &(value), sizeof(value))

/* What system calls say of the system, of time, and of things that they number or name. */
static uint64_t ask_system_calls(void)
{
    uint64_t hash = 0xcbf29ce484222325u;
    struct sysinfo info = {0};
    struct rusage usage = {0};
    struct tms times_used = {0};
    struct timex clock_state = {0};
    struct stat status = {0};
    struct statfs system = {0};
    struct timespec now = {0};
    unsigned ring[30] = {0}, cpu = 0, node = 0;
    struct {
        unsigned bytes;
        int type;
        char handle[128];
    } handle = {.bytes = 128};
    int fds[2], mount = 0;
    long number;

    sysinfo(&info);
    ADD(info);
    getrusage(RUSAGE_SELF, &usage);
    ADD(usage);
    number = times(&times_used);
    ADD(number);
    ADD(times_used);
    adjtimex(&clock_state);
    ADD(clock_state);
    for (int clock = 0; clock < 12; clock++) {
        if (clock_gettime(clock, &now) == 0)
            ADD(now);
        if (clock_getres(clock, &now) == 0)
            ADD(now);
    }
    syscall(SYS_getcpu, &cpu, &node, NULL);
    ADD(cpu);
    statfs("/", &system);
    ADD(system);
    /* Numbers of things that are made. */
    pipe(fds);
    fstat(fds[0], &status);
    ADD(status);
    number = syscall(SYS_io_uring_setup, 4, ring);
    ADD(number);
    ADD(ring);
    for (int ring_id = -3; ring_id < 0; ring_id++) {
        number = syscall(SYS_keyctl, 0, ring_id, 1); /* KEYCTL_GET_KEYRING_ID */
        ADD(number);
    }
    number = syscall(SYS_add_key, "user", "name", "value", 5, -2);
    ADD(number);
    number = syscall(SYS_memfd_create, "name", 0);
    fstat((int)number, &status);
    ADD(status);
    syscall(SYS_name_to_handle_at, AT_FDCWD, "/talk", &handle, &mount, 0);
    ADD(handle);
    for (unsigned long type = 0; type < 64; type++) {
        number = (long)getauxval(type);
        ADD(number);
    }
    return hash;
}

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
    printf("%llx ", (unsigned long long)ask_system_calls());
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

/* Many writes, and the end right behind the last. */
static int say_last_words(void)
{
    for (int i = 0; i < 5; i++)
        (void)!write(1, "word ", 5);
    _exit(3);
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
    if (!strcmp(what, "end"))
        return say_last_words();
    if (!strcmp(what, "spin"))
        return spin();
    if (!strcmp(what, "flag"))
        return spin_for_flag();
    if (!strcmp(what, "abort"))
        abort();
    if (!strcmp(what, "hang"))
        pause();
    for (int i = 0; !strcmp(what, "tick") && i < 1000; i++)
        usleep(1000);
    printf("%s %s\n", argc > 2 ? argv[2] : "", getenv("WORD") ? getenv("WORD") : "");
    return 3;
}
