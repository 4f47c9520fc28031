/* SPDX-License-Identifier: MIT
 *
 * devpts: the file system with the names of pseudoterminal slaves, usually on /dev/pts.
 *
 * Each mount is an instance of its own, with its own numbers. Its pairs are made by opening the
 * ptmx in it, or one beside which it is mounted as "pts". A name exists while its master is open;
 * its inode belongs to the pair, so that owner and mode set on it stay. A pair holds its instance.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/dirent.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/stat.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/device.h"
#include "kernel/fs/mount_namespace.h"
#include "kernel/fs/mount_options.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/parse.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/strbuf.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/security/cred.h"
#include "kernel/security/user_namespace.h"
#include "kernel/tty/pty_internal.h"

enum { INO_ROOT = 1, INO_PTMX = 2, INO_FIRST = 3 };

static const struct filesystem devpts_type;

struct devpts *devpts_of(const struct superblock *sb)
{
    return sb->type == &devpts_type ? sb->private : NULL;
}

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
    if (length == 4 && memcmp(name, "ptmx", 4) == 0) {
        struct inode *ptmx = dir->private;
        *out = inode_get(ptmx);
        return 0;
    }
    struct pty *pty = pty_find(dir->sb, parse_index(name, length));
    if (!pty)
        return -ENOENT;
    *out = inode_get(pty->inode);
    tty_put(pty->slave);
    return 0;
}

/* A cached name is right if the pair of that number still is the one that it was. */
static bool root_revalidate(struct dentry *dentry)
{
    struct inode *inode = dentry->inode;
    if (dentry == dentry->parent || (inode && inode->ino == INO_PTMX))
        return true;
    struct pty *pty = pty_find(dentry->sb, parse_index(dentry->name, dentry->length));
    bool same = (pty ? pty->inode : NULL) == inode;
    if (pty)
        tty_put(pty->slave);
    return same;
}

static int root_iterate(struct file *file, struct dir_context *context)
{
    struct pty_table *table = file->kernel->tty->ptys;
    struct devpts *devpts = devpts_of(file->inode->sb);
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
        struct pty *pty = xarray_find(&devpts->by_index, &index);
        mutex_unlock(&table->lock);
        if (!pty)
            return 0;
        int length = ksnprintf(name, sizeof(name), "%llu", (unsigned long long)index);
        if (context->emit(context, name, (size_t)length, INO_FIRST + index, DT_CHR, index + 4))
            return 0;
        context->pos = index + 4;
    }
}

static void root_evict(struct inode *root)
{
    inode_put(root->private); /* ptmx */
}

static const struct inode_ops root_ops = {
    .lookup = root_lookup, .revalidate = root_revalidate, .evict = root_evict};
static const struct inode_ops node_ops = {.revalidate = root_revalidate};
static const struct file_ops root_file_ops = {
    .iterate = root_iterate,
    .seek = generic_file_seek,
};

int devpts_create_inode(struct superblock *sb, int index, struct inode **out)
{
    const struct devpts_options *options = &devpts_of(sb)->options;
    const struct cred *cred = current_cred();
    int error = inode_create(sb, NULL, S_IFCHR | options->mode, out);
    if (error)
        return error;
    struct inode *inode = *out;
    inode->ops = &node_ops;
    inode->ino = INO_FIRST + (uint64_t)index;
    inode->rdev = MAKE_DEV(PTY_SLAVE_MAJOR, index);
    inode->uid = options->has_uid ? options->uid : cred->fsuid;
    inode->gid = options->has_gid ? options->gid : cred->fsgid;
    return 0;
}

int devpts_find(const struct file *ptmx, struct path *out_root)
{
    struct path beside = {.mount = ptmx->path.mount};
    if (devpts_of(ptmx->inode->sb)) {
        *out_root = (struct path){.mount = ptmx->path.mount, .dentry = ptmx->inode->sb->root};
        path_get(out_root);
        return 0;
    }
    beside.dentry = dentry_parent(ptmx->path.dentry);
    int error = path_walk(&beside, "pts", 0, out_root);
    dentry_put(beside.dentry);
    if (error)
        return -ENODEV;
    const struct superblock *sb = out_root->dentry->sb;
    if (devpts_of(sb) && out_root->dentry == sb->root)
        return 0;
    path_put(out_root);
    return -ENODEV;
}

/* ---- options ---- */

