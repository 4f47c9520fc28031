/* SPDX-License-Identifier: MIT
 *
 * Changing and reporting attributes: chmod(2), chown(2), utimensat(2), truncate(2), statx(2).
 *
 * vfs_setattr checks under the inode's mutex, then the file system stores (ops->setattr, by default
 * generic_setattr). What a call changes implicitly (set-ID bits, ctime) is decided here.
 */
#include "kernel/abi/capability.h"
#include "kernel/fs/acl.h"
#include "kernel/fs/leases.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/fs/xattr.h"

enum { ATTR_SET_TIMES = ATTR_ATIME | ATTR_MTIME, ATTR_NOW_TIMES = ATTR_ATIME_NOW | ATTR_MTIME_NOW };

static bool may_set_gid_bit(const struct inode *inode)
{
    return cred_has_cap_over(current_cred(), atomic_load_relaxed(&inode->uid),
                             atomic_load_relaxed(&inode->gid), CAP_FSETID);
}

static int check_owner_change(struct inode *inode, const struct attr_change *change)
{
    const struct cred *cred = current_cred();
    bool owner = cred->fsuid == inode->uid;
    if (cred_has_cap_over(cred, inode->uid, inode->gid, CAP_CHOWN))
        return 0;
    if ((change->mask & ATTR_UID) && !(owner && change->uid == inode->uid))
        return -EPERM;
    if ((change->mask & ATTR_GID) &&
        !(owner && (change->gid == inode->gid || cred_in_group(cred, change->gid))))
        return -EPERM;
    return 0;
}

static int check_times(struct inode *inode, const struct attr_change *change)
{
    unsigned times = change->mask & (ATTR_SET_TIMES | ATTR_NOW_TIMES);
    if (!times || inode_owner_or_capable(inode))
        return 0;
    /* Both to now may also be set by whoever may write. */
    if (times == ATTR_NOW_TIMES)
        return inode_permission(inode, MAY_WRITE) ? -EACCES : 0;
    return -EPERM;
}

static int check_change(struct inode *inode, struct attr_change *change)
{
    if (((change->mask & ATTR_UID) && change->uid == UINT32_MAX) ||
        ((change->mask & ATTR_GID) && change->gid == UINT32_MAX))
        return -EINVAL; /* an id that means nothing in the caller's user namespace */
    uint32_t flags = atomic_load_relaxed(&inode->flags);
    if ((change->mask & (ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_SET_TIMES)) &&
        (flags & (INODE_IMMUTABLE | INODE_APPEND)))
        return -EPERM;
    if ((change->mask & ATTR_NOW_TIMES) && (flags & INODE_IMMUTABLE))
        return -EPERM;
    int error = check_owner_change(inode, change);
    if (error)
        return error;
    if (change->mask & ATTR_MODE) {
        if (!inode_owner_or_capable(inode))
            return -EPERM;
        uint32_t gid = change->mask & ATTR_GID ? change->gid : inode->gid;
        if (!cred_in_group(current_cred(), gid) && !may_set_gid_bit(inode))
            change->mode &= ~(uint32_t)S_ISGID;
    }
    return check_times(inode, change);
}

/* The mode without what chown, or a write by somebody without CAP_FSETID, takes away: set-user-ID,
 * and set-group-ID where it means that or the caller is a stranger to the group. */
static uint32_t mode_without_privileges(struct inode *inode)
{
    uint32_t mode = inode->mode;
    if (S_ISDIR(mode) || !(mode & (S_ISUID | S_ISGID)))
        return mode;
    mode &= ~(uint32_t)S_ISUID;
    if ((mode & S_IXGRP) || (!cred_in_group(current_cred(), inode->gid) && !may_set_gid_bit(inode)))
        mode &= ~(uint32_t)S_ISGID;
    return mode;
}

/* The set-ID bits that go make it a change of mode, with the checks of one. */
static void kill_mode_privileges(struct inode *inode, struct attr_change *change)
{
    if (S_ISDIR(inode->mode))
        return;
    uint32_t mode = mode_without_privileges(inode);
    if (mode != inode->mode && !(change->mask & ATTR_MODE)) {
        change->mask |= ATTR_MODE;
        change->mode = mode & 07777;
    }
}

