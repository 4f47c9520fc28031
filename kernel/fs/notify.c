/* SPDX-License-Identifier: MIT
 *
 * Telling a listener what happens to files; inotify(7). See notify.h.
 */
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs_internal.h"

void fs_notify_set_ops(struct kernel *kernel, const struct fs_notify_ops *ops)
{
    atomic_store_release(&kernel->vfs->notify, ops);
}

static const struct fs_notify_ops *listener(void)
{
    return atomic_load_acquire(&this_vfs()->notify);
}

void fs_notify(struct inode *dir, const char *name, struct inode *inode, uint32_t mask,
               uint32_t cookie)
{
    const struct fs_notify_ops *ops = listener();
    if (unlikely(ops != NULL))
        ops->event(this_kernel(), dir, name, inode, mask, cookie);
}

void fs_notify_dentry(struct dentry *dentry, uint32_t mask)
{
    const struct fs_notify_ops *ops = listener();
    if (likely(!ops))
        return;
    struct inode *inode = dentry_inode(dentry);
    struct vfs_state *vfs = this_vfs();
    char name[VFS_NAME_MAX + 1];
    if (S_ISDIR(inode_mode(inode)))
        mask |= IN_ISDIR;
    spin_lock(&vfs->tree_lock);
    struct dentry *parent = dentry_get(dentry->parent);
    memcpy(name, dentry->name, dentry->length + 1u);
    spin_unlock(&vfs->tree_lock);
    bool named = parent != dentry && !dentry_is_unlinked(dentry);
    ops->event(this_kernel(), named ? dentry_inode(parent) : NULL, named ? name : NULL, inode, mask,
               0);
    dentry_put(parent);
}

void fs_notify_file(struct file *file, uint32_t mask)
{
    if (unlikely(listener() != NULL))
        fs_notify_dentry(file->path.dentry, mask);
}

void fs_notify_inode_gone(struct inode *inode)
{
    const struct fs_notify_ops *ops = listener();
    if (unlikely(ops != NULL) && inode->marks)
        ops->inode_gone(inode);
}
