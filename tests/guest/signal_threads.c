/* SPDX-License-Identifier: MIT
 *
 * Signals and threads: who takes a signal, prompt ends of whole processes, execve from a thread.
 */
#include "signal_check.h"

static __thread int mine;
static volatile pid_t taken_by;
static volatile sig_atomic_t count;

static void note(int signo, siginfo_t *info, void *uc)
{
    (void)signo;
    (void)info;
    (void)uc;
    taken_by = thread_id();
    mine++;
    count++;
}

static volatile pid_t other_tid;
static volatile bool quit;

static void *wait_unblocked(void *argument)
{
    (void)argument;
    sigset_t none = set_of(0);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    other_tid = thread_id();
    while (!quit)
        usleep(1000);
    return NULL;
}

static pthread_t start(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    other_tid = 0;
    quit = false;
    EQ(pthread_create(&thread, NULL, body, argument), 0);
    while (!other_tid)
        usleep(100);
    return thread;
}

static void stop(pthread_t thread)
{
    quit = true;
    EQ(pthread_join(thread, NULL), 0);
}

static void await(int wanted)
{
    while (count < wanted)
        usleep(100);
    EQ(count, wanted);
}

static void a_thread_that_does_not_block_it_takes_it(void)
{
    handle(SIGUSR1, note, 0);
    pthread_t thread = start(wait_unblocked, NULL);
    count = 0;
    OK(kill(getpid(), SIGUSR1)); /* the main thread first */
    await(1);
    EQ(taken_by, getpid());
    block(SIGUSR1);
    OK(kill(getpid(), SIGUSR1));
    await(2);
    EQ(taken_by, other_tid);
    /* To one thread: to that one only. */
    OK(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
    usleep(10000);
    EQ(count, 2);
    unblock(SIGUSR1);
    await(3);
    EQ(taken_by, getpid());
    OK(syscall(SYS_tgkill, getpid(), other_tid, SIGUSR1));
    await(4);
    EQ(taken_by, other_tid);
    stop(thread);
}

/* A signal pending for the group when all block it goes to the first that unblocks it. */
static void *unblock_when_told(void *argument)
{
    (void)argument;
    other_tid = thread_id();
    while (!quit)
        usleep(1000);
    sigset_t set = set_of(SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return NULL;
}

static void a_group_signal_waits_for_a_taker(void)
{
    block(SIGUSR1);
    pthread_t thread = start(unblock_when_told, NULL);
    count = 0;
    OK(kill(getpid(), SIGUSR1));
    TRUE(is_pending(SIGUSR1));
    stop(thread);
    EQ(count, 1);
    EQ(taken_by, other_tid);
    TRUE(!is_pending(SIGUSR1));
    unblock(SIGUSR1);
}

/* ---- the end of a process with many threads ---- */

static void *block_in_read(void *argument)
{
    char byte;
    return (void *)read(*(int *)argument, &byte, 1);
}

static void *spin(void *argument)
{
    for (;;)
        __asm__ volatile("" ::"r"(argument) : "memory");
    return NULL;
}

static void *die_by_ud2(void *argument)
{
    (void)argument;
    __asm__ volatile("ud2");
    return NULL;
}

static void *exit_group_here(void *argument)
{
    (void)argument;
    _exit(33);
}

static void many_threads(void *(*last)(void *))
{
    static int fds[2];
    pthread_t thread;
    OK(pipe(fds));
    for (int i = 0; i < 3; i++) {
        EQ(pthread_create(&thread, NULL, block_in_read, &fds[0]), 0);
        EQ(pthread_create(&thread, NULL, spin, NULL), 0);
    }
    EQ(pthread_create(&thread, NULL, last, NULL), 0);
    for (;;)
        pause();
}

static void exits(void)
{
    many_threads(exit_group_here);
}

static void crashes(void)
{
    many_threads(die_by_ud2);
}

static void *terminate(void *argument)
{
    (void)argument;
    usleep(10000);
    kill(getpid(), SIGTERM);
    return NULL;
}

static void is_terminated(void)
{
    many_threads(terminate);
}

static void *exec_true(void *argument)
{
    (void)argument;
    usleep(10000);
    execl("/proc/self/exe", "signal_threads", "after-exec", NULL);
    _exit(99);
}

static void execs(void)
{
    many_threads(exec_true);
}

static void the_whole_process_ends(void)
{
    long long before = now_ns(CLOCK_MONOTONIC);
    int status = status_of(exits);
    EQ(status, 33 << 8);
    status = status_of(crashes);
    EQ(WTERMSIG(status), SIGILL);
    EQ(status_of(is_terminated), SIGTERM);
    EQ(status_of(execs), 44 << 8);
    TRUE(now_ns(CLOCK_MONOTONIC) - before < 20000 * MS);
}

/* The main thread may leave first; the process ends with the last thread. */
static void *outlive(void *argument)
{
    (void)argument;
    usleep(50000);
    _exit(55);
}

static void main_thread_leaves(void)
{
    pthread_t thread;
    EQ(pthread_create(&thread, NULL, outlive, NULL), 0);
    syscall(SYS_exit, 11);
}

static void *take_signals(void *argument)
{
    (void)argument;
    while (!count)
        usleep(1000);
    _exit(56);
}

static void signal_after_main_left(void)
{
    pthread_t thread;
    handle(SIGUSR1, note, 0);
    count = 0;
    EQ(pthread_create(&thread, NULL, take_signals, NULL), 0);
    syscall(SYS_exit, 11);
}

static void a_process_outlives_its_main_thread(void)
{
    EQ(status_of(main_thread_leaves), 55 << 8);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        signal_after_main_left();
        _exit(1);
    }
    usleep(50000);
    OK(kill(pid, SIGUSR1));
    int status;
    OK(waitpid(pid, &status, 0));
    EQ(status, 56 << 8);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "after-exec") == 0) {
        TRUE(getpid() == thread_id());
        return 44;
    }
    a_thread_that_does_not_block_it_takes_it();
    a_group_signal_waits_for_a_taker();
    the_whole_process_ends();
    a_process_outlives_its_main_thread();
    return 0;
}
