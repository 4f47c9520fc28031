/* SPDX-License-Identifier: MIT */
/* ptrace(2): attaching, seizing, interrupting, listening, detaching; who may; what waits see. */
#include "ptrace_check.h"

#include <pthread.h>
#include <sys/mount.h>
#include <sys/prctl.h>

static pid_t sleeper(void)
{
    return spawn(pause_forever, NULL);
}

static int tracer_of(pid_t pid)
{
    char path[64], text[1024], *at;
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    int fd = (int)OK(open(path, O_RDONLY));
    ssize_t length = (ssize_t)OK(read(fd, text, sizeof(text) - 1));
    text[length] = '\0';
    OK(close(fd));
    at = strstr(text, "TracerPid:\t");
    TRUE(at != NULL);
    return atoi(at + strlen("TracerPid:\t"));
}

static void attach_stops(void)
{
    pid_t pid = sleeper();
    OK(request(PTRACE_ATTACH, pid, 0, 0));
    STOPPED_BY(WAIT(pid), SIGSTOP);
    EQ(process_state(pid), 't');
    EQ(tracer_of(pid), getpid());
    FAILS(request(PTRACE_ATTACH, pid, 0, 0), EPERM);
    OK(request(PTRACE_DETACH, pid, 0, 0));
    EQ(tracer_of(pid), 0);
    EVENTUALLY(process_state(pid) == 'S');
    FAILS(request(PTRACE_CONT, pid, 0, 0), ESRCH);
    end_tracee(pid);
}

static void detach_can_inject(void)
{
    pid_t pid = sleeper();
    OK(request(PTRACE_ATTACH, pid, 0, 0));
    STOPPED_BY(WAIT(pid), SIGSTOP);
    OK(request(PTRACE_DETACH, pid, 0, SIGTERM));
    EQ(WAIT(pid), SIGTERM);
}

static void seize_does_not_stop(void)
{
    int status;
    siginfo_t info;
    pid_t pid = sleeper();
    FAILS(request(PTRACE_SEIZE, pid, 1, 0), EIO);
    FAILS(request(PTRACE_SEIZE, pid, 0, 1ul << 30), EIO);
    OK(request(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL));
    EQ(waitpid(pid, &status, WNOHANG | __WALL), 0);
    FAILS(request(PTRACE_CONT, pid, 0, 0), ESRCH);
    FAILS(request(PTRACE_LISTEN, pid, 0, 0), ESRCH);
    OK(request(PTRACE_INTERRUPT, pid, 0, 0));
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_STOP));
    OK(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    EQ(info.si_code, SIGTRAP | PTRACE_EVENT_STOP << 8);
    let_go(pid, PTRACE_CONT, 0);
    EVENTUALLY(process_state(pid) == 'S');
    end_tracee(pid);
}

/* A seized tracee's group stop has the event; a listener is woken by SIGCONT. */
static void listen_waits_for_the_end_of_the_stop(void)
{
    int status;
    pid_t pid = sleeper();
    OK(request(PTRACE_SEIZE, pid, 0, 0));
    OK(kill(pid, SIGSTOP));
    STOPPED_BY(WAIT(pid), SIGSTOP); /* the signal itself */
    FAILS(request(PTRACE_LISTEN, pid, 0, 0), EIO);
    let_go(pid, PTRACE_CONT, SIGSTOP);
    EQ(WAIT(pid), EVENT_STATUS(SIGSTOP, PTRACE_EVENT_STOP));
    OK(request(PTRACE_LISTEN, pid, 0, 0));
    FAILS(request(PTRACE_CONT, pid, 0, 0), ESRCH);
    EQ(waitpid(pid, &status, WNOHANG | __WALL), 0);
    OK(request(PTRACE_INTERRUPT, pid, 0, 0)); /* traps again, still stopped */
    EQ(WAIT(pid), EVENT_STATUS(SIGSTOP, PTRACE_EVENT_STOP));
    OK(request(PTRACE_LISTEN, pid, 0, 0));
    OK(kill(pid, SIGCONT));
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_STOP));
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGCONT);
    let_go(pid, PTRACE_CONT, SIGCONT);
    EVENTUALLY(process_state(pid) == 'S');
    end_tracee(pid);
}

