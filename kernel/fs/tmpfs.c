/* SPDX-License-Identifier: MIT
 *
 * tmpfs(5): superblocks, their limits, and inodes. ramfs is the same without limits.
 *
 * Names live in the dentry cache, pinned; contents in the page cache. What is not in memory does
 * not exist.
 */
#include "kernel/fs/tmpfs_internal.h"

#include "kernel/abi/capability.h"
#include "kernel/fs/acl.h"
#include "kernel/fs/xattr.h"
#include "kernel/lib/printf.h"
#include "kernel/security/cred.h"

/* ---- limits ---- */

static bool take_one(uint64_t *used, uint64_t max)
{
    uint64_t now = atomic_add_fetch_relaxed(used, 1);
    if (max == 0 || now <= max)
        return true;
    atomic_fetch_sub_relaxed(used, 1);
    return false;
}

static int reserve_page(struct page_cache *cache)
{
    struct inode *inode = cache->owner;
    struct tmpfs *tmpfs = tmpfs_of(inode->sb);
    if (!take_one(&tmpfs->used_pages, atomic_load_relaxed(&tmpfs->options.max_pages)))
        return -ENOSPC;
    atomic_fetch_add_relaxed(&inode->blocks, PAGE_SIZE / 512);
    return 0;
}

static void release_page(struct page_cache *cache)
{
    struct inode *inode = cache->owner;
    atomic_fetch_sub_relaxed(&tmpfs_of(inode->sb)->used_pages, 1);
    atomic_fetch_sub_relaxed(&inode->blocks, PAGE_SIZE / 512);
}

bool tmpfs_inode_reserve(struct superblock *sb)
{
    struct tmpfs *tmpfs = tmpfs_of(sb);
    return take_one(&tmpfs->used_inodes, atomic_load_relaxed(&tmpfs->options.max_inodes));
}

void tmpfs_inode_release(struct superblock *sb)
{
    atomic_fetch_sub_relaxed(&tmpfs_of(sb)->used_inodes, 1);
}

/* A symlink's text of this length or more counts as a page. */
enum { LONG_SYMLINK = 128 };

static bool has_long_link(const struct inode *inode)
{
    return inode->link && inode->size >= LONG_SYMLINK;
}

const struct page_cache_ops tmpfs_page_ops = {.reserve = reserve_page, .release = release_page};

/* ---- inodes ---- */

static void *xarray_alloc_node(void *ctx, size_t size)
{
    (void)ctx;
    return kmalloc(size);
}

static void xarray_free_node(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    (void)size;
    kfree(memory);
}

static const struct lib_allocator node_allocator = {.alloc = xarray_alloc_node,
                                                    .free = xarray_free_node};

static int init_dir(struct inode *inode)
{
    struct tmpfs_dir *dir = kmalloc(sizeof(*dir));
    if (!dir)
        return -ENOMEM;
    xarray_init(&dir->entries, &node_allocator);
    dir->next_offset = TMPFS_FIRST_OFFSET;
    inode->private = dir;
    inode->ops = &tmpfs_dir_inode_ops;
    inode->file_ops = &tmpfs_dir_ops;
    inode->size = 2 * TMPFS_ENTRY_BYTES;
    return 0;
}

/* Frees what hangs on the inode, when its last reference goes. */
void tmpfs_evict(struct inode *inode)
{
    if (S_ISDIR(inode->mode) && inode->private) {
        xarray_destroy(&tmpfs_dir_of(inode)->entries);
        kfree(inode->private);
    } else if (S_ISREG(inode->mode)) {
        tmpfs_evict_image(inode);
    }
    if (has_long_link(inode) && inode->blocks)
        atomic_fetch_sub_relaxed(&tmpfs_of(inode->sb)->used_pages, 1);
    /* Names that are left are counted; there are some at unmount only. */
    unsigned names = S_ISDIR(inode->mode) || inode->nlink == 0 ? 1 : inode->nlink;
    atomic_fetch_sub_relaxed(&tmpfs_of(inode->sb)->used_inodes, names);
}

