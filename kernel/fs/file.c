/* SPDX-License-Identifier: MIT
 *
 * Open files: making one from a path or from nothing, and letting it go; open(2), close(2).
 *
 * A file holds its path, the opener's credentials and, if it is a regular file open for writing,
 * write access: inode->write_count above zero keeps the file from being executed, the writer counts
 * of mount and superblock keep them from becoming read-only.
 */
#include "kernel/abi/fanotify.h"
#include "kernel/fs/landlock.h"
#include "kernel/fs/leases.h"
#include "kernel/fs/locks.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/open_internal.h"

static const struct file_ops no_ops = {0};

int file_alloc(struct kernel *kernel, uint32_t flags, struct file **out)
{
    struct file *file = slab_alloc_zeroed(kernel->vfs->files);
    if (!file)
        return -ENOMEM;
    file->refs = 1;
    file->flags = flags;
    file->kernel = kernel;
    file->cred = cred_get(current_cred());
    file->ops = &no_ops;
    mutex_init(&file->pos_mutex, LOCK_RANK_FILE_POS);
    list_init(&file->epoll_items);
    spin_lock_init(&file->epoll_lock, LOCK_RANK_OBJECT);
    *out = file;
    return 0;
}

struct file *file_get(struct file *file)
{
    uint32_t old = atomic_fetch_add_relaxed(&file->refs, 1);
    assert(old > 0);
    return file;
}

bool file_get_live(struct file *file)
{
    uint32_t refs = atomic_load_relaxed(&file->refs);
    while (refs > 0)
        if (atomic_cmpxchg_acquire(&file->refs, &refs, refs + 1))
            return true;
    return false;
}

/* Count one more writer unless the file is being executed. */
static int write_count_get(struct inode *inode)
{
    int32_t count = atomic_load_relaxed(&inode->write_count);
    do {
        if (count < 0)
            return -ETXTBSY;
    } while (!atomic_cmpxchg_acq_rel(&inode->write_count, &count, count + 1));
    return 0;
}

int inode_write_access_get(struct inode *inode)
{
    return write_count_get(inode);
}

void inode_write_access_put(struct inode *inode)
{
    atomic_fetch_sub_relaxed(&inode->write_count, 1);
}

int file_deny_write(struct file *file)
{
    int32_t count = atomic_load_relaxed(&file->inode->write_count);
    do {
        if (count > 0)
            return -ETXTBSY;
    } while (!atomic_cmpxchg_acq_rel(&file->inode->write_count, &count, count - 1));
    return 0;
}

void file_allow_write(struct file *file)
{
    atomic_fetch_add_relaxed(&file->inode->write_count, 1);
}

static int count_writer(struct file *file)
{
    struct mount *mount = file->path.mount;
    int error = write_count_get(file->inode);
    if (error)
        return error;
    atomic_fetch_add_seq(&mount->writers, 1);
    atomic_fetch_add_seq(&mount->sb->writers, 1);
    file->mode |= FILE_COUNTED;
    return mount_want_write(mount);
}

static void uncount_user(struct file *file)
{
    if (file->mode & FILE_READER)
        atomic_fetch_sub_relaxed(&file->inode->read_count, 1);
    if (!(file->mode & FILE_COUNTED))
        return;
    atomic_fetch_sub_relaxed(&file->path.mount->sb->writers, 1);
    atomic_fetch_sub_relaxed(&file->path.mount->writers, 1);
    inode_write_access_put(file->inode);
    file->mode &= (uint16_t)~FILE_COUNTED;
}

void file_uncount_writer(struct file *file)
{
    uncount_user(file);
}

static const struct file_ops *find_ops(struct kernel *kernel, const struct inode *inode)
{
    switch (inode_mode(inode) & S_IFMT) {
    case S_IFCHR:
        return device_find_ops(kernel, false, inode->rdev);
    case S_IFBLK:
        return device_find_ops(kernel, true, inode->rdev);
    case S_IFIFO:
        return kernel->vfs->fifo_ops;
    case S_IFSOCK:
        return NULL;
    default:
        return inode->file_ops ? inode->file_ops : &no_ops;
    }
}

static uint16_t mode_from_flags(uint32_t flags)
{
    static const uint8_t modes[4] = {FILE_READ, FILE_WRITE, FILE_READ | FILE_WRITE, 0};
    return modes[flags & O_ACCMODE];
}

