/* SPDX-License-Identifier: MIT
 *
 * Advisory locks: fcntl(2) record locks of processes and of open files, flock(2).
 */
#ifndef KERNEL_FS_LOCKS_H
#define KERNEL_FS_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi/fcntl.h"

struct file;
struct file_table;
struct inode;
struct kernel;

/* F_GETLK, F_SETLK, F_SETLKW and their OFD forms; the structure is in kernel memory. 0, -EAGAIN,
 * -EDEADLK, -EINVAL, -EOVERFLOW, -EBADF, -ENOLCK (no memory), -ERESTARTSYS. */
int file_lock_fcntl(struct file *file, int command, struct linux_flock *lock);
/* flock(2). The check comes before the descriptor is looked at: 0, -EINVAL, or 1 if there is nothing
 * to do. */
int file_lock_check_flock(int operation);
int file_lock_flock(struct file *file, int operation);

/* close(2) of any descriptor of the file: the process's record locks on the inode go. */
void file_locks_close(struct file *file, struct file_table *owner);
/* Last reference to the open file: its flock and OFD locks go. */
void file_locks_release(struct file *file);
void file_locks_free(struct inode *inode);

/* All locks of the machine for /proc/locks. */
struct file_lock_info {
    const char *kind;            /* POSIX, OFDLCK, FLOCK, LEASE */
    const char *state;           /* ADVISORY; of leases ACTIVE, BREAKING */
    const char *type;            /* READ, WRITE, UNLCK */
    bool blocked;
    int pid;
    uint64_t dev, ino, start, end; /* end UINT64_MAX: EOF */
};
/* emit returns false to stop; called with a spinlock held. */
void file_locks_describe(struct kernel *kernel,
                         bool (*emit)(void *context, const struct file_lock_info *info),
                         void *context);

#endif
