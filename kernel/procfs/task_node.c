/* SPDX-License-Identifier: MIT
 *
 * From an inode below /proc/PID to its task, and what the caller may see of it; proc(5), ptrace(2)
 * "Ptrace access mode checking".
 */
#include "kernel/abi/capability.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/ptrace.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/security/cred.h"

/* The main thread of a process that has not been reaped. */
static struct task *process_leader(struct process *process)
{
    struct spinlock *lock = process_tree_lock(process->kernel);
    spin_lock(lock);
    struct task *task =
        process->state != PROCESS_REAPED && process->leader ? task_get(process->leader) : NULL;
    spin_unlock(lock);
    return task;
}

struct task *proc_task_by_id(struct kernel *kernel, int tid, bool whole)
{
    struct process *process = whole ? process_find(kernel, tid) : NULL;
    if (!process)
        return task_find(kernel, tid);
    struct task *task = process_leader(process);
    process_put(process);
    return task;
}

/* Another thread of a process may become its main one (execve(2)): the process was born when it
 * was. */
static uint64_t birth_ns(const struct task *task, bool whole)
{
    return whole ? task->process->start_ns : task->thread.start_ns;
}

struct task *proc_inode_task(const struct inode *inode)
{
    const struct proc_node *node = proc_node_of(inode);
    if (!node)
        return NULL;
    struct task *task = proc_task_by_id(inode->sb->kernel, node->tid, node->whole);
    if (task && birth_ns(task, node->whole) != node->start_ns) {
        task_put(task);
        return NULL;
    }
    return task;
}

static void node_put(void *object)
{
    kfree(object);
}

int proc_inode_set_task(struct inode *inode, struct task *task, bool whole, int fd)
{
    struct proc_node *node = kzalloc(sizeof(*node));
    if (!node)
        return -ENOMEM;
    node->tid = task->tid;
    node->whole = whole;
    node->start_ns = birth_ns(task, whole);
    node->fd = fd;
    inode->object = node;
    inode->object_put = node_put;
    proc_inode_update_owner(inode, task);
    return 0;
}

/* A process that may not be dumped belongs to root, so that its user cannot look into it; only the
 * directories that everyone may enter stay the user's. */
void proc_inode_update_owner(struct inode *inode, struct task *task)
{
    uint32_t uid = 0, gid = 0;
    uint32_t mode = inode_mode(inode);
    const struct cred *cred = thread_cred_get(&task->thread);
    if (atomic_load_relaxed(&task->process->dumpable) == 1 || mode == (S_IFDIR | 0555)) {
        uid = cred->euid;
        gid = cred->egid;
    }
    cred_put(cred);
    atomic_store_relaxed(&inode->uid, uid);
    atomic_store_relaxed(&inode->gid, gid);
}

struct file_table *proc_task_files(struct task *task)
{
    struct spinlock *lock = process_tree_lock(task->thread.kernel);
    spin_lock(lock);
    struct file_table *files =
        !task->exiting && task->thread.files ? file_table_get(task->thread.files) : NULL;
    spin_unlock(lock);
    return files;
}

struct fs_context *proc_task_fs(struct task *task)
{
    struct spinlock *lock = process_tree_lock(task->thread.kernel);
    spin_lock(lock);
    struct fs_context *fs =
        !task->exiting && task->thread.fs ? fs_context_get(task->thread.fs) : NULL;
    spin_unlock(lock);
    return fs;
}

bool proc_may_access(struct task *task)
{
    return ptrace_check_access(task, PTRACE_MODE_READ | PTRACE_MODE_FSCREDS) == 0;
}

int proc_mode_permission(struct inode *inode, unsigned mask)
{
    const struct cred *cred = current_cred();
    uint32_t mode = inode_mode(inode);
    if (atomic_load_relaxed(&inode->uid) == cred->fsuid)
        mode >>= 6;
    else if (cred_in_group(cred, atomic_load_relaxed(&inode->gid)))
        mode >>= 3;
    if ((mode & mask) == mask || cred_has_cap(cred, CAP_DAC_OVERRIDE))
        return 0;
    return !(mask & MAY_WRITE) && cred_has_cap(cred, CAP_DAC_READ_SEARCH) ? 0 : -EACCES;
}

/* ---- texts about a task ---- */

int pid_text_show(struct file *file, struct strbuf *out)
{
    const struct pid_text *text = file->inode->private;
    if (!text->show && !text->show_in)
        return -EINVAL; /* only to be written */
    struct task *task = proc_inode_task(file->inode);
    if (!task)
        return -ESRCH;
    bool whole = proc_node_of(file->inode)->whole;
    int error = text->show_in ? text->show_in(task, whole, proc_pid_namespace(file->inode->sb), out)
                              : text->show(task, whole, out);
    task_put(task);
    return error;
}

int64_t pid_text_write(struct file *file, const char *buffer, size_t bytes)
{
    const struct pid_text *text = file->inode->private;
    struct task *task = proc_inode_task(file->inode);
    if (!task)
        return -ESRCH;
    int64_t result = text->write(task, buffer, bytes);
    task_put(task);
    return result;
}

static int pid_text_open(struct inode *inode, struct file *file)
{
    const struct pid_text *text = inode->private;
    if (text->ptrace) {
        struct task *task = proc_inode_task(inode);
        if (!task)
            return -ESRCH;
        bool allowed = proc_may_access(task);
        task_put(task);
        if (!allowed)
            return -EACCES;
    }
    if (!text->write)
        file->mode |= FILE_NO_PWRITE;
    return text_file_operations.open(inode, file);
}

static void pid_text_release(struct file *file)
{
    text_file_operations.release(file);
}

static int64_t pid_text_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    return text_file_operations.read(file, uio, pos);
}

static int64_t pid_text_write_file(struct file *file, struct uio *uio, uint64_t *pos)
{
    return text_file_operations.write(file, uio, pos);
}

static int64_t pid_text_seek(struct file *file, int64_t offset, int whence)
{
    return text_file_operations.seek(file, offset, whence);
}

const struct file_ops pid_text_file_ops = {
    .open = pid_text_open,
    .release = pid_text_release,
    .read = pid_text_read,
    .write = pid_text_write_file,
    .seek = pid_text_seek,
};
