/* SPDX-License-Identifier: MIT
 *
 * The directories /proc/PID and /proc/PID/task/TID, and /proc/PID/task; proc(5).
 */
#include "kernel/lib/printf.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/procfs/procfs.h"
#include "kernel/procfs/seq_internal.h"

static const struct inode_ops file_ops_plain = {.setattr = proc_setattr_refused};

#define FILE(name_, mode_, text_)                                                                  \
    {                                                                                              \
        name_, S_IFREG | (mode_), &file_ops_plain, &pid_text_file_ops, text_                       \
    }
#define LINK(name_, ops_)                                                                          \
    {                                                                                              \
        name_, S_IFLNK | 0777, &(ops_), NULL, NULL                                                 \
    }
#define DIRECTORY(name_, mode_, inode_ops_, file_ops_)                                             \
    {                                                                                              \
        name_, S_IFDIR | (mode_), &(inode_ops_), &(file_ops_), NULL                                \
    }

#define MAPS(name_, ops_)                                                                          \
    {                                                                                              \
        name_, S_IFREG | 0444, &file_ops_plain, &proc_seq_file_ops, &(ops_)                        \
    }
#define MOUNTS(name_, mode_, ops_)                                                                 \
    {                                                                                              \
        name_, S_IFREG | (mode_), &file_ops_plain, &pid_mounts_file_ops, &(ops_)                   \
    }
#define MEMORY(name_, mode_, ops_)                                                                 \
    {                                                                                              \
        name_, S_IFREG | (mode_), &file_ops_plain, &(ops_), NULL                                   \
    }

/* What /proc/PID and /proc/PID/task/TID have in common. */
#define COMMON_ENTRIES                                                                             \
    DIRECTORY("fd", 0500, pid_fd_dir_inode_ops, pid_fd_dir_file_ops),                              \
        DIRECTORY("fdinfo", 0555, pid_fdinfo_dir_inode_ops, pid_fdinfo_dir_file_ops),              \
        MEMORY("environ", 0400, pid_environ_file_ops), MEMORY("auxv", 0400, pid_auxv_file_ops),    \
        FILE("status", 0444, PID_TEXT_NUMBERS(pid_show_status)),                                   \
        FILE("personality", 0400, PID_TEXT_PRIVATE(pid_show_personality)),                         \
        FILE("cgroup", 0444, PID_TEXT(pid_show_cgroup)),                                           \
        FILE("limits", 0444, PID_TEXT(pid_show_limits)),                                           \
        FILE("comm", 0644, PID_TEXT_WRITABLE(pid_show_comm, pid_write_comm)),                      \
        FILE("syscall", 0400, PID_TEXT_PRIVATE(pid_show_syscall)),                                 \
        FILE("cmdline", 0444, PID_TEXT(pid_show_cmdline)),                                         \
        FILE("stat", 0444, PID_TEXT_NUMBERS(pid_show_stat)),                                       \
        FILE("statm", 0444, PID_TEXT(pid_show_statm)), MAPS("maps", pid_maps),                     \
        MEMORY("mem", 0600, pid_mem_file_ops), LINK("cwd", pid_cwd_inode_ops),                     \
        LINK("root", pid_root_inode_ops), LINK("exe", pid_exe_inode_ops),                          \
        MOUNTS("mounts", 0444, pid_mounts), MOUNTS("mountinfo", 0444, pid_mountinfo),              \
        MAPS("smaps", pid_smaps), MAPS("smaps_rollup", pid_smaps_rollup),                          \
        MAPS("numa_maps", pid_numa_maps), MEMORY("pagemap", 0400, pid_pagemap_file_ops),           \
        FILE("clear_refs", 0200, PID_TEXT_WRITABLE(NULL, pid_write_clear_refs)),                   \
        FILE("wchan", 0444, PID_TEXT(pid_show_wchan)),                                             \
        FILE("schedstat", 0444, PID_TEXT(pid_show_schedstat)),                                     \
        FILE("oom_score", 0444, PID_TEXT(pid_show_oom_score)),                                     \
        FILE("oom_adj", 0644, PID_TEXT_WRITABLE(pid_show_oom_adj, pid_write_oom_adj)),             \
        FILE("oom_score_adj", 0644,                                                                \
             PID_TEXT_WRITABLE(pid_show_oom_score_adj, pid_write_oom_score_adj)),                  \
        FILE("io", 0400, PID_TEXT_PRIVATE(pid_show_io)),                                           \
        FILE("uid_map", 0644, PID_TEXT_WRITABLE(pid_show_uid_map, pid_write_uid_map)),             \
        FILE("gid_map", 0644, PID_TEXT_WRITABLE(pid_show_gid_map, pid_write_gid_map)),             \
        FILE("projid_map", 0644, PID_TEXT_WRITABLE(pid_show_projid_map, pid_write_projid_map)),    \
        FILE("setgroups", 0644, PID_TEXT_WRITABLE(pid_show_setgroups, pid_write_setgroups)),       \
        {"ns", S_IFDIR | 0511, &pid_dir_inode_ops, &pid_dir_file_ops, &pid_ns_table},              \
    {                                                                                              \
        "net", S_IFDIR | 0555, &pid_dir_inode_ops, &pid_dir_file_ops, &pid_net_table               \
    }

