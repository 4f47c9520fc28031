/* SPDX-License-Identifier: MIT
 *
 * name_to_handle_at(2), open_by_handle_at(2).
 */
#include "kernel/fs/handle.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/at_path.h"
#include "kernel/syscall/syscalls.h"

enum { HANDLE_BYTES_MAX = 128 };

struct handle_header {
    uint32_t bytes;
    int32_t type;
};

static int put_handle(const struct path *path, uint64_t uaddr, uint64_t mount_id)
{
    struct handle_header header;
    uint32_t words[FILE_HANDLE_WORDS];
    int error = file_handle_encode(path, words);
    if (error)
        return error;
    if (copy_from_user(&header, uaddr, sizeof(header)))
        return -EFAULT;
    if (header.bytes > HANDLE_BYTES_MAX)
        return -EINVAL;
    bool fits = header.bytes >= sizeof(words);
    header.bytes = sizeof(words);
    header.type = fits ? FILE_HANDLE_TYPE : 0xff;
    if (put_user_u32(mount_id, (uint32_t)path->mount->id) ||
        copy_to_user(uaddr, &header, sizeof(header)) ||
        (fits && copy_to_user(uaddr + sizeof(header), words, sizeof(words))))
        return -EFAULT;
    return fits ? 0 : -EOVERFLOW;
}

int64_t sys_name_to_handle_at(int dir, uint64_t name, uint64_t handle, uint64_t mount_id,
                              uint32_t flags)
{
    struct path path;
    if (flags & ~(uint32_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    int error = path_walk_at(dir, name,
                             (flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) |
                                 (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0),
                             &path);
    if (error)
        return error;
    error = put_handle(&path, handle, mount_id);
    path_put(&path);
    return error;
}

static int get_handle(uint64_t uaddr, uint32_t words[FILE_HANDLE_WORDS])
{
    struct handle_header header;
    if (copy_from_user(&header, uaddr, sizeof(header)))
        return -EFAULT;
    if (header.bytes == 0 || header.bytes > HANDLE_BYTES_MAX)
        return -EINVAL;
    char raw[HANDLE_BYTES_MAX];
    if (copy_from_user(raw, uaddr + sizeof(header), header.bytes))
        return -EFAULT;
    if (header.bytes < FILE_HANDLE_WORDS * sizeof(uint32_t) || header.type != FILE_HANDLE_TYPE)
        return -ESTALE;
    __builtin_memcpy(words, raw, FILE_HANDLE_WORDS * sizeof(uint32_t));
    return 0;
}

/* Any file of the mount, but not one that is open for its path only; or the working directory. */
static int path_of_mount(int fd, struct path *out)
{
    if (fd == AT_FDCWD)
        return path_at(fd, "", 0, out);
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    *out = file.file->path;
    path_get(out);
    fd_release(file);
    return 0;
}

int64_t sys_open_by_handle_at(int mount_fd, uint64_t handle, uint32_t flags)
{
    uint32_t words[FILE_HANDLE_WORDS];
    struct path start, path;
    struct file *file;
    if (!capable(CAP_DAC_READ_SEARCH))
        return -EPERM;
    int error = get_handle(handle, words);
    if (error && error != -ESTALE)
        return error;
    int mount_error = path_of_mount(mount_fd, &start);
    if (mount_error)
        return mount_error;
    if (!error)
        error = file_handle_decode(start.mount, words, &path);
    path_put(&start);
    if (error)
        return error;
    error = vfs_check_open_flags(flags);
    if (!error)
        error = vfs_open_path(&path, flags, &file);
    path_put(&path);
    return error ? error : fd_add(file, flags & O_CLOEXEC);
}
