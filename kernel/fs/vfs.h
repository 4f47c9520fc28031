/* SPDX-License-Identifier: MIT
 *
 * The virtual file system: inodes, dentries, mounts, open files (path_resolution(7), inode(7)).
 *
 * Lifetimes: every object is reference counted with x_get/x_put. A dentry holds its inode and its
 * parent; an open file holds a struct path (mount + dentry); a mount holds its superblock and root
 * dentry. A superblock dies with its last mount.
 * Locks: inode->mutex (directories LOCK_RANK_INODE_DIR, parent before child, by address between
 * siblings, after vfs rename mutex; files LOCK_RANK_INODE) serialises changes of an inode and, for
 * directories, of its entries. dentry->lock and inode->lock guard the small state.
 */
#ifndef KERNEL_FS_VFS_H
#define KERNEL_FS_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/abi/fcntl.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/stat.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/list.h"
#include "kernel/mm/page_cache.h"
#include "kernel/mm/uio.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/wait.h"

struct acl;
struct attr_change;
struct cred;
struct dentry;
struct dir_context;
struct file;
struct filesystem;
struct fs_marks;
struct inode;
struct kernel;
struct mm_map_request;
struct vma;
struct file_locks;
struct mount;
struct path;
struct poll_table;
struct simple_xattrs;
struct strbuf;
struct superblock;

enum { VFS_NAME_MAX = 255, VFS_PATH_MAX = 4096, VFS_SYMLINKS_MAX = 40 };
enum { DENTRY_INLINE_NAME = 40 };

struct timestamp {
    int64_t seconds;
    uint32_t nanoseconds;
};

/* ---- inode ---- */

struct inode_ops {
    /* Directories. `dir` is locked by its mutex. lookup gives a referenced inode or -ENOENT. */
    int (*lookup)(struct inode *dir, const char *name, size_t length, struct inode **out);
    int (*create)(struct inode *dir, struct dentry *dentry, uint32_t mode, struct inode **out);
    int (*mkdir)(struct inode *dir, struct dentry *dentry, uint32_t mode, struct inode **out);
    int (*mknod)(struct inode *dir, struct dentry *dentry, uint32_t mode, uint64_t rdev,
                 struct inode **out);
    int (*symlink)(struct inode *dir, struct dentry *dentry, const char *target,
                   struct inode **out);
    int (*link)(struct inode *dir, struct dentry *dentry, struct inode *inode);
    int (*unlink)(struct inode *dir, struct dentry *dentry);
    int (*rmdir)(struct inode *dir, struct dentry *dentry);
    /* flags: RENAME_NOREPLACE (already checked), RENAME_EXCHANGE. new_dentry->inode may be NULL. */
    int (*rename)(struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir,
                  struct dentry *new_dentry, unsigned flags);
    /* O_TMPFILE; may be NULL. */
    int (*tmpfile)(struct inode *dir, uint32_t mode, struct inode **out);

    /* Symlinks: the target into the buffer; length or negative errno. */
    int64_t (*readlink)(struct inode *inode, char *buffer, size_t bytes);
    /* Magic links (/proc/PID/fd/N, exe, cwd): jump straight to a path; NULL for others. */
    int (*follow)(struct inode *inode, struct path *out);

    /* NULL: the generic versions (from the inode's fields). */
    int (*getattr)(struct inode *inode, struct linux_statx *out);
    int (*setattr)(struct inode *inode, const struct attr_change *change); /* checked already */
    int (*permission)(struct inode *inode, unsigned mask);
    /* Is a cached (possibly negative) dentry still right? NULL: always. For procfs. */
    bool (*revalidate)(struct dentry *dentry);

    int64_t (*getxattr)(struct inode *inode, const char *name, void *value, size_t bytes);
    int (*setxattr)(struct inode *inode, const char *name, const void *value, size_t bytes,
                    int flags);
    int64_t (*listxattr)(struct inode *inode, char *list, size_t bytes);
    int (*removexattr)(struct inode *inode, const char *name);

    void (*evict)(struct inode *inode); /* last reference of an unlinked inode, or unmount */
};

