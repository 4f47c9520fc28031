/* SPDX-License-Identifier: MIT */
/* prctl(PR_SET_SYSCALL_USER_DISPATCH): system calls handed back to the program; prctl(2). */
#include "guest.h"

#include <sys/prctl.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#endif
enum { ALLOW = 0, BLOCK = 1 };
#define SYS_USER_DISPATCH_CODE 2
enum { NO_SUCH_CALL = 0xbeef };

static volatile char selector;
static volatile int handled, handled_call, handled_code;
static void *volatile handled_address;

/* One place that makes a call, so that its address is known. */
long make_call(long number);
extern const char after_call[];
__asm__(".text\nmake_call: mov %rdi, %rax\nsyscall\nafter_call: ret");

static long dispatch(unsigned long mode, unsigned long offset, unsigned long bytes,
                     const volatile void *byte)
{
    return syscall(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, mode, offset, bytes, byte);
}

/* The handler lets its own return through, and answers in the call's place. */
static void on_sigsys(int signo, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    selector = ALLOW;
    handled++;
    handled_call = info->si_syscall;
    handled_code = info->si_code;
    handled_address = info->si_call_addr;
    if (signo == SIGSYS)
        user->uc_mcontext.gregs[REG_RAX] = 4711;
}

static void handle_sigsys(void)
{
    struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
    OK(sigaction(SIGSYS, &action, NULL));
    handled = 0;
}

static void bad_arguments_are_refused(void)
{
    FAILS(dispatch(2, 0, 0, NULL), EINVAL);
    FAILS(dispatch(PR_SYS_DISPATCH_OFF, 1, 0, NULL), EINVAL);
    FAILS(dispatch(PR_SYS_DISPATCH_OFF, 0, 1, NULL), EINVAL);
    FAILS(dispatch(PR_SYS_DISPATCH_OFF, 0, 0, &selector), EINVAL);
    FAILS(dispatch(PR_SYS_DISPATCH_ON, 1, 0, &selector), EINVAL);
    FAILS(dispatch(PR_SYS_DISPATCH_ON, 1, -1ul, &selector), EINVAL);
    FAILS(dispatch(PR_SYS_DISPATCH_ON, 0, 0, (void *)-1l), EFAULT);
    OK(dispatch(PR_SYS_DISPATCH_OFF, 0, 0, NULL));
}

static void blocked_call_becomes_a_signal(void)
{
    handle_sigsys();
    selector = ALLOW;
    OK(dispatch(PR_SYS_DISPATCH_ON, 0, 0, &selector));
    EQ(make_call(SYS_getpid), getpid());
    EQ(handled, 0);
    for (int i = 1; i <= 20; i++) { /* wherever calls are patched after a while, too */
        selector = BLOCK;
        EQ(make_call(NO_SUCH_CALL), 4711);
        EQ(handled, i);
    }
    EQ(handled_call, NO_SUCH_CALL);
    EQ(handled_code, SYS_USER_DISPATCH_CODE);
    TRUE(handled_address == after_call);
    OK(dispatch(PR_SYS_DISPATCH_OFF, 0, 0, NULL));
    selector = BLOCK;
    EQ(make_call(SYS_getpid), getpid());
    EQ(handled, 20);
}

static void range_is_never_blocked(void)
{
    handle_sigsys();
    selector = ALLOW;
    OK(dispatch(PR_SYS_DISPATCH_ON, (unsigned long)after_call - 2, 16, &selector));
    selector = BLOCK;
    long pid = make_call(SYS_getpid);
    selector = ALLOW;
    EQ(pid, getpid());
    EQ(handled, 0);
    OK(dispatch(PR_SYS_DISPATCH_OFF, 0, 0, NULL));
}

/* A child has it off; and so has a new program, or it could not start. */
static void children_and_programs_start_without(void)
{
    selector = ALLOW;
    OK(dispatch(PR_SYS_DISPATCH_ON, 0, 0, &selector));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        selector = BLOCK;
        _exit(make_call(SYS_getppid) == 0);
    }
    OK(dispatch(PR_SYS_DISPATCH_OFF, 0, 0, NULL));
    CHILD_OK(pid);
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        setenv("JUST_END", "1", 1);
        if (dispatch(PR_SYS_DISPATCH_ON, 0, 0, &selector) == 0)
            execl("/proc/self/exe", "child", NULL);
        _exit(2);
    }
    CHILD_OK(pid);
}

__attribute__((constructor)) static void end_if_told(void)
{
    if (getenv("JUST_END"))
        _exit(0);
}

static int status_of_child_with(const volatile void *byte, char value)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        selector = ALLOW;
        if (dispatch(PR_SYS_DISPATCH_ON, 0, 0, byte) < 0)
            _exit(1);
        selector = value;
        make_call(SYS_getpid);
        for (;;)
            ;
    }
    return WAIT(pid);
}

static void bad_selector_ends_the_process(void)
{
    handle_sigsys(); /* nobody is asked */
    EQ(status_of_child_with(&selector, 7) & 0x7f, SIGSYS);
    EQ(status_of_child_with((void *)8, BLOCK) & 0x7f, SIGSEGV);
    OK(signal(SIGSYS, SIG_DFL) == SIG_ERR ? -1 : 0);
    EQ(status_of_child_with(&selector, BLOCK) & 0x7f, SIGSYS);
}

GUEST_MAIN(CASE(bad_arguments_are_refused), CASE(blocked_call_becomes_a_signal),
           CASE(range_is_never_blocked), CASE(children_and_programs_start_without),
           CASE(bad_selector_ends_the_process))
