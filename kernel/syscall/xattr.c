/* SPDX-License-Identifier: MIT
 *
 * The twelve calls of xattr(7): get, set, list and remove by path, by path without following, and
 * by descriptor.
 */
#include "kernel/fs/xattr.h"

#include "kernel/abi/errno.h"
#include "kernel/fs/file_table.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/at_path.h"
#include "kernel/syscall/syscalls.h"

/* The file that a call is about; a referenced path. fd is used if path is 0. */
struct target {
    int fd;
    uint64_t path;
    unsigned walk_flags;
};

static int resolve(const struct target *target, struct path *out)
{
    if (target->fd < 0)
        return path_walk_at(AT_FDCWD, target->path, target->walk_flags, out);
    struct fd_borrow file = fd_borrow(target->fd);
    if (!file.file)
        return -EBADF;
    *out = file.file->path;
    path_get(out);
    fd_release(file);
    return 0;
}

static struct target by_path(uint64_t path, unsigned walk_flags)
{
    return (struct target){.fd = -1, .path = path, .walk_flags = walk_flags};
}

static struct target by_fd(int fd)
{
    return (struct target){.fd = fd < 0 ? INT32_MAX : fd};
}

static int copy_name(char name[XATTR_NAME_MAX + 1], uint64_t uaddr)
{
    int64_t length = copy_string_from_user(name, uaddr, XATTR_NAME_MAX + 1);
    if (length == 0 || length == -ENAMETOOLONG)
        return -ERANGE;
    return length < 0 ? (int)length : 0;
}

/* The name and the value of setxattr(2), in a new buffer. */
static int copy_attribute(char name[XATTR_NAME_MAX + 1], uint64_t name_uaddr, uint64_t value,
                          uint64_t size, void **out_buffer)
{
    *out_buffer = NULL;
    int error = copy_name(name, name_uaddr);
    if (error || !size)
        return error;
    if (size > XATTR_SIZE_MAX)
        return -E2BIG;
    *out_buffer = kmalloc(size);
    if (!*out_buffer)
        return -ENOMEM;
    return copy_from_user(*out_buffer, value, size);
}

static int64_t set(struct target target, uint64_t name_uaddr, uint64_t value, uint64_t size,
                   uint32_t flags)
{
    char name[XATTR_NAME_MAX + 1];
    void *buffer = NULL;
    struct path path;
    int error = resolve(&target, &path);
    if (error)
        return error;
    if (flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
        error = -EINVAL;
    else
        error = copy_attribute(name, name_uaddr, value, size, &buffer);
    if (!error)
        error = vfs_setxattr(&path, name, buffer, size, (int)flags);
    path_put(&path);
    kfree(buffer);
    return error;
}

/* Run with a kernel buffer of at most `max` bytes and copy what it holds afterwards. */
static int64_t fetch(const struct path *path, const char *name, uint64_t uaddr, uint64_t size,
                     uint64_t max)
{
    void *buffer = NULL;
    size = MIN(size, max);
    if (size) {
        buffer = kmalloc(size);
        if (!buffer)
            return -ENOMEM;
    }
    int64_t result =
        name ? vfs_getxattr(path, name, buffer, size) : vfs_listxattr(path, buffer, size);
    if (result > 0 && size && copy_to_user(uaddr, buffer, (size_t)result))
        result = -EFAULT;
    kfree(buffer);
    return result;
}

static int64_t get(struct target target, uint64_t name_uaddr, uint64_t value, uint64_t size)
{
    char name[XATTR_NAME_MAX + 1];
    struct path path;
    int64_t result = resolve(&target, &path);
    if (result)
        return result;
    result = copy_name(name, name_uaddr);
    if (!result)
        result = fetch(&path, name, value, size, XATTR_SIZE_MAX);
    path_put(&path);
    return result;
}

static int64_t list(struct target target, uint64_t uaddr, uint64_t size)
{
    struct path path;
    int64_t result = resolve(&target, &path);
    if (result)
        return result;
    result = fetch(&path, NULL, uaddr, size, XATTR_LIST_MAX);
    path_put(&path);
    return result;
}

static int64_t remove_one(struct target target, uint64_t name_uaddr)
{
    char name[XATTR_NAME_MAX + 1];
    struct path path;
    int error = resolve(&target, &path);
    if (error)
        return error;
    error = copy_name(name, name_uaddr);
    if (!error)
        error = vfs_removexattr(&path, name);
    path_put(&path);
    return error;
}

int64_t sys_setxattr(uint64_t path, uint64_t name, uint64_t value, uint64_t size, uint32_t flags)
{
    return set(by_path(path, WALK_FOLLOW), name, value, size, flags);
}

int64_t sys_lsetxattr(uint64_t path, uint64_t name, uint64_t value, uint64_t size, uint32_t flags)
{
    return set(by_path(path, 0), name, value, size, flags);
}

int64_t sys_fsetxattr(int fd, uint64_t name, uint64_t value, uint64_t size, uint32_t flags)
{
    return set(by_fd(fd), name, value, size, flags);
}

int64_t sys_getxattr(uint64_t path, uint64_t name, uint64_t value, uint64_t size)
{
    return get(by_path(path, WALK_FOLLOW), name, value, size);
}

int64_t sys_lgetxattr(uint64_t path, uint64_t name, uint64_t value, uint64_t size)
{
    return get(by_path(path, 0), name, value, size);
}

int64_t sys_fgetxattr(int fd, uint64_t name, uint64_t value, uint64_t size)
{
    return get(by_fd(fd), name, value, size);
}

int64_t sys_listxattr(uint64_t path, uint64_t uaddr, uint64_t size)
{
    return list(by_path(path, WALK_FOLLOW), uaddr, size);
}

int64_t sys_llistxattr(uint64_t path, uint64_t uaddr, uint64_t size)
{
    return list(by_path(path, 0), uaddr, size);
}

int64_t sys_flistxattr(int fd, uint64_t uaddr, uint64_t size)
{
    return list(by_fd(fd), uaddr, size);
}

int64_t sys_removexattr(uint64_t path, uint64_t name)
{
    return remove_one(by_path(path, WALK_FOLLOW), name);
}

int64_t sys_lremovexattr(uint64_t path, uint64_t name)
{
    return remove_one(by_path(path, 0), name);
}

int64_t sys_fremovexattr(int fd, uint64_t name)
{
    return remove_one(by_fd(fd), name);
}
