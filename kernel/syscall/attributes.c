/* SPDX-License-Identifier: MIT
 *
 * What is known of a file: stat(2), statx(2), access(2), statfs(2).
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mount.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"
#include "kernel/security/user_namespace.h"
#include "kernel/syscall/at_path.h"
#include "kernel/syscall/syscalls.h"

static void stat_from_inode(struct inode *inode, struct linux_stat *out)
{
    *out = (struct linux_stat){
        .st_dev = inode->sb->dev,
        .st_ino = inode->ino,
        .st_rdev = inode->rdev,
        .st_blksize = (int64_t)inode->sb->block_size,
    };
    spin_lock(&inode->lock);
    out->st_nlink = inode->nlink;
    out->st_mode = inode->mode;
    out->st_uid = current_uid_shown(inode->uid);
    out->st_gid = current_gid_shown(inode->gid);
    out->st_size = (int64_t)inode->size;
    out->st_blocks = (int64_t)__atomic_load_n(&inode->blocks, __ATOMIC_RELAXED);
    out->st_atime = (uint64_t)inode->atime.seconds;
    out->st_atime_nsec = inode->atime.nanoseconds;
    out->st_mtime = (uint64_t)inode->mtime.seconds;
    out->st_mtime_nsec = inode->mtime.nanoseconds;
    out->st_ctime = (uint64_t)inode->ctime.seconds;
    out->st_ctime_nsec = inode->ctime.nanoseconds;
    spin_unlock(&inode->lock);
}

static void stat_from_statx(const struct linux_statx *from, struct linux_stat *out)
{
    *out = (struct linux_stat){
        .st_dev = linux_makedev(from->stx_dev_major, from->stx_dev_minor),
        .st_ino = from->stx_ino,
        .st_nlink = from->stx_nlink,
        .st_mode = from->stx_mode,
        .st_uid = current_uid_shown(from->stx_uid),
        .st_gid = current_gid_shown(from->stx_gid),
        .st_rdev = linux_makedev(from->stx_rdev_major, from->stx_rdev_minor),
        .st_size = (int64_t)from->stx_size,
        .st_blksize = from->stx_blksize,
        .st_blocks = (int64_t)from->stx_blocks,
        .st_atime = (uint64_t)from->stx_atime.tv_sec,
        .st_atime_nsec = from->stx_atime.tv_nsec,
        .st_mtime = (uint64_t)from->stx_mtime.tv_sec,
        .st_mtime_nsec = from->stx_mtime.tv_nsec,
        .st_ctime = (uint64_t)from->stx_ctime.tv_sec,
        .st_ctime_nsec = from->stx_ctime.tv_nsec,
    };
}

static int64_t put_stat(const struct path *path, uint64_t uaddr)
{
    struct inode *inode = path->dentry->inode;
    struct linux_stat stat;
    if (unlikely(inode->ops && inode->ops->getattr)) {
        struct linux_statx statx;
        int error = vfs_getattr(path, &statx);
        if (error)
            return error;
        stat_from_statx(&statx, &stat);
    } else {
        stat_from_inode(inode, &stat);
    }
    return copy_to_user(uaddr, &stat, sizeof(stat));
}

static int64_t stat_fd(int fd, uint64_t stat)
{
    struct fd_borrow file = fd_borrow_any(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = put_stat(&file.file->path, stat);
    fd_release(file);
    return result;
}

/* Is the name at this address empty? Faults are found out later. */
static bool is_empty_name(uint64_t path)
{
    char first;
    return copy_from_user(&first, path, 1) == 0 && !first;
}

static int64_t stat_at(int dir, uint64_t path, uint64_t stat, unsigned walk_flags)
{
    struct path found;
    if ((walk_flags & WALK_EMPTY) && dir >= 0 && is_empty_name(path))
        return stat_fd(dir, stat);
    int64_t result = path_walk_at(dir, path, walk_flags, &found);
    if (result)
        return result;
    result = put_stat(&found, stat);
    path_put(&found);
    return result;
}

int64_t sys_newfstatat(int dir, uint64_t path, uint64_t stat, uint32_t flags)
{
    /* Those of statx(2) mean nothing here, but are taken. */
    if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH |
                            AT_STATX_SYNC_TYPE))
        return -EINVAL;
    return stat_at(dir, path, stat, at_walk_flags(flags));
}

int64_t sys_stat(uint64_t path, uint64_t stat)
{
    return stat_at(AT_FDCWD, path, stat, WALK_FOLLOW);
}

int64_t sys_lstat(uint64_t path, uint64_t stat)
{
    return stat_at(AT_FDCWD, path, stat, 0);
}

int64_t sys_fstat(int fd, uint64_t stat)
{
    return stat_fd(fd, stat);
}

