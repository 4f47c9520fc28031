/* SPDX-License-Identifier: MIT
 *
 * Names and directories: mkdir(2), unlink(2), rename(2), link(2), getdents(2), chdir(2), getcwd(2)
 * …
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/fs/file_table.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/at_path.h"
#include "kernel/syscall/syscalls.h"

int64_t sys_mkdirat(int dir, uint64_t path, uint32_t mode)
{
    struct at_path at;
    int error = at_path_begin(&at, dir, path, 0);
    if (error)
        return error;
    error = vfs_mkdir(at_path_start(&at), at.name.name, mode);
    at_path_end(&at);
    return error;
}

int64_t sys_mkdir(uint64_t path, uint32_t mode)
{
    return sys_mkdirat(AT_FDCWD, path, mode);
}

int64_t sys_mknodat(int dir, uint64_t path, uint32_t mode, uint32_t dev)
{
    struct at_path at;
    int error = vfs_check_mknod_mode(mode);
    if (!error)
        error = at_path_begin(&at, dir, path, 0);
    if (error)
        return error;
    error = vfs_mknod(at_path_start(&at), at.name.name, mode, dev);
    at_path_end(&at);
    return error;
}

int64_t sys_mknod(uint64_t path, uint32_t mode, uint64_t dev)
{
    return sys_mknodat(AT_FDCWD, path, mode, (uint32_t)dev);
}

int64_t sys_unlinkat(int dir, uint64_t path, uint32_t flags)
{
    struct at_path at;
    if (flags & ~(uint32_t)AT_REMOVEDIR)
        return -EINVAL;
    int error = at_path_begin(&at, dir, path, 0);
    if (error)
        return error;
    if (flags & AT_REMOVEDIR)
        error = vfs_rmdir(at_path_start(&at), at.name.name);
    else
        error = vfs_unlink(at_path_start(&at), at.name.name);
    at_path_end(&at);
    return error;
}

int64_t sys_unlink(uint64_t path)
{
    return sys_unlinkat(AT_FDCWD, path, 0);
}

int64_t sys_rmdir(uint64_t path)
{
    return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int64_t sys_symlinkat(uint64_t target, int dir, uint64_t path)
{
    struct user_path text;
    struct at_path at;
    int error = user_path_get(&text, target, false);
    if (error)
        return error;
    error = at_path_begin(&at, dir, path, 0);
    if (!error) {
        error = vfs_symlink(text.name, at_path_start(&at), at.name.name);
        at_path_end(&at);
    }
    user_path_put(&text);
    return error;
}

int64_t sys_symlink(uint64_t target, uint64_t path)
{
    return sys_symlinkat(target, AT_FDCWD, path);
}

int64_t sys_linkat(int old_dir, uint64_t old, int new_dir, uint64_t new, uint32_t flags)
{
    struct path source;
    struct at_path at;
    if (flags & ~(uint32_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    /* A bare descriptor would get around the permissions of the directories on the way. */
    if ((flags & AT_EMPTY_PATH) && !capable(CAP_DAC_READ_SEARCH))
        return -ENOENT;
    unsigned walk =
        (flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
    int error = path_walk_at(old_dir, old, walk, &source);
    if (error)
        return error;
    error = at_path_begin(&at, new_dir, new, 0);
    if (!error) {
        error = vfs_link(&source, at_path_start(&at), at.name.name);
        at_path_end(&at);
    }
    path_put(&source);
    return error;
}

int64_t sys_link(uint64_t old, uint64_t new)
{
    return sys_linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

int64_t sys_renameat2(int old_dir, uint64_t old, int new_dir, uint64_t new, uint32_t flags)
{
    struct at_path from, to;
    if ((flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) ||
        ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT))))
        return -EINVAL;
    int error = at_path_begin(&from, old_dir, old, 0);
    if (error)
        return error;
    error = at_path_begin(&to, new_dir, new, 0);
    if (!error) {
        error = vfs_rename(at_path_start(&from), from.name.name, at_path_start(&to), to.name.name,
                           flags);
        at_path_end(&to);
    } else {
        /* What is wrong with the first path counts more. */
        int first = vfs_check_parent(at_path_start(&from), from.name.name);
        error = first ? first : error;
    }
    at_path_end(&from);
    return error;
}

int64_t sys_renameat(int old_dir, uint64_t old, int new_dir, uint64_t new)
{
    return sys_renameat2(old_dir, old, new_dir, new, 0);
}

