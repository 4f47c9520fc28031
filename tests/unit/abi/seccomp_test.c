/* SPDX-License-Identifier: MIT */
/* kernel/abi/seccomp.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(SECCOMP_MODE_DISABLED) V(SECCOMP_MODE_STRICT) V(SECCOMP_MODE_FILTER) \
    V(SECCOMP_SET_MODE_STRICT) V(SECCOMP_SET_MODE_FILTER) V(SECCOMP_GET_ACTION_AVAIL) \
    V(SECCOMP_GET_NOTIF_SIZES) V(SECCOMP_FILTER_FLAG_TSYNC) V(SECCOMP_FILTER_FLAG_LOG) \
    V(SECCOMP_FILTER_FLAG_SPEC_ALLOW) V(SECCOMP_FILTER_FLAG_NEW_LISTENER) \
    V(SECCOMP_FILTER_FLAG_TSYNC_ESRCH) V(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) \
    V(SECCOMP_RET_KILL_PROCESS) V(SECCOMP_RET_KILL_THREAD) V(SECCOMP_RET_TRAP) \
    V(SECCOMP_RET_ERRNO) V(SECCOMP_RET_USER_NOTIF) V(SECCOMP_RET_TRACE) V(SECCOMP_RET_LOG) \
    V(SECCOMP_RET_ALLOW) V(SECCOMP_RET_ACTION_FULL) V(SECCOMP_RET_DATA) V(AUDIT_ARCH_X86_64) \
    V(BPF_MAXINSNS) V(BPF_MEMWORDS) V(BPF_LD) V(BPF_LDX) V(BPF_ST) V(BPF_STX) V(BPF_ALU) \
    V(BPF_JMP) V(BPF_RET) V(BPF_MISC) V(BPF_W) V(BPF_H) V(BPF_B) V(BPF_IMM) V(BPF_ABS) \
    V(BPF_IND) V(BPF_MEM) V(BPF_LEN) V(BPF_MSH) V(BPF_ADD) V(BPF_SUB) V(BPF_MUL) V(BPF_DIV) \
    V(BPF_OR) V(BPF_AND) V(BPF_LSH) V(BPF_RSH) V(BPF_NEG) V(BPF_MOD) V(BPF_XOR) V(BPF_JA) \
    V(BPF_JEQ) V(BPF_JGT) V(BPF_JGE) V(BPF_JSET) V(BPF_K) V(BPF_X) V(BPF_A) V(BPF_TAX) \
    V(BPF_TXA)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/seccomp.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_seccomp_data, struct seccomp_data),
    SAME_FIELD(struct linux_seccomp_data, nr, struct seccomp_data, nr),
    SAME_FIELD(struct linux_seccomp_data, arch, struct seccomp_data, arch),
    SAME_FIELD(struct linux_seccomp_data, instruction_pointer, struct seccomp_data,
               instruction_pointer),
    SAME_FIELD(struct linux_seccomp_data, args, struct seccomp_data, args),
    SAME_SIZE(struct linux_sock_filter, struct sock_filter),
    SAME_FIELD(struct linux_sock_filter, code, struct sock_filter, code),
    SAME_FIELD(struct linux_sock_filter, jt, struct sock_filter, jt),
    SAME_FIELD(struct linux_sock_filter, jf, struct sock_filter, jf),
    SAME_FIELD(struct linux_sock_filter, k, struct sock_filter, k),
    SAME_SIZE(struct linux_sock_fprog, struct sock_fprog),
    SAME_FIELD(struct linux_sock_fprog, len, struct sock_fprog, len),
    SAME_FIELD(struct linux_sock_fprog, filter, struct sock_fprog, filter),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *seccomp_suite(void)
{
    return unit_suite("seccomp", add);
}

UNIT_MAIN(seccomp_suite)
