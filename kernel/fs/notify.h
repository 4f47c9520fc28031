/* SPDX-License-Identifier: MIT
 *
 * Where the VFS says what happened to files: the hook for inotify(7). Without a listener installed
 * an event costs one load.
 */
#ifndef KERNEL_FS_NOTIFY_H
#define KERNEL_FS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi/inotify.h"

struct dentry;
struct file;
struct inode;
struct kernel;

struct fs_notify_ops {
    /* `mask`: one IN_* event (plus IN_ISDIR) on `inode`; `dir` and `name`: the directory that it
     * was done in and the entry's name there, or NULL if only the inode is known. `cookie` pairs
     * IN_MOVED_FROM with IN_MOVED_TO. Thread context; the directory's mutex may be held. */
    void (*event)(struct kernel *kernel, struct inode *dir, const char *name, struct inode *inode,
                  uint32_t mask, uint32_t cookie);
    /* The inode goes away: drop its watches (inode->marks). */
    void (*inode_gone)(struct inode *inode);
};

/* NULL removes it. */
void fs_notify_set_ops(struct kernel *kernel, const struct fs_notify_ops *ops);

/* Used by the VFS. */
void fs_notify(struct inode *dir, const char *name, struct inode *inode, uint32_t mask,
               uint32_t cookie);
void fs_notify_dentry(struct dentry *dentry, uint32_t mask); /* parent and name from the dentry */
void fs_notify_file(struct file *file, uint32_t mask);
void fs_notify_inode_gone(struct inode *inode);

#endif
