/* SPDX-License-Identifier: MIT
 *
 * Removing names: unlink(2), rmdir(2).
 *
 * Locks: the directory's mutex, then the victim's. A dentry that something is mounted on, in the
 * caller's mount namespace, stays.
 */
#include "kernel/abi/landlock.h"
#include "kernel/fs/landlock.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs_internal.h"

struct removal {
    struct walk walk;
    struct inode *dir;
    struct dentry *dentry; /* positive; dir's mutex is held */
    struct inode *inode;   /* referenced */
    bool removed;
};

static int removal_begin(struct removal *removal, const struct path *start, const char *name,
                         int (*check_last)(enum walk_last last))
{
    struct walk *walk = &removal->walk;
    int error = walk_parent(walk, start, name, 0);
    if (error)
        return error;
    error = check_last(walk->last_type);
    if (!error)
        error = mount_want_write(walk->path.mount);
    if (error) {
        walk_end(walk);
        return error;
    }
    removal->dir = dentry_inode(walk->path.dentry);
    mutex_lock(&removal->dir->mutex);
    error = walk_lookup_locked(walk->path.dentry, walk->last, walk->last_length, &removal->dentry);
    if (!error) {
        removal->inode = dentry_inode(removal->dentry);
        if (removal->inode) {
            inode_get(removal->inode);
            return 0;
        }
        dentry_put(removal->dentry);
        error = -ENOENT;
    }
    mutex_unlock(&removal->dir->mutex);
    walk_end(walk);
    return error;
}

static void removal_end(struct removal *removal)
{
    mutex_unlock(&removal->dir->mutex);
    if (removal->removed)
        dentry_forget_mounts(removal->dentry);
    dentry_put(removal->dentry);
    inode_put(removal->inode);
    walk_end(&removal->walk);
}

static int unlink_check_last(enum walk_last last)
{
    return last == LAST_NAME ? 0 : -EISDIR;
}

static int unlink_locked(struct removal *removal)
{
    struct inode *dir = removal->dir, *inode = removal->inode;
    bool is_dir = S_ISDIR(inode_mode(inode));
    if (removal->walk.trailing_slash)
        return is_dir ? -EISDIR : -ENOTDIR;
    int error = landlock_check_path(&removal->walk.path, LANDLOCK_ACCESS_FS_REMOVE_FILE);
    if (!error)
        error = dir_may_delete(dir, inode, false);
    if (error)
        return error;
    if (!dir->ops->unlink)
        return -EPERM;
    mutex_lock(&inode->mutex);
    if (dentry_is_mounted_here(removal->dentry))
        error = -EBUSY;
    else
        error = dir->ops->unlink(dir, removal->dentry);
    mutex_unlock(&inode->mutex);
    if (error)
        return error;
    fs_notify(NULL, NULL, inode, IN_ATTRIB, 0); /* it has a link less */
    dentry_delete(removal->dentry);
    fs_notify(dir, removal->dentry->name, inode, IN_DELETE, 0);
    return 0;
}

int vfs_unlink(const struct path *start, const char *name)
{
    struct removal removal;
    int error = removal_begin(&removal, start, name, unlink_check_last);
    if (error)
        return error;
    error = unlink_locked(&removal);
    removal.removed = !error;
    removal_end(&removal);
    return error;
}

static int rmdir_check_last(enum walk_last last)
{
    switch (last) {
    case LAST_NAME:
        return 0;
    case LAST_DOTDOT:
        return -ENOTEMPTY;
    case LAST_DOT:
        return -EINVAL;
    default:
        return -EBUSY;
    }
}

static int rmdir_locked(struct removal *removal)
{
    struct inode *dir = removal->dir, *inode = removal->inode;
    int error = landlock_check_path(&removal->walk.path, LANDLOCK_ACCESS_FS_REMOVE_DIR);
    if (!error)
        error = dir_may_delete(dir, inode, true);
    if (error)
        return error;
    if (!dir->ops->rmdir)
        return -EPERM;
    mutex_lock_nested(&inode->mutex);
    if (dentry_is_mounted_here(removal->dentry))
        error = -EBUSY;
    else
        error = dir->ops->rmdir(dir, removal->dentry);
    if (!error)
        atomic_fetch_or_relaxed(&inode->flags, INODE_DEAD);
    mutex_unlock(&inode->mutex);
    if (error)
        return error;
    dentry_forget_children(removal->dentry);
    dentry_delete(removal->dentry);
    fs_notify(dir, removal->dentry->name, inode, IN_DELETE | IN_ISDIR, 0);
    return 0;
}

int vfs_rmdir(const struct path *start, const char *name)
{
    struct removal removal;
    int error = removal_begin(&removal, start, name, rmdir_check_last);
    if (error)
        return error;
    error = rmdir_locked(&removal);
    removal.removed = !error;
    removal_end(&removal);
    return error;
}
