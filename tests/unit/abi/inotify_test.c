/* SPDX-License-Identifier: MIT */
/* kernel/abi/inotify.h against the host's headers. */
#define _GNU_SOURCE
#include <sys/inotify.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(IN_ACCESS) V(IN_MODIFY) V(IN_ATTRIB) V(IN_CLOSE_WRITE) V(IN_CLOSE_NOWRITE) V(IN_OPEN) \
    V(IN_MOVED_FROM) V(IN_MOVED_TO) V(IN_CREATE) V(IN_DELETE) V(IN_DELETE_SELF) V(IN_MOVE_SELF) \
    V(IN_UNMOUNT) V(IN_Q_OVERFLOW) V(IN_IGNORED) V(IN_ONLYDIR) V(IN_DONT_FOLLOW) \
    V(IN_EXCL_UNLINK) V(IN_MASK_CREATE) V(IN_MASK_ADD) V(IN_ISDIR) V(IN_ONESHOT) V(IN_CLOSE) \
    V(IN_MOVE) V(IN_ALL_EVENTS) V(IN_CLOEXEC) V(IN_NONBLOCK)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/inotify.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_inotify_event, struct inotify_event),
    SAME_FIELD(struct linux_inotify_event, wd, struct inotify_event, wd),
    SAME_FIELD(struct linux_inotify_event, mask, struct inotify_event, mask),
    SAME_FIELD(struct linux_inotify_event, cookie, struct inotify_event, cookie),
    SAME_FIELD(struct linux_inotify_event, len, struct inotify_event, len),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *inotify_suite(void)
{
    return unit_suite("inotify", add);
}

UNIT_MAIN(inotify_suite)
