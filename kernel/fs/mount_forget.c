/* SPDX-License-Identifier: MIT
 *
 * Names that somebody has mounted something on: unlink(2), rmdir(2) and rename(2) refuse those of
 * the caller's own mount namespace (EBUSY). A mount in another namespace is in nobody's way: it
 * goes with the name, as if unmounted with MNT_DETACH; mount_namespaces(7), "Restrictions".
 *
 * A name that was removed gets no new mount (mount_graft looks under the inode's mutex), so what is
 * found afterwards is all there is.
 */
#include "kernel/fs/mount_internal.h"

static struct mount *find_locked(struct vfs_state *vfs, const struct dentry *dentry, bool ours)
{
    struct mount *mount;
    list_for_each_entry(mount, &vfs->mounts,
                        all_node) if (mount->mountpoint == dentry &&
                                      (!ours || mount_is_ours(mount))) return mount;
    return NULL;
}

bool dentry_is_mounted_here(const struct dentry *dentry)
{
    if (likely(atomic_load_acquire(&dentry->mounts) == 0))
        return false;
    struct vfs_state *vfs = dentry->sb->kernel->vfs;
    spin_lock(&vfs->mount_lock);
    bool found = find_locked(vfs, dentry, true) != NULL;
    spin_unlock(&vfs->mount_lock);
    return found;
}

void dentry_forget_mounts(struct dentry *dentry)
{
    if (likely(atomic_load_acquire(&dentry->mounts) == 0))
        return;
    struct vfs_state *vfs = dentry->sb->kernel->vfs;
    bool any = false;
    mutex_lock(&vfs->mount_mutex);
    for (;;) {
        spin_lock(&vfs->mount_lock);
        struct mount *mount = find_locked(vfs, dentry, false);
        spin_unlock(&vfs->mount_lock);
        if (!mount) /* mount_mutex keeps the one that was found */
            break;
        mount_unmount_tree(mount);
        any = true;
    }
    if (any)
        mount_changed(vfs);
    mutex_unlock(&vfs->mount_mutex);
}
