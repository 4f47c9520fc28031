/* SPDX-License-Identifier: MIT
 *
 * The vDSO (vdso(7)): a shared object that the kernel maps into every program, with two clock pages
 * in front of it. Its own code is in proc/vdso/.
 */
#ifndef KERNEL_PROC_VDSO_INTERNAL_H
#define KERNEL_PROC_VDSO_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

struct kernel;
struct mm;
struct page;

/* Generated from proc/vdso/. */
extern const unsigned vdso_image_pages;
extern const size_t vdso_image_bytes;
extern const uint8_t vdso_image[];

/* Boot: put the image into pages that programs can share, and start the clock page, unless the
 * command line wants none. 0 or -ENOMEM. */
int vdso_init(struct kernel *kernel);

/* Map it into a new program's address space: 0 and where the image is (0: there is none), or
 * negative errno. Thread context. */
int vdso_map(struct mm *mm, uint64_t *out_image);

/* The page of a time namespace comes first in [vvar] from now on; NULL: the machine's. For the
 * current address space or one that nobody runs in yet. Thread context. */
void vdso_set_clock_page(struct mm *mm, struct page *page);

#endif
