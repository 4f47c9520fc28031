/* SPDX-License-Identifier: MIT */
/* ptrace(2): signals of a tracee, and what the tracer makes of them. */
#include "ptrace_check.h"

static volatile sig_atomic_t got_signal, got_code, got_pid;

static void note(int signo, siginfo_t *info, void *context)
{
    (void)context;
    got_signal = signo;
    got_code = info->si_code;
    got_pid = info->si_pid;
}

static void handle(int signo)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    OK(sigaction(signo, &action, NULL));
}

static void raise_and_report(void *argument)
{
    handle(SIGUSR1);
    handle(SIGUSR2);
    raise(*(int *)argument);
    _exit(got_signal);
}

static int traced_status(int raised, int injected)
{
    pid_t pid = traced_child(raise_and_report, &raised);
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), raised);
    let_go(pid, PTRACE_CONT, injected);
    return WAIT(pid);
}

static void a_signal_can_be_delivered_changed_or_suppressed(void)
{
    EQ(traced_status(SIGUSR1, SIGUSR1), SIGUSR1 << 8);
    EQ(traced_status(SIGUSR1, SIGUSR2), SIGUSR2 << 8);
    EQ(traced_status(SIGUSR1, 0), 0);
    EQ(traced_status(SIGTERM, SIGTERM), SIGTERM);
    EQ(traced_status(SIGTERM, 0), 0);
}

static void ignored_signals_are_seen(void)
{
    EQ(traced_status(SIGCHLD, 0), 0);
    EQ(traced_status(SIGWINCH, SIGWINCH), 0);
}

static void kill_is_not_seen(void)
{
    int signo = SIGKILL;
    pid_t pid = traced_child(raise_and_report, &signo);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), SIGKILL);
}

static void report_info(void *unused)
{
    (void)unused;
    handle(SIGUSR1);
    raise(SIGUSR1);
    _exit(got_code == SI_QUEUE && got_pid == 4711 ? 42 : 1);
}

static void information_can_be_read_and_written(void)
{
    siginfo_t info;
    pid_t pid = traced_child(report_info, NULL);
    OK(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    EQ(info.si_signo, SIGSTOP);
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGUSR1);
    OK(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    EQ(info.si_signo, SIGUSR1);
    EQ(info.si_code, SI_TKILL);
    EQ(info.si_pid, pid);
    info.si_code = SI_QUEUE;
    info.si_pid = 4711;
    OK(request(PTRACE_SETSIGINFO, pid, 0, (uintptr_t)&info));
    FAILS(request(PTRACE_SETSIGINFO, pid, 0, (uintptr_t)BAD_POINTER), EFAULT);
    FAILS(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)BAD_POINTER), EFAULT);
    let_go(pid, PTRACE_CONT, SIGUSR1);
    EQ(WAIT(pid), 42 << 8);
}

static void another_signal_comes_from_the_tracer(void)
{
    int raised = SIGUSR1;
    pid_t pid = traced_child(raise_and_report, &raised);
    siginfo_t info;
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGUSR1);
    OK(request(PTRACE_SETSIGMASK, pid, 8, (uintptr_t) & (uint64_t){1ull << (SIGUSR2 - 1)}));
    let_go(pid, PTRACE_CONT, SIGUSR2); /* blocked now: queued again */
    EQ(WAIT(pid), 0);
    pid = traced_child(raise_and_report, &raised);
    OK(kill(pid, SIGUSR2));
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGUSR2);
    OK(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    EQ(info.si_code, SI_USER);
    EQ(info.si_pid, getpid());
    end_tracee(pid);
}

static void signal_masks_can_be_read_and_written(void)
{
    uint64_t mask = 0;
    pid_t pid = traced_child(pause_forever, NULL);
    FAILS(request(PTRACE_GETSIGMASK, pid, 4, (uintptr_t)&mask), EINVAL);
    FAILS(request(PTRACE_SETSIGMASK, pid, 16, (uintptr_t)&mask), EINVAL);
    FAILS(request(PTRACE_GETSIGMASK, pid, 8, (uintptr_t)BAD_POINTER), EFAULT);
    mask = ~0ull;
    OK(request(PTRACE_SETSIGMASK, pid, 8, (uintptr_t)&mask));
    OK(request(PTRACE_GETSIGMASK, pid, 8, (uintptr_t)&mask));
    EQ(mask, ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1)));
    end_tracee(pid);
}

