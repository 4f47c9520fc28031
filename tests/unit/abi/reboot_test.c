/* SPDX-License-Identifier: MIT */
/* kernel/abi/reboot.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/reboot.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(LINUX_REBOOT_MAGIC1) V(LINUX_REBOOT_MAGIC2) V(LINUX_REBOOT_MAGIC2A) \
    V(LINUX_REBOOT_MAGIC2B) V(LINUX_REBOOT_MAGIC2C) V(LINUX_REBOOT_CMD_RESTART) \
    V(LINUX_REBOOT_CMD_HALT) V(LINUX_REBOOT_CMD_CAD_ON) V(LINUX_REBOOT_CMD_CAD_OFF) \
    V(LINUX_REBOOT_CMD_POWER_OFF) V(LINUX_REBOOT_CMD_RESTART2) V(LINUX_REBOOT_CMD_SW_SUSPEND) \
    V(LINUX_REBOOT_CMD_KEXEC)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/reboot.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
}

static Suite *reboot_suite(void)
{
    return unit_suite("reboot", add);
}

UNIT_MAIN(reboot_suite)