int tmpfs_inode_create(struct superblock *sb, struct inode *dir, uint32_t mode, uint64_t rdev,
                       const char *target, struct inode **out)
{
    struct inode *inode;
    if (!tmpfs_inode_reserve(sb))
        return -ENOSPC;
    int error = S_ISLNK(mode) ? inode_create_symlink(sb, dir, target, &inode)
                              : inode_create(sb, dir, mode, &inode);
    if (error) {
        tmpfs_inode_release(sb);
        return error;
    }
    inode->ops = &tmpfs_inode_ops;
    inode->rdev = rdev;
    if (S_ISDIR(mode)) {
        error = init_dir(inode);
        if (error) {
            inode_put(inode);
            return error;
        }
    } else if (S_ISREG(mode)) {
        inode->file_ops = &tmpfs_file_ops;
        inode->pages.ops = &tmpfs_page_ops;
        inode->private_u64 = F_SEAL_SEAL;
    } else if (has_long_link(inode)) {
        if (!take_one(&tmpfs_of(sb)->used_pages,
                      atomic_load_relaxed(&tmpfs_of(sb)->options.max_pages))) {
            inode_put(inode);
            return -ENOSPC;
        }
        inode->blocks = PAGE_SIZE / 512;
    }
    if (dir && !S_ISLNK(mode)) {
        error = acl_inherit(dir, inode);
        if (error) {
            inode_put(inode);
            return error;
        }
    }
    *out = inode;
    return 0;
}

/* The seals of a memfd forbid some sizes. */
static int tmpfs_setattr(struct inode *inode, const struct attr_change *change)
{
    if ((change->mask & ATTR_SIZE) && S_ISREG(inode->mode)) {
        unsigned seals = tmpfs_seals(inode);
        if ((change->size < inode->size && (seals & F_SEAL_SHRINK)) ||
            (change->size > inode->size && (seals & F_SEAL_GROW)))
            return -EPERM;
        int error = tmpfs_adopt_image(inode, change->size);
        if (error)
            return error;
    }
    return generic_setattr(inode, change);
}

const struct inode_ops tmpfs_inode_ops = {
    .setattr = tmpfs_setattr,
    .getxattr = simple_xattr_get,
    .setxattr = simple_xattr_set,
    .listxattr = simple_xattr_list,
    .removexattr = simple_xattr_remove,
    .evict = tmpfs_evict,
};

/* ---- superblocks ---- */

/* Of those that the machine boots with: the root, and what is under it. */
static bool is_root_type(const struct filesystem *type)
{
    return type->mount == NULL;
}

static int tmpfs_statfs(struct superblock *sb, struct linux_statfs *out)
{
    struct tmpfs *tmpfs = tmpfs_of(sb);
    uint64_t pages = atomic_load_relaxed(&tmpfs->options.max_pages);
    uint64_t inodes = atomic_load_relaxed(&tmpfs->options.max_inodes);
    uint64_t used_pages = atomic_load_relaxed(&tmpfs->used_pages);
    uint64_t used_inodes = atomic_load_relaxed(&tmpfs->used_inodes);
    if (!pages && is_root_type(sb->type)) {
        /* Programs that install ask how much room there is: what memory is left. */
        struct page_counts counts;
        page_count(sb->kernel, &counts);
        pages = used_pages + counts.free;
    }
    if (pages) {
        out->f_blocks = pages;
        out->f_bfree = out->f_bavail = pages > used_pages ? pages - used_pages : 0;
    }
    if (inodes) {
        out->f_files = inodes;
        out->f_ffree = inodes > used_inodes ? inodes - used_inodes : 0;
    }
    return 0;
}

static int tmpfs_remount(struct superblock *sb, unsigned flags, const char *text)
{
    struct tmpfs *tmpfs = tmpfs_of(sb);
    struct tmpfs_options options = tmpfs->options;
    (void)flags;
    int error = tmpfs_parse_options(sb->kernel, text, &options);
    if (error)
        return error;
    if ((options.max_pages && atomic_load_relaxed(&tmpfs->used_pages) > options.max_pages) ||
        (options.max_inodes && atomic_load_relaxed(&tmpfs->used_inodes) > options.max_inodes))
        return -EINVAL;
    atomic_store_relaxed(&tmpfs->options.max_pages, options.max_pages);
    atomic_store_relaxed(&tmpfs->options.max_inodes, options.max_inodes);
    tmpfs->options.has_size = options.has_size;
    tmpfs->options.has_inodes = options.has_inodes;
    return 0;
}

static void tmpfs_show_options(struct superblock *sb, char *buffer, size_t bytes)
{
    const struct tmpfs_options *options = &tmpfs_of(sb)->options;
    size_t used = 0;
    buffer[0] = 0;
    if (options->has_size && options->max_pages)
        used += (size_t)kscnprintf(buffer + used, bytes - used, ",size=%lluk",
                                   (unsigned long long)options->max_pages * (PAGE_SIZE / 1024));
    if (options->has_inodes && options->max_inodes)
        used += (size_t)kscnprintf(buffer + used, bytes - used, ",nr_inodes=%llu",
                                   (unsigned long long)options->max_inodes);
    if (options->mode != 01777)
        used += (size_t)kscnprintf(buffer + used, bytes - used, ",mode=%03o", options->mode);
    if (options->uid)
        used += (size_t)kscnprintf(buffer + used, bytes - used, ",uid=%u", options->uid);
    if (options->gid)
        kscnprintf(buffer + used, bytes - used, ",gid=%u", options->gid);
}

