/* SPDX-License-Identifier: MIT
 *
 * What tmpfs's files share.
 */
#ifndef KERNEL_FS_TMPFS_INTERNAL_H
#define KERNEL_FS_TMPFS_INTERNAL_H

#include "kernel/fs/tmpfs.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/lib/xarray.h"

/* What a mount was told; limits of 0: none. */
struct tmpfs_options {
    uint64_t max_pages, max_inodes;
    uint32_t mode, uid, gid;
    bool has_mode, has_size, has_inodes;
};

struct tmpfs {
    struct tmpfs_options options;
    uint64_t used_pages, used_inodes; /* atomic */
};

/* inode->private of directories. Entries by offset, as readdir sees them; guarded by the
 * directory's mutex. Offsets are never used twice, so a seek position means the same however many
 * names come and go. */
struct tmpfs_dir {
    struct xarray entries;
    uint64_t next_offset;
};

enum { TMPFS_FIRST_OFFSET = 2, TMPFS_ENTRY_BYTES = 20 /* what a name adds to st_size */ };

static inline struct tmpfs *tmpfs_of(const struct superblock *sb)
{
    return sb->private;
}
static inline struct tmpfs_dir *tmpfs_dir_of(const struct inode *inode)
{
    return inode->private;
}

/* Seals of a regular file are in inode->private_u64; those without sealing have F_SEAL_SEAL. */
static inline unsigned tmpfs_seals(const struct inode *inode)
{
    return (unsigned)atomic_load_acquire(&inode->private_u64);
}

int tmpfs_parse_options(struct kernel *kernel, const char *text, struct tmpfs_options *options);
bool tmpfs_inode_reserve(struct superblock *sb);
void tmpfs_inode_release(struct superblock *sb);
int tmpfs_inode_create(struct superblock *sb, struct inode *dir, uint32_t mode, uint64_t rdev,
                       const char *target, struct inode **out);
void tmpfs_evict(struct inode *inode);
/* An open, empty file on the internal mount, which has no name there. */
int tmpfs_create_unlinked(struct kernel *kernel, const char *name, uint32_t mode,
                          struct file **out);
int64_t tmpfs_fcntl(struct file *file, int command, uint64_t argument);
int64_t tmpfs_ioctl(struct file *file, uint32_t command, uint64_t argument); /* inode flags */

/* The boot image, tmpfs_image.c. A new, empty regular file gets `bytes` bytes of contents that stay
 * where they are, for good: 0 or -ENOMEM. Bring the first `bytes` bytes into memory, as the file is
 * about to change (its mutex held): 0, -ENOMEM, -ENOSPC. */
int tmpfs_set_image(struct inode *inode, const void *data, uint64_t bytes);
int tmpfs_adopt_image(struct inode *inode, uint64_t bytes);
int tmpfs_open(struct inode *inode, struct file *file);
void tmpfs_evict_image(struct inode *inode);

extern const struct page_cache_ops tmpfs_page_ops;
extern const struct inode_ops tmpfs_dir_inode_ops, tmpfs_inode_ops;
extern const struct file_ops tmpfs_dir_ops, tmpfs_file_ops;

#endif
