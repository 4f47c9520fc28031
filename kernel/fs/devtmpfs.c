/* SPDX-License-Identifier: MIT
 *
 * devtmpfs: one tmpfs where drivers put their nodes, shown wherever it is mounted.
 *
 * The superblock exists from boot, before anything mounts it.
 */
#include "kernel/fs/device.h"
#include "kernel/fs/tmpfs.h"
#include "kernel/fs/vfs_internal.h"

static int devtmpfs_mount(struct kernel *kernel, const struct filesystem *type, const char *source,
                          unsigned flags, const char *options, struct superblock **out)
{
    (void)type;
    (void)source;
    (void)flags;
    (void)options;
    *out = superblock_get(kernel->vfs->devtmpfs);
    return 0;
}

static const struct filesystem devtmpfs_type = {
    .name = "devtmpfs", .magic = TMPFS_MAGIC, .mount = devtmpfs_mount};

int devtmpfs_init(struct kernel *kernel)
{
    int error = tmpfs_superblock_create(kernel, &devtmpfs_type, NULL, &kernel->vfs->devtmpfs);
    if (error)
        return error;
    kstrlcpy(kernel->vfs->devtmpfs->source, "devtmpfs", sizeof(kernel->vfs->devtmpfs->source));
    return vfs_register_filesystem(kernel, &devtmpfs_type);
}

/* The directory that the last component of name is in, referenced; directories on the way are made
 * if `create`. */
static int find_parent(struct kernel *kernel, const char *name, bool create, struct dentry **out,
                       const char **out_last)
{
    struct dentry *dir = dentry_get(kernel->vfs->devtmpfs->root);
    const char *slash;
    while ((slash = kstrchr(name, '/'))) {
        size_t length = (size_t)(slash - name);
        struct dentry *child;
        int error = tmpfs_find(dir, name, length, &child);
        if (error == -ENOENT && create)
            error = tmpfs_add(dir, name, length, S_IFDIR | 0755, 0, NULL, &child);
        dentry_put(dir);
        if (error)
            return error;
        dir = child;
        name = slash + 1;
    }
    *out = dir;
    *out_last = name;
    return 0;
}

int devtmpfs_create_node(struct kernel *kernel, const char *name, uint32_t mode, uint64_t rdev)
{
    struct dentry *dir;
    int error = find_parent(kernel, name, true, &dir, &name);
    if (error)
        return error;
    error = tmpfs_add(dir, name, kstrlen(name), mode, rdev, NULL, NULL);
    dentry_put(dir);
    return error;
}

int devtmpfs_remove_node(struct kernel *kernel, const char *name)
{
    struct dentry *dir;
    int error = find_parent(kernel, name, false, &dir, &name);
    if (error)
        return error;
    error = tmpfs_remove(dir, name, kstrlen(name));
    dentry_put(dir);
    return error;
}
