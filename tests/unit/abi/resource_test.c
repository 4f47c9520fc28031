/* SPDX-License-Identifier: MIT */
/* kernel/abi/resource.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/ioprio.h>
#include <sys/resource.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(RLIMIT_CPU) V(RLIMIT_FSIZE) V(RLIMIT_DATA) V(RLIMIT_STACK) V(RLIMIT_CORE) V(RLIMIT_RSS) \
    V(RLIMIT_NPROC) V(RLIMIT_NOFILE) V(RLIMIT_MEMLOCK) V(RLIMIT_AS) V(RLIMIT_LOCKS) \
    V(RLIMIT_SIGPENDING) V(RLIMIT_MSGQUEUE) V(RLIMIT_NICE) V(RLIMIT_RTPRIO) V(RLIMIT_RTTIME) \
    V(RLIM_NLIMITS) V(RUSAGE_SELF) V(RUSAGE_CHILDREN) V(RUSAGE_THREAD) V(PRIO_MIN) V(PRIO_MAX) \
    V(PRIO_PROCESS) V(PRIO_PGRP) V(PRIO_USER) V(IOPRIO_CLASS_SHIFT) V(IOPRIO_CLASS_NONE) \
    V(IOPRIO_CLASS_RT) V(IOPRIO_CLASS_BE) V(IOPRIO_CLASS_IDLE) V(IOPRIO_WHO_PROCESS) \
    V(IOPRIO_WHO_PGRP) V(IOPRIO_WHO_USER)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/resource.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_rlimit64, struct rlimit64),
    SAME_FIELD(struct linux_rlimit64, rlim_cur, struct rlimit64, rlim_cur),
    SAME_FIELD(struct linux_rlimit64, rlim_max, struct rlimit64, rlim_max),
    SAME_SIZE(struct linux_rusage, struct rusage),
    SAME_FIELD(struct linux_rusage, ru_utime, struct rusage, ru_utime),
    SAME_FIELD(struct linux_rusage, ru_stime, struct rusage, ru_stime),
    SAME_FIELD(struct linux_rusage, ru_maxrss, struct rusage, ru_maxrss),
    SAME_FIELD(struct linux_rusage, ru_ixrss, struct rusage, ru_ixrss),
    SAME_FIELD(struct linux_rusage, ru_idrss, struct rusage, ru_idrss),
    SAME_FIELD(struct linux_rusage, ru_isrss, struct rusage, ru_isrss),
    SAME_FIELD(struct linux_rusage, ru_minflt, struct rusage, ru_minflt),
    SAME_FIELD(struct linux_rusage, ru_majflt, struct rusage, ru_majflt),
    SAME_FIELD(struct linux_rusage, ru_nswap, struct rusage, ru_nswap),
    SAME_FIELD(struct linux_rusage, ru_inblock, struct rusage, ru_inblock),
    SAME_FIELD(struct linux_rusage, ru_oublock, struct rusage, ru_oublock),
    SAME_FIELD(struct linux_rusage, ru_msgsnd, struct rusage, ru_msgsnd),
    SAME_FIELD(struct linux_rusage, ru_msgrcv, struct rusage, ru_msgrcv),
    SAME_FIELD(struct linux_rusage, ru_nsignals, struct rusage, ru_nsignals),
    SAME_FIELD(struct linux_rusage, ru_nvcsw, struct rusage, ru_nvcsw),
    SAME_FIELD(struct linux_rusage, ru_nivcsw, struct rusage, ru_nivcsw),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *resource_suite(void)
{
    return unit_suite("resource", add);
}

UNIT_MAIN(resource_suite)
