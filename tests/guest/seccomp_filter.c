/* SPDX-License-Identifier: MIT */
/* seccomp(2): modes, classic BPF filters and everything that they can answer. */
#include "guest.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/ucontext.h>

#define NR BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ARGUMENT(n)                                                                                \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * (n))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
/* Return `value` for this call, else go on. */
#define FOR_CALL(number, value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), RETURN(value)
#define UNUSED_CALL __NR_getppid

static long seccomp(unsigned operation, unsigned flags, void *arguments)
{
    return syscall(__NR_seccomp, operation, flags, arguments);
}

#define INSTALL_WITH(flags, ...)                                                                   \
    ({                                                                                             \
        struct sock_filter code_[] = {__VA_ARGS__};                                                \
        struct sock_fprog program_ = {sizeof(code_) / sizeof(code_[0]), code_};                    \
        seccomp(SECCOMP_SET_MODE_FILTER, flags, &program_);                                        \
    })
#define INSTALL(...) INSTALL_WITH(0, __VA_ARGS__)

static void allow_new_filters(void)
{
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static int status_of(void (*body)(void))
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        allow_new_filters();
        body();
        _exit(0);
    }
    return WAIT(pid);
}

static void strict_reads_and_writes(void)
{
    struct gate gate = gate_make();
    OK(seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL));
    if (write(gate.fds[1], "x", 1) == 1)
        syscall(__NR_exit, 7);
    syscall(__NR_getpid);
}

static void strict_forbidden(void)
{
    OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, BAD_POINTER));
    syscall(__NR_getpid);
}

static void strict_leaves_four_calls(void)
{
    EQ(status_of(strict_reads_and_writes), 7 << 8);
    int status = status_of(strict_forbidden);
    EQ(WTERMSIG(status), SIGKILL);
}

static void errno_for_getppid(void)
{
    OK(INSTALL(NR, FOR_CALL(UNUSED_CALL, SECCOMP_RET_ERRNO | EDOM), RETURN(SECCOMP_RET_ALLOW)));
}

static void errno_is_returned(void)
{
    EQ(prctl(PR_GET_SECCOMP), 0);
    allow_new_filters();
    errno_for_getppid();
    EQ(prctl(PR_GET_SECCOMP), 2);
    FAILS(syscall(UNUSED_CALL), EDOM);
    OK(getpid());
    /* 0 is success, and more than an errno can be is the largest one. */
    OK(INSTALL(NR, FOR_CALL(__NR_getuid, SECCOMP_RET_ERRNO),
               FOR_CALL(__NR_getgid, SECCOMP_RET_ERRNO | 0xffff), RETURN(SECCOMP_RET_ALLOW)));
    EQ(syscall(__NR_getuid), 0);
    FAILS(syscall(__NR_getgid), 4095);
    /* Older filters still count; the strictest answer wins, whoever gives it. */
    OK(INSTALL(NR, FOR_CALL(UNUSED_CALL, SECCOMP_RET_ERRNO | ERANGE), RETURN(SECCOMP_RET_ALLOW)));
    FAILS(syscall(UNUSED_CALL), ERANGE);
    OK(INSTALL(NR, FOR_CALL(UNUSED_CALL, SECCOMP_RET_LOG), RETURN(SECCOMP_RET_ALLOW)));
    FAILS(syscall(UNUSED_CALL), ERANGE);
}

static void filters_are_inherited(void)
{
    allow_new_filters();
    errno_for_getppid();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        FAILS(syscall(UNUSED_CALL), EDOM);
        pid = (pid_t)OK(fork());
        if (pid == 0) {
            OK(INSTALL(NR, FOR_CALL(UNUSED_CALL, SECCOMP_RET_ERRNO | ERANGE),
                       RETURN(SECCOMP_RET_ALLOW)));
            FAILS(syscall(UNUSED_CALL), ERANGE);
            _exit(0);
        }
        CHILD_OK(pid);
        FAILS(syscall(UNUSED_CALL), EDOM);
        _exit(0);
    }
    CHILD_OK(pid);
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        execl(guest_self(), "seccomp_filter", "--after-exec", NULL);
        _exit(1);
    }
    CHILD_OK(pid);
}

static void kill_by_default_action(void)
{
    OK(INSTALL(NR, FOR_CALL(UNUSED_CALL, SECCOMP_RET_KILL_PROCESS), RETURN(SECCOMP_RET_ALLOW)));
    signal(SIGSYS, SIG_IGN);
    syscall(UNUSED_CALL);
}