static int parse_option(const char *name, const char *value, void *context)
{
    struct devpts_options *options = context;
    if (kstr_equal(name, "newinstance")) /* all are */
        return 0;
    if (!value)
        return -EINVAL;
    if (kstr_equal(name, "mode") || kstr_equal(name, "ptmxmode")) {
        uint32_t *mode = name[0] == 'm' ? &options->mode : &options->ptmx_mode;
        if (kstrtou32(value, 8, mode))
            return -EINVAL;
        *mode &= 07777;
        return 0;
    }
    if (kstr_equal(name, "max")) {
        bool valid = !kstrtou32(value, 10, &options->max) && options->max <= PTYS_NUMBERS_MAX;
        return valid ? 0 : -EINVAL;
    }
    bool uid = kstr_equal(name, "uid");
    uint32_t number;
    if ((!uid && !kstr_equal(name, "gid")) || kstrtou32(value, 10, &number))
        return -EINVAL;
    number = uid ? uid_from_user(current_user_namespace(), number)
                 : gid_from_user(current_user_namespace(), number);
    if (number == UINT32_MAX)
        return -EINVAL;
    *(uid ? &options->uid : &options->gid) = number;
    *(uid ? &options->has_uid : &options->has_gid) = true;
    return 0;
}

static int parse_options(const char *text, struct devpts_options *options)
{
    *options = (struct devpts_options){.mode = 0600, .max = PTYS_NUMBERS_MAX};
    return mount_options_parse(text, parse_option, options);
}

static void devpts_show_options(struct superblock *sb, char *buffer, size_t bytes)
{
    const struct devpts_options *options = &devpts_of(sb)->options;
    struct strbuf out;
    strbuf_init(&out, buffer, bytes);
    if (options->has_uid)
        strbuf_printf(&out, ",uid=%u", current_uid_shown(options->uid));
    if (options->has_gid)
        strbuf_printf(&out, ",gid=%u", current_gid_shown(options->gid));
    strbuf_printf(&out, ",mode=%03o,ptmxmode=%03o", options->mode, options->ptmx_mode);
    if (options->max < PTYS_NUMBERS_MAX)
        strbuf_printf(&out, ",max=%u", options->max);
}

/* For the pairs to come; ptmx changes at once. */
static int devpts_remount(struct superblock *sb, unsigned flags, const char *text)
{
    struct devpts_options options;
    struct inode *ptmx = sb->root->inode->private;
    (void)flags;
    int error = parse_options(text, &options);
    if (error)
        return error;
    struct pty_table *table = sb->kernel->tty->ptys;
    mutex_lock(&table->lock);
    devpts_of(sb)->options = options;
    mutex_unlock(&table->lock);
    atomic_store_relaxed(&ptmx->mode, S_IFCHR | options.ptmx_mode);
    return 0;
}

/* ---- instances ---- */

static void devpts_unmount(struct superblock *sb)
{
    struct devpts *devpts = sb->private;
    if (!devpts)
        return;
    assert(xarray_empty(&devpts->by_index));
    xarray_destroy(&devpts->by_index);
    kfree(devpts);
}

static const struct superblock_ops sb_ops = {
    .show_options = devpts_show_options,
    .remount = devpts_remount,
    .unmount = devpts_unmount,
};

static int create_root(struct superblock *sb, uint32_t ptmx_mode)
{
    struct inode *root, *ptmx;
    int error = inode_create(sb, NULL, S_IFCHR | ptmx_mode, &ptmx);
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
    root->private = ptmx;
    return dentry_create_root(sb, root);
}

static int devpts_mount(struct kernel *kernel, const struct filesystem *type, const char *source,
                        unsigned flags, const char *options, struct superblock **out)
{
    struct devpts_options parsed;
    struct superblock *sb;
    (void)source;
    (void)flags;
    int error = parse_options(options, &parsed);
    if (!error)
        error = superblock_create(kernel, type, &sb_ops, &sb);
    if (error)
        return error;
    struct devpts *devpts = kzalloc(sizeof(*devpts));
    sb->private = devpts;
    error = -ENOMEM;
    if (devpts) {
        xarray_init(&devpts->by_index, &kmalloc_allocator);
        devpts->options = parsed;
        devpts->may_use_reserve = mount_namespace_current_is_initial();
        error = create_root(sb, parsed.ptmx_mode);
    }
    if (error) {
        superblock_put(sb);
        return error;
    }
    sb->block_size = 1024;
    *out = sb;
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

int devpts_init(struct kernel *kernel)
{
    return vfs_register_filesystem(kernel, &devpts_type);
}
