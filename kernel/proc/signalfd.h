/* SPDX-License-Identifier: MIT
 *
 * Signals as files (signalfd(2)).
 */
#ifndef KERNEL_PROC_SIGNALFD_H
#define KERNEL_PROC_SIGNALFD_H

#include <stdint.h>

struct file;

/* flags: O_NONBLOCK, O_CLOEXEC. A descriptor or a negative errno. */
int signalfd_create(uint64_t set, uint32_t flags);
/* -EINVAL: the file is no signalfd. */
int signalfd_set_mask(struct file *file, uint64_t set);

#endif
