/* SPDX-License-Identifier: MIT */
/* fork(2), vfork(2), clone(2), clone3(2): flags, what is shared, what is copied, errors. */
#include "guest.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <sys/mman.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define CLEAR_SIGHAND 0x100000000ull

struct args3 {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
};

static long clone_raw(unsigned long flags, void *stack, int *parent_tid, int *child_tid)
{
    return syscall(SYS_clone, flags, stack, parent_tid, child_tid, 0);
}

static long clone3_raw(struct args3 *args)
{
    return syscall(SYS_clone3, args, sizeof(*args));
}

static void fork_copies_memory_and_numbers(void)
{
    static volatile int value = 1;
    pid_t self = getpid(), pid = (pid_t)OK(fork());
    if (pid == 0) {
        TRUE(getpid() != self);
        EQ(getppid(), self);
        EQ(syscall(SYS_gettid), getpid());
        EQ(getpgrp(), getpgid(self));
        EQ(getsid(0), getsid(self));
        value = 2;
        _exit(0);
    }
    CHILD_OK(pid);
    EQ(value, 1);
}

static void fork_clears_pending_signals_and_alarm(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(raise(SIGUSR1));
    alarm(25);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(sigpending(&set));
        EQ(sigismember(&set, SIGUSR1), 0);
        EQ(alarm(0), 0);
        OK(sigprocmask(SIG_BLOCK, NULL, &set));
        EQ(sigismember(&set, SIGUSR1), 1);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(sigpending(&set));
    EQ(sigismember(&set, SIGUSR1), 1);
    TRUE(alarm(0) > 20);
}

static void clone_refuses_bad_flags(void)
{
    FAILS(clone_raw(CLONE_THREAD | CLONE_VM | SIGCHLD, NULL, NULL, NULL), EINVAL);
    FAILS(clone_raw(CLONE_SIGHAND | SIGCHLD, NULL, NULL, NULL), EINVAL);
    FAILS(clone_raw(CLONE_THREAD | SIGCHLD, NULL, NULL, NULL), EINVAL);
    FAILS(clone_raw(CLONE_NEWNS | CLONE_FS | SIGCHLD, NULL, NULL, NULL), EINVAL);
    int tid = 0;
    FAILS(clone_raw(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, NULL, &tid, NULL), EINVAL);
    FAILS(clone_raw(CLONE_PIDFD | CLONE_DETACHED | SIGCHLD, NULL, &tid, NULL), EINVAL);
    FAILS(wait(NULL), ECHILD);
}

static void clone3_checks_its_arguments(void)
{
    struct args3 args = {.exit_signal = SIGCHLD};
    FAILS(syscall(SYS_clone3, &args, 8), EINVAL);
    FAILS(syscall(SYS_clone3, &args, 8192), E2BIG);
    FAILS(syscall(SYS_clone3, BAD_POINTER, sizeof(args)), EFAULT);
    args = (struct args3){.exit_signal = 65};
    FAILS(clone3_raw(&args), EINVAL);
    args = (struct args3){.exit_signal = 0x100 | SIGCHLD};
    FAILS(clone3_raw(&args), EINVAL);
    args = (struct args3){.flags = CLONE_DETACHED, .exit_signal = SIGCHLD};
    FAILS(clone3_raw(&args), EINVAL);
    args = (struct args3){.flags = SIGCHLD};
    FAILS(clone3_raw(&args), EINVAL);
    args = (struct args3){.flags = 1ull << 60, .exit_signal = SIGCHLD};
    FAILS(clone3_raw(&args), EINVAL);
    args = (struct args3){.stack = 4096, .exit_signal = SIGCHLD};
    FAILS(clone3_raw(&args), EINVAL);
    args = (struct args3){.stack_size = 4096, .exit_signal = SIGCHLD};
    FAILS(clone3_raw(&args), EINVAL);
    args = (struct args3){.flags = CLONE_PARENT, .exit_signal = SIGCHLD};
    FAILS(clone3_raw(&args), EINVAL);
    args = (struct args3){.flags = CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD};
    FAILS(clone3_raw(&args), EINVAL);
    args = (struct args3){.set_tid_size = 1, .exit_signal = SIGCHLD};
    FAILS(clone3_raw(&args), EINVAL);
    int tid = 0;
    args = (struct args3){.set_tid = (uintptr_t)&tid, .exit_signal = SIGCHLD};
    FAILS(clone3_raw(&args), EINVAL);
    struct {
        struct args3 args;
        uint64_t more;
    } longer = {.args = {.exit_signal = SIGCHLD}, .more = 1};
    FAILS(syscall(SYS_clone3, &longer, sizeof(longer)), E2BIG);
    FAILS(wait(NULL), ECHILD);
}