struct inode {
    uint32_t refs;             /* atomic */
    struct superblock *sb;
    const struct inode_ops *ops;
    const struct file_ops *file_ops; /* for open; devices and fifos: looked up by vfs_open */
    uint64_t ino;
    struct mutex mutex;

    struct spinlock lock;      /* the fields down to the blank line */
    uint32_t mode;             /* type and permissions */
    uint32_t uid, gid;
    uint32_t nlink;
    uint64_t size;
    uint64_t blocks;           /* 512-byte units */
    struct timestamp atime, mtime, ctime, btime;
    uint64_t rdev;
    uint32_t flags;            /* enum inode_flags */

    struct page_cache pages;   /* regular files */
    struct list_node hash_node, sb_node;
    void *object;              /* fifo's pipe, unix socket …: owned through object_put */
    void (*object_put)(void *object);
    struct file_locks *locks;  /* POSIX/flock locks; allocated on first use */
    int32_t write_count;       /* > 0: open for writing; < 0: being executed (ETXTBSY); atomic */
    uint32_t read_count;       /* regular files: open for reading only; atomic */
    struct fs_marks *marks;    /* who watches it; NULL mostly; atomic */
    char *link;                /* in-memory symlinks: the target, owned; else NULL. Immutable */
    struct acl *acls[2];       /* by enum acl_type; lock */
    struct simple_xattrs *xattrs; /* of file systems that use the simple_xattr_ functions */
    uint64_t private_u64;
    void *private;
};

enum inode_flags {
    INODE_APPEND = 1, INODE_IMMUTABLE = 2, INODE_DEAD = 4 /* removed directory */,
    INODE_LINKABLE = 16, /* from O_TMPFILE: may get its first name */
    INODE_NODUMP = 32, INODE_NOATIME = 64, /* kept for who asks */
    INODE_SIZE_ONCE = 128, /* a size that is not 0 stays */
    INODE_NO_TRUNCATE = 8, /* size is the file system's business: O_TRUNC does nothing */
};

/* mode, uid, gid and size are changed under inode->lock and read anywhere. */
static inline uint32_t inode_mode(const struct inode *inode)
{
    return __atomic_load_n(&inode->mode, __ATOMIC_RELAXED);
}
static inline uint64_t inode_size(const struct inode *inode)
{
    return __atomic_load_n(&inode->size, __ATOMIC_ACQUIRE);
}

/* ---- dentry ---- */

struct dentry {
    uint32_t refs;             /* atomic */
    struct spinlock lock;
    struct dentry *parent;     /* itself for a root; changes with the name */
    struct inode *inode;       /* NULL: negative; atomic */
    struct superblock *sb;
    struct hlist_node hash_node;
    struct list_node sibling_node, lru_node;
    struct list children;      /* by creation; lock */
    uint64_t hash;
    uint64_t private_u64;      /* of the file system (tmpfs: the entry's directory offset) */
    uint32_t mounts;           /* number of mounts on this dentry; atomic */
    uint16_t flags;
    uint16_t length;
    /* NUL-terminated. Stable while the parent directory's mutex is held: a rename changes it. */
    const char *name;
    char inline_name[DENTRY_INLINE_NAME];
};

static inline struct inode *dentry_inode(const struct dentry *dentry)
{
    return __atomic_load_n(&dentry->inode, __ATOMIC_ACQUIRE);
}

/* Keep a dentry (and with it its inode) in memory until dentry_unpin or unmount: for file systems
 * that have no other store for their names. */
void dentry_pin(struct dentry *dentry);
void dentry_unpin(struct dentry *dentry);

/* Forget a name that the file system has removed behind the VFS's back (a process's directory):
 * the next lookup asks again. dentry_invalidate includes everything below. */
void dentry_drop(struct dentry *dentry);
void dentry_invalidate(struct dentry *dentry);

struct path {
    struct mount *mount;
    struct dentry *dentry;
};

void path_get(const struct path *path);
void path_put(struct path *path);
static inline bool path_equal(const struct path *a, const struct path *b)
{
    return a->mount == b->mount && a->dentry == b->dentry;
}

/* ---- file systems and mounts ---- */

