/* SPDX-License-Identifier: MIT
 *
 * Extended attributes, xattr(7).
 */
#ifndef KERNEL_FS_XATTR_H
#define KERNEL_FS_XATTR_H

#include <stddef.h>
#include <stdint.h>

struct inode;
struct path;

/* With the checks of xattr(7) for the current credentials. A size of 0 asks for the length. */
int64_t vfs_getxattr(const struct path *path, const char *name, void *value, size_t bytes);
int vfs_setxattr(const struct path *path, const char *name, const void *value, size_t bytes,
                 int flags);
int64_t vfs_listxattr(const struct path *path, char *list, size_t bytes);
int vfs_removexattr(const struct path *path, const char *name);

/* Attributes kept in memory with the inode, for inode_ops of in-memory file systems. */
int64_t simple_xattr_get(struct inode *inode, const char *name, void *value, size_t bytes);
int simple_xattr_set(struct inode *inode, const char *name, const void *value, size_t bytes,
                     int flags);
int64_t simple_xattr_list(struct inode *inode, char *list, size_t bytes);
int simple_xattr_remove(struct inode *inode, const char *name);
void simple_xattr_free(struct inode *inode);

#endif
