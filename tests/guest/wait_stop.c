/* SPDX-License-Identifier: MIT */
/* wait4(2), waitid(2): children that stop and continue. */
#include "guest.h"

#include <pthread.h>

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

static void stop_and_continue_are_reported_once(void)
{
    int status;
    pid_t pid = child_that_sleeps();
    OK(kill(pid, SIGSTOP));
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    EQ(status, SIGSTOP << 8 | 0x7f);
    TRUE(WIFSTOPPED(status));
    EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);
    OK(kill(pid, SIGSTOP));
    sleep_ms(20);
    EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);
    OK(kill(pid, SIGCONT));
    EQ(waitpid(pid, &status, WCONTINUED), pid);
    EQ(status, 0xffff);
    TRUE(WIFCONTINUED(status));
    EQ(waitpid(pid, &status, WCONTINUED | WUNTRACED | WNOHANG), 0);
    end_child(pid);
}

static void stops_are_only_reported_on_request(void)
{
    int status;
    pid_t pid = child_that_sleeps();
    OK(kill(pid, SIGSTOP));
    EVENTUALLY(process_state(pid) == 'T');
    EQ(waitpid(pid, &status, WNOHANG), 0);
    EQ(waitpid(pid, &status, WNOHANG | WCONTINUED), 0);
    EQ(waitpid(pid, &status, WNOHANG | WUNTRACED), pid);
    OK(kill(pid, SIGKILL));
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    EQ(status, SIGKILL);
}

static void waitid_reports_stops(void)
{
    siginfo_t info;
    pid_t pid = child_that_sleeps();
    OK(setpgid(pid, pid)); /* an orphaned group would not stop */
    OK(kill(pid, SIGTSTP));
    for (int i = 0; i < 2; i++) {
        memset(&info, 0xff, sizeof(info));
        OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT));
        EQ(info.si_signo, SIGCHLD);
        EQ(info.si_code, CLD_STOPPED);
        EQ(info.si_pid, pid);
        EQ(info.si_status, SIGTSTP);
    }
    OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
    EQ(info.si_code, CLD_STOPPED);
    OK(kill(pid, SIGCONT));
    OK(waitid(P_PID, (id_t)pid, &info, WCONTINUED | WNOWAIT));
    EQ(info.si_code, CLD_CONTINUED);
    EQ(info.si_status, SIGCONT);
    OK(waitid(P_PID, (id_t)pid, &info, WCONTINUED | WSTOPPED));
    EQ(info.si_code, CLD_CONTINUED);
    memset(&info, 0, sizeof(info));
    OK(waitid(P_PID, (id_t)pid, &info, WCONTINUED | WSTOPPED | WNOHANG));
    EQ(info.si_pid, 0);
    end_child(pid);
}

/* A continue takes back a stop that has not been reported. */
static void continue_replaces_an_unreported_stop(void)
{
    int status;
    pid_t pid = child_that_sleeps();
    OK(kill(pid, SIGSTOP));
    EVENTUALLY(process_state(pid) == 'T');
    OK(kill(pid, SIGCONT));
    EVENTUALLY(process_state(pid) == 'S');
    EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);
    EQ(waitpid(pid, &status, WCONTINUED | WNOHANG), pid);
    end_child(pid);
}

static void *sleep_forever(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

static void all_threads_stop_before_the_report(void)
{
    int status;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        pthread_t thread;
        for (int i = 0; i < 4; i++)
            EQ(pthread_create(&thread, NULL, sleep_forever, NULL), 0);
        raise(SIGSTOP);
        _exit(3);
    }
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    EQ(status, SIGSTOP << 8 | 0x7f);
    OK(kill(pid, SIGCONT));
    EQ(WAIT(pid), 3 << 8);
}

static void sigchld_tells_of_stops(void)
{
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    pid_t pid = child_that_sleeps();
    OK(kill(pid, SIGSTOP));
    EQ(sigwaitinfo(&set, &info), SIGCHLD);
    EQ(info.si_code, CLD_STOPPED);
    EQ(info.si_status, SIGSTOP);
    EQ(info.si_pid, pid);
    OK(kill(pid, SIGCONT));
    EQ(sigwaitinfo(&set, &info), SIGCHLD);
    EQ(info.si_code, CLD_CONTINUED);
    EQ(info.si_status, SIGCONT);
    struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
    OK(sigaction(SIGCHLD, &action, NULL));
    OK(kill(pid, SIGSTOP));
    EQ(OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED)), 0);
    OK(sigpending(&set));
    EQ(sigismember(&set, SIGCHLD), 0);
    end_child(pid);
}

static void kill_ends_a_stopped_child(void)
{
    int status;
    pid_t pid = child_that_sleeps();
    OK(kill(pid, SIGSTOP));
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    OK(kill(pid, SIGTERM));
    sleep_ms(20);
    EQ(waitpid(pid, &status, WNOHANG), 0);
    OK(kill(pid, SIGKILL));
    EQ(WAIT(pid), SIGKILL);
    pid = child_that_sleeps();
    OK(kill(pid, SIGSTOP));
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    OK(kill(pid, SIGTERM));
    OK(kill(pid, SIGCONT));
    EQ(WAIT(pid), SIGTERM);
}

GUEST_MAIN(CASE(stop_and_continue_are_reported_once), CASE(stops_are_only_reported_on_request),
           CASE(waitid_reports_stops), CASE(continue_replaces_an_unreported_stop),
           CASE(all_threads_stop_before_the_report), CASE(sigchld_tells_of_stops),
           CASE(kill_ends_a_stopped_child))