static void pending_signals_can_be_looked_at(void)
{
    struct __ptrace_peeksiginfo_args args = {.nr = 8};
    siginfo_t infos[8];
    uint64_t mask = 1ull << (SIGUSR1 - 1) | 1ull << (SIGRTMIN - 1);
    pid_t pid = traced_child(pause_forever, NULL);
    OK(request(PTRACE_SETSIGMASK, pid, 8, (uintptr_t)&mask));
    EQ(OK(request(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&args, (uintptr_t)infos)), 0);
    OK(syscall(SYS_tgkill, pid, pid, SIGUSR1));
    OK(sigqueue(pid, SIGRTMIN, (union sigval){.sival_int = 1}));
    OK(sigqueue(pid, SIGRTMIN, (union sigval){.sival_int = 2}));
    EQ(OK(request(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&args, (uintptr_t)infos)), 1);
    EQ(infos[0].si_signo, SIGUSR1);
    args.flags = PTRACE_PEEKSIGINFO_SHARED;
    EQ(OK(request(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&args, (uintptr_t)infos)), 2);
    EQ(infos[0].si_value.sival_int, 1);
    EQ(infos[1].si_value.sival_int, 2);
    args.off = 1;
    EQ(OK(request(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&args, (uintptr_t)infos)), 1);
    EQ(infos[0].si_value.sival_int, 2);
    args.flags = 2;
    FAILS(request(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&args, (uintptr_t)infos), EINVAL);
    args = (struct __ptrace_peeksiginfo_args){.nr = -1};
    FAILS(request(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&args, (uintptr_t)infos), EINVAL);
    args.nr = 1;
    FAILS(request(PTRACE_PEEKSIGINFO, pid, (uintptr_t)&args, (uintptr_t)BAD_POINTER), EFAULT);
    FAILS(request(PTRACE_PEEKSIGINFO, pid, (uintptr_t)BAD_POINTER, (uintptr_t)infos), EFAULT);
    end_tracee(pid);
}

/* A stop signal that the tracer injects stops the group: a stop without information. */
static void a_group_stop_is_seen_without_information(void)
{
    siginfo_t info;
    int signo = SIGTSTP;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setpgid(0, 0));
        OK(request(PTRACE_TRACEME, 0, 0, 0));
        raise(signo);
        _exit(7);
    }
    STOPPED_BY(WAIT(pid), SIGTSTP);
    OK(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    let_go(pid, PTRACE_CONT, SIGTSTP);
    STOPPED_BY(WAIT(pid), SIGTSTP);
    FAILS(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info), EINVAL);
    EQ(process_state(pid), 't');
    let_go(pid, PTRACE_CONT, 0); /* it runs, whatever job control says */
    EQ(WAIT(pid), 7 << 8);
}

static void the_tracer_gets_sigchld(void)
{
    siginfo_t info;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    int signo = SIGUSR1;
    pid_t pid = traced_child(raise_and_report, &signo);
    EQ(OK(sigwaitinfo(&set, &info)), SIGCHLD);
    EQ(info.si_code, CLD_TRAPPED);
    EQ(info.si_pid, pid);
    EQ(info.si_status, SIGSTOP);
    let_go(pid, PTRACE_CONT, 0);
    EQ(OK(sigwaitinfo(&set, &info)), SIGCHLD);
    EQ(info.si_code, CLD_TRAPPED);
    EQ(info.si_status, SIGUSR1);
    memset(&info, 0, sizeof(info));
    OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT));
    EQ(info.si_code, CLD_TRAPPED);
    EQ(info.si_status, SIGUSR1);
    OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
    memset(&info, 0, sizeof(info));
    OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG));
    EQ(info.si_pid, 0);
    end_tracee(pid);
}

GUEST_MAIN(CASE(a_signal_can_be_delivered_changed_or_suppressed), CASE(ignored_signals_are_seen),
           CASE(kill_is_not_seen), CASE(information_can_be_read_and_written),
           CASE(another_signal_comes_from_the_tracer), CASE(signal_masks_can_be_read_and_written),
           CASE(pending_signals_can_be_looked_at), CASE(a_group_stop_is_seen_without_information),
           CASE(the_tracer_gets_sigchld))
