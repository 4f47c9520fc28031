/* SPDX-License-Identifier: MIT
 *
 * mount(2), umount2(2), pivot_root(2) on resolved paths. Capabilities are the caller's business.
 *
 * Every change holds mount_mutex. A mount point is checked, and stays, under its inode's mutex:
 * unlink and rmdir refuse a dentry with mounts under the same mutex.
 */
#include "kernel/fs/mount_internal.h"
#include "kernel/abi/capability.h"
#include "kernel/security/cred.h"

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
void mount_enter_top(struct path *path)
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

static unsigned tree_size(struct mount *top)
{
    unsigned count = 0;
    for (struct mount *mount = top; mount; mount = mount_next_below(mount, top))
        count++;
    return count;
}

/* Nothing unbindable may come under a shared mount: its peers could not get it. */
static bool has_unbindable(struct mount *top)
{
    for (struct mount *mount = top; mount; mount = mount_next_below(mount, top))
        if (mount->propagation == MOUNT_UNBINDABLE)
            return true;
    return false;
}

/* Make a tree for a shared parent shared, and copies of it for all who see what happens there. */
static int plan_propagation(struct mount *top, const struct path *at, struct list *copies)
{
    struct vfs_state *vfs = top->kernel->vfs;
    list_init(copies);
    if (at->mount->propagation != MOUNT_SHARED)
        return 0;
    spin_lock(&vfs->mount_lock);
    mount_share_tree_locked(top);
    spin_unlock(&vfs->mount_lock);
    return mount_propagate_plan(top, at, copies);
}

int mount_graft(struct mount *top, const struct path *at)
{
    struct vfs_state *vfs = top->kernel->vfs;
    struct inode *inode = dentry_inode(at->dentry);
    struct list copies;
    if (!mount_is_ours(at->mount))
        return -EINVAL;
    if (S_ISDIR(inode_mode(inode)) != S_ISDIR(inode_mode(dentry_inode(top->root))))
        return -ENOTDIR;
    if (!top->ns && at->mount->ns->mount_count + tree_size(top) > MOUNT_NAMESPACE_MOUNTS_MAX)
        return -ENOSPC;
    int error = plan_propagation(top, at, &copies);
    if (error)
        return error;
    mutex_lock(&inode->mutex);
    if ((inode->flags & INODE_DEAD) || dentry_is_unlinked(at->dentry)) {
        error = -ENOENT;
    } else {
        spin_lock(&vfs->mount_lock);
        mount_attach_locked(top, at);
        mount_publish_locked(top, at->mount->ns);
        spin_unlock(&vfs->mount_lock);
    }
    mutex_unlock(&inode->mutex);
    if (error)
        mount_propagate_forget(&copies);
    else
        mount_propagate_commit(&copies, at->dentry);
    if (!error)
        mount_changed(vfs);
    return error;
}

/* The place for a new mount: a reference on the topmost mount there. mount_mutex held. */
static struct path top_of(const struct path *path)
{
    struct path at = *path;
    path_get(&at);
    mount_enter_top(&at);
    return at;
}

bool filesystem_may_mount(const struct filesystem *type)
{
    return type->may_mount ? type->may_mount() : capable(CAP_SYS_ADMIN);
}

int mount_create_top(struct superblock *sb, unsigned flags, struct mount **out)
{
    struct dentry *root = NULL;
    if (!sb->type->mount_root)
        return mount_create(sb->kernel, sb, sb->root, flags, out);
    int error = sb->type->mount_root(sb, &root);
    if (!error) {
        error = mount_create(sb->kernel, sb, root, flags, out);
        dentry_put(root);
    }
    return error;
}

int mount_attach_new(struct kernel *kernel, const struct filesystem *type, const char *source,
                     unsigned flags, const char *options, const struct path *path)
{
    struct vfs_state *vfs = kernel->vfs;
    struct superblock *sb;
    int error = type->mount(kernel, type, source, flags & SUPERBLOCK_FLAGS, options, &sb);
    if (error)
        return error;
    bool fresh = !sb->source[0];
    if (fresh)
        kstrlcpy(sb->source, source && *source ? source : "none", sizeof(sb->source));
    if (fresh || capable(CAP_SYS_ADMIN)) /* others see it too: not for everyone to change */
        atomic_fetch_or_relaxed(&sb->flags, flags & SUPERBLOCK_FLAGS);
    struct mount *mount;
    error = mount_create_top(sb, mount_flags_from(flags), &mount);
    superblock_put(sb);
    if (error)
        return error;

    mutex_lock(&vfs->mount_mutex);
    struct path at = top_of(path);
    if (at.mount->sb == mount->sb && at.mount->root == at.dentry)
        error = -EBUSY; /* the same thing on itself */
    else
        error = mount_graft(mount, &at);
    mutex_unlock(&vfs->mount_mutex);
    path_put(&at);
    if (error)
        mount_put(mount);
    return error;
}

