/* SPDX-License-Identifier: MIT
 *
 * The proc file system, proc(5): mounting it, and directories that are nothing but a table.
 *
 * Inodes are made when a name is looked up and live as long as the dentry cache keeps them. Those
 * about a task hold its number and its time of birth, not the task: a lookup of a cached name asks
 * whether the task still lives (revalidate), and reads of an open file fail with ESRCH once it is
 * gone.
 */
#include "kernel/procfs/proc_internal.h"

#include "kernel/abi/capability.h"
#include "kernel/core/init.h"
#include "kernel/mm/slab.h"
#include "kernel/security/cred.h"

int proc_setattr_refused(struct inode *inode, const struct attr_change *change)
{
    if (change->mask & ATTR_MODE)
        return -EPERM;
    return generic_setattr(inode, change);
}

/* A name that is not there cannot be made: it stays not there (proc's directories know no
 * creation). */
int proc_create_refused(struct inode *dir, struct dentry *dentry, uint32_t mode, struct inode **out)
{
    (void)dir;
    (void)dentry;
    (void)mode;
    (void)out;
    return -ENOENT;
}

int proc_mknod_refused(struct inode *dir, struct dentry *dentry, uint32_t mode, uint64_t rdev,
                       struct inode **out)
{
    (void)rdev;
    return proc_create_refused(dir, dentry, mode, out);
}

int proc_symlink_refused(struct inode *dir, struct dentry *dentry, const char *target,
                         struct inode **out)
{
    (void)target;
    return proc_create_refused(dir, dentry, 0, out);
}

int proc_link_refused(struct inode *dir, struct dentry *dentry, struct inode *inode)
{
    (void)inode;
    return proc_create_refused(dir, dentry, 0, NULL);
}

int proc_rename_refused(struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir,
                        struct dentry *new_dentry, unsigned flags)
{
    (void)old_dir;
    (void)old_dentry;
    (void)flags;
    return proc_create_refused(new_dir, new_dentry, 0, NULL);
}

const struct proc_entry *proc_table_find(const struct proc_table *table, const char *name,
                                         size_t length, unsigned *out_index)
{
    for (unsigned i = 0; i < table->count; i++) {
        if (kstr_is(name, length, table->entries[i].name)) {
            *out_index = i;
            return &table->entries[i];
        }
    }
    return NULL;
}

static uint32_t subdirectories(const struct proc_table *table)
{
    uint32_t count = 0;
    for (unsigned i = 0; table && i < table->count; i++)
        count += S_ISDIR(table->entries[i].mode);
    return count;
}

int proc_make_inode(struct superblock *sb, const struct proc_entry *entry, uint64_t ino,
                    struct inode **out)
{
    struct inode *inode;
    int error = inode_create(sb, NULL, entry->mode, &inode);
    if (error)
        return error;
    inode->ino = ino;
    inode->uid = inode->gid = 0;
    inode->flags |= INODE_NO_TRUNCATE;
    inode->ops = entry->inode_ops;
    inode->file_ops = entry->file_ops;
    inode->private = (void *)(uintptr_t)entry->data;
    if (S_ISDIR(entry->mode))
        inode->nlink = 2 + subdirectories(entry->data);
    *out = inode;
    return 0;
}

static int lookup_of(struct inode *dir, int number, const char *name, size_t length,
                     struct inode **out)
{
    unsigned index;
    const struct proc_table *table = dir->private;
    const struct proc_entry *entry = proc_table_find(table, name, length, &index);
    if (!entry)
        return -ENOENT;
    return proc_make_inode(dir->sb, entry, proc_ino(number, table->number, index), out);
}

static int table_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    return lookup_of(dir, 0, name, length, out);
}

static int numbered_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    int error = lookup_of(dir, (int)dir->private_u64, name, length, out);
    if (!error)
        (*out)->private_u64 = dir->private_u64;
    return error;
}

bool proc_table_emit(struct dir_context *context, const struct proc_table *table, int tid,
                     uint64_t first_pos)
{
    while (context->pos - first_pos < table->count) {
        unsigned index = (unsigned)(context->pos - first_pos);
        const struct proc_entry *entry = &table->entries[index];
        if (!dir_emit(context, entry->name, kstrlen(entry->name),
                      proc_ino(tid, table->number, index), DT_OF_MODE(entry->mode),
                      context->pos + 1))
            return false;
    }
    return true;
}

