/* SPDX-License-Identifier: MIT */
/* kernel/abi/futex.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/futex.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(FUTEX_WAIT) V(FUTEX_WAKE) V(FUTEX_FD) V(FUTEX_REQUEUE) V(FUTEX_CMP_REQUEUE) \
    V(FUTEX_WAKE_OP) V(FUTEX_LOCK_PI) V(FUTEX_UNLOCK_PI) V(FUTEX_TRYLOCK_PI) \
    V(FUTEX_WAIT_BITSET) V(FUTEX_WAKE_BITSET) V(FUTEX_WAIT_REQUEUE_PI) V(FUTEX_CMP_REQUEUE_PI) \
    V(FUTEX_LOCK_PI2) V(FUTEX_PRIVATE_FLAG) V(FUTEX_CLOCK_REALTIME) V(FUTEX_CMD_MASK) \
    V(FUTEX_WAITERS) V(FUTEX_OWNER_DIED) V(FUTEX_TID_MASK) V(FUTEX_BITSET_MATCH_ANY) \
    V(ROBUST_LIST_LIMIT) V(FUTEX_OP_SET) V(FUTEX_OP_ADD) V(FUTEX_OP_OR) V(FUTEX_OP_ANDN) \
    V(FUTEX_OP_XOR) V(FUTEX_OP_OPARG_SHIFT) V(FUTEX_OP_CMP_EQ) V(FUTEX_OP_CMP_NE) \
    V(FUTEX_OP_CMP_LT) V(FUTEX_OP_CMP_LE) V(FUTEX_OP_CMP_GT) V(FUTEX_OP_CMP_GE) V(FUTEX_32) \
    V(FUTEX_WAITV_MAX)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/futex.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_futex_waitv, struct futex_waitv),
    SAME_FIELD(struct linux_futex_waitv, val, struct futex_waitv, val),
    SAME_FIELD(struct linux_futex_waitv, uaddr, struct futex_waitv, uaddr),
    SAME_FIELD(struct linux_futex_waitv, flags, struct futex_waitv, flags),
    SAME_SIZE(struct linux_robust_list, struct robust_list),
    SAME_FIELD(struct linux_robust_list, next, struct robust_list, next),
    SAME_SIZE(struct linux_robust_list_head, struct robust_list_head),
    SAME_FIELD(struct linux_robust_list_head, list, struct robust_list_head, list),
    SAME_FIELD(struct linux_robust_list_head, futex_offset, struct robust_list_head, futex_offset),
    SAME_FIELD(struct linux_robust_list_head, list_op_pending, struct robust_list_head,
               list_op_pending),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *futex_suite(void)
{
    return unit_suite("futex", add);
}

UNIT_MAIN(futex_suite)
