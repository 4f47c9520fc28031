/* SPDX-License-Identifier: MIT */
/* kernel/abi/capability.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/capability.h>
#include <linux/securebits.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(CAP_CHOWN) V(CAP_DAC_OVERRIDE) V(CAP_DAC_READ_SEARCH) V(CAP_FOWNER) V(CAP_FSETID) \
    V(CAP_KILL) V(CAP_SETGID) V(CAP_SETUID) V(CAP_SETPCAP) V(CAP_LINUX_IMMUTABLE) \
    V(CAP_NET_BIND_SERVICE) V(CAP_NET_BROADCAST) V(CAP_NET_ADMIN) V(CAP_NET_RAW) V(CAP_IPC_LOCK) \
    V(CAP_IPC_OWNER) V(CAP_SYS_MODULE) V(CAP_SYS_RAWIO) V(CAP_SYS_CHROOT) V(CAP_SYS_PTRACE) \
    V(CAP_SYS_PACCT) V(CAP_SYS_ADMIN) V(CAP_SYS_BOOT) V(CAP_SYS_NICE) V(CAP_SYS_RESOURCE) \
    V(CAP_SYS_TIME) V(CAP_SYS_TTY_CONFIG) V(CAP_MKNOD) V(CAP_LEASE) V(CAP_AUDIT_WRITE) \
    V(CAP_AUDIT_CONTROL) V(CAP_SETFCAP) V(CAP_MAC_OVERRIDE) V(CAP_MAC_ADMIN) V(CAP_SYSLOG) \
    V(CAP_WAKE_ALARM) V(CAP_BLOCK_SUSPEND) V(CAP_AUDIT_READ) V(CAP_PERFMON) V(CAP_BPF) \
    V(CAP_CHECKPOINT_RESTORE) V(CAP_LAST_CAP) V(_LINUX_CAPABILITY_VERSION_1) \
    V(_LINUX_CAPABILITY_VERSION_2) V(_LINUX_CAPABILITY_VERSION_3) V(SECUREBITS_DEFAULT) \
    V(SECBIT_NOROOT) V(SECBIT_NOROOT_LOCKED) V(SECBIT_NO_SETUID_FIXUP) \
    V(SECBIT_NO_SETUID_FIXUP_LOCKED) V(SECBIT_KEEP_CAPS) V(SECBIT_KEEP_CAPS_LOCKED) \
    V(SECBIT_NO_CAP_AMBIENT_RAISE) V(SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED) \
    V(VFS_CAP_REVISION_MASK) V(VFS_CAP_REVISION_1) V(VFS_CAP_REVISION_2) V(VFS_CAP_REVISION_3) \
    V(VFS_CAP_FLAGS_EFFECTIVE)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/capability.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_cap_header, struct __user_cap_header_struct),
    SAME_FIELD(struct linux_cap_header, version, struct __user_cap_header_struct, version),
    SAME_FIELD(struct linux_cap_header, pid, struct __user_cap_header_struct, pid),
    SAME_SIZE(struct linux_cap_data, struct __user_cap_data_struct),
    SAME_FIELD(struct linux_cap_data, effective, struct __user_cap_data_struct, effective),
    SAME_FIELD(struct linux_cap_data, permitted, struct __user_cap_data_struct, permitted),
    SAME_FIELD(struct linux_cap_data, inheritable, struct __user_cap_data_struct, inheritable),
    SAME_SIZE(struct linux_vfs_ns_cap_data, struct vfs_ns_cap_data),
    SAME_FIELD(struct linux_vfs_ns_cap_data, magic_etc, struct vfs_ns_cap_data, magic_etc),
    SAME_FIELD(struct linux_vfs_ns_cap_data, rootid, struct vfs_ns_cap_data, rootid),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *capability_suite(void)
{
    return unit_suite("capability", add);
}

UNIT_MAIN(capability_suite)