static int setattr_locked(struct inode *inode, struct attr_change *change)
{
    if (change->mask & ATTR_KILL_PRIVILEGES)
        kill_mode_privileges(inode, change);
    int error = check_change(inode, change);
    if (error)
        return error;
    if ((change->mask & ATTR_KILL_PRIVILEGES) && inode->xattrs)
        simple_xattr_remove(inode, "security.capability");
    change->mask |= ATTR_CTIME;
    if (inode->ops && inode->ops->setattr)
        return inode->ops->setattr(inode, change);
    return generic_setattr(inode, change);
}

/* Which event a change is: of one time alone, of reading or writing. */
static uint32_t event_of(unsigned mask)
{
    bool atime = mask & (ATTR_ATIME | ATTR_ATIME_NOW), mtime = mask & (ATTR_MTIME | ATTR_MTIME_NOW);
    if ((mask & (ATTR_MODE | ATTR_UID | ATTR_GID)) || atime == mtime)
        return IN_ATTRIB;
    return atime ? IN_ACCESS : IN_MODIFY;
}

int vfs_setattr(const struct path *path, struct attr_change *change)
{
    struct inode *inode = dentry_inode(path->dentry);
    int error = mount_want_write(path->mount);
    if (error)
        return error;
    mutex_lock(&inode->mutex);
    error = setattr_locked(inode, change);
    mutex_unlock(&inode->mutex);
    if (!error)
        fs_notify_path(path, event_of(change->mask));
    return error;
}

static void store_times(struct inode *inode, const struct attr_change *change)
{
    struct timestamp now = timestamp_now();
    if (change->mask & ATTR_ATIME)
        inode->atime = change->atime;
    if (change->mask & ATTR_ATIME_NOW)
        inode->atime = now;
    if (change->mask & ATTR_MTIME)
        inode->mtime = change->mtime;
    if (change->mask & ATTR_MTIME_NOW)
        inode->mtime = now;
    if (change->mask & ATTR_CTIME)
        inode->ctime = now;
}

int generic_setattr(struct inode *inode, const struct attr_change *change)
{
    bool cut = false;
    int error = change->mask & ATTR_MODE ? acl_chmod(inode, change->mode) : 0;
    if (error)
        return error;
    spin_lock(&inode->lock);
    if (change->mask & ATTR_MODE)
        atomic_store_relaxed(&inode->mode, (inode->mode & S_IFMT) | (change->mode & 07777));
    if (change->mask & ATTR_UID)
        atomic_store_relaxed(&inode->uid, change->uid);
    if (change->mask & ATTR_GID)
        atomic_store_relaxed(&inode->gid, change->gid);
    store_times(inode, change);
    if (change->mask & ATTR_SIZE) {
        cut = change->size < inode->size;
        if (change->size != inode->size || (change->mask & ATTR_OPEN))
            inode->mtime = inode->ctime = timestamp_now();
        atomic_store_release(&inode->size, change->size);
    }
    spin_unlock(&inode->lock);
    if (cut && S_ISREG(inode->mode))
        page_cache_truncate(&inode->pages, change->size);
    return 0;
}

/* The file's new size is all right for the caller's limit and the file system. */
static int check_new_size(struct inode *inode, uint64_t size)
{
    if (size <= inode_size(inode))
        return 0;
    int error = file_check_size_limit(size);
    return error ? error : size > inode->sb->max_bytes ? -EFBIG : 0;
}

/* A write or truncation by somebody without CAP_FSETID. Inode mutex held. */
static void remove_privileges_locked(struct inode *inode)
{
    uint32_t mode = mode_without_privileges(inode);
    if (unlikely(mode != inode->mode) && !may_set_gid_bit(inode)) {
        spin_lock(&inode->lock);
        atomic_store_relaxed(&inode->mode, mode);
        spin_unlock(&inode->lock);
    }
    if (unlikely(inode->xattrs != NULL))
        simple_xattr_remove(inode, "security.capability");
}

int file_remove_privileges(struct file *file)
{
    remove_privileges_locked(file->inode);
    return 0;
}

