/* SPDX-License-Identifier: MIT
 *
 * Path walking and the operations on names (path_resolution(7)).
 */
#ifndef KERNEL_FS_PATH_H
#define KERNEL_FS_PATH_H

#include "kernel/fs/vfs.h"

/* A task's view: root, working directory, umask. Shared with CLONE_FS. */
struct fs_context {
    uint32_t refs; /* atomic */
    struct spinlock lock;
    struct path root, cwd;
    struct mount_namespace *mount_ns; /* that both are in; referenced */
    uint32_t umask;
    struct list_node node;       /* in the kernel's list: pivot_root moves everyone */
};

/* At the root of the machine's mount tree, umask 022. */
int fs_context_create(struct kernel *kernel, struct fs_context **out);
int fs_context_copy(struct fs_context *from, struct fs_context **out);
struct fs_context *fs_context_get(struct fs_context *fs);
void fs_context_put(struct fs_context *fs);
/* Is its root another place than the root of its mount namespace? */
bool fs_context_is_chrooted(struct fs_context *fs);
/* Referenced snapshots. */
void fs_context_root(struct fs_context *fs, struct path *out);
void fs_context_cwd(struct fs_context *fs, struct path *out);
void fs_context_set_root(struct fs_context *fs, const struct path *root);
void fs_context_set_cwd(struct fs_context *fs, const struct path *cwd);

enum walk_flags {
    WALK_FOLLOW = 1,        /* follow a symlink in the last component */
    WALK_DIRECTORY = 2,     /* -ENOTDIR unless it is one */
    WALK_EMPTY = 4,         /* AT_EMPTY_PATH */
    WALK_NO_XDEV = 8, WALK_NO_MAGICLINKS = 16, WALK_NO_SYMLINKS = 32, WALK_BENEATH = 64,
    WALK_IN_ROOT = 128, WALK_CACHED = 256,
    WALK_NO_AUTOMOUNT = 512,
};

/* Walk from `start` (NULL: the current thread's cwd; absolute paths start at its root). Path in
 * kernel memory. 0 and a referenced path, or ENOENT ENOTDIR EACCES ELOOP ENAMETOOLONG … */
int path_walk(const struct path *start, const char *name, unsigned walk_flags, struct path *out);

/* openat(2) and friends start at a descriptor: resolves dirfd (AT_FDCWD) and copies the name from
 * user memory. */
int path_walk_at(int dirfd, uint64_t name_uaddr, unsigned walk_flags, struct path *out);

/* A path name from user memory on the caller's stack; a longer one goes to the heap. */
struct user_path {
    char *name;
    char inline_name[232];
};
/* 0, -EFAULT -ENAMETOOLONG -ENOMEM, -ENOENT for an empty one unless allowed. */
int user_path_get(struct user_path *path, uint64_t uaddr, bool empty_allowed);
void user_path_put(struct user_path *path);

/* Where dirfd (AT_FDCWD: the current directory) points, for a walk to start from; referenced. With
 * an absolute name the descriptor is not looked at, unless it is the root of the walk (WALK_IN_ROOT),
 * and *out is empty (mount NULL): pass NULL then. */
int path_at(int dirfd, const char *name, unsigned walk_flags, struct path *out);

/* Copy a path name from user memory: PATH_MAX, ENOENT for empty unless allowed. Caller kfrees. */
int path_copy_user(uint64_t uaddr, bool empty_allowed, char **out);

/* Open by walking. flags O_*, mode & ~umask applied inside for O_CREAT. */
int vfs_open(const struct path *start, const char *name, uint32_t flags, uint32_t mode,
             unsigned walk_flags, struct file **out);
/* Do the flags go together? 0 or -EINVAL: what open(2) finds out before it looks at the name. */
int vfs_check_open_flags(uint32_t flags);
/* Open an already resolved path. */
int vfs_open_path(const struct path *path, uint32_t flags, struct file **out);
/* The same for a file that the caller has just made, whatever its mode says; for one that is shown to
 * a watcher, who hears nothing of its own use of it. */
