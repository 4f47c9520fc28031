/* SPDX-License-Identifier: MIT
 *
 * ptrace(2): a tracer makes any request of tasks that meanwhile make calls, trap, fork, get
 * signals, and end (kernel/proc/ptrace*.c, wait.c). When all is killed nothing may be left, and
 * nobody may be impossible to kill.
 */
#include "fuzz/steps.h"

#include "hal/user.h"
#include "kernel/abi/ptrace.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/wait.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/syscalls.h"

enum { TASKS = 1, CHILDREN = 3, PAUSE = 15, TASKS_MAX = 80 };
#define DATA FUZZ_USER_MEMORY
#define EXIT_STACK (FUZZ_USER_MEMORY + 30 * 4096)

static const uint32_t requests[] = {PTRACE_PEEKTEXT,
                                    PTRACE_PEEKUSR,
                                    PTRACE_POKEDATA,
                                    PTRACE_POKEUSR,
                                    PTRACE_KILL,
                                    PTRACE_GETREGS,
                                    PTRACE_SETREGS,
                                    PTRACE_GETFPREGS,
                                    PTRACE_SETFPREGS,
                                    PTRACE_GETEVENTMSG,
                                    PTRACE_GETSIGINFO,
                                    PTRACE_SETSIGINFO,
                                    PTRACE_GETREGSET,
                                    PTRACE_SETREGSET,
                                    PTRACE_PEEKSIGINFO,
                                    PTRACE_GETSIGMASK,
                                    PTRACE_SETSIGMASK,
                                    PTRACE_SECCOMP_GET_FILTER,
                                    PTRACE_ARCH_PRCTL,
                                    PTRACE_GET_THREAD_AREA,
                                    PTRACE_SECCOMP_GET_METADATA,
                                    PTRACE_GET_SYSCALL_INFO,
                                    PTRACE_GET_RSEQ_CONFIGURATION};
static const uint32_t attaching[] = {PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_SEIZE};
static const uint32_t resuming[] = {PTRACE_CONT,   PTRACE_SYSCALL,   PTRACE_SINGLESTEP,
                                    PTRACE_SYSEMU, PTRACE_INTERRUPT, PTRACE_LISTEN,
                                    PTRACE_DETACH, PTRACE_CONT,      PTRACE_SYSEMU_SINGLESTEP};
static const uint32_t signals[] = {0,       SIGUSR1, SIGSTOP, SIGCONT,
                                   SIGTRAP, SIGTSTP, SIGKILL, SIGCHLD};
static const uint32_t waits[] = {WNOHANG | __WALL, WNOHANG | __WALL | WUNTRACED | WCONTINUED};

static uint8_t script[64];
static unsigned script_at;

/* What a tracee does next: the script is everyone's. */
static int user(struct hal_regs *regs, struct hal_fault *fault)
{
    const uint8_t choice = script_at < sizeof script ? script[script_at++] : PAUSE;

    regs->rdi = regs->rsi = regs->rdx = regs->r10 = regs->r8 = 0;
    switch (choice % 16) {
    case 0:
        regs->rdi = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
        regs->rsi = EXIT_STACK;
        return fuzz_user_call(regs, SYS_clone);
    case 1:
        return fuzz_user_call(regs, choice & 16 ? SYS_fork : SYS_vfork);
    case 2:
        regs->rdi = DATA + 8192; /* which is no memory when it has done so before */
        (void)!copy_to_user(regs->rdi, "/bin/job", sizeof "/bin/job");
        return fuzz_user_call(regs, SYS_execve);
    case 3:
        return fuzz_user_call(regs, choice & 16 ? SYS_exit : SYS_exit_group);
    case 4:
    case 5:
        regs->rdi = (uint64_t)FUZZ_CALL(choice & 16 ? SYS_getpid : SYS_gettid);
        regs->rsi = signals[choice / 32];
        return fuzz_user_call(regs, choice & 16 ? SYS_kill : SYS_tkill);
    case 6:
        return fuzz_user_call(regs, SYS_ptrace); /* PTRACE_TRACEME */
    case 7:
        *fault = (struct hal_fault){.vector = HAL_VECTOR_BREAKPOINT};
        return HAL_STOP_FAULT;
    case 8:
        *fault = (struct hal_fault){.vector = HAL_VECTOR_DEBUG};
        return HAL_STOP_FAULT;
    case 9:
        regs->rdi = (uint64_t)-1;
        regs->rdx = WNOHANG;
        return fuzz_user_call(regs, SYS_wait4);
    default:
        return fuzz_user_call(regs, choice & 16 ? SYS_sched_yield : SYS_pause);
    }
}

