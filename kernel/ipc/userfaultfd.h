/* SPDX-License-Identifier: MIT
 *
 * The descriptor of userfaultfd(2).
 */
#ifndef KERNEL_IPC_USERFAULTFD_H
#define KERNEL_IPC_USERFAULTFD_H

#include <stdint.h>

struct kernel;

/* A new descriptor for the current address space: O_CLOEXEC, O_NONBLOCK, UFFD_USER_MODE_ONLY.
 * -EINVAL, -EMFILE, -ENOMEM. Whether the caller may is checked before. */
int64_t userfaultfd_create(uint32_t flags);

/* /dev/userfaultfd, whose permissions decide who may. */
int userfaultfd_init(struct kernel *kernel);

#endif
