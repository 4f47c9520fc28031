/* SPDX-License-Identifier: MIT
 *
 * Job control: stopping and continuing processes, what their parents learn, orphaned groups.
 */
#include "signal_check.h"

#include <sys/syscall.h>

static volatile sig_atomic_t children, last_code, last_status, continued;

static void on_child(int signo, siginfo_t *info, void *uc)
{
    (void)signo;
    (void)uc;
    last_code = info->si_code;
    last_status = info->si_status;
    children++;
}

static void on_continue(int signo, siginfo_t *info, void *uc)
{
    (void)signo;
    (void)info;
    (void)uc;
    continued++;
}

static pid_t spawn(void (*body)(void))
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        body();
        _exit(0);
    }
    return pid;
}

static void pause_forever(void)
{
    /* A group of its own with a parent outside: not orphaned, whoever runs the test. */
    setpgid(0, 0);
    for (;;)
        pause();
}

static void kill_and_reap(pid_t pid)
{
    int status;
    OK(kill(pid, SIGKILL));
    EQ(waitpid(pid, &status, 0), pid);
    EQ(status, SIGKILL);
}

static void waitpid_sees_stops_and_continues(void)
{
    int status;
    siginfo_t info;
    pid_t pid = spawn(pause_forever);
    wait_for_state(pid, "S");
    int signals[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
    for (unsigned i = 0; i < 4; i++) {
        OK(kill(pid, signals[i]));
        EQ(waitpid(pid, &status, WUNTRACED), pid);
        TRUE(WIFSTOPPED(status));
        EQ(WSTOPSIG(status), signals[i]);
        wait_for_state(pid, "T");
        EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0); /* told once */
        OK(kill(pid, SIGCONT));
        EQ(waitpid(pid, &status, WCONTINUED), pid);
        TRUE(WIFCONTINUED(status));
        EQ(waitpid(pid, &status, WUNTRACED | WCONTINUED | WNOHANG), 0);
    }
    OK(kill(pid, SIGSTOP));
    OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT));
    EQ(info.si_code, CLD_STOPPED);
    EQ(info.si_status, SIGSTOP);
    OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
    EQ(info.si_pid, pid);
    OK(kill(pid, SIGCONT));
    OK(waitid(P_PID, (id_t)pid, &info, WCONTINUED));
    EQ(info.si_code, CLD_CONTINUED);
    EQ(info.si_status, SIGCONT);
    kill_and_reap(pid);
}

static void the_parent_is_signalled(void)
{
    handle(SIGCHLD, on_child, SA_RESTART);
    pid_t pid = spawn(pause_forever);
    children = 0;
    OK(kill(pid, SIGSTOP));
    while (children < 1)
        usleep(1000);
    EQ(last_code, CLD_STOPPED);
    EQ(last_status, SIGSTOP);
    OK(kill(pid, SIGCONT));
    while (children < 2)
        usleep(1000);
    EQ(last_code, CLD_CONTINUED);
    EQ(last_status, SIGCONT);

    handle(SIGCHLD, on_child, SA_NOCLDSTOP | SA_RESTART);
    int status;
    OK(kill(pid, SIGSTOP));
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    OK(kill(pid, SIGCONT));
    EQ(waitpid(pid, &status, WCONTINUED), pid);
    EQ(children, 2);
    kill_and_reap(pid);
    EQ(children, 3);
    dispose(SIGCHLD, SIG_DFL);
}

static void signals_of_a_stopped_process_wait(void)
{
    int status, fds[2];
    OK(pipe(fds));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        sigset_t none, both;
        sigemptyset(&none);
        sigemptyset(&both);
        sigaddset(&both, SIGUSR1);
        sigaddset(&both, SIGCONT);
        OK(sigprocmask(SIG_BLOCK, &both, NULL)); /* so that none comes before it is awaited */
        handle(SIGUSR1, on_continue, 0);
        handle(SIGCONT, on_continue, 0);
        EQ(write(fds[1], "r", 1), 1);
        while (continued < 2)
            sigsuspend(&none);
        _exit(7);
    }
    char byte;
    EQ(read(fds[0], &byte, 1), 1);
    OK(kill(pid, SIGSTOP));
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    OK(kill(pid, SIGUSR1));
    usleep(20000);
    EQ(waitpid(pid, &status, WNOHANG), 0);
    OK(kill(pid, SIGCONT));
    EQ(waitpid(pid, &status, 0), pid);
    EQ(WEXITSTATUS(status), 7);

    /* One that kills works at once, even so. */
    pid = spawn(pause_forever);
    OK(kill(pid, SIGSTOP));
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    OK(kill(pid, SIGTERM));
    usleep(20000);
    EQ(waitpid(pid, &status, WNOHANG), 0);
    kill_and_reap(pid);
    close(fds[0]);
    close(fds[1]);
}

/* SIGCONT and the stop signals cancel each other while they are pending. */
static void contrary_signals_cancel(void)
{
    block(SIGCONT);
    block(SIGTSTP);
    OK(kill(getpid(), SIGTSTP));
    TRUE(is_pending(SIGTSTP));
    OK(kill(getpid(), SIGCONT));
    TRUE(!is_pending(SIGTSTP));
    TRUE(is_pending(SIGCONT));
    OK(kill(getpid(), SIGTSTP));
    TRUE(!is_pending(SIGCONT));
    OK(kill(getpid(), SIGCONT));
    unblock(SIGCONT);
    unblock(SIGTSTP);
}

