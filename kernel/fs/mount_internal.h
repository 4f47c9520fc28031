/* SPDX-License-Identifier: MIT
 *
 * What the mount tree's files share. All with mount_mutex held; _locked: also mount_lock.
 */
#ifndef KERNEL_FS_MOUNT_INTERNAL_H
#define KERNEL_FS_MOUNT_INTERNAL_H

#include "kernel/abi/mount.h"
#include "kernel/fs/mount_namespace.h"
#include "kernel/fs/vfs_internal.h"

struct mount *mount_find_locked(struct vfs_state *vfs, const struct mount *parent,
                                const struct dentry *mountpoint);
void mount_attach_locked(struct mount *mount, const struct path *at);
void mount_detach_locked(struct mount *mount, struct path *out_at);
void mount_publish_locked(struct mount *top, struct mount_namespace *ns);
void mount_withdraw_locked(struct mount *mount);
struct mount *mount_next_below(struct mount *mount, struct mount *top);
/* COPY_TREE leaves unbindable mounts out. */
enum mount_copy { MOUNT_COPY_ONE, MOUNT_COPY_TREE, MOUNT_COPY_EVERYTHING };
int mount_copy_tree(struct mount *from, struct dentry *root, enum mount_copy what,
                    struct mount **out);
void mount_destroy_tree(struct mount *top);
void mount_unmount_tree(struct mount *top);
bool mount_contains(struct mount *top, const struct mount *mount);
/* A mount of the superblock that shows what its type's mount_root says. */
int mount_create_top(struct superblock *sb, unsigned flags, struct mount **out);
void mount_enter_top(struct path *path); /* to the topmost mount on a place */
static inline bool mount_is_ours(const struct mount *mount)
{
    return mount->ns && mount->ns == mount_namespace_current();
}
/* Attach a detached tree on top of what is at `at`, propagated to its peers. */
int mount_graft(struct mount *top, const struct path *at);
bool mount_may_bind(const struct mount *mount);
bool mount_hides_something(const struct path *from);
bool mount_may_set_flags(const struct mount *mount, unsigned flags);

/* ---- mount_propagate.c ---- */

enum { MOUNT_LOCKABLE = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC };

/* MS_SHARED MS_SLAVE MS_PRIVATE MS_UNBINDABLE. */
void mount_set_type_locked(struct mount *mount, unsigned type);
void mount_leave_groups_locked(struct mount *mount);
void mount_share_tree_locked(struct mount *top);
/* Copies of a tree for everyone who gets to see what is mounted at `at`, collected in `copies`;
 * commit attaches them. */
int mount_propagate_plan(struct mount *top, const struct path *at, struct list *copies);
void mount_propagate_forget(struct list *copies);
void mount_propagate_commit(struct list *copies, struct dentry *where);
/* The same for a mount that is about to be taken away. */
bool mount_propagation_is_busy(struct mount *mount);
void mount_propagate_umount(struct mount *mount);

#endif
