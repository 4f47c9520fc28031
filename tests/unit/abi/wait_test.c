/* SPDX-License-Identifier: MIT */
/* kernel/abi/wait.h against the host's headers. */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(WNOHANG) V(WUNTRACED) V(WSTOPPED) V(WEXITED) V(WCONTINUED) V(WNOWAIT) V(__WNOTHREAD) \
    V(__WALL) V(__WCLONE) V(P_ALL) V(P_PID) V(P_PGID) V(P_PIDFD)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/wait.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
}

static Suite *wait_suite(void)
{
    return unit_suite("wait", add);
}

UNIT_MAIN(wait_suite)