/* SIGCONT continues even a process that blocks or ignores it. */
static void continuing_needs_no_handler(void)
{
    int status;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        block(SIGCONT);
        pause_forever();
    }
    wait_for_state(pid, "S");
    OK(kill(pid, SIGSTOP));
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    OK(kill(pid, SIGCONT));
    EQ(waitpid(pid, &status, WCONTINUED), pid);
    wait_for_state(pid, "S");
    kill_and_reap(pid);
}

/* ---- threads ---- */

static void *spin(void *argument)
{
    for (;;) {
        (*(volatile unsigned long *)argument)++;
        sched_yield();
    }
    return NULL;
}

static void *sleep_on(void *argument)
{
    (void)argument;
    pause_forever();
    return NULL;
}

static void every_thread_stops(void)
{
    int status;
    unsigned long *shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, sleep_on, NULL);
        pthread_create(&thread, NULL, spin, shared);
        spin(shared + 1);
    }
    while (((volatile unsigned long *)shared)[0] < 10 || ((volatile unsigned long *)shared)[1] < 10)
        usleep(1000);
    for (int i = 0; i < 3; i++) {
        OK(kill(pid, SIGSTOP));
        EQ(waitpid(pid, &status, WUNTRACED), pid);
        TRUE(WIFSTOPPED(status));
        unsigned long a = ((volatile unsigned long *)shared)[0];
        unsigned long b = ((volatile unsigned long *)shared)[1];
        usleep(20000);
        EQ(((volatile unsigned long *)shared)[0], a);
        EQ(((volatile unsigned long *)shared)[1], b);
        OK(kill(pid, SIGCONT));
        EQ(waitpid(pid, &status, WCONTINUED), pid);
        while (((volatile unsigned long *)shared)[0] == a ||
               ((volatile unsigned long *)shared)[1] == b)
            usleep(1000);
    }
    OK(kill(pid, SIGSTOP));
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    kill_and_reap(pid);
}

/* ---- orphaned process groups ---- */

/* In an orphaned group the terminal's stop signals do nothing; SIGSTOP does. */
static void orphan(void)
{
    OK(setsid());
    OK(kill(getpid(), SIGTSTP));
    OK(kill(getpid(), SIGTTIN));
    OK(kill(getpid(), SIGTTOU));
}

static void orphaned_groups_do_not_stop(void)
{
    int status;
    pid_t pid = spawn(orphan);
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    TRUE(WIFEXITED(status));
}

/* When the last link to the session goes, a stopped group is told to hang up and goes on. */
static void stopped_orphans_are_hung_up(void)
{
    int fds[2];
    char bytes[8];
    OK(pipe(fds));
    pid_t leader = (pid_t)OK(fork());
    if (leader == 0) {
        OK(setsid());
        pid_t child = (pid_t)OK(fork());
        if (child == 0) {
            OK(setpgid(0, 0));
            handle(SIGCONT, on_continue, 0);
            block(SIGHUP);
            OK(kill(getpid(), SIGSTOP));
            while (!continued)
                usleep(1000);
            EQ(write(fds[1], is_pending(SIGHUP) ? "h" : "n", 1), 1);
            _exit(0);
        }
        int status;
        EQ(waitpid(child, &status, WUNTRACED), child);
        TRUE(WIFSTOPPED(status));
        _exit(0);
    }
    EQ(waitpid(leader, NULL, 0), leader);
    close(fds[1]);
    EQ(read(fds[0], bytes, sizeof(bytes)), 1);
    EQ(bytes[0], 'h');
    close(fds[0]);
}

/* ---- groups ---- */

static void signals_to_groups(void)
{
    int status;
    pid_t first = spawn(pause_forever), second = spawn(pause_forever);
    /* Each makes a group of its own first. */
    while (getpgid(first) != first || getpgid(second) != second)
        usleep(1000);
    OK(setpgid(second, first));
    OK(kill(-first, 0));
    OK(kill(-first, SIGTERM));
    EQ(waitpid(first, &status, 0), first);
    EQ(status, SIGTERM);
    EQ(waitpid(-first, &status, 0), second);
    EQ(status, SIGTERM);
    FAILS(kill(-first, 0), ESRCH);
    EQ(waitpid(-first, &status, WNOHANG), -1);
}

/* ---- permission ---- */

static pid_t victim;

static void try_to_signal(void)
{
    FAILS(kill(victim, SIGTERM), EPERM);
    FAILS(kill(victim, 0), EPERM);
    FAILS(syscall(SYS_tgkill, victim, victim, SIGTERM), EPERM);
    OK(kill(victim, SIGCONT)); /* the same session */
    OK(setsid());
    FAILS(kill(victim, SIGCONT), EPERM);
}

static void permission(void)
{
    if (geteuid() != 0)
        return;
    victim = spawn(pause_forever);
    as_user(4321, 4321, try_to_signal);
    kill_and_reap(victim);
    pid_t zombie = (pid_t)OK(fork());
    if (zombie == 0)
        _exit(0);
    wait_for_state(zombie, "Z");
    OK(kill(zombie, SIGTERM)); /* still there */
    OK(waitpid(zombie, NULL, 0));
    FAILS(kill(zombie, SIGTERM), ESRCH);
}

int main(void)
{
    waitpid_sees_stops_and_continues();
    the_parent_is_signalled();
    signals_of_a_stopped_process_wait();
    contrary_signals_cancel();
    continuing_needs_no_handler();
    every_thread_stops();
    orphaned_groups_do_not_stop();
    stopped_orphans_are_hung_up();
    signals_to_groups();
    permission();
    return 0;
}
