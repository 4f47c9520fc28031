/* SPDX-License-Identifier: MIT
 *
 * File leases: fcntl(2) F_SETLEASE and F_GETLEASE.
 *
 * A lease that is in somebody's way is being broken: its holder gets SIGIO and has
 * lease-break-time seconds to give it up or to downgrade it; then the kernel does. Guarded by
 * vfs->locks_lock.
 */
#include "kernel/fs/leases.h"

#include "kernel/abi/capability.h"
#include "kernel/core/clock.h"
#include "kernel/fs/locks_internal.h"
#include "kernel/sched/wait.h"

enum { NOT_BREAKING = -1, NS_PER_SECOND = 1000000000, POLL_MSG = 3 };

struct file_lease {
    struct list_node node;
    struct file *file;    /* not referenced: goes with it */
    int type;             /* F_RDLCK, F_WRLCK */
    int break_to;         /* NOT_BREAKING, F_RDLCK, F_UNLCK */
    uint64_t deadline_ns; /* of the break */
    int fd;
    int pid;
};

uint32_t *file_lease_break_time(struct kernel *kernel)
{
    return &kernel->vfs->lease_break_seconds;
}

static struct file_lease *find_locked(struct file_locks *locks, const struct file *file)
{
    struct file_lease *lease;
    list_for_each_entry (lease, &locks->leases, node)
        if (lease->file == file)
            return lease;
    return NULL;
}

static void remove_locked(struct file_locks *locks, struct file_lease *lease)
{
    list_remove(&lease->node);
    kfree(lease);
    wake_all(&locks->wait);
}

/* Breaks whose time is over are carried out. */
static void expire_locked(struct file_locks *locks)
{
    uint64_t now = clock_monotonic_ns();
    struct file_lease *lease, *next;
    list_for_each_entry_safe (lease, next, &locks->leases, node) {
        if (lease->break_to == NOT_BREAKING || now < lease->deadline_ns)
            continue;
        if (lease->break_to == F_UNLCK) {
            remove_locked(locks, lease);
        } else {
            lease->type = lease->break_to;
            lease->break_to = NOT_BREAKING;
            wake_all(&locks->wait);
        }
    }
}

static bool is_in_the_way(const struct file_lease *lease, bool write)
{
    return write || lease->type == F_WRLCK;
}

/* ---- breaking ---- */

/* A holder to be told, taken under the lock. */
struct notice {
    struct file *file;
    int fd;
};
enum { NOTICES_MAX = 8 };

/* Start breaking what is in the way; *out_deadline: of the first. True: something is. */
static bool start_break_locked(struct vfs_state *vfs, struct file_locks *locks, bool write,
                               struct notice notices[NOTICES_MAX], unsigned *out_notices,
                               uint64_t *out_deadline_ns)
{
    uint64_t seconds = atomic_load_relaxed(&vfs->lease_break_seconds);
    bool found = false;
    struct file_lease *lease;
    *out_deadline_ns = UINT64_MAX;
    list_for_each_entry (lease, &locks->leases, node) {
        if (!is_in_the_way(lease, write))
            continue;
        int to = write ? F_UNLCK : F_RDLCK;
        bool fresh = lease->break_to == NOT_BREAKING || (write && lease->break_to == F_RDLCK);
        /* A holder that is just closing is not told. */
        if (fresh && *out_notices < NOTICES_MAX && file_get_live(lease->file))
            notices[(*out_notices)++] = (struct notice){.file = lease->file, .fd = lease->fd};
        if (fresh) {
            lease->break_to = to;
            lease->deadline_ns =
                seconds ? clock_monotonic_ns() + seconds * NS_PER_SECOND : UINT64_MAX;
        }
        *out_deadline_ns = MIN(*out_deadline_ns, lease->deadline_ns);
        found = true;
    }
    return found;
}

static bool is_free(struct vfs_state *vfs, struct file_locks *locks, bool write)
{
    bool free = true;
    struct file_lease *lease;
    spin_lock(&vfs->locks_lock);
    expire_locked(locks);
    list_for_each_entry (lease, &locks->leases, node)
        free = free && !is_in_the_way(lease, write);
    spin_unlock(&vfs->locks_lock);
    return free;
}

static int break_leases(struct inode *inode, struct file_locks *locks, bool write, bool nonblock)
{
    struct vfs_state *vfs = inode->sb->kernel->vfs;
    for (;;) {
        struct notice notices[NOTICES_MAX];
        unsigned count = 0;
        uint64_t deadline_ns;
        spin_lock(&vfs->locks_lock);
        expire_locked(locks);
        bool found = start_break_locked(vfs, locks, write, notices, &count, &deadline_ns);
        spin_unlock(&vfs->locks_lock);
        for (unsigned i = 0; i < count; i++) {
            vfs_signal_owner(notices[i].file, notices[i].fd, POLL_MSG);
            file_put(notices[i].file);
        }
        if (!found)
            return 0;
        if (nonblock)
            return -EAGAIN;
        int error = wait_event_until(&locks->wait, is_free(vfs, locks, write), deadline_ns);
        if (error && error != -ETIMEDOUT)
            return error;
    }
}

