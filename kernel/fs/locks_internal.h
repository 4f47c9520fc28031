/* SPDX-License-Identifier: MIT
 *
 * What the files about advisory locks share. All state is guarded by vfs->locks_lock.
 */
#ifndef KERNEL_FS_LOCKS_INTERNAL_H
#define KERNEL_FS_LOCKS_INTERNAL_H

#include "kernel/fs/locks.h"
#include "kernel/fs/vfs_internal.h"

enum lock_kind { LOCK_KIND_POSIX, LOCK_KIND_OFD, LOCK_KIND_FLOCK };

/* One lock, held or asked for: bytes start..end (inclusive). Process and open-file record locks
 * conflict with each other, flocks only among themselves. */
struct file_lock {
    struct list_node node;
    enum lock_kind kind;
    bool write;
    uint64_t start, end;
    const void *owner;           /* POSIX: the file table; else the open file */
    int pid;
};

/* inode->locks; lives as long as the inode. */
struct file_locks {
    struct list records, flocks;
    struct list leases;          /* of leases.c */
    struct wait_queue wait;      /* woken when a lock goes or shrinks */
    struct inode *inode;
    struct list_node node;       /* in vfs->lock_inodes */
};

/* Somebody who waits for a process's record lock, for deadlock detection. */
struct lock_waiter {
    struct list_node node;
    struct file_locks *locks;
    const struct file_lock *wanted;
};

/* The inode's locks, made if missing. 0 or -ENOLCK. */
int file_locks_of(struct inode *inode, struct file_locks **out);
/* The first held lock that is in the way, or NULL. */
struct file_lock *file_lock_conflict_locked(struct file_locks *locks,
                                            const struct file_lock *wanted);
/* The first lock of the same owner that overlaps, or NULL. */
struct file_lock *file_lock_own_locked(struct file_locks *locks, const struct file_lock *wanted);
/* Sleep until the lock may be free. 0, -EDEADLK, -ERESTARTSYS. */
int file_lock_wait(struct vfs_state *vfs, struct file_locks *locks, const struct file_lock *wanted);
int file_lock_set_record(struct inode *inode, const struct file_lock *wanted, bool unlock,
                         bool wait);
/* The inode's leases for file_locks_describe; false: stop. leases.c */
bool file_leases_describe_locked(struct file_locks *locks,
                                 bool (*emit)(void *context, const struct file_lock_info *info),
                                 void *context);
void file_lock_drop_owner(struct inode *inode, enum lock_kind kind, const void *owner);

#endif
