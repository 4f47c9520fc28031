/* SPDX-License-Identifier: MIT
 *
 * Reading directories; getdents(2).
 */
#include "kernel/abi/dirent.h"
#include "kernel/abi/fanotify.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs_internal.h"

bool dir_emit(struct dir_context *context, const char *name, size_t length, uint64_t ino,
              unsigned type, uint64_t next_pos)
{
    if (context->emit(context, name, length, ino, type, next_pos))
        return false;
    context->pos = next_pos;
    return true;
}

bool dir_emit_dots(struct file *file, struct dir_context *context)
{
    if (context->pos == 0 && !dir_emit(context, ".", 1, file->inode->ino, DT_DIR, 1))
        return false;
    if (context->pos == 1) {
        struct dentry *parent = dentry_parent(file->path.dentry);
        uint64_t ino = dentry_inode(parent)->ino;
        dentry_put(parent);
        return dir_emit(context, "..", 2, ino, DT_DIR, 2);
    }
    return true;
}

int vfs_iterate(struct file *file, struct dir_context *context)
{
    struct inode *inode = file->inode;
    if (!file->ops->iterate)
        return -ENOTDIR;
    int error = fs_notify_permission(file, FAN_ACCESS_PERM);
    if (unlikely(error))
        return error;
    bool shared = atomic_load_acquire(&file->refs) > 1;
    if (shared)
        mutex_lock(&file->pos_mutex);
    mutex_lock(&inode->mutex);
    error = -ENOENT;
    if (!(atomic_load_relaxed(&inode->flags) & INODE_DEAD)) {
        context->pos = file->pos;
        error = file->ops->iterate(file, context);
        file->pos = context->pos;
        fs_notify_file(file, IN_ACCESS);
        path_accessed(&file->path, file->flags);
    }
    mutex_unlock(&inode->mutex);
    if (shared)
        mutex_unlock(&file->pos_mutex);
    return error;
}