static void unknown_action(void)
{
    OK(INSTALL(NR, FOR_CALL(UNUSED_CALL, 0x12340000), RETURN(SECCOMP_RET_ALLOW)));
    syscall(UNUSED_CALL);
}

static void kill_single_thread(void)
{
    OK(INSTALL(NR, FOR_CALL(UNUSED_CALL, SECCOMP_RET_KILL_THREAD), RETURN(SECCOMP_RET_ALLOW)));
    syscall(UNUSED_CALL);
}

static void killed_by_sigsys(void)
{
    EQ(WTERMSIG(status_of(kill_by_default_action)), SIGSYS);
    EQ(WTERMSIG(status_of(kill_single_thread)), SIGSYS);
    EQ(WTERMSIG(status_of(unknown_action)), SIGSYS);
}

static void *make_call(void *unused)
{
    syscall(UNUSED_CALL);
    return unused;
}

static bool thread_exists(pid_t tid)
{
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/task/%d", tid);
    return access(name, F_OK) == 0;
}

static pid_t thread_tid;

static void *install_and_call(void *unused)
{
    thread_tid = (pid_t)syscall(__NR_gettid);
    kill_single_thread();
    return unused;
}

static void one_thread_is_killed(void)
{
    pthread_t thread;
    allow_new_filters();
    EQ(pthread_create(&thread, NULL, install_and_call, NULL), 0);
    EVENTUALLY(__atomic_load_n(&thread_tid, __ATOMIC_SEQ_CST) && !thread_exists(thread_tid));
    OK(syscall(UNUSED_CALL));
}

/* ---- SIGSYS ---- */

static volatile int trapped;
static siginfo_t trap_info;
static unsigned long long trap_rip, trap_rax;

static void on_sigsys(int signo, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    (void)signo;
    trapped++;
    trap_info = *info;
    trap_rip = (unsigned long long)user->uc_mcontext.gregs[REG_RIP];
    trap_rax = (unsigned long long)user->uc_mcontext.gregs[REG_RAX];
    user->uc_mcontext.gregs[REG_RAX] = 4711;
}

static __attribute__((noinline)) long call_here(long number, void **out_after)
{
    long result;
    void *after;
    __asm__ volatile("lea 1f(%%rip), %1\n\tsyscall\n1:"
                     : "=a"(result), "=&r"(after)
                     : "a"(number), "D"(1), "S"(2), "d"(3)
                     : "rcx", "r11", "memory");
    *out_after = after;
    return result;
}

static void trap_tells_everything(void)
{
    struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
    void *after;
    allow_new_filters();
    OK(sigaction(SIGSYS, &action, NULL));
    /* Often enough for an engine that rewrites busy call sites to have done so. */
    for (int i = 0; i < 1000; i++)
        EQ(call_here(__NR_getppid, &after), getppid());
    OK(INSTALL(NR, FOR_CALL(__NR_getppid, SECCOMP_RET_TRAP | 77), RETURN(SECCOMP_RET_ALLOW)));
    for (int i = 1; i <= 3; i++) {
        EQ(call_here(__NR_getppid, &after), 4711);
        EQ(trapped, i);
        EQ(trap_info.si_signo, SIGSYS);
        EQ(trap_info.si_code, 1 /* SYS_SECCOMP */);
        EQ(trap_info.si_errno, 77);
        EQ(trap_info.si_syscall, __NR_getppid);
        EQ(trap_info.si_arch, AUDIT_ARCH_X86_64);
        TRUE(trap_info.si_call_addr == after);
        EQ(trap_rip, (uintptr_t)after);
        EQ(trap_rax, __NR_getppid);
    }
}

static void trap_blocked(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
    OK(sigaction(SIGSYS, &action, NULL));
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(INSTALL(NR, FOR_CALL(__NR_getppid, SECCOMP_RET_TRAP), RETURN(SECCOMP_RET_ALLOW)));
    syscall(__NR_getppid);
}

static void blocked_trap_kills(void)
{
    EQ(WTERMSIG(status_of(trap_blocked)), SIGSYS);
}

