/* SPDX-License-Identifier: MIT
 *
 * Advisory locks as file operations: fcntl_locking(2), flock(2), /proc/locks.
 */
#include "kernel/fs/leases.h"
#include "kernel/fs/locks_internal.h"
#include "kernel/sched/wait.h"
#include "kernel/security/pid_namespace.h"

enum { LOCK_MAND = 32 };

/* The byte range of a struct flock. */
static int range_of(struct file *file, const struct linux_flock *flock, struct file_lock *out)
{
    int64_t start, end;
    switch (flock->l_whence) {
    case SEEK_SET:
        start = 0;
        break;
    case SEEK_CUR:
        start = (int64_t)file->pos;
        break;
    case SEEK_END:
        start = (int64_t)inode_size(file->inode);
        break;
    default:
        return -EINVAL;
    }
    if (add_overflows(start, flock->l_start, &start))
        return -EOVERFLOW;
    if (start < 0)
        return -EINVAL;
    out->end = UINT64_MAX;
    if (flock->l_len > 0) {
        if (add_overflows(start, flock->l_len - 1, &end))
            return -EOVERFLOW;
        out->end = (uint64_t)end;
    } else if (flock->l_len < 0) {
        if (add_overflows(start, flock->l_len, &end) || end < 0)
            return -EINVAL;
        out->end = (uint64_t)start - 1;
        start = end;
    }
    out->start = (uint64_t)start;
    return 0;
}

static int wanted_lock(struct file *file, bool ofd, const struct linux_flock *flock,
                       struct file_lock *out)
{
    if (flock->l_type != F_RDLCK && flock->l_type != F_WRLCK && flock->l_type != F_UNLCK)
        return -EINVAL;
    if (ofd && flock->l_pid != 0)
        return -EINVAL;
    *out = (struct file_lock){
        .kind = ofd ? LOCK_KIND_OFD : LOCK_KIND_POSIX,
        .write = flock->l_type == F_WRLCK,
        .owner = ofd ? (void *)file : (void *)this_thread()->files,
        .pid = ofd ? -1 : this_thread()->tgid,
    };
    return range_of(file, flock, out);
}

static int get_lock(struct file *file, const struct file_lock *wanted, struct linux_flock *flock)
{
    struct vfs_state *vfs = file->kernel->vfs;
    struct file_locks *locks = atomic_load_acquire(&file->inode->locks);
    bool own = flock->l_type == F_UNLCK; /* with OFD locks: which of its own there are */
    if (own && wanted->kind != LOCK_KIND_OFD)
        return -EINVAL;
    flock->l_type = F_UNLCK;
    if (!locks)
        return 0;
    spin_lock(&vfs->locks_lock);
    const struct file_lock *held =
        own ? file_lock_own_locked(locks, wanted) : file_lock_conflict_locked(locks, wanted);
    if (held) {
        flock->l_type = held->write ? F_WRLCK : F_RDLCK;
        flock->l_whence = SEEK_SET;
        flock->l_start = (int64_t)held->start;
        flock->l_len = held->end == UINT64_MAX ? 0 : (int64_t)(held->end - held->start + 1);
        flock->l_pid = current_pid_shown(held->pid);
    }
    spin_unlock(&vfs->locks_lock);
    return 0;
}

int file_lock_fcntl(struct file *file, int command, struct linux_flock *flock)
{
    bool ofd = command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW;
    struct file_lock wanted;
    int error = wanted_lock(file, ofd, flock, &wanted);
    if (error)
        return error;
    if (command == F_GETLK || command == F_OFD_GETLK)
        return get_lock(file, &wanted, flock);
    if ((flock->l_type == F_RDLCK && !(file->mode & FILE_READ)) ||
        (flock->l_type == F_WRLCK && !(file->mode & FILE_WRITE)))
        return -EBADF;
    bool unlock = flock->l_type == F_UNLCK;
    if (unlock && !atomic_load_acquire(&file->inode->locks))
        return 0;
    if (ofd)
        atomic_fetch_or_relaxed(&file->mode, (uint16_t)FILE_LOCKED);
    return file_lock_set_record(file->inode, &wanted, unlock,
                                command == F_SETLKW || command == F_OFD_SETLKW);
}

/* ---- flock ---- */

static struct file_lock *find_flock(struct file_locks *locks, const struct file *file)
{
    struct file_lock *lock;
    list_for_each_entry (lock, &locks->flocks, node)
        if (lock->owner == file)
            return lock;
    return NULL;
}

