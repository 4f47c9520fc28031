/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/cwd, root and exe: links that lead straight to the place, whatever it is called;
 * proc_pid_cwd(5), proc_pid_root(5), proc_pid_exe(5).
 */
#include "kernel/fs/path.h"
#include "kernel/mm/slab.h"
#include "kernel/procfs/proc_internal.h"

/* The task, if the current one may follow its links. */
static int traced_task(struct inode *inode, struct task **out)
{
    struct task *task = proc_inode_task(inode);
    if (!task)
        return -ENOENT;
    if (!proc_may_access(task)) {
        task_put(task);
        return -EACCES;
    }
    *out = task;
    return 0;
}

static int follow_context(struct inode *inode, bool root, struct path *out)
{
    struct task *task;
    int error = traced_task(inode, &task);
    if (error)
        return error;
    struct fs_context *fs = proc_task_fs(task);
    if (!fs) {
        error = -ENOENT;
    } else {
        if (root)
            fs_context_root(fs, out);
        else
            fs_context_cwd(fs, out);
        fs_context_put(fs);
    }
    task_put(task);
    return error;
}

static int follow_cwd(struct inode *inode, struct path *out)
{
    return follow_context(inode, false, out);
}

static int follow_root(struct inode *inode, struct path *out)
{
    return follow_context(inode, true, out);
}

static int follow_exe(struct inode *inode, struct path *out)
{
    struct task *task;
    int error = traced_task(inode, &task);
    if (error)
        return error;
    struct mm *mm = task_mm(task);
    error = -ENOENT;
    if (mm && mm->exe) {
        *out = ((struct file *)mm->exe)->path;
        path_get(out);
        error = 0;
    }
    if (mm)
        mm_put(mm);
    task_put(task);
    return error;
}

int64_t proc_path_readlink(struct inode *inode, char *buffer, size_t bytes)
{
    struct path path;
    int error = inode->ops->follow(inode, &path);
    return error ? error : proc_path_describe(path, buffer, bytes);
}

int64_t proc_path_describe(struct path path, char *buffer, size_t bytes)
{
    struct path root;
    char *name;
    char *text = kmalloc(VFS_PATH_MAX);
    int64_t result = -ENOMEM;
    if (text) {
        struct fs_context *fs = this_thread()->fs;
        if (fs)
            fs_context_root(fs, &root);
        result = path_name(&path, fs ? &root : NULL, text, VFS_PATH_MAX, &name);
        if (result == 0) {
            result = (int64_t)MIN(kstrlen(name), bytes);
            memcpy(buffer, name, (size_t)result);
        }
        if (fs)
            path_put(&root);
        kfree(text);
    }
    path_put(&path);
    return result;
}

#define LINK_OPS(follow_)                                                                          \
    {                                                                                              \
        .readlink = proc_path_readlink, .follow = follow_, .setattr = proc_setattr_refused         \
    }

const struct inode_ops pid_cwd_inode_ops = LINK_OPS(follow_cwd);
const struct inode_ops pid_root_inode_ops = LINK_OPS(follow_root);
const struct inode_ops pid_exe_inode_ops = LINK_OPS(follow_exe);
