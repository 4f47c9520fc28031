/* SPDX-License-Identifier: MIT
 *
 * Record locks of processes and of open files: fcntl_locking(2). The state machine is here; the
 * file operations on it and flock(2) are in locks_file.c.
 *
 * Invariant: the locks of one owner on one inode do not overlap, and neighbours of equal type are
 * merged. A deadlock is looked for before each wait by following who waits for whom; open-file
 * locks are left out, as their owners are not processes.
 */
#include "kernel/fs/locks_internal.h"
#include "kernel/sched/wait.h"

enum { DEADLOCK_STEPS_MAX = 64 };

int file_locks_of(struct inode *inode, struct file_locks **out)
{
    struct vfs_state *vfs = inode->sb->kernel->vfs;
    *out = atomic_load_acquire(&inode->locks);
    if (*out)
        return 0;
    struct file_locks *locks = kzalloc(sizeof(*locks));
    if (!locks)
        return -ENOLCK;
    list_init(&locks->records);
    list_init(&locks->flocks);
    list_init(&locks->leases);
    wait_queue_init(&locks->wait);
    locks->inode = inode;
    spin_lock(&vfs->locks_lock);
    if (!inode->locks) {
        list_add_tail(&vfs->lock_inodes, &locks->node);
        atomic_store_release(&inode->locks, locks);
        locks = NULL;
    }
    spin_unlock(&vfs->locks_lock);
    kfree(locks);
    *out = inode->locks;
    return 0;
}

void file_locks_free(struct inode *inode)
{
    struct file_locks *locks = inode->locks;
    if (likely(!locks))
        return;
    struct vfs_state *vfs = inode->sb->kernel->vfs;
    assert(list_empty(&locks->records) && list_empty(&locks->flocks));
    spin_lock(&vfs->locks_lock);
    list_remove(&locks->node);
    spin_unlock(&vfs->locks_lock);
    kfree(locks);
    inode->locks = NULL;
}

static bool same_owner(const struct file_lock *a, const struct file_lock *b)
{
    return a->kind == b->kind && a->owner == b->owner;
}

static bool overlap(const struct file_lock *a, const struct file_lock *b)
{
    return a->start <= b->end && b->start <= a->end;
}

/* Overlapping, or with nothing between them. */
static bool touching(const struct file_lock *a, const struct file_lock *b)
{
    return (a->end == UINT64_MAX || b->start <= a->end + 1) &&
           (b->end == UINT64_MAX || a->start <= b->end + 1);
}

struct file_lock *file_lock_conflict_locked(struct file_locks *locks,
                                            const struct file_lock *wanted)
{
    struct list *list = wanted->kind == LOCK_KIND_FLOCK ? &locks->flocks : &locks->records;
    struct file_lock *lock;
    list_for_each_entry (lock, list, node)
        if ((lock->write || wanted->write) && !same_owner(lock, wanted) && overlap(lock, wanted))
            return lock;
    return NULL;
}

struct file_lock *file_lock_own_locked(struct file_locks *locks, const struct file_lock *wanted)
{
    struct file_lock *lock;
    list_for_each_entry (lock, &locks->records, node)
        if (same_owner(lock, wanted) && overlap(lock, wanted))
            return lock;
    return NULL;
}

/* Would waiting for `wanted` close a circle of waiting processes? */
static bool would_deadlock(struct vfs_state *vfs, struct file_locks *locks,
                           const struct file_lock *wanted)
{
    const struct file_lock *holder = file_lock_conflict_locked(locks, wanted);
    for (unsigned step = 0; holder && step < DEADLOCK_STEPS_MAX; step++) {
        if (holder->kind != LOCK_KIND_POSIX)
            return false;
        if (holder->owner == wanted->owner)
            return true;
        struct lock_waiter *waiter;
        const struct file_lock *next = NULL;
        list_for_each_entry (waiter, &vfs->lock_waiters, node) {
            if (waiter->wanted->owner == holder->owner) {
                next = file_lock_conflict_locked(waiter->locks, waiter->wanted);
                break;
            }
        }
        holder = next;
    }
    return false;
}

static void remove_lock(struct file_lock *lock, struct list *garbage)
{
    list_remove(&lock->node);
    list_add_tail(garbage, &lock->node);
}

/* Cut [start, end] out of an own lock of another type. `spare` is used if it falls in two. */
static void cut(struct file_lock *lock, const struct file_lock *range, struct file_lock **spare,
                struct list *garbage)
{
    if (lock->start < range->start && lock->end > range->end) {
        struct file_lock *upper = *spare;
        *spare = NULL;
        *upper = *lock;
        upper->start = range->end + 1;
        list_node_init(&upper->node);
        list_insert_after(&lock->node, &upper->node);
        lock->end = range->start - 1;
    } else if (lock->start < range->start) {
        lock->end = range->start - 1;
    } else if (lock->end > range->end) {
        lock->start = range->end + 1;
    } else {
        remove_lock(lock, garbage);
    }
}

