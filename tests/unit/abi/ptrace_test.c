/* SPDX-License-Identifier: MIT */
/* kernel/abi/ptrace.h against the host's headers. */
#define _GNU_SOURCE
#include <asm/ptrace.h>
#include <linux/kcmp.h>
#include <linux/ptrace.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(PTRACE_TRACEME) V(PTRACE_PEEKTEXT) V(PTRACE_PEEKDATA) V(PTRACE_PEEKUSR) V(PTRACE_POKETEXT) \
    V(PTRACE_POKEDATA) V(PTRACE_POKEUSR) V(PTRACE_CONT) V(PTRACE_KILL) V(PTRACE_SINGLESTEP) \
    V(PTRACE_GETREGS) V(PTRACE_SETREGS) V(PTRACE_GETFPREGS) V(PTRACE_SETFPREGS) V(PTRACE_ATTACH) \
    V(PTRACE_DETACH) V(PTRACE_SYSCALL) V(PTRACE_GET_THREAD_AREA) V(PTRACE_SET_THREAD_AREA) \
    V(PTRACE_ARCH_PRCTL) V(PTRACE_SYSEMU) V(PTRACE_SYSEMU_SINGLESTEP) V(PTRACE_SINGLEBLOCK) \
    V(PTRACE_SETOPTIONS) V(PTRACE_GETEVENTMSG) V(PTRACE_GETSIGINFO) V(PTRACE_SETSIGINFO) \
    V(PTRACE_GETREGSET) V(PTRACE_SETREGSET) V(PTRACE_SEIZE) V(PTRACE_INTERRUPT) V(PTRACE_LISTEN) \
    V(PTRACE_PEEKSIGINFO) V(PTRACE_GETSIGMASK) V(PTRACE_SETSIGMASK) V(PTRACE_SECCOMP_GET_FILTER) \
    V(PTRACE_SECCOMP_GET_METADATA) V(PTRACE_GET_SYSCALL_INFO) V(PTRACE_GET_RSEQ_CONFIGURATION) \
    V(PTRACE_PEEKSIGINFO_SHARED) V(PTRACE_SYSCALL_INFO_NONE) V(PTRACE_SYSCALL_INFO_ENTRY) \
    V(PTRACE_SYSCALL_INFO_EXIT) V(PTRACE_SYSCALL_INFO_SECCOMP) V(PTRACE_EVENT_FORK) \
    V(PTRACE_EVENT_VFORK) V(PTRACE_EVENT_CLONE) V(PTRACE_EVENT_EXEC) V(PTRACE_EVENT_VFORK_DONE) \
    V(PTRACE_EVENT_EXIT) V(PTRACE_EVENT_SECCOMP) V(PTRACE_EVENT_STOP) V(PTRACE_O_TRACESYSGOOD) \
    V(PTRACE_O_TRACEFORK) V(PTRACE_O_TRACEVFORK) V(PTRACE_O_TRACECLONE) V(PTRACE_O_TRACEEXEC) \
    V(PTRACE_O_TRACEVFORKDONE) V(PTRACE_O_TRACEEXIT) V(PTRACE_O_TRACESECCOMP) \
    V(PTRACE_O_EXITKILL) V(PTRACE_O_SUSPEND_SECCOMP) V(PTRACE_O_MASK) V(KCMP_FILE) V(KCMP_VM) \
    V(KCMP_FILES) V(KCMP_FS) V(KCMP_SIGHAND) V(KCMP_IO) V(KCMP_SYSVSEM) V(KCMP_EPOLL_TFD)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/ptrace.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_ptrace_syscall_info, struct ptrace_syscall_info),
    SAME_FIELD(struct linux_ptrace_syscall_info, op, struct ptrace_syscall_info, op),
    SAME_FIELD(struct linux_ptrace_syscall_info, arch, struct ptrace_syscall_info, arch),
    SAME_FIELD(struct linux_ptrace_syscall_info, instruction_pointer, struct ptrace_syscall_info,
               instruction_pointer),
    SAME_FIELD(struct linux_ptrace_syscall_info, stack_pointer, struct ptrace_syscall_info,
               stack_pointer),
    SAME_SIZE(struct linux_ptrace_peeksiginfo_args, struct ptrace_peeksiginfo_args),
    SAME_FIELD(struct linux_ptrace_peeksiginfo_args, off, struct ptrace_peeksiginfo_args, off),
    SAME_FIELD(struct linux_ptrace_peeksiginfo_args, flags, struct ptrace_peeksiginfo_args, flags),
    SAME_FIELD(struct linux_ptrace_peeksiginfo_args, nr, struct ptrace_peeksiginfo_args, nr),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *ptrace_suite(void)
{
    return unit_suite("ptrace", add);
}

UNIT_MAIN(ptrace_suite)
