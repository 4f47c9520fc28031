/* SPDX-License-Identifier: MIT
 *
 * statfs(2): what a file system says of itself, and the mount's flags.
 */
#include "kernel/fs/vfs_internal.h"

static int64_t statfs_flags(const struct mount *mount)
{
    static const struct {
        unsigned mount_flag, statfs_flag;
    } map[] = {
        {MS_NOSUID, ST_NOSUID},           {MS_NODEV, ST_NODEV},
        {MS_NOEXEC, ST_NOEXEC},           {MS_NOATIME, ST_NOATIME},
        {MS_NODIRATIME, ST_NODIRATIME},   {MS_RELATIME, ST_RELATIME},
        {MS_NOSYMFOLLOW, ST_NOSYMFOLLOW},
    };
    unsigned flags = mount_flags(mount);
    int64_t result = ST_VALID;
    for (size_t i = 0; i < ARRAY_SIZE(map); i++)
        if (flags & map[i].mount_flag)
            result |= map[i].statfs_flag;
    if (mount_is_readonly(mount))
        result |= ST_RDONLY;
    if (atomic_load_relaxed(&mount->sb->flags) & MS_SYNCHRONOUS)
        result |= ST_SYNCHRONOUS;
    return result;
}

int superblock_statfs(struct superblock *sb, struct linux_statfs *out)
{
    *out = (struct linux_statfs){
        .f_type = (int64_t)sb->type->magic,
        .f_bsize = (int64_t)sb->block_size,
        .f_namelen = VFS_NAME_MAX,
        .f_fsid = {(int32_t)sb->dev, (int32_t)(sb->dev >> 32)},
    };
    int error = sb->ops && sb->ops->statfs ? sb->ops->statfs(sb, out) : 0;
    if (!out->f_frsize)
        out->f_frsize = out->f_bsize;
    return error;
}

int vfs_statfs(const struct path *path, struct linux_statfs *out)
{
    int error = superblock_statfs(path->mount->sb, out);
    if (!error)
        out->f_flags = statfs_flags(path->mount);
    return error;
}
