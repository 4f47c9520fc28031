/* SPDX-License-Identifier: MIT
 *
 * What the dentry cache's files share.
 */
#ifndef KERNEL_FS_DCACHE_INTERNAL_H
#define KERNEL_FS_DCACHE_INTERNAL_H

#include "kernel/fs/vfs_internal.h"

#define DENTRY_DEAD 0x80000000u /* in dentry->refs: being freed */

struct dentry_bucket *dentry_lock_bucket(struct vfs_state *vfs, struct dentry *dentry);
bool dentry_try_get(struct dentry *dentry);

/* Bucket lock held, refs 0. True if the list is longer than it should be. */
bool dcache_lru_add(struct vfs_state *vfs, struct dentry *dentry);
void dcache_lru_remove(struct vfs_state *vfs, struct dentry *dentry);

#endif
