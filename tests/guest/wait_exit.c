/* SPDX-License-Identifier: MIT */
/* wait4(2), waitid(2): whom they wait for, what they report, errors. */
#include "guest.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static pid_t child_that_exits(int code)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(code);
    return pid;
}

static pid_t child_that_sleeps(void)
{
    pid_t pid = (pid_t)OK(fork());
    while (pid == 0)
        pause();
    return pid;
}

static void end_child(pid_t pid)
{
    OK(kill(pid, SIGKILL));
    EQ(WAIT(pid), SIGKILL);
}

static void bad_arguments_are_refused(void)
{
    siginfo_t info;
    FAILS(wait(NULL), ECHILD);
    FAILS(syscall(SYS_wait4, -1, NULL, 0x100, NULL), EINVAL);
    FAILS(syscall(SYS_wait4, -1, NULL, WNOWAIT, NULL), EINVAL);
    FAILS(syscall(SYS_wait4, -1, NULL, WEXITED, NULL), EINVAL);
    FAILS(syscall(SYS_wait4, INT_MIN, NULL, 0, NULL), ESRCH);
    FAILS(waitid(P_ALL, 0, &info, 0), EINVAL);
    FAILS(waitid(P_ALL, 0, &info, WNOHANG), EINVAL);
    FAILS(waitid(P_ALL, 0, &info, WEXITED | 0x100), EINVAL);
    FAILS(waitid(99, 0, &info, WEXITED), EINVAL);
    FAILS(waitid(P_PID, 0, &info, WEXITED), EINVAL);
    FAILS(waitid(P_PID, (id_t)-1, &info, WEXITED), EINVAL);
    FAILS(waitid(P_PGID, (id_t)-1, &info, WEXITED), EINVAL);
    FAILS(waitid(P_PIDFD, (id_t)-1, &info, WEXITED), EINVAL);
    FAILS(waitid(P_PIDFD, 1000, &info, WEXITED), EBADF);
    FAILS(waitid(P_PIDFD, 0, &info, WEXITED), EBADF);
    FAILS(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
    FAILS(waitpid(1, NULL, 0), ECHILD);
    FAILS(waitpid(getpid(), NULL, 0), ECHILD);
}

static void nohang_returns_zero_while_it_runs(void)
{
    siginfo_t info;
    int status = 77;
    pid_t pid = child_that_sleeps();
    EQ(waitpid(pid, &status, WNOHANG), 0);
    EQ(waitpid(-1, &status, WNOHANG), 0);
    EQ(waitpid(0, &status, WNOHANG), 0);
    EQ(status, 77);
    memset(&info, 0xff, sizeof(info));
    OK(waitid(P_ALL, 0, &info, WEXITED | WNOHANG));
    EQ(info.si_pid, 0);
    EQ(info.si_signo, 0);
    EQ(info.si_code, 0);
    end_child(pid);
    memset(&info, 0xff, sizeof(info));
    FAILS(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), ECHILD);
    EQ(info.si_pid, 0);
    EQ(info.si_signo, 0);
}

static void waitid_reports_exits_and_kills(void)
{
    siginfo_t info;
    pid_t pid = child_that_exits(0x99);
    memset(&info, 0xff, sizeof(info));
    OK(waitid(P_PID, (id_t)pid, &info, WEXITED));
    EQ(info.si_signo, SIGCHLD);
    EQ(info.si_errno, 0);
    EQ(info.si_code, CLD_EXITED);
    EQ(info.si_pid, pid);
    EQ(info.si_uid, getuid());
    EQ(info.si_status, 0x99);
    pid = child_that_sleeps();
    OK(kill(pid, SIGTERM));
    OK(waitid(P_ALL, 0, &info, WEXITED));
    EQ(info.si_code, CLD_KILLED);
    EQ(info.si_status, SIGTERM);
    pid = child_that_exits(1);
    OK(waitid(P_PID, (id_t)pid, NULL, WEXITED));
    FAILS(waitid(P_PID, (id_t)pid, NULL, WEXITED), ECHILD);
}

static void bad_addresses_lose_the_child(void)
{
    siginfo_t info;
    pid_t pid = child_that_exits(1);
    FAILS(syscall(SYS_wait4, pid, BAD_POINTER, 0, NULL), EFAULT);
    FAILS(wait(NULL), ECHILD);
    pid = child_that_exits(1);
    FAILS(syscall(SYS_wait4, pid, NULL, 0, BAD_POINTER), EFAULT);
    FAILS(wait(NULL), ECHILD);
    pid = child_that_exits(1);
    FAILS(syscall(SYS_waitid, P_PID, pid, BAD_POINTER, WEXITED, NULL), EFAULT);
    FAILS(wait(NULL), ECHILD);
    pid = child_that_exits(1);
    FAILS(syscall(SYS_waitid, P_PID, pid, &info, WEXITED, BAD_POINTER), EFAULT);
    FAILS(wait(NULL), ECHILD);
}

