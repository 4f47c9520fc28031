/* SPDX-License-Identifier: MIT
 *
 * mount(2), umount2(2), pivot_root(2) on resolved paths. Capabilities are the caller's business.
 *
 * Every change holds mount_mutex. A mount point is checked, and stays, under its inode's mutex:
 * unlink and rmdir refuse a dentry with mounts under the same mutex.
 *
 * Propagation types are kept and reported; events are not yet propagated to peers.
 */
#include "kernel/fs/mount_internal.h"

enum {
    MOUNT_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME |
                  MS_RELATIME | MS_NOSYMFOLLOW
};
enum { SUPERBLOCK_FLAGS = MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_DIRSYNC | MS_LAZYTIME };
enum { ATIME_FLAGS = MS_NOATIME | MS_NODIRATIME | MS_RELATIME };

/* The flags of a mount from those of mount(2): relatime unless another way was asked for. */
static unsigned mount_flags_from(unsigned flags)
{
    unsigned result = flags & MOUNT_FLAGS;
    if (!(flags & MS_NOATIME))
        result |= MS_RELATIME;
    if (flags & MS_STRICTATIME)
        result &= ~(unsigned)(MS_RELATIME | MS_NOATIME);
    return result;
}

/* Go to the topmost mount on a place. */
static void enter_mounts(struct path *path)
{
    struct mount *mount;
    while ((mount = mount_at(path))) {
        path_put(path);
        path->mount = mount;
        path->dentry = dentry_get(mount->root);
    }
}

static bool path_is_dir(const struct path *path)
{
    return S_ISDIR(inode_mode(dentry_inode(path->dentry)));
}

/* Attach a detached tree on top of what is at `at`. mount_mutex held. */
static int graft(struct mount *top, const struct path *at)
{
    struct vfs_state *vfs = top->kernel->vfs;
    struct inode *inode = dentry_inode(at->dentry);
    if (!at->mount->attached)
        return -EINVAL;
    if (S_ISDIR(inode_mode(inode)) != S_ISDIR(inode_mode(dentry_inode(top->root))))
        return -ENOTDIR;
    int error = 0;
    mutex_lock(&inode->mutex);
    if ((inode->flags & INODE_DEAD) || dentry_is_unlinked(at->dentry)) {
        error = -ENOENT;
    } else {
        spin_lock(&vfs->mount_lock);
        mount_attach_locked(top, at);
        mount_publish_locked(top);
        spin_unlock(&vfs->mount_lock);
    }
    mutex_unlock(&inode->mutex);
    if (!error)
        mount_changed(vfs);
    return error;
}

/* The place for a new mount: a reference on the topmost mount there. mount_mutex held. */
static struct path top_of(const struct path *path)
{
    struct path at = *path;
    path_get(&at);
    enter_mounts(&at);
    return at;
}

int mount_attach_new(struct kernel *kernel, const struct filesystem *type, const char *source,
                     unsigned flags, const char *options, const struct path *path)
{
    struct vfs_state *vfs = kernel->vfs;
    struct superblock *sb;
    int error = type->mount(kernel, type, source, flags & SUPERBLOCK_FLAGS, options, &sb);
    if (error)
        return error;
    if (!sb->source[0])
        kstrlcpy(sb->source, source && *source ? source : "none", sizeof(sb->source));
    atomic_fetch_or_relaxed(&sb->flags, flags & SUPERBLOCK_FLAGS);
    struct mount *mount;
    error = mount_create(kernel, sb, sb->root, mount_flags_from(flags), &mount);
    superblock_put(sb);
    if (error)
        return error;

    mutex_lock(&vfs->mount_mutex);
    struct path at = top_of(path);
    if (at.mount->sb == mount->sb && at.mount->root == at.dentry)
        error = -EBUSY; /* the same thing on itself */
    else
        error = graft(mount, &at);
    mutex_unlock(&vfs->mount_mutex);
    path_put(&at);
    if (error)
        mount_put(mount);
    return error;
}

int mount_bind(const struct path *from, const struct path *path, bool recursive)
{
    struct vfs_state *vfs = from->mount->kernel->vfs;
    struct mount *copy = NULL;
    mutex_lock(&vfs->mount_mutex);
    struct path at = top_of(path);
    int error = 0;
    if (from->mount->propagation == MOUNT_UNBINDABLE || !from->mount->attached ||
        !at.mount->attached)
        error = -EINVAL;
    if (!error)
        error = mount_copy_tree(from->mount, from->dentry, recursive, &copy);
    if (!error)
        error = graft(copy, &at);
    if (error && copy)
        mount_destroy_tree(copy);
    mutex_unlock(&vfs->mount_mutex);
    path_put(&at);
    return error;
}

static int move_check(const struct path *from, const struct path *at)
{
    struct mount *mount = from->mount;
    if (from->dentry != mount->root || !mount->attached || !at->mount->attached || !mount->parent)
        return -EINVAL;
    if (path_is_dir(from) != path_is_dir(at))
        return -EINVAL;
    if (mount->parent->propagation == MOUNT_SHARED)
        return -EINVAL;
    return mount_contains(mount, at->mount) ? -ELOOP : 0;
}