int file_lease_break(struct inode *inode, bool write, bool nonblock)
{
    struct file_locks *locks = atomic_load_acquire(&inode->locks);
    if (likely(!locks) || list_empty(&locks->leases))
        return 0;
    return break_leases(inode, locks, write, nonblock);
}

/* ---- F_SETLEASE ---- */

/* Is the file open in a way that the lease forbids? */
static bool is_open_otherwise(const struct file *file, int type)
{
    const struct inode *inode = file->inode;
    int32_t writers = atomic_load_relaxed(&inode->write_count);
    bool writes = file->mode & FILE_WRITE;
    if (type == F_RDLCK)
        return writers > 0;
    return writers != (writes ? 1 : 0) ||
           atomic_load_relaxed(&inode->read_count) != (writes ? 0u : 1u);
}

static int set_locked(struct file_locks *locks, struct file *file, int type,
                      struct file_lease **fresh)
{
    struct file_lease *own = find_locked(locks, file), *lease;
    list_for_each_entry (lease, &locks->leases, node)
        if (lease != own && (type == F_WRLCK || lease->break_to == F_UNLCK))
            return -EAGAIN;
    if (is_open_otherwise(file, type))
        return -EAGAIN;
    if (!own) {
        own = *fresh;
        *fresh = NULL;
        list_add_tail(&locks->leases, &own->node);
    }
    own->type = type;
    own->break_to = NOT_BREAKING;
    wake_all(&locks->wait);
    return 0;
}

static int unset(struct file *file)
{
    struct vfs_state *vfs = file->kernel->vfs;
    struct file_locks *locks = atomic_load_acquire(&file->inode->locks);
    struct file_lease *lease = NULL;
    spin_lock(&vfs->locks_lock);
    if (locks)
        lease = find_locked(locks, file);
    if (lease)
        remove_locked(locks, lease);
    spin_unlock(&vfs->locks_lock);
    return lease ? 0 : -EAGAIN;
}

int file_lease_set(struct file *file, int type, int fd)
{
    struct vfs_state *vfs = file->kernel->vfs;
    struct inode *inode = file->inode;
    struct file_locks *locks;
    if (current_cred()->fsuid != atomic_load_relaxed(&inode->uid) && !capable(CAP_LEASE))
        return -EACCES;
    if (!S_ISREG(inode_mode(inode)))
        return -EINVAL;
    if (type == F_UNLCK)
        return unset(file);
    if (type != F_RDLCK && type != F_WRLCK)
        return -EINVAL;
    int error = file_locks_of(inode, &locks);
    if (error)
        return -ENOMEM;
    struct file_lease *fresh = kzalloc(sizeof(*fresh));
    if (!fresh)
        return -ENOMEM;
    fresh->file = file;
    fresh->fd = fd;
    fresh->pid = this_thread()->tgid;
    spin_lock(&vfs->locks_lock);
    expire_locked(locks);
    error = set_locked(locks, file, type, &fresh);
    spin_unlock(&vfs->locks_lock);
    kfree(fresh);
    if (!error)
        atomic_fetch_or_relaxed(&file->mode, (uint16_t)FILE_LOCKED);
    return error;
}

int file_lease_get(struct file *file)
{
    struct vfs_state *vfs = file->kernel->vfs;
    struct file_locks *locks = atomic_load_acquire(&file->inode->locks);
    int type = F_UNLCK;
    if (!locks)
        return type;
    spin_lock(&vfs->locks_lock);
    expire_locked(locks);
    const struct file_lease *lease = find_locked(locks, file);
    if (lease)
        type = lease->break_to == NOT_BREAKING ? lease->type : lease->break_to;
    spin_unlock(&vfs->locks_lock);
    return type;
}

bool file_leases_describe_locked(struct file_locks *locks,
                                 bool (*emit)(void *context, const struct file_lock_info *info),
                                 void *context)
{
    const struct file_lease *lease;
    list_for_each_entry (lease, &locks->leases, node) {
        bool breaking = lease->break_to != NOT_BREAKING;
        int type = breaking ? lease->break_to : lease->type;
        const struct file_lock_info info = {
            .kind = "LEASE",
            .state = breaking ? "BREAKING" : "ACTIVE",
            .type = type == F_WRLCK   ? "WRITE"
                    : type == F_RDLCK ? "READ"
                                      : "UNLCK",
            .pid = lease->pid,
            .dev = locks->inode->sb->dev,
            .ino = locks->inode->ino,
            .end = UINT64_MAX,
        };
        if (!emit(context, &info))
            return false;
    }
    return true;
}

void file_leases_release(struct file *file)
{
    if (file->inode->locks)
        unset(file);
}