static void parent_settid_ignores_a_bad_address(void)
{
    int tid = 0;
    long pid = OK(clone_raw(CLONE_PARENT_SETTID | SIGCHLD, NULL, &tid, NULL));
    if (pid == 0)
        _exit(0);
    EQ(tid, pid);
    CHILD_OK((pid_t)pid);
    pid = OK(clone_raw(CLONE_PARENT_SETTID | SIGCHLD, NULL, BAD_POINTER, NULL));
    if (pid == 0)
        _exit(0);
    CHILD_OK((pid_t)pid);
}

static void child_settid_is_written_in_the_child(void)
{
    static volatile int tid = -1;
    long pid = OK(clone_raw(CLONE_CHILD_SETTID | SIGCHLD, NULL, NULL, (int *)&tid));
    if (pid == 0) {
        EQ(tid, syscall(SYS_gettid));
        _exit(0);
    }
    EQ(tid, -1);
    CHILD_OK((pid_t)pid);
    pid = OK(clone_raw(CLONE_CHILD_SETTID | SIGCHLD, NULL, NULL, BAD_POINTER));
    if (pid == 0)
        _exit(0);
    CHILD_OK((pid_t)pid);
}

static int exit_with_7(void *unused)
{
    (void)unused;
    return 7;
}

static char *new_stack(void)
{
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(stack != MAP_FAILED);
    return stack + 65536;
}

static void cleartid_is_cleared_and_woken(void)
{
    static int tid = 12345;
    int pid = (int)OK(clone(exit_with_7, new_stack(), CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, NULL,
                            NULL, NULL, &tid));
    while (__atomic_load_n(&tid, __ATOMIC_ACQUIRE) != 0)
        syscall(SYS_futex, &tid, FUTEX_WAIT, 12345, NULL, NULL, 0);
    EQ(WAIT(pid), 7 << 8);
}

static void pidfd_refers_to_the_child(void)
{
    int fd = -1;
    siginfo_t info;
    long pid = OK(clone_raw(CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL));
    if (pid == 0)
        _exit(3);
    TRUE(fd >= 0);
    EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    EQ(poll(&poll_fd, 1, 5000), 1);
    OK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
    EQ(info.si_pid, pid);
    EQ(info.si_status, 3);
    FAILS(waitid(P_PIDFD, (id_t)fd, &info, WEXITED), ECHILD);
    OK(close(fd));
}

static void pidfd_with_a_bad_address_leaves_no_child(void)
{
    FAILS(clone_raw(CLONE_PIDFD | SIGCHLD, NULL, BAD_POINTER, NULL), EFAULT);
    FAILS(wait(NULL), ECHILD);
    int fd = (int)OK(dup(0));
    EQ(fd, 3);
}

static void vfork_runs_the_child_first_in_our_memory(void)
{
    static volatile int value;
    pid_t pid = vfork();
    if (pid == 0) {
        value = 42;
        _exit(0);
    }
    TRUE(pid > 0);
    EQ(value, 42);
    CHILD_OK(pid);
}

static void vfork_ends_with_exec(void)
{
    char *argv[] = {(char *)"no", NULL};
    volatile int failed = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        execve("/nonexistent/program", argv, NULL);
        failed = errno;
        execve(guest_self(), (char *[]){(char *)"again", (char *)"--exit-9", NULL}, NULL);
        _exit(1);
    }
    EQ(failed, ENOENT);
    EQ(WAIT(pid), 9 << 8);
}

