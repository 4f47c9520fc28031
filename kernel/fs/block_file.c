/* SPDX-License-Identifier: MIT */
/*
 * Block devices as files: /dev/vda and its relatives; sd(4), ioctl_list(2), open(2) on O_DIRECT.
 *
 * Every node of a device shows the device's one page cache (kernel/drivers/block_cache.h), in which
 * the positions are bytes of the device. A file keeps its device in file->private. The last close
 * writes what is dirty and forgets the cache.
 */
#include "kernel/fs/block_file.h"
#include "kernel/abi/ioctl.h"
#include "kernel/core/klog.h"
#include "kernel/drivers/block.h"
#include "kernel/drivers/block_cache.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/mm/mm.h"

enum { DIRECT_MEMORY_ALIGNMENT = 512, NODE_MODE = 0600 };

static struct block_device *device_of(const struct file *file)
{
    return file->private;
}

struct block_device *block_file_device(const struct file *file)
{
    return S_ISBLK(inode_mode(file->inode)) ? file->private : NULL;
}

/* ---- open and close ---- */

static int block_open(struct inode *inode, struct file *file)
{
    struct block_device *device =
        block_find(file->kernel, DEV_MAJOR(inode->rdev), DEV_MINOR(inode->rdev));
    int error = device ? block_open_device(device, file, file->flags & O_EXCL) : -ENXIO;
    if (!error)
        file->private = device;
    return error;
}

static void block_release(struct file *file)
{
    block_close_device(device_of(file), file);
}

/* ---- reading and writing ---- */

/* The bytes that the device has at pos, at most `bytes`. */
static uint64_t limit(const struct block_device *device, uint64_t pos, uint64_t bytes)
{
    uint64_t size = block_bytes(device);
    return pos >= size ? 0 : MIN(bytes, size - pos);
}

static bool is_direct(const struct file *file)
{
    return atomic_load_relaxed(&file->flags) & O_DIRECT;
}

/* O_DIRECT: whole blocks, and memory that a device could reach. */
static bool is_aligned(const struct block_device *device, uint64_t pos, const struct uio *uio)
{
    uint32_t block = device->limits.logical_block;
    uint64_t left = uio->remaining;
    size_t offset = uio->segment_offset;
    if (pos % block || uio->remaining % block)
        return false;
    for (size_t i = 0; i < uio->segment_count && left > 0; i++, offset = 0) {
        uint64_t bytes = MIN(uio->segments[i].bytes - offset, left);
        if ((uio->segments[i].base + offset) % DIRECT_MEMORY_ALIGNMENT || bytes % block)
            return false;
        left -= bytes;
    }
    return true;
}

static int64_t block_file_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct block_device *device = device_of(file);
    uint64_t bytes = limit(device, *pos, uio->remaining);
    int64_t result = 0;
    if (bytes > 0 && is_direct(file) && !is_aligned(device, *pos, uio))
        return -EINVAL;
    if (bytes > 0)
        result = is_direct(file) ? block_read_direct(device, *pos, bytes, uio)
                                 : block_read(device, *pos, bytes, uio);
    if (result > 0)
        *pos += (uint64_t)result;
    path_accessed(&file->path, file->flags);
    return result;
}

static int64_t block_file_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct block_device *device = device_of(file);
    uint32_t flags = atomic_load_relaxed(&file->flags);
    if (atomic_load_relaxed(&device->read_only))
        return -EPERM;
    if (uio->remaining == 0)
        return 0;
    uint64_t at = (flags & O_APPEND) || *pos == VFS_POS_END ? block_bytes(device) : *pos;
    uint64_t bytes = limit(device, at, uio->remaining);
    if (bytes == 0)
        return -ENOSPC;
    if (is_direct(file) && !is_aligned(device, at, uio))
        return -EINVAL;
    int64_t result = is_direct(file) ? block_write_direct(device, at, bytes, uio)
                                     : block_write(device, at, bytes, uio);
    if (result <= 0)
        return result;
    *pos = at + (uint64_t)result;
    inode_touch(file->inode, false, true, true);
    if (flags & O_DSYNC) {
        int error = block_sync(device, at, *pos, true);
        if (error)
            return error;
    }
    return result;
}

static int64_t block_file_seek(struct file *file, int64_t offset, int whence)
{
    uint64_t old = file->pos;
    int64_t result = generic_seek_size(file, offset, whence, block_bytes(device_of(file)));
    if (result > 0 && (uint64_t)result > block_bytes(device_of(file))) {
        file->pos = old;
        return -EINVAL;
    }
    return result;
}

static int block_file_fsync(struct file *file, bool data_only)
{
    (void)data_only;
    return block_sync(device_of(file), 0, UINT64_MAX, true);
}

/* What fallocate(2) can do: zero or discard whole blocks. */
static int block_fallocate(struct file *file, int mode, uint64_t offset, uint64_t bytes)
{
    struct block_device *device = device_of(file);
    uint64_t end = offset + bytes, size = block_bytes(device);
    uint32_t block = device->limits.logical_block;
    bool punch = mode & FALLOC_FL_PUNCH_HOLE;
    if ((mode & ~FALLOC_FL_KEEP_SIZE) != (punch ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE) ||
        (punch && !(mode & FALLOC_FL_KEEP_SIZE)))
        return -EOPNOTSUPP;
    if (offset >= size)
        return -EINVAL;
    if (end > size) {
        if (!(mode & FALLOC_FL_KEEP_SIZE))
            return -EINVAL;
        end = size;
    }
    if (offset % block || end % block)
        return -EINVAL;
    return block_file_erase(device, offset, end, punch ? ERASE_UNMAP : ERASE_ZERO);
}

