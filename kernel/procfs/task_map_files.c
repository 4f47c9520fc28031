/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/map_files: the files that a task has mapped, a link named after each mapping's
 * addresses; proc_pid_map_files(5).
 */
#include "kernel/abi/capability.h"
#include "kernel/fs/path.h"
#include "kernel/lib/printf.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/security/cred.h"

enum { NAME_BYTES = 34, LINK_BYTES = 64 };

/* The file of exactly this mapping, referenced, or NULL. */
static struct file *file_at(struct task *task, uint64_t start, uint64_t end)
{
    struct file *file = NULL;
    struct mm *mm = task_mm(task);
    if (!mm)
        return NULL;
    rwlock_read_lock(&mm->lock);
    struct vma *vma = mm_find_vma(mm, start);
    if (vma && vma->start == start && vma->end == end)
        file = generic_vma_file(vma);
    if (file)
        file_get(file);
    rwlock_read_unlock(&mm->lock);
    mm_put(mm);
    return file;
}

static struct file *inode_file(const struct inode *inode)
{
    const struct proc_node *node = proc_node_of(inode);
    struct task *task = proc_inode_task(inode);
    if (!task)
        return NULL;
    struct file *file = file_at(task, node->vma_start, node->vma_end);
    task_put(task);
    return file;
}

static int file_path(const struct inode *inode, struct path *out)
{
    struct file *file = inode_file(inode);
    if (!file)
        return -ENOENT;
    *out = file->path;
    path_get(out);
    file_put(file);
    return 0;
}

/* What a name leads to could not be reached otherwise: it takes a privilege to go there. */
static int follow(struct inode *inode, struct path *out)
{
    if (!capable(CAP_SYS_ADMIN) && !capable(CAP_CHECKPOINT_RESTORE))
        return -EPERM;
    return file_path(inode, out);
}

static int64_t read_link(struct inode *inode, char *buffer, size_t bytes)
{
    struct path path;
    int error = file_path(inode, &path);
    return error ? error : proc_path_describe(path, buffer, bytes);
}

static const struct inode_ops link_ops = {
    .readlink = read_link,
    .follow = follow,
    .setattr = proc_setattr_refused,
};

/* Hexadecimal as it is printed: small letters, no zero in front. */
static bool parse_address(const char **cursor, const char *end, uint64_t *out)
{
    const char *at = *cursor;
    *out = 0;
    for (; at < end; at++) {
        char c = *at;
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else
            break;
        if (*out >> 60 || (at > *cursor && *out == 0))
            return false;
        *out = *out << 4 | digit;
    }
    bool any = at > *cursor;
    *cursor = at;
    return any;
}

static bool parse_name(const char *name, size_t length, uint64_t *start, uint64_t *end)
{
    const char *at = name, *stop = name + length;
    if (!parse_address(&at, stop, start) || at == stop || *at++ != '-')
        return false;
    return parse_address(&at, stop, end) && at == stop;
}

static uint64_t link_ino(int tid, uint64_t start)
{
    return proc_ino(tid, PROC_TABLE_DYNAMIC, 4) ^ start << 16;
}

static int make_link(struct inode *dir, struct task *task, const struct file *file, uint64_t start,
                     uint64_t end, struct inode **out)
{
    const struct proc_node *node = proc_node_of(dir);
    const struct proc_entry entry = {
        .mode = S_IFLNK | (file->mode & FILE_READ ? S_IRUSR : 0u) |
                (file->mode & FILE_WRITE ? S_IWUSR : 0u),
        .inode_ops = &link_ops,
    };
    int error = proc_make_inode(dir->sb, &entry, link_ino(node->tid, start), out);
    if (error)
        return error;
    (*out)->size = LINK_BYTES;
    error = proc_inode_set_task(*out, task, node->whole, -1);
    if (error) {
        inode_put(*out);
        return error;
    }
    proc_node_of(*out)->vma_start = start;
    proc_node_of(*out)->vma_end = end;
    return 0;
}

static int lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    uint64_t start, end;
    struct task *task = proc_inode_task(dir);
    if (!task)
        return -ENOENT;
    int error = proc_may_access(task) ? -ENOENT : -EACCES;
    struct file *file = NULL;
    if (error == -ENOENT && parse_name(name, length, &start, &end))
        file = file_at(task, start, end);
    if (file) {
        error = make_link(dir, task, file, start, end, out);
        file_put(file);
    }
    task_put(task);
    return error;
}

static bool revalidate(struct dentry *dentry)
{
    struct inode *inode = dentry_inode(dentry);
    struct file *file = inode ? inode_file(inode) : NULL;
    if (file)
        file_put(file);
    return file != NULL;
}

/* The first mapping of a file that ends after `addr`. */
static bool next_link(struct mm *mm, uint64_t addr, uint64_t *start, uint64_t *end)
{
    rwlock_read_lock(&mm->lock);
    struct vma *vma = mm_find_vma(mm, addr);
    while (vma && !generic_vma_file(vma))
        vma = mm_next_vma(vma);
    if (vma) {
        *start = vma->start;
        *end = vma->end;
    }
    rwlock_read_unlock(&mm->lock);
    return vma;
}

/* The position behind a link is its mapping's last page; the first two are the dots. */
static int iterate(struct file *file, struct dir_context *context)
{
    struct task *task = proc_inode_task(file->inode);
    if (!task)
        return -ENOENT;
    if (!proc_may_access(task)) {
        task_put(task);
        return -EACCES;
    }
    struct mm *mm = task_mm(task);
    bool more = dir_emit_dots(file, context) && mm;
    char name[NAME_BYTES];
    uint64_t start, end;
    while (more) {
        uint64_t addr = context->pos <= 2 ? 0 : context->pos << PAGE_SHIFT;
        if (!next_link(mm, addr, &start, &end))
            break;
        int length = kscnprintf(name, sizeof(name), "%llx-%llx", (unsigned long long)start,
                                (unsigned long long)end);
        more = dir_emit(context, name, (size_t)length, link_ino(task->tid, start), DT_LNK,
                        end >> PAGE_SHIFT);
    }
    if (mm)
        mm_put(mm);
    task_put(task);
    return 0;
}

const struct inode_ops pid_map_files_inode_ops = {
    .lookup = lookup,
    PROC_REFUSE_CREATION,
    .revalidate = revalidate,
    .setattr = proc_setattr_refused,
};

const struct file_ops pid_map_files_file_ops = {
    .iterate = iterate,
    .seek = proc_dir_seek,
};
