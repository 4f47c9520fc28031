/* SPDX-License-Identifier: MIT
 *
 * Regular files whose contents are in a page cache: read, write, seek, mmap.
 *
 * Writers hold the inode's mutex; readers only see a size that was published after the bytes below
 * it.
 */
#include "kernel/fs/vfs_internal.h"
#include "kernel/mm/mm.h"

int64_t generic_file_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct inode *inode = file->inode;
    uint64_t size = inode_size(inode), at = *pos;
    int64_t result = 0;
    if (uio->remaining == 0)
        return 0;
    if (at < size) {
        result = page_cache_read(&inode->pages, at, MIN(uio->remaining, size - at), uio);
        if (result > 0)
            *pos = at + (uint64_t)result;
    }
    path_accessed(&file->path, file->flags);
    return result;
}

/* How many bytes may be written at pos; negative errno if none. */
static int64_t limit_write(struct inode *inode, uint64_t pos, uint64_t bytes)
{
    uint64_t limit = file_size_limit();
    if (unlikely(limit != UINT64_MAX)) {
        if (pos >= limit)
            return file_check_size_limit(UINT64_MAX);
        bytes = MIN(bytes, limit - pos);
    }
    if (pos >= inode->sb->max_bytes)
        return -EFBIG;
    return (int64_t)MIN(bytes, inode->sb->max_bytes - pos);
}

static int64_t write_locked(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct inode *inode = file->inode;
    bool append = (atomic_load_relaxed(&file->flags) & O_APPEND) || *pos == VFS_POS_END;
    uint64_t at = append ? inode->size : *pos;
    int64_t bytes = limit_write(inode, at, uio->remaining);
    if (bytes < 0)
        return bytes;
    file_remove_privileges(file);
    int64_t written = page_cache_write(&inode->pages, at, (uint64_t)bytes, uio);
    if (written <= 0)
        return written;
    *pos = at + (uint64_t)written;
    struct timestamp now = timestamp_now();
    spin_lock(&inode->lock);
    if (*pos > inode->size)
        atomic_store_release(&inode->size, *pos);
    inode->mtime = inode->ctime = now;
    spin_unlock(&inode->lock);
    return written;
}

int64_t generic_file_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    if (uio->remaining == 0)
        return 0;
    mutex_lock(&file->inode->mutex);
    int64_t result = write_locked(file, uio, pos);
    mutex_unlock(&file->inode->mutex);
    if (result > 0 && unlikely(atomic_load_relaxed(&file->flags) & O_DSYNC) && file->ops->fsync) {
        int error = file->ops->fsync(file, !(file->flags & __O_SYNC));
        if (error)
            return error;
    }
    return result;
}

/* SEEK_DATA and SEEK_HOLE: what is in the page cache is data. */
static int64_t seek_data_hole(struct file *file, uint64_t offset, bool data)
{
    struct inode *inode = file->inode;
    uint64_t size = inode_size(inode);
    if (offset >= size)
        return -ENXIO;
    uint64_t index = page_cache_next(&inode->pages, offset >> PAGE_SHIFT, data);
    uint64_t found = index > size >> PAGE_SHIFT ? size : index << PAGE_SHIFT;
    if (data && found >= size)
        return -ENXIO;
    found = MIN(MAX(found, offset), size);
    file->pos = found;
    return (int64_t)found;
}

int64_t generic_file_seek(struct file *file, int64_t offset, int whence)
{
    if (whence == SEEK_DATA || whence == SEEK_HOLE) {
        /* Of a file with a store behind it the cache knows only a part. */
        if (offset >= 0 && !(file->inode->pages.ops && file->inode->pages.ops->read_page))
            return seek_data_hole(file, (uint64_t)offset, whence == SEEK_DATA);
    }
    return generic_seek_size(file, offset, whence, inode_size(file->inode));
}

int generic_file_fsync(struct file *file, bool data_only)
{
    (void)data_only;
    return page_cache_sync(&file->inode->pages, 0, UINT64_MAX);
}

/* ---- mmap: the VMA's backing is the struct file ---- */

static void file_vma_get(struct vma *vma)
{
    struct file *file = file_get(vma->backing);
    page_cache_map(&file->inode->pages, vma);
}

static void file_vma_put(struct vma *vma)
{
    struct file *file = vma->backing;
    page_cache_unmap(&file->inode->pages, vma);
    file_put(file);
}

static int file_vma_get_page(struct vma *vma, uint64_t index, bool write, struct page **out)
{
    struct file *file = vma->backing;
    struct inode *inode = file->inode;
    uint64_t size = inode_size(inode);
    if (index >= size >> PAGE_SHIFT && (index << PAGE_SHIFT) >= size)
        return -ENXIO;
    int error = page_cache_get(&inode->pages, index, true, out);
    if (error)
        return error == -ENOSPC ? -EIO : error;
    if (write) {
        page_cache_mark_dirty(&inode->pages, *out);
        inode_touch(inode, false, true, true);
    }
    return 0;
}

static void file_vma_describe(struct vma *vma, uint64_t *dev, uint64_t *ino, char *text,
                              size_t bytes)
{
    struct file *file = vma->backing;
    char *name;
    *dev = file->inode->sb->dev;
    *ino = file->inode->ino;
    if (path_name(&file->path, NULL, text, bytes, &name) == 0)
        memmove(text, name, kstrlen(name) + 1);
    else if (bytes)
        text[0] = 0;
}

static int file_vma_sync(struct vma *vma, uint64_t first, uint64_t last, bool wait)
{
    struct file *file = vma->backing;
    (void)wait;
    return page_cache_sync(&file->inode->pages, first, last);
}

static int file_vma_punch(struct vma *vma, uint64_t first, uint64_t end)
{
    struct file *file = vma->backing;
    if (!file->ops->fallocate)
        return -EOPNOTSUPP;
    return file->ops->fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                first << PAGE_SHIFT, (end - first) << PAGE_SHIFT);
}

static uint64_t file_vma_identity(struct vma *vma)
{
    struct file *file = vma->backing;
    return (uint64_t)(uintptr_t)file->inode;
}

static const struct vma_ops file_vma_ops = {
    .get = file_vma_get,
    .put = file_vma_put,
    .get_page = file_vma_get_page,
    .describe = file_vma_describe,
    .sync = file_vma_sync,
    .punch = file_vma_punch,
    .identity = file_vma_identity,
};

struct file *generic_vma_file(const struct vma *vma)
{
    return vma->ops == &file_vma_ops ? vma->backing : NULL;
}

int generic_file_mmap(struct file *file, struct mm_map_request *request)
{
    request->ops = &file_vma_ops;
    request->backing = file;
    path_accessed(&file->path, file->flags);
    return 0;
}