struct filesystem {
    const char *name;          /* as in /proc/filesystems */
    bool needs_device;
    uint64_t magic;
    /* New superblock for mount(2): options as given. */
    int (*mount)(struct kernel *kernel, const struct filesystem *type, const char *source,
                 unsigned flags, const char *options, struct superblock **out);
    /* May the current task make one? NULL: only with CAP_SYS_ADMIN in the initial user namespace. */
    bool (*may_mount)(void);
    /* The dentry at the top of a new mount, referenced; it may be below the superblock's root. NULL:
     * the superblock's root. Errors of path_walk. */
    int (*mount_root)(struct superblock *sb, struct dentry **out);
};

struct superblock_ops {
    int (*statfs)(struct superblock *sb, struct linux_statfs *out); /* NULL: zeros + magic */
    int (*sync)(struct superblock *sb);
    int (*remount)(struct superblock *sb, unsigned flags, const char *options);
    void (*show_options)(struct superblock *sb, char *buffer, size_t bytes);
    void (*free_inode)(struct inode *inode); /* NULL: slab */
    void (*unmount)(struct superblock *sb);
};

struct superblock {
    uint32_t refs;
    struct kernel *kernel;
    const struct filesystem *type;
    const struct superblock_ops *ops;
    struct dentry *root;
    uint64_t dev;              /* st_dev */
    unsigned flags;            /* MS_RDONLY, MS_POSIXACL */
    uint64_t next_ino;         /* atomic; for in-memory file systems */
    uint64_t block_size;
    uint64_t max_bytes;        /* of a file; EFBIG beyond */
    uint32_t writers;          /* files open for writing; atomic */
    struct spinlock lock;
    struct list inodes;
    struct list_node node;     /* in the kernel's list of superblocks */
    struct fs_marks *marks;    /* who watches all of it; NULL mostly; atomic */
    void *private;
    char source[64];
};

/* A reference to the superblock; the last put unmounts it. */
struct superblock *superblock_get(struct superblock *sb);
void superblock_put(struct superblock *sb);

/* sync(2), syncfs(2). superblock_find_dev: referenced, or NULL. */
void vfs_sync_all(struct kernel *kernel);
int vfs_sync_superblock(struct superblock *sb);
struct superblock *superblock_find_dev(struct kernel *kernel, uint64_t dev);

int vfs_register_filesystem(struct kernel *kernel, const struct filesystem *type);

/* Helpers for file systems. inode_create: zeroed, one reference, given mode and owner from the
 * current credentials and `dir` (setgid directories), times now, next ino. */
int superblock_create(struct kernel *kernel, const struct filesystem *type,
                      const struct superblock_ops *ops, struct superblock **out);
int inode_create(struct superblock *sb, struct inode *dir, uint32_t mode, struct inode **out);
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode);
int dentry_create_root(struct superblock *sb, struct inode *inode); /* consumes the reference */
/* A symlink's inode whose target is `target` (copied), readable without an ops->readlink. */
int inode_create_symlink(struct superblock *sb, struct inode *dir, const char *target,
                         struct inode **out);
void inode_set_nlink(struct inode *inode, int change); /* nlink += change */
struct dentry *dentry_get(struct dentry *dentry);
struct dentry *dentry_parent(struct dentry *dentry); /* referenced */
void dentry_put(struct dentry *dentry);
struct timestamp timestamp_now(void);
void inode_touch(struct inode *inode, bool access, bool modify, bool change);

/* ---- open files ---- */