int vfs_open_created(const struct path *path, uint32_t flags, struct file **out);
int vfs_open_unnoticed(const struct path *path, uint32_t flags, struct file **out);
/* Open a program for execve (called by proc/exec.c): a regular file with execute permission on a
 * mount without noexec, else -EACCES; read permission is not needed, yet the kernel may read it and
 * map it privately. The file has FILE_READ | FILE_EXEC. */
int vfs_open_exec(const struct path *start, const char *name, unsigned walk_flags,
                  struct file **out);

int vfs_mkdir(const struct path *start, const char *name, uint32_t mode);
int vfs_check_mknod_mode(uint32_t mode); /* 0, -EPERM for directories, -EINVAL */
int vfs_mknod(const struct path *start, const char *name, uint32_t mode, uint64_t rdev);
int vfs_symlink(const char *target, const struct path *start, const char *name);
int vfs_link(const struct path *old, const struct path *start, const char *name);
int vfs_unlink(const struct path *start, const char *name);
int vfs_rmdir(const struct path *start, const char *name);
/* Can a name's parent directory be reached? For errors that come before others. */
int vfs_check_parent(const struct path *start, const char *name);
int vfs_rename(const struct path *old_start, const char *old_name, const struct path *new_start,
               const char *new_name, unsigned flags);

/* mount(2) with a file system type; binds, moves, remounts: see mount.h. */
int vfs_mount(struct kernel *kernel, const char *source, const char *target, const char *type,
              unsigned flags, const char *options);

/* Permission check of the current credentials: mask of MAY_*. 0 or -EACCES/-EROFS/-EPERM. */
enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };
int inode_permission(struct inode *inode, unsigned mask);

/* chmod, chown, truncate, utimes: which fields, with Linux's checks in vfs_setattr. */
enum attr_mask { ATTR_MODE = 1, ATTR_UID = 2, ATTR_GID = 4, ATTR_SIZE = 8, ATTR_ATIME = 16,
                 ATTR_MTIME = 32, ATTR_ATIME_NOW = 64, ATTR_MTIME_NOW = 128, ATTR_CTIME = 256,
                 ATTR_OPEN = 512 /* from O_TRUNC/ftruncate: the file is open for writing */,
                 ATTR_KILL_PRIVILEGES = 1024 /* chown(2): set-ID bits and file caps go */ };
struct attr_change {
    unsigned mask;
    uint32_t mode, uid, gid;
    uint64_t size;
    struct timestamp atime, mtime;
};
int vfs_setattr(const struct path *path, struct attr_change *change);
int vfs_truncate(const struct path *path, uint64_t size);
int vfs_ftruncate(struct file *file, uint64_t size); /* -EINVAL unless regular and writable */
/* The default for inode_ops.setattr: store the fields. For regular files the page cache is cut. */
int generic_setattr(struct inode *inode, const struct attr_change *change);
/* Fill from the inode's fields. */
void generic_getattr(struct inode *inode, struct linux_statx *out);
/* The file was read: note the access time if mount and file_flags (O_NOATIME) want it. */
void path_accessed(const struct path *path, uint32_t file_flags);
int path_permission(const struct path *path, unsigned mask); /* -EROFS of the mount too */
/* A change of content or owner takes set-user-ID and set-group-ID away (inode mutex held). */
int file_remove_privileges(struct file *file);
int superblock_statfs(struct superblock *sb, struct linux_statfs *out);
int vfs_statfs(const struct path *path, struct linux_statfs *out);
/* May the current credentials act as the inode's owner? */
bool inode_owner_or_capable(struct inode *inode);
int vfs_getattr(const struct path *path, struct linux_statx *out);

/* Absolute name of a path as seen from `root` (NULL: from the top of the mount tree): into the end
 * of the buffer, *out points into it. Ends in " (deleted)" for removed files; a path that is not
 * below root is named from the top of its own tree, and then *out_reachable is false: getcwd(2)
 * writes "(unreachable)" before that. -ENAMETOOLONG if it does not fit. */
int path_name(const struct path *path, const struct path *root, char *buffer, size_t bytes,
              char **out);
int path_name_reachable(const struct path *path, const struct path *root, char *buffer,
                        size_t bytes, char **out, bool *out_reachable);

#endif
