/* SPDX-License-Identifier: MIT
 *
 * Directories of tmpfs. An entry is a pinned dentry; its offset in the directory is in
 * dentry->private_u64 and names it in the directory's table. The directory's mutex is held
 * throughout.
 */
#include "kernel/fs/tmpfs_internal.h"

#include "kernel/abi/dirent.h"
#include "kernel/fs/xattr.h"

static void dir_changed(struct inode *dir, int entries)
{
    struct timestamp now = timestamp_now();
    spin_lock(&dir->lock);
    atomic_store_release(&dir->size, dir->size + (uint64_t)((int64_t)entries * TMPFS_ENTRY_BYTES));
    dir->mtime = dir->ctime = now;
    spin_unlock(&dir->lock);
}

/* Enter the dentry in the directory; it stays until removed. */
static int entry_add(struct inode *dir, struct dentry *dentry)
{
    struct tmpfs_dir *entries = tmpfs_dir_of(dir);
    int error = xarray_set(&entries->entries, entries->next_offset, dentry);
    if (error)
        return error;
    dentry->private_u64 = entries->next_offset++;
    dentry_pin(dentry);
    dir_changed(dir, 1);
    return 0;
}

static void entry_remove(struct inode *dir, struct dentry *dentry)
{
    struct dentry *was = xarray_erase(&tmpfs_dir_of(dir)->entries, dentry->private_u64);
    assert(was == dentry);
    dir_changed(dir, -1);
    dentry_unpin(dentry);
}

static int tmpfs_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    (void)dir;
    (void)name;
    (void)length;
    (void)out;
    return -ENOENT; /* what exists is in the dentry cache */
}

static int make(struct inode *dir, struct dentry *dentry, uint32_t mode, uint64_t rdev,
                const char *target, struct inode **out)
{
    int error = tmpfs_inode_create(dir->sb, dir, mode, rdev, target, out);
    if (error)
        return error;
    error = entry_add(dir, dentry);
    if (error)
        inode_put(*out);
    return error;
}

static int tmpfs_create(struct inode *dir, struct dentry *dentry, uint32_t mode, struct inode **out)
{
    return make(dir, dentry, mode, 0, NULL, out);
}

static int tmpfs_mkdir(struct inode *dir, struct dentry *dentry, uint32_t mode, struct inode **out)
{
    int error = make(dir, dentry, mode, 0, NULL, out);
    if (!error)
        inode_set_nlink(dir, 1);
    return error;
}

static int tmpfs_mknod(struct inode *dir, struct dentry *dentry, uint32_t mode, uint64_t rdev,
                       struct inode **out)
{
    return make(dir, dentry, mode, rdev, NULL, out);
}

static int tmpfs_symlink(struct inode *dir, struct dentry *dentry, const char *target,
                         struct inode **out)
{
    return make(dir, dentry, S_IFLNK | 0777, 0, target, out);
}

static int tmpfs_tmpfile(struct inode *dir, uint32_t mode, struct inode **out)
{
    int error = tmpfs_inode_create(dir->sb, dir, mode, 0, NULL, out);
    if (!error)
        (*out)->nlink = 0;
    return error;
}

/* Each further name counts as an inode too, as its dentry takes memory just the same. The first name
 * of an O_TMPFILE has been counted with the inode. */
static int tmpfs_link(struct inode *dir, struct dentry *dentry, struct inode *inode)
{
    bool counted = inode->nlink > 0;
    if (counted && !tmpfs_inode_reserve(dir->sb))
        return -ENOSPC;
    int error = entry_add(dir, dentry);
    if (error) {
        if (counted)
            tmpfs_inode_release(dir->sb);
        return error;
    }
    inode_set_nlink(inode, 1);
    inode_touch(inode, false, false, true);
    return 0;
}

/* A name of a non-directory is gone. */
static void drop_link(struct inode *inode)
{
    if (inode->nlink > 1)
        tmpfs_inode_release(inode->sb);
    inode_set_nlink(inode, -1);
    inode_touch(inode, false, false, true);
}

