/* SPDX-License-Identifier: MIT
 *
 * Files of tmpfs whose contents are still in the boot image.
 *
 * A root file system may be larger than what a machine ever reads of it, so unpacking a large image
 * only makes its names; a file keeps a pointer to its bytes and its pages are copied when somebody
 * looks, a cluster at a time. They are clean, so memory pressure may drop them again. Such a file
 * is read only: the first open for writing, and every change of its size, brings all of it into the
 * page cache and makes it an ordinary file. Until then it counts against the limits of its file
 * system as if it were there.
 *
 * inode->private of such a file is its struct tmpfs_image. It stays until the inode goes, because
 * who reads a page holds the cache's lock only.
 */
#include "kernel/fs/tmpfs_internal.h"

/* Pages that are copied together: a fault maps what is in the cache around it. */
enum { CLUSTER_PAGES = 16 };

struct tmpfs_image {
    const uint8_t *bytes;
    uint64_t size;
    bool adopted; /* the file is an ordinary one now; guarded by the inode's mutex */
};

static int image_read_page(struct page_cache *cache, struct page *page)
{
    const struct tmpfs_image *image = ((struct inode *)cache->owner)->private;
    uint64_t pos = page->index << PAGE_SHIFT;
    uint64_t bytes = pos < image->size ? MIN(image->size - pos, (uint64_t)PAGE_SIZE) : 0;
    uint8_t *memory = page_address(page);
    memcpy(memory, image->bytes + pos, bytes);
    memset(memory + bytes, 0, PAGE_SIZE - bytes);
    return 0;
}

static void image_cluster(struct page_cache *cache, uint64_t index, uint64_t *first,
                          unsigned *count)
{
    const struct tmpfs_image *image = ((struct inode *)cache->owner)->private;
    uint64_t pages = DIV_ROUND_UP(image->size, (uint64_t)PAGE_SIZE);
    *first = ALIGN_DOWN(index, (uint64_t)CLUSTER_PAGES);
    *count = index < pages ? (unsigned)MIN(pages - *first, (uint64_t)CLUSTER_PAGES) : 1;
}

static const struct page_cache_ops image_page_ops = {
    .read_page = image_read_page,
    .cluster = image_cluster,
};

int tmpfs_set_image(struct inode *inode, const void *data, uint64_t bytes)
{
    struct tmpfs *tmpfs = tmpfs_of(inode->sb);
    uint64_t pages = DIV_ROUND_UP(bytes, (uint64_t)PAGE_SIZE);
    struct tmpfs_image *image = kmalloc(sizeof(*image));
    assert(inode->size == 0 && !inode->private);
    if (!image)
        return -ENOMEM;
    *image = (struct tmpfs_image){.bytes = data, .size = bytes};
    inode->private = image;
    inode->pages.ops = &image_page_ops;
    inode->blocks = pages * (PAGE_SIZE / 512);
    atomic_store_release(&inode->size, bytes);
    atomic_fetch_add_relaxed(&tmpfs->used_pages, pages);
    return 0;
}

/* What the pages of an image file count, whether or not they are there. */
static void uncount_pages(struct inode *inode, const struct tmpfs_image *image)
{
    uint64_t pages = DIV_ROUND_UP(image->size, (uint64_t)PAGE_SIZE);
    atomic_fetch_sub_relaxed(&tmpfs_of(inode->sb)->used_pages, pages);
    atomic_fetch_sub_relaxed(&inode->blocks, pages * (PAGE_SIZE / 512));
}

/* NULL: the file never was in the image. Files that others build on tmpfs have a private of their
 * own. */
static struct tmpfs_image *image_of(const struct inode *inode)
{
    return inode->file_ops == &tmpfs_file_ops ? inode->private : NULL;
}

int tmpfs_adopt_image(struct inode *inode, uint64_t bytes)
{
    struct tmpfs_image *image = image_of(inode);
    if (!image || image->adopted)
        return 0;
    uint64_t pages = DIV_ROUND_UP(MIN(bytes, image->size), (uint64_t)PAGE_SIZE);
    uncount_pages(inode, image);
    int error = page_cache_leave_store(&inode->pages, pages, &tmpfs_page_ops);
    if (error) {
        uint64_t all = DIV_ROUND_UP(image->size, (uint64_t)PAGE_SIZE);
        atomic_fetch_add_relaxed(&tmpfs_of(inode->sb)->used_pages, all);
        atomic_fetch_add_relaxed(&inode->blocks, all * (PAGE_SIZE / 512));
        return error;
    }
    image->adopted = true;
    return 0;
}

int tmpfs_open(struct inode *inode, struct file *file)
{
    if (likely(!(file->mode & FILE_WRITE) || !inode->private))
        return 0;
    if (file->flags & O_TRUNC)
        return 0; /* the truncation that follows does it */
    mutex_lock(&inode->mutex);
    int error = tmpfs_adopt_image(inode, UINT64_MAX);
    mutex_unlock(&inode->mutex);
    return error;
}

void tmpfs_evict_image(struct inode *inode)
{
    struct tmpfs_image *image = image_of(inode);
    if (!image)
        return;
    if (!image->adopted)
        uncount_pages(inode, image);
    kfree(image);
}
