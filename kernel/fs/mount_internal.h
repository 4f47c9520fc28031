/* SPDX-License-Identifier: MIT
 *
 * What the mount tree's files share. All with mount_mutex held; _locked: also mount_lock.
 */
#ifndef KERNEL_FS_MOUNT_INTERNAL_H
#define KERNEL_FS_MOUNT_INTERNAL_H

#include "kernel/fs/vfs_internal.h"

struct mount *mount_find_locked(struct vfs_state *vfs, const struct mount *parent,
                                const struct dentry *mountpoint);
void mount_attach_locked(struct mount *mount, const struct path *at);
void mount_detach_locked(struct mount *mount, struct path *out_at);
void mount_publish_locked(struct mount *top);
void mount_withdraw_locked(struct mount *mount);
struct mount *mount_next_below(struct mount *mount, struct mount *top);
int mount_copy_tree(struct mount *from, struct dentry *root, bool recursive, struct mount **out);
void mount_destroy_tree(struct mount *top);
bool mount_contains(struct mount *top, const struct mount *mount);

#endif
