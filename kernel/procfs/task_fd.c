/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/fd and /proc/PID/fdinfo: the open files of a task; proc_pid_fd(5), proc_pid_fdinfo(5).
 *
 * A link's mode tells how the file was opened, so it is renewed with every lookup, like the owner.
 */
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/path.h"
#include "kernel/lib/bitmap.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/slab.h"
#include "kernel/procfs/proc_internal.h"

static uint64_t fd_ino(int tid, int fd, bool info)
{
    return proc_ino(tid, PROC_TABLE_DYNAMIC, info ? 3 : 2) | (uint64_t)(unsigned)fd << 41;
}

/* The open file behind a descriptor's inode, referenced, or NULL. */
static struct file *file_of(struct task *task, int fd)
{
    struct file_table *files = proc_task_files(task);
    if (!files)
        return NULL;
    struct file *file = file_table_lookup(files, fd);
    file_table_put(files);
    return file;
}

static struct file *inode_file(const struct inode *inode, struct task **out_task)
{
    struct task *task = proc_inode_task(inode);
    if (!task)
        return NULL;
    struct file *file = file_of(task, proc_node_of(inode)->fd);
    *out_task = task;
    if (!file)
        task_put(task);
    return file;
}

static uint32_t link_mode(const struct file *file)
{
    uint32_t mode = S_IFLNK;
    if (file->mode & FILE_READ)
        mode |= S_IRUSR | S_IXUSR;
    if (file->mode & FILE_WRITE)
        mode |= S_IWUSR | S_IXUSR;
    return mode;
}

static int fd_follow(struct inode *inode, struct path *out)
{
    struct task *task;
    struct file *file = inode_file(inode, &task);
    if (!file)
        return -ENOENT;
    int error = proc_may_access(task) ? 0 : -EACCES;
    if (!error) {
        *out = file->path;
        path_get(out);
    }
    file_put(file);
    task_put(task);
    return error;
}

static const struct inode_ops fd_link_ops = {
    .readlink = proc_path_readlink,
    .follow = fd_follow,
    .setattr = proc_setattr_refused,
};

static bool is_cloexec(struct task *task, int fd)
{
    struct file_table *files = proc_task_files(task);
    if (!files)
        return false;
    spin_lock(&files->lock);
    bool result = (unsigned)fd < files->capacity && bitmap_test(files->cloexec_bits, (size_t)fd);
    spin_unlock(&files->lock);
    file_table_put(files);
    return result;
}

static int show_fdinfo(struct file *proc_file, struct strbuf *out)
{
    struct task *task;
    struct file *file = inode_file(proc_file->inode, &task);
    if (!file)
        return -ENOENT;
    uint32_t flags = atomic_load_relaxed(&file->flags) & ~(uint32_t)O_CLOEXEC;
    if (is_cloexec(task, proc_node_of(proc_file->inode)->fd))
        flags |= O_CLOEXEC;
    strbuf_printf(out, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%llu\n",
                  (long long)atomic_load_relaxed(&file->pos), flags, file->path.mount->id,
                  (unsigned long long)file->inode->ino);
    if (file->ops->show_fdinfo)
        file->ops->show_fdinfo(file, out);
    file_put(file);
    task_put(task);
    return 0;
}

static const struct text_file_ops fdinfo_text = {.show = show_fdinfo};
static const struct inode_ops fdinfo_inode_ops = {.setattr = proc_setattr_refused};

/* ---- the two directories ---- */

static int fd_inode(struct inode *dir, struct task *task, int fd, struct file *file, bool info,
                    struct inode **out)
{
    const struct proc_node *node = proc_node_of(dir);
    const struct proc_entry entry = {
        .mode = info ? S_IFREG | 0444 : link_mode(file),
        .inode_ops = info ? &fdinfo_inode_ops : &fd_link_ops,
        .file_ops = info ? &text_file_operations : NULL,
        .data = info ? &fdinfo_text : NULL,
    };
    int error = proc_make_inode(dir->sb, &entry, fd_ino(node->tid, fd, info), out);
    if (error)
        return error;
    if (!info)
        (*out)->size = 64;
    error = proc_inode_set_task(*out, task, node->whole, fd);
    if (error)
        inode_put(*out);
    return error;
}

static int lookup_fd(struct inode *dir, const char *name, size_t length, bool info,
                     struct inode **out)
{
    int fd;
    if (!proc_parse_id(name, length, &fd))
        return -ENOENT;
    struct task *task = proc_inode_task(dir);
    if (!task)
        return -ENOENT;
    struct file *file = file_of(task, fd);
    int error = -ENOENT;
    if (file) {
        error = fd_inode(dir, task, fd, file, info, out);
        file_put(file);
    }
    task_put(task);
    return error;
}

static int fd_dir_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    return lookup_fd(dir, name, length, false, out);
}

static int fdinfo_dir_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    return lookup_fd(dir, name, length, true, out);
}

static bool fd_revalidate(struct dentry *dentry)
{
    struct inode *inode = dentry_inode(dentry);
    struct task *task;
    struct file *file = inode ? inode_file(inode, &task) : NULL;
    if (!file)
        return false;
    if (S_ISLNK(inode_mode(inode)))
        atomic_store_relaxed(&inode->mode, link_mode(file));
    proc_inode_update_owner(inode, task);
    file_put(file);
    task_put(task);
    return true;
}

static int fd_dir_iterate(struct file *file, struct dir_context *context)
{
    struct task *task = proc_inode_task(file->inode);
    if (!task)
        return -ENOENT;
    struct file_table *files = proc_task_files(task);
    bool info = file->inode->ops == &pid_fdinfo_dir_inode_ops;
    bool more = dir_emit_dots(file, context);
    char name[16];
    while (more && files) {
        int fd = file_table_next(files, (int)context->pos - 2);
        if (fd < 0)
            break;
        int length = kscnprintf(name, sizeof(name), "%d", fd);
        more = dir_emit(context, name, (size_t)length, fd_ino(task->tid, fd, info),
                        info ? DT_REG : DT_LNK, (uint64_t)fd + 3);
    }
    if (files)
        file_table_put(files);
    task_put(task);
    return 0;
}

/* A process may always look at its own, even if they are root's because it may not be dumped. */
static int fd_permission(struct inode *inode, unsigned mask)
{
    struct task *task = proc_inode_task(inode);
    if (!task)
        return -ESRCH;
    bool own = this_thread()->tgid == task->thread.tgid;
    task_put(task);
    return own ? 0 : proc_mode_permission(inode, mask);
}

const struct inode_ops pid_fd_dir_inode_ops = {
    .lookup = fd_dir_lookup,
    PROC_REFUSE_CREATION,
    .revalidate = fd_revalidate,
    .permission = fd_permission,
    .setattr = proc_setattr_refused,
};

const struct inode_ops pid_fdinfo_dir_inode_ops = {
    .lookup = fdinfo_dir_lookup,
    PROC_REFUSE_CREATION,
    .revalidate = fd_revalidate,
    .permission = fd_permission,
    .setattr = proc_setattr_refused,
};

const struct file_ops pid_fd_dir_file_ops = {
    .iterate = fd_dir_iterate,
    .seek = proc_dir_seek,
};

const struct file_ops pid_fdinfo_dir_file_ops = {
    .iterate = fd_dir_iterate,
    .seek = proc_dir_seek,
};