static int table_iterate(struct file *file, struct dir_context *context)
{
    if (dir_emit_dots(file, context))
        proc_table_emit(context, file->inode->private, 0, 2);
    return 0;
}

int64_t proc_dir_seek(struct file *file, int64_t offset, int whence)
{
    if (whence == SEEK_CUR)
        offset = (int64_t)((uint64_t)offset + file->pos);
    else if (whence != SEEK_SET)
        return -EINVAL;
    if (offset < 0)
        return -EINVAL;
    file->pos = (uint64_t)offset;
    return offset;
}

const struct inode_ops proc_numbered_inode_ops = {
    .lookup = numbered_lookup,
    .setattr = proc_setattr_refused,
};

const struct inode_ops proc_table_inode_ops = {
    .lookup = table_lookup,
    PROC_REFUSE_CREATION,
    .setattr = proc_setattr_refused,
};

const struct file_ops proc_table_file_ops = {
    .iterate = table_iterate,
    .seek = proc_dir_seek,
};

/* ---- texts ---- */

static int text_open(struct inode *inode, struct file *file)
{
    const struct text_file_ops *ops = inode->private;
    if (!ops->write)
        file->mode |= FILE_NO_PWRITE;
    return text_file_operations.open(inode, file);
}

static void text_release(struct file *file)
{
    text_file_operations.release(file);
}

static int64_t text_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    return text_file_operations.read(file, uio, pos);
}

static int64_t text_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    const struct text_file_ops *ops = file->inode->private;
    return ops->write ? text_file_operations.write(file, uio, pos) : -EIO;
}

static int64_t text_seek(struct file *file, int64_t offset, int whence)
{
    return text_file_operations.seek(file, offset, whence);
}

const struct file_ops proc_text_file_ops = {
    .open = text_open,
    .release = text_release,
    .read = text_read,
    .write = text_write,
    .seek = text_seek,
};

/* ---- the file system ---- */

static int proc_statfs(struct superblock *sb, struct linux_statfs *out)
{
    out->f_type = PROC_SUPER_MAGIC;
    out->f_bsize = (int64_t)sb->block_size;
    out->f_namelen = VFS_NAME_MAX;
    return 0;
}

static void proc_unmount(struct superblock *sb)
{
    struct proc_options *options = sb->private;
    if (!options)
        return;
    pid_namespace_put(options->pid_ns);
    kfree(options);
}

static const struct superblock_ops proc_superblock_ops = {
    .statfs = proc_statfs,
    .remount = proc_remount,
    .show_options = proc_show_options,
    .unmount = proc_unmount,
};

static int proc_mount(struct kernel *kernel, const struct filesystem *type, const char *source,
                      unsigned flags, const char *options, struct superblock **out)
{
    static const struct proc_entry root = {
        .mode = S_IFDIR | 0555,
        .inode_ops = &proc_root_inode_ops,
        .file_ops = &proc_root_file_ops,
        .data = &proc_root_table,
    };
    struct superblock *sb;
    struct inode *inode;
    struct proc_options parsed = {0};
    (void)source;
    (void)flags;
    int error = proc_options_parse(options, &parsed);
    if (!error)
        error = superblock_create(kernel, type, &proc_superblock_ops, &sb);
    if (error)
        return error;
    sb->block_size = 1024;
    sb->private = kmalloc(sizeof(parsed));
    if (!sb->private) {
        superblock_put(sb);
        return -ENOMEM;
    }
    parsed.pid_ns = pid_namespace_get(current_pid_namespace());
    *(struct proc_options *)sb->private = parsed;
    error = proc_make_inode(sb, &root, 1, &inode);
    if (!error)
        error = dentry_create_root(sb, inode);
    if (error) {
        superblock_put(sb);
        return error;
    }
    *out = sb;
    return 0;
}

/* It shows a pid namespace: that one's owner decides. */
static bool may_mount_proc(void)
{
    return capable_in(current_pid_namespace()->common.owner, CAP_SYS_ADMIN);
}

int procfs_init(struct kernel *kernel)
{
    struct proc_state *state = kzalloc(sizeof(*state));
    if (!state)
        return -ENOMEM;
    state->type = (struct filesystem){
        .name = "proc",
        .magic = PROC_SUPER_MAGIC,
        .mount = proc_mount,
        .may_mount = may_mount_proc,
    };
    proc_put_uuid(state->boot_id);
    int error = vfs_register_filesystem(kernel, &state->type);
    return error ? error : sysfs_init(kernel);
}
