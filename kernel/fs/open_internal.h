/* SPDX-License-Identifier: MIT
 *
 * What the files around open(2) share.
 */
#ifndef KERNEL_FS_OPEN_INTERNAL_H
#define KERNEL_FS_OPEN_INTERNAL_H

#include "kernel/fs/vfs_internal.h"

struct open_request {
    uint32_t flags;
    uint32_t mode;
    unsigned access; /* MAY_* that the caller needs */
};

/* May the caller open the file like this? */
int may_open(const struct path *path, unsigned access, uint32_t flags);
/* Make the struct file; no permission checks. flags may have O_TRUNC; extra_mode: FILE_EXEC. */
int file_open_path(const struct path *path, uint32_t flags, unsigned extra_mode,
                   struct file **out);

#endif
