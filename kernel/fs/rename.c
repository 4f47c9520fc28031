/* SPDX-License-Identifier: MIT
 *
 * rename(2), renameat2(2).
 *
 * Locks: between directories, rename_mutex first, so that the tree above them stands still; then
 * the ancestor's mutex before the descendant's, unrelated ones by address; then the replaced
 * file's.
 */
#include "kernel/fs/landlock.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs_internal.h"

struct renaming {
    struct walk from, to;
    struct inode *old_dir, *new_dir;
    struct dentry *old, *new;
    struct inode *inode, *target; /* of old; of new or NULL */
    struct dentry *whiteout;      /* what old's name is to be afterwards, or NULL */
    bool replaced;                /* the target's name is gone */
    unsigned flags;
};

/* The child of `ancestor` that `dentry` is or is below; NULL if it is not below. */
static struct dentry *child_towards(struct dentry *ancestor, struct dentry *dentry)
{
    for (; dentry->parent != dentry; dentry = dentry->parent)
        if (dentry->parent == ancestor)
            return dentry;
    return NULL;
}

/* Lock both directories. *out_trap: the entry of one that leads to the other, or NULL. */
static void lock_directories(struct renaming *renaming, struct vfs_state *vfs,
                             struct dentry **out_trap)
{
    struct dentry *a = renaming->from.path.dentry, *b = renaming->to.path.dentry;
    *out_trap = NULL;
    if (a == b) {
        mutex_lock(&renaming->old_dir->mutex);
        return;
    }
    mutex_lock(&vfs->rename_mutex);
    struct inode *first = renaming->old_dir, *second = renaming->new_dir;
    *out_trap = child_towards(b, a);
    if (*out_trap) {
        first = renaming->new_dir;
        second = renaming->old_dir;
    } else {
        *out_trap = child_towards(a, b);
        if (!*out_trap && (uintptr_t)first > (uintptr_t)second) {
            first = renaming->new_dir;
            second = renaming->old_dir;
        }
    }
    mutex_lock(&first->mutex);
    mutex_lock_nested(&second->mutex);
}

static void unlock_directories(struct renaming *renaming, struct vfs_state *vfs)
{
    mutex_unlock(&renaming->old_dir->mutex);
    if (renaming->old_dir != renaming->new_dir) {
        mutex_unlock(&renaming->new_dir->mutex);
        mutex_unlock(&vfs->rename_mutex);
    }
}

static int check_slashes(const struct renaming *renaming)
{
    if (renaming->flags & RENAME_EXCHANGE) {
        if (renaming->to.trailing_slash && !S_ISDIR(inode_mode(renaming->target)))
            return -ENOTDIR;
    }
    if (S_ISDIR(inode_mode(renaming->inode)))
        return 0;
    if (renaming->from.trailing_slash)
        return -ENOTDIR;
    return renaming->to.trailing_slash && !(renaming->flags & RENAME_EXCHANGE) ? -ENOTDIR : 0;
}

static int lookup_both(struct renaming *renaming)
{
    struct walk *from = &renaming->from, *to = &renaming->to;
    int error =
        walk_lookup_locked(from->path.dentry, from->last, from->last_length, &renaming->old);
    if (error)
        return error;
    renaming->inode = dentry_inode(renaming->old);
    if (!renaming->inode)
        return -ENOENT;
    error = walk_lookup_locked(to->path.dentry, to->last, to->last_length, &renaming->new);
    if (error)
        return error;
    renaming->target = dentry_inode(renaming->new);
    if ((renaming->flags & RENAME_NOREPLACE) && renaming->target)
        return -EEXIST;
    if ((renaming->flags & RENAME_EXCHANGE) && !renaming->target)
        return -ENOENT;
    return check_slashes(renaming);
}

static int check_permissions(struct renaming *renaming)
{
    struct inode *inode = renaming->inode, *target = renaming->target;
    bool is_dir = S_ISDIR(inode_mode(inode));
    bool exchange = renaming->flags & RENAME_EXCHANGE;
    bool target_dir = target && S_ISDIR(inode_mode(target));
    int error = dir_may_delete(renaming->old_dir, inode, is_dir);
    if (error)
        return error;
    if (!target)
        error = dir_may_create(renaming->new_dir);
    else
        error = dir_may_delete(renaming->new_dir, target, exchange ? target_dir : is_dir);
    if (error)
        return error;
    if (!renaming->old_dir->ops->rename)
        return -EPERM;
    if (renaming->old_dir == renaming->new_dir)
        return 0;
    /* A directory that changes its parent has its ".." rewritten. */
    if (is_dir)
        error = inode_permission(inode, MAY_WRITE);
    if (!error && exchange && target_dir)
        error = inode_permission(target, MAY_WRITE);
    return error;
}

static void notify_moved(const struct renaming *renaming, const char *old_name)
{
    bool exchange = renaming->flags & RENAME_EXCHANGE;
    fs_notify_renamed(renaming->old_dir, old_name, renaming->new_dir, renaming->old->name,
                      renaming->inode, exchange ? NULL : renaming->target);
    if (exchange)
        fs_notify_renamed(renaming->new_dir, renaming->old->name, renaming->old_dir, old_name,
                          renaming->target, NULL);
}

