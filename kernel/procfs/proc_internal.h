/* SPDX-License-Identifier: MIT
 *
 * What the files of procfs/ share: the tables that directories are made of, and the way from an
 * inode to the task it is about.
 */
#ifndef KERNEL_PROCFS_PROC_INTERNAL_H
#define KERNEL_PROCFS_PROC_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/abi/dirent.h"
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/path.h"
#include "kernel/fs/pseudo.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/strbuf.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/security/pid_namespace.h"

/* ---- directories made of tables ---- */

/* One name in a directory. A regular file has its text_file_ops (or struct pid_text) in data, a
 * directory its struct proc_table, a link its inode_ops. */
struct proc_entry {
    const char *name;
    uint32_t mode;
    const struct inode_ops *inode_ops;
    const struct file_ops *file_ops;
    const void *data;
};

struct proc_table {
    const struct proc_entry *entries;
    unsigned count;
    unsigned number; /* of the table, for inode numbers; below 256 */
};

#define PROC_TABLE(entries_, number_)                                                              \
    {                                                                                              \
        .entries = entries_, .count = ARRAY_SIZE(entries_), .number = number_                      \
    }

enum proc_table_number {
    PROC_TABLE_ROOT,
    PROC_TABLE_PROCESS,
    PROC_TABLE_TASK,
    PROC_TABLE_DYNAMIC,
    PROC_TABLE_NET,
    PROC_TABLE_TTY,
    PROC_TABLE_SYSVIPC,
    PROC_TABLE_NS,
    PROC_TABLE_SYS = 16,
};

/* Inode numbers: what the file is about (a task id or 0), the table and the place in it, and for
 * names that are no table's a number (descriptor). */
static inline uint64_t proc_ino(int tid, unsigned table, unsigned index)
{
    return (uint64_t)(unsigned)tid << 24 | (uint64_t)table << 16 | (index + 1);
}

const struct proc_entry *proc_table_find(const struct proc_table *table, const char *name,
                                         size_t length, unsigned *out_index);
/* A new inode of the entry, owned by root. */
int proc_make_inode(struct superblock *sb, const struct proc_entry *entry, uint64_t ino,
                    struct inode **out);
/* The entries of a table from context->pos - first_pos on; false: the buffer is full. */
bool proc_table_emit(struct dir_context *context, const struct proc_table *table, int tid,
                     uint64_t first_pos);

/* Directories that consist of their table (inode->private) and nothing else. */
extern const struct inode_ops proc_table_inode_ops;
/* The same where there is a directory for each of several things (CPUs, disks): private_u64 tells
 * which, in the directory and in everything below; it is the "task" of the inode numbers. */
extern const struct inode_ops proc_numbered_inode_ops;
extern const struct file_ops proc_table_file_ops;
/* text_file_operations; a write that means nothing fails with EIO. */
extern const struct file_ops proc_text_file_ops;
/* lseek(2) in a process's memory, or what lies as it does: any offset, none from the end. */
int64_t proc_memory_seek(struct file *file, int64_t offset, int whence);
int64_t proc_dir_seek(struct file *file, int64_t offset, int whence);
int proc_create_refused(struct inode *dir, struct dentry *dentry, uint32_t mode,
                        struct inode **out);
int proc_mknod_refused(struct inode *dir, struct dentry *dentry, uint32_t mode, uint64_t rdev,
                       struct inode **out);
int proc_symlink_refused(struct inode *dir, struct dentry *dentry, const char *target,
                         struct inode **out);
int proc_link_refused(struct inode *dir, struct dentry *dentry, struct inode *inode);
int proc_rename_refused(struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir,
                        struct dentry *new_dentry, unsigned flags);
#define PROC_REFUSE_CREATION                                                                       \
    .create = proc_create_refused, .mkdir = proc_create_refused, .mknod = proc_mknod_refused,      \
    .symlink = proc_symlink_refused, .link = proc_link_refused, .rename = proc_rename_refused
int proc_setattr_refused(struct inode *inode, const struct attr_change *change);

/* ---- the parts ---- */

int sysfs_init(struct kernel *kernel);

extern const struct proc_table proc_root_table, proc_sys_table, proc_tty_table, pid_net_table;
extern const struct proc_table pid_ns_table, proc_key_table;
extern const struct inode_ops proc_root_inode_ops;
extern const struct file_ops proc_root_file_ops;

/* ---- files about a task ---- */

/* What an inode below /proc/PID is about: inode->object. */
struct proc_node {
    int tid;
    bool whole;                  /* /proc/PID; else /proc/PID/task/TID */
    uint64_t start_ns;           /* tells a task from a later one with the same number */
    int fd;                      /* entries of fd/ and fdinfo/ */
    uint64_t vma_start, vma_end; /* entries of map_files/ */
};

static inline struct proc_node *proc_node_of(const struct inode *inode)
{
    return inode->object;
}

