/* SPDX-License-Identifier: MIT
 *
 * Names of the flags and commands of system calls on processes, time and communication.
 */
#include "kernel/abi/futex.h"
#include "kernel/abi/ipc.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/socket.h"
#include "kernel/abi/time.h"
#include "kernel/abi/wait.h"
#include "kernel/lib/compiler.h"
#include "kernel/syscall/trace_internal.h"

#define V(text, number, mask) {text, (uint64_t)(number), (uint64_t)(mask)}
#define N(constant) V(#constant, (uint32_t)(constant), 0)
#define N64(constant) V(#constant, constant, 0)
#define SET(id, what)                                                                              \
    const struct trace_set trace_set_##id = {                                                      \
        .names = id##_names, .count = ARRAY_SIZE(id##_names), .unknown = what}

static const struct trace_name af_names[] = {
    N(AF_UNSPEC), N(AF_UNIX), N(AF_INET), N(AF_AX25), N(AF_IPX), N(AF_X25), N(AF_INET6),
    N(AF_NETLINK), N(AF_PACKET), N(AF_TIPC), N(AF_BLUETOOTH), N(AF_ALG), N(AF_VSOCK), N(AF_XDP),
};
SET(af, "AF_???");

static const struct trace_name clock_names[] = {
    N(CLOCK_REALTIME), N(CLOCK_MONOTONIC), N(CLOCK_PROCESS_CPUTIME_ID), N(CLOCK_THREAD_CPUTIME_ID),
    N(CLOCK_MONOTONIC_RAW), N(CLOCK_REALTIME_COARSE), N(CLOCK_MONOTONIC_COARSE), N(CLOCK_BOOTTIME),
    N(CLOCK_REALTIME_ALARM), N(CLOCK_BOOTTIME_ALARM), N(CLOCK_TAI),
};
SET(clock, "CLOCK_???");

static const struct trace_name clone_names[] = {
    N(CLONE_VM), N(CLONE_FS), N(CLONE_FILES), N(CLONE_SIGHAND), N(CLONE_PIDFD), N(CLONE_PTRACE),
    N(CLONE_VFORK), N(CLONE_PARENT), N(CLONE_THREAD), N(CLONE_NEWNS), N(CLONE_SYSVSEM),
    N(CLONE_SETTLS), N(CLONE_PARENT_SETTID), N(CLONE_CHILD_CLEARTID), N(CLONE_DETACHED),
    N(CLONE_UNTRACED), N(CLONE_CHILD_SETTID), N(CLONE_NEWCGROUP), N(CLONE_NEWUTS), N(CLONE_NEWIPC),
    N(CLONE_NEWUSER), N(CLONE_NEWPID), N(CLONE_NEWNET), N(CLONE_IO), N(CLONE_NEWTIME),
    N64(CLONE_CLEAR_SIGHAND), N64(CLONE_INTO_CGROUP), V("SIGCHLD", SIGCHLD, CSIGNAL),
};
SET(clone, "CLONE_???");

static const struct trace_name epollctl_names[] = {
    N(EPOLL_CTL_ADD), N(EPOLL_CTL_DEL), N(EPOLL_CTL_MOD),
};
SET(epollctl, "EPOLL_CTL_???");

static const struct trace_name futex_names[] = {
    V("FUTEX_WAIT", FUTEX_WAIT, 0x7f), V("FUTEX_WAKE", FUTEX_WAKE, 0x7f),
    V("FUTEX_FD", FUTEX_FD, 0x7f), V("FUTEX_REQUEUE", FUTEX_REQUEUE, 0x7f),
    V("FUTEX_CMP_REQUEUE", FUTEX_CMP_REQUEUE, 0x7f), V("FUTEX_WAKE_OP", FUTEX_WAKE_OP, 0x7f),
    V("FUTEX_LOCK_PI", FUTEX_LOCK_PI, 0x7f), V("FUTEX_UNLOCK_PI", FUTEX_UNLOCK_PI, 0x7f),
    V("FUTEX_TRYLOCK_PI", FUTEX_TRYLOCK_PI, 0x7f), V("FUTEX_WAIT_BITSET", FUTEX_WAIT_BITSET, 0x7f),
    V("FUTEX_WAKE_BITSET", FUTEX_WAKE_BITSET, 0x7f),
    V("FUTEX_WAIT_REQUEUE_PI", FUTEX_WAIT_REQUEUE_PI, 0x7f),
    V("FUTEX_CMP_REQUEUE_PI", FUTEX_CMP_REQUEUE_PI, 0x7f),
    V("FUTEX_LOCK_PI2", FUTEX_LOCK_PI2, 0x7f), V("FUTEX_PRIVATE_FLAG", FUTEX_PRIVATE_FLAG, 0),
    V("FUTEX_CLOCK_REALTIME", FUTEX_CLOCK_REALTIME, 0),
};
SET(futex, "FUTEX_???");