static void trace_without_tracer_is_enosys(void)
{
    allow_new_filters();
    OK(INSTALL(NR, FOR_CALL(UNUSED_CALL, SECCOMP_RET_TRACE | 5), RETURN(SECCOMP_RET_ALLOW)));
    FAILS(syscall(UNUSED_CALL), ENOSYS);
}

/* ---- what a filter sees ---- */

#define WORD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

static void filter_sees_arguments_and_address(void)
{
    void *after, *wanted;
    allow_new_filters();
    call_here(UNUSED_CALL, &wanted);
    uint32_t low = (uint32_t)(uintptr_t)wanted, high = (uint32_t)((uintptr_t)wanted >> 32);
    OK(INSTALL(NR, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UNUSED_CALL, 0, 15), //
               WORD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 13),
               WORD(instruction_pointer), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 0, 11),
               BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12),
               BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 9),           //
               ARGUMENT(0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 7), //
               ARGUMENT(1), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 5), //
               ARGUMENT(2), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 3, 0, 3), //
               BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 64, 0, 1),
               RETURN(SECCOMP_RET_ERRNO | 42), RETURN(SECCOMP_RET_ALLOW)));
    EQ(call_here(UNUSED_CALL, &after), -42);
    TRUE(after == wanted);
}

/* The upper half of the number does not count; of an argument it does. */
static void number_and_argument_halves(void)
{
    void *after;
    allow_new_filters();
    OK(INSTALL(NR, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_close, 0, 4),
               BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 4),
               BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x1234, 0, 1), RETURN(SECCOMP_RET_ERRNO | 43),
               RETURN(SECCOMP_RET_ALLOW), FOR_CALL(__NR_getppid, SECCOMP_RET_ERRNO | 44),
               RETURN(SECCOMP_RET_ALLOW)));
    FAILS(syscall(__NR_close, 0x1234ffffffffL), 43);
    FAILS(syscall(__NR_close, 0xffffffffL), EBADF);
    EQ(call_here((long)(0x100000000ul + __NR_getppid), &after), -44);
}

static void arithmetic_is_right(void)
{
    allow_new_filters();
    /* ((((7 + 5) * 6 - 2) / 7) << 4 | 3) & 0xff ^ 1, then through memory and X. */
    OK(INSTALL(
        NR, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UNUSED_CALL, 0, 23), BPF_STMT(BPF_LD | BPF_IMM, 7),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 5), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 6),
        BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 2), BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 7),
        BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 4), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 3),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff), BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 1),
        BPF_STMT(BPF_ST, 15), BPF_STMT(BPF_LDX | BPF_MEM, 15), BPF_STMT(BPF_LD | BPF_IMM, 3),
        BPF_STMT(BPF_MISC | BPF_TXA, 0), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1),
        BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_ALU | BPF_NEG, 0),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x80000000, 2, 0),
        BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0),
        RETURN(SECCOMP_RET_ERRNO | 1), RETURN(SECCOMP_RET_ERRNO | 2), RETURN(SECCOMP_RET_ALLOW)));
    FAILS(syscall(UNUSED_CALL), 0xa2);
}

static void divides_by_zero(void)
{
    OK(INSTALL(NR, FOR_CALL(__NR_exit_group, SECCOMP_RET_ALLOW), BPF_STMT(BPF_LDX | BPF_IMM, 0),
               BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), RETURN(SECCOMP_RET_ALLOW)));
    syscall(UNUSED_CALL);
}

static void division_by_zero_kills(void)
{
    EQ(WTERMSIG(status_of(divides_by_zero)), SIGSYS);
}

/* ---- what is refused ---- */

#define REFUSED(...) FAILS(INSTALL(__VA_ARGS__), EINVAL)

