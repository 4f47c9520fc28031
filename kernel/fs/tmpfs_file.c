/* SPDX-License-Identifier: MIT
 *
 * Regular files of tmpfs, with seals and fallocate(2); memfd_create(2).
 */
#include "kernel/fs/tmpfs_internal.h"

#include "kernel/abi/mman.h"
#include "kernel/fs/open_internal.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/mm.h"

static int64_t tmpfs_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct inode *inode = file->inode;
    unsigned seals = tmpfs_seals(inode);
    if (unlikely(seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
        return -EPERM;
    if (unlikely(seals & F_SEAL_GROW)) {
        uint64_t size = inode_size(inode), end;
        uint64_t at = (file->flags & O_APPEND) || *pos == VFS_POS_END ? size : *pos;
        if (add_overflows(at, uio->remaining, &end) || end > size)
            return -EPERM;
    }
    return generic_file_write(file, uio, pos);
}

static int tmpfs_mmap(struct file *file, struct mm_map_request *request)
{
    unsigned seals = tmpfs_seals(file->inode);
    if ((seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) && (request->vma_flags & VMA_SHARED)) {
        if (request->vma_flags & VMA_WRITE)
            return -EPERM;
        request->vma_flags &= ~(unsigned)VMA_MAY_WRITE;
    }
    return generic_file_mmap(file, request);
}

/* Pages missing in [first, end). */
static uint64_t count_holes(struct page_cache *cache, uint64_t first, uint64_t end)
{
    uint64_t holes = 0;
    for (uint64_t at = first; at < end;) {
        uint64_t hole = page_cache_next(cache, at, false);
        if (hole >= end)
            break;
        uint64_t data = MIN(page_cache_next(cache, hole, true), end);
        holes += data - hole;
        at = data;
    }
    return holes;
}

static int allocate_pages(struct inode *inode, uint64_t first, uint64_t end)
{
    struct tmpfs *tmpfs = tmpfs_of(inode->sb);
    uint64_t max = atomic_load_relaxed(&tmpfs->options.max_pages);
    if (max) {
        uint64_t used = atomic_load_relaxed(&tmpfs->used_pages);
        if (end - first > max)
            return -ENOSPC;
        if (count_holes(&inode->pages, first, end) > (max > used ? max - used : 0))
            return -ENOSPC;
    }
    for (uint64_t index = first; index < end; index++) {
        struct page *page;
        int error = page_cache_get(&inode->pages, index, true, &page);
        if (error)
            return error;
        page_put(page);
        sched_resched_if_needed();
    }
    return 0;
}

static int fallocate_locked(struct file *file, int mode, uint64_t offset, uint64_t bytes)
{
    struct inode *inode = file->inode;
    unsigned seals = tmpfs_seals(inode);
    uint64_t end = offset + bytes;
    if (mode & FALLOC_FL_PUNCH_HOLE) {
        if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
            return -EPERM;
        page_cache_punch(&inode->pages, offset, end);
    } else {
        if ((seals & F_SEAL_GROW) && end > inode->size)
            return -EPERM;
        int error = end > inode->size ? file_check_size_limit(end) : 0;
        if (!error)
            error =
                allocate_pages(inode, offset >> PAGE_SHIFT, ALIGN_UP(end, PAGE_SIZE) >> PAGE_SHIFT);
        if (error)
            return error;
    }
    file_remove_privileges(file);
    spin_lock(&inode->lock);
    if (!(mode & FALLOC_FL_KEEP_SIZE) && end > inode->size)
        atomic_store_release(&inode->size, end);
    inode->mtime = inode->ctime = timestamp_now();
    spin_unlock(&inode->lock);
    return 0;
}

static int tmpfs_fallocate(struct file *file, int mode, uint64_t offset, uint64_t bytes)
{
    if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
        return -EOPNOTSUPP;
    mutex_lock(&file->inode->mutex);
    int error = fallocate_locked(file, mode, offset, bytes);
    mutex_unlock(&file->inode->mutex);
    return error;
}

static int tmpfs_fsync(struct file *file, bool data_only)
{
    (void)file;
    (void)data_only;
    return 0;
}

const struct file_ops tmpfs_file_ops = {
    .open = tmpfs_open,
    .read = generic_file_read,
    .write = tmpfs_write,
    .seek = generic_file_seek,
    .mmap = tmpfs_mmap,
    .fsync = tmpfs_fsync,
    .fallocate = tmpfs_fallocate,
    .fcntl = tmpfs_fcntl,
    .ioctl = tmpfs_ioctl,
};

/* ---- seals ---- */

static bool has_writable_mapping(struct inode *inode)
{
    struct page_cache *cache = &inode->pages;
    struct vma *vma;
    bool found = false;
    spin_lock(&cache->mappings_lock);
    list_for_each_entry(vma, &cache->mappings, mapping_node) found =
        found || (vma->flags & (VMA_SHARED | VMA_MAY_WRITE)) == (VMA_SHARED | VMA_MAY_WRITE);
    spin_unlock(&cache->mappings_lock);
    return found;
}

static int add_seals(struct file *file, uint64_t seals)
{
    struct inode *inode = file->inode;
    const uint64_t all =
        F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
    if (!(file->mode & FILE_WRITE))
        return -EPERM;
    if (seals & ~all)
        return -EINVAL;
    int error = 0;
    mutex_lock(&inode->mutex);
    unsigned have = tmpfs_seals(inode);
    if (have & F_SEAL_SEAL)
        error = -EPERM;
    else if ((seals & F_SEAL_WRITE) && !(have & F_SEAL_WRITE) && has_writable_mapping(inode))
        error = -EBUSY;
    else
        atomic_store_release(&inode->private_u64, have | seals);
    mutex_unlock(&inode->mutex);
    return error;
}

int64_t tmpfs_fcntl(struct file *file, int command, uint64_t argument)
{
    switch (command) {
    case F_ADD_SEALS:
        return add_seals(file, argument & UINT32_MAX);
    case F_GET_SEALS:
        return tmpfs_seals(file->inode);
    default:
        return -EINVAL;
    }
}

/* ---- files without a name ---- */

int tmpfs_create_unlinked(struct kernel *kernel, const char *name, uint32_t mode, struct file **out)
{
    struct mount *mount = kernel->vfs->shm_mount;
    struct inode *inode;
    int error = tmpfs_inode_create(mount->sb, NULL, S_IFREG | mode, 0, NULL, &inode);
    if (error)
        return error;
    inode->nlink = 0;
    struct path path = {.mount = mount};
    path.dentry = dentry_alloc(mount->root, name, kstrlen(name), 0);
    if (!path.dentry) {
        inode_put(inode);
        return -ENOMEM;
    }
    path.dentry->inode = inode;
    error = file_open_path(&path, O_RDWR | O_LARGEFILE, 0, out);
    dentry_put(path.dentry);
    return error;
}

int memfd_create_file(struct kernel *kernel, const char *name, unsigned flags, struct file **out)
{
    char full[VFS_NAME_MAX + 1];
    ksnprintf(full, sizeof(full), "memfd:%s", name);
    int error = tmpfs_create_unlinked(kernel, full, 0777, out);
    if (error)
        return error;
    file_uncount_writer(*out);
    if (flags & MFD_ALLOW_SEALING)
        (*out)->inode->private_u64 = 0;
    return error;
}

int shmem_create_file(struct kernel *kernel, const char *name, uint64_t bytes, struct file **out)
{
    int error = tmpfs_create_unlinked(kernel, name, 0777, out);
    if (!error)
        (*out)->inode->size = bytes;
    return error;
}

int tmpfs_fill(struct inode *inode, const void *data, uint64_t bytes)
{
    struct uio uio;
    uio_init_kernel(&uio, (void *)(uintptr_t)data, bytes);
    int64_t written = page_cache_write(&inode->pages, inode->size, bytes, &uio);
    if (written < 0)
        return (int)written;
    spin_lock(&inode->lock);
    atomic_store_release(&inode->size, inode->size + (uint64_t)written);
    spin_unlock(&inode->lock);
    return (uint64_t)written == bytes ? 0 : -ENOSPC;
}
