/* SPDX-License-Identifier: MIT
 *
 * Path names from user memory, and the descriptors that relative ones start at.
 */
#include "kernel/fs/vfs_internal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"

int user_path_get(struct user_path *path, uint64_t uaddr, bool empty_allowed)
{
    path->name = path->inline_name;
    int64_t length = copy_string_from_user(path->inline_name, uaddr, sizeof(path->inline_name));
    if (length == -ENAMETOOLONG) {
        path->name = kmalloc(VFS_PATH_MAX);
        if (!path->name)
            return -ENOMEM;
        length = copy_string_from_user(path->name, uaddr, VFS_PATH_MAX);
    }
    if (length > 0 || (length == 0 && empty_allowed))
        return 0;
    user_path_put(path);
    return length == 0 ? -ENOENT : (int)length;
}

void user_path_put(struct user_path *path)
{
    if (path->name != path->inline_name)
        kfree(path->name);
}

int path_copy_user(uint64_t uaddr, bool empty_allowed, char **out)
{
    struct user_path path;
    int error = user_path_get(&path, uaddr, empty_allowed);
    if (error)
        return error;
    if (path.name != path.inline_name) {
        *out = path.name;
        return 0;
    }
    *out = kstrdup(path.inline_name);
    return *out ? 0 : -ENOMEM;
}

int path_at(int dirfd, const char *name, unsigned walk_flags, struct path *out)
{
    *out = (struct path){0};
    if (name[0] == '/' && !(walk_flags & WALK_IN_ROOT))
        return 0;
    if (dirfd == AT_FDCWD) {
        fs_context_cwd(this_thread()->fs, out);
        return 0;
    }
    struct fd_borrow fd = fd_borrow_any(dirfd);
    if (!fd.file)
        return -EBADF;
    *out = fd.file->path;
    path_get(out);
    fd_release(fd);
    return 0;
}

int path_walk_at(int dirfd, uint64_t name_uaddr, unsigned walk_flags, struct path *out)
{
    struct user_path name;
    struct path start;
    int error = user_path_get(&name, name_uaddr, walk_flags & WALK_EMPTY);
    if (error)
        return error;
    error = path_at(dirfd, name.name, walk_flags, &start);
    if (!error) {
        error = path_walk(start.mount ? &start : NULL, name.name, walk_flags, out);
        path_put(&start);
    }
    user_path_put(&name);
    return error;
}
