/* SPDX-License-Identifier: MIT
 *
 * Superblocks: one mounted instance of a file system, shown by any number of mounts.
 *
 * Each mount holds a reference; the last put takes the dentry tree down, which evicts every inode,
 * and then tells the file system (ops->unmount).
 */
#include "kernel/drivers/block_cache.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs_internal.h"

int superblock_create(struct kernel *kernel, const struct filesystem *type,
                      const struct superblock_ops *ops, struct superblock **out)
{
    struct vfs_state *vfs = kernel->vfs;
    struct superblock *sb = kzalloc(sizeof(*sb));
    if (!sb)
        return -ENOMEM;
    sb->refs = 1;
    sb->kernel = kernel;
    sb->type = type;
    sb->ops = ops;
    sb->next_ino = 1;
    sb->block_size = PAGE_SIZE;
    sb->max_bytes = INT64_MAX;
    spin_lock_init(&sb->lock, LOCK_RANK_INODE_STATE);
    list_init(&sb->inodes);
    spin_lock(&vfs->lock);
    vfs->next_dev_minor++;
    sb->dev = MAKE_DEV(0, vfs->next_dev_minor);
    list_add_tail(&vfs->superblocks, &sb->node);
    spin_unlock(&vfs->lock);
    *out = sb;
    return 0;
}

struct superblock *superblock_get(struct superblock *sb)
{
    uint32_t old = atomic_fetch_add_relaxed(&sb->refs, 1);
    assert(old > 0);
    return sb;
}

void superblock_put(struct superblock *sb)
{
    if (atomic_sub_fetch_acq_rel(&sb->refs, 1) != 0)
        return;
    struct vfs_state *vfs = sb->kernel->vfs;
    spin_lock(&vfs->lock);
    list_remove(&sb->node);
    spin_unlock(&vfs->lock);
    fs_notify_superblock_gone(sb);
    if (sb->root)
        dentry_tree_destroy(sb->root);
    assert(list_empty(&sb->inodes));
    if (sb->ops && sb->ops->unmount)
        sb->ops->unmount(sb);
    kfree(sb);
}

bool superblock_is_readonly(const struct superblock *sb)
{
    return atomic_load_relaxed(&sb->flags) & MS_RDONLY;
}

/* The next superblock after `previous` (NULL: the first) with a reference; drops the one on it. */
static struct superblock *superblock_next(struct vfs_state *vfs, struct superblock *previous)
{
    struct superblock *found = NULL, *sb;
    bool seen = previous == NULL;
    spin_lock(&vfs->lock);
    list_for_each_entry (sb, &vfs->superblocks, node) {
        uint32_t refs = atomic_load_relaxed(&sb->refs);
        if (seen && refs > 0 && atomic_cmpxchg_acquire(&sb->refs, &refs, refs + 1)) {
            found = sb;
            break;
        }
        if (sb == previous)
            seen = true;
    }
    spin_unlock(&vfs->lock);
    if (previous)
        superblock_put(previous);
    return found;
}

int vfs_sync_superblock(struct superblock *sb)
{
    return sb->ops && sb->ops->sync ? sb->ops->sync(sb) : 0;
}

void vfs_sync_all(struct kernel *kernel)
{
    struct superblock *sb = NULL;
    while ((sb = superblock_next(kernel->vfs, sb)))
        vfs_sync_superblock(sb);
    if (kernel->drivers)
        block_sync_all(kernel);
}

struct superblock *superblock_find_dev(struct kernel *kernel, uint64_t dev)
{
    struct superblock *sb = NULL;
    while ((sb = superblock_next(kernel->vfs, sb)))
        if (sb->dev == dev)
            return sb;
    return NULL;
}