/* O_TRUNC of an existing file. */
static int open_truncate(struct file *file)
{
    struct inode *inode = file->inode;
    if (atomic_load_relaxed(&inode->flags) & INODE_NO_TRUNCATE)
        return 0;
    int error = mount_want_write(file->path.mount);
    if (!error)
        error = write_count_get(inode);
    if (error)
        return error;
    error = inode_truncate(inode, 0, ATTR_OPEN);
    inode_write_access_put(inode);
    if (!error)
        fs_notify_file(file, IN_MODIFY);
    return error;
}

static int file_open(struct file *file, unsigned extra_mode)
{
    uint32_t flags = file->flags & ~(uint32_t)O_CLOEXEC; /* belongs to the descriptor */
    struct inode *inode = file->inode;
    if (flags & O_PATH) {
        file->mode = FILE_PATH;
        file->flags = flags;
        return 0;
    }
    file->mode = mode_from_flags(flags) | (uint16_t)extra_mode;
    uint32_t type = inode_mode(inode) & S_IFMT;
    int denied = landlock_check_open(file);
    if (denied)
        return denied;
    if (type == S_IFREG) {
        int error = file_lease_break(inode, (file->mode & FILE_WRITE) || (flags & O_TRUNC),
                                     flags & O_NONBLOCK);
        if (error)
            return error;
    }
    if ((file->mode & FILE_WRITE) && (type == S_IFREG || type == S_IFDIR)) {
        int error = count_writer(file);
        if (error)
            return error;
    } else if (type == S_IFREG && (file->mode & FILE_READ)) {
        atomic_fetch_add_relaxed(&inode->read_count, 1);
        file->mode |= FILE_READER;
    }
    if (type == S_IFIFO && !(file->mode & (FILE_READ | FILE_WRITE)))
        return -EINVAL;
    const struct file_ops *ops = find_ops(file->kernel, inode);
    if (!ops)
        return -ENXIO;
    int error = 0;
    if (file->mode & FILE_EXEC)
        error = fs_notify_permission(file, FAN_OPEN_EXEC_PERM);
    if (!error)
        error = fs_notify_permission(file, FAN_OPEN_PERM);
    if (error)
        return error;
    file->ops = ops;
    error = ops->open ? ops->open(inode, file) : 0;
    if (error) {
        file->ops = &no_ops; /* was not opened: no release */
        return error;
    }
    file->mode |= file->ops->seek ? FILE_SEEK : FILE_STREAM;
    file->flags = flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
    if ((flags & O_TRUNC) && type == S_IFREG)
        return open_truncate(file);
    return 0;
}

int file_open_path(const struct path *path, uint32_t flags, unsigned extra_mode, struct file **out)
{
    struct file *file;
    int error = file_alloc(path->mount->kernel, flags, &file);
    if (error)
        return error;
    file->path = *path;
    path_get(path);
    file->inode = dentry_inode(path->dentry);
    error = file_open(file, extra_mode);
    if (error) {
        file_put(file);
        return error;
    }
    if (!(file->mode & FILE_PATH)) {
        if (file->mode & FILE_EXEC)
            fs_notify_file(file, FAN_OPEN_EXEC);
        fs_notify_file(file, IN_OPEN);
    }
    *out = file;
    return 0;
}

static void file_free(struct file *file)
{
    if (unlikely(atomic_load_relaxed(&file->epoll_used)) && file->kernel->vfs->epoll_release)
        file->kernel->vfs->epoll_release(file);
    if (!(file->mode & FILE_PATH) && file->ops != &no_ops)
        fs_notify_file(file, file->mode & FILE_WRITE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    if (file->mode & FILE_LOCKED)
        file_locks_release(file);
    if (file->ops->release)
        file->ops->release(file);
    uncount_user(file);
    if (unlikely(file->mode & FILE_DETACHED))
        mount_dissolve(&file->path);
    path_put(&file->path);
    cred_put(file->cred);
    slab_free(file->kernel->vfs->files, file);
}

void file_put(struct file *file)
{
    uint32_t left = atomic_sub_fetch_acq_rel(&file->refs, 1);
    assert(left != UINT32_MAX);
    if (left == 0)
        file_free(file);
}

void vfs_set_signal_owner(struct kernel *kernel, void (*send)(struct file *file, int fd, int code))
{
    kernel->vfs->signal_owner = send;
}

void vfs_signal_owner(struct file *file, int fd, int code)
{
    if (file->kernel->vfs->signal_owner)
        file->kernel->vfs->signal_owner(file, fd, code);
}

void vfs_set_fifo_ops(struct kernel *kernel, const struct file_ops *ops)
{
    kernel->vfs->fifo_ops = ops;
}

void vfs_set_epoll_release(struct kernel *kernel, void (*release)(struct file *file))
{
    kernel->vfs->epoll_release = release;
}
