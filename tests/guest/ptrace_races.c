/* SPDX-License-Identifier: MIT */
/* ptrace(2): tracers and tracees that come, go and die at the same time. */
#include "ptrace_check.h"

#include <pthread.h>
#include <sys/mman.h>

enum { ROUNDS = 20, THREADS = 3 };

static void *count_calls(void *unused)
{
    (void)unused;
    for (;;)
        getppid();
    return NULL;
}

static void run_threads(void *argument)
{
    pthread_t thread;
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_create(&thread, NULL, count_calls, NULL), 0);
    gate_open(argument);
    count_calls(NULL);
}

static pid_t busy_process(void)
{
    struct gate ready = gate_make();
    pid_t pid = spawn(run_threads, &ready);
    gate_pass(&ready);
    close(ready.fds[0]);
    close(ready.fds[1]);
    return pid;
}

/* Its end may come before anything that we ask for. */
static void may_fail(long result)
{
    TRUE(result != -1 || errno == ESRCH || errno == ECHILD);
}

static void *kill_soon(void *argument)
{
    sched_yield();
    kill(*(pid_t *)argument, SIGKILL);
    return NULL;
}

/* Whatever the tracer is about, a killed process ends, and is waited for once. */
static void killed_while_it_is_looked_at(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct user_regs_struct regs;
        pthread_t killer;
        int status = 0;
        pid_t pid = busy_process();
        OK(request(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
        OK(request(PTRACE_INTERRUPT, pid, 0, 0));
        EQ(pthread_create(&killer, NULL, kill_soon, &pid), 0);
        for (;;) {
            EQ(OK(waitpid(pid, &status, __WALL)), pid);
            if (!WIFSTOPPED(status))
                break;
            may_fail(request(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs));
            may_fail(request(i % 2 ? PTRACE_SYSCALL : PTRACE_SINGLESTEP, pid, 0, 0));
        }
        EQ(status, SIGKILL);
        EQ(pthread_join(killer, NULL), 0);
        FAILS(waitpid(pid, &status, __WALL), ECHILD);
    }
}

static void seize_for_a_moment(void *argument)
{
    pid_t pid = *(pid_t *)argument;
    for (int i = 0; i < ROUNDS; i++) {
        int status;
        if (request(PTRACE_SEIZE, pid, 0, 0) == -1) {
            EQ(errno, EPERM); /* somebody else has it */
            sched_yield();
            continue;
        }
        OK(request(PTRACE_INTERRUPT, pid, 0, 0));
        EQ(OK(waitpid(pid, &status, __WALL)), pid);
        EQ(status, EVENT_STATUS(SIGTRAP, PTRACE_EVENT_STOP));
        if (i % 3 == 0)
            return; /* and leaves it stopped */
        OK(request(PTRACE_DETACH, pid, 0, 0));
    }
}

static void many_tracers_of_one_task(void)
{
    pid_t tracers[4], pid = busy_process();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++)
            tracers[i] = spawn(seize_for_a_moment, &pid);
        for (int i = 0; i < 4; i++)
            CHILD_OK(tracers[i]);
    }
    end_tracee(pid);
}

static void stop_and_continue(void *argument)
{
    for (int i = 0; i < 10 * ROUNDS; i++) {
        kill(*(pid_t *)argument, SIGSTOP);
        sched_yield();
        kill(*(pid_t *)argument, SIGCONT);
    }
}

/* Job control and a tracer at once: every stop is answered, and the process runs in the end. */
static void job_control_under_a_tracer(void)
{
    int status;
    pid_t pid = busy_process();
    OK(request(PTRACE_SEIZE, pid, 0, 0));
    pid_t other = spawn(stop_and_continue, &pid);
    for (bool done = false; !done;) {
        pid_t got = (pid_t)OK(waitpid(-1, &status, __WALL));
        if (got == other) {
            EQ(status, 0);
            done = true;
            continue;
        }
        EQ(got, pid);
        if (!WIFSTOPPED(status))
            fail_at(__LINE__, "status %x", (unsigned)status);
        int signo = status >> 16 ? 0 : WSTOPSIG(status);
        may_fail(request(PTRACE_CONT, pid, 0, (uintptr_t)signo));
    }
    OK(kill(pid, SIGKILL));
    do
        EQ(OK(waitpid(pid, &status, __WALL)), pid);
    while (WIFSTOPPED(status));
    EQ(status, SIGKILL);
}

static void *ask_and_leave(void *out)
{
    request(PTRACE_TRACEME, 0, 0, 0);
    *(pid_t *)out = gettid();
    return NULL;
}

static void leave_a_dead_thread(void *argument)
{
    pthread_t thread;
    EQ(pthread_create(&thread, NULL, ask_and_leave, argument), 0);
    pthread_join(thread, NULL);
}

/* A process whose dead thread is still its tracer's to wait for is not gone yet. */
static void process_ends_after_its_traced_threads(void)
{
    int status;
    siginfo_t info;
    pid_t *thread =
        mmap(NULL, sizeof *thread, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    TRUE(thread != MAP_FAILED);
    pid_t pid = spawn(leave_a_dead_thread, thread);
    EQ(OK(waitpid(-1, &status, __WALL | __WNOTHREAD)), *thread);
    EQ(status, 0);
    EQ(WAIT(pid), 0);

    pid = spawn(leave_a_dead_thread, thread);
    OK(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | __WALL));
    EQ(info.si_pid, *thread);
    EQ(waitpid(pid, &status, WNOHANG), 0);
    EQ(OK(waitpid(*thread, &status, __WALL)), *thread);
    EQ(WAIT(pid), 0);
}

static void trace_the_end_of_a_child(void *argument)
{
    pid_t pid = spawn(pause_forever, NULL);
    OK(request(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXIT));
    gate_open(argument);
    pause_forever(NULL);
}

/* It lets go of those that it traces before it waits for everybody in its namespace to end. */
static void init_of_a_namespace_is_killed_and_traces(void)
{
    struct gate ready = gate_make();
    if (geteuid() != 0)
        skip("needs root");
    pid_t pid = (pid_t)OK(syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
    if (pid == 0)
        trace_the_end_of_a_child(&ready);
    gate_pass(&ready);
    OK(kill(pid, SIGKILL));
    EQ(WAIT(pid), SIGKILL);
}

GUEST_MAIN(CASE(killed_while_it_is_looked_at), CASE(many_tracers_of_one_task),
           CASE(job_control_under_a_tracer), CASE(process_ends_after_its_traced_threads),
           CASE(init_of_a_namespace_is_killed_and_traces))
