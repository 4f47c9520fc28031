/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/mounts and mountinfo: the mount tree as the task sees it from its root directory;
 * proc_pid_mounts(5), proc_pid_mountinfo(5).
 */
#include "kernel/abi/mount.h"
#include "kernel/fs/device.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/mount_namespace.h"
#include "kernel/fs/path.h"
#include "kernel/mm/slab.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/procfs/seq_internal.h"

#define MOUNT_ESCAPES " \t\n\\#"

typedef void mount_line(struct mount *mount, const struct mount_info *info, const char *where,
                        char *scratch, struct strbuf *out);

/* First the superblock's flags, then the mount's, then what the file system adds. */
static void put_mounts_line(struct mount *mount, const struct mount_info *info, const char *where,
                            char *scratch, struct strbuf *out)
{
    struct superblock *sb = mount->sb;
    struct strbuf options;
    strbuf_put_escaped(out, info->source[0] ? info->source : "none", MOUNT_ESCAPES);
    strbuf_putc(out, ' ');
    strbuf_put_escaped(out, where, MOUNT_ESCAPES);
    strbuf_printf(out, " %s %s", info->type, mount_is_readonly(mount) ? "ro" : "rw");
    if (info->sb_flags & MS_SYNCHRONOUS)
        strbuf_puts(out, ",sync");
    if (info->sb_flags & MS_DIRSYNC)
        strbuf_puts(out, ",dirsync");
    strbuf_init(&options, scratch, VFS_PATH_MAX);
    mount_option_text(mount, &options);
    strbuf_puts(out, scratch + 2); /* behind its "rw" or "ro" */
    scratch[0] = 0;
    if (sb->ops && sb->ops->show_options)
        sb->ops->show_options(sb, scratch, VFS_PATH_MAX);
    if (scratch[0] && scratch[0] != ',')
        strbuf_putc(out, ',');
    strbuf_printf(out, "%s 0 0\n", scratch);
}

static void put_mountinfo_line(struct mount *mount, const struct mount_info *info,
                               const char *where, char *scratch, struct strbuf *out)
{
    char *root;
    if (mount_root_name(mount, scratch, VFS_PATH_MAX, &root))
        return;
    strbuf_printf(out, "%d %d %u:%u ", info->id, info->parent_id, DEV_MAJOR(info->dev),
                  DEV_MINOR(info->dev));
    strbuf_put_escaped(out, root, MOUNT_ESCAPES);
    strbuf_putc(out, ' ');
    strbuf_put_escaped(out, where, MOUNT_ESCAPES);
    strbuf_putc(out, ' ');
    mount_option_text(mount, out);
    if (info->shared_group)
        strbuf_printf(out, " shared:%d", info->shared_group);
    if (info->master_group)
        strbuf_printf(out, " master:%d", info->master_group);
    if (info->unbindable)
        strbuf_puts(out, " unbindable");
    strbuf_printf(out, " - %s ", info->type);
    strbuf_put_escaped(out, info->source[0] ? info->source : "none", MOUNT_ESCAPES);
    strbuf_putc(out, ' ');
    superblock_option_text(mount->sb, out);
    strbuf_putc(out, '\n');
}

/* The device and file system of each mount, and nothing of what those might count. */
static void put_mountstats_line(struct mount *mount, const struct mount_info *info,
                                const char *where, char *scratch, struct strbuf *out)
{
    (void)mount;
    (void)scratch;
    strbuf_puts(out, "device ");
    strbuf_put_escaped(out, info->source[0] ? info->source : "none", MOUNT_ESCAPES);
    strbuf_puts(out, " mounted on ");
    strbuf_put_escaped(out, where, MOUNT_ESCAPES);
    strbuf_printf(out, " with fstype %s \n", info->type);
}

/* Lines for the mounts with ids from *cursor on that can be reached from the root. */
static int fill_lines(struct mount_namespace *ns, const struct path *root, mount_line *line,
                      uint64_t *cursor, struct strbuf *out)
{
    char *where = kmalloc(2 * VFS_PATH_MAX), *name;
    struct mount *mount;
    bool fits = true;
    if (!where)
        return -ENOMEM;
    while (fits && (mount = mount_next(ns->common.kernel, ns, (int)*cursor - 1))) {
        struct mount_info info;
        size_t start = out->length;
        mount_describe(mount, &info);
        if (mount_point_name(mount, root, where, VFS_PATH_MAX, &name) == 0)
            line(mount, &info, name, where + VFS_PATH_MAX, out);
        fits = proc_seq_fits(out, start);
        if (fits)
            *cursor = (uint64_t)info.id + 1;
        mount_put(mount);
    }
    kfree(where);
    return fits ? 1 : 0;
}

static int fill_mounts(struct file *file, mount_line *line, uint64_t *cursor, struct strbuf *out)
{
    struct task *task = proc_inode_task(file->inode);
    struct fs_context *fs = task ? proc_task_fs(task) : NULL;
    struct path root;
    if (task)
        task_put(task);
    if (!fs)
        return -EINVAL;
    fs_context_root(fs, &root);
    struct mount_namespace *ns = fs_context_mount_namespace(fs);
    fs_context_put(fs);
    int result = fill_lines(ns, &root, line, cursor, out);
    path_put(&root);
    namespace_put(&ns->common);
    return result;
}

static int fill_plain(struct file *file, struct proc_seq *seq, uint64_t *cursor, struct strbuf *out)
{
    (void)seq;
    return fill_mounts(file, put_mounts_line, cursor, out);
}

static int fill_info(struct file *file, struct proc_seq *seq, uint64_t *cursor, struct strbuf *out)
{
    (void)seq;
    return fill_mounts(file, put_mountinfo_line, cursor, out);
}

static int fill_stats(struct file *file, struct proc_seq *seq, uint64_t *cursor, struct strbuf *out)
{
    (void)seq;
    return fill_mounts(file, put_mountstats_line, cursor, out);
}

static int mounts_open(struct file *file, struct proc_seq *seq)
{
    struct task *task = proc_inode_task(file->inode);
    struct fs_context *fs = task ? proc_task_fs(task) : NULL;
    if (task)
        task_put(task);
    if (!fs)
        return -EINVAL;
    fs_context_put(fs);
    seq->stamp = mount_sequence(file->kernel);
    return 0;
}

/* Readable at all times; POLLERR and POLLPRI tell of a change since the last time it was asked. */
static uint32_t mounts_poll(struct file *file, struct poll_table *table)
{
    struct proc_seq *seq = file->private;
    uint32_t events = POLLIN | POLLRDNORM;
    poll_wait(table, mount_changes(file->kernel));
    uint64_t now = mount_sequence(file->kernel);
    if (atomic_load_relaxed(&seq->stamp) != now) {
        atomic_store_relaxed(&seq->stamp, now);
        events |= POLLERR | POLLPRI;
    }
    return events;
}

const struct proc_seq_ops pid_mounts = {.open = mounts_open, .fill = fill_plain};
const struct proc_seq_ops pid_mountinfo = {.open = mounts_open, .fill = fill_info};
const struct proc_seq_ops pid_mountstats = {.open = mounts_open, .fill = fill_stats};

const struct file_ops pid_mounts_file_ops = {
    .open = proc_seq_open,
    .release = proc_seq_release,
    .read = proc_seq_read,
    .seek = proc_seq_seek,
    .poll = mounts_poll,
};