static const struct proc_entry process_entries[] = {
    DIRECTORY("task", 0555, pid_task_dir_inode_ops, pid_task_dir_file_ops),
    COMMON_ENTRIES,
    DIRECTORY("map_files", 0500, pid_map_files_inode_ops, pid_map_files_file_ops),
    MOUNTS("mountstats", 0400, pid_mountstats),
    FILE("coredump_filter", 0644,
         PID_TEXT_WRITABLE(pid_show_coredump_filter, pid_write_coredump_filter)),
    FILE("timens_offsets", 0644, PID_TEXT_WRITABLE(pid_show_time_offsets, pid_write_time_offsets)),
    FILE("timers", 0444, PID_TEXT_NUMBERS(pid_show_timers)),
    FILE("timerslack_ns", 0666, PID_TEXT_WRITABLE(pid_show_timerslack, pid_write_timerslack)),
};

static const struct proc_entry task_entries[] = {
    COMMON_ENTRIES,
    FILE("children", 0444, PID_TEXT_NUMBERS(pid_show_children)),
};

static const struct proc_table process_table = PROC_TABLE(process_entries, PROC_TABLE_PROCESS);
static const struct proc_table task_table = PROC_TABLE(task_entries, PROC_TABLE_TASK);

int pid_dir_make(struct superblock *sb, struct task *task, bool whole, struct inode **out)
{
    const struct proc_entry entry = {
        .mode = S_IFDIR | 0555,
        .inode_ops = &pid_dir_inode_ops,
        .file_ops = &pid_dir_file_ops,
        .data = whole ? &process_table : &task_table,
    };
    int error =
        proc_make_inode(sb, &entry, proc_ino(task->tid, PROC_TABLE_DYNAMIC, whole ? 0 : 1), out);
    if (error)
        return error;
    error = proc_inode_set_task(*out, task, whole, -1);
    if (error)
        inode_put(*out);
    return error;
}

int proc_dir_process(const struct file *file, struct process **out)
{
    if (file->ops != &pid_dir_file_ops || file->inode->private != &process_table)
        return -EBADF;
    struct task *task = proc_inode_task(file->inode);
    if (!task)
        return -ESRCH;
    *out = process_get(task->process);
    task_put(task);
    return 0;
}

static int dir_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    const struct proc_node *node = proc_node_of(dir);
    const struct proc_table *table = dir->private;
    unsigned index;
    struct task *task = proc_inode_task(dir);
    if (!task)
        return -ENOENT;
    const struct proc_entry *entry = proc_table_find(table, name, length, &index);
    int error = -ENOENT;
    if (entry)
        error = proc_make_inode(dir->sb, entry, proc_ino(node->tid, table->number, index), out);
    if (!error) {
        error = proc_inode_set_task(*out, task, node->whole, -1);
        if (error)
            inode_put(*out);
    }
    task_put(task);
    return error;
}

/* For everything below /proc/PID that has a node: alive, and owned by whom the task is now. */
static bool dir_revalidate(struct dentry *dentry)
{
    struct inode *inode = dentry_inode(dentry);
    struct task *task = inode ? proc_inode_task(inode) : NULL;
    if (!task)
        return false;
    proc_inode_update_owner(inode, task);
    task_put(task);
    return true;
}

