/* SPDX-License-Identifier: MIT */
/* pid_namespaces(7): numbers as seen from inside and outside, and the namespace's init. */
#include "guest.h"

#include <linux/sched.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>

#ifndef NS_GET_PARENT
#define NS_GET_USERNS 0xb701
#define NS_GET_PARENT 0xb702
#define NS_GET_NSTYPE 0xb703
#endif

static void need_root(void)
{
    if (geteuid() != 0)
        skip("needs root");
}

/* A child in a pid namespace of its own. */
static pid_t clone_inside(unsigned long flags)
{
    return (pid_t)OK(syscall(__NR_clone, CLONE_NEWPID | SIGCHLD | flags, 0, 0, 0, 0));
}

static pid_t spawn_inside(void (*body)(void *argument), void *argument)
{
    pid_t pid = clone_inside(0);
    if (pid == 0) {
        body(argument);
        _exit(0);
    }
    return pid;
}

/* ---- numbers ---- */

static void grandchild(void *argument)
{
    (void)argument;
    EQ(getpid(), 2);
    EQ(getppid(), 1);
    EQ(syscall(__NR_gettid), 2);
    EQ(getpgid(0), 0); /* the group is one from outside */
    EQ(getsid(0), 0);
    EQ(setsid(), 2);
    EQ(getsid(0), 2);
    EQ(getpgid(2), 2);
}

static void as_init(void *argument)
{
    pid_t outer = *(pid_t *)argument;
    EQ(getpid(), 1);
    EQ(syscall(__NR_gettid), 1);
    EQ(getppid(), 0);
    FAILS(kill(outer, 0), ESRCH);
    FAILS(getpgid(outer), ESRCH);
    pid_t pid = spawn(grandchild, NULL);
    EQ(pid, 2);
    siginfo_t info = {0};
    OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    EQ(info.si_pid, 2);
    FAILS(waitpid(outer, NULL, 0), ECHILD);
    CHILD_OK(pid);
}

static void numbers_start_at_one(void)
{
    need_root();
    pid_t self = getpid();
    CHILD_OK(spawn_inside(as_init, &self));
}

static void unshare_sends_children_inside(void)
{
    need_root();
    pid_t before = getpid();
    OK(unshare(CLONE_NEWPID));
    EQ(getpid(), before);
    FAILS(unshare(CLONE_NEWPID), EINVAL); /* children go elsewhere already */
    FAILS(syscall(__NR_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0), EINVAL);
    FAILS(syscall(__NR_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, 0, 0, 0, 0), EINVAL);
    char link[64];
    FAILS(readlink("/proc/self/ns/pid_for_children", link, sizeof(link)), ENOENT); /* no init */
    struct gate gate = gate_make();
    pid_t first = (pid_t)OK(fork());
    if (first == 0) {
        EQ(getpid(), 1);
        close(gate.fds[1]);
        char c;
        EQ(read(gate.fds[0], &c, 1), 0);
        _exit(0);
    }
    OK(readlink("/proc/self/ns/pid_for_children", link, sizeof(link)));
    pid_t second = (pid_t)OK(fork());
    if (second == 0) {
        EQ(getpid(), 2);
        EQ(getppid(), 0);
        _exit(0);
    }
    CHILD_OK(second);
    close(gate.fds[1]);
    CHILD_OK(first);
    FAILS(fork(), ENOMEM); /* its init is gone */
    FAILS(syscall(__NR_vfork), ENOMEM);
}

static void flags_that_do_not_fit(void)
{
    need_root();
    FAILS(syscall(__NR_clone, CLONE_NEWPID | CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, 0, 0, 0, 0),
          EINVAL);
    OK(setresuid(65534, 65534, 65534));
    FAILS(unshare(CLONE_NEWPID), EPERM);
    FAILS(syscall(__NR_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0), EPERM);
}

/* At most 32 of them one in another, the initial one not counted. */
static void nest(int depth)
{
    long pid = syscall(__NR_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0) {
        EQ(errno, ENOSPC);
        TRUE(depth <= 32);
        TRUE(depth >= 24); /* the machine may be in some itself */
        return;
    }
    if (pid == 0) {
        EQ(getpid(), 1);
        nest(depth + 1);
        _exit(0);
    }
    CHILD_OK((pid_t)pid);
}

static void levels_have_a_limit(void)
{
    need_root();
    nest(0);
}

/* ---- signals to init ---- */

static void nothing(int signo)
{
    (void)signo;
}

