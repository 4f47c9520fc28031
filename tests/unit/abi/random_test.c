/* SPDX-License-Identifier: MIT */
/* kernel/abi/random.h against the host's headers. */
#define _GNU_SOURCE
#include <sys/random.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(GRND_NONBLOCK) V(GRND_RANDOM) V(GRND_INSECURE)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/random.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
}

static Suite *random_suite(void)
{
    return unit_suite("random", add);
}

UNIT_MAIN(random_suite)