static int sleep_until_told(void *argument)
{
    struct gate *gate = argument;
    char c;
    return (int)read(gate->fds[0], &c, 1) != 1;
}

/* The parent of a vfork child can be killed while it waits. */
static void vfork_parent_can_be_killed(void)
{
    struct gate go = gate_make(), started = gate_make();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        char *stack = new_stack();
        gate_open(&started);
        clone(sleep_until_told, stack, CLONE_VFORK | CLONE_VM | SIGCHLD, &go);
        _exit(0);
    }
    gate_pass(&started);
    sleep_ms(30);
    OK(kill(pid, SIGTERM));
    EQ(WAIT(pid), SIGTERM);
    gate_open(&go);
}

/* A stop signal does not get at a parent in vfork before the child is gone. */
static void vfork_parent_can_not_be_stopped(void)
{
    struct gate go = gate_make(), started = gate_make();
    int status;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        char *stack = new_stack();
        gate_open(&started);
        clone(sleep_until_told, stack, CLONE_VFORK | CLONE_VM | SIGCHLD, &go);
        _exit(0);
    }
    gate_pass(&started);
    sleep_ms(30);
    OK(kill(pid, SIGSTOP));
    sleep_ms(30);
    EQ(OK(waitpid(pid, &status, WUNTRACED | WNOHANG)), 0);
    gate_open(&go);
    EQ(OK(waitpid(pid, &status, WUNTRACED)), pid);
    TRUE(WIFSTOPPED(status));
    OK(kill(pid, SIGCONT));
    CHILD_OK(pid);
}

static void clone_parent_makes_a_sibling(void)
{
    struct gate gate = gate_make();
    pid_t top = getpid(), pid = (pid_t)OK(fork());
    if (pid == 0) {
        long sibling = OK(clone_raw(CLONE_PARENT | SIGCHLD, NULL, NULL, NULL));
        if (sibling == 0) {
            EQ(getppid(), top);
            _exit(5);
        }
        FAILS(waitpid((pid_t)sibling, NULL, 0), ECHILD);
        EQ(write(gate.fds[1], &sibling, sizeof(sibling)), sizeof(sibling));
        _exit(0);
    }
    long sibling;
    EQ(read(gate.fds[0], &sibling, sizeof(sibling)), sizeof(sibling));
    EQ(WAIT((pid_t)sibling), 5 << 8);
    CHILD_OK(pid);
}

static volatile sig_atomic_t signals_got;

static void count_signal(int signo)
{
    (void)signo;
    signals_got++;
}

static void other_exit_signals_need_wclone(void)
{
    int status;
    TRUE(signal(SIGUSR1, count_signal) != SIG_ERR);
    long pid = OK(clone_raw(SIGUSR1, NULL, NULL, NULL));
    if (pid == 0)
        _exit(0);
    FAILS(waitpid((pid_t)pid, &status, 0), ECHILD);
    EVENTUALLY(signals_got == 1);
    EQ(OK(waitpid((pid_t)pid, &status, __WCLONE)), pid);
    pid = OK(clone_raw(0, NULL, NULL, NULL));
    if (pid == 0)
        _exit(0);
    FAILS(wait(&status), ECHILD);
    EQ(OK(waitpid(-1, &status, __WALL)), pid);
    pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(0);
    FAILS(waitpid((pid_t)pid, &status, __WCLONE), ECHILD);
    CHILD_OK((pid_t)pid);
    EQ(signals_got, 1);
}

static void exec_gives_the_child_back_its_sigchld(void)
{
    int status;
    long pid = OK(clone_raw(SIGUSR2, NULL, NULL, NULL));
    if (pid == 0) {
        execv(guest_self(), (char *[]){(char *)"again", (char *)"--exit-9", NULL});
        _exit(1);
    }
    TRUE(signal(SIGUSR2, count_signal) != SIG_ERR);
    sleep_ms(10);
    /* Until it has executed it is a clone child. */
    while (waitpid((pid_t)pid, &status, 0) != pid)
        EQ(errno, ECHILD);
    EQ(status, 9 << 8);
    EQ(signals_got, 0);
}

