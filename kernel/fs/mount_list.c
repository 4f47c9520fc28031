/* SPDX-License-Identifier: MIT
 *
 * What /proc/mounts, /proc/PID/mountinfo and /proc/filesystems show; proc_pid_mountinfo(5). And the
 * table of file system types.
 */
#include "kernel/fs/mount_internal.h"
#include "kernel/lib/strbuf.h"

struct mount *mount_next(struct kernel *kernel, const struct mount_namespace *ns, int after)
{
    struct vfs_state *vfs = kernel->vfs;
    struct mount *mount, *found = NULL;
    spin_lock(&vfs->mount_lock);
    list_for_each_entry (mount, &vfs->mounts, all_node) {
        if (mount->ns == ns && mount->id > after) {
            found = mount_get(mount);
            break;
        }
    }
    spin_unlock(&vfs->mount_lock);
    return found;
}

uint64_t mount_sequence(struct kernel *kernel)
{
    return atomic_load_relaxed(&kernel->vfs->mount_sequence);
}

struct wait_queue *mount_changes(struct kernel *kernel)
{
    return &kernel->vfs->mount_changes;
}

void mount_describe(struct mount *mount, struct mount_info *out)
{
    struct vfs_state *vfs = mount->kernel->vfs;
    spin_lock(&vfs->mount_lock);
    *out = (struct mount_info){
        .id = mount->id,
        .parent_id = mount->parent ? mount->parent->id : mount->id,
        .dev = mount->sb->dev,
        .root = {.mount = mount, .dentry = mount->root},
        .type = mount->sb->type->name,
        .source = mount->sb->source,
        .flags = mount_flags(mount),
        .sb_flags = atomic_load_relaxed(&mount->sb->flags),
        .shared_group = mount->propagation == MOUNT_SHARED ? mount->peer_group : 0,
        .master_group = mount->master_group,
        .unbindable = mount->propagation == MOUNT_UNBINDABLE,
    };
    spin_unlock(&vfs->mount_lock);
}

struct option_name {
    unsigned flag;
    const char *text;
};

static void put_options(struct strbuf *out, unsigned flags, const struct option_name *names)
{
    for (; names->text; names++)
        if (flags & names->flag)
            strbuf_puts(out, names->text);
}

void mount_option_text(const struct mount *mount, struct strbuf *out)
{
    static const struct option_name names[] = {
        {MS_NOSUID, ",nosuid"},           {MS_NODEV, ",nodev"},
        {MS_NOEXEC, ",noexec"},           {MS_NOATIME, ",noatime"},
        {MS_NODIRATIME, ",nodiratime"},   {MS_RELATIME, ",relatime"},
        {MS_NOSYMFOLLOW, ",nosymfollow"}, {0, NULL},
    };
    strbuf_puts(out, mount_flags(mount) & MS_RDONLY ? "ro" : "rw");
    put_options(out, mount_flags(mount), names);
}

void superblock_option_text(struct superblock *sb, struct strbuf *out)
{
    static const struct option_name names[] = {
        {MS_SYNCHRONOUS, ",sync"},
        {MS_DIRSYNC, ",dirsync"},
        {MS_MANDLOCK, ",mand"},
        {MS_LAZYTIME, ",lazytime"},
        {0, NULL},
    };
    char options[256];
    strbuf_puts(out, superblock_is_readonly(sb) ? "ro" : "rw");
    put_options(out, atomic_load_relaxed(&sb->flags), names);
    if (sb->ops && sb->ops->show_options) {
        options[0] = 0;
        sb->ops->show_options(sb, options, sizeof(options));
        if (options[0] && options[0] != ',')
            strbuf_putc(out, ',');
        strbuf_puts(out, options);
    }
}

int vfs_register_filesystem(struct kernel *kernel, const struct filesystem *type)
{
    struct vfs_state *vfs = kernel->vfs;
    int error = 0;
    if (vfs_find_filesystem(kernel, type->name))
        return -EBUSY;
    spin_lock(&vfs->lock);
    if (vfs->type_count == FILESYSTEMS_MAX)
        error = -ENOMEM;
    else
        vfs->types[vfs->type_count++] = type;
    spin_unlock(&vfs->lock);
    return error;
}

int vfs_describe_filesystem(struct kernel *kernel, unsigned index, const struct filesystem **out)
{
    struct vfs_state *vfs = kernel->vfs;
    spin_lock(&vfs->lock);
    bool there = index < vfs->type_count;
    if (there)
        *out = vfs->types[index];
    spin_unlock(&vfs->lock);
    return there ? 0 : -ENOENT;
}

const struct filesystem *vfs_find_filesystem(struct kernel *kernel, const char *name)
{
    const struct filesystem *type;
    for (unsigned i = 0; vfs_describe_filesystem(kernel, i, &type) == 0; i++)
        if (kstr_equal(type->name, name))
            return type;
    return NULL;
}
