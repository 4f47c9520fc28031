/* SPDX-License-Identifier: MIT
 *
 * What the system calls about mounts share.
 */
#ifndef KERNEL_SYSCALL_MOUNT_ATTRIBUTES_H
#define KERNEL_SYSCALL_MOUNT_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>

/* MOUNT_ATTR_* that are a bit each. */
#define MOUNT_ATTR_PLAIN                                                                           \
    (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |                \
     MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)

/* Mounting is a matter of who owns the mount namespace. */
bool may_mount(void);
/* The same for changes of the mount tree, which no Landlock domain allows. */
bool may_change_mounts(void);

/* MOUNT_ATTR_* as MS_* flags of a mount. 0, or -EINVAL for two ways to treat access times. */
int mount_attributes_to_flags(uint64_t attributes, unsigned *out);

#endif
