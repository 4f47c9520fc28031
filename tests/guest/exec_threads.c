/* SPDX-License-Identifier: MIT */
/* execve(2) in a process with threads: the others end, the number stays. */
#include "guest.h"

#include <dirent.h>
#include <pthread.h>

static struct gate never;

static void *sleep_forever(void *unused)
{
    char c;
    (void)unused;
    for (;;)
        if (read(never.fds[0], &c, 1) < 0)
            pause();
    return NULL;
}

static void *spin_forever(void *unused)
{
    (void)unused;
    for (;;)
        sched_yield();
    return NULL;
}

static void exec_check(void)
{
    char pid[16], parent[16];
    snprintf(pid, sizeof(pid), "%d", getpid());
    snprintf(parent, sizeof(parent), "%d", getppid());
    execv(guest_self(), (char *[]){(char *)"again", (char *)"--check", pid, parent, NULL});
}

static void *exec_in_thread(void *unused)
{
    (void)unused;
    exec_check();
    return NULL;
}

/* In the new program: one thread, with the number of the process. */
static int check(char **argv)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    guest_case_name = "--check";
    EQ(getpid(), atoi(argv[2]));
    EQ(getppid(), atoi(argv[3]));
    EQ(syscall(SYS_gettid), getpid());
    TRUE(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            EQ(atoi(entry->d_name), getpid());
            count++;
        }
    }
    EQ(count, 1);
    OK(kill(getpid(), 0));
    OK(syscall(SYS_tgkill, getpid(), getpid(), 0));
    return 0;
}

/* A busy machine may lack the means for a moment: pthread_create(3) answers EAGAIN. */
static void start(void *(*body)(void *), int count)
{
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        int error;
        for (int tries = 0; (error = pthread_create(&thread, NULL, body, NULL)) == EAGAIN; tries++)
            EQ(tries < 1000, 1);
        EQ(error, 0);
    }
}

static void leader_executes(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        start(sleep_forever, 4);
        start(spin_forever, 2);
        exec_check();
        _exit(2);
    }
    CHILD_OK(pid);
}

static void another_thread_executes(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        start(sleep_forever, 4);
        start(spin_forever, 2);
        start(exec_in_thread, 1);
        sleep_forever(NULL);
    }
    CHILD_OK(pid);
}

static void thread_executes_after_the_leader_is_gone(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        start(exec_in_thread, 1);
        syscall(SYS_exit, 5);
    }
    CHILD_OK(pid);
}

/* Exactly one wins, or a later one did before it was ended; nothing hangs. */
static void all_threads_execute_at_once(void)
{
    for (int round = 0; round < 10; round++) {
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0) {
            start(exec_in_thread, 6);
            exec_check();
            sleep_forever(NULL);
        }
        CHILD_OK(pid);
    }
}

static void *fail_to_exec(void *unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++) {
        execl("/nonexistent", "x", NULL);
        EQ(errno, ENOENT);
    }
    return NULL;
}

static void failed_exec_leaves_the_threads_alone(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        EQ(pthread_create(&threads[i], NULL, fail_to_exec, NULL), 0);
    for (int i = 0; i < 4; i++)
        EQ(pthread_join(threads[i], NULL), 0);
}

static void *exec_repeatedly(void *unused)
{
    (void)unused;
    execv(guest_self(), (char *[]){(char *)"again", (char *)"--storm", (char *)"8", NULL});
    return NULL;
}

/* A program whose threads all execute it again, some rounds long. */
static int storm(int rounds)
{
    char left[16];
    if (rounds == 0)
        return 0;
    guest_case_name = "--storm";
    snprintf(left, sizeof(left), "%d", rounds - 1);
    start(sleep_forever, 2);
    start(spin_forever, 1);
    execv(guest_self(), (char *[]){(char *)"again", (char *)"--storm", left, NULL});
    return 2;
}

static void exec_storms_end(void)
{
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        pids[i] = (pid_t)OK(fork());
        if (pids[i] == 0) {
            start(exec_repeatedly, 3);
            sleep_forever(NULL);
        }
    }
    for (int i = 0; i < 4; i++)
        CHILD_OK(pids[i]);
}

/* A fatal signal to the group wins over an execve that waits for threads. */
static void killed_while_executing(void)
{
    for (int round = 0; round < 20; round++) {
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0) {
            start(spin_forever, 3);
            start(exec_in_thread, 1);
            sleep_forever(NULL);
        }
        if (round % 2)
            sleep_ms((unsigned)round / 4);
        OK(kill(pid, SIGKILL));
        int status = WAIT(pid);
        TRUE(status == SIGKILL || status == 0);
    }
}

/* The parent sees one process all the time: signals sent to its number arrive. */
static void number_never_disappears(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        start(exec_repeatedly, 2);
        sleep_forever(NULL);
    }
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0)
        OK(kill(pid, 0));
    EQ(status, 0);
}

GUEST_CASES(CASE(leader_executes), CASE(another_thread_executes),
            CASE(thread_executes_after_the_leader_is_gone), CASE(all_threads_execute_at_once),
            CASE(failed_exec_leaves_the_threads_alone), CASE(exec_storms_end),
            CASE(killed_while_executing), CASE(number_never_disappears))

int main(int argc, char **argv)
{
    never = gate_make();
    guest_self(); /* found while the leader is there */
    if (argc > 3 && strcmp(argv[1], "--check") == 0)
        return check(argv);
    if (argc > 2 && strcmp(argv[1], "--storm") == 0)
        return storm(atoi(argv[2]));
    return guest_run_all(argc, argv);
}
