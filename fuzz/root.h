/* SPDX-License-Identifier: MIT
 *
 * The files of the fuzzers' machine, as a cpio archive.
 */
#ifndef FUZZ_ROOT_H
#define FUZZ_ROOT_H

#include <stdbool.h>
#include <stddef.h>

struct root_file {
    const char *path; /* without a leading slash */
    unsigned mode, uid;
    const void *bytes; /* of a regular file; the target of a symbolic link */
    size_t size;
};

/* The index-th file in creation order; false past the last. */
bool root_describe(unsigned index, struct root_file *out);

/* The caller frees it. NULL if there is no memory. */
void *root_archive(size_t *out_bytes);

#endif