struct file_ops {
    /* At open of an inode; file->private etc. may be set. NULL: nothing to do. */
    int (*open)(struct inode *inode, struct file *file);
    void (*release)(struct file *file);      /* last reference gone */
    int (*flush)(struct file *file);         /* every close(2) of a descriptor */
    /* Read at *pos (NULL for streams) up to uio->remaining and advance *pos. Bytes, 0 at the end,
     * -EAGAIN with O_NONBLOCK, -ERESTARTSYS. Blocking allowed. */
    int64_t (*read)(struct file *file, struct uio *uio, uint64_t *pos);
    int64_t (*write)(struct file *file, struct uio *uio, uint64_t *pos);
    int64_t (*seek)(struct file *file, int64_t offset, int whence); /* NULL: -ESPIPE */
    /* Ready events now (EPOLL bits); if table is not NULL first register on the wait queues with
     * poll_wait. NULL: always readable and writable. */
    uint32_t (*poll)(struct file *file, struct poll_table *table);
    int64_t (*ioctl)(struct file *file, uint32_t command, uint64_t argument); /* NULL: -ENOTTY */
    /* Directory entries from context->pos on, through dir_emit; the directory's mutex is held. */
    int (*iterate)(struct file *file, struct dir_context *context);
    /* Fill in ops and backing. NULL: -ENODEV. */
    int (*mmap)(struct file *file, struct mm_map_request *request);
    bool no_splice; /* sendfile(2) and splice(2) do not read it: -EINVAL */
    int (*fsync)(struct file *file, bool data_only);
    int (*fallocate)(struct file *file, int mode, uint64_t offset, uint64_t bytes);
    /* For /proc/PID/fdinfo; may be NULL. */
    void (*show_fdinfo)(struct file *file, struct strbuf *out);
    /* fcntl commands of special files (pipes: F_SETPIPE_SZ, memfd: seals); -EINVAL if unknown. */
    int64_t (*fcntl)(struct file *file, int command, uint64_t argument);
};

struct file {
    uint32_t refs;             /* atomic */
    uint32_t flags;            /* O_* status flags; O_APPEND O_NONBLOCK … may change; atomic */
    uint16_t mode;             /* enum file_mode */
    const struct file_ops *ops;
    struct path path;          /* anonymous files: on the internal anon mount */
    struct inode *inode;       /* = path.dentry->inode */
    struct mutex pos_mutex;    /* pos of seekable files shared between threads */
    uint64_t pos;
    const struct cred *cred;   /* who opened it */
    struct kernel *kernel;
    bool epoll_used;           /* has ever been in an epoll set: its release hook runs; atomic */
    struct list epoll_items;   /* of ipc/epoll.c; epoll_lock */
    struct spinlock epoll_lock;
    int owner_pid;             /* F_SETOWN: pid, or -pgid */
    uint32_t owner_uid, owner_euid; /* of who set it */
    uint8_t owner_type;        /* F_OWNER_TID F_OWNER_PID F_OWNER_PGRP */
    int owner_signal;          /* F_SETSIG */
    uint64_t rw_hint;
    void *private;             /* of the ops */
};

enum file_mode {
    FILE_READ = 1, FILE_WRITE = 2, FILE_SEEK = 4, FILE_STREAM = 8, /* no position at all */
    FILE_PATH = 16, /* O_PATH */ FILE_EXEC = 32,
    FILE_COUNTED = 64, /* holds write access on the inode (private to open.c) */
    FILE_READER = 512, /* is counted in inode->read_count (private to file.c) */
    FILE_NO_POSITION = 1024, /* seeking does nothing, and pread(2) and its like fail */
    FILE_NO_PWRITE = 2048, /* pwrite(2) and its like fail, whatever it is open for */
    FILE_NO_NOTIFY = 256, /* what is done through it is no event */
    FILE_DETACHED = 1024, /* holds a detached mount tree (private to mount_detached.c) */
    FILE_LOCKED = 128, /* flock or OFD locks were taken through it (private to locks.c) */
};

/* O_NONBLOCK, or the caller's wish for this call. */
static inline bool file_is_nonblocking(const struct file *file)
{
    return (__atomic_load_n(&file->flags, __ATOMIC_RELAXED) & O_NONBLOCK) || this_thread()->no_wait;
}

struct file *file_get(struct file *file);
bool file_get_live(struct file *file); /* false: its last reference is gone already */
void file_put(struct file *file);

/* A file without a name: pipes, sockets, eventfd… `name` shows in /proc/PID/fd as
 * "anon_inode:[name]", or for pipes and sockets ("pipe:[ino]") pass mode S_IFIFO/S_IFSOCK. */
int file_create_anon(struct kernel *kernel, const char *name, const struct file_ops *ops,
                     void *private, uint32_t flags, uint32_t inode_mode, struct file **out);

