/* SPDX-License-Identifier: MIT
 *
 * tmpfs(5) and what else keeps its files in memory: memfd_create(2), the initial root, devtmpfs,
 * and small trees that other subsystems build from the inside.
 */
#ifndef KERNEL_FS_TMPFS_H
#define KERNEL_FS_TMPFS_H

#include "kernel/fs/vfs.h"

/* A new, empty tmpfs. options as of mount(2). */
int tmpfs_superblock_create(struct kernel *kernel, const struct filesystem *type,
                            const char *options, struct superblock **out);

/* Add an entry from the inside, without permission checks, owned by root. dir is a directory dentry
 * of a tmpfs; `mode` has the type; for symlinks `target`. *out: a reference, or pass NULL. -EEXIST
 * if the name is taken. */
int tmpfs_add(struct dentry *dir, const char *name, size_t length, uint32_t mode, uint64_t rdev,
              const char *target, struct dentry **out);
/* The entry, referenced; -ENOENT. */
int tmpfs_find(struct dentry *dir, const char *name, size_t length, struct dentry **out);
/* Remove a non-directory or an empty directory. */
int tmpfs_remove(struct dentry *dir, const char *name, size_t length);
/* Append content to a fresh file, for unpacking an archive. 0, -ENOMEM, -ENOSPC. */
int tmpfs_fill(struct inode *inode, const void *data, uint64_t bytes);

/* memfd_create(2): flags MFD_*; name without the "memfd:" prefix. */
int memfd_create_file(struct kernel *kernel, const char *name, unsigned flags, struct file **out);
/* An unlinked file of `bytes` bytes on the internal tmpfs (System V shared memory): the name as it
 * shows in /proc/PID/maps. */
int shmem_create_file(struct kernel *kernel, const char *name, uint64_t bytes, struct file **out);
/* memfd_secret(2). */
int secretmem_create_file(struct kernel *kernel, struct file **out);

/* Unpack the initial archives into the root. in_place: the archive stays where it is for good, and
 * files take their contents from it when they are read. 0 or the first error; what was unpacked
 * stays. */
int initramfs_unpack(struct kernel *kernel, const void *archive, uint64_t bytes, bool in_place);

#endif
