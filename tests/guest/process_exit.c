/* SPDX-License-Identifier: MIT */
/* _exit(2), exit_group(2), and what becomes of children and threads. */
#include "guest.h"

#include <pthread.h>
#include <sys/prctl.h>

static void exit_status_is_one_byte(void)
{
    static const int codes[] = {0, 1, 127, 128, 255, 256, 257, -1, 0x12345};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0)
            syscall(i & 1 ? SYS_exit : SYS_exit_group, codes[i]);
        EQ(WAIT(pid), (codes[i] & 0xff) << 8);
    }
}

static void *exit_with_5(void *gate)
{
    char c;
    while (read(((struct gate *)gate)->fds[0], &c, 1) != 1)
        continue;
    syscall(SYS_exit, 5);
    return NULL;
}

/* The process lives while a thread does; its status is that of the last one. */
static void leader_may_exit_before_its_threads(void)
{
    struct gate gate = gate_make();
    int status;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        pthread_t thread;
        EQ(pthread_create(&thread, NULL, exit_with_5, &gate), 0);
        syscall(SYS_exit, 3);
    }
    EVENTUALLY(process_state(pid) == 'Z');
    EQ(OK(waitpid(pid, &status, WNOHANG)), 0);
    OK(kill(pid, 0));
    gate_open(&gate);
    EQ(WAIT(pid), 5 << 8);
}

static void *exit_group_with_6(void *unused)
{
    (void)unused;
    syscall(SYS_exit_group, 6);
    return NULL;
}

static void *sleep_forever(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

static void exit_group_ends_all_threads(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        pthread_t thread;
        for (int i = 0; i < 8; i++)
            EQ(pthread_create(&thread, NULL, sleep_forever, NULL), 0);
        EQ(pthread_create(&thread, NULL, exit_group_with_6, NULL), 0);
        sleep_forever(NULL);
    }
    EQ(WAIT(pid), 6 << 8);
}

static void signal_ends_a_group_whose_leader_is_gone(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        pthread_t thread;
        EQ(pthread_create(&thread, NULL, sleep_forever, NULL), 0);
        syscall(SYS_exit, 0);
    }
    EVENTUALLY(process_state(pid) == 'Z');
    OK(kill(pid, SIGTERM));
    EQ(WAIT(pid), SIGTERM);
}

/* ---- orphans ---- */

static void orphans_go_to_the_nearest_subreaper(void)
{
    struct gate numbers = gate_make(), go = gate_make();
    pid_t self = getpid(), orphan;
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid_t middle = (pid_t)OK(fork());
    if (middle == 0) {
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0) {
            gate_pass(&go);
            EVENTUALLY(getppid() == self);
            _exit(4);
        }
        EQ(write(numbers.fds[1], &pid, sizeof(pid)), sizeof(pid));
        _exit(0);
    }
    EQ(read(numbers.fds[0], &orphan, sizeof(orphan)), sizeof(orphan));
    CHILD_OK(middle);
    gate_open(&go);
    EQ(WAIT(orphan), 4 << 8);
    OK(prctl(PR_SET_CHILD_SUBREAPER, 0));
}

static void subreaper_is_not_inherited(void)
{
    int is = -1;
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(prctl(PR_GET_CHILD_SUBREAPER, &is));
        EQ(is, 0);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(prctl(PR_GET_CHILD_SUBREAPER, &is));
    EQ(is, 1);
}

static void zombies_are_inherited_with_a_signal(void)
{
    struct gate numbers = gate_make();
    sigset_t set;
    siginfo_t info;
    pid_t zombie;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid_t middle = (pid_t)OK(fork());
    if (middle == 0) {
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0)
            _exit(8);
        OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
        EQ(write(numbers.fds[1], &pid, sizeof(pid)), sizeof(pid));
        pause();
        _exit(1);
    }
    EQ(read(numbers.fds[0], &zombie, sizeof(zombie)), sizeof(zombie));
    FAILS(waitpid(zombie, NULL, 0), ECHILD);
    OK(kill(middle, SIGKILL));
    EQ(WAIT(middle), SIGKILL);
    EQ(WAIT(zombie), 8 << 8);
    TRUE(sigwaitinfo(&set, &info) == SIGCHLD);
}

/* The dead are nobody's children a moment before their numbers are free. */
static void gone_soon(pid_t pid)
{
    while (kill(pid, 0) == 0)
        sched_yield();
    EQ(errno, ESRCH);
}

