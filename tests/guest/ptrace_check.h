/* SPDX-License-Identifier: MIT */
/* What the tests of ptrace(2) share. Requests go through syscall(2): the raw call's results. */
#ifndef TESTS_GUEST_PTRACE_CHECK_H
#define TESTS_GUEST_PTRACE_CHECK_H

#include "guest.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/reg.h>
#include <sys/uio.h>
#include <sys/user.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

static inline long request(int what, pid_t pid, uintptr_t addr, uintptr_t data)
{
    return syscall(SYS_ptrace, (long)what, pid, addr, data);
}

#define STOPPED_BY(status, signo)                                                                  \
    do {                                                                                           \
        int by_ = (status);                                                                        \
        EQ(by_, (signo) << 8 | 0x7f);                                                              \
    } while (0)

/* The status of a stop by an event. */
#define EVENT_STATUS(signo, event) ((event) << 16 | (signo) << 8 | 0x7f)

/* A child that asks to be traced, stops itself, and then runs body. Returns with it stopped. */
static inline pid_t traced_child(void (*body)(void *argument), void *argument)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(request(PTRACE_TRACEME, 0, 0, 0));
        raise(SIGSTOP);
        body(argument);
        _exit(0);
    }
    STOPPED_BY(WAIT(pid), SIGSTOP);
    OK(request(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL));
    return pid;
}

static inline struct user_regs_struct regs_of(pid_t pid)
{
    struct user_regs_struct regs;
    OK(request(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs));
    return regs;
}

static inline void let_go(pid_t pid, int request_, int signo)
{
    OK(request(request_, pid, 0, (uintptr_t)signo));
}

static inline void end_tracee(pid_t pid)
{
    OK(kill(pid, SIGKILL));
    EQ(WAIT(pid), SIGKILL);
}

static inline void pause_forever(void *unused)
{
    (void)unused;
    for (;;)
        pause();
}

#endif
