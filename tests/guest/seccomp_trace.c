/* SPDX-License-Identifier: MIT */
/* seccomp(2) under ptrace(2): tracers see the filters, may lift them, and are not asked when a
 * filter kills. */
#include "guest.h"
#include "ptrace_check.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif
#define GET_METADATA 0x420d
#define SUSPEND_SECCOMP (1 << 21)

struct metadata {
    uint64_t number, flags;
};

enum { INSTRUCTIONS = 4 };

static void install(unsigned result, unsigned flags)
{
    struct sock_filter code[INSTRUCTIONS] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, result),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {INSTRUCTIONS, code};
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    OK(syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

static long ask(void)
{
    return syscall(__NR_getppid);
}

/* ---- a killing filter ---- */

static void kill_process(void *unused)
{
    (void)unused;
    install(SECCOMP_RET_KILL_PROCESS, 0);
    ask();
}

static void kill_thread(void *unused)
{
    (void)unused;
    install(SECCOMP_RET_KILL_THREAD, 0);
    ask();
}

static void expect_end_without_stop(void (*body)(void *unused))
{
    pid_t pid = traced_child(body, NULL);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid) & 0x7f, SIGSYS);
}

static void the_tracer_is_not_asked_when_a_filter_kills(void)
{
    expect_end_without_stop(kill_process);
    expect_end_without_stop(kill_thread);
}

/* ---- results ---- */

/* The kernel's own numbers for calls to be restarted are as good as any. */
static void errors_beyond_the_documented_are_returned(void)
{
    for (unsigned error = 512; error <= 516; error++) {
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0) {
            install(SECCOMP_RET_ERRNO | error, 0);
            FAILS(ask(), (int)error);
            FAILS(ask(), (int)error);
            _exit(0);
        }
        CHILD_OK(pid);
    }
}

/* ---- looking at filters ---- */

static void two_filters(void *unused)
{
    (void)unused;
    install(SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_LOG);
    install(SECCOMP_RET_ERRNO | EDOM, 0);
    OK(raise(SIGSTOP));
}

static void go_to_next_stop(pid_t pid)
{
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGSTOP);
}

static long get_filter(pid_t pid, unsigned number, void *code)
{
    return request(PTRACE_SECCOMP_GET_FILTER, pid, number, (uintptr_t)code);
}

static long get_metadata(pid_t pid, size_t bytes, void *data)
{
    return request(GET_METADATA, pid, bytes, (uintptr_t)data);
}

static pid_t start(void (*body)(void *unused))
{
    pid_t pid = traced_child(body, NULL);
    if (get_filter(pid, 0, NULL) < 0 && (errno == EIO || errno == EACCES)) {
        end_tracee(pid);
        skip("needs CONFIG_CHECKPOINT_RESTORE and CAP_SYS_ADMIN");
    }
    return pid;
}

static void programs_are_shown_oldest_first(void)
{
    struct sock_filter code[INSTRUCTIONS] = {{0}};
    pid_t pid = start(two_filters);
    FAILS(get_filter(pid, 0, NULL), EINVAL); /* it has none yet */
    go_to_next_stop(pid);
    EQ(OK(get_filter(pid, 0, NULL)), INSTRUCTIONS);
    EQ(OK(get_filter(pid, 0, code)), INSTRUCTIONS);
    EQ(code[1].k, __NR_getppid);
    EQ(code[2].k, SECCOMP_RET_ERRNO | EXDEV);
    EQ(OK(get_filter(pid, 1, code)), INSTRUCTIONS);
    EQ(code[2].k, SECCOMP_RET_ERRNO | EDOM);
    FAILS(get_filter(pid, 2, code), ENOENT);
    FAILS(get_filter(pid, 0, BAD_POINTER), EFAULT);
    end_tracee(pid);
}

static void flags_are_shown(void)
{
    struct metadata data = {.number = 0, .flags = 99};
    pid_t pid = start(two_filters);
    FAILS(get_metadata(pid, sizeof(data), &data), EINVAL);
    go_to_next_stop(pid);
    EQ(OK(get_metadata(pid, sizeof(data), &data)), sizeof(data));
    EQ(data.number, 0);
    EQ(data.flags, SECCOMP_FILTER_FLAG_LOG);
    data.number = 1;
    EQ(OK(get_metadata(pid, 100, &data)), sizeof(data));
    EQ(data.number, 1);
    EQ(data.flags, 0);
    data.number = 2;
    FAILS(get_metadata(pid, sizeof(data), &data), ENOENT);
    FAILS(get_metadata(pid, 7, &data), EINVAL);
    FAILS(get_metadata(pid, sizeof(data), BAD_POINTER), EFAULT);
    end_tracee(pid);
}

/* ---- lifting them ---- */

static void ask_twice(void *unused)
{
    (void)unused;
    install(SECCOMP_RET_ERRNO | EXDEV, 0);
    OK(raise(SIGSTOP));
    TRUE(ask() > 0);
    OK(raise(SIGSTOP));
    FAILS(ask(), EXDEV);
}

static void a_tracer_may_lift_the_filters(void)
{
    pid_t pid = start(ask_twice);
    go_to_next_stop(pid);
    OK(request(PTRACE_SETOPTIONS, pid, 0, SUSPEND_SECCOMP));
    go_to_next_stop(pid);
    OK(request(PTRACE_SETOPTIONS, pid, 0, 0));
    let_go(pid, PTRACE_CONT, 0);
    CHILD_OK(pid);
}

static void the_filtered_may_not(void)
{
    pid_t pid = start(two_filters);
    go_to_next_stop(pid);
    install(SECCOMP_RET_ALLOW, 0);
    FAILS(request(PTRACE_SETOPTIONS, pid, 0, SUSPEND_SECCOMP), EPERM);
    FAILS(get_filter(pid, 0, NULL), EACCES);
    end_tracee(pid);
}

GUEST_MAIN(CASE(the_tracer_is_not_asked_when_a_filter_kills),
           CASE(errors_beyond_the_documented_are_returned), CASE(programs_are_shown_oldest_first),
           CASE(flags_are_shown), CASE(a_tracer_may_lift_the_filters), CASE(the_filtered_may_not))