static void try_to_kill_init(void *argument)
{
    (void)argument;
    OK(kill(1, SIGTERM));
    OK(kill(1, SIGKILL));
    OK(kill(1, SIGSTOP));
    OK(kill(1, SIGSEGV));
    OK(syscall(__NR_tgkill, 1, 1, SIGKILL));
    union sigval value = {.sival_int = 5};
    OK(sigqueue(1, SIGUSR1, value));
}

static void init_survives(void *argument)
{
    (void)argument;
    OK(kill(getpid(), SIGTERM));
    OK(syscall(__NR_tgkill, 1, 1, SIGKILL));
    CHILD_OK(spawn(try_to_kill_init, NULL));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGTERM);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(kill(1, SIGTERM)); /* blocked: pending until it is unblocked, then nothing */
    sigset_t pending;
    OK(sigpending(&pending));
    TRUE(sigismember(&pending, SIGTERM));
    OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
    OK(kill(-1, SIGTERM) < 0 && errno == ESRCH ? 0 : -1); /* nobody but init is here */
}

static void init_is_not_killed_from_inside(void)
{
    need_root();
    CHILD_OK(spawn_inside(init_survives, NULL));
}

static void waits_with_handler(void *argument)
{
    struct gate *gates = argument;
    struct sigaction action = {.sa_handler = nothing};
    OK(sigaction(SIGUSR1, &action, NULL));
    gate_open(&gates[0]);
    for (;;)
        pause();
}