/* 0, or -EAGAIN with the old lock of the file gone, as converting is not atomic. */
static int try_flock(struct vfs_state *vfs, struct file_locks *locks, struct file_lock **fresh)
{
    struct file_lock *wanted = *fresh, *old;
    int error = 0;
    spin_lock(&vfs->locks_lock);
    old = find_flock(locks, wanted->owner);
    if (old && old->write == wanted->write) {
        spin_unlock(&vfs->locks_lock);
        return 0;
    }
    if (old)
        list_remove(&old->node);
    if (file_lock_conflict_locked(locks, wanted)) {
        error = -EAGAIN;
    } else {
        list_add_tail(&locks->flocks, &wanted->node);
        *fresh = NULL;
    }
    spin_unlock(&vfs->locks_lock);
    if (old)
        wake_all(&locks->wait);
    kfree(old);
    return error;
}

int file_lock_check_flock(int operation)
{
    int type = operation & ~LOCK_NB;
    if (type & LOCK_MAND)
        return 1; /* mandatory locks, which Linux once had, are accepted and ignored */
    return type == LOCK_SH || type == LOCK_EX || type == LOCK_UN ? 0 : -EINVAL;
}

int file_lock_flock(struct file *file, int operation)
{
    struct vfs_state *vfs = file->kernel->vfs;
    int type = operation & ~LOCK_NB;
    if (type != LOCK_UN && !(file->mode & (FILE_READ | FILE_WRITE)))
        return -EBADF;
    if (type == LOCK_UN) {
        file_lock_drop_owner(file->inode, LOCK_KIND_FLOCK, file);
        return 0;
    }
    struct file_locks *locks;
    int error = file_locks_of(file->inode, &locks);
    if (error)
        return error;
    struct file_lock *fresh = kzalloc(sizeof(*fresh));
    if (!fresh)
        return -ENOLCK;
    *fresh = (struct file_lock){.kind = LOCK_KIND_FLOCK,
                                .write = type == LOCK_EX,
                                .owner = file,
                                .end = UINT64_MAX,
                                .pid = this_thread()->tgid};
    atomic_fetch_or_relaxed(&file->mode, (uint16_t)FILE_LOCKED);
    do {
        error = try_flock(vfs, locks, &fresh);
        if (error == -EAGAIN && !(operation & LOCK_NB))
            error = file_lock_wait(vfs, locks, fresh) ?: 1;
    } while (error == 1);
    kfree(fresh);
    return error;
}

void file_locks_close(struct file *file, struct file_table *owner)
{
    file_lock_drop_owner(file->inode, LOCK_KIND_POSIX, owner);
}

void file_locks_release(struct file *file)
{
    file_lock_drop_owner(file->inode, LOCK_KIND_OFD, file);
    file_lock_drop_owner(file->inode, LOCK_KIND_FLOCK, file);
    file_leases_release(file);
}

/* ---- /proc/locks ---- */

static bool emit_lock(const struct file_locks *locks, const struct file_lock *lock, bool blocked,
                      bool (*emit)(void *context, const struct file_lock_info *info), void *context)
{
    static const char *const kinds[] = {"POSIX", "OFDLCK", "FLOCK"};
    struct file_lock_info info = {
        .kind = kinds[lock->kind],
        .state = "ADVISORY",
        .type = lock->write ? "WRITE" : "READ",
        .blocked = blocked,
        .pid = lock->pid,
        .dev = locks->inode->sb->dev,
        .ino = locks->inode->ino,
        .start = lock->start,
        .end = lock->end,
    };
    return emit(context, &info);
}

void file_locks_describe(struct kernel *kernel,
                         bool (*emit)(void *context, const struct file_lock_info *info),
                         void *context)
{
    struct vfs_state *vfs = kernel->vfs;
    struct file_locks *locks;
    struct file_lock *lock;
    struct lock_waiter *waiter;
    bool more = true;
    spin_lock(&vfs->locks_lock);
    list_for_each_entry (locks, &vfs->lock_inodes, node) {
        list_for_each_entry (lock, &locks->records, node)
            more = more && emit_lock(locks, lock, false, emit, context);
        list_for_each_entry (waiter, &vfs->lock_waiters, node)
            if (waiter->locks == locks)
                more = more && emit_lock(locks, waiter->wanted, true, emit, context);
        list_for_each_entry (lock, &locks->flocks, node)
            more = more && emit_lock(locks, lock, false, emit, context);
        more = more && file_leases_describe_locked(locks, emit, context);
    }
    spin_unlock(&vfs->locks_lock);
}