static void tmpfs_unmount(struct superblock *sb)
{
    struct tmpfs *tmpfs = tmpfs_of(sb);
    if (!tmpfs)
        return;
    assert(tmpfs->used_inodes == 0 && tmpfs->used_pages == 0);
    kfree(tmpfs);
}

static const struct superblock_ops tmpfs_sb_ops = {
    .statfs = tmpfs_statfs,
    .remount = tmpfs_remount,
    .show_options = tmpfs_show_options,
    .unmount = tmpfs_unmount,
};

/* Half of memory for pages, and as many inodes; ramfs and the initial root have no limit. */
static void default_options(struct kernel *kernel, const struct filesystem *type,
                            struct tmpfs_options *out)
{
    struct page_counts pages;
    page_count(kernel, &pages);
    const struct cred *cred = current_cred(); /* none yet for the first root */
    bool limited = type->magic == TMPFS_MAGIC && !is_root_type(type);
    *out = (struct tmpfs_options){
        .max_pages = limited ? pages.total / 2 : 0,
        .max_inodes = limited ? pages.total / 2 : 0,
        .mode = limited && kstr_equal(type->name, "tmpfs") ? 01777 : 0755,
        .uid = cred ? cred->fsuid : 0,
        .gid = cred ? cred->fsgid : 0,
    };
}

static int make_root(struct superblock *sb, const struct tmpfs_options *options)
{
    struct inode *root;
    int error = tmpfs_inode_create(sb, NULL, S_IFDIR | options->mode, 0, NULL, &root);
    if (error)
        return error;
    root->uid = options->uid;
    root->gid = options->gid;
    return dentry_create_root(sb, root);
}

int tmpfs_superblock_create(struct kernel *kernel, const struct filesystem *type, const char *text,
                            struct superblock **out)
{
    struct tmpfs *tmpfs = kzalloc(sizeof(*tmpfs));
    if (!tmpfs)
        return -ENOMEM;
    default_options(kernel, type, &tmpfs->options);
    int error = tmpfs_parse_options(kernel, text, &tmpfs->options);
    struct superblock *sb;
    if (!error)
        error = superblock_create(kernel, type, &tmpfs_sb_ops, &sb);
    if (error) {
        kfree(tmpfs);
        return error;
    }
    sb->private = tmpfs;
    if (type->magic == TMPFS_MAGIC)
        sb->flags |= MS_POSIXACL;
    error = make_root(sb, &tmpfs->options);
    if (error) {
        superblock_put(sb);
        return error;
    }
    *out = sb;
    return 0;
}

static int tmpfs_mount(struct kernel *kernel, const struct filesystem *type, const char *source,
                       unsigned flags, const char *options, struct superblock **out)
{
    (void)source;
    (void)flags;
    return tmpfs_superblock_create(kernel, type, options, out);
}

static bool may_mount_here(void)
{
    return capable_here(CAP_SYS_ADMIN);
}

static const struct filesystem tmpfs_type = {
    .name = "tmpfs", .magic = TMPFS_MAGIC, .mount = tmpfs_mount, .may_mount = may_mount_here};
static const struct filesystem ramfs_type = {
    .name = "ramfs", .magic = RAMFS_MAGIC, .mount = tmpfs_mount, .may_mount = may_mount_here};
static const struct filesystem rootfs_type = {.name = "rootfs", .magic = TMPFS_MAGIC};
static const struct filesystem root_type = {.name = "tmpfs", .magic = TMPFS_MAGIC};

static int mount_internal(struct kernel *kernel, const struct filesystem *type, const char *source,
                          unsigned flags, struct mount **out)
{
    struct superblock *sb;
    int error = tmpfs_superblock_create(kernel, type, NULL, &sb);
    if (error)
        return error;
    kstrlcpy(sb->source, source, sizeof(sb->source));
    error = mount_create(kernel, sb, sb->root, flags, out);
    superblock_put(sb);
    return error;
}

int tmpfs_init(struct kernel *kernel)
{
    struct vfs_state *vfs = kernel->vfs;
    int error = vfs_register_filesystem(kernel, &tmpfs_type);
    if (!error)
        error = vfs_register_filesystem(kernel, &ramfs_type);
    if (!error)
        error = mount_internal(kernel, &rootfs_type, "rootfs", 0, &vfs->root);
    if (!error)
        error = mount_internal(kernel, &root_type, "tmpfs", 0, &vfs->top);
    if (!error)
        error = mount_internal(kernel, &tmpfs_type, "tmpfs", MS_NOATIME, &vfs->shm_mount);
    return error;
}
