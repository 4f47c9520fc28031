/* SPDX-License-Identifier: MIT */
/* kernel/abi/dirent.h against the host's headers. */
#define _GNU_SOURCE
#include <dirent.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(DT_UNKNOWN) V(DT_FIFO) V(DT_CHR) V(DT_DIR) V(DT_BLK) V(DT_REG) V(DT_LNK) V(DT_SOCK) \
    V(DT_WHT)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/dirent.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_FIELD(struct linux_dirent64, d_ino, struct dirent64, d_ino),
    SAME_FIELD(struct linux_dirent64, d_off, struct dirent64, d_off),
    SAME_FIELD(struct linux_dirent64, d_reclen, struct dirent64, d_reclen),
    SAME_FIELD(struct linux_dirent64, d_type, struct dirent64, d_type),
    SAME_FIELD(struct linux_dirent, d_ino, struct dirent, d_ino),
    SAME_FIELD(struct linux_dirent, d_off, struct dirent, d_off),
    SAME_FIELD(struct linux_dirent, d_reclen, struct dirent, d_reclen),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *dirent_suite(void)
{
    return unit_suite("dirent", add);
}

UNIT_MAIN(dirent_suite)
