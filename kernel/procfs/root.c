/* SPDX-License-Identifier: MIT
 *
 * The top directory of /proc: the machine's files, then a directory for each process, by number.
 *
 * Positions in the directory: 2 and up the table, PROCESS_POS + pid a process. So a reader that
 * comes back after processes were born or died goes on behind the last number it saw.
 */
#include "kernel/lib/printf.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/procfs/seq_internal.h"
#include "kernel/procfs/sysctl_ipc.h"

enum { PROCESS_POS = 256 };

static int64_t self_readlink(struct inode *inode, char *buffer, size_t bytes)
{
    int pid = pid_number_in(proc_pid_namespace(inode->sb), this_thread()->tgid);
    return pid ? kscnprintf(buffer, bytes, "%d", pid) : -ENOENT;
}

static int64_t thread_self_readlink(struct inode *inode, char *buffer, size_t bytes)
{
    struct pid_namespace *ns = proc_pid_namespace(inode->sb);
    int pid = pid_number_in(ns, this_thread()->tgid), tid = pid_number_in(ns, this_thread()->tid);
    return pid && tid ? kscnprintf(buffer, bytes, "%d/task/%d", pid, tid) : -ENOENT;
}

static int64_t mounts_readlink(struct inode *inode, char *buffer, size_t bytes)
{
    (void)inode;
    return kscnprintf(buffer, bytes, "self/mounts");
}

static int64_t net_readlink(struct inode *inode, char *buffer, size_t bytes)
{
    (void)inode;
    return kscnprintf(buffer, bytes, "self/net");
}

static const struct inode_ops self_ops = {.readlink = self_readlink};
static const struct inode_ops thread_self_ops = {.readlink = thread_self_readlink};
static const struct inode_ops mounts_ops = {.readlink = mounts_readlink};
static const struct inode_ops net_ops = {.readlink = net_readlink};

static const struct inode_ops plain_ops = {0};

#define TEXT(name_, ops_)                                                                          \
    {                                                                                              \
        name_, S_IFREG | 0444, &plain_ops, &proc_text_file_ops, &ops_                              \
    }
#define SEQ(name_, ops_)                                                                           \
    {                                                                                              \
        name_, S_IFREG | 0444, &plain_ops, &proc_seq_file_ops, &ops_                               \
    }
#define ROOT_TEXT(name_, ops_)                                                                     \
    {                                                                                              \
        name_, S_IFREG | 0400, &plain_ops, &proc_text_file_ops, &ops_                              \
    }

static const struct proc_entry root_entries[] = {
    TEXT("cgroups", proc_cgroups),
    TEXT("cmdline", proc_cmdline),
    TEXT("config.gz", proc_config),
    TEXT("cpuinfo", proc_cpuinfo),
    TEXT("consoles", proc_consoles),
    TEXT("devices", proc_devices),
    TEXT("diskstats", proc_diskstats),
    TEXT("execdomains", proc_execdomains),
    TEXT("filesystems", proc_filesystems),
    TEXT("interrupts", proc_interrupts),
    SEQ("key-users", proc_key_users),
    SEQ("keys", proc_keys),
    {"kmsg", S_IFREG | 0400, &plain_ops, &proc_kmsg_file_ops, NULL},
    TEXT("loadavg", proc_loadavg),
    TEXT("locks", proc_locks),
    TEXT("meminfo", proc_meminfo),
    {"mounts", S_IFLNK | 0777, &mounts_ops, NULL, NULL},
    {"net", S_IFLNK | 0777, &net_ops, NULL, NULL},
    TEXT("partitions", proc_partitions),
    {"self", S_IFLNK | 0777, &self_ops, NULL, NULL},
    ROOT_TEXT("slabinfo", proc_slabinfo),
    TEXT("softirqs", proc_softirqs),
    TEXT("stat", proc_stat),
    TEXT("swaps", proc_swaps),
    {"thread-self", S_IFLNK | 0777, &thread_self_ops, NULL, NULL},
    {"sys", S_IFDIR | 0555, &proc_table_inode_ops, &proc_table_file_ops, &proc_sys_table},
    {"sysvipc", S_IFDIR | 0555, &proc_table_inode_ops, &proc_table_file_ops, &proc_sysvipc_table},
    {"tty", S_IFDIR | 0555, &proc_table_inode_ops, &proc_table_file_ops, &proc_tty_table},
    TEXT("uptime", proc_uptime),
    TEXT("version", proc_version),
    TEXT("vmstat", proc_vmstat),
};

