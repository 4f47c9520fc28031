/* SPDX-License-Identifier: MIT
 *
 * Extended attributes: who may touch which, xattr(7). The file system stores them.
 */
#include "kernel/fs/xattr.h"

#include "kernel/abi/capability.h"
#include "kernel/fs/acl.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs_internal.h"

static int check_user(struct inode *inode, bool write)
{
    uint32_t mode = inode_mode(inode);
    if (!S_ISREG(mode) && !S_ISDIR(mode))
        return write ? -EPERM : -ENODATA;
    if (S_ISDIR(mode) && (mode & S_ISVTX) && write && !inode_owner_or_capable(inode))
        return -EPERM;
    return 0;
}

static int check_namespace(struct inode *inode, const char *name, bool write)
{
    if (kstr_starts_with(name, "security.")) {
        if (!write)
            return 0;
        return capable(kstr_equal(name, "security.capability") ? CAP_SETFCAP : CAP_SYS_ADMIN)
                   ? 0
                   : -EPERM;
    }
    if (kstr_starts_with(name, "trusted.")) {
        if (capable(CAP_SYS_ADMIN))
            return 0;
        return write ? -EPERM : -ENODATA;
    }
    if (kstr_starts_with(name, "system.")) {
        enum acl_type type;
        return acl_type_of(name, &type) ? 0 : -EOPNOTSUPP;
    }
    bool user = kstr_starts_with(name, "user.");
    int error = user ? check_user(inode, write) : 0;
    if (!error)
        error = inode_permission(inode, write ? MAY_WRITE : MAY_READ);
    return error ? error : user ? 0 : -EOPNOTSUPP;
}

/* A namespace without a name in it. */
static bool is_bare_prefix(const char *name)
{
    return kstr_equal(name, "user.") || kstr_equal(name, "trusted.") ||
           kstr_equal(name, "security.");
}

static int check_access(const struct path *path, const char *name, bool write)
{
    struct inode *inode = dentry_inode(path->dentry);
    size_t length = kstrlen(name);
    if (length == 0 || length > XATTR_NAME_MAX)
        return -ERANGE;
    if (write) {
        int error = mount_want_write(path->mount);
        if (error)
            return error;
        if (atomic_load_relaxed(&inode->flags) & (INODE_IMMUTABLE | INODE_APPEND))
            return -EPERM;
    }
    int error = check_namespace(inode, name, write);
    return !error && is_bare_prefix(name) ? -EINVAL : error;
}

/* Sockets have one attribute that nobody set: the name of their protocol. */
static const char socket_name[] = "system.sockprotoname";

static bool is_socket(const struct path *path)
{
    const struct inode *inode = dentry_inode(path->dentry);
    return S_ISSOCK(inode_mode(inode)) && path->mount == path->mount->kernel->vfs->anon_mount;
}

static int64_t put_text(void *buffer, size_t bytes, const char *text, size_t length)
{
    if (bytes && bytes < length)
        return -ERANGE;
    if (bytes)
        memcpy(buffer, text, length);
    return (int64_t)length;
}

int64_t vfs_getxattr(const struct path *path, const char *name, void *value, size_t bytes)
{
    struct inode *inode = dentry_inode(path->dentry);
    int error = check_access(path, name, false);
    if (error)
        return error;
    enum acl_type type;
    if (acl_type_of(name, &type))
        return acl_get_xattr(inode, type, value, bytes);
    if (!inode->ops || !inode->ops->getxattr)
        return -EOPNOTSUPP;
    return inode->ops->getxattr(inode, name, value, bytes);
}

/* File capabilities come in two lengths, each with its revision. */
static int check_capability_value(const struct inode *inode, const void *value, size_t bytes)
{
    enum { BYTES_2 = 20, BYTES_3 = 24 };
    uint32_t magic;
    if (bytes != BYTES_2 && bytes != BYTES_3)
        return -EINVAL;
    memcpy(&magic, value, sizeof(magic));
    magic &= VFS_CAP_REVISION_MASK;
    if (!S_ISREG(inode_mode(inode)))
        return 0;
    return magic == (bytes == BYTES_2 ? VFS_CAP_REVISION_2 : VFS_CAP_REVISION_3) ? 0 : -EINVAL;
}

/* Set an attribute that the caller may set, or remove it if value is NULL. inode->mutex is held. */
static int store(struct inode *inode, const char *name, const void *value, size_t bytes, int flags)
{
    enum acl_type type;
    if (acl_type_of(name, &type))
        return acl_set_xattr(inode, type, value, bytes);
    const struct inode_ops *ops = inode->ops;
    if (!ops || (value ? !ops->setxattr : !ops->removexattr))
        return -EOPNOTSUPP;
    return value ? ops->setxattr(inode, name, value, bytes, flags) : ops->removexattr(inode, name);
}

int vfs_setxattr(const struct path *path, const char *name, const void *value, size_t bytes,
                 int flags)
{
    struct inode *inode = dentry_inode(path->dentry);
    if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
        return -EINVAL;
    if (bytes > XATTR_SIZE_MAX)
        return -E2BIG;
    int error = 0;
    if (kstr_equal(name, "security.capability")) { /* before the right to set any */
        error = mount_want_write(path->mount);
        if (!error)
            error = check_capability_value(inode, value, bytes);
    }
    if (!error)
        error = check_access(path, name, true);
    if (error)
        return error;
    mutex_lock(&inode->mutex);
    error = store(inode, name, value ? value : "", bytes, flags);
    mutex_unlock(&inode->mutex);
    if (!error)
        fs_notify_path(path, IN_ATTRIB);
    return error;
}

int64_t vfs_listxattr(const struct path *path, char *list, size_t bytes)
{
    struct inode *inode = dentry_inode(path->dentry);
    if (is_socket(path))
        return put_text(list, bytes, socket_name, sizeof(socket_name));
    if (!inode->ops || !inode->ops->listxattr)
        return 0;
    return inode->ops->listxattr(inode, list, bytes);
}

int vfs_removexattr(const struct path *path, const char *name)
{
    struct inode *inode = dentry_inode(path->dentry);
    int error = check_access(path, name, true);
    if (error)
        return error;
    mutex_lock(&inode->mutex);
    error = store(inode, name, NULL, 0, 0);
    mutex_unlock(&inode->mutex);
    if (!error)
        fs_notify_path(path, IN_ATTRIB);
    return error;
}