int64_t sys_rename(uint64_t old, uint64_t new)
{
    return sys_renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

/* ---- symbolic links ---- */

static int64_t read_link(const struct path *path, uint64_t buf, size_t bytes)
{
    struct inode *inode = path->dentry->inode;
    if (inode->link) {
        size_t length = MIN(kstrlen(inode->link), bytes);
        return copy_to_user(buf, inode->link, length) ? -EFAULT : (int64_t)length;
    }
    char *text = kmalloc(VFS_PATH_MAX);
    if (!text)
        return -ENOMEM;
    int64_t length;
    if (inode->ops && inode->ops->readlink) {
        length = inode->ops->readlink(inode, text, VFS_PATH_MAX);
    } else if (inode->ops && inode->ops->follow) {
        /* A magic link reads as the name of what it leads to. */
        struct path target, root;
        char *name;
        length = inode->ops->follow(inode, &target);
        if (length == 0) {
            fs_context_root(this_thread()->fs, &root);
            length = path_name(&target, &root, text, VFS_PATH_MAX, &name);
            path_put(&root);
            path_put(&target);
        }
        if (length == 0) {
            length = (int64_t)kstrlen(name);
            memmove(text, name, (size_t)length);
        }
    } else {
        length = -EINVAL;
    }
    if (length > 0) {
        length = MIN(length, (int64_t)bytes);
        if (copy_to_user(buf, text, (size_t)length))
            length = -EFAULT;
    }
    kfree(text);
    return length;
}

int64_t sys_readlinkat(int dir, uint64_t path, uint64_t buf, int count)
{
    struct path found;
    if (count <= 0)
        return -EINVAL;
    int64_t result = path_walk_at(dir, path, WALK_EMPTY, &found);
    if (result)
        return result;
    char first = 1;
    if (!S_ISLNK(inode_mode(found.dentry->inode))) {
        /* Linux tells an empty name on a non-link from a named one. */
        result = copy_from_user(&first, path, 1) == 0 && !first ? -ENOENT : -EINVAL;
    } else {
        result = read_link(&found, buf, (size_t)count);
        path_accessed(&found, 0);
    }
    path_put(&found);
    return result;
}

int64_t sys_readlink(uint64_t path, uint64_t buf, int count)
{
    return sys_readlinkat(AT_FDCWD, path, buf, count);
}

/* ---- where one is ---- */

static int64_t change_cwd(const struct path *path)
{
    int error = inode_permission(path->dentry->inode, MAY_EXEC);
    if (!error)
        fs_context_set_cwd(this_thread()->fs, path);
    return error;
}

int64_t sys_chdir(uint64_t path)
{
    struct path found;
    int64_t error = path_walk_at(AT_FDCWD, path, WALK_FOLLOW | WALK_DIRECTORY, &found);
    if (error)
        return error;
    error = change_cwd(&found);
    path_put(&found);
    return error;
}

int64_t sys_fchdir(int fd)
{
    struct fd_borrow file = fd_borrow_any(fd);
    if (!file.file)
        return -EBADF;
    int64_t error = -ENOTDIR;
    if (S_ISDIR(inode_mode(file.file->inode)))
        error = change_cwd(&file.file->path);
    fd_release(file);
    return error;
}

int64_t sys_chroot(uint64_t path)
{
    struct path found;
    int64_t error = path_walk_at(AT_FDCWD, path, WALK_FOLLOW | WALK_DIRECTORY, &found);
    if (error)
        return error;
    error = inode_permission(found.dentry->inode, MAY_EXEC);
    if (!error && !capable_here(CAP_SYS_CHROOT))
        error = -EPERM;
    if (!error)
        fs_context_set_root(this_thread()->fs, &found);
    path_put(&found);
    return error;
}

/* The name of the current directory; "(unreachable)" before one that is not below the root. */
static int64_t name_cwd(char *buffer, char **out)
{
    static const char unreachable[] = "(unreachable)";
    const size_t prefix = sizeof(unreachable) - 1;
    struct path root, cwd;
    bool reachable;
    fs_context_root(this_thread()->fs, &root);
    fs_context_cwd(this_thread()->fs, &cwd);
    int64_t error = -ENOENT;
    if (!(atomic_load_relaxed(&cwd.dentry->inode->flags) & INODE_DEAD))
        error = path_name_reachable(&cwd, &root, buffer + prefix, VFS_PATH_MAX, out, &reachable);
    path_put(&cwd);
    path_put(&root);
    if (!error && !reachable) {
        *out -= prefix;
        memcpy(*out, unreachable, prefix);
    }
    return error;
}

int64_t sys_getcwd(uint64_t buf, uint64_t size)
{
    char *buffer = kmalloc(VFS_PATH_MAX + 16), *name;
    if (!buffer)
        return -ENOMEM;
    int64_t result = name_cwd(buffer, &name);
    if (!result) {
        result = (int64_t)kstrlen(name) + 1;
        if ((uint64_t)result > size)
            result = -ERANGE;
        else if (copy_to_user(buf, name, (size_t)result))
            result = -EFAULT;
    }
    kfree(buffer);
    return result;
}

int64_t sys_umask(uint32_t mask)
{
    return atomic_exchange_relaxed(&this_thread()->fs->umask, mask & 0777);
}
