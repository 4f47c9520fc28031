/* SPDX-License-Identifier: MIT
 *
 * File leases: fcntl(2) F_SETLEASE. Whoever opens or truncates a file that another has a lease on
 * waits until the holder gives it up.
 */
#ifndef KERNEL_FS_LEASES_H
#define KERNEL_FS_LEASES_H

#include <stdbool.h>
#include <stdint.h>

struct file;
struct inode;
struct kernel;

/* F_SETLEASE: type F_RDLCK, F_WRLCK, F_UNLCK; fd: for SIGIO. 0, -EACCES, -EAGAIN, -EINVAL, -ENOMEM.
 */
int file_lease_set(struct file *file, int type, int fd);
/* F_GETLEASE: what the holder has, or shall have when it is being broken. */
int file_lease_get(struct file *file);
/* The file is about to be opened, or changed with `write`: break what is in the way and wait unless
 * nonblock. 0, -EAGAIN, -ERESTARTSYS. Cheap without leases. */
int file_lease_break(struct inode *inode, bool write, bool nonblock);
void file_leases_release(struct file *file);

/* Seconds that a holder has; atomic. */
uint32_t *file_lease_break_time(struct kernel *kernel);

#endif
