/* SPDX-License-Identifier: MIT
 *
 * Where the VFS says what happened to files: the hooks for inotify(7), fanotify(7) and F_NOTIFY.
 * While nobody listens for an event, it costs one load.
 */
#ifndef KERNEL_FS_NOTIFY_H
#define KERNEL_FS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi/inotify.h"

struct dentry;
struct file;
struct file_table;
struct inode;
struct kernel;
struct mount;
struct path;
struct superblock;

struct fs_event {
    struct inode *dir; /* where it was done, or NULL if only the inode is known */
    const char *name;  /* the entry's name there; with dir */
    struct inode *inode;
    const struct path *path; /* of an open file; NULL: unknown */
    uint32_t mask;           /* one IN_* or FAN_* event, plus IN_ISDIR */
    uint32_t cookie;         /* pairs IN_MOVED_FROM with IN_MOVED_TO */
    bool unlinked;           /* the name is no longer there */
    /* FAN_RENAME: where it went. */
    struct inode *new_dir;
    const char *new_name;
};

struct fs_notify_ops {
    /* Thread context; the directory's mutex may be held. */
    void (*event)(struct kernel *kernel, const struct fs_event *event);
    /* May it be done? FAN_OPEN_PERM and relatives. May sleep. 0 or -EPERM. */
    int (*permission)(struct file *file, uint32_t mask);
    /* The inode has lost its last name and nobody has it open: its marks go. */
    void (*inode_removed)(struct inode *inode);
    /* A descriptor of a marked directory is closed in a table. */
    void (*file_closed)(struct file *file, struct file_table *table);
    /* The superblock is being unmounted, the mount leaves the tree: their marks go. */
    void (*superblock_gone)(struct superblock *sb);
    void (*mount_gone)(struct mount *mount);
};

/* Listen for the events in `interest`; 0: nothing any more. The ops are constant. */
void fs_notify_listen(struct kernel *kernel, const struct fs_notify_ops *ops, uint32_t interest);

/* Used by the VFS. */
void fs_notify(struct inode *dir, const char *name, struct inode *inode, uint32_t mask,
               uint32_t cookie);
void fs_notify_dentry(struct dentry *dentry, uint32_t mask); /* parent and name from the dentry */
void fs_notify_path(const struct path *path, uint32_t mask);
void fs_notify_file(struct file *file, uint32_t mask);
int fs_notify_permission(struct file *file, uint32_t mask);
void fs_notify_inode_removed(struct inode *inode);
void fs_notify_file_closed(struct file *file, struct file_table *table);
void fs_notify_superblock_gone(struct superblock *sb);
void fs_notify_mount_gone(struct mount *mount);
/* The whole story of a rename of `inode`; target: what the new name meant, or NULL. */
void fs_notify_renamed(struct inode *old_dir, const char *old_name, struct inode *new_dir,
                       const char *new_name, struct inode *inode, struct inode *target);

#endif
