/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/mounts and mountinfo: the mount tree as the task sees it from its root directory;
 * proc_pid_mounts(5), proc_pid_mountinfo(5).
 */
#include "kernel/fs/device.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/path.h"
#include "kernel/mm/slab.h"
#include "kernel/procfs/proc_internal.h"

#define MOUNT_ESCAPES " \t\n\\#"

typedef void mount_line(struct mount *mount, const struct mount_info *info, const char *where,
                        char *scratch, struct strbuf *out);

/* The superblock's options without the "rw" or "ro" in front, which the caller has written. */
static void put_superblock_rest(struct superblock *sb, struct strbuf *out)
{
    char text[320];
    struct strbuf options;
    strbuf_init(&options, text, sizeof(text));
    superblock_option_text(sb, &options);
    strbuf_puts(out, text + 2);
}

static void put_mounts_line(struct mount *mount, const struct mount_info *info, const char *where,
                            char *scratch, struct strbuf *out)
{
    char text[128];
    struct strbuf options;
    (void)scratch;
    strbuf_init(&options, text, sizeof(text));
    mount_option_text(mount, &options);
    strbuf_put_escaped(out, info->source[0] ? info->source : "none", MOUNT_ESCAPES);
    strbuf_putc(out, ' ');
    strbuf_put_escaped(out, where, MOUNT_ESCAPES);
    strbuf_printf(out, " %s %s", info->type, mount_is_readonly(mount) ? "ro" : "rw");
    put_superblock_rest(mount->sb, out);
    strbuf_printf(out, "%s 0 0\n", text + 2);
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

/* A line for each mount that can be reached from the task's root. */
static int show_mounts(struct task *task, mount_line *line, struct strbuf *out)
{
    struct fs_context *fs = proc_task_fs(task);
    if (!fs)
        return -EINVAL;
    char *where = kmalloc(2 * VFS_PATH_MAX), *name;
    if (!where) {
        fs_context_put(fs);
        return -ENOMEM;
    }
    struct path root;
    struct mount *mount;
    fs_context_root(fs, &root);
    for (int id = -1; (mount = mount_next(task->thread.kernel, id));) {
        struct mount_info info;
        mount_describe(mount, &info);
        id = info.id;
        if (mount_point_name(mount, &root, where, VFS_PATH_MAX, &name) == 0)
            line(mount, &info, name, where + VFS_PATH_MAX, out);
        mount_put(mount);
    }
    path_put(&root);
    kfree(where);
    fs_context_put(fs);
    return 0;
}

int pid_show_mounts(struct task *task, bool whole, struct strbuf *out)
{
    (void)whole;
    return show_mounts(task, put_mounts_line, out);
}

int pid_show_mountinfo(struct task *task, bool whole, struct strbuf *out)
{
    (void)whole;
    return show_mounts(task, put_mountinfo_line, out);
}
