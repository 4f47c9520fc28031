/* SPDX-License-Identifier: MIT
 *
 * fanotify_init(2), fanotify_mark(2): which flags and masks go together. FAN_ENABLE_AUDIT is
 * refused as unknown.
 */
#include "kernel/ipc/fanotify.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fanotify.h"
#include "kernel/abi/fcntl.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/syscalls.h"

#define CLASS_BITS (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT)
#define FID_BITS (FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID)
#define ADMIN_BITS                                                                                 \
    (CLASS_BITS | FAN_REPORT_TID | FAN_REPORT_PIDFD | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS)
#define INIT_BITS (ADMIN_BITS | FID_BITS | FAN_CLOEXEC | FAN_NONBLOCK)
#define EVENT_FILE_BITS                                                                            \
    (O_ACCMODE | O_APPEND | O_NONBLOCK | __O_SYNC | O_DSYNC | O_CLOEXEC | O_LARGEFILE | O_NOATIME)

#define TYPE_BITS (FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM)
#define COMMAND_BITS (FAN_MARK_ADD | FAN_MARK_REMOVE | FAN_MARK_FLUSH)
#define IGNORE_BITS (FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORE)
#define MARK_BITS                                                                                  \
    (TYPE_BITS | COMMAND_BITS | IGNORE_BITS | FAN_MARK_DONT_FOLLOW | FAN_MARK_ONLYDIR |            \
     FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_EVICTABLE)

#define EVENT_FLAGS (FAN_EVENT_ON_CHILD | FAN_ONDIR)
#define PERMISSION_EVENTS (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM)
#define PATH_EVENTS                                                                                \
    (FAN_ACCESS | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_CLOSE_NOWRITE | FAN_OPEN | FAN_OPEN_EXEC |    \
     PERMISSION_EVENTS)
#define ENTRY_EVENTS (FAN_MOVED_FROM | FAN_MOVED_TO | FAN_CREATE | FAN_DELETE | FAN_RENAME)
#define KNOWN_MASK                                                                                 \
    (PATH_EVENTS | ENTRY_EVENTS | FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_FS_ERROR |    \
     EVENT_FLAGS)

int64_t sys_fanotify_init(uint32_t flags, uint32_t event_flags)
{
    uint32_t fid = flags & FID_BITS;
    bool limited = !capable(CAP_SYS_ADMIN);
    struct file *file;
    if (limited && ((flags & ADMIN_BITS) || !fid))
        return -EPERM;
    if ((flags & ~(uint32_t)INIT_BITS) || (event_flags & ~(uint32_t)EVENT_FILE_BITS) ||
        (event_flags & O_ACCMODE) == O_ACCMODE)
        return -EINVAL;
    if ((flags & FAN_REPORT_PIDFD) && (flags & FAN_REPORT_TID))
        return -EINVAL;
    if ((fid && (flags & CLASS_BITS)) || (flags & CLASS_BITS) == CLASS_BITS)
        return -EINVAL;
    if ((fid & FAN_REPORT_NAME) && !(fid & FAN_REPORT_DIR_FID))
        return -EINVAL;
    if ((fid & FAN_REPORT_TARGET_FID) && (!(fid & FAN_REPORT_NAME) || !(fid & FAN_REPORT_FID)))
        return -EINVAL;
    int error = fanotify_create(this_kernel(), flags, event_flags, limited, &file);
    return error ? error : fd_add(file, flags & FAN_CLOEXEC);
}

static int check_command(uint32_t flags, uint64_t mask)
{
    if (mask >> 32 || (flags & ~(uint32_t)MARK_BITS) || (flags & TYPE_BITS) == TYPE_BITS)
        return -EINVAL;
    switch (flags & COMMAND_BITS) {
    case FAN_MARK_ADD:
    case FAN_MARK_REMOVE:
        if (!mask)
            return -EINVAL;
        break;
    case FAN_MARK_FLUSH:
        if (flags & ~(uint32_t)(TYPE_BITS | FAN_MARK_FLUSH))
            return -EINVAL;
        break;
    default:
        return -EINVAL;
    }
    if ((mask & ~(uint64_t)KNOWN_MASK) || (flags & IGNORE_BITS) == IGNORE_BITS)
        return -EINVAL;
    return 0;
}