/* A mount of ours, or one that hangs nowhere: a namespace's file. */
bool mount_may_bind(const struct mount *mount)
{
    return mount_is_ours(mount) || mount == mount->kernel->vfs->nsfs_mount;
}

/* Would a bind of this one mount uncover what a locked mount hides? */
bool mount_hides_something(const struct path *from)
{
    struct mount *child;
    list_for_each_entry (child, &from->mount->children, child_node)
        if (child->locked && dentry_is_below(child->mountpoint, from->dentry))
            return true;
    return false;
}

int mount_bind(const struct path *from, const struct path *path, bool recursive)
{
    struct vfs_state *vfs = from->mount->kernel->vfs;
    struct mount *copy = NULL;
    mutex_lock(&vfs->mount_mutex);
    struct path at = top_of(path);
    int error = 0;
    if (from->mount->propagation == MOUNT_UNBINDABLE || !mount_may_bind(from->mount) ||
        !mount_is_ours(at.mount) || (!recursive && mount_hides_something(from)))
        error = -EINVAL;
    if (!error)
        error = mount_copy_tree(from->mount, from->dentry,
                                recursive ? MOUNT_COPY_TREE : MOUNT_COPY_ONE, &copy);
    if (!error)
        error = mount_graft(copy, &at);
    if (error && copy)
        mount_destroy_tree(copy);
    mutex_unlock(&vfs->mount_mutex);
    path_put(&at);
    return error;
}

static int move_check(const struct path *from, const struct path *at)
{
    struct mount *mount = from->mount;
    if (from->dentry != mount->root || !mount_is_ours(at->mount) || mount->locked)
        return -EINVAL;
    if (!mount->detached && (!mount_is_ours(mount) || !mount->parent))
        return -EINVAL;
    if (path_is_dir(from) != path_is_dir(at))
        return -EINVAL;
    if (mount->parent && mount->parent->propagation == MOUNT_SHARED)
        return -EINVAL;
    if (at->mount->propagation == MOUNT_SHARED && has_unbindable(mount))
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
    if (!error && from->mount->detached) {
        error = mount_graft(from->mount, &at);
        from->mount->detached = error != 0;
    } else if (!error) {
        spin_lock(&vfs->mount_lock);
        mount_detach_locked(from->mount, &old_at);
        spin_unlock(&vfs->mount_lock);
        error = mount_graft(from->mount, &at);
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

/* May the flags become these? Those that a namespace of more privilege has set stay. */
bool mount_may_set_flags(const struct mount *mount, unsigned flags)
{
    if (mount->locked_flags & MOUNT_LOCKABLE & ~flags)
        return false;
    return !mount->atime_locked || !(flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME |
                                              MS_STRICTATIME)) ||
           ((mount_flags_from(flags) ^ mount_flags(mount)) & ATIME_FLAGS) == 0;
}

static void set_mount_flags(struct mount *mount, unsigned flags)
{
    unsigned new_flags = mount_flags_from(flags);
    if (!(flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)))
        new_flags = (new_flags & ~(unsigned)ATIME_FLAGS) | (mount_flags(mount) & ATIME_FLAGS);
    atomic_store_relaxed(&mount->flags, new_flags);
}

int superblock_remount(struct superblock *sb, unsigned flags, const char *options)
{
    if ((flags & MS_RDONLY) && !superblock_is_readonly(sb) &&
        atomic_load_acquire(&sb->writers) > 0)
        return -EBUSY;
    int error = sb->ops && sb->ops->remount ? sb->ops->remount(sb, flags, options) : 0;
    if (error)
        return error;
    unsigned keep = atomic_load_relaxed(&sb->flags) & ~(unsigned)SUPERBLOCK_FLAGS;
    atomic_store_relaxed(&sb->flags, keep | (flags & SUPERBLOCK_FLAGS));
    return 0;
}

int mount_remount(const struct path *path, unsigned flags, const char *options)
{
    struct mount *mount = path->mount;
    struct vfs_state *vfs = mount->kernel->vfs;
    if (path->dentry != mount->root)
        return -EINVAL;
    int error = 0;
    mutex_lock(&vfs->mount_mutex);
    if (!mount_is_ours(mount))
        error = -EINVAL;
    else if (!mount_may_set_flags(mount, flags))
        error = -EPERM;
    if (!error)
        error = superblock_remount(mount->sb, flags, options);
    if (!error) {
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
    if (!mount_is_ours(mount))
        error = -EINVAL;
    else if (!mount_may_set_flags(mount, flags))
        error = -EPERM;
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
    if (!mount_is_ours(path->mount))
        error = -EINVAL;
    spin_lock(&vfs->mount_lock);
    for (struct mount *mount = error ? NULL : path->mount; mount;
         mount = flags & MS_REC ? mount_next_below(mount, path->mount) : NULL)
        mount_set_type_locked(mount, type);
    spin_unlock(&vfs->mount_lock);
    mount_changed(vfs);
    mutex_unlock(&vfs->mount_mutex);
    return error;
}
