/* SPDX-License-Identifier: MIT
 *
 * Unpacking the initial archives into the root; Linux's Documentation/driver-api/early-userspace.
 *
 * The archives are untrusted input: names may be anything, in any order. Names are taken below the
 * root component by component without following links, "." is skipped, ".." refused. A later entry
 * replaces an earlier one of the same name, directories are merged. Entries whose directory is
 * missing are skipped, as Linux does; a broken archive ends the unpacking.
 *
 * Consecutive entries mostly share a directory, so the last one is kept instead of walked to again.
 */
#include "kernel/core/klog.h"
#include "kernel/fs/tmpfs_internal.h"
#include "kernel/lib/cpio.h"

struct unpacker {
    struct kernel *kernel;
    bool in_place; /* contents stay in the archive */
    struct cpio_reader reader;
    struct dentry *root;
    struct dentry *dir;   /* referenced: where the last entry went */
    const char *dir_name; /* its name: the first dir_length bytes */
    size_t dir_length;
};

/* Step from *dir (a reference, which moves) to its child. */
static int descend(struct dentry **dir, const char *name, size_t length)
{
    struct dentry *child;
    if (length == 1 && name[0] == '.')
        return 0;
    if (length == 2 && name[0] == '.' && name[1] == '.')
        return -EINVAL;
    int error = tmpfs_find(*dir, name, length, &child);
    if (error)
        return error;
    if (!S_ISDIR(inode_mode(dentry_inode(child)))) {
        dentry_put(child);
        return -ENOTDIR;
    }
    dentry_put(*dir);
    *dir = child;
    return 0;
}

/* Make unpacker->dir the directory with this name. */
static int enter_dir(struct unpacker *unpacker, const char *name, size_t length)
{
    if (unpacker->dir && unpacker->dir_length == length &&
        memcmp(unpacker->dir_name, name, length) == 0)
        return 0;
    struct dentry *dir = dentry_get(unpacker->root);
    for (size_t at = 0; at < length;) {
        size_t end = at;
        while (end < length && name[end] != '/')
            end++;
        int error = end > at ? descend(&dir, name + at, end - at) : 0;
        if (error) {
            dentry_put(dir);
            return error;
        }
        at = end + 1;
    }
    if (unpacker->dir)
        dentry_put(unpacker->dir);
    unpacker->dir = dir;
    unpacker->dir_name = name;
    unpacker->dir_length = length;
    return 0;
}

static void set_attributes(struct inode *inode, const struct cpio_entry *entry)
{
    struct timestamp time = {.seconds = entry->mtime};
    spin_lock(&inode->lock);
    inode->mode = (inode->mode & S_IFMT) | (entry->mode & 07777);
    inode->uid = entry->uid;
    inode->gid = entry->gid;
    inode->atime = inode->mtime = inode->ctime = time;
    spin_unlock(&inode->lock);
}

/* A directory that exists keeps its entries; anything else with the name goes. */
static int add_entry(struct unpacker *unpacker, const struct cpio_entry *entry, const char *name,
                     size_t length, const char *target, struct dentry **out)
{
    uint64_t rdev = linux_makedev(entry->rdev_major, entry->rdev_minor);
    bool device = S_ISCHR(entry->mode) || S_ISBLK(entry->mode);
    int error = tmpfs_add(unpacker->dir, name, length, entry->mode, device ? rdev : 0, target, out);
    if (error != -EEXIST)
        return error;
    error = tmpfs_find(unpacker->dir, name, length, out);
    if (error)
        return error;
    if (S_ISDIR(entry->mode) && S_ISDIR(inode_mode(dentry_inode(*out))))
        return 0;
    dentry_put(*out);
    error = tmpfs_remove(unpacker->dir, name, length);
    if (error)
        return error;
    return tmpfs_add(unpacker->dir, name, length, entry->mode, device ? rdev : 0, target, out);
}

/* The contents of a regular file that has none yet. */
static int set_contents(struct unpacker *unpacker, struct inode *inode,
                        const struct cpio_entry *entry)
{
    if (entry->data_size == 0)
        return 0;
    if (unpacker->in_place)
        return tmpfs_set_image(inode, entry->data, entry->data_size);
    return tmpfs_fill(inode, entry->data, entry->data_size);
}

static int link_text(const struct cpio_entry *entry, char **out)
{
    size_t length = entry->data_size;
    *out = NULL;
    if (!S_ISLNK(entry->mode))
        return 0;
    if (length == 0 || length >= VFS_PATH_MAX)
        return -EINVAL;
    *out = kmalloc(length + 1);
    if (!*out)
        return -ENOMEM;
    memcpy(*out, entry->data, length);
    (*out)[length] = 0;
    return 0;
}

