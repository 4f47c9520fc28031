/* SPDX-License-Identifier: MIT
 *
 * nsfs: a file for each namespace, namespaces(7), ioctl_ns(2).
 *
 * An inode holds its namespace and has its number; there may be several inodes of one namespace,
 * which nobody can tell apart.
 */
#include "kernel/fs/nsfs.h"

#include "kernel/abi/ioctl.h"
#include "kernel/abi/sched.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/open_internal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/user_namespace.h"

static int64_t nsfs_ioctl(struct file *file, uint32_t command, uint64_t argument);

static int nsfs_statfs(struct superblock *sb, struct linux_statfs *out)
{
    (void)sb;
    out->f_type = NSFS_MAGIC;
    out->f_bsize = PAGE_SIZE;
    out->f_namelen = VFS_NAME_MAX;
    return 0;
}

static void nsfs_evict(struct inode *inode)
{
    namespace_put(inode->private);
}

static int nsfs_setattr(struct inode *inode, const struct attr_change *change)
{
    (void)inode;
    (void)change;
    return -EPERM;
}

static const struct filesystem nsfs_type = {.name = "nsfs", .magic = NSFS_MAGIC};
static const struct superblock_ops nsfs_sb_ops = {.statfs = nsfs_statfs};
static const struct inode_ops nsfs_inode_ops = {.evict = nsfs_evict, .setattr = nsfs_setattr};
/* Not seekable, but calls that bring a position find that there is nothing to read. */
static int64_t nsfs_seek(struct file *file, int64_t offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    return -ESPIPE;
}

static const struct file_ops nsfs_file_ops = {.ioctl = nsfs_ioctl, .seek = nsfs_seek};

/* The object that stands for the initial user namespace, which is NULL everywhere else. */
static void free_initial(struct ns_common *ns)
{
    kfree(container_of(ns, struct user_namespace, common));
}

int nsfs_init(struct kernel *kernel)
{
    static const struct ns_ops user_ops = {
        .name = "user", .type = CLONE_NEWUSER, .free = free_initial};
    struct superblock *sb;
    struct inode *root;
    kernel->user_ns = kzalloc(sizeof(*kernel->user_ns));
    if (!kernel->user_ns)
        return -ENOMEM;
    namespace_init(&kernel->user_ns->common, kernel, &user_ops, NAMESPACE_NUMBER_USER, NULL);
    int error = superblock_create(kernel, &nsfs_type, &nsfs_sb_ops, &sb);
    if (error)
        return error;
    error = inode_create(sb, NULL, S_IFDIR | 0700, &root);
    if (!error)
        error = dentry_create_root(sb, root);
    if (!error)
        error = mount_create(kernel, sb, sb->root, 0, &kernel->vfs->nsfs_mount);
    superblock_put(sb);
    return error;
}

int nsfs_path(struct ns_common *ns, struct path *out)
{
    struct mount *mount = ns->kernel->vfs->nsfs_mount;
    struct inode *inode;
    int error = inode_create(mount->sb, NULL, S_IFREG | 0444, &inode);
    if (error) {
        namespace_put(ns);
        return error;
    }
    inode->ino = ns->number;
    inode->uid = inode->gid = 0;
    inode->flags |= INODE_IMMUTABLE;
    inode->private = ns;
    inode->ops = &nsfs_inode_ops;
    inode->file_ops = &nsfs_file_ops;
    out->dentry = dentry_alloc_anon(mount->sb, ns->ops->name, inode);
    if (!out->dentry) {
        inode_put(inode);
        return -ENOMEM;
    }
    out->mount = mount_get(mount);
    return 0;
}

struct ns_common *nsfs_namespace(struct file *file)
{
    return file->ops == &nsfs_file_ops ? file->inode->private : NULL;
}

struct ns_common *nsfs_user_namespace(struct kernel *kernel, struct user_namespace *ns)
{
    return namespace_get(ns ? &ns->common : &kernel->user_ns->common);
}

int64_t nsfs_open(struct ns_common *ns)
{
    struct path path;
    struct file *file;
    int error = nsfs_path(ns, &path);
    if (error)
        return error;
    error = vfs_open_path(&path, O_RDONLY, &file);
    path_put(&path);
    return error ? error : fd_add(file, true);
}

/* The user namespace that owns this one; the caller must be in it or above. */
static int64_t open_owner(struct ns_common *ns, struct user_namespace *owner)
{
    if (ns == &ns->kernel->user_ns->common ||
        !user_namespace_is_below(owner, current_user_namespace()))
        return -EPERM;
    return nsfs_open(nsfs_user_namespace(ns->kernel, owner));
}

static int64_t open_parent(struct ns_common *ns)
{
    struct ns_common *parent;
    if (ns->ops->type == CLONE_NEWUSER)
        return open_owner(ns, ns->owner);
    if (!ns->ops->parent)
        return -EINVAL;
    parent = ns->ops->parent(ns);
    return parent ? nsfs_open(parent) : -EPERM;
}

static int64_t put_owner_uid(struct ns_common *ns, uint64_t uaddr)
{
    const struct user_namespace *user;
    if (ns->ops->type != CLONE_NEWUSER)
        return -EINVAL;
    user = container_of(ns, struct user_namespace, common);
    return put_user_u32(uaddr, current_uid_shown(user->owner));
}

static int64_t nsfs_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    struct ns_common *ns = file->inode->private;
    switch (command) {
    case NS_GET_USERNS:
        return open_owner(ns, ns->owner);
    case NS_GET_PARENT:
        return open_parent(ns);
    case NS_GET_NSTYPE:
        return ns->ops->type;
    case NS_GET_OWNER_UID:
        return put_owner_uid(ns, argument);
    default:
        return -ENOTTY;
    }
}