/* RENAME_WHITEOUT: a character device 0:0, which takes the old name when that is free. It is in the
 * directory before anything moves, as this may fail; the dentry cache gets it afterwards. */
static int make_whiteout(struct renaming *renaming)
{
    struct inode *dir = renaming->old_dir, *inode;
    const struct dentry *old = renaming->old;
    if (!dir->ops->mknod)
        return -EINVAL;
    struct dentry *dentry = dentry_alloc(old->parent, old->name, old->length, old->hash);
    if (!dentry)
        return -ENOMEM;
    int error = dir->ops->mknod(dir, dentry, S_IFCHR, 0, &inode);
    if (error) {
        dentry_put(dentry);
        return error;
    }
    dentry_instantiate(dentry, inode);
    renaming->whiteout = dentry;
    return 0;
}

/* The file system's part. */
static int move_entry(struct renaming *renaming)
{
    struct inode *dir = renaming->old_dir;
    int error = renaming->flags & RENAME_WHITEOUT ? make_whiteout(renaming) : 0;
    if (error)
        return error;
    error = dir->ops->rename(dir, renaming->old, renaming->new_dir, renaming->new, renaming->flags);
    if (error && renaming->whiteout) {
        dir->ops->unlink(dir, renaming->whiteout);
        dentry_put(renaming->whiteout);
    }
    return error;
}

/* Everything is locked and allowed. */
static int rename_do(struct renaming *renaming)
{
    struct inode *target = renaming->target;
    bool exchange = renaming->flags & RENAME_EXCHANGE;
    struct dentry_move move;
    char old_name[VFS_NAME_MAX + 1];
    int error = exchange ? 0 : dentry_move_prepare(&move, renaming->new);
    if (error)
        return error;
    memcpy(old_name, renaming->old->name, renaming->old->length + 1u);
    if (target)
        mutex_lock_nested(&target->mutex);
    if (dentry_is_mounted_here(renaming->old) || dentry_is_mounted_here(renaming->new))
        error = -EBUSY;
    else
        error = move_entry(renaming);
    if (!error && target && !exchange && S_ISDIR(inode_mode(target)))
        atomic_fetch_or_relaxed(&target->flags, INODE_DEAD);
    if (target)
        mutex_unlock(&target->mutex);
    if (error) {
        if (!exchange)
            dentry_move_cancel(&move);
        return error;
    }
    if (exchange) {
        dentry_exchange(renaming->old, renaming->new);
    } else {
        if (target)
            dentry_forget_children(renaming->new);
        dentry_move(renaming->old, renaming->new, &move);
        renaming->replaced = target != NULL;
    }
    if (renaming->whiteout) {
        dentry_hash(renaming->whiteout);
        dentry_put(renaming->whiteout);
    }
    notify_moved(renaming, old_name);
    return 0;
}

static int rename_locked(struct renaming *renaming, struct dentry *trap)
{
    bool exchange = renaming->flags & RENAME_EXCHANGE;
    int error = lookup_both(renaming);
    if (error)
        return error;
    if (renaming->old == trap)
        return -EINVAL; /* into itself */
    if (renaming->new == trap)
        return exchange ? -EINVAL : -ENOTEMPTY;
    error = landlock_check_refer(&renaming->from.path, renaming->old, &renaming->to.path,
                                 renaming->new, true, exchange);
    if (error)
        return error;
    if (renaming->inode == renaming->target)
        return 0; /* two names of one file, or one name */
    error = check_permissions(renaming);
    if (error)
        return error;
    struct inode *target = renaming->target;
    if (target)
        inode_get(target);
    error = rename_do(renaming);
    if (target)
        inode_put(target);
    return error;
}

static int rename_parents(struct renaming *renaming)
{
    if (renaming->from.path.mount != renaming->to.path.mount)
        return -EXDEV;
    if (renaming->from.last_type != LAST_NAME)
        return -EBUSY;
    if (renaming->to.last_type != LAST_NAME)
        return renaming->flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
    int error = mount_want_write(renaming->from.path.mount);
    if (error)
        return error;
    struct vfs_state *vfs = this_vfs();
    struct dentry *trap;
    renaming->old_dir = dentry_inode(renaming->from.path.dentry);
    renaming->new_dir = dentry_inode(renaming->to.path.dentry);
    lock_directories(renaming, vfs, &trap);
    error = rename_locked(renaming, trap);
    unlock_directories(renaming, vfs);
    if (renaming->replaced)
        dentry_forget_mounts(renaming->new);
    if (renaming->new)
        dentry_put(renaming->new);
    if (renaming->old)
        dentry_put(renaming->old);
    return error;
}

int vfs_rename(const struct path *old_start, const char *old_name, const struct path *new_start,
               const char *new_name, unsigned flags)
{
    if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
        return -EINVAL;
    if ((flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) && (flags & RENAME_EXCHANGE))
        return -EINVAL;
    struct renaming renaming = {.flags = flags};
    int error = walk_parent(&renaming.from, old_start, old_name, 0);
    if (error)
        return error;
    error = walk_parent(&renaming.to, new_start, new_name, 0);
    if (!error) {
        error = rename_parents(&renaming);
        walk_end(&renaming.to);
    }
    walk_end(&renaming.from);
    return error;
}