/* Make the owner's locks such that [start, end] has the wanted type, or none with `unlock`. Uses up
 * *fresh when a lock is to be added and *spare when one falls in two. */
static void apply(struct file_locks *locks, const struct file_lock *wanted, bool unlock,
                  struct file_lock **fresh, struct file_lock **spare, struct list *garbage)
{
    struct file_lock merged = *wanted, *lock, *next;
    list_for_each_entry_safe (lock, next, &locks->records, node) {
        if (!same_owner(lock, wanted))
            continue;
        if (!unlock && lock->write == wanted->write) {
            if (!touching(lock, &merged))
                continue;
            merged.start = MIN(merged.start, lock->start);
            merged.end = MAX(merged.end, lock->end);
            remove_lock(lock, garbage);
        } else if (overlap(lock, wanted)) {
            cut(lock, wanted, spare, garbage);
        }
    }
    if (!unlock) {
        lock = *fresh;
        *fresh = NULL;
        *lock = merged;
        list_node_init(&lock->node);
        list_add_tail(&locks->records, &lock->node);
    }
}

static void free_garbage(struct list *garbage)
{
    struct file_lock *lock, *next;
    list_for_each_entry_safe (lock, next, garbage, node)
        kfree(lock);
}

static bool may_go(struct vfs_state *vfs, struct file_locks *locks, const struct file_lock *wanted)
{
    spin_lock(&vfs->locks_lock);
    bool free = !file_lock_conflict_locked(locks, wanted);
    spin_unlock(&vfs->locks_lock);
    return free;
}

int file_lock_wait(struct vfs_state *vfs, struct file_locks *locks, const struct file_lock *wanted)
{
    struct lock_waiter waiter = {.locks = locks, .wanted = wanted};
    bool process = wanted->kind == LOCK_KIND_POSIX;
    if (process) {
        spin_lock(&vfs->locks_lock);
        bool deadlock = would_deadlock(vfs, locks, wanted);
        if (!deadlock)
            list_add_tail(&vfs->lock_waiters, &waiter.node);
        spin_unlock(&vfs->locks_lock);
        if (deadlock)
            return -EDEADLK;
    }
    int error = wait_event_interruptible(&locks->wait, may_go(vfs, locks, wanted));
    if (process) {
        spin_lock(&vfs->locks_lock);
        list_remove(&waiter.node);
        spin_unlock(&vfs->locks_lock);
    }
    return error;
}

int file_lock_set_record(struct inode *inode, const struct file_lock *wanted, bool unlock,
                         bool wait)
{
    struct vfs_state *vfs = inode->sb->kernel->vfs;
    struct file_locks *locks;
    int error = file_locks_of(inode, &locks);
    if (error)
        return error;
    struct file_lock *fresh = kmalloc(sizeof(*fresh)), *spare = kmalloc(sizeof(*spare));
    struct list garbage;
    list_init(&garbage);
    if (!fresh || !spare)
        error = -ENOLCK;
    while (!error) {
        spin_lock(&vfs->locks_lock);
        if (unlock || !file_lock_conflict_locked(locks, wanted)) {
            apply(locks, wanted, unlock, &fresh, &spare, &garbage);
            spin_unlock(&vfs->locks_lock);
            wake_all(&locks->wait);
            break;
        }
        spin_unlock(&vfs->locks_lock);
        error = wait ? file_lock_wait(vfs, locks, wanted) : -EAGAIN;
    }
    free_garbage(&garbage);
    kfree(fresh);
    kfree(spare);
    return error;
}

/* Every lock of the kind and owner on the inode goes. */
void file_lock_drop_owner(struct inode *inode, enum lock_kind kind, const void *owner)
{
    struct vfs_state *vfs = inode->sb->kernel->vfs;
    struct file_locks *locks = atomic_load_acquire(&inode->locks);
    struct file_lock *lock, *next;
    struct list garbage;
    if (!locks)
        return;
    list_init(&garbage);
    spin_lock(&vfs->locks_lock);
    struct list *list = kind == LOCK_KIND_FLOCK ? &locks->flocks : &locks->records;
    list_for_each_entry_safe (lock, next, list, node)
        if (lock->kind == kind && lock->owner == owner)
            remove_lock(lock, &garbage);
    spin_unlock(&vfs->locks_lock);
    if (!list_empty(&garbage))
        wake_all(&locks->wait);
    free_garbage(&garbage);
}