static const struct trace_name ipc_names[] = {
    N(IPC_CREAT), N(IPC_EXCL), N(IPC_NOWAIT),
};
SET(ipc, "IPC_???");

static const struct trace_name ipcctl_names[] = {
    N(IPC_RMID), N(IPC_SET), N(IPC_STAT), N(IPC_INFO), N(GETPID), N(GETVAL), N(GETALL), N(GETNCNT),
    N(GETZCNT), N(SETVAL), N(SETALL), N(SEM_STAT), N(SEM_INFO),
};
SET(ipcctl, "IPC_???");

static const struct trace_name itimer_names[] = {
    N(ITIMER_REAL), N(ITIMER_VIRTUAL), N(ITIMER_PROF),
};
SET(itimer, "ITIMER_???");

static const struct trace_name msg_names[] = {
    N(MSG_OOB), N(MSG_PEEK), N(MSG_DONTROUTE), N(MSG_CTRUNC), N(MSG_PROXY), N(MSG_TRUNC),
    N(MSG_DONTWAIT), N(MSG_EOR), N(MSG_WAITALL), N(MSG_FIN), N(MSG_SYN), N(MSG_CONFIRM),
    N(MSG_RST), N(MSG_ERRQUEUE), N(MSG_NOSIGNAL), N(MSG_MORE), N(MSG_WAITFORONE), N(MSG_BATCH),
    N(MSG_ZEROCOPY), N(MSG_FASTOPEN), N(MSG_CMSG_CLOEXEC),
};
SET(msg, "MSG_???");

static const struct trace_name sched_names[] = {
    N(SCHED_OTHER), N(SCHED_FIFO), N(SCHED_RR), N(SCHED_BATCH), N(SCHED_IDLE), N(SCHED_DEADLINE),
};
SET(sched, "SCHED_???");

static const struct trace_name shm_names[] = {
    N(SHM_HUGETLB), N(SHM_NORESERVE), N(SHM_RDONLY), N(SHM_RND), N(SHM_REMAP), N(SHM_EXEC),
};
SET(shm, "SHM_???");

static const struct trace_name shut_names[] = {
    N(SHUT_RD), N(SHUT_WR), N(SHUT_RDWR),
};
SET(shut, "SHUT_???");

static const struct trace_name sigmask_names[] = {
    N(SIG_BLOCK), N(SIG_UNBLOCK), N(SIG_SETMASK),
};
SET(sigmask, "SIG_???");

static const struct trace_name socktype_names[] = {
    V("SOCK_STREAM", SOCK_STREAM, SOCK_TYPE_MASK), V("SOCK_DGRAM", SOCK_DGRAM, SOCK_TYPE_MASK),
    V("SOCK_RAW", SOCK_RAW, SOCK_TYPE_MASK), V("SOCK_RDM", SOCK_RDM, SOCK_TYPE_MASK),
    V("SOCK_SEQPACKET", SOCK_SEQPACKET, SOCK_TYPE_MASK), V("SOCK_DCCP", SOCK_DCCP, SOCK_TYPE_MASK),
    V("SOCK_PACKET", SOCK_PACKET, SOCK_TYPE_MASK), N(SOCK_CLOEXEC), N(SOCK_NONBLOCK),
};
SET(socktype, "SOCK_???");

static const struct trace_name timer_names[] = {
    N(TIMER_ABSTIME), N(TFD_TIMER_CANCEL_ON_SET),
};
SET(timer, "TIMER_???");

static const struct trace_name wait_names[] = {
    N(WNOHANG), N(WUNTRACED), N(WEXITED), N(WCONTINUED), N(WNOWAIT), N(__WNOTHREAD), N(__WALL),
    N(__WCLONE),
};
SET(wait, "W???");