int inode_truncate(struct inode *inode, uint64_t size, unsigned extra_mask)
{
    struct attr_change change = {.mask = ATTR_SIZE | extra_mask, .size = size};
    int error = check_new_size(inode, size);
    if (error)
        return error;
    mutex_lock(&inode->mutex);
    if ((atomic_load_relaxed(&inode->flags) & INODE_SIZE_ONCE) && inode->size)
        error = -EINVAL;
    else if (inode->ops && inode->ops->setattr)
        error = inode->ops->setattr(inode, &change);
    else
        error = generic_setattr(inode, &change);
    if (!error)
        remove_privileges_locked(inode);
    mutex_unlock(&inode->mutex);
    return error;
}

int vfs_truncate(const struct path *path, uint64_t size)
{
    struct inode *inode = dentry_inode(path->dentry);
    if (S_ISDIR(inode_mode(inode)))
        return -EISDIR;
    if (!S_ISREG(inode_mode(inode)))
        return -EINVAL;
    int error = mount_want_write(path->mount);
    if (!error)
        error = inode_permission(inode, MAY_WRITE);
    if (!error && (atomic_load_relaxed(&inode->flags) & INODE_APPEND))
        error = -EPERM;
    if (!error)
        error = file_lease_break(inode, true, false);
    if (!error)
        error = inode_write_access_get(inode);
    if (error)
        return error;
    error = inode_truncate(inode, size, 0);
    inode_write_access_put(inode);
    if (!error)
        fs_notify_path(path, IN_MODIFY);
    return error;
}

int vfs_ftruncate(struct file *file, uint64_t size)
{
    struct inode *inode = file->inode;
    if (!S_ISREG(inode_mode(inode)) || !(file->mode & FILE_WRITE))
        return -EINVAL;
    if (atomic_load_relaxed(&inode->flags) & INODE_APPEND)
        return -EPERM;
    int error = inode_truncate(inode, size, ATTR_OPEN);
    if (!error)
        fs_notify_file(file, IN_MODIFY);
    return error;
}

static struct linux_statx_timestamp statx_time(struct timestamp time)
{
    return (struct linux_statx_timestamp){.tv_sec = time.seconds, .tv_nsec = time.nanoseconds};
}

void generic_getattr(struct inode *inode, struct linux_statx *out)
{
    struct superblock *sb = inode->sb;
    *out = (struct linux_statx){
        .stx_mask = STATX_BASIC_STATS | STATX_BTIME,
        .stx_blksize = (uint32_t)sb->block_size,
        .stx_attributes_mask =
            STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_AUTOMOUNT | STATX_ATTR_MOUNT_ROOT,
        .stx_ino = inode->ino,
        .stx_rdev_major = linux_major(inode->rdev),
        .stx_rdev_minor = linux_minor(inode->rdev),
        .stx_dev_major = linux_major(sb->dev),
        .stx_dev_minor = linux_minor(sb->dev),
    };
    spin_lock(&inode->lock);
    out->stx_mode = (uint16_t)inode->mode;
    out->stx_nlink = inode->nlink;
    out->stx_uid = inode->uid;
    out->stx_gid = inode->gid;
    out->stx_size = inode->size;
    out->stx_blocks = atomic_load_relaxed(&inode->blocks);
    out->stx_atime = statx_time(inode->atime);
    out->stx_mtime = statx_time(inode->mtime);
    out->stx_ctime = statx_time(inode->ctime);
    out->stx_btime = statx_time(inode->btime);
    spin_unlock(&inode->lock);
    uint32_t flags = atomic_load_relaxed(&inode->flags);
    if (flags & INODE_IMMUTABLE)
        out->stx_attributes |= STATX_ATTR_IMMUTABLE;
    if (flags & INODE_APPEND)
        out->stx_attributes |= STATX_ATTR_APPEND;
}

int vfs_getattr(const struct path *path, struct linux_statx *out)
{
    struct inode *inode = dentry_inode(path->dentry);
    if (inode->ops && inode->ops->getattr) {
        int error = inode->ops->getattr(inode, out);
        if (error)
            return error;
    } else {
        generic_getattr(inode, out);
    }
    out->stx_mask |= STATX_MNT_ID;
    out->stx_mnt_id = (uint64_t)path->mount->id;
    if (path->dentry == path->mount->root)
        out->stx_attributes |= STATX_ATTR_MOUNT_ROOT;
    out->stx_attributes_mask |= STATX_ATTR_MOUNT_ROOT;
    return 0;
}