static void bad_programs_are_refused(void)
{
    const struct sock_filter allow = RETURN(SECCOMP_RET_ALLOW);
    allow_new_filters();
    REFUSED(NR);                                                    /* no return */
    REFUSED(BPF_STMT(BPF_JMP | BPF_JA, 0));                         /* past the end */
    REFUSED(BPF_STMT(BPF_JMP | BPF_JA, 1), allow);                  /* the same */
    REFUSED(BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), allow);         /* backwards */
    REFUSED(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), allow);   /* true branch */
    REFUSED(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 255), allow); /* false branch */
    REFUSED(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), allow);         /* past the data */
    REFUSED(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), allow);          /* unaligned */
    REFUSED(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0xfffffffc), allow); /* negative */
    REFUSED(BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), allow);          /* only words */
    REFUSED(BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), allow);          /* only absolute */
    REFUSED(BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), allow);         /* packets only */
    REFUSED(BPF_STMT(BPF_LD | BPF_MEM, 0), allow);                  /* never written */
    REFUSED(BPF_STMT(BPF_ST, 16), allow);                           /* no such word */
    REFUSED(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), allow);         /* by zero */
    REFUSED(BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), allow);        /* too far */
    REFUSED(BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), allow);         /* not here */
    REFUSED(BPF_STMT(BPF_RET | BPF_X, 0));                          /* no such return */
    REFUSED(BPF_STMT(0xffff, 0), allow);                            /* nonsense */
    /* Written on one path only. */
    REFUSED(NR, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1), BPF_STMT(BPF_ST, 3),
            BPF_STMT(BPF_LD | BPF_MEM, 3), allow);
    OK(INSTALL(NR, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 2), BPF_STMT(BPF_ST, 3),
               BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_STX, 3), BPF_STMT(BPF_LD | BPF_MEM, 3),
               allow));
}

static void arguments_are_checked(void)
{
    struct sock_filter code[] = {RETURN(SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {1, code};
    allow_new_filters();
    FAILS(seccomp(SECCOMP_SET_MODE_FILTER, 0, BAD_POINTER), EFAULT);
    program.len = 0;
    FAILS(seccomp(SECCOMP_SET_MODE_FILTER, 0, &program), EINVAL);
    program.len = BPF_MAXINSNS + 1;
    FAILS(seccomp(SECCOMP_SET_MODE_FILTER, 0, &program), EINVAL);
    program.len = 1;
    program.filter = BAD_POINTER;
    FAILS(seccomp(SECCOMP_SET_MODE_FILTER, 0, &program), EFAULT);
    program.filter = code;
    FAILS(seccomp(SECCOMP_SET_MODE_FILTER, 1u << 31, &program), EINVAL);
    FAILS(seccomp(SECCOMP_SET_MODE_STRICT, 1, NULL), EINVAL);
    FAILS(seccomp(SECCOMP_SET_MODE_STRICT, 0, &program), EINVAL);
    FAILS(seccomp(99, 0, NULL), EINVAL);
    FAILS(prctl(PR_SET_SECCOMP, 3, &program, 0, 0), EINVAL);
    OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
    FAILS(seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL), EINVAL);
    FAILS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0), EINVAL);
}

static void available_actions(void)
{
    const uint32_t actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP,
                                SECCOMP_RET_ERRNO,        SECCOMP_RET_TRACE,       SECCOMP_RET_LOG,
                                SECCOMP_RET_ALLOW};
    uint32_t unknown = 0x12340000;
    struct seccomp_notif_sizes sizes;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        OK(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, (void *)&actions[i]));
    FAILS(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &unknown), EOPNOTSUPP);
    FAILS(seccomp(SECCOMP_GET_ACTION_AVAIL, 1, &unknown), EINVAL);
    FAILS(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, BAD_POINTER), EFAULT);
    OK(seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes));
    EQ(sizes.seccomp_notif, 80);
    EQ(sizes.seccomp_notif_resp, 24);
    EQ(sizes.seccomp_data, 64);
    FAILS(seccomp(SECCOMP_GET_NOTIF_SIZES, 1, &sizes), EINVAL);
    FAILS(seccomp(SECCOMP_GET_NOTIF_SIZES, 0, BAD_POINTER), EFAULT);
}

static void privilege_is_needed(void)
{
    if (geteuid() != 0)
        skip("needs root");
    OK(INSTALL(RETURN(SECCOMP_RET_ALLOW)));
    OK(setresuid(65534, 65534, 65534));
    FAILS(INSTALL(RETURN(SECCOMP_RET_ALLOW)), EACCES);
    FAILS(INSTALL(NR), EACCES);
    allow_new_filters();
    OK(INSTALL(RETURN(SECCOMP_RET_ALLOW)));
}

static void long_chains_end(void)
{
    static struct sock_filter code[4000];
    struct sock_fprog program = {4000, code};
    for (int i = 0; i < 4000; i++)
        code[i] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
    allow_new_filters();
    /* How long a program is inside the kernel is the kernel's affair. */
    int installed = 0;
    while (seccomp(SECCOMP_SET_MODE_FILTER, 0, &program) == 0 && installed < 100)
        installed++;
    EQ(errno, ENOMEM);
    TRUE(installed >= 2 && installed <= 8);
}

