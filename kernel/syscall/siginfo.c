/* SPDX-License-Identifier: MIT
 *
 * Reading siginfo_t, for rt_sigqueueinfo(2), pidfd_send_signal(2) and ptrace(2).
 *
 * Only its first bytes are ever used, and programs may pass no more than these. With a si_code that
 * nobody knows all of them count: what is unknown must be zero.
 */
#include "kernel/syscall/siginfo.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/signal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"

enum {
    SIGINFO_USED = 48,
    SI_CODE_FIRST = -7, /* SI_DETHREAD */
    SI_CODE_ASYNCNL = -60,
    SI_CODE_POLL_LAST = 6,
};

/* The last si_code that a signal with codes of its own has; those of SIGPOLL for the others. */
static int last_code(int sig)
{
    switch (sig) {
    case SIGILL:
        return 11;
    case SIGFPE:
        return 15;
    case SIGSEGV:
        return 9;
    case SIGBUS:
        return 5;
    case SIGTRAP:
    case SIGCHLD:
        return 6;
    case SIGSYS:
        return 2;
    default:
        return SI_CODE_POLL_LAST;
    }
}

static bool is_known(int sig, int code)
{
    if (code > 0)
        return code == SI_KERNEL || code <= last_code(sig);
    return code >= SI_CODE_FIRST || code == SI_CODE_ASYNCNL;
}

int siginfo_from_user(struct linux_siginfo *out, uint64_t uaddr)
{
    char rest[sizeof(*out) - SIGINFO_USED];
    memset(out, 0, sizeof(*out));
    if (copy_from_user(out, uaddr, SIGINFO_USED))
        return -EFAULT;
    if (is_known(out->si_signo, out->si_code))
        return 0;
    if (copy_from_user(rest, uaddr + SIGINFO_USED, sizeof(rest)))
        return -EFAULT;
    return kmem_is_zero(rest, sizeof(rest)) ? 0 : -E2BIG;
}