static int dir_iterate(struct file *file, struct dir_context *context)
{
    struct task *task = proc_inode_task(file->inode);
    if (!task)
        return -ENOENT;
    task_put(task);
    if (dir_emit_dots(file, context))
        proc_table_emit(context, file->inode->private, proc_node_of(file->inode)->tid, 2);
    return 0;
}

/* An open directory, too, shows the owner of now. */
static int dir_getattr(struct inode *inode, struct linux_statx *out)
{
    struct task *task = proc_inode_task(inode);
    bool hidden = false;
    if (task) {
        hidden = proc_is_hidden(inode->sb, task, PROC_HIDE_EXISTENCE);
        proc_inode_update_owner(inode, task);
        task_put(task);
    }
    if (hidden)
        return -ENOENT;
    generic_getattr(inode, out);
    return 0;
}

/* What looks for names in the directory of a task that is gone learns so. */
static int dir_permission(struct inode *inode, unsigned mask)
{
    struct task *task = proc_inode_task(inode);
    if (!task)
        return -ESRCH;
    int error = 0;
    if (proc_is_hidden(inode->sb, task, PROC_HIDE_EXISTENCE))
        error = -ENOENT;
    else if (proc_is_hidden(inode->sb, task, PROC_HIDE_CONTENT))
        error = -EPERM;
    task_put(task);
    return error ? error : proc_mode_permission(inode, mask);
}

const struct inode_ops pid_dir_inode_ops = {
    .lookup = dir_lookup,
    PROC_REFUSE_CREATION,
    .revalidate = dir_revalidate,
    .permission = dir_permission,
    .getattr = dir_getattr,
    .setattr = proc_setattr_refused,
};

const struct file_ops pid_dir_file_ops = {
    .iterate = dir_iterate,
    .seek = proc_dir_seek,
};

/* ---- /proc/PID/task ---- */

static int tasks_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    int tid;
    if (!proc_parse_id(name, length, &tid))
        return -ENOENT;
    struct task *leader = proc_inode_task(dir);
    if (!leader)
        return -ENOENT;
    tid = pid_from_number(proc_pid_namespace(dir->sb), tid);
    struct task *task = tid == leader->process->pid ? task_get(leader)
                                                    : proc_task_by_id(dir->sb->kernel, tid, false);
    int error = -ENOENT;
    if (task && task->process == leader->process)
        error = pid_dir_make(dir->sb, task, false, out);
    if (task)
        task_put(task);
    task_put(leader);
    return error;
}

static int tasks_iterate(struct file *file, struct dir_context *context)
{
    struct task *leader = proc_inode_task(file->inode), *task;
    char name[16];
    if (!leader)
        return -ENOENT;
    bool more = dir_emit_dots(file, context);
    while (more && (task = process_next_task(leader->process, (int)context->pos - 2))) {
        int tid = task->tid, number = pid_number_in(proc_pid_namespace(file->inode->sb), tid);
        task_put(task);
        int length = kscnprintf(name, sizeof(name), "%d", number);
        more = dir_emit(context, name, (size_t)length, proc_ino(tid, PROC_TABLE_DYNAMIC, 1), DT_DIR,
                        (uint64_t)tid + 2);
    }
    task_put(leader);
    return 0;
}

static int tasks_getattr(struct inode *inode, struct linux_statx *out)
{
    int error = dir_getattr(inode, out);
    if (error)
        return error;
    struct task *leader = proc_inode_task(inode);
    if (leader) {
        out->stx_nlink = 2 + atomic_load_relaxed(&leader->process->task_count);
        task_put(leader);
    }
    return 0;
}

const struct inode_ops pid_task_dir_inode_ops = {
    .lookup = tasks_lookup,
    PROC_REFUSE_CREATION,
    .revalidate = dir_revalidate,
    .permission = dir_permission,
    .getattr = tasks_getattr,
    .setattr = proc_setattr_refused,
};

const struct file_ops pid_task_dir_file_ops = {
    .iterate = tasks_iterate,
    .seek = proc_dir_seek,
};