const struct proc_table proc_root_table = PROC_TABLE(root_entries, PROC_TABLE_ROOT);

bool proc_parse_id(const char *name, size_t length, int *out)
{
    int value = 0;
    if (length == 0 || length > 9 || (name[0] == '0' && length > 1))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!kisdigit(name[i]))
            return false;
        value = value * 10 + (name[i] - '0');
    }
    *out = value;
    return true;
}

static bool shows_processes_only(const struct superblock *sb)
{
    const struct proc_options *options = sb->private;
    return atomic_load_relaxed(&options->processes_only);
}

/* With subset=pid nothing is left but processes and the links to one's own. */
static bool is_left_out(const struct superblock *sb, const char *name, size_t length)
{
    return shows_processes_only(sb) && !kstr_is(name, length, "self") &&
           !kstr_is(name, length, "thread-self");
}

static int root_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    int pid;
    if (!proc_parse_id(name, length, &pid)) {
        if (is_left_out(dir->sb, name, length))
            return -ENOENT;
        return proc_table_inode_ops.lookup(dir, name, length, out);
    }
    pid = pid_from_number(proc_pid_namespace(dir->sb), pid);
    struct task *task = proc_task_by_id(dir->sb->kernel, pid, true);
    if (!task)
        return -ENOENT;
    int error = pid_dir_make(dir->sb, task, true, out);
    task_put(task);
    return error;
}

/* The process is one that the mount shows to the caller. */
static bool is_listed(const struct superblock *sb, struct process *process)
{
    struct task *task = proc_task_by_id(process->kernel, process->pid, true);
    if (!task)
        return false;
    bool hidden = proc_is_hidden(sb, task, PROC_HIDE_EXISTENCE);
    task_put(task);
    return !hidden;
}

/* Processes come and go; the table stays. */
static bool root_revalidate(struct dentry *dentry)
{
    struct inode *inode = dentry_inode(dentry);
    if (!inode)
        return false;
    if (!proc_node_of(inode))
        return true;
    struct task *task = proc_inode_task(inode);
    if (!task)
        return false;
    proc_inode_update_owner(inode, task);
    task_put(task);
    return true;
}

static bool emit_table(struct file *file, struct dir_context *context)
{
    const struct proc_table *table = file->inode->private;
    if (!shows_processes_only(file->inode->sb))
        return proc_table_emit(context, table, 0, 2);
    for (uint64_t pos = MAX(context->pos, (uint64_t)2); pos - 2 < table->count; pos++) {
        const struct proc_entry *entry = &table->entries[pos - 2];
        size_t length = kstrlen(entry->name);
        if (!is_left_out(file->inode->sb, entry->name, length) &&
            !dir_emit(context, entry->name, length, proc_ino(0, table->number, (unsigned)(pos - 2)),
                      DT_OF_MODE(entry->mode), pos + 1))
            return false;
    }
    return true;
}

static int root_iterate(struct file *file, struct dir_context *context)
{
    struct pid_namespace *ns = proc_pid_namespace(file->inode->sb);
    struct process *process;
    char name[16];
    if (!dir_emit_dots(file, context))
        return 0;
    if (context->pos < PROCESS_POS) {
        if (!emit_table(file, context))
            return 0;
        context->pos = PROCESS_POS;
    }
    for (;;) {
        int number = (int)(context->pos - PROCESS_POS);
        process = process_next(ns, &number);
        if (!process)
            return 0;
        int pid = process->pid;
        bool listed = is_listed(file->inode->sb, process);
        process_put(process);
        if (!listed) {
            context->pos = PROCESS_POS + (uint64_t)number;
            continue;
        }
        int length = kscnprintf(name, sizeof(name), "%d", number);
        if (!dir_emit(context, name, (size_t)length, proc_ino(pid, PROC_TABLE_DYNAMIC, 0), DT_DIR,
                      PROCESS_POS + (uint64_t)number))
            return 0;
    }
}

/* Two links and one for each process (proc(5) has no better number). */
static int root_getattr(struct inode *inode, struct linux_statx *out)
{
    generic_getattr(inode, out);
    out->stx_nlink = 2 + task_count(inode->sb->kernel);
    return 0;
}

const struct inode_ops proc_root_inode_ops = {
    .lookup = root_lookup,
    PROC_REFUSE_CREATION,
    .revalidate = root_revalidate,
    .getattr = root_getattr,
    .setattr = proc_setattr_refused,
};

const struct file_ops proc_root_file_ops = {
    .iterate = root_iterate,
    .seek = proc_dir_seek,
};
