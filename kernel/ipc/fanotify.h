/* SPDX-License-Identifier: MIT
 *
 * fanotify(7): watching inodes, mounts and file systems; deciding about access.
 */
#ifndef KERNEL_IPC_FANOTIFY_H
#define KERNEL_IPC_FANOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct file;
struct kernel;
struct path;

/* flags: FAN_*, event_flags: O_* of the event's descriptors; both checked. `limited`: the creator
 * had no CAP_SYS_ADMIN. 0, -EMFILE, -ENOMEM. */
int fanotify_create(struct kernel *kernel, uint32_t flags, uint32_t event_flags, bool limited,
                    struct file **out);
bool fanotify_is_file(const struct file *file);
uint32_t fanotify_flags(const struct file *file);
bool fanotify_is_limited(const struct file *file);

/* fanotify_mark(2), the arguments checked. flags: FAN_MARK_*. 0, -ENOENT, -ENOSPC, -EEXIST,
 * -ENOMEM. */
int fanotify_add(struct file *file, const struct path *path, uint32_t flags, uint32_t mask);
int fanotify_remove(struct file *file, const struct path *path, uint32_t flags, uint32_t mask);
void fanotify_flush(struct file *file, uint32_t flags);

#endif