static void split_name(const char *name, size_t size, size_t *out_dir, const char **out_last,
                       size_t *out_length)
{
    while (size > 0 && name[size - 1] == '/')
        size--;
    size_t start = size;
    while (start > 0 && name[start - 1] != '/')
        start--;
    *out_last = name + start;
    *out_length = size - start;
    while (start > 0 && name[start - 1] == '/')
        start--;
    *out_dir = start;
}

/* Find the file that an earlier entry made, by its name. */
static int find_entry(struct unpacker *unpacker, const struct cpio_entry *entry,
                      struct dentry **out)
{
    const char *last;
    size_t dir_length, length;
    split_name(entry->name, entry->name_size, &dir_length, &last, &length);
    int error = enter_dir(unpacker, entry->name, dir_length);
    return error ? error : tmpfs_find(unpacker->dir, last, length, out);
}

/* Another name for `inode` in the current directory. */
static int add_link(struct dentry *dir, const char *name, size_t length, struct inode *inode)
{
    struct dentry *dentry;
    struct inode *dir_inode = dentry_inode(dir);
    mutex_lock(&dir_inode->mutex);
    int error = walk_lookup_locked(dir, name, length, &dentry);
    if (!error) {
        error = dentry_inode(dentry) ? -EEXIST : dir_inode->ops->link(dir_inode, dentry, inode);
        if (!error)
            dentry_instantiate(dentry, inode_get(inode));
        dentry_put(dentry);
    }
    mutex_unlock(&dir_inode->mutex);
    return error;
}

/* A hard link to an earlier entry: 1 if that was done, 0 if the entry is the first of its file. */
static int unpack_link(struct unpacker *unpacker, const struct cpio_entry *entry)
{
    struct cpio_entry first;
    struct dentry *source;
    const char *last;
    size_t dir_length, length;
    if (entry->links < 2 || S_ISDIR(entry->mode) ||
        cpio_first_link(&unpacker->reader, entry, &first) != 1)
        return 0;
    if (find_entry(unpacker, &first, &source))
        return 0;
    struct inode *inode = inode_get(dentry_inode(source));
    dentry_put(source);
    split_name(entry->name, entry->name_size, &dir_length, &last, &length);
    int error = enter_dir(unpacker, entry->name, dir_length);
    if (!error) {
        tmpfs_remove(unpacker->dir, last, length);
        error = add_link(unpacker->dir, last, length, inode);
    }
    if (!error && S_ISREG(inode->mode) && entry->data_size > 0 && inode->size == 0) {
        error = set_contents(unpacker, inode, entry);
        set_attributes(inode, entry);
    }
    inode_put(inode);
    return error ? error : 1;
}

static bool type_is_known(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFLNK:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
        return true;
    default:
        return false;
    }
}

static int unpack_entry(struct unpacker *unpacker, const struct cpio_entry *entry)
{
    const char *last;
    size_t dir_length, length;
    struct dentry *dentry;
    char *target;
    if (!type_is_known(entry->mode))
        return -EINVAL;
    split_name(entry->name, entry->name_size, &dir_length, &last, &length);
    if (length == 0 || (length == 1 && last[0] == '.')) {
        if (S_ISDIR(entry->mode) && dir_length == 0)
            set_attributes(dentry_inode(unpacker->root), entry);
        return 0;
    }
    if (length > VFS_NAME_MAX || (length == 2 && last[0] == '.' && last[1] == '.'))
        return -EINVAL;
    int linked = unpack_link(unpacker, entry);
    if (linked)
        return linked < 0 ? linked : 0;
    int error = enter_dir(unpacker, entry->name, dir_length);
    if (!error)
        error = link_text(entry, &target);
    if (error)
        return error;
    error = add_entry(unpacker, entry, last, length, target, &dentry);
    kfree(target);
    if (error)
        return error;
    if (S_ISREG(entry->mode))
        error = set_contents(unpacker, dentry_inode(dentry), entry);
    set_attributes(dentry_inode(dentry), entry);
    dentry_put(dentry);
    return error;
}

int initramfs_unpack(struct kernel *kernel, const void *archive, uint64_t bytes, bool in_place)
{
    struct unpacker unpacker = {
        .kernel = kernel, .in_place = in_place, .root = kernel->vfs->top->root};
    struct cpio_entry entry;
    int result = 0, got;
    cpio_reader_init(&unpacker.reader, archive, bytes);
    while ((got = cpio_next(&unpacker.reader, &entry)) == 1) {
        int error = unpack_entry(&unpacker, &entry);
        if (error && !result) {
            result = error;
            klog_warn("initramfs: cannot unpack %.200s: error %d", entry.name, -error);
        }
        if (error == -ENOMEM || error == -ENOSPC)
            break;
    }
    if (got < 0) {
        klog_err("initramfs: broken archive at byte %llu",
                 (unsigned long long)unpacker.reader.offset);
        result = got;
    }
    if (unpacker.dir)
        dentry_put(unpacker.dir);
    return result;
}
