/* SPDX-License-Identifier: MIT */
/* kernel/abi/rseq.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/rseq.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(RSEQ_FLAG_UNREGISTER) V(RSEQ_CPU_ID_UNINITIALIZED) V(RSEQ_CPU_ID_REGISTRATION_FAILED) \
    V(RSEQ_CS_FLAG_NO_RESTART_ON_PREEMPT) V(RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL) \
    V(RSEQ_CS_FLAG_NO_RESTART_ON_MIGRATE)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/rseq.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_rseq, struct rseq),
    SAME_FIELD(struct linux_rseq, cpu_id_start, struct rseq, cpu_id_start),
    SAME_FIELD(struct linux_rseq, cpu_id, struct rseq, cpu_id),
    SAME_FIELD(struct linux_rseq, rseq_cs, struct rseq, rseq_cs),
    SAME_FIELD(struct linux_rseq, flags, struct rseq, flags),
    SAME_SIZE(struct linux_rseq_cs, struct rseq_cs),
    SAME_FIELD(struct linux_rseq_cs, version, struct rseq_cs, version),
    SAME_FIELD(struct linux_rseq_cs, flags, struct rseq_cs, flags),
    SAME_FIELD(struct linux_rseq_cs, start_ip, struct rseq_cs, start_ip),
    SAME_FIELD(struct linux_rseq_cs, post_commit_offset, struct rseq_cs, post_commit_offset),
    SAME_FIELD(struct linux_rseq_cs, abort_ip, struct rseq_cs, abort_ip),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *rseq_suite(void)
{
    return unit_suite("rseq", add);
}

UNIT_MAIN(rseq_suite)