/* Ids of tasks follow each other, and so those that the tracees make are met. */
static uint64_t task(struct fuzz_input *input)
{
    return (uint64_t)*fuzz_bank(TASKS) + fuzz_u8(input) % 8;
}

static void let_run(struct fuzz_input *input)
{
    (void)input;
    fuzz_nap();
}

#define TASK FUZZ_MADE(task)
static const struct fuzz_step steps[] = {
    {FUZZ_STEP(SYS_ptrace, FUZZ_ONE_OF(attaching), TASK, FUZZ_VALUE(0), FUZZ_BITS(PTRACE_O_MASK)),
     .weight = 2},
    {FUZZ_STEP(SYS_ptrace, FUZZ_VALUE(PTRACE_SETOPTIONS), TASK, FUZZ_VALUE(0),
               FUZZ_BITS(PTRACE_O_MASK))},
    {FUZZ_STEP(SYS_ptrace, FUZZ_ONE_OF(resuming), TASK, FUZZ_VALUE(0), FUZZ_ONE_OF(signals)),
     .weight = 4},
    {FUZZ_STEP(SYS_ptrace, FUZZ_ONE_OF(requests), TASK, FUZZ_NUMBER, FUZZ_VALUE(DATA)),
     .weight = 3},
    {FUZZ_STEP(SYS_ptrace, FUZZ_ONE_OF(requests), TASK, FUZZ_VALUE(DATA + 4096), FUZZ_NUMBER)},
    {FUZZ_STEP(SYS_wait4, FUZZ_VALUE(-1), FUZZ_VALUE(DATA), FUZZ_ONE_OF(waits)), .weight = 3},
    {FUZZ_STEP(SYS_kill, TASK, FUZZ_ONE_OF(signals)), .weight = 2},
    {FUZZ_STEP(SYS_tkill, TASK, FUZZ_ONE_OF(signals))},
    {.run = let_run, .weight = 6},
};

static void begin(struct fuzz_input *input)
{
    const uint8_t *bytes;
    const size_t count = fuzz_bytes(input, sizeof script, &bytes);

    script_at = 0;
    for (size_t i = 0; i < sizeof script; i++)
        script[i] = i < count ? bytes[i] : PAUSE;
    fuzz_user(user);
    for (unsigned i = 0; i < CHILDREN; i++) {
        const int64_t pid = FUZZ_CALL(SYS_fork);
        if (i == 0)
            fuzz_fill_bank(TASKS, pid);
    }
}

/* A tracee whose stop to exit was waited for stays there, whoever kills it, until it is let go. */
static void end(void)
{
    FUZZ_CALL(SYS_kill, -1, SIGKILL);
    fuzz_nap();
    for (int64_t id = *fuzz_bank(TASKS), last = id + TASKS_MAX; id < last; id++)
        FUZZ_CALL(SYS_ptrace, PTRACE_DETACH, id, 0, 0);
    fuzz_end_children();
}

static const struct fuzz_table table = {.steps = steps,
                                        .count = ARRAY_SIZE(steps),
                                        .max = 96,
                                        .begin = begin,
                                        .end = end,
                                        .leaks = true,
                                        .has_children = true};
FUZZ_TABLE_TARGET(&table)