static int tmpfs_unlink(struct inode *dir, struct dentry *dentry)
{
    struct inode *inode = dentry_inode(dentry);
    entry_remove(dir, dentry);
    drop_link(inode);
    return 0;
}

static int tmpfs_rmdir(struct inode *dir, struct dentry *dentry)
{
    struct inode *inode = dentry_inode(dentry);
    if (!xarray_empty(&tmpfs_dir_of(inode)->entries))
        return -ENOTEMPTY;
    entry_remove(dir, dentry);
    inode_set_nlink(dir, -1);
    inode_set_nlink(inode, -2);
    inode_touch(inode, false, false, true);
    return 0;
}

static void exchange(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
                     struct dentry *new)
{
    uint64_t offset = old->private_u64;
    /* Both offsets are taken, so nothing is allocated. */
    int error = xarray_set(&tmpfs_dir_of(old_dir)->entries, old->private_u64, new);
    error |= xarray_set(&tmpfs_dir_of(new_dir)->entries, new->private_u64, old);
    assert(error == 0);
    old->private_u64 = new->private_u64;
    new->private_u64 = offset;
    int old_is_dir = S_ISDIR(dentry_inode(old)->mode),
        new_is_dir = S_ISDIR(dentry_inode(new)->mode);
    if (old_dir != new_dir && old_is_dir != new_is_dir) {
        inode_set_nlink(old_dir, new_is_dir - old_is_dir);
        inode_set_nlink(new_dir, old_is_dir - new_is_dir);
    }
    dir_changed(old_dir, 0);
    dir_changed(new_dir, 0);
    inode_touch(dentry_inode(new), false, false, true);
}

/* The target of a rename goes. */
static void drop_target(struct inode *dir, struct dentry *target)
{
    struct inode *inode = dentry_inode(target);
    entry_remove(dir, target);
    if (!S_ISDIR(inode->mode)) {
        drop_link(inode);
        return;
    }
    inode_set_nlink(inode, -2);
    inode_set_nlink(dir, -1);
    inode_touch(inode, false, false, true);
}

static int tmpfs_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
                        struct dentry *new, unsigned flags)
{
    struct inode *inode = dentry_inode(old), *target = dentry_inode(new);
    if (flags & RENAME_EXCHANGE) {
        exchange(old_dir, old, new_dir, new);
        inode_touch(inode, false, false, true);
        return 0;
    }
    if (target && S_ISDIR(target->mode) && !xarray_empty(&tmpfs_dir_of(target)->entries))
        return -ENOTEMPTY;
    if (old_dir != new_dir) {
        /* The table of the new directory first: it may have to grow. */
        struct tmpfs_dir *entries = tmpfs_dir_of(new_dir);
        int error = xarray_set(&entries->entries, entries->next_offset, old);
        if (error)
            return error;
        xarray_erase(&tmpfs_dir_of(old_dir)->entries, old->private_u64);
        old->private_u64 = entries->next_offset++;
        dir_changed(old_dir, -1);
        dir_changed(new_dir, 1);
        if (S_ISDIR(inode->mode)) {
            inode_set_nlink(old_dir, -1);
            inode_set_nlink(new_dir, 1);
        }
    } else {
        dir_changed(old_dir, 0);
    }
    if (target)
        drop_target(new_dir, new);
    inode_touch(inode, false, false, true);
    return 0;
}

const struct inode_ops tmpfs_dir_inode_ops = {
    .lookup = tmpfs_lookup,
    .create = tmpfs_create,
    .mkdir = tmpfs_mkdir,
    .mknod = tmpfs_mknod,
    .symlink = tmpfs_symlink,
    .link = tmpfs_link,
    .unlink = tmpfs_unlink,
    .rmdir = tmpfs_rmdir,
    .rename = tmpfs_rename,
    .tmpfile = tmpfs_tmpfile,
    .getxattr = simple_xattr_get,
    .setxattr = simple_xattr_set,
    .listxattr = simple_xattr_list,
    .removexattr = simple_xattr_remove,
    .evict = tmpfs_evict,
};

