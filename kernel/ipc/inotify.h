/* SPDX-License-Identifier: MIT
 *
 * Watching files and directories through a descriptor (inotify(7)).
 */
#ifndef KERNEL_IPC_INOTIFY_H
#define KERNEL_IPC_INOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct file;
struct inode;
struct kernel;

/* flags: IN_NONBLOCK. 0, -EMFILE (the user has too many), -ENOMEM. */
int inotify_create(struct kernel *kernel, uint32_t flags, struct file **out);
bool inotify_is_file(const struct file *file);
/* The watch's number; a second one for an inode changes the first. mask: IN_*, checked. -EEXIST
 * (IN_MASK_CREATE), -ENOSPC, -ENOMEM. */
int inotify_add(struct file *file, struct inode *inode, uint32_t mask);
int inotify_remove(struct file *file, int number); /* 0 or -EINVAL */

#endif
