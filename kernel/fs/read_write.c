/* SPDX-License-Identifier: MIT
 *
 * Reading, writing and seeking open files: read(2), write(2), lseek(2), mmap(2). What is the same
 * for every kind of file; the rest is file->ops.
 *
 * The position of a file that several descriptors or threads share is guarded by pos_mutex, as
 * POSIX wants reads and writes through it to be atomic with respect to each other.
 */
#include "kernel/abi/fanotify.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/mm/mm.h"

static bool lock_position(struct file *file)
{
    if (likely(atomic_load_acquire(&file->refs) == 1))
        return false;
    mutex_lock(&file->pos_mutex);
    return true;
}

static void unlock_position(struct file *file, bool locked)
{
    if (locked)
        mutex_unlock(&file->pos_mutex);
}

/* Files end at the largest signed position. */
static bool is_past_end(uint64_t pos, uint64_t bytes)
{
    uint64_t end;
    return pos != VFS_POS_END && (add_overflows(pos, bytes, &end) || (int64_t)end < 0);
}

typedef int64_t transfer_fn(struct file *file, struct uio *uio, uint64_t *pos);

static int64_t transfer(struct file *file, struct uio *uio, uint64_t *pos, transfer_fn *op)
{
    if (file->mode & FILE_STREAM)
        return op(file, uio, NULL);
    if (pos)
        return unlikely(is_past_end(*pos, uio->remaining)) ? -EINVAL : op(file, uio, pos);
    bool locked = lock_position(file);
    uint64_t at = file->pos;
    int64_t result = unlikely(is_past_end(at, uio->remaining)) ? -EINVAL : op(file, uio, &at);
    file->pos = at;
    unlock_position(file, locked);
    return result;
}

/* Named pipes have times like other files; nobody looks at those of nameless ones. */
static void touch_fifo(struct file *file, uint32_t event)
{
    if (!S_ISFIFO(inode_mode(file->inode)) || file->path.mount == file->kernel->vfs->anon_mount)
        return;
    if (event == IN_ACCESS)
        path_accessed(&file->path, file->flags);
    else
        inode_touch(file->inode, false, true, true);
}

static void after_transfer(struct file *file, uint32_t event)
{
    if (file->mode & FILE_STREAM)
        touch_fifo(file, event);
    fs_notify_file(file, event);
}

int64_t vfs_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    if (!(file->mode & FILE_READ))
        return -EBADF;
    if (unlikely(!file->ops->read))
        return S_ISDIR(inode_mode(file->inode)) ? -EISDIR : -EINVAL;
    int error = fs_notify_permission(file, FAN_ACCESS_PERM);
    if (unlikely(error))
        return error;
    int64_t result = transfer(file, uio, pos, file->ops->read);
    if (result > 0)
        after_transfer(file, IN_ACCESS);
    return result;
}

int64_t vfs_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    if (!(file->mode & FILE_WRITE))
        return -EBADF;
    if (unlikely(!file->ops->write))
        return -EINVAL;
    int64_t result = transfer(file, uio, pos, file->ops->write);
    if (result > 0)
        after_transfer(file, IN_MODIFY);
    return result;
}

int64_t vfs_seek(struct file *file, int64_t offset, int whence)
{
    if (!(file->mode & FILE_SEEK) || !file->ops->seek)
        return -ESPIPE;
    bool locked = lock_position(file);
    int64_t result = file->ops->seek(file, offset, whence);
    unlock_position(file, locked);
    return result;
}

int64_t vfs_read_kernel(struct file *file, void *buffer, size_t bytes, uint64_t pos)
{
    struct uio uio;
    if (!file->ops->read)
        return -EINVAL;
    uio_init_kernel(&uio, buffer, bytes);
    return file->ops->read(file, &uio, &pos);
}

uint32_t vfs_poll(struct file *file, struct poll_table *table)
{
    if (!file->ops->poll)
        return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
    return file->ops->poll(file, table);
}

int vfs_mmap(struct file *file, struct mm_map_request *request)
{
    bool shared = request->vma_flags & VMA_SHARED;
    if (!(file->mode & FILE_READ))
        return -EACCES;
    if (shared && (request->vma_flags & VMA_WRITE) && !(file->mode & FILE_WRITE))
        return -EACCES;
    if (mount_flags(file->path.mount) & MS_NOEXEC) {
        if (request->vma_flags & VMA_EXEC)
            return -EPERM;
        request->vma_flags &= ~(unsigned)VMA_MAY_EXEC;
    }
    if (shared && !(file->mode & FILE_WRITE))
        request->vma_flags &= ~(unsigned)VMA_MAY_WRITE;
    if (!file->ops->mmap)
        return -ENODEV;
    return file->ops->mmap(file, request);
}

int64_t generic_seek_size(struct file *file, int64_t offset, int whence, uint64_t size)
{
    int64_t base = 0;
    switch (whence) {
    case SEEK_SET:
        break;
    case SEEK_CUR:
        base = (int64_t)file->pos;
        break;
    case SEEK_END:
        base = (int64_t)size;
        break;
    case SEEK_DATA:
    case SEEK_HOLE:
        if (offset < 0 || (uint64_t)offset >= size)
            return -ENXIO;
        if (whence == SEEK_HOLE)
            offset = (int64_t)size;
        break;
    default:
        return -EINVAL;
    }
    int64_t result;
    if (add_overflows(base, offset, &result))
        return -EINVAL;
    if (result < 0)
        return -EINVAL;
    if ((uint64_t)result > file->inode->sb->max_bytes)
        return -EINVAL;
    file->pos = (uint64_t)result;
    return result;
}

int64_t null_seek(struct file *file, int64_t offset, int whence)
{
    (void)offset;
    (void)whence;
    return (int64_t)(file->pos = 0);
}