static const struct trace_name waitid_names[] = {
    N(P_ALL), N(P_PID), N(P_PGID), N(P_PIDFD),
};
SET(waitid, "P_???");

static const struct trace_name poll_names[] = {
    N(POLLIN), N(POLLPRI), N(POLLOUT), N(POLLERR), N(POLLHUP), N(POLLNVAL), N(POLLRDNORM),
    N(POLLRDBAND), N(POLLWRNORM), N(POLLWRBAND), N(POLLMSG), N(POLLREMOVE), N(POLLRDHUP),
};
SET(poll, "POLL???");

static const struct trace_name epoll_names[] = {
    N(EPOLLIN), N(EPOLLPRI), N(EPOLLOUT), N(EPOLLERR), N(EPOLLHUP), N(EPOLLRDNORM), N(EPOLLRDBAND),
    N(EPOLLWRNORM), N(EPOLLWRBAND), N(EPOLLMSG), N(EPOLLRDHUP), N(EPOLLEXCLUSIVE), N(EPOLLWAKEUP),
    N(EPOLLONESHOT), N(EPOLLET),
};
SET(epoll, "EPOLL???");

static const struct trace_name sigflags_names[] = {
    N(SA_NOCLDSTOP), N(SA_NOCLDWAIT), N(SA_SIGINFO), N(SA_UNSUPPORTED), N(SA_EXPOSE_TAGBITS),
    N(SA_RESTORER), N(SA_ONSTACK), N(SA_RESTART), N(SA_NODEFER), N(SA_RESETHAND),
};
SET(sigflags, "SA_???");

static const struct trace_name sigstack_names[] = {
    N(SS_ONSTACK), N(SS_DISABLE), N(SS_AUTODISARM),
};
SET(sigstack, "SS_???");

static const struct trace_name sigev_names[] = {
    N(SIGEV_SIGNAL), N(SIGEV_NONE), N(SIGEV_THREAD), N(SIGEV_THREAD_ID),
};
SET(sigev, "SIGEV_???");

static const struct trace_name sicode_names[] = {
    N(SI_USER), N(SI_KERNEL), V("SI_QUEUE", (uint32_t)SI_QUEUE, 0),
    V("SI_TIMER", (uint32_t)SI_TIMER, 0), V("SI_MESGQ", (uint32_t)SI_MESGQ, 0),
    V("SI_ASYNCIO", (uint32_t)SI_ASYNCIO, 0), V("SI_SIGIO", (uint32_t)SI_SIGIO, 0),
    V("SI_TKILL", (uint32_t)SI_TKILL, 0),
};
SET(sicode, "SI_???");

static const struct trace_name cldcode_names[] = {
    N(CLD_EXITED), N(CLD_KILLED), N(CLD_DUMPED), N(CLD_TRAPPED), N(CLD_STOPPED), N(CLD_CONTINUED),
};
SET(cldcode, "CLD_???");

static const struct trace_name segvcode_names[] = {
    N(SEGV_MAPERR), N(SEGV_ACCERR), N(SEGV_BNDERR), N(SEGV_PKUERR),
};
SET(segvcode, "SEGV_???");

static const struct trace_name buscode_names[] = {
    N(BUS_ADRALN), N(BUS_ADRERR), N(BUS_OBJERR), N(BUS_MCEERR_AR), N(BUS_MCEERR_AO),
};
SET(buscode, "BUS_???");

static const struct trace_name fpecode_names[] = {
    N(FPE_INTDIV), N(FPE_INTOVF), N(FPE_FLTDIV), N(FPE_FLTOVF), N(FPE_FLTUND), N(FPE_FLTRES),
    N(FPE_FLTINV), N(FPE_FLTSUB), N(FPE_FLTUNK),
};
SET(fpecode, "FPE_???");

static const struct trace_name illcode_names[] = {
    N(ILL_ILLOPC), N(ILL_ILLOPN), N(ILL_ILLADR), N(ILL_ILLTRP), N(ILL_PRVOPC), N(ILL_PRVREG),
    N(ILL_COPROC), N(ILL_BADSTK),
};
SET(illcode, "ILL_???");

static const struct trace_name trapcode_names[] = {
    N(TRAP_BRKPT), N(TRAP_TRACE), N(TRAP_BRANCH), N(TRAP_HWBKPT), N(TRAP_UNK), N(TRAP_PERF),
};
SET(trapcode, "TRAP_???");