int block_file_erase(struct block_device *device, uint64_t start, uint64_t end, enum erase how)
{
    uint64_t sector = start / BLOCK_SECTOR, count = (end - start) / BLOCK_SECTOR;
    if (atomic_load_relaxed(&device->read_only))
        return -EPERM;
    block_forget(device, start, end);
    int error = block_sync(device, start, end, false); /* the parts of pages on both sides */
    if (error)
        return error;
    return how == ERASE_DISCARD ? block_discard(device, sector, count)
                                : block_write_zeroes(device, sector, count, how == ERASE_UNMAP);
}

/* ---- mmap: the VMA's backing is the struct file ---- */

static void block_vma_get(struct vma *vma)
{
    struct file *file = file_get(vma->backing);
    page_cache_map(&device_of(file)->cache, vma);
}

static void block_vma_put(struct vma *vma)
{
    struct file *file = vma->backing;
    page_cache_unmap(&device_of(file)->cache, vma);
    file_put(file);
}

static int block_vma_get_page(struct vma *vma, uint64_t index, bool write, struct page **out)
{
    struct block_device *device = device_of(vma->backing);
    if (index >= DIV_ROUND_UP(block_bytes(device), (uint64_t)PAGE_SIZE))
        return -ENXIO;
    int error = page_cache_get(&device->cache, index, true, out);
    if (!error && write)
        page_cache_mark_dirty(&device->cache, *out);
    return error;
}

static void block_vma_describe(struct vma *vma, uint64_t *dev, uint64_t *ino, char *text,
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

static int block_vma_sync(struct vma *vma, uint64_t first, uint64_t last, bool wait)
{
    struct block_device *device = device_of(vma->backing);
    uint64_t end = last >= UINT64_MAX / PAGE_SIZE ? UINT64_MAX : (last + 1) * PAGE_SIZE;
    return wait ? block_sync(device, first * PAGE_SIZE, end, true) : 0;
}

static uint64_t block_vma_identity(struct vma *vma)
{
    return (uint64_t)(uintptr_t)device_of(vma->backing);
}

static const struct vma_ops block_vma_ops = {
    .get = block_vma_get,
    .put = block_vma_put,
    .get_page = block_vma_get_page,
    .describe = block_vma_describe,
    .sync = block_vma_sync,
    .identity = block_vma_identity,
};

static int block_file_mmap(struct file *file, struct mm_map_request *request)
{
    if ((request->vma_flags & VMA_SHARED) && atomic_load_relaxed(&device_of(file)->read_only)) {
        if (request->vma_flags & VMA_WRITE)
            return -EPERM;
        request->vma_flags &= ~(unsigned)VMA_MAY_WRITE;
    }
    request->ops = &block_vma_ops;
    request->backing = file;
    path_accessed(&file->path, file->flags);
    return 0;
}

static const struct file_ops block_file_ops = {
    .open = block_open,
    .release = block_release,
    .read = block_file_read,
    .write = block_file_write,
    .seek = block_file_seek,
    .ioctl = block_file_ioctl,
    .mmap = block_file_mmap,
    .fsync = block_file_fsync,
    .fallocate = block_fallocate,
};

/* ---- nodes ---- */

static int make_node(struct block_device *device)
{
    return devtmpfs_create_node(device->kernel, device->name, S_IFBLK | NODE_MODE,
                                MAKE_DEV(device->major, device->minor));
}

int block_files_init(struct kernel *kernel)
{
    struct block_device *device = NULL;
    int error = 0;
    if (!kernel->drivers) /* a kernel without drivers, in a test */
        return 0;
    while (!error && (device = block_next(kernel, device))) {
        error = device_register_block(kernel, device->major, device->minor, BLOCK_MINORS, "virtblk",
                                      &block_file_ops, device);
        if (!error)
            error = make_node(device);
    }
    return error;
}

/* ---- partitions ---- */

/* Make the nodes of a disk's partitions be those that are present. */
static int nodes_follow(struct block_device *disk)
{
    int error = 0;
    for (unsigned i = 0; i < PARTITIONS_MAX; i++) {
        struct block_device *part = atomic_load_acquire(&disk->parts[i]);
        if (part && !block_is_present(part))
            (void)devtmpfs_remove_node(disk->kernel, part->name);
        int made = part && block_is_present(part) ? make_node(part) : 0;
        error = made == -EEXIST || !made ? error : made;
    }
    return error;
}

int block_file_reread(struct block_device *disk, const void *user)
{
    struct partition parts[PARTITIONS_MAX];
    int count = block_read_table(disk, parts);
    int error = count < 0 ? count : block_set_partitions(disk, user, parts);
    return error ? error : nodes_follow(disk);
}

void block_files_scan(struct kernel *kernel)
{
    struct block_device *device = NULL;
    while (kernel->drivers && (device = block_next(kernel, device))) {
        int error = device->disk ? 0 : block_file_reread(device, NULL);
        if (error)
            klog_warn("%s: its partitions are not known: error %d", device->name, -error);
    }
}

int block_file_partition(struct block_device *disk, enum partition_change change, unsigned number,
                         const struct partition *part)
{
    int error = change == PARTITION_ADD      ? block_add_partition(disk, number, part)
                : change == PARTITION_DELETE ? block_delete_partition(disk, number)
                                             : block_resize_partition(disk, number, part);
    return error ? error : nodes_follow(disk);
}
