/* SPDX-License-Identifier: MIT
 *
 * Changing what is known of a file: chmod(2), chown(2), utimensat(2).
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/fs/file_table.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/at_path.h"
#include "kernel/security/user_namespace.h"
#include "kernel/syscall/syscalls.h"

static int64_t set_at(int dir, uint64_t path, unsigned walk_flags, struct attr_change *change)
{
    struct path found;
    int64_t result = path_walk_at(dir, path, walk_flags, &found);
    if (result)
        return result;
    result = vfs_setattr(&found, change);
    path_put(&found);
    return result;
}

static int64_t set_fd(struct fd_borrow file, struct attr_change *change)
{
    if (!file.file)
        return -EBADF;
    int64_t result = vfs_setattr(&file.file->path, change);
    fd_release(file);
    return result;
}

int64_t sys_fchmodat(int dir, uint64_t path, uint32_t mode)
{
    struct attr_change change = {.mask = ATTR_MODE, .mode = mode & 07777};
    return set_at(dir, path, WALK_FOLLOW, &change);
}

int64_t sys_chmod(uint64_t path, uint32_t mode)
{
    return sys_fchmodat(AT_FDCWD, path, mode);
}

int64_t sys_fchmod(int fd, uint32_t mode)
{
    struct attr_change change = {.mask = ATTR_MODE, .mode = mode & 07777};
    return set_fd(fd_borrow(fd), &change);
}

/* -1 leaves an id as it is. One without a meaning in the caller's user namespace: -EINVAL, but only
 * when the file has been found. */
static struct attr_change owner_change(uint32_t uid, uint32_t gid)
{
    const struct user_namespace *ns = current_user_namespace();
    struct attr_change change = {.mask = ATTR_KILL_PRIVILEGES,
                                 .uid = uid_from_user(ns, uid),
                                 .gid = gid_from_user(ns, gid)};
    if (uid != UINT32_MAX)
        change.mask |= ATTR_UID;
    if (gid != UINT32_MAX)
        change.mask |= ATTR_GID;
    return change;
}

int64_t sys_fchownat(int dir, uint64_t path, uint32_t uid, uint32_t gid, uint32_t flags)
{
    struct attr_change change = owner_change(uid, gid);
    if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return set_at(dir, path, at_walk_flags(flags), &change);
}

int64_t sys_chown(uint64_t path, uint32_t uid, uint32_t gid)
{
    return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

int64_t sys_lchown(uint64_t path, uint32_t uid, uint32_t gid)
{
    return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fchown(int fd, uint32_t uid, uint32_t gid)
{
    struct attr_change change = owner_change(uid, gid);
    return set_fd(fd_borrow(fd), &change);
}

/* ---- times ---- */

static bool time_is_valid(const struct linux_timespec *time)
{
    return time->tv_nsec == UTIME_NOW || time->tv_nsec == UTIME_OMIT ||
           (time->tv_nsec >= 0 && time->tv_nsec < 1000000000);
}

static unsigned one_time(const struct linux_timespec *time, unsigned set, unsigned now,
                         struct timestamp *out)
{
    if (time->tv_nsec == UTIME_OMIT)
        return 0;
    if (time->tv_nsec == UTIME_NOW)
        return now;
    *out = (struct timestamp){.seconds = time->tv_sec, .nanoseconds = (uint32_t)time->tv_nsec};
    return set;
}

/* The change of a valid pair of times; NULL: both now. */
static int times_change(const struct linux_timespec *times, struct attr_change *out)
{
    *out = (struct attr_change){.mask = ATTR_ATIME_NOW | ATTR_MTIME_NOW};
    if (!times)
        return 0;
    if (!time_is_valid(&times[0]) || !time_is_valid(&times[1]))
        return -EINVAL;
    out->mask = one_time(&times[0], ATTR_ATIME, ATTR_ATIME_NOW, &out->atime) |
                one_time(&times[1], ATTR_MTIME, ATTR_MTIME_NOW, &out->mtime);
    return 0;
}

static int64_t set_times_fd(int fd, const struct linux_timespec *times)
{
    struct attr_change change;
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    int64_t result = times_change(times, &change);
    if (!result)
        result = vfs_setattr(&file.file->path, &change);
    fd_release(file);
    return result;
}

/* The file is looked for before the times are. */
static int64_t set_times(int dir, uint64_t path, const struct linux_timespec *times, uint32_t flags)
{
    struct attr_change change;
    struct path found;
    if (times && times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT)
        return 0;
    if (!path && dir != AT_FDCWD)
        return flags ? -EINVAL : set_times_fd(dir, times);
    if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    int64_t result = path_walk_at(dir, path, at_walk_flags(flags), &found);
    if (result)
        return result;
    result = times_change(times, &change);
    if (!result)
        result = vfs_setattr(&found, &change);
    path_put(&found);
    return result;
}

int64_t sys_utimensat(int dir, uint64_t path, uint64_t times_uaddr, uint32_t flags)
{
    struct linux_timespec times[2];
    if (!times_uaddr)
        return set_times(dir, path, NULL, flags);
    if (copy_from_user(times, times_uaddr, sizeof(times)))
        return -EFAULT;
    return set_times(dir, path, times, flags);
}

int64_t sys_futimesat(int dir, uint64_t path, uint64_t times_uaddr)
{
    struct linux_timeval values[2];
    struct linux_timespec times[2];
    if (!times_uaddr)
        return set_times(dir, path, NULL, 0);
    if (copy_from_user(values, times_uaddr, sizeof(values)))
        return -EFAULT;
    for (int i = 0; i < 2; i++) {
        if (values[i].tv_usec < 0 || values[i].tv_usec >= 1000000)
            return -EINVAL;
        times[i].tv_sec = values[i].tv_sec;
        times[i].tv_nsec = values[i].tv_usec * 1000;
    }
    return set_times(dir, path, times, 0);
}

int64_t sys_utimes(uint64_t path, uint64_t times_uaddr)
{
    return sys_futimesat(AT_FDCWD, path, times_uaddr);
}

int64_t sys_utime(uint64_t path, uint64_t times_uaddr)
{
    struct linux_utimbuf buf;
    if (!times_uaddr)
        return set_times(AT_FDCWD, path, NULL, 0);
    if (copy_from_user(&buf, times_uaddr, sizeof(buf)))
        return -EFAULT;
    struct linux_timespec times[2] = {{.tv_sec = buf.actime}, {.tv_sec = buf.modtime}};
    return set_times(AT_FDCWD, path, times, 0);
}