static void nowait_leaves_the_child(void)
{
    siginfo_t info;
    pid_t pid = child_that_exits(5);
    for (int i = 0; i < 3; i++) {
        OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
        EQ(info.si_pid, pid);
        EQ(info.si_status, 5);
    }
    EQ(process_state(pid), 'Z');
    EQ(WAIT(pid), 5 << 8);
    EQ(process_state(pid), 0);
}

/* A zombie can neither stop nor go on. */
static void zombie_without_wexited_is_no_child(void)
{
    siginfo_t info;
    pid_t pid = child_that_exits(0), other;
    OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    FAILS(waitid(P_PID, (id_t)pid, &info, WSTOPPED), ECHILD);
    FAILS(waitid(P_ALL, 0, &info, WSTOPPED | WCONTINUED | WNOHANG), ECHILD);
    other = child_that_sleeps();
    EQ(waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG), 0);
    end_child(other);
    CHILD_OK(pid);
}

/* ---- groups ---- */

static void groups_are_told_apart(void)
{
    siginfo_t info;
    int status;
    pid_t own = child_that_exits(1);
    pid_t other = (pid_t)OK(fork());
    if (other == 0) {
        OK(setpgid(0, 0));
        _exit(2);
    }
    setpgid(other, other);
    OK(waitid(P_PID, (id_t)own, &info, WEXITED | WNOWAIT));
    OK(waitid(P_PID, (id_t)other, &info, WEXITED | WNOWAIT));
    EQ(waitpid(-other, &status, 0), other);
    EQ(status, 2 << 8);
    FAILS(waitpid(-other, &status, 0), ECHILD);
    EQ(waitpid(0, &status, 0), own);
    EQ(status, 1 << 8);

    own = child_that_exits(3);
    memset(&info, 0, sizeof(info));
    OK(waitid(P_PGID, 0, &info, WEXITED));
    EQ(info.si_pid, own);
    own = child_that_exits(3);
    OK(waitid(P_PGID, (id_t)getpgrp(), &info, WEXITED));
    EQ(info.si_pid, own);
    FAILS(waitid(P_PGID, (id_t)getpgrp(), &info, WEXITED), ECHILD);
}

struct group_change {
    struct gate ready;
};

static void *change_our_group(void *argument)
{
    struct group_change *change = argument;
    gate_pass(&change->ready);
    sleep_ms(50);
    OK(setpgid(0, 0));
    return NULL;
}

/* "My group" is the group at the time of the call. */
static void group_of_the_caller_is_fixed_at_the_call(void)
{
    struct group_change change = {gate_make()};
    struct gate go = gate_make();
    pthread_t thread;
    int status;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        gate_pass(&go);
        _exit(4);
    }
    EQ(pthread_create(&thread, NULL, change_our_group, &change), 0);
    pid_t helper = (pid_t)OK(fork());
    if (helper == 0) {
        setpgid(0, 0);
        sleep_ms(150);
        gate_open(&go);
        _exit(0);
    }
    gate_open(&change.ready);
    EQ(waitpid(0, &status, 0), pid);
    EQ(status, 4 << 8);
    EQ(pthread_join(thread, NULL), 0);
    CHILD_OK(helper);
}

/* ---- threads ---- */

struct owner {
    pid_t pid;
    int nothread_error, status;
    struct gate made, tried;
};

static void *make_a_child(void *argument)
{
    struct owner *owner = argument;
    owner->pid = child_that_exits(9);
    gate_open(&owner->made);
    gate_pass(&owner->tried);
    return NULL;
}

static void children_of_other_threads(void)
{
    struct owner owner = {.made = gate_make(), .tried = gate_make()};
    pthread_t thread;
    EQ(pthread_create(&thread, NULL, make_a_child, &owner), 0);
    gate_pass(&owner.made);
    FAILS(waitpid(-1, NULL, __WNOTHREAD), ECHILD);
    FAILS(waitpid(owner.pid, NULL, __WNOTHREAD | WNOHANG), ECHILD);
    EQ(WAIT(owner.pid), 9 << 8);
    gate_open(&owner.tried);
    EQ(pthread_join(thread, NULL), 0);
}

/* When the thread that made a child is gone, the child belongs to another one. */
static void children_of_gone_threads(void)
{
    struct owner owner = {.made = gate_make(), .tried = gate_make()};
    pthread_t thread;
    EQ(pthread_create(&thread, NULL, make_a_child, &owner), 0);
    gate_pass(&owner.made);
    gate_open(&owner.tried);
    EQ(pthread_join(thread, NULL), 0);
    EVENTUALLY(waitpid(-1, NULL, __WNOTHREAD) == owner.pid);
}

static void *wait_for_any(void *argument)
{
    int status;
    (void)argument;
    return (void *)(intptr_t)(waitpid(-1, &status, 0) > 0 ? 1 : errno == ECHILD ? 2 : 3);
}