/* Another open file on the same nameless inode: the second end of a pipe or socket pair. */
int file_create_anon_peer(struct file *of, const struct file_ops *ops, void *private,
                          uint32_t flags, struct file **out);

/* Upward hooks, installed at boot. FIFOs: file_ops for every open of a named pipe (ops->open may
 * block). Epoll: called at the last put of a file that has epoll_used. */
void vfs_set_fifo_ops(struct kernel *kernel, const struct file_ops *ops);
/* Signals to the owner of a file (F_SETOWN): `code` is POLL_MSG, or
 * POLL_PRI for SIGURG. Without locks. */
void vfs_set_signal_owner(struct kernel *kernel,
                          void (*send)(struct file *file, int fd, int code));
void vfs_signal_owner(struct file *file, int fd, int code);
void vfs_set_epoll_release(struct kernel *kernel, void (*release)(struct file *file));

/* Kernel-side whole-object I/O used by syscalls; check mode, clamp, update pos/atime. A *pos of
 * VFS_POS_END appends (RWF_APPEND). */
#define VFS_POS_END UINT64_MAX
int64_t vfs_read(struct file *file, struct uio *uio, uint64_t *pos);  /* pos NULL: file->pos */
int64_t vfs_write(struct file *file, struct uio *uio, uint64_t *pos);
int64_t vfs_seek(struct file *file, int64_t offset, int whence);
int vfs_mmap(struct file *file, struct mm_map_request *request); /* mode checks, ops->mmap */
uint32_t vfs_poll(struct file *file, struct poll_table *table);
int64_t vfs_read_kernel(struct file *file, void *buffer, size_t bytes, uint64_t pos);

/* Programs being executed may not be written (ETXTBSY), and the other way round. 0 or -ETXTBSY. */
int file_deny_write(struct file *file);
void file_allow_write(struct file *file);
/* The file, new and known to nobody else, no longer counts as open for writing: it may be executed,
 * as memfds are. */
void file_uncount_writer(struct file *file);

/* Generic operations for page-cache backed regular files. */
int64_t generic_file_read(struct file *file, struct uio *uio, uint64_t *pos);
int64_t generic_file_write(struct file *file, struct uio *uio, uint64_t *pos);
int64_t generic_file_seek(struct file *file, int64_t offset, int whence);
int generic_file_mmap(struct file *file, struct mm_map_request *request);
struct file *generic_vma_file(const struct vma *vma); /* of such a mapping, not referenced; NULL */
int generic_file_fsync(struct file *file, bool data_only);
/* Position arithmetic of lseek for an object of `size` bytes (SEEK_DATA/HOLE: all data). */
int64_t generic_seek_size(struct file *file, int64_t offset, int whence, uint64_t size);
int64_t null_seek(struct file *file, int64_t offset, int whence); /* always at 0 */

/* ---- directories ---- */

struct dir_context {
    uint64_t pos;
    /* 0 to go on; anything else stops the iteration (full buffer) and is not an error. */
    int (*emit)(struct dir_context *context, const char *name, size_t length, uint64_t ino,
                unsigned type /* DT_* */, uint64_t next_pos);
};

/* Read a directory from file->pos on: takes the mutexes of position and directory around
 * ops->iterate. -ENOTDIR, -ENOENT if it was removed. */
int vfs_iterate(struct file *file, struct dir_context *context);

/* "." and ".." at positions 0 and 1, for the start of an iterate; true to go on from 2. */
bool dir_emit_dots(struct file *file, struct dir_context *context);
/* One entry; advances context->pos to next_pos. False: stop. */
bool dir_emit(struct dir_context *context, const char *name, size_t length, uint64_t ino,
              unsigned type, uint64_t next_pos);

/* ---- polling ---- */

/* Passed down ops->poll: queue(table, wait_queue) registers the caller. */
struct poll_table {
    void (*queue)(struct poll_table *table, struct wait_queue *queue);
    uint32_t events; /* interest, a hint */
};
static inline void poll_wait(struct poll_table *table, struct wait_queue *queue)
{
    if (table)
        table->queue(table, queue);
}

#endif
