/* SPDX-License-Identifier: MIT */
/* setsid(2), setpgid(2), getpgid(2), getsid(2); orphaned process groups. */
#include "guest.h"

#include <pthread.h>
#include <sys/prctl.h>

static void session_leaders_have_their_own_numbers(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        EQ(OK(setsid()), getpid());
        EQ(getsid(0), getpid());
        EQ(getpgrp(), getpid());
        FAILS(setsid(), EPERM);
        FAILS(setpgid(0, 0), EPERM);
        FAILS(setpgid(0, getppid()), EPERM);
        _exit(0);
    }
    CHILD_OK(pid);
}

static void group_leaders_cannot_start_a_session(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setpgid(0, 0));
        FAILS(setsid(), EPERM);
        _exit(0);
    }
    CHILD_OK(pid);
}

/* The number of a group stays taken while it has members, its leader need not be one. */
static void group_number_outlives_its_leader(void)
{
    struct gate gate = gate_make();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setpgid(0, 0));
        pid_t member = (pid_t)OK(fork());
        if (member == 0) {
            gate_pass(&gate);
            _exit(0);
        }
        OK(setpgid(0, getpgid(getppid())));
        FAILS(setsid(), EPERM);
        OK(setpgid(0, getpid()));
        EQ(write(gate.fds[1], "x", 1), 1);
        CHILD_OK(member);
        _exit(0);
    }
    CHILD_OK(pid);
}

static void setpgid_checks_its_arguments(void)
{
    FAILS(setpgid(-1, 0), EINVAL);
    FAILS(setpgid(-1, 5), ESRCH);
    FAILS(setpgid(0, -1), EINVAL);
    FAILS(setpgid(-1, -1), EINVAL);
    FAILS(setpgid(getppid(), 0), ESRCH);
    FAILS(setpgid(1, 0), ESRCH);
    FAILS(setpgid(0, 32001), EPERM);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        pause();
        _exit(0);
    }
    FAILS(setpgid(0, pid), EPERM);
    OK(setpgid(pid, pid));
    OK(setpgid(pid, pid));
    EQ(getpgid(pid), pid);
    OK(setpgid(pid, getpgrp()));
    EQ(getpgid(pid), getpgrp());
    OK(kill(pid, SIGKILL));
    WAIT(pid);
    FAILS(getpgid(pid), ESRCH);
    FAILS(getsid(pid), ESRCH);
    FAILS(getpgid(-1), ESRCH);
}

static void children_in_other_sessions_are_out_of_reach(void)
{
    struct gate ready = gate_make();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setsid());
        gate_open(&ready);
        pause();
        _exit(0);
    }
    gate_pass(&ready);
    FAILS(setpgid(pid, 0), EPERM);
    FAILS(setpgid(pid, getpgrp()), EPERM);
    FAILS(setpgid(0, pid), EPERM);
    OK(kill(pid, SIGKILL));
    WAIT(pid);
}

static void children_that_executed_are_out_of_reach(void)
{
    int fds[2];
    char c;
    OK(pipe2(fds, O_CLOEXEC));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        execv(guest_self(), (char *[]){(char *)"again", (char *)"--sleep", NULL});
        _exit(1);
    }
    OK(close(fds[1]));
    EQ(read(fds[0], &c, 1), 0);
    FAILS(setpgid(pid, 0), EACCES);
    OK(kill(pid, SIGKILL));
    WAIT(pid);
}

/* A child that has ended but not been waited for still takes a group. */
static void zombies_change_groups(void)
{
    siginfo_t info;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(0);
    OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    OK(setpgid(pid, pid));
    EQ(getpgid(pid), pid);
    EQ(getsid(pid), getsid(0));
    OK(kill(-pid, 0));
    CHILD_OK(pid);
}

static void *sleep_forever(void *argument)
{
    pid_t *tid = argument;
    __atomic_store_n(tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    for (;;)
        pause();
    return NULL;
}

static void numbers_of_threads_name_their_process(void)
{
    pthread_t thread;
    pid_t tid = 0;
    EQ(pthread_create(&thread, NULL, sleep_forever, &tid), 0);
    EVENTUALLY(__atomic_load_n(&tid, __ATOMIC_ACQUIRE) != 0);
    EQ(getpgid(tid), getpgrp());
    EQ(getsid(tid), getsid(0));
    FAILS(setpgid(tid, 0), EINVAL);
}

/* ---- orphaned groups (exit(3): "Consequences of Process Termination") ---- */

struct orphanage {
    struct gate report, ready, go;
};

static int report_fd;

static void report_signal(int signo)
{
    char c = (char)signo;
    if (write(report_fd, &c, 1) != 1)
        _exit(1);
}

/* A stopped process in a group of its own, below a parent that is about to exit. */
static pid_t stopped_member(struct orphanage *home)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        report_fd = home->report.fds[1];
        TRUE(signal(SIGHUP, report_signal) != SIG_ERR);
        TRUE(signal(SIGCONT, report_signal) != SIG_ERR);
        OK(setpgid(0, 0));
        raise(SIGSTOP);
        gate_pass(&home->go);
        _exit(0);
    }
    siginfo_t info;
    OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
    return pid;
}