int mount_move(const struct path *from, const struct path *path)
{
    struct vfs_state *vfs = from->mount->kernel->vfs;
    struct path old_at = {0};
    mutex_lock(&vfs->mount_mutex);
    struct path at = top_of(path);
    int error = move_check(from, &at);
    if (!error) {
        spin_lock(&vfs->mount_lock);
        mount_detach_locked(from->mount, &old_at);
        spin_unlock(&vfs->mount_lock);
        error = graft(from->mount, &at);
        if (error) { /* the mount point was just removed: back where it was */
            spin_lock(&vfs->mount_lock);
            mount_attach_locked(from->mount, &old_at);
            spin_unlock(&vfs->mount_lock);
        }
    }
    mutex_unlock(&vfs->mount_mutex);
    path_put(&old_at);
    path_put(&at);
    return error;
}

static void set_mount_flags(struct mount *mount, unsigned flags)
{
    unsigned new_flags = mount_flags_from(flags);
    if (!(flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)))
        new_flags = (new_flags & ~(unsigned)ATIME_FLAGS) | (mount_flags(mount) & ATIME_FLAGS);
    atomic_store_relaxed(&mount->flags, new_flags);
}

int mount_remount(const struct path *path, unsigned flags, const char *options)
{
    struct mount *mount = path->mount;
    struct superblock *sb = mount->sb;
    struct vfs_state *vfs = mount->kernel->vfs;
    if (path->dentry != mount->root)
        return -EINVAL;
    int error = 0;
    mutex_lock(&vfs->mount_mutex);
    if (!mount->attached)
        error = -EINVAL;
    else if ((flags & MS_RDONLY) && !superblock_is_readonly(sb) &&
             atomic_load_acquire(&sb->writers) > 0)
        error = -EBUSY;
    if (!error && sb->ops && sb->ops->remount)
        error = sb->ops->remount(sb, flags, options);
    if (!error) {
        unsigned keep = atomic_load_relaxed(&sb->flags) & ~(unsigned)SUPERBLOCK_FLAGS;
        atomic_store_relaxed(&sb->flags, keep | (flags & SUPERBLOCK_FLAGS));
        set_mount_flags(mount, flags);
        mount_changed(vfs);
    }
    mutex_unlock(&vfs->mount_mutex);
    return error;
}

int mount_reconfigure(const struct path *path, unsigned flags)
{
    struct mount *mount = path->mount;
    struct vfs_state *vfs = mount->kernel->vfs;
    if (path->dentry != mount->root)
        return -EINVAL;
    int error = 0;
    mutex_lock(&vfs->mount_mutex);
    if (!mount->attached)
        error = -EINVAL;
    else if ((flags & MS_RDONLY) && !(mount_flags(mount) & MS_RDONLY) &&
             atomic_load_acquire(&mount->writers) > 0)
        error = -EBUSY;
    if (!error) {
        set_mount_flags(mount, flags);
        mount_changed(vfs);
    }
    mutex_unlock(&vfs->mount_mutex);
    return error;
}

static bool has_peer(struct vfs_state *vfs, struct mount *mount)
{
    struct mount *other;
    list_for_each_entry (other, &vfs->mounts, all_node)
        if (other != mount && other->peer_group == mount->peer_group)
            return true;
    return false;
}

static void set_propagation_locked(struct vfs_state *vfs, struct mount *mount, unsigned type)
{
    switch (type) {
    case MS_SHARED:
        if (!mount->peer_group)
            mount->peer_group = ++vfs->next_group_id;
        mount->propagation = MOUNT_SHARED;
        mount->shared_slave = mount->master_group != 0;
        return;
    case MS_SLAVE:
        if (mount->peer_group && has_peer(vfs, mount))
            mount->master_group = mount->peer_group;
        mount->peer_group = 0;
        mount->shared_slave = false;
        mount->propagation = mount->master_group ? MOUNT_SLAVE : MOUNT_PRIVATE;
        return;
    default:
        mount->peer_group = mount->master_group = 0;
        mount->shared_slave = false;
        mount->propagation = type == MS_UNBINDABLE ? MOUNT_UNBINDABLE : MOUNT_PRIVATE;
    }
}

int mount_set_propagation(const struct path *path, unsigned flags)
{
    struct vfs_state *vfs = path->mount->kernel->vfs;
    unsigned type = flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE);
    if ((flags & ~type & ~(unsigned)(MS_REC | MS_SILENT)) || (type & (type - 1)))
        return -EINVAL;
    if (path->dentry != path->mount->root)
        return -EINVAL;
    int error = 0;
    mutex_lock(&vfs->mount_mutex);
    if (!path->mount->attached)
        error = -EINVAL;
    spin_lock(&vfs->mount_lock);
    for (struct mount *mount = error ? NULL : path->mount; mount;
         mount = flags & MS_REC ? mount_next_below(mount, path->mount) : NULL)
        set_propagation_locked(vfs, mount, type);
    spin_unlock(&vfs->mount_lock);
    mount_changed(vfs);
    mutex_unlock(&vfs->mount_mutex);
    return error;
}
