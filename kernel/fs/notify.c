/* SPDX-License-Identifier: MIT
 *
 * Telling a listener what happens to files; inotify(7), fanotify(7). See notify.h.
 */
#include "kernel/fs/notify.h"

#include "kernel/abi/fanotify.h"
#include "kernel/fs/vfs_internal.h"

void fs_notify_listen(struct kernel *kernel, const struct fs_notify_ops *ops, uint32_t interest)
{
    atomic_store_release(&kernel->vfs->notify, ops);
    atomic_store_release(&kernel->vfs->notify_interest, interest);
}

static bool wanted(uint32_t mask)
{
    return unlikely((atomic_load_relaxed(&this_vfs()->notify_interest) & mask & ~IN_ISDIR) != 0);
}

static void tell(const struct fs_event *event)
{
    atomic_load_acquire(&this_vfs()->notify)->event(this_kernel(), event);
}

void fs_notify(struct inode *dir, const char *name, struct inode *inode, uint32_t mask,
               uint32_t cookie)
{
    if (!wanted(mask))
        return;
    const struct fs_event event = {
        .dir = dir, .name = name, .inode = inode, .mask = mask, .cookie = cookie};
    tell(&event);
}

/* The event with the dentry's parent and its name as they are now. */
static void tell_dentry(struct dentry *dentry, const struct path *path, uint32_t mask)
{
    struct vfs_state *vfs = this_vfs();
    struct inode *inode = dentry_inode(dentry);
    char name[VFS_NAME_MAX + 1];
    if (!inode)
        return;
    if (S_ISDIR(inode_mode(inode)))
        mask |= IN_ISDIR;
    spin_lock(&vfs->tree_lock);
    struct dentry *parent = dentry_get(dentry->parent);
    memcpy(name, dentry->name, MIN(dentry->length, (uint16_t)VFS_NAME_MAX));
    name[MIN(dentry->length, (uint16_t)VFS_NAME_MAX)] = 0;
    spin_unlock(&vfs->tree_lock);
    bool named = parent != dentry;
    const struct fs_event event = {
        .dir = named ? dentry_inode(parent) : NULL,
        .name = named ? name : NULL,
        .inode = inode,
        .path = path,
        .mask = mask,
        .unlinked = dentry_is_unlinked(dentry),
    };
    tell(&event);
    dentry_put(parent);
}

void fs_notify_dentry(struct dentry *dentry, uint32_t mask)
{
    if (wanted(mask))
        tell_dentry(dentry, NULL, mask);
}

void fs_notify_path(const struct path *path, uint32_t mask)
{
    if (wanted(mask))
        tell_dentry(path->dentry, path, mask);
}

void fs_notify_file(struct file *file, uint32_t mask)
{
    if (wanted(mask) && !(atomic_load_relaxed(&file->mode) & FILE_NO_NOTIFY))
        tell_dentry(file->path.dentry, &file->path, mask);
}

int fs_notify_permission(struct file *file, uint32_t mask)
{
    if (!wanted(mask) || (atomic_load_relaxed(&file->mode) & FILE_NO_NOTIFY))
        return 0;
    return atomic_load_acquire(&this_vfs()->notify)->permission(file, mask);
}

void fs_notify_inode_removed(struct inode *inode)
{
    const struct fs_notify_ops *ops = atomic_load_acquire(&inode->sb->kernel->vfs->notify);
    if (ops)
        ops->inode_removed(inode);
}

void fs_notify_file_closed(struct file *file, struct file_table *table)
{
    const struct fs_notify_ops *ops = atomic_load_acquire(&file->kernel->vfs->notify);
    if (ops)
        ops->file_closed(file, table);
}

void fs_notify_superblock_gone(struct superblock *sb)
{
    const struct fs_notify_ops *ops = atomic_load_acquire(&sb->kernel->vfs->notify);
    if (unlikely(ops != NULL))
        ops->superblock_gone(sb);
}

void fs_notify_mount_gone(struct mount *mount)
{
    const struct fs_notify_ops *ops = atomic_load_acquire(&mount->kernel->vfs->notify);
    if (unlikely(ops != NULL))
        ops->mount_gone(mount);
}

void fs_notify_renamed(struct inode *old_dir, const char *old_name, struct inode *new_dir,
                       const char *new_name, struct inode *inode, struct inode *target)
{
    struct vfs_state *vfs = this_vfs();
    if (!wanted(IN_MOVE | IN_MOVE_SELF | IN_ATTRIB | FAN_RENAME))
        return;
    uint32_t cookie = (uint32_t)atomic_add_fetch_relaxed(&vfs->notify_cookie, 1);
    uint32_t is_dir = S_ISDIR(inode_mode(inode)) ? IN_ISDIR : 0;
    const struct fs_event rename = {
        .dir = old_dir,
        .name = old_name,
        .inode = inode,
        .mask = FAN_RENAME | is_dir,
        .new_dir = new_dir,
        .new_name = new_name,
    };
    if (wanted(FAN_RENAME))
        tell(&rename);
    fs_notify(old_dir, old_name, inode, IN_MOVED_FROM | is_dir, cookie);
    fs_notify(new_dir, new_name, inode, IN_MOVED_TO | is_dir, cookie);
    if (target)
        fs_notify(NULL, NULL, target, IN_ATTRIB | (S_ISDIR(inode_mode(target)) ? IN_ISDIR : 0), 0);
    fs_notify(NULL, NULL, inode, IN_MOVE_SELF | is_dir, 0);
}