static void a_seized_child_of_a_tracee_starts_with_an_event(void)
{
    uint64_t message;
    struct gate gate = gate_make();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        gate_pass(&gate);
        if (fork() == 0)
            _exit(5);
        pause_forever(NULL);
    }
    OK(request(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL));
    gate_open(&gate);
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_FORK));
    OK(request(PTRACE_GETEVENTMSG, pid, 0, (uintptr_t)&message));
    EQ(WAIT((pid_t)message), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_STOP));
    let_go((pid_t)message, PTRACE_CONT, 0);
    EQ(WAIT((pid_t)message), 5 << 8);
    end_tracee(pid);
}

/* What job control has stopped is ours at once. */
static void attach_takes_over_a_job_control_stop(void)
{
    int status;
    siginfo_t info;
    pid_t pid = sleeper();
    OK(kill(pid, SIGSTOP));
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    OK(request(PTRACE_SEIZE, pid, 0, 0));
    EQ(waitpid(pid, &status, __WALL | WNOHANG), pid);
    EQ(status, EVENT_STATUS(SIGSTOP, PTRACE_EVENT_STOP));
    OK(request(PTRACE_DETACH, pid, 0, 0)); /* and stays stopped */
    EVENTUALLY(process_state(pid) == 'T');
    OK(request(PTRACE_ATTACH, pid, 0, 0));
    EQ(waitpid(pid, &status, __WALL | WNOHANG), pid);
    EQ(status, SIGSTOP << 8 | 0x7f);
    FAILS(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info), EINVAL);
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGSTOP); /* the one that attaching sent */
    end_tracee(pid);
}

static void trace_me_twice(void *unused)
{
    (void)unused;
    OK(request(PTRACE_TRACEME, 0, 0, 0));
    FAILS(request(PTRACE_TRACEME, 0, 0, 0), EPERM);
}

static void nobody_traces_twice_nor_himself(void)
{
    CHILD_OK(spawn(trace_me_twice, NULL));
    FAILS(request(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
    FAILS(request(PTRACE_SEIZE, getpid(), 0, 0), EPERM);
    FAILS(request(PTRACE_ATTACH, 0x3fffffff, 0, 0), ESRCH);
    FAILS(request(PTRACE_ATTACH, 0, 0, 0), ESRCH);
}

/* ---- other people's tracees ---- */

static void trace_and_end(void *argument)
{
    pid_t pid = *(pid_t *)argument;
    OK(request(PTRACE_SEIZE, pid, 0, 0));
    OK(kill(pid, SIGTERM));
    STOPPED_BY(WAIT(pid), SIGTERM);
    let_go(pid, PTRACE_CONT, SIGTERM);
    EQ(WAIT(pid), SIGTERM);
}

/* The tracer sees the end first, then the parent. */
static void the_parent_waits_after_the_tracer(void)
{
    pid_t pid = sleeper();
    pid_t tracer = spawn(trace_and_end, &pid);
    CHILD_OK(tracer);
    EQ(WAIT(pid), SIGTERM);
}

static void seize_and_leave(void *argument)
{
    OK(request(PTRACE_SEIZE, *(pid_t *)argument, 0, 0));
    OK(request(PTRACE_INTERRUPT, *(pid_t *)argument, 0, 0));
    EQ(WAIT(*(pid_t *)argument), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_STOP));
}

static void a_tracee_goes_on_without_its_tracer(void)
{
    pid_t pid = sleeper();
    CHILD_OK(spawn(seize_and_leave, &pid));
    EQ(tracer_of(pid), 0);
    EVENTUALLY(process_state(pid) == 'S');
    end_tracee(pid);
}

static void *seize_in_thread(void *argument)
{
    OK(request(PTRACE_SEIZE, *(pid_t *)argument, 0, 0));
    OK(request(PTRACE_INTERRUPT, *(pid_t *)argument, 0, 0));
    pause_forever(NULL);
    return NULL;
}

/* Requests are the tracing thread's; waiting is the whole process's. */
static void only_the_tracing_thread_makes_requests(void)
{
    pthread_t thread;
    int status;
    pid_t pid = sleeper();
    EQ(pthread_create(&thread, NULL, seize_in_thread, &pid), 0);
    EQ(WAIT(pid), EVENT_STATUS(SIGTRAP, PTRACE_EVENT_STOP));
    FAILS(request(PTRACE_CONT, pid, 0, 0), ESRCH);
    FAILS(waitpid(0x3fffffff, &status, __WALL), ECHILD);
    end_tracee(pid);
}

/* ---- permission ---- */

static void become_somebody(void)
{
    OK(setresgid(4711, 4711, 4711));
    OK(setresuid(4711, 4711, 4711));
}

static void attach_to_root(void *argument)
{
    become_somebody();
    FAILS(request(PTRACE_ATTACH, *(pid_t *)argument, 0, 0), EPERM);
    FAILS(request(PTRACE_SEIZE, *(pid_t *)argument, 0, 0), EPERM);
}

static void others_may_not_be_traced(void)
{
    if (geteuid() != 0)
        skip("needs root");
    pid_t pid = sleeper();
    CHILD_OK(spawn(attach_to_root, &pid));
    end_tracee(pid);
}

static void undumpable_child(void *unused)
{
    (void)unused;
    become_somebody();
    struct gate ready = gate_make();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(prctl(PR_SET_DUMPABLE, 0));
        gate_open(&ready);
        pause_forever(NULL);
    }
    gate_pass(&ready);
    FAILS(request(PTRACE_ATTACH, pid, 0, 0), EPERM);
    end_tracee(pid);
}

