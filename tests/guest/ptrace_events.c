/* SPDX-License-Identifier: MIT */
/* ptrace(2): the events of PTRACE_SETOPTIONS: new tasks, execve, exit. */
#include "ptrace_check.h"

#include <pthread.h>

static uint64_t message_of(pid_t pid)
{
    uint64_t message = 0;
    OK(request(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&message));
    return message;
}

static void options(pid_t pid, uintptr_t set)
{
    OK(request(PTRACE_SETOPTIONS, pid, 0, set | PTRACE_O_EXITKILL));
}

static void fork_and_wait(void *unused)
{
    (void)unused;
    pid_t pid = fork();
    if (pid == 0)
        _exit(5);
    int status;
    while (waitpid(pid, &status, 0) != pid)
        continue;
    _exit(status == 5 << 8 ? 6 : 1);
}

/* The child stops before its first instruction; its parent waits for it after us. */
static void fork_is_followed(void)
{
    siginfo_t info;
    int status;
    pid_t pid = traced_child(fork_and_wait, NULL);
    options(pid, PTRACE_O_TRACEFORK);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_FORK));
    pid_t child = (pid_t)message_of(pid);
    OK(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    EQ(info.si_signo, SIGTRAP);
    EQ(info.si_code, SIGTRAP | PTRACE_EVENT_FORK << 8);
    EQ(info.si_pid, pid);
    STOPPED_BY(WAIT(child), SIGSTOP);
    let_go(pid, PTRACE_CONT, 0);
    EQ(waitpid(pid, &status, WNOHANG), 0);
    let_go(child, PTRACE_CONT, 0);
    EQ(WAIT(child), 5 << 8);
    STOPPED_BY(WAIT(pid), SIGCHLD);
    let_go(pid, PTRACE_CONT, SIGCHLD);
    EQ(WAIT(pid), 6 << 8);
}

static void vfork_and_wait(void *unused)
{
    (void)unused;
    pid_t pid = vfork();
    if (pid == 0)
        _exit(5);
    _exit(0);
}

static void vfork_and_its_end_are_reported(void)
{
    pid_t pid = traced_child(vfork_and_wait, NULL);
    options(pid, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_VFORK));
    pid_t child = (pid_t)message_of(pid);
    STOPPED_BY(WAIT(child), SIGSTOP);
    let_go(pid, PTRACE_CONT, 0);
    let_go(child, PTRACE_CONT, 0);
    EQ(WAIT(child), 5 << 8);
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_VFORK_DONE));
    EQ(message_of(pid), child);
    end_tracee(pid);
}

static void *nothing(void *unused)
{
    (void)unused;
    return NULL;
}

static void start_a_thread(void *unused)
{
    pthread_t thread;
    (void)unused;
    EQ(pthread_create(&thread, NULL, nothing, NULL), 0);
    EQ(pthread_join(thread, NULL), 0);
    _exit(3);
}

/* A traced thread has an end of its own, which its tracer waits for. */
static void threads_are_followed(void)
{
    char path[64];
    pid_t pid = traced_child(start_a_thread, NULL);
    options(pid, PTRACE_O_TRACECLONE);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_CLONE));
    pid_t tid = (pid_t)message_of(pid);
    STOPPED_BY(WAIT(tid), SIGSTOP);
    snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, tid);
    EQ(access(path, F_OK), 0);
    let_go(pid, PTRACE_CONT, 0);
    let_go(tid, PTRACE_CONT, 0);
    int status = WAIT(tid);
    TRUE(status == 0 || status == 3 << 8); /* the process may end before the thread has */
    EQ(WAIT(pid), 3 << 8);
}

static void options_are_inherited(void)
{
    pid_t pid = traced_child(fork_and_wait, NULL);
    options(pid, PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXIT);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_FORK));
    pid_t child = (pid_t)message_of(pid);
    STOPPED_BY(WAIT(child), SIGSTOP);
    let_go(child, PTRACE_CONT, 0);
    EQ(WAIT(child), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_EXIT));
    EQ(message_of(child), 5 << 8);
    let_go(child, PTRACE_CONT, 0);
    EQ(WAIT(child), 5 << 8);
    OK(kill(pid, SIGKILL)); /* whose end is an event, too */
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_EXIT));
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), SIGKILL);
}