static void files_and_directory_are_shared_on_request(void)
{
    char here[PATH_MAX], there[PATH_MAX];
    TRUE(getcwd(here, sizeof(here)) != NULL);
    int fd = (int)OK(dup(0));
    long pid = OK(clone_raw(CLONE_FILES | CLONE_FS | SIGCHLD, NULL, NULL, NULL));
    if (pid == 0) {
        OK(close(fd));
        OK(chdir("/"));
        umask(0123);
        _exit(0);
    }
    CHILD_OK((pid_t)pid);
    FAILS(fcntl(fd, F_GETFD), EBADF);
    TRUE(getcwd(there, sizeof(there)) != NULL);
    STR_EQ(there, "/");
    EQ(umask(022), 0123);

    OK(chdir(here));
    fd = (int)OK(dup(0));
    pid = OK(fork());
    if (pid == 0) {
        OK(close(fd));
        OK(chdir("/"));
        umask(0);
        _exit(0);
    }
    CHILD_OK((pid_t)pid);
    OK(fcntl(fd, F_GETFD));
    TRUE(getcwd(there, sizeof(there)) != NULL);
    STR_EQ(there, here);
    EQ(umask(022), 022);
}

static void handlers_are_cleared_on_request(void)
{
    struct sigaction action;
    TRUE(signal(SIGUSR1, count_signal) != SIG_ERR);
    TRUE(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
    struct args3 args = {.flags = CLEAR_SIGHAND, .exit_signal = SIGCHLD};
    long pid = OK(clone3_raw(&args));
    if (pid == 0) {
        OK(sigaction(SIGUSR1, NULL, &action));
        TRUE(action.sa_handler == SIG_DFL);
        OK(sigaction(SIGUSR2, NULL, &action));
        TRUE(action.sa_handler == SIG_IGN);
        _exit(0);
    }
    CHILD_OK((pid_t)pid);
}

static int install_handler(void *unused)
{
    (void)unused;
    return signal(SIGUSR1, count_signal) == SIG_ERR;
}

static void handlers_are_shared_with_clone_sighand(void)
{
    struct sigaction action;
    int pid = (int)OK(clone(install_handler, new_stack(), CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL));
    EQ(WAIT(pid), 0);
    OK(sigaction(SIGUSR1, NULL, &action));
    TRUE(action.sa_handler == count_signal);
}

static void set_tid_chooses_the_number(void)
{
    int tid = getpid();
    struct args3 args = {
        .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&tid, .set_tid_size = 1};
    if (geteuid() != 0)
        skip("needs root");
    FAILS(clone3_raw(&args), EEXIST);
    tid = 0;
    FAILS(clone3_raw(&args), EINVAL);
    tid = -5;
    FAILS(clone3_raw(&args), EINVAL);
    tid = 31234;
    long pid = OK(clone3_raw(&args));
    if (pid == 0) {
        EQ(getpid(), 31234);
        _exit(0);
    }
    EQ(pid, 31234);
    CHILD_OK((pid_t)pid);
}

GUEST_CASES(CASE(fork_copies_memory_and_numbers), CASE(fork_clears_pending_signals_and_alarm),
            CASE(clone_refuses_bad_flags), CASE(clone3_checks_its_arguments),
            CASE(parent_settid_ignores_a_bad_address), CASE(child_settid_is_written_in_the_child),
            CASE(cleartid_is_cleared_and_woken), CASE(pidfd_refers_to_the_child),
            CASE(pidfd_with_a_bad_address_leaves_no_child),
            CASE(vfork_runs_the_child_first_in_our_memory), CASE(vfork_ends_with_exec),
            CASE(vfork_parent_can_be_killed), CASE(vfork_parent_can_not_be_stopped),
            CASE(clone_parent_makes_a_sibling), CASE(other_exit_signals_need_wclone),
            CASE(exec_gives_the_child_back_its_sigchld),
            CASE(files_and_directory_are_shared_on_request), CASE(handlers_are_cleared_on_request),
            CASE(handlers_are_shared_with_clone_sighand), CASE(set_tid_chooses_the_number))

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--exit-9") == 0)
        return 9;
    return guest_run_all(argc, argv);
}
