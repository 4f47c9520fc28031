/* SPDX-License-Identifier: MIT */
/* kernel/abi/sysinfo.h against the host's headers. */
#define _GNU_SOURCE
#include <sys/sysinfo.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(SI_LOAD_SHIFT)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/sysinfo.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_sysinfo, struct sysinfo),
    SAME_FIELD(struct linux_sysinfo, uptime, struct sysinfo, uptime),
    SAME_FIELD(struct linux_sysinfo, loads, struct sysinfo, loads),
    SAME_FIELD(struct linux_sysinfo, totalram, struct sysinfo, totalram),
    SAME_FIELD(struct linux_sysinfo, freeram, struct sysinfo, freeram),
    SAME_FIELD(struct linux_sysinfo, sharedram, struct sysinfo, sharedram),
    SAME_FIELD(struct linux_sysinfo, bufferram, struct sysinfo, bufferram),
    SAME_FIELD(struct linux_sysinfo, totalswap, struct sysinfo, totalswap),
    SAME_FIELD(struct linux_sysinfo, freeswap, struct sysinfo, freeswap),
    SAME_FIELD(struct linux_sysinfo, procs, struct sysinfo, procs),
    SAME_FIELD(struct linux_sysinfo, totalhigh, struct sysinfo, totalhigh),
    SAME_FIELD(struct linux_sysinfo, freehigh, struct sysinfo, freehigh),
    SAME_FIELD(struct linux_sysinfo, mem_unit, struct sysinfo, mem_unit),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *sysinfo_suite(void)
{
    return unit_suite("sysinfo", add);
}

UNIT_MAIN(sysinfo_suite)