static void init_is_killed_from_outside(void)
{
    need_root();
    struct gate gate = gate_make();
    pid_t pid = spawn_inside(waits_with_handler, &gate);
    gate_pass(&gate);
    OK(kill(pid, SIGTERM));
    OK(kill(pid, SIGUSR1));
    OK(kill(pid, SIGSEGV));
    OK(kill(pid, SIGSTOP));
    int status;
    EQ(OK(waitpid(pid, &status, WUNTRACED)), pid);
    TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    OK(kill(pid, SIGCONT));
    OK(kill(pid, SIGKILL));
    status = WAIT(pid);
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void faults(void *argument)
{
    (void)argument;
    *(volatile int *)BAD_POINTER = 1;
}

static void a_fault_kills_init(void)
{
    need_root();
    int status = WAIT(spawn_inside(faults, NULL));
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static volatile sig_atomic_t seen_pid = -1, seen_code = -1, seen_uid = -1;

static void note_sender(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    seen_pid = info->si_pid;
    seen_code = info->si_code;
    seen_uid = (sig_atomic_t)info->si_uid;
}

static void tells_sender(void *argument)
{
    struct gate *gates = argument;
    struct sigaction action = {.sa_sigaction = note_sender, .sa_flags = SA_SIGINFO};
    sigset_t block, old;
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    OK(sigaction(SIGUSR1, &action, NULL));
    OK(sigprocmask(SIG_BLOCK, &block, &old));
    gate_open(&gates[0]);
    sigsuspend(&old);
    EQ(seen_pid, 0); /* from outside */
    EQ(seen_code, SI_USER);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(kill(1, SIGUSR1));
        _exit(0);
    }
    sigsuspend(&old);
    EQ(seen_pid, pid);
    CHILD_OK(pid);
}

static void senders_have_the_receivers_numbers(void)
{
    need_root();
    struct gate gate = gate_make();
    pid_t pid = spawn_inside(tells_sender, &gate);
    gate_pass(&gate);
    OK(kill(pid, SIGUSR1));
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    while (sigwaitinfo(&set, &info) < 0)
        continue;
    EQ(info.si_pid, pid);
    CHILD_OK(pid);
}

static void minds_its_own(void *argument)
{
    struct gate *gates = argument;
    pid_t pids[2];
    for (int i = 0; i < 2; i++) {
        pids[i] = (pid_t)OK(fork());
        if (pids[i] == 0)
            for (;;)
                pause();
    }
    OK(kill(-1, SIGKILL));
    for (int i = 0; i < 2; i++) {
        int status = WAIT(pids[i]);
        TRUE(WIFSIGNALED(status));
    }
    gate_open(gates);
}

static void kill_all_stays_inside(void)
{
    need_root();
    struct gate gate = gate_make();
    pid_t other = (pid_t)OK(fork());
    if (other == 0)
        for (;;)
            pause();
    CHILD_OK(spawn_inside(minds_its_own, &gate));
    gate_pass(&gate);
    EQ(waitpid(other, NULL, WNOHANG), 0);
    OK(kill(other, SIGKILL));
    WAIT(other);
}

/* ---- orphans, the end of init ---- */

static void adopts(void *argument)
{
    (void)argument;
    struct gate gate = gate_make();
    pid_t child = (pid_t)OK(fork());
    if (child == 0) {
        if (OK(fork()) == 0) {
            EVENTUALLY(getppid() == 1);
            gate_open(&gate);
            _exit(7);
        }
        _exit(0);
    }
    CHILD_OK(child);
    gate_pass(&gate);
    int status;
    TRUE(OK(wait(&status)) == 3);
    EQ(WEXITSTATUS(status), 7);
}

static void orphans_go_to_init(void)
{
    need_root();
    CHILD_OK(spawn_inside(adopts, NULL));
}

static void leaves_many(void *argument)
{
    struct gate *gate = argument;
    close(gate->fds[0]);
    for (int i = 0; i < 4; i++) {
        if (OK(fork()) == 0) {
            if (i & 1)
                OK(setsid());
            signal(SIGTERM, SIG_IGN);
            if (i == 3 && OK(syscall(__NR_clone, CLONE_NEWPID | SIGUSR1, 0, 0, 0, 0)) == 0)
                for (;;)
                    pause();
            for (;;)
                pause();
        }
    }
    _exit(3);
}

static void the_end_of_init_is_everybodys(void)
{
    need_root();
    struct gate gate = gate_make();
    pid_t pid = spawn_inside(leaves_many, &gate);
    close(gate.fds[1]);
    EQ(WEXITSTATUS(WAIT(pid)), 3);
    char c;
    EQ(read(gate.fds[0], &c, 1), 0); /* nobody is left that has the other end */
}

static void forks_without_end(void *argument)
{
    struct gate *gate = argument;
    for (int i = 0; i < 3; i++) {
        if (OK(fork()) == 0) {
            for (;;) {
                pid_t pid = fork();
                if (pid == 0)
                    _exit(0);
                if (pid > 0)
                    waitpid(pid, NULL, 0);
            }
        }
    }
    gate_open(gate);
    for (;;)
        pause();
}

static void init_dies_while_others_fork(void)
{
    need_root();
    for (int i = 0; i < 5; i++) {
        struct gate gate = gate_make();
        pid_t pid = spawn_inside(forks_without_end, &gate);
        gate_pass(&gate);
        OK(kill(pid, SIGKILL));
        EQ(WTERMSIG(WAIT(pid)), SIGKILL);
        close(gate.fds[1]);
        char c;
        EQ(read(gate.fds[0], &c, 1), 0);
        close(gate.fds[0]);
    }
}

static void *sleeps(void *argument)
{
    for (;;)
        pause();
    return argument;
}

static void threaded_init(void *argument)
{
    struct gate *gate = argument;
    pthread_t thread;
    close(gate->fds[0]);
    for (int i = 0; i < 3; i++)
        TRUE(pthread_create(&thread, NULL, sleeps, NULL) == 0);
    if (OK(fork()) == 0)
        sleeps(NULL);
    _exit(5);
}

static void an_init_with_threads_ends(void)
{
    need_root();
    struct gate gate = gate_make();
    pid_t pid = spawn_inside(threaded_init, &gate);
    close(gate.fds[1]);
    EQ(WEXITSTATUS(WAIT(pid)), 5);
    char c;
    EQ(read(gate.fds[0], &c, 1), 0);
}

static void reboots(void *argument)
{
    int command = *(int *)argument;
    if (getpid() != 1)
        _exit(1);
    FAILS(reboot(RB_ENABLE_CAD), EINVAL);
    reboot(command);
    _exit(9);
}

static void reboot_ends_the_namespace(void)
{
    need_root();
    int command = RB_AUTOBOOT;
    int status = WAIT(spawn_inside(reboots, &command));
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
    command = RB_POWER_OFF;
    status = WAIT(spawn_inside(reboots, &command));
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

GUEST_MAIN(CASE(numbers_start_at_one), CASE(unshare_sends_children_inside),
           CASE(flags_that_do_not_fit), CASE(levels_have_a_limit),
           CASE(init_is_not_killed_from_inside), CASE(init_is_killed_from_outside),
           CASE(a_fault_kills_init), CASE(senders_have_the_receivers_numbers),
           CASE(kill_all_stays_inside), CASE(orphans_go_to_init),
           CASE(the_end_of_init_is_everybodys), CASE(init_dies_while_others_fork),
           CASE(an_init_with_threads_ends), CASE(reboot_ends_the_namespace))
