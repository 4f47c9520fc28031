/* SPDX-License-Identifier: MIT
 *
 * Opening files: open(2), openat2(2), path_resolution(7), proc_sys_fs(5).
 *
 * In order: decode the flags, walk to the file (creating it if asked), check what the caller may do
 * with it (may_open), make the struct file (file_open.c), truncate. A file that this call creates
 * is opened whatever its mode says.
 */
#include "kernel/fs/landlock.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/open_internal.h"

/* Decode flags that were already masked to known ones. */
static int decode_flags(uint32_t flags, uint32_t mode, struct open_request *out)
{
    *out = (struct open_request){0};
    if (flags & O_PATH) {
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        out->flags = flags;
        return 0;
    }
    static const uint8_t access[4] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
                                      MAY_READ | MAY_WRITE};
    out->access = access[flags & O_ACCMODE];
    if (flags & __O_SYNC)
        flags |= O_DSYNC;
    if (flags & __O_TMPFILE) {
        if ((flags & (O_TMPFILE | O_CREAT)) != O_TMPFILE || !(out->access & MAY_WRITE))
            return -EINVAL;
    } else if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY)) {
        return -EINVAL;
    }
    if (flags & O_TRUNC)
        out->access |= MAY_WRITE;
    out->flags = flags;
    out->mode = mode & 07777;
    return 0;
}

int vfs_check_open_flags(uint32_t flags)
{
    struct open_request request;
    return decode_flags(flags, 0, &request);
}

/* fs.protected_regular, fs.protected_fifos: in sticky directories that others may write to (at 2,
 * or the group), O_CREAT does not open files of strangers. */
static int may_create_in_sticky(const struct inode *dir, const struct inode *inode)
{
    uint32_t dir_mode = inode_mode(dir);
    bool regular = S_ISREG(inode_mode(inode));
    if ((!regular && !S_ISFIFO(inode_mode(inode))) || !(dir_mode & S_ISVTX))
        return 0;
    int level = regular ? tunable(protected_regular) : tunable(protected_fifos);
    if (level == 0)
        return 0;
    uint32_t owner = atomic_load_relaxed(&inode->uid);
    if (owner == atomic_load_relaxed(&dir->uid) || owner == current_cred()->fsuid)
        return 0;
    return dir_mode & (level >= 2 ? S_IWOTH | S_IWGRP : S_IWOTH) ? -EACCES : 0;
}

static int create_locked(struct walk *walk, struct dentry *dentry,
                         const struct open_request *request)
{
    struct inode *dir = dentry_inode(walk->path.dentry), *inode;
    int error = mount_want_write(walk->path.mount);
    if (!error)
        error = landlock_check_create(&walk->path, S_IFREG);
    if (!error)
        error = dir_may_create(dir);
    if (!error && !dir->ops->create)
        error = -EACCES;
    if (error)
        return error;
    error =
        dir->ops->create(dir, dentry, inode_mode_for_create(dir, S_IFREG | request->mode), &inode);
    if (error)
        return error;
    dentry_instantiate(dentry, inode);
    fs_notify(dir, dentry->name, inode, IN_CREATE, 0);
    return 0;
}

/* The last component of an open with O_CREAT. As walk_step_last; *out_created if the walk now
 * stands on a new file. */
static int step_last_create(struct walk *walk, const struct open_request *request,
                            bool *out_created)
{
    if (walk->last_type != LAST_NAME)
        return walk_step_last(walk, true);
    if (walk->trailing_slash)
        return -EISDIR;
    struct dentry *dentry;
    struct inode *dir = dentry_inode(walk->path.dentry);
    mutex_lock(&dir->mutex);
    int error = walk_lookup_locked(walk->path.dentry, walk->last, walk->last_length, &dentry);
    if (error) {
        mutex_unlock(&dir->mutex);
        return error;
    }
    if (!dentry_inode(dentry)) {
        error = create_locked(walk, dentry, request);
        *out_created = !error;
    }
    mutex_unlock(&dir->mutex);
    if (!error && !*out_created && !(request->flags & O_EXCL))
        error = may_create_in_sticky(dir, dentry_inode(dentry));
    if (error) {
        dentry_put(dentry);
        return error;
    }
    bool follow = !(request->flags & (O_EXCL | O_NOFOLLOW));
    return walk_enter(walk, dentry, follow, true);
}

int may_open(const struct path *path, unsigned access, uint32_t flags)
{
    struct inode *inode = dentry_inode(path->dentry);
    switch (inode_mode(inode) & S_IFMT) {
    case S_IFLNK:
        return -ELOOP;
    case S_IFDIR:
        if (access & MAY_WRITE)
            return -EISDIR;
        if (access & MAY_EXEC)
            return -EACCES;
        break;
    case S_IFBLK:
    case S_IFCHR:
        if ((mount_flags(path->mount) & MS_NODEV) || (access & MAY_EXEC))
            return -EACCES;
        break;
    case S_IFREG:
        if ((access & MAY_EXEC) && (mount_flags(path->mount) & MS_NOEXEC))
            return -EACCES;
        break;
    default:
        if (access & MAY_EXEC)
            return -EACCES;
    }
    int error = path_permission(path, access);
    if (error)
        return error;
    if (atomic_load_relaxed(&inode->flags) & INODE_APPEND) {
        if ((flags & O_ACCMODE) != O_RDONLY && !(flags & O_APPEND))
            return -EPERM;
        if (flags & O_TRUNC)
            return -EPERM;
    }
    return (flags & O_NOATIME) && !inode_owner_or_capable(inode) ? -EPERM : 0;
}