/* The task, referenced, or NULL if it is gone. For /proc/PID of a zombie its main thread. */
struct task *proc_task_by_id(struct kernel *kernel, int tid, bool whole);
struct task *proc_inode_task(const struct inode *inode);

/* Give the inode its node and owner. */
int proc_inode_set_task(struct inode *inode, struct task *task, bool whole, int fd);
/* Owner and group follow the task's credentials. */
void proc_inode_update_owner(struct inode *inode, struct task *task);

/* The check that the mode asks for, for ->permission that allow more. 0 or -EACCES. */
int proc_mode_permission(struct inode *inode, unsigned mask);
/* inode_ops.readlink of links with a follow: the name of where it leads. */
int64_t proc_path_readlink(struct inode *inode, char *buffer, size_t bytes);
int64_t proc_path_describe(struct path path, char *buffer, size_t bytes); /* and puts it */

/* May the current task look into the other: same ids or CAP_SYS_PTRACE, and dumpable. */
bool proc_may_access(struct task *task);

/* References on parts of another task; NULL once it is exiting. */
struct file_table *proc_task_files(struct task *task);
struct fs_context *proc_task_fs(struct task *task);

/* The identity of the task's address space at open, if the current task may look into it: 0, -ESRCH
 * or -EACCES. And that address space, referenced, while the task still has it; else NULL. */
int proc_task_mm_open(struct inode *inode, uint64_t *out_id);
struct mm *proc_task_mm_as_opened(struct inode *inode, uint64_t id);

/* A text about a task. */
struct pid_text {
    struct text_file_ops text; /* must be first */
    int (*show)(struct task *task, bool whole, struct strbuf *out);
    /* The same for one with numbers of processes in it, by the mount's namespace. */
    int (*show_in)(struct task *task, bool whole, struct pid_namespace *ns, struct strbuf *out);
    int64_t (*write)(struct task *task, const char *text, size_t bytes);
    bool ptrace; /* opening needs proc_may_access */
};
int pid_text_show(struct file *file, struct strbuf *out);
int64_t pid_text_write(struct file *file, const char *text, size_t bytes);
#define PID_TEXT(show_) (&(const struct pid_text){.text = {.show = pid_text_show}, .show = show_})
#define PID_TEXT_NUMBERS(show_)                                                                    \
    (&(const struct pid_text){.text = {.show = pid_text_show}, .show_in = show_})
#define PID_TEXT_PRIVATE(show_)                                                                    \
    (&(const struct pid_text){.text = {.show = pid_text_show}, .show = show_, .ptrace = true})
#define PID_TEXT_WRITABLE(show_, write_)                                                           \
    (&(const struct pid_text){                                                                     \
        .text = {.show = pid_text_show, .write = pid_text_write}, .show = show_, .write = write_})
extern const struct file_ops pid_text_file_ops;

extern const struct inode_ops pid_dir_inode_ops, pid_task_dir_inode_ops, pid_fd_dir_inode_ops;
extern const struct inode_ops pid_fdinfo_dir_inode_ops;
extern const struct file_ops pid_dir_file_ops, pid_task_dir_file_ops, pid_fd_dir_file_ops;
extern const struct file_ops pid_fdinfo_dir_file_ops;
extern const struct inode_ops pid_cwd_inode_ops, pid_root_inode_ops, pid_exe_inode_ops;
extern const struct file_ops pid_mem_file_ops, pid_environ_file_ops, pid_auxv_file_ops;
extern const struct file_ops pid_pagemap_file_ops, pid_map_files_file_ops;
extern const struct inode_ops pid_map_files_inode_ops;
extern const struct proc_seq_ops pid_numa_maps, proc_keys, proc_key_users;
int64_t pid_write_clear_refs(struct task *task, const char *text, size_t bytes);
extern const struct proc_seq_ops pid_maps, pid_smaps, pid_smaps_rollup;
extern const struct proc_seq_ops pid_mounts, pid_mountinfo, pid_mountstats;
extern const struct file_ops pid_mounts_file_ops;

/* The inode of /proc/PID (whole) or /proc/PID/task/TID. */
int pid_dir_make(struct superblock *sb, struct task *task, bool whole, struct inode **out);
/* Is the name a task number? */
bool proc_parse_id(const char *name, size_t length, int *out);