/* Does the group report what the mask asks for? */
static int check_group(const struct file *file, uint32_t flags, uint32_t mask)
{
    uint32_t init = fanotify_flags(file), fid = init & FID_BITS;
    if (fanotify_is_limited(file) && (flags & TYPE_BITS))
        return -EPERM;
    if ((mask & PERMISSION_EVENTS) && !(init & CLASS_BITS))
        return -EINVAL;
    if ((mask & FAN_FS_ERROR) && !(flags & FAN_MARK_FILESYSTEM))
        return -EINVAL;
    if ((flags & FAN_MARK_EVICTABLE) && (flags & TYPE_BITS))
        return -EINVAL;
    if ((mask & ~(uint32_t)(PATH_EVENTS | EVENT_FLAGS)) && (!fid || (flags & FAN_MARK_MOUNT)))
        return -EINVAL;
    if ((mask & FAN_RENAME) && !(fid & FAN_REPORT_NAME))
        return -EINVAL;
    return 0;
}

/* FAN_MARK_IGNORE says exactly what it ignores: on mounts and file systems it has to survive
 * changes. */
static int check_object(const struct file *file, const struct path *path, uint32_t flags,
                        uint32_t mask)
{
    bool is_dir = S_ISDIR(inode_mode(dentry_inode(path->dentry)));
    bool on_inode = !(flags & TYPE_BITS);
    bool strict = (fanotify_flags(file) & FAN_REPORT_TARGET_FID) || (mask & FAN_RENAME) ||
                  (flags & FAN_MARK_IGNORE);
    if (strict && on_inode && !is_dir && (mask & (ENTRY_EVENTS | EVENT_FLAGS)))
        return -ENOTDIR;
    if ((flags & FAN_MARK_IGNORE) && (!on_inode || is_dir) &&
        !(flags & FAN_MARK_IGNORED_SURV_MODIFY) && (flags & FAN_MARK_ADD))
        return on_inode ? -EISDIR : -EINVAL;
    return 0;
}

static int find_path(int dir, uint64_t name, uint32_t flags, struct path *out)
{
    unsigned walk_flags = flags & FAN_MARK_DONT_FOLLOW ? 0 : WALK_FOLLOW;
    int error = 0;
    if (flags & FAN_MARK_ONLYDIR)
        walk_flags |= WALK_DIRECTORY;
    if (name) {
        error = path_walk_at(dir, name, walk_flags, out);
    } else {
        struct file *file = fd_get(dir);
        if (!file)
            return -EBADF;
        if ((flags & FAN_MARK_ONLYDIR) && !S_ISDIR(inode_mode(file->inode)))
            error = -ENOTDIR;
        *out = file->path;
        if (!error)
            path_get(out);
        file_put(file);
    }
    if (error)
        return error;
    error = path_permission(out, MAY_READ);
    if (error)
        path_put(out);
    return error;
}

static int mark(struct file *file, uint32_t flags, uint32_t mask, int dir, uint64_t name)
{
    struct path path;
    if (!fanotify_is_file(file))
        return -EINVAL;
    int error = check_group(file, flags, mask);
    if (error)
        return error;
    if (flags & FAN_MARK_FLUSH) {
        fanotify_flush(file, flags);
        return 0;
    }
    error = find_path(dir, name, flags, &path);
    if (error)
        return error;
    error = check_object(file, &path, flags, mask);
    if (!error && (flags & FAN_MARK_ADD))
        error = fanotify_add(file, &path, flags, mask);
    else if (!error)
        error = fanotify_remove(file, &path, flags, mask);
    path_put(&path);
    return error;
}

int64_t sys_fanotify_mark(int fd, uint32_t flags, uint64_t mask, int dir, uint64_t path)
{
    int error = check_command(flags, mask);
    if (error)
        return error;
    if (flags & FAN_MARK_IGNORED_MASK)
        mask &= ~(uint64_t)EVENT_FLAGS;
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    error = mark(file, flags, (uint32_t)mask, dir, path);
    file_put(file);
    return error;
}