static int open_tmpfile(const struct path *dir_path, const struct open_request *request,
                        struct file **out)
{
    struct inode *dir = dentry_inode(dir_path->dentry), *inode;
    int error = mount_want_write(dir_path->mount);
    if (!error)
        error = dir_may_create(dir);
    if (!error && !dir->ops->tmpfile)
        error = -EOPNOTSUPP;
    if (error)
        return error;
    mutex_lock(&dir->mutex);
    error = dir->ops->tmpfile(dir, inode_mode_for_create(dir, S_IFREG | request->mode), &inode);
    mutex_unlock(&dir->mutex);
    if (error)
        return error;
    if (!(request->flags & O_EXCL))
        atomic_fetch_or_relaxed(&inode->flags, INODE_LINKABLE);
    struct path path = {.mount = dir_path->mount};
    path.dentry = dentry_alloc_unlinked(dir_path->dentry, inode);
    if (!path.dentry) {
        inode_put(inode);
        return -ENOMEM;
    }
    error = file_open_path(&path, request->flags & ~(uint32_t)(O_EXCL | O_TRUNC), 0, out);
    dentry_put(path.dentry);
    return error;
}

/* The walk stands on the file: last checks, then open. */
static int open_here(struct walk *walk, const struct open_request *request, bool created,
                     struct file **out)
{
    const struct path *path = &walk->path;
    uint32_t flags = request->flags;
    bool is_dir = S_ISDIR(inode_mode(dentry_inode(path->dentry)));
    if ((flags & O_CREAT) && !created) {
        if (flags & O_EXCL)
            return -EEXIST;
        if (is_dir)
            return -EISDIR;
    }
    if (((flags & O_DIRECTORY) || walk->trailing_slash) && !is_dir)
        return -ENOTDIR;
    if (flags & __O_TMPFILE)
        return open_tmpfile(path, request, out);
    if (flags & O_PATH)
        return file_open_path(path, flags, 0, out);
    if (created)
        return file_open_path(path, flags & ~(uint32_t)O_TRUNC, 0, out);
    int error = may_open(path, request->access, flags);
    if (error)
        return error;
    if (!S_ISREG(inode_mode(dentry_inode(path->dentry))))
        flags &= ~(uint32_t)O_TRUNC;
    return file_open_path(path, flags, 0, out);
}

int vfs_open(const struct path *start, const char *name, uint32_t flags, uint32_t mode,
             unsigned walk_flags, struct file **out)
{
    struct open_request request;
    int error = decode_flags(flags, mode, &request);
    if (error)
        return error;
    struct walk walk;
    bool created = false;
    error = walk_begin(&walk, start, name, walk_flags);
    while (!error) {
        error = walk_to_last(&walk);
        if (error)
            break;
        if (request.flags & O_CREAT)
            error = step_last_create(&walk, &request, &created);
        else
            error = walk_step_last(&walk, !(request.flags & O_NOFOLLOW));
        if (error == 1) { /* a link was entered */
            error = 0;
            continue;
        }
        if (!error)
            error = open_here(&walk, &request, created, out);
        break;
    }
    walk_end(&walk);
    return error;
}

int vfs_open_path(const struct path *path, uint32_t flags, struct file **out)
{
    struct open_request request;
    int error = decode_flags(flags & ~(uint32_t)(O_CREAT | O_EXCL | __O_TMPFILE), 0, &request);
    if (error)
        return error;
    if ((flags & O_DIRECTORY) && !S_ISDIR(inode_mode(dentry_inode(path->dentry))))
        return -ENOTDIR;
    if (!(flags & O_PATH))
        error = may_open(path, request.access, request.flags);
    return error ? error : file_open_path(path, request.flags, 0, out);
}

int vfs_open_created(const struct path *path, uint32_t flags, struct file **out)
{
    return file_open_path(path, flags, 0, out);
}

int vfs_open_unnoticed(const struct path *path, uint32_t flags, struct file **out)
{
    return file_open_path(path, flags, FILE_NO_NOTIFY, out);
}

int vfs_open_exec(const struct path *start, const char *name, unsigned walk_flags,
                  struct file **out)
{
    struct path path;
    int error = path_walk(start, name, walk_flags, &path);
    if (error)
        return error;
    uint32_t mode = inode_mode(dentry_inode(path.dentry));
    if (!S_ISREG(mode))
        error = S_ISLNK(mode) ? -ELOOP : -EACCES;
    if (!error)
        error = may_open(&path, MAY_EXEC, O_RDONLY);
    if (!error)
        error = file_open_path(&path, O_RDONLY, FILE_EXEC, out);
    path_put(&path);
    return error;
}
