/* SPDX-License-Identifier: MIT
 *
 * The first memory of a machine.
 */
#ifndef KERNEL_MM_BOOT_H
#define KERNEL_MM_BOOT_H

struct hal_boot;
struct kernel;

/* Boot, the very first call, before mm_init: set up the machine's RAM and place struct kernel and
 * the struct cpu of CPU 0 in it, both zeroed and linked to each other, and make the latter this
 * CPU's. NULL if RAM is too small to go on. */
struct kernel *mm_boot_kernel(const struct hal_boot *boot);

#endif
