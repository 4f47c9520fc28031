/* SPDX-License-Identifier: MIT
 *
 * Bringing the virtual file system up: its state, caches, the initial root and /dev.
 */
#include "kernel/core/init.h"
#include "kernel/fs/block_file.h"
#include "kernel/fs/vfs_internal.h"

static int create_caches(struct vfs_state *vfs)
{
    vfs->inodes = slab_cache_create("inode", sizeof(struct inode), 0);
    vfs->dentries = slab_cache_create("dentry", sizeof(struct dentry), 0);
    vfs->files = slab_cache_create("file", sizeof(struct file), 0);
    return vfs->inodes && vfs->dentries && vfs->files ? 0 : -ENOMEM;
}

static void init_state(struct vfs_state *vfs, struct kernel *kernel)
{
    vfs->kernel = kernel;
    mutex_init(&vfs->rename_mutex, LOCK_RANK_RENAME);
    spin_lock_init(&vfs->lock, LOCK_RANK_MOUNT);
    list_init(&vfs->superblocks);
    list_init(&vfs->contexts);
    spin_lock_init(&vfs->locks_lock, LOCK_RANK_OBJECT);
    vfs->lease_break_seconds = 45;
    list_init(&vfs->lock_waiters);
    list_init(&vfs->lock_inodes);
}

int vfs_init(struct kernel *kernel)
{
    struct vfs_state *vfs = kzalloc(sizeof(*vfs));
    if (!vfs)
        return -ENOMEM;
    kernel->vfs = vfs;
    init_state(vfs, kernel);
    int error = create_caches(vfs);
    if (!error)
        error = dcache_init(kernel);
    if (!error)
        error = mount_init(kernel);
    if (!error)
        error = anon_init(kernel);
    if (!error)
        error = tmpfs_init(kernel);
    if (!error)
        error = mount_namespace_init(kernel);
    if (!error)
        error = nsfs_init(kernel);
    if (error)
        return error;
    error = devtmpfs_init(kernel);
    if (!error)
        error = memory_devices_init(kernel);
    return error ? error : block_files_init(kernel);
}

int vfs_mount(struct kernel *kernel, const char *source, const char *target, const char *type,
              unsigned flags, const char *options)
{
    const struct filesystem *filesystem = vfs_find_filesystem(kernel, type);
    if (!filesystem)
        return -ENODEV;
    struct path at;
    int error = path_walk(NULL, target, WALK_FOLLOW, &at);
    if (error)
        return error;
    error = mount_attach_new(kernel, filesystem, source, flags, options, &at);
    path_put(&at);
    return error;
}
