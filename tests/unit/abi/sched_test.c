/* SPDX-License-Identifier: MIT */
/* kernel/abi/sched.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <linux/sched/types.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(SCHED_NORMAL) V(SCHED_FIFO) V(SCHED_RR) V(SCHED_BATCH) V(SCHED_IDLE) V(SCHED_DEADLINE) \
    V(SCHED_RESET_ON_FORK) V(SCHED_FLAG_RESET_ON_FORK) V(SCHED_FLAG_RECLAIM) \
    V(SCHED_FLAG_DL_OVERRUN) V(SCHED_FLAG_KEEP_POLICY) V(SCHED_FLAG_KEEP_PARAMS) \
    V(SCHED_FLAG_UTIL_CLAMP_MIN) V(SCHED_FLAG_UTIL_CLAMP_MAX) V(SCHED_FLAG_ALL) V(CSIGNAL) \
    V(CLONE_VM) V(CLONE_FS) V(CLONE_FILES) V(CLONE_SIGHAND) V(CLONE_PIDFD) V(CLONE_PTRACE) \
    V(CLONE_VFORK) V(CLONE_PARENT) V(CLONE_THREAD) V(CLONE_NEWNS) V(CLONE_SYSVSEM) \
    V(CLONE_SETTLS) V(CLONE_PARENT_SETTID) V(CLONE_CHILD_CLEARTID) V(CLONE_DETACHED) \
    V(CLONE_UNTRACED) V(CLONE_CHILD_SETTID) V(CLONE_NEWCGROUP) V(CLONE_NEWUTS) V(CLONE_NEWIPC) \
    V(CLONE_NEWUSER) V(CLONE_NEWPID) V(CLONE_NEWNET) V(CLONE_IO) V(CLONE_NEWTIME) \
    V(CLONE_CLEAR_SIGHAND) V(CLONE_INTO_CGROUP) V(CLONE_ARGS_SIZE_VER0) V(CLONE_ARGS_SIZE_VER1) \
    V(CLONE_ARGS_SIZE_VER2) V(SCHED_ATTR_SIZE_VER0) V(SCHED_ATTR_SIZE_VER1)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/sched.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_clone_args, struct clone_args),
    SAME_FIELD(struct linux_clone_args, flags, struct clone_args, flags),
    SAME_FIELD(struct linux_clone_args, pidfd, struct clone_args, pidfd),
    SAME_FIELD(struct linux_clone_args, child_tid, struct clone_args, child_tid),
    SAME_FIELD(struct linux_clone_args, parent_tid, struct clone_args, parent_tid),
    SAME_FIELD(struct linux_clone_args, exit_signal, struct clone_args, exit_signal),
    SAME_FIELD(struct linux_clone_args, stack, struct clone_args, stack),
    SAME_FIELD(struct linux_clone_args, stack_size, struct clone_args, stack_size),
    SAME_FIELD(struct linux_clone_args, tls, struct clone_args, tls),
    SAME_FIELD(struct linux_clone_args, set_tid, struct clone_args, set_tid),
    SAME_FIELD(struct linux_clone_args, set_tid_size, struct clone_args, set_tid_size),
    SAME_FIELD(struct linux_clone_args, cgroup, struct clone_args, cgroup),
    SAME_SIZE(struct linux_sched_param, struct sched_param),
    SAME_FIELD(struct linux_sched_param, sched_priority, struct sched_param, sched_priority),
    SAME_SIZE(struct linux_sched_attr, struct sched_attr),
    SAME_FIELD(struct linux_sched_attr, size, struct sched_attr, size),
    SAME_FIELD(struct linux_sched_attr, sched_policy, struct sched_attr, sched_policy),
    SAME_FIELD(struct linux_sched_attr, sched_flags, struct sched_attr, sched_flags),
    SAME_FIELD(struct linux_sched_attr, sched_nice, struct sched_attr, sched_nice),
    SAME_FIELD(struct linux_sched_attr, sched_priority, struct sched_attr, sched_priority),
    SAME_FIELD(struct linux_sched_attr, sched_runtime, struct sched_attr, sched_runtime),
    SAME_FIELD(struct linux_sched_attr, sched_deadline, struct sched_attr, sched_deadline),
    SAME_FIELD(struct linux_sched_attr, sched_period, struct sched_attr, sched_period),
    SAME_FIELD(struct linux_sched_attr, sched_util_min, struct sched_attr, sched_util_min),
    SAME_FIELD(struct linux_sched_attr, sched_util_max, struct sched_attr, sched_util_max),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *sched_suite(void)
{
    return unit_suite("sched", add);
}

UNIT_MAIN(sched_suite)