static void subreaper_that_ignores_sigchld_has_no_zombies(void)
{
    struct gate numbers = gate_make();
    siginfo_t info;
    pid_t zombie;
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    TRUE(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    pid_t middle = (pid_t)OK(fork());
    if (middle == 0) {
        TRUE(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0)
            _exit(8);
        OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
        EQ(write(numbers.fds[1], &pid, sizeof(pid)), sizeof(pid));
        _exit(0);
    }
    EQ(read(numbers.fds[0], &zombie, sizeof(zombie)), sizeof(zombie));
    FAILS(wait(NULL), ECHILD);
    gone_soon(zombie);
    gone_soon(middle);
}

/* ---- parent-death signal ---- */

static void parent_death_signal_is_sent(void)
{
    struct gate ready = gate_make(), done = gate_make();
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid_t middle = (pid_t)OK(fork());
    if (middle == 0) {
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0) {
            sigset_t set;
            siginfo_t info;
            sigemptyset(&set);
            sigaddset(&set, SIGUSR1);
            OK(sigprocmask(SIG_BLOCK, &set, NULL));
            OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
            gate_open(&ready);
            EQ(sigwaitinfo(&set, &info), SIGUSR1);
            gate_open(&done);
            _exit(0);
        }
        gate_pass(&ready);
        _exit(0);
    }
    CHILD_OK(middle);
    gate_pass(&done);
    int status;
    OK(wait(&status));
    EQ(status, 0);
}

struct creation {
    struct gate ready, done, exit_thread;
    pid_t child;
};

static void *create_child(void *argument)
{
    struct creation *creation = argument;
    creation->child = fork();
    if (creation->child == 0) {
        sigset_t set;
        siginfo_t info;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        OK(sigprocmask(SIG_BLOCK, &set, NULL));
        OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
        gate_open(&creation->ready);
        EQ(sigwaitinfo(&set, &info), SIGUSR1);
        gate_open(&creation->done);
        _exit(0);
    }
    gate_pass(&creation->exit_thread);
    return NULL;
}

/* The "parent" of PR_SET_PDEATHSIG is the thread that created the process. */
static void parent_death_signal_follows_the_creating_thread(void)
{
    struct creation creation = {gate_make(), gate_make(), gate_make(), 0};
    pthread_t thread;
    EQ(pthread_create(&thread, NULL, create_child, &creation), 0);
    gate_pass(&creation.ready);
    gate_open(&creation.exit_thread);
    EQ(pthread_join(thread, NULL), 0);
    gate_pass(&creation.done);
    CHILD_OK(creation.child);
}

static void parent_death_signal_is_not_inherited(void)
{
    int signo = -1;
    OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(prctl(PR_GET_PDEATHSIG, &signo));
        EQ(signo, 0);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(prctl(PR_GET_PDEATHSIG, &signo));
    EQ(signo, SIGUSR1);
    FAILS(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
    FAILS(prctl(PR_SET_PDEATHSIG, -1), EINVAL);
}

/* ---- SIGCHLD ---- */

static void sigchld_tells_how_a_child_ended(void)
{
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(0x42);
    EQ(sigwaitinfo(&set, &info), SIGCHLD);
    EQ(info.si_code, CLD_EXITED);
    EQ(info.si_pid, pid);
    EQ(info.si_uid, getuid());
    EQ(info.si_status, 0x42);
    EQ(WAIT(pid), 0x4200);
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        pause();
        _exit(1);
    }
    OK(kill(pid, SIGKILL));
    EQ(sigwaitinfo(&set, &info), SIGCHLD);
    EQ(info.si_code, CLD_KILLED);
    EQ(info.si_pid, pid);
    EQ(info.si_status, SIGKILL);
    EQ(WAIT(pid), SIGKILL);
}

/* Ignored, not even a blocked signal is left of a child. */
static void ignored_sigchld_leaves_nothing(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    TRUE(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(1);
    FAILS(waitpid(pid, NULL, 0), ECHILD);
    OK(sigpending(&set));
    EQ(sigismember(&set, SIGCHLD), 0);
}

static void nocldwait_still_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(sigaction(SIGCHLD, &action, NULL));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(1);
    FAILS(waitpid(pid, NULL, 0), ECHILD);
    EQ(sigwaitinfo(&set, &info), SIGCHLD);
    EQ(info.si_pid, pid);
}

GUEST_MAIN(CASE(exit_status_is_one_byte), CASE(leader_may_exit_before_its_threads),
           CASE(exit_group_ends_all_threads), CASE(signal_ends_a_group_whose_leader_is_gone),
           CASE(orphans_go_to_the_nearest_subreaper), CASE(subreaper_is_not_inherited),
           CASE(zombies_are_inherited_with_a_signal),
           CASE(subreaper_that_ignores_sigchld_has_no_zombies), CASE(parent_death_signal_is_sent),
           CASE(parent_death_signal_follows_the_creating_thread),
           CASE(parent_death_signal_is_not_inherited), CASE(sigchld_tells_how_a_child_ended),
           CASE(ignored_sigchld_leaves_nothing), CASE(nocldwait_still_signals))
