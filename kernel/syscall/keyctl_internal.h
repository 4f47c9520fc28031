/* SPDX-License-Identifier: MIT
 *
 * What the files of keyctl(2) share.
 */
#ifndef KERNEL_SYSCALL_KEYCTL_INTERNAL_H
#define KERNEL_SYSCALL_KEYCTL_INTERNAL_H

#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/proc/keyrings.h"
#include "kernel/proc/task.h"

enum { KEYCTL_PAYLOAD_MAX = (1 << 20) - 1 };

struct keyctl_args {
    uint64_t arg2, arg3, arg4, arg5;
    const void *payload;
    uint64_t payload_bytes;
};

int keyctl_copy_type(uint64_t uaddr, char out[KEY_TYPE_BYTES_MAX]);
/* On the heap. -EFAULT, -EINVAL for a long one, -ENOMEM. */
int keyctl_copy_description(uint64_t uaddr, char **out);
/* On the heap, NULL for nothing; at most one byte more than a key can hold is copied. */
int keyctl_copy_payload(uint64_t uaddr, uint64_t bytes, void **out);

int64_t keyctl_operate_on_ring(int operation, const struct keyctl_args *args);

#endif
