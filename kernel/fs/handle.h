/* SPDX-License-Identifier: MIT
 *
 * File handles: a name for an inode that outlives its path names, name_to_handle_at(2).
 */
#ifndef KERNEL_FS_HANDLE_H
#define KERNEL_FS_HANDLE_H

#include <stdint.h>

struct mount;
struct path;

enum { FILE_HANDLE_WORDS = 3, FILE_HANDLE_TYPE = 1 };

/* 0, or -EOPNOTSUPP for file systems whose inodes cannot be found again. */
int file_handle_encode(const struct path *path, uint32_t out[FILE_HANDLE_WORDS]);
/* A place of the inode on this mount, referenced. 0 or -ESTALE. */
int file_handle_decode(struct mount *mount, const uint32_t handle[FILE_HANDLE_WORDS],
                       struct path *out);

#endif