static int tmpfs_iterate(struct file *file, struct dir_context *context)
{
    struct tmpfs_dir *dir = tmpfs_dir_of(file->inode);
    if (!dir_emit_dots(file, context))
        return 0;
    uint64_t offset = context->pos;
    struct dentry *dentry;
    xarray_for_each_from (&dir->entries, offset, dentry, context->pos) {
        const struct inode *inode = dentry_inode(dentry);
        if (!dir_emit(context, dentry->name, dentry->length, inode->ino,
                      DT_OF_MODE(inode_mode(inode)), offset + 1))
            break;
    }
    return 0;
}

static int64_t tmpfs_dir_seek(struct file *file, int64_t offset, int whence)
{
    if (whence != SEEK_SET && whence != SEEK_CUR)
        return -EINVAL;
    return generic_seek_size(file, offset, whence, 0);
}

static int dir_fsync(struct file *file, bool data_only)
{
    (void)file;
    (void)data_only;
    return 0;
}

const struct file_ops tmpfs_dir_ops = {
    .iterate = tmpfs_iterate,
    .seek = tmpfs_dir_seek,
    .fsync = dir_fsync,
    .ioctl = tmpfs_ioctl,
};

/* ---- building trees from the inside ---- */

int tmpfs_find(struct dentry *dir, const char *name, size_t length, struct dentry **out)
{
    struct inode *inode = dentry_inode(dir);
    if (!S_ISDIR(inode->mode))
        return -ENOTDIR;
    mutex_lock(&inode->mutex);
    int error = walk_lookup_locked(dir, name, length, out);
    mutex_unlock(&inode->mutex);
    if (!error && !dentry_inode(*out)) {
        dentry_put(*out);
        return -ENOENT;
    }
    return error;
}

static int add_locked(struct dentry *dir, struct dentry *dentry, uint32_t mode, uint64_t rdev,
                      const char *target)
{
    struct inode *inode, *dir_inode = dentry_inode(dir);
    if (dentry_inode(dentry))
        return -EEXIST;
    int error = make(dir_inode, dentry, mode, rdev, target, &inode);
    if (error)
        return error;
    inode->uid = inode->gid = 0;
    if (S_ISDIR(mode))
        inode_set_nlink(dir_inode, 1);
    dentry_instantiate(dentry, inode);
    return 0;
}

int tmpfs_add(struct dentry *dir, const char *name, size_t length, uint32_t mode, uint64_t rdev,
              const char *target, struct dentry **out)
{
    struct inode *dir_inode = dentry_inode(dir);
    struct dentry *dentry;
    if (!S_ISDIR(dir_inode->mode))
        return -ENOTDIR;
    mutex_lock(&dir_inode->mutex);
    int error = walk_lookup_locked(dir, name, length, &dentry);
    if (!error) {
        error = add_locked(dir, dentry, mode, rdev, target);
        if (error || !out)
            dentry_put(dentry);
        else
            *out = dentry;
    }
    mutex_unlock(&dir_inode->mutex);
    return error;
}

static int remove_locked(struct inode *dir, struct dentry *dentry)
{
    struct inode *inode = dentry_inode(dentry);
    if (!inode)
        return -ENOENT;
    if (atomic_load_acquire(&dentry->mounts))
        return -EBUSY;
    if (!S_ISDIR(inode->mode))
        return tmpfs_unlink(dir, dentry);
    mutex_lock_nested(&inode->mutex);
    int error = tmpfs_rmdir(dir, dentry);
    if (!error)
        atomic_fetch_or_relaxed(&inode->flags, INODE_DEAD);
    mutex_unlock(&inode->mutex);
    return error;
}

int tmpfs_remove(struct dentry *dir, const char *name, size_t length)
{
    struct inode *dir_inode = dentry_inode(dir);
    struct dentry *dentry;
    mutex_lock(&dir_inode->mutex);
    int error = walk_lookup_locked(dir, name, length, &dentry);
    if (!error) {
        error = remove_locked(dir_inode, dentry);
        if (!error) {
            dentry_forget_children(dentry);
            dentry_delete(dentry);
        }
        dentry_put(dentry);
    }
    mutex_unlock(&dir_inode->mutex);
    return error;
}
