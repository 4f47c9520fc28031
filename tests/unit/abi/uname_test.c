/* SPDX-License-Identifier: MIT */
/* kernel/abi/uname.h against the host's headers. */
#define _GNU_SOURCE
#include <sys/personality.h>
#include <sys/utsname.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(PER_LINUX) V(PER_LINUX32) V(PER_MASK) V(UNAME26) V(ADDR_NO_RANDOMIZE) V(FDPIC_FUNCPTRS) \
    V(MMAP_PAGE_ZERO) V(ADDR_COMPAT_LAYOUT) V(READ_IMPLIES_EXEC) V(ADDR_LIMIT_32BIT) \
    V(SHORT_INODE) V(WHOLE_SECONDS) V(STICKY_TIMEOUTS) V(ADDR_LIMIT_3GB)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/uname.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_utsname, struct utsname),
    SAME_FIELD(struct linux_utsname, sysname, struct utsname, sysname),
    SAME_FIELD(struct linux_utsname, nodename, struct utsname, nodename),
    SAME_FIELD(struct linux_utsname, release, struct utsname, release),
    SAME_FIELD(struct linux_utsname, version, struct utsname, version),
    SAME_FIELD(struct linux_utsname, machine, struct utsname, machine),
    SAME_FIELD(struct linux_utsname, domainname, struct utsname, domainname),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *uname_suite(void)
{
    return unit_suite("uname", add);
}

UNIT_MAIN(uname_suite)
