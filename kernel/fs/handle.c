/* SPDX-License-Identifier: MIT
 *
 * File handles of the file systems in memory, name_to_handle_at(2).
 *
 * A handle is the inode number, which no later inode of the superblock gets again. To find it, the
 * tree of names is searched: all of it is in memory. Directories are not renamed meanwhile.
 */
#include "kernel/fs/handle.h"

#include "kernel/fs/dcache_internal.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/vfs_internal.h"

static bool has_handles(const struct superblock *sb)
{
    return sb->type->magic == TMPFS_MAGIC;
}

int file_handle_encode(const struct path *path, uint32_t out[FILE_HANDLE_WORDS])
{
    const struct inode *inode = dentry_inode(path->dentry);
    if (!has_handles(inode->sb))
        return -EOPNOTSUPP;
    out[0] = 0; /* generation */
    out[1] = (uint32_t)inode->ino;
    out[2] = (uint32_t)(inode->ino >> 32);
    return 0;
}

/* The child after `after` (NULL: the first), referenced. */
static struct dentry *next_child(struct dentry *parent, struct dentry *after)
{
    struct dentry *child;
    bool passed = after == NULL;
    spin_lock(&parent->lock);
    list_for_each_entry(child, &parent->children, sibling_node)
    {
        if (passed && dentry_inode(child) && dentry_try_get(child)) {
            spin_unlock(&parent->lock);
            return child;
        }
        passed = passed || child == after;
    }
    spin_unlock(&parent->lock);
    return NULL;
}

/* Preorder; consumes the reference on `at` and gives one on the result. */
static struct dentry *next_below(struct dentry *at, struct dentry *top)
{
    struct dentry *next = next_child(at, NULL);
    while (!next && at != top) {
        struct dentry *parent = dentry_get(at->parent);
        next = next_child(parent, at);
        dentry_put(at);
        at = parent;
    }
    dentry_put(at);
    return next;
}

int file_handle_decode(struct mount *mount, const uint32_t handle[FILE_HANDLE_WORDS],
                       struct path *out)
{
    struct vfs_state *vfs = mount->kernel->vfs;
    uint64_t ino = handle[1] | (uint64_t)handle[2] << 32;
    struct dentry *top = mount->sb->root, *dentry;
    if (!has_handles(mount->sb) || handle[0] != 0)
        return -ESTALE;
    mutex_lock(&vfs->rename_mutex);
    for (dentry = dentry_get(top); dentry; dentry = next_below(dentry, top)) {
        struct inode *inode = dentry_inode(dentry);
        if (inode && inode->ino == ino)
            break;
    }
    mutex_unlock(&vfs->rename_mutex);
    if (!dentry)
        return -ESTALE;
    out->mount = mount_get(mount);
    out->dentry = dentry;
    return 0;
}