static void what_may_not_be_dumped_may_not_be_traced(void)
{
    if (geteuid() != 0)
        skip("needs root");
    CHILD_OK(spawn(undumpable_child, NULL));
}

/* A program that belongs to root and sets the user id exits with 0 if it got it, with 3 if not. */
static void copy_self_setuid(void)
{
    char buffer[65536];
    ssize_t got;
    int from = (int)OK(open(guest_self(), O_RDONLY)), to;
    OK(chmod(".", 0755));
    mkdir("mounted", 0755);
    if (mount("test", "mounted", "tmpfs", 0, "mode=0755") != 0)
        skip("needs the right to mount");
    to = (int)OK(open("mounted/setuid", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755));
    while ((got = OK(read(from, buffer, sizeof(buffer)))) > 0)
        EQ(write(to, buffer, (size_t)got), got);
    OK(fchmod(to, 04755));
    OK(close(from));
    OK(close(to));
}

static void exec_setuid(void *traced)
{
    char *argv[] = {"setuid", "--user-id", NULL};
    become_somebody();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        if (traced)
            OK(request(PTRACE_TRACEME, 0, 0, 0));
        execv("mounted/setuid", argv);
        _exit(1);
    }
    if (traced) {
        STOPPED_BY(WAIT(pid), SIGTRAP);
        let_go(pid, PTRACE_CONT, 0);
    }
    EQ(WAIT(pid), (traced ? 3 : 0) << 8);
}

static void a_traced_set_id_program_gains_nothing(void)
{
    if (geteuid() != 0)
        skip("needs root");
    copy_self_setuid();
    CHILD_OK(spawn(exec_setuid, NULL));
    CHILD_OK(spawn(exec_setuid, (void *)1));
    OK(umount("mounted"));
}

GUEST_CASES(CASE(attach_stops), CASE(detach_can_inject), CASE(seize_does_not_stop),
            CASE(listen_waits_for_the_end_of_the_stop),
            CASE(a_seized_child_of_a_tracee_starts_with_an_event),
            CASE(attach_takes_over_a_job_control_stop), CASE(nobody_traces_twice_nor_himself),
            CASE(the_parent_waits_after_the_tracer), CASE(a_tracee_goes_on_without_its_tracer),
            CASE(only_the_tracing_thread_makes_requests), CASE(others_may_not_be_traced),
            CASE(what_may_not_be_dumped_may_not_be_traced),
            CASE(a_traced_set_id_program_gains_nothing))

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--user-id") == 0)
        return geteuid() == 0 ? 0 : 3;
    return guest_run_all(argc, argv);
}
