/* SPDX-License-Identifier: MIT */
/* kernel/abi/signal.h against the host's headers. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/ucontext.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(SIGHUP) V(SIGINT) V(SIGQUIT) V(SIGILL) V(SIGTRAP) V(SIGABRT) V(SIGBUS) V(SIGFPE) \
    V(SIGKILL) V(SIGUSR1) V(SIGSEGV) V(SIGUSR2) V(SIGPIPE) V(SIGALRM) V(SIGTERM) V(SIGSTKFLT) \
    V(SIGCHLD) V(SIGCONT) V(SIGSTOP) V(SIGTSTP) V(SIGTTIN) V(SIGTTOU) V(SIGURG) V(SIGXCPU) \
    V(SIGXFSZ) V(SIGVTALRM) V(SIGPROF) V(SIGWINCH) V(SIGIO) V(SIGPWR) V(SIGSYS) V(SIGIOT) \
    V(SIGPOLL) V(SIG_BLOCK) V(SIG_UNBLOCK) V(SIG_SETMASK) V(SA_NOCLDSTOP) V(SA_NOCLDWAIT) \
    V(SA_SIGINFO) V(SA_ONSTACK) V(SA_RESTART) V(SA_NODEFER) V(SA_RESETHAND) V(SA_NOMASK) \
    V(SA_ONESHOT) V(SS_ONSTACK) V(SS_DISABLE) V(SI_USER) V(SI_KERNEL) V(SI_QUEUE) V(SI_TIMER) \
    V(SI_MESGQ) V(SI_ASYNCIO) V(SI_SIGIO) V(SI_TKILL) V(SI_DETHREAD) V(SI_ASYNCNL) V(ILL_ILLOPC) \
    V(ILL_ILLOPN) V(ILL_ILLADR) V(ILL_ILLTRP) V(ILL_PRVOPC) V(ILL_PRVREG) V(ILL_COPROC) \
    V(ILL_BADSTK) V(FPE_INTDIV) V(FPE_INTOVF) V(FPE_FLTDIV) V(FPE_FLTOVF) V(FPE_FLTUND) \
    V(FPE_FLTRES) V(FPE_FLTINV) V(FPE_FLTSUB) V(FPE_FLTUNK) V(SEGV_MAPERR) V(SEGV_ACCERR) \
    V(SEGV_BNDERR) V(SEGV_PKUERR) V(BUS_ADRALN) V(BUS_ADRERR) V(BUS_OBJERR) V(BUS_MCEERR_AR) \
    V(BUS_MCEERR_AO) V(TRAP_BRKPT) V(TRAP_TRACE) V(TRAP_BRANCH) V(TRAP_HWBKPT) V(TRAP_UNK) \
    V(CLD_EXITED) V(CLD_KILLED) V(CLD_DUMPED) V(CLD_TRAPPED) V(CLD_STOPPED) V(CLD_CONTINUED) \
    V(POLL_IN) V(POLL_OUT) V(POLL_MSG) V(POLL_ERR) V(POLL_PRI) V(POLL_HUP) V(SIGEV_SIGNAL) \
    V(SIGEV_NONE) V(SIGEV_THREAD) V(SIGEV_THREAD_ID) V(FP_XSTATE_MAGIC1) V(FP_XSTATE_MAGIC2) \
    V(FP_XSTATE_MAGIC2_SIZE)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/signal.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_stack, stack_t),
    SAME_FIELD(struct linux_stack, ss_sp, stack_t, ss_sp),
    SAME_FIELD(struct linux_stack, ss_flags, stack_t, ss_flags),
    SAME_FIELD(struct linux_stack, ss_size, stack_t, ss_size),
    SAME_SIZE(struct linux_siginfo, siginfo_t),
    SAME_FIELD(struct linux_siginfo, si_signo, siginfo_t, si_signo),
    SAME_FIELD(struct linux_siginfo, si_errno, siginfo_t, si_errno),
    SAME_FIELD(struct linux_siginfo, si_code, siginfo_t, si_code),
    SAME_FIELD(struct linux_siginfo, kill.uid, siginfo_t, si_uid),
    SAME_FIELD(struct linux_siginfo, kill.pid, siginfo_t, si_pid),
    SAME_FIELD(struct linux_siginfo, timer.tid, siginfo_t, si_timerid),
    SAME_FIELD(struct linux_siginfo, timer.overrun, siginfo_t, si_overrun),
    SAME_FIELD(struct linux_siginfo, timer.value, siginfo_t, si_value),
    SAME_FIELD(struct linux_siginfo, rt.value, siginfo_t, si_value),
    SAME_FIELD(struct linux_siginfo, chld.status, siginfo_t, si_status),
    SAME_FIELD(struct linux_siginfo, chld.utime, siginfo_t, si_utime),
    SAME_FIELD(struct linux_siginfo, chld.stime, siginfo_t, si_stime),
    SAME_FIELD(struct linux_siginfo, fault.addr, siginfo_t, si_addr),
    SAME_FIELD(struct linux_siginfo, fault.addr_lsb, siginfo_t, si_addr_lsb),
    SAME_FIELD(struct linux_siginfo, fault.bounds.lower, siginfo_t, si_lower),
    SAME_FIELD(struct linux_siginfo, fault.bounds.upper, siginfo_t, si_upper),
    SAME_FIELD(struct linux_siginfo, fault.key.pkey, siginfo_t, si_pkey),
    SAME_FIELD(struct linux_siginfo, poll.band, siginfo_t, si_band),
    SAME_FIELD(struct linux_siginfo, poll.fd, siginfo_t, si_fd),
    SAME_FIELD(struct linux_siginfo, sys.call_addr, siginfo_t, si_call_addr),
    SAME_FIELD(struct linux_siginfo, sys.syscall, siginfo_t, si_syscall),
    SAME_FIELD(struct linux_siginfo, sys.arch, siginfo_t, si_arch),
    SAME_SIZE(struct linux_sigevent, struct sigevent),
    SAME_FIELD(struct linux_sigevent, sigev_value, struct sigevent, sigev_value),
    SAME_FIELD(struct linux_sigevent, sigev_signo, struct sigevent, sigev_signo),
    SAME_FIELD(struct linux_sigevent, sigev_notify, struct sigevent, sigev_notify),
    SAME_FIELD(struct linux_sigevent, tid, struct sigevent, _sigev_un._tid),
    SAME_SIZE(struct linux_sigcontext, struct sigcontext),
    SAME_FIELD(struct linux_sigcontext, r8, struct sigcontext, r8),
    SAME_FIELD(struct linux_sigcontext, r9, struct sigcontext, r9),
    SAME_FIELD(struct linux_sigcontext, r10, struct sigcontext, r10),
    SAME_FIELD(struct linux_sigcontext, r11, struct sigcontext, r11),
    SAME_FIELD(struct linux_sigcontext, r12, struct sigcontext, r12),
    SAME_FIELD(struct linux_sigcontext, r13, struct sigcontext, r13),
    SAME_FIELD(struct linux_sigcontext, r14, struct sigcontext, r14),
    SAME_FIELD(struct linux_sigcontext, r15, struct sigcontext, r15),
    SAME_FIELD(struct linux_sigcontext, cs, struct sigcontext, cs),
    SAME_FIELD(struct linux_sigcontext, gs, struct sigcontext, gs),
    SAME_FIELD(struct linux_sigcontext, fs, struct sigcontext, fs),
    SAME_FIELD(struct linux_sigcontext, err, struct sigcontext, err),
    SAME_FIELD(struct linux_sigcontext, trapno, struct sigcontext, trapno),
    SAME_FIELD(struct linux_sigcontext, oldmask, struct sigcontext, oldmask),
    SAME_FIELD(struct linux_sigcontext, cr2, struct sigcontext, cr2),
    SAME_FIELD(struct linux_sigcontext, fpstate, struct sigcontext, fpstate),
    SAME_FIELD(struct linux_sigcontext, di, struct sigcontext, rdi),
    SAME_FIELD(struct linux_sigcontext, si, struct sigcontext, rsi),
    SAME_FIELD(struct linux_sigcontext, bp, struct sigcontext, rbp),
    SAME_FIELD(struct linux_sigcontext, bx, struct sigcontext, rbx),
    SAME_FIELD(struct linux_sigcontext, dx, struct sigcontext, rdx),
    SAME_FIELD(struct linux_sigcontext, ax, struct sigcontext, rax),
    SAME_FIELD(struct linux_sigcontext, cx, struct sigcontext, rcx),
    SAME_FIELD(struct linux_sigcontext, sp, struct sigcontext, rsp),
    SAME_FIELD(struct linux_sigcontext, ip, struct sigcontext, rip),
    SAME_FIELD(struct linux_sigcontext, flags, struct sigcontext, eflags),
    SAME_SIZE(struct linux_fpx_sw_bytes, struct _fpx_sw_bytes),
    SAME_FIELD(struct linux_fpx_sw_bytes, magic1, struct _fpx_sw_bytes, magic1),
    SAME_FIELD(struct linux_fpx_sw_bytes, extended_size, struct _fpx_sw_bytes, extended_size),
    SAME_FIELD(struct linux_fpx_sw_bytes, xstate_size, struct _fpx_sw_bytes, xstate_size),
    SAME_FIELD(struct linux_fpx_sw_bytes, xfeatures, struct _fpx_sw_bytes, xstate_bv),
    SAME_FIELD(struct linux_fpstate, cwd, struct _libc_fpstate, cwd),
    SAME_FIELD(struct linux_fpstate, swd, struct _libc_fpstate, swd),
    SAME_FIELD(struct linux_fpstate, fop, struct _libc_fpstate, fop),
    SAME_FIELD(struct linux_fpstate, rip, struct _libc_fpstate, rip),
    SAME_FIELD(struct linux_fpstate, rdp, struct _libc_fpstate, rdp),
    SAME_FIELD(struct linux_fpstate, mxcsr, struct _libc_fpstate, mxcsr),
    SAME_FIELD(struct linux_fpstate, twd, struct _libc_fpstate, ftw),
    SAME_FIELD(struct linux_fpstate, mxcsr_mask, struct _libc_fpstate, mxcr_mask),
    SAME_FIELD(struct linux_fpstate, st_space, struct _libc_fpstate, _st),
    SAME_FIELD(struct linux_fpstate, xmm_space, struct _libc_fpstate, _xmm),
    SAME_SIZE(struct linux_xstate_header, struct _xsave_hdr),
    SAME_FIELD(struct linux_xstate_header, xfeatures, struct _xsave_hdr, xstate_bv),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *signal_suite(void)
{
    return unit_suite("signal", add);
}

UNIT_MAIN(signal_suite)