static void one_thread_of_many_gets_the_child(void)
{
    enum { THREADS = 4, ROUNDS = 20 };
    for (int round = 0; round < ROUNDS; round++) {
        struct gate gate = gate_make();
        pthread_t threads[THREADS];
        int got = 0;
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0) {
            gate_pass(&gate);
            _exit(0);
        }
        for (int i = 0; i < THREADS; i++)
            EQ(pthread_create(&threads[i], NULL, wait_for_any, NULL), 0);
        gate_open(&gate);
        for (int i = 0; i < THREADS; i++) {
            void *result;
            EQ(pthread_join(threads[i], &result), 0);
            TRUE((intptr_t)result == 1 || (intptr_t)result == 2);
            got += (intptr_t)result == 1;
        }
        EQ(got, 1);
        close(gate.fds[0]);
        close(gate.fds[1]);
    }
}

/* ---- interruption, usage ---- */

static void ignore_it(int signo)
{
    (void)signo;
}

static void signals_interrupt_waits(void)
{
    struct sigaction action = {.sa_handler = ignore_it};
    OK(sigaction(SIGUSR1, &action, NULL));
    pid_t parent = getpid(), pid = (pid_t)OK(fork());
    if (pid == 0) {
        for (int i = 0; i < 100; i++) {
            sleep_ms(20);
            if (kill(parent, SIGUSR1) != 0)
                break;
        }
        _exit(0);
    }
    FAILS(waitpid(pid, NULL, 0), EINTR);
    action.sa_flags = SA_RESTART;
    OK(sigaction(SIGUSR1, &action, NULL));
    OK(kill(pid, SIGTERM));
    EQ(WAIT(pid), SIGTERM);
}

static void burn(unsigned ms)
{
    struct rusage usage;
    do {
        for (volatile int i = 0; i < 100000; i++)
            continue;
        OK(getrusage(RUSAGE_SELF, &usage));
    } while ((uint64_t)usage.ru_utime.tv_sec * 1000 + (uint64_t)usage.ru_utime.tv_usec / 1000 < ms);
}

static uint64_t user_ms(const struct rusage *usage)
{
    return (uint64_t)usage->ru_utime.tv_sec * 1000 + (uint64_t)usage->ru_utime.tv_usec / 1000;
}

static void usage_of_children_adds_up(void)
{
    struct rusage usage, children;
    int status;
    OK(getrusage(RUSAGE_CHILDREN, &children));
    EQ(user_ms(&children), 0);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        pid = (pid_t)OK(fork());
        if (pid == 0) {
            burn(60);
            _exit(0);
        }
        CHILD_OK(pid);
        burn(40);
        _exit(0);
    }
    EQ(wait4(pid, &status, 0, &usage), pid);
    EQ(status, 0);
    TRUE(user_ms(&usage) >= 95);
    OK(getrusage(RUSAGE_CHILDREN, &children));
    TRUE(user_ms(&children) >= 95);
    /* One that nobody waited for does not count. */
    TRUE(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        burn(40);
        _exit(0);
    }
    FAILS(waitpid(pid, &status, 0), ECHILD);
    OK(getrusage(RUSAGE_CHILDREN, &usage));
    EQ(user_ms(&usage), user_ms(&children));
}

/* Until it is waited for, a zombie can be asked for, and even given, what tasks have. */
static void zombie_keeps_its_attributes(void)
{
    siginfo_t info;
    cpu_set_t cpus;
    struct rlimit limit;
    struct sched_param param;
    struct timespec quantum;
    void *robust_list;
    size_t bytes;
    unsigned header[2] = {0x20080522, 0}, data[6];

    pid_t pid = child_that_exits(3);
    OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    OK(setpriority(PRIO_PROCESS, (id_t)pid, 7));
    EQ(OK(getpriority(PRIO_PROCESS, (id_t)pid)), 7);
    EQ(OK(syscall(SYS_sched_getscheduler, pid)), SCHED_OTHER); /* musl refuses these two */
    OK(syscall(SYS_sched_getparam, pid, &param));
    OK(sched_rr_get_interval(pid, &quantum));
    OK(sched_getaffinity(pid, sizeof(cpus), &cpus));
    OK(sched_setaffinity(pid, sizeof(cpus), &cpus));
    OK(prlimit(pid, RLIMIT_NOFILE, NULL, &limit));
    OK(syscall(SYS_ioprio_get, 1, pid));
    OK(syscall(SYS_get_robust_list, getpid(), &robust_list, &bytes));
    header[1] = (unsigned)pid;
    OK(syscall(SYS_capget, header, data));
    EQ(WAIT(pid), 3 << 8);
    FAILS(getpriority(PRIO_PROCESS, (id_t)pid), ESRCH);
    FAILS(syscall(SYS_sched_getscheduler, pid), ESRCH);
}

GUEST_MAIN(CASE(bad_arguments_are_refused), CASE(nohang_returns_zero_while_it_runs),
           CASE(waitid_reports_exits_and_kills), CASE(bad_addresses_lose_the_child),
           CASE(nowait_leaves_the_child), CASE(zombie_keeps_its_attributes),
           CASE(zombie_without_wexited_is_no_child), CASE(groups_are_told_apart),
           CASE(group_of_the_caller_is_fixed_at_the_call), CASE(children_of_other_threads),
           CASE(children_of_gone_threads), CASE(one_thread_of_many_gets_the_child),
           CASE(signals_interrupt_waits), CASE(usage_of_children_adds_up))
