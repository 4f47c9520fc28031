/* SPDX-License-Identifier: MIT
 *
 * The files of the fuzzers' machine, as a cpio archive.
 */
#ifndef FUZZ_ROOT_H
#define FUZZ_ROOT_H

#include <stddef.h>

/* The caller frees it. NULL if there is no memory. */
void *root_archive(size_t *out_bytes);

#endif
