/* SPDX-License-Identifier: MIT
 *
 * Files without a name: pipes, sockets, eventfds; pipe(7), and what /proc/PID/fd shows for them.
 *
 * They live on an internal mount. Objects without a mode of their own share one inode, as nothing
 * but the open file tells them apart; pipes and sockets have an inode each.
 */
#include "kernel/fs/open_internal.h"

static const struct filesystem anon_type = {
    .name = "anon_inodefs",
    .magic = ANON_INODE_FS_MAGIC,
};

static int anon_statfs(struct superblock *sb, struct linux_statfs *out)
{
    (void)sb;
    out->f_type = ANON_INODE_FS_MAGIC;
    out->f_bsize = PAGE_SIZE;
    out->f_namelen = VFS_NAME_MAX;
    return 0;
}

static const struct superblock_ops anon_sb_ops = {.statfs = anon_statfs};

int anon_init(struct kernel *kernel)
{
    struct superblock *sb;
    struct inode *root;
    int error = superblock_create(kernel, &anon_type, &anon_sb_ops, &sb);
    if (error)
        return error;
    error = inode_create(sb, NULL, S_IFDIR | 0700, &root);
    if (!error)
        error = dentry_create_root(sb, root);
    if (!error)
        error = inode_create(sb, NULL, 0600, &kernel->vfs->anon_inode);
    if (!error)
        error = mount_create(kernel, sb, sb->root, 0, &kernel->vfs->anon_mount);
    superblock_put(sb);
    return error;
}

static int open_on(struct kernel *kernel, const struct path *path, const struct file_ops *ops,
                   void *private, uint32_t flags, struct file **out)
{
    static const uint8_t modes[4] = {FILE_READ, FILE_WRITE, FILE_READ | FILE_WRITE, 0};
    struct file *file;
    int error = file_alloc(kernel, flags & ~(uint32_t)O_CLOEXEC, &file);
    if (error)
        return error;
    file->path = *path;
    path_get(path);
    file->inode = dentry_inode(path->dentry);
    file->mode = modes[flags & O_ACCMODE] | (ops->seek ? FILE_SEEK | FILE_NO_POSITION : FILE_STREAM);
    file->ops = ops;
    file->private = private;
    *out = file;
    return 0;
}

int file_create_anon(struct kernel *kernel, const char *name, const struct file_ops *ops,
                     void *private, uint32_t flags, uint32_t inode_mode, struct file **out)
{
    struct vfs_state *vfs = kernel->vfs;
    struct superblock *sb = vfs->anon_mount->sb;
    struct inode *inode;
    if (inode_mode & S_IFMT) {
        if (!(inode_mode & 07777))
            inode_mode |= S_ISSOCK(inode_mode) ? 0777 : 0600;
        int error = inode_create(sb, NULL, inode_mode, &inode);
        if (error)
            return error;
    } else {
        inode = inode_get(vfs->anon_inode);
    }
    struct path path = {.mount = vfs->anon_mount};
    path.dentry = dentry_alloc_anon(sb, name, inode);
    if (!path.dentry) {
        inode_put(inode);
        return -ENOMEM;
    }
    int error = open_on(kernel, &path, ops, private, flags, out);
    dentry_put(path.dentry);
    return error;
}

int file_create_anon_peer(struct file *of, const struct file_ops *ops, void *private,
                          uint32_t flags, struct file **out)
{
    return open_on(of->kernel, &of->path, ops, private, flags, out);
}
