/* SPDX-License-Identifier: MIT
 *
 * Who may do what to a file: path_resolution(7), capabilities(7), credentials(7).
 *
 * Modes are read without the inode's lock: a check is as old as the instant it was made in any
 * case.
 */
#include "kernel/abi/capability.h"
#include "kernel/fs/acl.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/sched/thread.h"

/* Do the mode bits, or the access control list, let the caller do `mask` (MAY_*)? The bits of the
 * owner are right in any case; without any of the group's (the list's mask) no list is asked. */
static bool mode_allows(struct inode *inode, const struct cred *cred, unsigned mask)
{
    uint32_t mode = inode_mode(inode);
    if (atomic_load_relaxed(&inode->uid) == cred->fsuid)
        return ((mode >> 6) & mask) == mask;
    if (unlikely(atomic_load_relaxed(&inode->acls[ACL_ACCESS]) != NULL) && (mode & 070)) {
        int result = acl_permission(inode, mask);
        if (result != -EAGAIN)
            return result == 0;
    }
    if (((mode >> 3) & 7) != (mode & 7) && cred_in_group(cred, atomic_load_relaxed(&inode->gid)))
        mode >>= 3;
    return (mode & mask) == mask;
}

/* A capability over the inode, which must have ids in the caller's user namespace. */
static bool capable_over(struct inode *inode, const struct cred *cred, unsigned cap)
{
    return cred_has_cap_over(cred, atomic_load_relaxed(&inode->uid),
                             atomic_load_relaxed(&inode->gid), cap);
}

static bool override(struct inode *inode, const struct cred *cred, unsigned mask)
{
    uint32_t mode = inode_mode(inode);
    if (S_ISDIR(mode)) {
        if (!(mask & MAY_WRITE) && capable_over(inode, cred, CAP_DAC_READ_SEARCH))
            return true;
        return capable_over(inode, cred, CAP_DAC_OVERRIDE);
    }
    if (mask == MAY_READ && capable_over(inode, cred, CAP_DAC_READ_SEARCH))
        return true;
    /* Execution needs an x bit somewhere, even for root. */
    return (!(mask & MAY_EXEC) || (mode & 0111)) && capable_over(inode, cred, CAP_DAC_OVERRIDE);
}

int inode_permission(struct inode *inode, unsigned mask)
{
    mask &= MAY_READ | MAY_WRITE | MAY_EXEC;
    if (mask & MAY_WRITE) {
        uint32_t type = inode_mode(inode) & S_IFMT;
        bool content = type == S_IFREG || type == S_IFDIR || type == S_IFLNK;
        if (content && superblock_is_readonly(inode->sb))
            return -EROFS;
        if (atomic_load_relaxed(&inode->flags) & INODE_IMMUTABLE)
            return -EPERM;
    }
    if (inode->ops && inode->ops->permission)
        return inode->ops->permission(inode, mask);
    /* Searching a directory that everyone may search: the common step of every walk. */
    if (mask == MAY_EXEC && (inode_mode(inode) & 0111) == 0111 &&
        !atomic_load_relaxed(&inode->acls[ACL_ACCESS]))
        return 0;
    const struct cred *cred = current_cred();
    if (mode_allows(inode, cred, mask) || override(inode, cred, mask))
        return 0;
    return -EACCES;
}

int path_permission(const struct path *path, unsigned mask)
{
    struct inode *inode = dentry_inode(path->dentry);
    uint32_t type = inode_mode(inode) & S_IFMT;
    bool content = type == S_IFREG || type == S_IFDIR || type == S_IFLNK;
    if ((mask & MAY_WRITE) && content && mount_is_readonly(path->mount))
        return -EROFS;
    return inode_permission(inode, mask);
}

bool inode_owner_or_capable(struct inode *inode)
{
    const struct cred *cred = current_cred();
    return atomic_load_relaxed(&inode->uid) == cred->fsuid || capable_over(inode, cred, CAP_FOWNER);
}

int dir_may_create(struct inode *dir)
{
    if (atomic_load_relaxed(&dir->flags) & INODE_DEAD)
        return -ENOENT;
    return inode_permission(dir, MAY_WRITE | MAY_EXEC);
}

/* The sticky bit: in such a directory only the owners of file or directory remove. */
static bool sticky_forbids(struct inode *dir, struct inode *victim)
{
    if (!(inode_mode(dir) & S_ISVTX))
        return false;
    const struct cred *cred = current_cred();
    return atomic_load_relaxed(&victim->uid) != cred->fsuid &&
           atomic_load_relaxed(&dir->uid) != cred->fsuid && !capable_over(victim, cred, CAP_FOWNER);
}

int dir_may_delete(struct inode *dir, struct inode *victim, bool want_directory)
{
    int error = inode_permission(dir, MAY_WRITE | MAY_EXEC);
    if (error)
        return error;
    if (atomic_load_relaxed(&dir->flags) & INODE_APPEND)
        return -EPERM;
    if (sticky_forbids(dir, victim) ||
        (atomic_load_relaxed(&victim->flags) & (INODE_APPEND | INODE_IMMUTABLE)))
        return -EPERM;
    if (want_directory && !S_ISDIR(inode_mode(victim)))
        return -ENOTDIR;
    if (!want_directory && S_ISDIR(inode_mode(victim)))
        return -EISDIR;
    if (atomic_load_relaxed(&dir->flags) & INODE_DEAD)
        return -ENOENT;
    return 0;
}

/* The umask takes its bits, unless a default access control list does; before that, a set-group-ID
 * program in a set-group-ID directory whose group the creator is not in has lost the bit. */
uint32_t inode_mode_for_create(struct inode *dir, uint32_t mode)
{
    const struct fs_context *fs = this_thread()->fs;
    bool strip = !S_ISDIR(mode) && (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
                 (inode_mode(dir) & S_ISGID);
    if (strip && !cred_in_group(current_cred(), dir->gid) && !capable_over(dir, current_cred(), CAP_FSETID))
        mode &= ~(uint32_t)S_ISGID;
    if (acl_replaces_umask(dir))
        return mode;
    return mode & ~(fs ? atomic_load_relaxed(&fs->umask) : 0);
}