/* Text makers, task_*.c */
int pid_show_stat(struct task *task, bool whole, struct pid_namespace *ns, struct strbuf *out);
int pid_show_statm(struct task *task, bool whole, struct strbuf *out);
int pid_show_status(struct task *task, bool whole, struct pid_namespace *ns, struct strbuf *out);
int pid_show_cmdline(struct task *task, bool whole, struct strbuf *out);
int pid_show_comm(struct task *task, bool whole, struct strbuf *out);
int64_t pid_write_comm(struct task *task, const char *text, size_t bytes);
int pid_show_cgroup(struct task *task, bool whole, struct strbuf *out);
int pid_show_limits(struct task *task, bool whole, struct strbuf *out);
int pid_show_io(struct task *task, bool whole, struct strbuf *out);
int pid_show_oom_score(struct task *task, bool whole, struct strbuf *out);
int pid_show_coredump_filter(struct task *task, bool whole, struct strbuf *out);
int64_t pid_write_coredump_filter(struct task *task, const char *text, size_t bytes);
int pid_show_oom_score_adj(struct task *task, bool whole, struct strbuf *out);
int64_t pid_write_oom_score_adj(struct task *task, const char *text, size_t bytes);
int pid_show_oom_adj(struct task *task, bool whole, struct strbuf *out);
int64_t pid_write_oom_adj(struct task *task, const char *text, size_t bytes);
int pid_show_personality(struct task *task, bool whole, struct strbuf *out);
int pid_show_schedstat(struct task *task, bool whole, struct strbuf *out);
int pid_show_wchan(struct task *task, bool whole, struct strbuf *out);
int pid_show_syscall(struct task *task, bool whole, struct strbuf *out);
int pid_show_children(struct task *task, bool whole, struct pid_namespace *ns, struct strbuf *out);
int pid_show_timers(struct task *task, bool whole, struct pid_namespace *ns, struct strbuf *out);
int pid_show_timerslack(struct task *task, bool whole, struct strbuf *out);
int64_t pid_write_timerslack(struct task *task, const char *text, size_t bytes);

int pid_show_uid_map(struct task *task, bool whole, struct strbuf *out);
int64_t pid_write_uid_map(struct task *task, const char *text, size_t bytes);
int pid_show_gid_map(struct task *task, bool whole, struct strbuf *out);
int64_t pid_write_gid_map(struct task *task, const char *text, size_t bytes);
int pid_show_projid_map(struct task *task, bool whole, struct strbuf *out);
int64_t pid_write_projid_map(struct task *task, const char *text, size_t bytes);
int pid_show_setgroups(struct task *task, bool whole, struct strbuf *out);
int64_t pid_write_setgroups(struct task *task, const char *text, size_t bytes);
int pid_show_time_offsets(struct task *task, bool whole, struct strbuf *out);
int64_t pid_write_time_offsets(struct task *task, const char *text, size_t bytes);

void proc_put_cpu_list(struct strbuf *out, uint64_t bits);
/* Process id of the tracer, or 0. */
int proc_tracer_pid(struct task *task);

/* ---- texts about the machine, system_*.c ---- */

extern const struct text_file_ops proc_cpuinfo, proc_meminfo, proc_stat, proc_uptime, proc_loadavg;
extern const struct text_file_ops proc_version, proc_cgroups, proc_cmdline, proc_filesystems,
    proc_devices;
extern const struct text_file_ops proc_config;
extern const struct text_file_ops proc_interrupts, proc_vmstat, proc_swaps, proc_partitions;
extern const struct text_file_ops proc_locks, proc_slabinfo, proc_diskstats;
extern const struct text_file_ops proc_consoles, proc_execdomains, proc_softirqs;
extern const struct file_ops proc_kmsg_file_ops;

/* ---- mount options, options.c ---- */

enum proc_hide { /* from whom may not look into a process */
                 PROC_HIDE_NOTHING,
                 PROC_HIDE_CONTENT, /* what is in its directory */
                 PROC_HIDE_EXISTENCE,
                 PROC_HIDE_UNTRACEABLE, /* the same, and gid= is no exception */
};

struct proc_options { /* sb->private; atomic */
    enum proc_hide hide;
    uint32_t gid;                 /* members see everything */
    bool processes_only;          /* subset=pid */
    struct pid_namespace *pid_ns; /* whose numbers the names are; referenced; constant */
};

/* Of the mount that an inode belongs to. */
static inline struct pid_namespace *proc_pid_namespace(const struct superblock *sb)
{
    return ((const struct proc_options *)sb->private)->pid_ns;
}

/* 0 or -EINVAL. */
int proc_options_parse(const char *text, struct proc_options *options);
int proc_remount(struct superblock *sb, unsigned flags, const char *text);
void proc_show_options(struct superblock *sb, char *buffer, size_t bytes);
/* Does the mount hide as much as `from`, and this task from the caller? */
bool proc_is_hidden(const struct superblock *sb, struct task *task, enum proc_hide from);

/* ---- what the file system keeps, one for each machine ---- */

enum { PROC_VM_REMEMBERED = 20 };

struct proc_state {
    struct filesystem type;          /* must be first: the registered file system */
    char boot_id[37];                /* a UUID as text */
    uint64_t vm[PROC_VM_REMEMBERED]; /* parameters without effect, sysctl_vm.c; atomic */
};
void proc_put_uuid(char text[37]);
static inline struct proc_state *proc_state_of(const struct superblock *sb)
{
    return container_of(sb->type, struct proc_state, type);
}

#endif
