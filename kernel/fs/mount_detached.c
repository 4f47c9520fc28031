/* SPDX-License-Identifier: MIT
 *
 * Mount trees that hang nowhere until move_mount(2) puts them somewhere, and mount_setattr(2).
 *
 * The top of such a tree is marked `detached` and its tree's reference belongs to the descriptor
 * that made it; being attached hands the reference over to the mount tree.
 */
#include "kernel/abi/capability.h"
#include "kernel/fs/mount_internal.h"
#include "kernel/security/cred.h"

static void make_path(struct mount *mount, struct path *out)
{
    mount->detached = true;
    out->mount = mount_get(mount);
    out->dentry = dentry_get(mount->root);
}

int mount_clone_detached(const struct path *path, bool recursive, struct path *out)
{
    struct vfs_state *vfs = path->mount->kernel->vfs;
    struct mount *copy;
    int error = 0;
    mutex_lock(&vfs->mount_mutex);
    if (path->mount->propagation == MOUNT_UNBINDABLE || !mount_may_bind(path->mount) ||
        (!recursive && mount_hides_something(path)))
        error = -EINVAL;
    if (!error)
        error = mount_copy_tree(path->mount, path->dentry,
                                recursive ? MOUNT_COPY_TREE : MOUNT_COPY_ONE, &copy);
    if (!error)
        make_path(copy, out);
    mutex_unlock(&vfs->mount_mutex);
    return error;
}

int mount_new_detached(struct superblock *sb, unsigned flags, struct path *out)
{
    struct mount *mount;
    int error = mount_create_top(sb, flags, &mount);
    if (!error)
        make_path(mount, out);
    return error;
}

void mount_dissolve(const struct path *path)
{
    struct vfs_state *vfs = path->mount->kernel->vfs;
    mutex_lock(&vfs->mount_mutex);
    if (path->mount->detached) {
        path->mount->detached = false;
        mount_destroy_tree(path->mount);
    }
    mutex_unlock(&vfs->mount_mutex);
}

int mount_open_detached(const struct path *path, struct file **out)
{
    int error = vfs_open_path(path, O_PATH, out);
    if (!error)
        (*out)->mode |= FILE_DETACHED;
    return error;
}

/* ---- mount_setattr(2) ---- */

static unsigned changed_flags(const struct mount *mount, unsigned set, unsigned clear)
{
    return (mount_flags(mount) & ~clear) | set;
}

static int check_attributes(const struct mount *mount, unsigned set, unsigned clear)
{
    unsigned flags = changed_flags(mount, set, clear);
    if (!mount_may_set_flags(mount, flags))
        return -EPERM;
    if ((flags & MS_RDONLY) && !(mount_flags(mount) & MS_RDONLY) &&
        atomic_load_acquire(&mount->writers) > 0)
        return -EBUSY;
    return 0;
}

int mount_set_attributes(const struct path *path, bool recursive, unsigned set, unsigned clear,
                         unsigned propagation)
{
    struct mount *top = path->mount, *mount;
    struct vfs_state *vfs = top->kernel->vfs;
    int error = 0;
    mutex_lock(&vfs->mount_mutex);
    if (path->dentry != top->root || (!mount_is_ours(top) && !top->detached))
        error = -EINVAL;
    for (mount = top; !error && mount; mount = recursive ? mount_next_below(mount, top) : NULL)
        error = check_attributes(mount, set, clear);
    if (!error) {
        spin_lock(&vfs->mount_lock);
        for (mount = top; mount; mount = recursive ? mount_next_below(mount, top) : NULL) {
            atomic_store_relaxed(&mount->flags, changed_flags(mount, set, clear));
            if (propagation)
                mount_set_type_locked(mount, propagation);
        }
        spin_unlock(&vfs->mount_lock);
        mount_changed(vfs);
    }
    mutex_unlock(&vfs->mount_mutex);
    return error;
}

/* ---- move_mount(2) with MOVE_MOUNT_SET_GROUP ---- */

static int check_group(const struct path *from, const struct path *to)
{
    const struct mount *source = from->mount, *target = to->mount;
    if (!source->ns || !target->ns)
        return -EINVAL;
    if (!capable_in(source->ns->common.owner, CAP_SYS_ADMIN) ||
        !capable_in(target->ns->common.owner, CAP_SYS_ADMIN))
        return -EPERM;
    if (from->dentry != source->root || to->dentry != target->root || source->sb != target->sb)
        return -EINVAL;
    if (target->propagation != MOUNT_PRIVATE ||
        (source->propagation != MOUNT_SHARED && source->propagation != MOUNT_SLAVE))
        return -EINVAL;
    return dentry_is_below(target->root, source->root) ? 0 : -EINVAL;
}

int mount_copy_group(const struct path *from, const struct path *to)
{
    struct vfs_state *vfs = from->mount->kernel->vfs;
    mutex_lock(&vfs->mount_mutex);
    int error = check_group(from, to);
    if (!error) {
        spin_lock(&vfs->mount_lock);
        to->mount->propagation = from->mount->propagation;
        to->mount->peer_group = from->mount->peer_group;
        to->mount->master_group = from->mount->master_group;
        to->mount->shared_slave = from->mount->shared_slave;
        spin_unlock(&vfs->mount_lock);
        mount_changed(vfs);
    }
    mutex_unlock(&vfs->mount_mutex);
    return error;
}