/* ---- threads ---- */

static struct gate thread_ready, thread_go;

static void *waiting_thread(void *own_filter)
{
    thread_tid = (pid_t)syscall(__NR_gettid);
    if (own_filter)
        OK(INSTALL(NR, FOR_CALL(__NR_getuid, SECCOMP_RET_ERRNO | 9), RETURN(SECCOMP_RET_ALLOW)));
    gate_open(&thread_ready);
    gate_pass(&thread_go);
    FAILS(syscall(UNUSED_CALL), EDOM);
    EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    return NULL;
}

static void threads_follow_tsync(void)
{
    pthread_t thread;
    thread_ready = gate_make();
    thread_go = gate_make();
    EQ(pthread_create(&thread, NULL, waiting_thread, NULL), 0);
    gate_pass(&thread_ready);
    allow_new_filters();
    EQ(INSTALL_WITH(SECCOMP_FILTER_FLAG_TSYNC, NR, FOR_CALL(UNUSED_CALL, SECCOMP_RET_ERRNO | EDOM),
                    RETURN(SECCOMP_RET_ALLOW)),
       0);
    FAILS(syscall(UNUSED_CALL), EDOM);
    gate_open(&thread_go);
    EQ(pthread_join(thread, NULL), 0);
}

static void tsync_names_the_thread_that_differs(void)
{
    pthread_t thread;
    allow_new_filters();
    thread_ready = gate_make();
    thread_go = gate_make();
    EQ(pthread_create(&thread, NULL, waiting_thread, &thread_go), 0);
    gate_pass(&thread_ready);
    EQ(INSTALL_WITH(SECCOMP_FILTER_FLAG_TSYNC, RETURN(SECCOMP_RET_ALLOW)), thread_tid);
    FAILS(INSTALL_WITH(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
                       RETURN(SECCOMP_RET_ALLOW)),
          ESRCH);
    EQ(prctl(PR_GET_SECCOMP), 0);
}

static void status_shows_mode_and_count(void)
{
    char text[4096];
    allow_new_filters();
    OK(INSTALL(RETURN(SECCOMP_RET_ALLOW)));
    OK(INSTALL(RETURN(SECCOMP_RET_ALLOW)));
    int fd = (int)OK(open("/proc/self/status", O_RDONLY));
    ssize_t length = OK(read(fd, text, sizeof(text) - 1));
    text[length] = '\0';
    TRUE(strstr(text, "\nNoNewPrivs:\t1\n"));
    TRUE(strstr(text, "\nSeccomp:\t2\n"));
    TRUE(strstr(text, "\nSeccomp_filters:\t2\n"));
}

static void many_threads_survive_tsync(void)
{
    enum { THREADS = 4, ROUNDS = 30 };
    pthread_t threads[THREADS];
    allow_new_filters();
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < THREADS; i++)
            EQ(pthread_create(&threads[i], NULL, make_call, NULL), 0);
        OK(INSTALL_WITH(SECCOMP_FILTER_FLAG_TSYNC, NR, RETURN(SECCOMP_RET_ALLOW)));
        for (int i = 0; i < THREADS; i++)
            EQ(pthread_join(threads[i], NULL), 0);
    }
}

GUEST_CASES(CASE(strict_leaves_four_calls), CASE(errno_is_returned), CASE(filters_are_inherited),
            CASE(killed_by_sigsys), CASE(one_thread_is_killed), CASE(trap_tells_everything),
            CASE(blocked_trap_kills), CASE(trace_without_tracer_is_enosys),
            CASE(filter_sees_arguments_and_address), CASE(number_and_argument_halves),
            CASE(arithmetic_is_right), CASE(division_by_zero_kills), CASE(bad_programs_are_refused),
            CASE(arguments_are_checked), CASE(available_actions), CASE(privilege_is_needed),
            CASE(long_chains_end), CASE(threads_follow_tsync),
            CASE(tsync_names_the_thread_that_differs), CASE(status_shows_mode_and_count),
            CASE(many_threads_survive_tsync))

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--after-exec") == 0) {
        FAILS(syscall(UNUSED_CALL), EDOM);
        return 0;
    }
    return guest_run_all(argc, argv);
}
