/* SPDX-License-Identifier: MIT
 *
 * devpts: the file system with the names of pseudoterminal slaves, usually on /dev/pts.
 *
 * There is one instance for the whole machine, however often it is mounted. A name exists while its
 * master is open; its inode belongs to the pair, so that owner and mode set on it stay.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/dirent.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/stat.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/device.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/string.h"
#include "kernel/security/cred.h"
#include "kernel/tty/pty_internal.h"

enum { INO_ROOT = 1, INO_PTMX = 2, INO_FIRST = 3, TTY_GROUP = 5 };

static int parse_index(const char *name, size_t length)
{
    int index = 0;
    if (length == 0 || length > 7 || (name[0] == '0' && length > 1))
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (!kisdigit(name[i]))
            return -1;
        index = index * 10 + (name[i] - '0');
    }
    return index;
}

static int root_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    struct kernel *kernel = dir->sb->kernel;
    if (length == 4 && memcmp(name, "ptmx", 4) == 0) {
        struct inode *ptmx = dir->private;
        *out = inode_get(ptmx);
        return 0;
    }
    struct pty *pty = pty_find(kernel, parse_index(name, length));
    if (!pty)
        return -ENOENT;
    *out = inode_get(pty->inode);
    tty_put(pty->slave);
    return 0;
}

/* A cached name is right if the pair of that number still is the one that it was. */
static bool root_revalidate(struct dentry *dentry)
{
    struct kernel *kernel = dentry->sb->kernel;
    struct inode *inode = dentry->inode;
    if (dentry == dentry->parent || (inode && inode->ino == INO_PTMX))
        return true;
    struct pty *pty = pty_find(kernel, parse_index(dentry->name, dentry->length));
    bool same = (pty ? pty->inode : NULL) == inode;
    if (pty)
        tty_put(pty->slave);
    return same;
}

static int root_iterate(struct file *file, struct dir_context *context)
{
    struct kernel *kernel = file->kernel;
    struct pty_table *table = kernel->tty->ptys;
    char name[16];

    if (context->pos == 0 && context->emit(context, ".", 1, INO_ROOT, DT_DIR, 1))
        return 0;
    context->pos = MAX(context->pos, (uint64_t)1);
    if (context->pos == 1 && context->emit(context, "..", 2, INO_ROOT, DT_DIR, 2))
        return 0;
    context->pos = MAX(context->pos, (uint64_t)2);
    if (context->pos == 2 && context->emit(context, "ptmx", 4, INO_PTMX, DT_CHR, 3))
        return 0;
    context->pos = MAX(context->pos, (uint64_t)3);
    for (;;) {
        uint64_t index = context->pos - 3;
        mutex_lock(&table->lock);
        struct pty *pty = xarray_find(&table->by_index, &index);
        mutex_unlock(&table->lock);
        if (!pty)
            return 0;
        int length = ksnprintf(name, sizeof(name), "%llu", (unsigned long long)index);
        if (context->emit(context, name, (size_t)length, INO_FIRST + index, DT_CHR, index + 4))
            return 0;
        context->pos = index + 4;
    }
}

static const struct inode_ops root_ops = {.lookup = root_lookup, .revalidate = root_revalidate};
static const struct inode_ops node_ops = {.revalidate = root_revalidate};
static const struct file_ops root_file_ops = {
    .iterate = root_iterate,
    .seek = generic_file_seek,
};

int devpts_create_inode(struct kernel *kernel, int index, struct inode **out)
{
    struct superblock *sb = kernel->tty->ptys->devpts;
    const struct cred *cred = current_cred();
    int error = inode_create(sb, NULL, S_IFCHR | 0620, out);
    if (error)
        return error;
    struct inode *inode = *out;
    inode->ops = &node_ops;
    inode->ino = INO_FIRST + (uint64_t)index;
    inode->rdev = MAKE_DEV(PTY_SLAVE_MAJOR, index);
    inode->uid = cred->fsuid;
    inode->gid = TTY_GROUP;
    return 0;
}

/* ---- the one instance ---- */

static int devpts_mount(struct kernel *kernel, const struct filesystem *type, const char *source,
                        unsigned flags, const char *options, struct superblock **out)
{
    (void)type;
    (void)source;
    (void)flags;
    (void)options; /* uid, gid, mode and ptmxmode: what we give is what Debian mounts it with */
    *out = superblock_get(kernel->tty->ptys->devpts);
    return 0;
}

static bool may_mount_devpts(void)
{
    return capable_here(CAP_SYS_ADMIN);
}

static const struct filesystem devpts_type = {
    .name = "devpts",
    .magic = DEVPTS_SUPER_MAGIC,
    .mount = devpts_mount,
    .may_mount = may_mount_devpts,
};

static void devpts_show_options(struct superblock *sb, char *buffer, size_t bytes)
{
    (void)sb;
    ksnprintf(buffer, bytes, ",gid=%d,mode=620,ptmxmode=666", TTY_GROUP);
}

static const struct superblock_ops sb_ops = {.show_options = devpts_show_options};

static int create_root(struct superblock *sb)
{
    struct inode *root, *ptmx;
    int error = inode_create(sb, NULL, S_IFCHR | 0666, &ptmx);
    if (error)
        return error;
    ptmx->ino = INO_PTMX;
    ptmx->rdev = MAKE_DEV(PTMX_MAJOR, PTMX_MINOR);
    error = inode_create(sb, NULL, S_IFDIR | 0755, &root);
    if (error) {
        inode_put(ptmx);
        return error;
    }
    root->ino = INO_ROOT;
    root->ops = &root_ops;
    root->file_ops = &root_file_ops;
    root->private = ptmx; /* the reference stays with the root, for the life of the machine */
    return dentry_create_root(sb, root);
}

int devpts_init(struct kernel *kernel)
{
    struct superblock *sb;
    int error = superblock_create(kernel, &devpts_type, &sb_ops, &sb);
    if (error)
        return error;
    error = create_root(sb);
    if (error) {
        superblock_put(sb);
        return error;
    }
    kernel->tty->ptys->devpts = sb;
    return vfs_register_filesystem(kernel, &devpts_type);
}