int64_t sys_statx(int dir, uint64_t path, uint32_t flags, uint32_t mask, uint64_t statx_uaddr)
{
    const uint32_t known =
        AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
    struct path found;
    struct linux_statx statx;
    if ((mask & STATX__RESERVED) || (flags & ~known) ||
        (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
        return -EINVAL;
    int64_t result = path_walk_at(dir, path, at_walk_flags(flags), &found);
    if (result)
        return result;
    result = vfs_getattr(&found, &statx);
    path_put(&found);
    if (result)
        return result;
    statx.stx_uid = current_uid_shown(statx.stx_uid);
    statx.stx_gid = current_gid_shown(statx.stx_gid);
    return copy_to_user(statx_uaddr, &statx, sizeof(statx));
}

/* ---- access ---- */

static bool is_root(const struct cred *cred)
{
    return cred->uid == user_namespace_root(cred->user_ns);
}

/* The credentials with the real ids in force, to be installed; NULL without memory. */
static struct cred *real_cred(const struct cred *cred)
{
    struct cred *real = cred_copy(cred);
    if (!real)
        return NULL;
    real->fsuid = real->uid;
    real->fsgid = real->gid;
    if (!(real->securebits & SECBIT_NO_SETUID_FIXUP))
        real->cap_effective = is_root(real) ? real->cap_permitted : 0;
    return real;
}

static bool real_ids_in_force(const struct cred *cred)
{
    return cred->fsuid == cred->uid && cred->fsgid == cred->gid &&
           cred->cap_effective == (is_root(cred) ? cred->cap_permitted : 0);
}

static int64_t access_path(int dir, uint64_t path, uint32_t mode, uint32_t flags)
{
    struct path found;
    int64_t result = path_walk_at(dir, path, at_walk_flags(flags), &found);
    if (result)
        return result;
    struct inode *inode = found.dentry->inode;
    if ((mode & X_OK) && S_ISREG(inode_mode(inode)) && (mount_flags(found.mount) & MS_NOEXEC)) {
        result = -EACCES;
    } else if (mode) {
        result = inode_permission(inode, mode);
        if (!result && (mode & W_OK))
            result = path_permission(&found, mode);
    }
    path_put(&found);
    return result;
}

int64_t sys_faccessat2(int dir, uint64_t path, uint32_t mode, uint32_t flags)
{
    if ((mode & ~(uint32_t)(R_OK | W_OK | X_OK)) ||
        (flags & ~(uint32_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
        return -EINVAL;
    const struct cred *cred = current_cred();
    if ((flags & AT_EACCESS) || real_ids_in_force(cred))
        return access_path(dir, path, mode, flags);
    struct cred *saved = cred_get(cred), *real = real_cred(cred);
    if (!real) {
        cred_put(saved);
        return -ENOMEM;
    }
    cred_install(real);
    int64_t result = access_path(dir, path, mode, flags);
    cred_install(saved);
    return result;
}

int64_t sys_faccessat(int dir, uint64_t path, uint32_t mode)
{
    return sys_faccessat2(dir, path, mode, 0);
}

int64_t sys_access(uint64_t path, uint32_t mode)
{
    return sys_faccessat2(AT_FDCWD, path, mode, 0);
}

/* ---- file systems ---- */

int64_t sys_statfs(uint64_t path, uint64_t buf)
{
    struct path found;
    struct linux_statfs statfs;
    int64_t result = path_walk_at(AT_FDCWD, path, WALK_FOLLOW, &found);
    if (result)
        return result;
    result = vfs_statfs(&found, &statfs);
    path_put(&found);
    return result ? result : copy_to_user(buf, &statfs, sizeof(statfs));
}

int64_t sys_fstatfs(int fd, uint64_t buf)
{
    struct linux_statfs statfs;
    struct fd_borrow file = fd_borrow_any(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = vfs_statfs(&file.file->path, &statfs);
    fd_release(file);
    return result ? result : copy_to_user(buf, &statfs, sizeof(statfs));
}

struct linux_ustat {
    int32_t f_tfree;
    uint64_t f_tinode;
    char f_fname[6], f_fpack[6];
};

int64_t sys_ustat(uint32_t dev, uint64_t buf)
{
    struct linux_statfs statfs;
    struct linux_ustat ustat;
    struct superblock *sb = superblock_find_dev(this_kernel(), dev);
    if (!sb)
        return -EINVAL;
    int64_t error = superblock_statfs(sb, &statfs);
    superblock_put(sb);
    if (error)
        return error;
    memset(&ustat, 0, sizeof(ustat));
    ustat.f_tfree = (int32_t)statfs.f_bfree;
    ustat.f_tinode = statfs.f_ffree;
    return copy_to_user(buf, &ustat, sizeof(ustat));
}
