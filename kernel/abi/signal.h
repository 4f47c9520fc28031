/* SPDX-License-Identifier: MIT */
/* signal(7), sigaction(2), sigaltstack(2), and the x86-64 signal frame. */
#ifndef KERNEL_ABI_SIGNAL_H
#define KERNEL_ABI_SIGNAL_H

#include <stdint.h>

#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGSTKFLT 16
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGURG 23
#define SIGXCPU 24
#define SIGXFSZ 25
#define SIGVTALRM 26
#define SIGPROF 27
#define SIGWINCH 28
#define SIGIO 29
#define SIGPWR 30
#define SIGSYS 31
#define SIGIOT SIGABRT
#define SIGPOLL SIGIO
#define SIGRTMIN 32
#define SIGRTMAX 64
#define _NSIG 64

typedef uint64_t linux_sigset; /* signal n is bit n - 1 */

#define LINUX_SIGMASK(sig) (1ull << ((sig)-1))

#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

/* Handler values */
#define SIG_DFL 0ull
#define SIG_IGN 1ull

#define SA_NOCLDSTOP 0x00000001
#define SA_NOCLDWAIT 0x00000002
#define SA_SIGINFO 0x00000004
#define SA_UNSUPPORTED 0x00000400
#define SA_EXPOSE_TAGBITS 0x00000800
#define SA_RESTORER 0x04000000
#define SA_ONSTACK 0x08000000
#define SA_RESTART 0x10000000
#define SA_NODEFER 0x40000000
#define SA_RESETHAND 0x80000000
#define SA_NOMASK SA_NODEFER
#define SA_ONESHOT SA_RESETHAND

/* The kernel's form, for rt_sigaction(2). */
struct linux_sigaction {
    uint64_t handler; /* SIG_DFL, SIG_IGN or an address */
    uint64_t flags;
    uint64_t restorer;
    linux_sigset mask;
};

#define SS_ONSTACK 1
#define SS_DISABLE 2
#define SS_AUTODISARM (1U << 31)
#define MINSIGSTKSZ 2048
#define SIGSTKSZ 8192

struct linux_stack {
    uint64_t ss_sp;
    int32_t ss_flags;
    uint32_t pad;
    uint64_t ss_size;
};

union linux_sigval {
    int32_t sival_int;
    uint64_t sival_ptr;
};

struct linux_siginfo {
    int32_t si_signo;
    int32_t si_errno;
    int32_t si_code;
    int32_t pad0;
    union {
        struct { /* kill, tgkill */
            int32_t pid;
            uint32_t uid;
        } kill;
        struct { /* POSIX timers */
            int32_t tid;
            int32_t overrun;
            union linux_sigval value;
            int32_t sys_private;
        } timer;
        struct { /* sigqueue, message queues */
            int32_t pid;
            uint32_t uid;
            union linux_sigval value;
        } rt;
        struct { /* SIGCHLD */
            int32_t pid;
            uint32_t uid;
            int32_t status;
            int32_t pad;
            int64_t utime; /* clock ticks */
            int64_t stime;
        } chld;
        struct { /* SIGILL SIGFPE SIGSEGV SIGBUS SIGTRAP */
            uint64_t addr;
            union {
                int16_t addr_lsb; /* BUS_MCEERR_* */
                struct {
                    uint64_t pad;
                    uint64_t lower, upper;
                } bounds; /* SEGV_BNDERR */
                struct {
                    uint64_t pad;
                    uint32_t pkey;
                } key; /* SEGV_PKUERR */
                struct {
                    uint64_t data;
                    uint32_t type;
                    uint32_t flags;
                } perf; /* TRAP_PERF */
            };
        } fault;
        struct { /* SIGIO */
            int64_t band;
            int32_t fd;
        } poll;
        struct { /* SIGSYS */
            uint64_t call_addr;
            int32_t syscall;
            uint32_t arch;
        } sys;
        uint8_t pad[112];
    };
};

/* si_code: where the signal came from */
#define SI_USER 0
#define SI_KERNEL 0x80
#define SI_QUEUE (-1)
#define SI_TIMER (-2)
#define SI_MESGQ (-3)
#define SI_ASYNCIO (-4)
#define SI_SIGIO (-5)
#define SI_TKILL (-6)
#define SI_DETHREAD (-7)
#define SI_ASYNCNL (-60)

