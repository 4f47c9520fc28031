/* SPDX-License-Identifier: MIT */
/* kernel/abi/mount.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/swap.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(MS_RDONLY) V(MS_NOSUID) V(MS_NODEV) V(MS_NOEXEC) V(MS_SYNCHRONOUS) V(MS_REMOUNT) \
    V(MS_MANDLOCK) V(MS_DIRSYNC) V(MS_NOSYMFOLLOW) V(MS_NOATIME) V(MS_NODIRATIME) V(MS_BIND) \
    V(MS_MOVE) V(MS_REC) V(MS_SILENT) V(MS_POSIXACL) V(MS_UNBINDABLE) V(MS_PRIVATE) V(MS_SLAVE) \
    V(MS_SHARED) V(MS_RELATIME) V(MS_KERNMOUNT) V(MS_I_VERSION) V(MS_STRICTATIME) V(MS_LAZYTIME) \
    V(MS_MGC_VAL) V(MS_MGC_MSK) V(MNT_FORCE) V(MNT_DETACH) V(MNT_EXPIRE) V(UMOUNT_NOFOLLOW) \
    V(OPEN_TREE_CLONE) V(OPEN_TREE_CLOEXEC) V(MOVE_MOUNT_F_SYMLINKS) V(MOVE_MOUNT_F_AUTOMOUNTS) \
    V(MOVE_MOUNT_F_EMPTY_PATH) V(MOVE_MOUNT_T_SYMLINKS) V(MOVE_MOUNT_T_AUTOMOUNTS) \
    V(MOVE_MOUNT_T_EMPTY_PATH) V(MOVE_MOUNT_SET_GROUP) V(FSOPEN_CLOEXEC) V(FSPICK_CLOEXEC) \
    V(FSPICK_SYMLINK_NOFOLLOW) V(FSPICK_NO_AUTOMOUNT) V(FSPICK_EMPTY_PATH) V(FSCONFIG_SET_FLAG) \
    V(FSCONFIG_SET_STRING) V(FSCONFIG_SET_BINARY) V(FSCONFIG_SET_PATH) \
    V(FSCONFIG_SET_PATH_EMPTY) V(FSCONFIG_SET_FD) V(FSCONFIG_CMD_CREATE) \
    V(FSCONFIG_CMD_RECONFIGURE) V(FSMOUNT_CLOEXEC) V(MOUNT_ATTR_RDONLY) V(MOUNT_ATTR_NOSUID) \
    V(MOUNT_ATTR_NODEV) V(MOUNT_ATTR_NOEXEC) V(MOUNT_ATTR__ATIME) V(MOUNT_ATTR_RELATIME) \
    V(MOUNT_ATTR_NOATIME) V(MOUNT_ATTR_STRICTATIME) V(MOUNT_ATTR_NODIRATIME) V(MOUNT_ATTR_IDMAP) \
    V(MOUNT_ATTR_NOSYMFOLLOW) V(MOUNT_ATTR_SIZE_VER0) V(SWAP_FLAG_PREFER) V(SWAP_FLAG_PRIO_MASK) \
    V(SWAP_FLAG_DISCARD)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/mount.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_mount_attr, struct mount_attr),
    SAME_FIELD(struct linux_mount_attr, attr_set, struct mount_attr, attr_set),
    SAME_FIELD(struct linux_mount_attr, attr_clr, struct mount_attr, attr_clr),
    SAME_FIELD(struct linux_mount_attr, propagation, struct mount_attr, propagation),
    SAME_FIELD(struct linux_mount_attr, userns_fd, struct mount_attr, userns_fd),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *mount_suite(void)
{
    return unit_suite("mount", add);
}

UNIT_MAIN(mount_suite)