static char next_report(struct orphanage *home, int timeout_ms)
{
    struct pollfd fd = {.fd = home->report.fds[0], .events = POLLIN};
    char c = 0;
    if (poll(&fd, 1, timeout_ms) == 1)
        EQ(read(home->report.fds[0], &c, 1), 1);
    return c;
}

static void stopped_group_is_woken_when_its_parent_exits(void)
{
    struct orphanage home = {gate_make(), gate_make(), gate_make()};
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setsid());
        stopped_member(&home);
        _exit(0);
    }
    CHILD_OK(pid);
    char first = next_report(&home, 5000), second = next_report(&home, 5000);
    TRUE((first == SIGHUP && second == SIGCONT) || (first == SIGCONT && second == SIGHUP));
    gate_open(&home.go);
}

/* With another link into the session the group is not orphaned yet. */
static void group_with_another_parent_is_left_alone(void)
{
    struct orphanage home = {gate_make(), gate_make(), gate_make()};
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setsid());
        OK(prctl(PR_SET_CHILD_SUBREAPER, 1)); /* the new parent, in the same session */
        pid_t parent = (pid_t)OK(fork());
        if (parent == 0) {
            OK(setpgid(0, 0));
            stopped_member(&home);
            _exit(0);
        }
        CHILD_OK(parent);
        EQ(next_report(&home, 100), 0);
        _exit(0);
    }
    CHILD_OK(pid);
    TRUE(next_report(&home, 5000) != 0);
    TRUE(next_report(&home, 5000) != 0);
    gate_open(&home.go);
}

/* A group that has been orphaned for long is not told again when a member exits. */
static void exit_of_a_member_does_not_wake_an_orphaned_group(void)
{
    struct orphanage home = {gate_make(), gate_make(), gate_make()};
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setsid()); /* our parent is in another session: we are orphaned from the start */
        pid_t stopped = (pid_t)OK(fork());
        if (stopped == 0) {
            report_fd = home.report.fds[1];
            TRUE(signal(SIGHUP, report_signal) != SIG_ERR);
            raise(SIGSTOP);
            gate_pass(&home.go);
            _exit(0);
        }
        siginfo_t info;
        OK(waitid(P_PID, (id_t)stopped, &info, WSTOPPED));
        pid_t other = (pid_t)OK(fork());
        if (other == 0)
            _exit(0);
        CHILD_OK(other);
        sleep_ms(30);
        EQ(process_state(stopped), 'T');
        EQ(next_report(&home, 0), 0);
        OK(kill(stopped, SIGCONT));
        gate_open(&home.go);
        CHILD_OK(stopped);
        _exit(0);
    }
    CHILD_OK(pid);
}

/* The stop signals of terminals do nothing in an orphaned group; SIGSTOP does. */
static void orphaned_groups_do_not_stop_for_the_terminal(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setsid());
        raise(SIGTSTP);
        raise(SIGTTIN);
        raise(SIGTTOU);
        raise(SIGSTOP);
        _exit(6);
    }
    int status;
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    EQ(status, SIGSTOP << 8 | 0x7f);
    OK(kill(pid, SIGCONT));
    EQ(WAIT(pid), 6 << 8);
}

GUEST_CASES(CASE(session_leaders_have_their_own_numbers),
            CASE(group_leaders_cannot_start_a_session), CASE(group_number_outlives_its_leader),
            CASE(setpgid_checks_its_arguments), CASE(children_in_other_sessions_are_out_of_reach),
            CASE(children_that_executed_are_out_of_reach), CASE(zombies_change_groups),
            CASE(numbers_of_threads_name_their_process),
            CASE(stopped_group_is_woken_when_its_parent_exits),
            CASE(group_with_another_parent_is_left_alone),
            CASE(exit_of_a_member_does_not_wake_an_orphaned_group),
            CASE(orphaned_groups_do_not_stop_for_the_terminal))

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--sleep") == 0)
        return pause();
    return guest_run_all(argc, argv);
}