#define ILL_ILLOPC 1
#define ILL_ILLOPN 2
#define ILL_ILLADR 3
#define ILL_ILLTRP 4
#define ILL_PRVOPC 5
#define ILL_PRVREG 6
#define ILL_COPROC 7
#define ILL_BADSTK 8
#define FPE_INTDIV 1
#define FPE_INTOVF 2
#define FPE_FLTDIV 3
#define FPE_FLTOVF 4
#define FPE_FLTUND 5
#define FPE_FLTRES 6
#define FPE_FLTINV 7
#define FPE_FLTSUB 8
#define FPE_FLTUNK 14
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define SEGV_BNDERR 3
#define SEGV_PKUERR 4
#define BUS_ADRALN 1
#define BUS_ADRERR 2
#define BUS_OBJERR 3
#define BUS_MCEERR_AR 4
#define BUS_MCEERR_AO 5
#define TRAP_BRKPT 1
#define TRAP_TRACE 2
#define TRAP_BRANCH 3
#define TRAP_HWBKPT 4
#define TRAP_UNK 5
#define TRAP_PERF 6
#define CLD_EXITED 1
#define CLD_KILLED 2
#define CLD_DUMPED 3
#define CLD_TRAPPED 4
#define CLD_STOPPED 5
#define CLD_CONTINUED 6
#define POLL_IN 1
#define POLL_OUT 2
#define POLL_MSG 3
#define POLL_ERR 4
#define POLL_PRI 5
#define POLL_HUP 6
#define SYS_SECCOMP 1
#define SYS_USER_DISPATCH 2

#define SIGEV_SIGNAL 0
#define SIGEV_NONE 1
#define SIGEV_THREAD 2
#define SIGEV_THREAD_ID 4

struct linux_sigevent {
    union linux_sigval sigev_value;
    int32_t sigev_signo;
    int32_t sigev_notify;
    union {
        int32_t tid;
        uint8_t pad[48];
    };
};

/* Machine state in a signal frame: registers in the order of REG_R8 .. of ucontext. */
struct linux_sigcontext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t di, si, bp, bx, dx, ax, cx, sp, ip, flags;
    uint16_t cs, gs, fs, ss;
    uint64_t err, trapno, oldmask, cr2;
    uint64_t fpstate; /* address of linux_fpstate, 0 if there is none */
    uint64_t reserved[8];
};

struct linux_ucontext {
    uint64_t uc_flags;
    uint64_t uc_link;
    struct linux_stack uc_stack;
    struct linux_sigcontext uc_mcontext;
    linux_sigset uc_sigmask;
};

#define UC_FP_XSTATE 0x1
#define UC_SIGCONTEXT_SS 0x2
#define UC_STRICT_RESTORE_SS 0x4

/* What the kernel pushes for a handler; ax, di, si, dx hold 0, signal, &info, &uc. */
struct linux_rt_sigframe {
    uint64_t pretcode; /* return address: sa_restorer */
    struct linux_ucontext uc;
    struct linux_siginfo info;
};

#define FP_XSTATE_MAGIC1 0x46505853U
#define FP_XSTATE_MAGIC2 0x46505845U
#define FP_XSTATE_MAGIC2_SIZE 4

/* In the last bytes of the FXSAVE area; valid if magic1 matches. */
struct linux_fpx_sw_bytes {
    uint32_t magic1;
    uint32_t extended_size; /* XSAVE area and the trailing FP_XSTATE_MAGIC2 */
    uint64_t xfeatures;
    uint32_t xstate_size;
    uint32_t padding[7];
};

/* FXSAVE image, 512 bytes; an XSAVE header and the rest follow if sw_reserved says so. */
struct linux_fpstate {
    uint16_t cwd, swd, twd, fop;
    uint64_t rip, rdp;
    uint32_t mxcsr, mxcsr_mask;
    uint32_t st_space[32];
    uint32_t xmm_space[64];
    uint32_t reserved2[12];
    struct linux_fpx_sw_bytes sw_reserved;
};

struct linux_xstate_header {
    uint64_t xfeatures;
    uint64_t reserved1[2];
    uint64_t reserved2[5];
};

/* Sizes that programs rely on. */
_Static_assert(sizeof(struct linux_sigaction) == 32, "linux_sigaction");
_Static_assert(sizeof(struct linux_siginfo) == 128, "linux_siginfo");
_Static_assert(sizeof(struct linux_sigevent) == 64, "linux_sigevent");
_Static_assert(sizeof(struct linux_stack) == 24, "linux_stack");
_Static_assert(sizeof(struct linux_sigcontext) == 256, "linux_sigcontext");
_Static_assert(sizeof(struct linux_ucontext) == 304, "linux_ucontext");
_Static_assert(sizeof(struct linux_rt_sigframe) == 440, "linux_rt_sigframe");
_Static_assert(sizeof(struct linux_fpstate) == 512, "linux_fpstate");
_Static_assert(sizeof(struct linux_xstate_header) == 64, "linux_xstate_header");

#endif
