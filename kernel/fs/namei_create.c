/* SPDX-License-Identifier: MIT
 *
 * New names: mkdir(2), mknod(2), symlink(2), link(2).
 *
 * Each walks to the parent directory, takes its mutex, looks the name up, and only then checks
 * permissions, in Linux's order: EEXIST before EROFS before EACCES.
 */
#include "kernel/abi/capability.h"
#include "kernel/fs/landlock.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs_internal.h"

struct creation {
    struct walk walk;
    struct inode *dir;
    struct dentry *dentry; /* negative; dir's mutex is held */
};

static int creation_lookup(struct creation *creation, bool directory)
{
    struct walk *walk = &creation->walk;
    int error =
        walk_lookup_locked(walk->path.dentry, walk->last, walk->last_length, &creation->dentry);
    if (error)
        return error;
    if (dentry_inode(creation->dentry))
        error = -EEXIST;
    else if (walk->trailing_slash && !directory)
        error = -ENOENT;
    else
        error = mount_want_write(walk->path.mount);
    if (error)
        dentry_put(creation->dentry);
    return error;
}

/* The parent locked and the name free; whether the caller may create is checked next. */
static int creation_begin(struct creation *creation, const struct path *start, const char *name,
                          bool directory)
{
    struct walk *walk = &creation->walk;
    int error = walk_parent(walk, start, name, 0);
    if (error)
        return error;
    if (walk->last_type != LAST_NAME) {
        walk_end(walk);
        return -EEXIST;
    }
    creation->dir = dentry_inode(walk->path.dentry);
    mutex_lock(&creation->dir->mutex);
    error = creation_lookup(creation, directory);
    if (error) {
        mutex_unlock(&creation->dir->mutex);
        walk_end(walk);
    }
    return error;
}

static int may_create(const struct creation *creation, uint32_t mode)
{
    int error = landlock_check_create(&creation->walk.path, mode);
    return error ? error : dir_may_create(creation->dir);
}

static void creation_end(struct creation *creation, struct inode *inode, uint32_t event)
{
    if (inode) {
        dentry_instantiate(creation->dentry, inode);
        fs_notify(creation->dir, creation->dentry->name, inode, event, 0);
    }
    dentry_put(creation->dentry);
    mutex_unlock(&creation->dir->mutex);
    walk_end(&creation->walk);
}

int vfs_mkdir(const struct path *start, const char *name, uint32_t mode)
{
    struct creation creation;
    struct inode *inode = NULL;
    int error = creation_begin(&creation, start, name, true);
    if (error)
        return error;
    struct inode *dir = creation.dir;
    mode = inode_mode_for_create(dir, S_IFDIR | (mode & (0777 | S_ISVTX)));
    error = may_create(&creation, S_IFDIR);
    if (!error)
        error = dir->ops->mkdir ? dir->ops->mkdir(dir, creation.dentry, mode, &inode) : -EPERM;
    creation_end(&creation, error ? NULL : inode, IN_CREATE | IN_ISDIR);
    return error;
}

int vfs_check_mknod_mode(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case 0:
    case S_IFREG:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
        return 0;
    case S_IFDIR:
        return -EPERM;
    default:
        return -EINVAL;
    }
}

int vfs_mknod(const struct path *start, const char *name, uint32_t mode, uint64_t rdev)
{
    int error = vfs_check_mknod_mode(mode);
    if (error)
        return error;
    struct creation creation;
    struct inode *inode = NULL;
    error = creation_begin(&creation, start, name, false);
    if (error)
        return error;
    if (!(mode & S_IFMT))
        mode |= S_IFREG;
    struct inode *dir = creation.dir;
    mode = inode_mode_for_create(dir, mode & (S_IFMT | 07777));
    bool device = S_ISCHR(mode) || S_ISBLK(mode);
    error = may_create(&creation, mode);
    /* Character device 0:0 is overlayfs's whiteout, which needs no privilege. */
    if (!error && device && !(S_ISCHR(mode) && rdev == 0) && !capable(CAP_MKNOD))
        error = -EPERM;
    if (!error && S_ISREG(mode))
        error = dir->ops->create ? dir->ops->create(dir, creation.dentry, mode, &inode) : -EACCES;
    else if (!error)
        error = dir->ops->mknod
                    ? dir->ops->mknod(dir, creation.dentry, mode, device ? rdev : 0, &inode)
                    : -EPERM;
    creation_end(&creation, error ? NULL : inode, IN_CREATE);
    return error;
}

int vfs_symlink(const char *target, const struct path *start, const char *name)
{
    if (!*target)
        return -ENOENT;
    struct creation creation;
    struct inode *inode = NULL;
    int error = creation_begin(&creation, start, name, false);
    if (error)
        return error;
    struct inode *dir = creation.dir;
    error = may_create(&creation, S_IFLNK);
    if (!error)
        error =
            dir->ops->symlink ? dir->ops->symlink(dir, creation.dentry, target, &inode) : -EPERM;
    creation_end(&creation, error ? NULL : inode, IN_CREATE);
    return error;
}

/* fs.protected_hardlinks=1: linking to a file one could not write needs ownership. */
static bool link_is_forbidden(struct inode *inode)
{
    if (!tunable(protected_hardlinks))
        return false;
    uint32_t mode = inode_mode(inode);
    bool safe = S_ISREG(mode) && !(mode & S_ISUID) &&
                (mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP) &&
                inode_permission(inode, MAY_READ | MAY_WRITE) == 0;
    return !safe && !inode_owner_or_capable(inode);
}

static int link_locked(struct creation *creation, struct inode *inode)
{
    struct inode *dir = creation->dir;
    int error = dir_may_create(dir);
    if (error)
        return error;
    if (inode->sb != dir->sb)
        return -EXDEV;
    if (atomic_load_relaxed(&inode->flags) & (INODE_APPEND | INODE_IMMUTABLE))
        return -EPERM;
    if (!dir->ops->link || S_ISDIR(inode_mode(inode)))
        return -EPERM;
    mutex_lock(&inode->mutex);
    if (inode->nlink == 0 && !(inode->flags & INODE_LINKABLE))
        error = -ENOENT;
    else if (inode->nlink >= 32000000)
        error = -EMLINK;
    else
        error = dir->ops->link(dir, creation->dentry, inode);
    if (!error)
        atomic_fetch_and_relaxed(&inode->flags, ~(uint32_t)INODE_LINKABLE);
    mutex_unlock(&inode->mutex);
    return error;
}

static int may_refer(const struct path *old, const struct creation *creation)
{
    if (!landlock_confines())
        return 0;
    struct path old_dir = {.mount = old->mount, .dentry = dentry_parent(old->dentry)};
    int error = landlock_check_refer(&old_dir, old->dentry, &creation->walk.path, creation->dentry,
                                     false, false);
    dentry_put(old_dir.dentry);
    return error;
}

int vfs_link(const struct path *old, const struct path *start, const char *name)
{
    struct creation creation;
    struct inode *inode = dentry_inode(old->dentry);
    int error = creation_begin(&creation, start, name, false);
    if (error)
        return error;
    if (old->mount != creation.walk.path.mount)
        error = -EXDEV;
    else if (link_is_forbidden(inode))
        error = -EPERM;
    else
        error = may_refer(old, &creation);
    if (!error)
        error = link_locked(&creation, inode);
    if (!error) {
        inode_get(inode);
        fs_notify(NULL, NULL, inode, IN_ATTRIB, 0);
    }
    creation_end(&creation, error ? NULL : inode, IN_CREATE);
    return error;
}