static void without_options_children_run_free(void)
{
    pid_t pid = traced_child(fork_and_wait, NULL);
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGCHLD);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 6 << 8);
}

static void exec_self(void *unused)
{
    char *argv[] = {"self", "no_such_case", NULL};
    (void)unused;
    execv(guest_self(), argv);
    _exit(1);
}

static void exec_stops_with_sigtrap(void)
{
    siginfo_t info;
    pid_t pid = traced_child(exec_self, NULL);
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGTRAP);
    OK(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    EQ(info.si_code, SI_USER);
    EQ(info.si_pid, pid);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 0);
}

static void exec_is_an_event_on_request(void)
{
    pid_t pid = traced_child(exec_self, NULL);
    options(pid, PTRACE_O_TRACEEXEC);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_EXEC));
    EQ(message_of(pid), pid);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 0);
}

static void *exec_in_thread(void *unused)
{
    exec_self(unused);
    return NULL;
}

static void exec_from_thread(void *unused)
{
    pthread_t thread;
    EQ(pthread_create(&thread, NULL, exec_in_thread, NULL), 0);
    pause_forever(unused);
}

/* The thread becomes the leader; its old number is the message. */
static void exec_by_a_thread_tells_its_old_number(void)
{
    pid_t pid = traced_child(exec_from_thread, NULL);
    options(pid, PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_CLONE));
    pid_t tid = (pid_t)message_of(pid);
    STOPPED_BY(WAIT(tid), SIGSTOP);
    let_go(pid, PTRACE_CONT, 0);
    let_go(tid, PTRACE_CONT, 0);
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_EXEC));
    EQ(message_of(pid), tid);
    FAILS(request(PTRACE_CONT, tid, 0, 0), ESRCH);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 0);
}

static void die_of_sigterm(void *unused)
{
    (void)unused;
    raise(SIGTERM);
}

static void exit_can_be_looked_at(void)
{
    pid_t pid = traced_child(die_of_sigterm, NULL);
    options(pid, PTRACE_O_TRACEEXIT);
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGTERM);
    let_go(pid, PTRACE_CONT, SIGTERM);
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_EXIT));
    EQ(message_of(pid), SIGTERM);
    TRUE(regs_of(pid).rsp != 0);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), SIGTERM);
}

static void tracer_dies(void *argument)
{
    struct gate *gate = argument;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        char c;
        OK(request(PTRACE_TRACEME, 0, 0, 0));
        raise(SIGSTOP);
        EQ(read(gate->fds[0], &c, 1), 1);
        _exit(0);
    }
    STOPPED_BY(WAIT(pid), SIGSTOP);
    OK(request(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL));
    let_go(pid, PTRACE_CONT, 0);
}

/* The reading end is closed when the tracee is gone. */
static void exitkill_kills_with_the_tracer(void)
{
    struct gate gate = gate_make();
    OK(signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -1 : 0);
    pid_t pid = spawn(tracer_dies, &gate);
    CHILD_OK(pid);
    OK(close(gate.fds[0]));
    struct pollfd end = {.fd = gate.fds[1]};
    EQ(poll(&end, 1, -1), 1);
    TRUE(end.revents & POLLERR);
}

static void bad_options_are_refused(void)
{
    pid_t pid = traced_child(pause_forever, NULL);
    FAILS(request(PTRACE_SETOPTIONS, pid, 0, 1ul << 30), EINVAL);
    FAILS(request(PTRACE_SETOPTIONS, pid, 0, 0x100), EINVAL);
    FAILS(request(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)BAD_POINTER), EFAULT);
    end_tracee(pid);
}

GUEST_MAIN(CASE(fork_is_followed), CASE(vfork_and_its_end_are_reported), CASE(threads_are_followed),
           CASE(options_are_inherited), CASE(without_options_children_run_free),
           CASE(exec_stops_with_sigtrap), CASE(exec_is_an_event_on_request),
           CASE(exec_by_a_thread_tells_its_old_number), CASE(exit_can_be_looked_at),
           CASE(exitkill_kills_with_the_tracer), CASE(bad_options_are_refused))
