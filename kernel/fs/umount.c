/* SPDX-License-Identifier: MIT
 *
 * umount2(2) and pivot_root(2).
 */
#include "kernel/fs/mount_internal.h"
#include "kernel/sched/thread.h"

static bool is_caller_root(const struct mount *mount)
{
    struct fs_context *fs = this_thread()->fs;
    if (!fs)
        return false;
    spin_lock(&fs->lock);
    bool same = fs->root.mount == mount;
    spin_unlock(&fs->lock);
    return same;
}

/* umount of the root one stands on: it becomes read-only instead. */
static int root_to_readonly(struct mount *mount)
{
    struct superblock *sb = mount->sb;
    if (atomic_load_acquire(&sb->writers) > 0)
        return -EBUSY;
    atomic_fetch_or_relaxed(&sb->flags, MS_RDONLY);
    return 0;
}

/* References: the tree's and the caller's path. */
static bool is_busy(struct mount *mount)
{
    return atomic_load_acquire(&mount->refs) > 2 || !list_empty(&mount->children);
}

/* 0: go on and detach. 1: done. */
static int umount_check(struct path *path, int flags)
{
    struct mount *mount = path->mount;
    if (path->dentry != mount->root || !mount_is_ours(mount) || mount->locked)
        return -EINVAL;
    bool caller_root = is_caller_root(mount);
    if (flags & MNT_EXPIRE) {
        if (caller_root || (flags & (MNT_FORCE | MNT_DETACH)))
            return -EINVAL;
        if (is_busy(mount))
            return -EBUSY;
        if (!atomic_exchange_relaxed(&mount->expiring, true))
            return -EAGAIN;
    }
    if (caller_root && !(flags & MNT_DETACH)) {
        int error = root_to_readonly(mount);
        return error ? error : 1;
    }
    if (!mount->parent)
        return -EINVAL;
    if (!(flags & MNT_DETACH) && (is_busy(mount) || mount_propagation_is_busy(mount)))
        return -EBUSY;
    return 0;
}

int mount_detach(struct path *path, int flags)
{
    mount_enter_top(path); /* a walk that ends in "." does not see what was put there since */
    struct mount *mount = path->mount;
    struct vfs_state *vfs = mount->kernel->vfs;
    mutex_lock(&vfs->mount_mutex);
    /* The dentry's reference would be in the way of nothing; the mount's is counted in is_busy. */
    int result = umount_check(path, flags);
    bool expiring = atomic_load_relaxed(&mount->expiring);
    if (result == 0) {
        mount_unmount_tree(mount);
        mount_changed(vfs);
    }
    mutex_unlock(&vfs->mount_mutex);
    mount_get(mount);
    path_put(path);
    if (result == -EAGAIN && expiring)
        atomic_store_relaxed(&mount->expiring, true);
    /* Not mount_put: this use does not count against the expiry mark. */
    if (result == -EAGAIN && atomic_load_acquire(&mount->refs) > 1)
        atomic_fetch_sub_acq_rel(&mount->refs, 1);
    else
        mount_put(mount);
    return result > 0 ? 0 : result;
}

/* Is the place below (or at) `top`, following mounts upwards? */
static bool is_reachable(const struct path *path, const struct path *top)
{
    const struct mount *mount = path->mount;
    const struct dentry *dentry = path->dentry;
    while (mount != top->mount && mount->parent) {
        dentry = mount->mountpoint;
        mount = mount->parent;
    }
    return mount == top->mount && dentry_is_below(dentry, top->dentry);
}

static int pivot_check(const struct path *new_root, const struct path *put_old,
                       const struct path *root)
{
    struct mount *new_mount = new_root->mount, *root_mount = root->mount;
    if (put_old->mount->propagation == MOUNT_SHARED)
        return -EINVAL;
    if ((new_mount->parent && new_mount->parent->propagation == MOUNT_SHARED) ||
        (root_mount->parent && root_mount->parent->propagation == MOUNT_SHARED))
        return -EINVAL;
    if (!mount_is_ours(root_mount) || !mount_is_ours(new_mount) || new_mount->locked)
        return -EINVAL;
    if (dentry_is_unlinked(new_root->dentry))
        return -ENOENT;
    if (new_mount == root_mount || put_old->mount == root_mount)
        return -EBUSY;
    if (root->dentry != root_mount->root || !root_mount->parent)
        return -EINVAL;
    if (new_root->dentry != new_mount->root || !new_mount->parent)
        return -EINVAL;
    if (!is_reachable(put_old, new_root) || !is_reachable(new_root, root))
        return -EINVAL;
    return 0;
}

int mount_pivot_root(const struct path *new_root, const struct path *put_old)
{
    struct vfs_state *vfs = new_root->mount->kernel->vfs;
    struct path root, new_at, root_at;
    fs_context_root(this_thread()->fs, &root);
    mutex_lock(&vfs->mount_mutex);
    int error = pivot_check(new_root, put_old, &root);
    if (!error) {
        spin_lock(&vfs->mount_lock);
        if (root.mount->locked) { /* what it hides stays hidden, now by the new one */
            new_root->mount->locked = true;
            root.mount->locked = false;
        }
        mount_detach_locked(new_root->mount, &new_at);
        mount_detach_locked(root.mount, &root_at);
        mount_attach_locked(root.mount, put_old);
        mount_attach_locked(new_root->mount, &root_at);
        spin_unlock(&vfs->mount_lock);
        mount_changed(vfs);
        fs_context_move_all(new_root->mount->kernel, &root, new_root);
    }
    mutex_unlock(&vfs->mount_mutex);
    if (!error) {
        path_put(&new_at);
        path_put(&root_at);
    }
    path_put(&root);
    return error;
}
