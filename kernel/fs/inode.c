/* SPDX-License-Identifier: MIT
 *
 * Inodes: creation, life and timestamps; inode(7).
 *
 * An inode lives while it is referenced: by dentries, open files through theirs, and in-memory file
 * systems. The last put tells the file system (ops->evict), then frees everything that hangs on it.
 */
#include "kernel/core/clock.h"
#include "kernel/fs/acl.h"
#include "kernel/fs/locks.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/fs/xattr.h"

struct timestamp timestamp_now(void)
{
    uint64_t now_ns = clock_realtime_ns();
    return (struct timestamp){.seconds = (int64_t)(now_ns / 1000000000u),
                              .nanoseconds = (uint32_t)(now_ns % 1000000000u)};
}

static bool inode_has_pages(const struct inode *inode)
{
    uint32_t type = inode->mode & S_IFMT;
    return type == S_IFREG || type == S_IFBLK;
}

/* Owner and group of a new file; directories below a set-group-ID directory inherit the bit. */
static void inode_set_owner(struct inode *inode, const struct inode *dir)
{
    const struct cred *cred = current_cred();
    inode->uid = cred->fsuid;
    inode->gid = cred->fsgid;
    if (dir && (inode_mode(dir) & S_ISGID)) {
        inode->gid = dir->gid;
        if (S_ISDIR(inode->mode))
            inode->mode |= S_ISGID;
    }
}

int inode_create(struct superblock *sb, struct inode *dir, uint32_t mode, struct inode **out)
{
    struct inode *inode = slab_alloc_zeroed(sb->kernel->vfs->inodes);
    if (!inode)
        return -ENOMEM;
    bool is_dir = S_ISDIR(mode);
    inode->refs = 1;
    inode->sb = sb;
    inode->ino = atomic_fetch_add_relaxed(&sb->next_ino, 1);
    mutex_init(&inode->mutex, is_dir ? LOCK_RANK_INODE_DIR : LOCK_RANK_INODE);
    spin_lock_init(&inode->lock, LOCK_RANK_INODE_STATE);
    inode->mode = mode;
    inode_set_owner(inode, dir);
    inode->nlink = is_dir ? 2 : 1;
    inode->atime = inode->mtime = inode->ctime = inode->btime = timestamp_now();
    if (inode_has_pages(inode))
        page_cache_init(&inode->pages, NULL, inode);
    spin_lock(&sb->lock);
    list_add_tail(&sb->inodes, &inode->sb_node);
    spin_unlock(&sb->lock);
    *out = inode;
    return 0;
}

int inode_create_symlink(struct superblock *sb, struct inode *dir, const char *target,
                         struct inode **out)
{
    char *link = kstrdup(target);
    if (!link)
        return -ENOMEM;
    int error = inode_create(sb, dir, S_IFLNK | 0777, out);
    if (error) {
        kfree(link);
        return error;
    }
    (*out)->link = link;
    (*out)->size = kstrlen(link);
    return 0;
}

struct inode *inode_get(struct inode *inode)
{
    uint32_t old = atomic_fetch_add_relaxed(&inode->refs, 1);
    assert(old > 0);
    return inode;
}

static void inode_free(struct inode *inode)
{
    struct superblock *sb = inode->sb;
    assert(!inode->marks); /* marks hold the inode */
    if (inode->ops && inode->ops->evict)
        inode->ops->evict(inode);
    file_locks_free(inode);
    simple_xattr_free(inode);
    acl_free(inode);
    kfree(inode->link);
    if (inode->object)
        inode->object_put(inode->object);
    if (inode_has_pages(inode))
        page_cache_destroy(&inode->pages);
    spin_lock(&sb->lock);
    list_remove(&inode->sb_node);
    spin_unlock(&sb->lock);
    if (sb->ops && sb->ops->free_inode)
        sb->ops->free_inode(inode);
    else
        slab_free(sb->kernel->vfs->inodes, inode);
}

void inode_put(struct inode *inode)
{
    uint32_t left = atomic_sub_fetch_acq_rel(&inode->refs, 1);
    assert(left != UINT32_MAX);
    if (left == 0)
        inode_free(inode);
}

void inode_set_nlink(struct inode *inode, int change)
{
    spin_lock(&inode->lock);
    atomic_store_relaxed(&inode->nlink, inode->nlink + (uint32_t)change);
    spin_unlock(&inode->lock);
}

void inode_touch(struct inode *inode, bool access, bool modify, bool change)
{
    struct timestamp now = timestamp_now();
    spin_lock(&inode->lock);
    if (access)
        inode->atime = now;
    if (modify)
        inode->mtime = now;
    if (change)
        inode->ctime = now;
    spin_unlock(&inode->lock);
}
