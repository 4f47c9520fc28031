/* SPDX-License-Identifier: MIT
 *
 * The VFS's own state and the functions its files share.
 */
#ifndef KERNEL_FS_VFS_INTERNAL_H
#define KERNEL_FS_VFS_INTERNAL_H

#include "kernel/abi/errno.h"
#include "kernel/abi/mount.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/device.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/security/cred.h"

struct fs_notify_ops;

enum { FILESYSTEMS_MAX = 32, MOUNT_BUCKETS = 64 };

struct dentry_bucket {
    struct spinlock lock;
    struct hlist chain;
};

struct device_range {
    bool block;
    unsigned major, minor, count;
    const char *name;
    const struct file_ops *ops;
    void *context;
};

struct vfs_state {
    struct kernel *kernel;
    struct slab_cache *inodes, *dentries, *files;

    /* dcache.c */
    struct dentry_bucket *buckets;
    uint64_t bucket_mask;
    uint64_t hash_secret;
    struct spinlock tree_lock;     /* names and parents; taken by path_name and rename */
    struct mutex rename_mutex;     /* one rename between directories at a time */
    struct spinlock lru_lock;
    struct list lru;               /* unused dentries, oldest first; lru_lock */
    unsigned lru_count, lru_max;   /* lru_lock; constant */

    /* mount.c */
    struct mutex mount_mutex;      /* the shape of the tree */
    struct spinlock mount_lock;    /* hash, parent and mountpoint of mounts, list of all */
    struct hlist mount_hash[MOUNT_BUCKETS];
    struct list mounts;
    struct mount *root;            /* at the bottom, empty: it cannot be pivoted away */
    struct mount *top;             /* on it: what the machine's first programs see as / */
    struct mount_namespace *mount_ns; /* the initial one */
    int next_mount_id, next_group_id;
    uint64_t mount_sequence;       /* atomic */
    struct wait_queue mount_changes;

    struct spinlock lock;          /* down to the blank line */
    const struct filesystem *types[FILESYSTEMS_MAX];
    unsigned type_count;
    struct list superblocks;
    uint32_t next_dev_minor;
    struct list contexts;          /* fs_context.node */
    struct device_range *devices;
    unsigned device_count, device_capacity;

    /* locks.c */
    struct spinlock locks_lock;    /* waiters of record locks, for deadlock detection */
    struct list lock_waiters;
    struct list lock_inodes;       /* inodes that have locks */

    struct mount *anon_mount;      /* pipes, sockets, anonymous inodes */
    struct inode *anon_inode;      /* shared by everything called anon_inode:[x] */
    struct mount *nsfs_mount;      /* files of namespaces */
    struct mount *shm_mount;       /* memfds, shared memory */
    struct superblock *devtmpfs;

    const struct file_limits_ops *limits;
    const struct file_ops *fifo_ops;
    void (*epoll_release)(struct file *file);
    void (*signal_owner)(struct file *file, int fd, int code);
    uint32_t lease_break_seconds;  /* atomic */
    const struct fs_notify_ops *notify; /* atomic */
    uint32_t notify_interest;      /* events that somebody waits for; atomic */
    uint32_t notify_cookie;        /* atomic */
};

static inline struct vfs_state *this_vfs(void)
{
    return this_kernel()->vfs;
}

/* ---- dcache.c ---- */

enum dentry_flags {
    DENTRY_PINNED = 1,
    DENTRY_ON_LRU = 2,
    DENTRY_REFERENCED = 4, /* used since it came to the LRU list */
    DENTRY_ANON = 8,       /* nameless object: shown as name:[ino] */
    DENTRY_HASHED = 16,
    DENTRY_ROOT = 32,
};

/* Flags change atomically, each under its own lock or none. */
static inline bool dentry_has(const struct dentry *dentry, unsigned flags)
{
    return atomic_load_relaxed(&dentry->flags) & flags;
}

int dcache_init(struct kernel *kernel);
/* A name to look up: not terminated. */
struct qname {
    const char *name;
    size_t length;
    uint64_t hash;
};
uint64_t dentry_name_hash(struct vfs_state *vfs, const struct dentry *parent, const char *name,
                          size_t length);
/* A new negative dentry below parent, not hashed. NULL without memory. */
struct dentry *dentry_alloc(struct dentry *parent, const char *name, size_t length, uint64_t hash);
/* A nameless root-like dentry for the superblock; name must be a constant. Consumes the inode. */
struct dentry *dentry_alloc_anon(struct superblock *sb, const char *name, struct inode *inode);
/* For O_TMPFILE: named after the inode (consumed unless NULL is returned) and not visible. */
struct dentry *dentry_alloc_unlinked(struct dentry *parent, struct inode *inode);
/* In the cache, referenced, or NULL. */
struct dentry *dentry_lookup(struct dentry *parent, const char *name, size_t length, uint64_t hash);
/* Give an unhashed dentry its inode (consumed; NULL: negative) and make it visible. */
void dentry_add(struct dentry *dentry, struct inode *inode);
/* Make an unhashed dentry visible that already has its inode. */
void dentry_hash(struct dentry *dentry);
/* A visible negative dentry becomes positive; consumes the inode reference. */
void dentry_instantiate(struct dentry *dentry, struct inode *inode);
/* The name was removed: become negative if nobody else uses it, else disappear from the cache. */
void dentry_delete(struct dentry *dentry);
/* `dentry` takes name and place of `target`, which is dropped; both parents' mutexes held. Needs a
 * name buffer from dentry_move_prepare. */
struct dentry_move {
    char *long_name;
};
int dentry_move_prepare(struct dentry_move *move, const struct dentry *target);
void dentry_move_cancel(struct dentry_move *move);
void dentry_move(struct dentry *dentry, struct dentry *target, struct dentry_move *move);
void dentry_exchange(struct dentry *a, struct dentry *b);
bool dentry_is_below(const struct dentry *dentry, const struct dentry *ancestor);
bool dentry_is_unlinked(const struct dentry *dentry);
void dentry_forget_children(struct dentry *dentry);
void dentry_tree_destroy(struct dentry *root); /* unmount: nothing below is in use */
void dcache_shrink(struct vfs_state *vfs, unsigned keep);

/* ---- superblock.c, inode.c ---- */

bool superblock_is_readonly(const struct superblock *sb);

/* ---- fs_context.c ---- */

void fs_context_move_all(struct kernel *kernel, const struct path *old, const struct path *new);

/* ---- mount.c ---- */

int nsfs_init(struct kernel *kernel);
int mount_namespace_init(struct kernel *kernel); /* after the root mount */
int mount_init(struct kernel *kernel);
/* 0 or -EROFS. */
int mount_want_write(const struct mount *mount);
void mount_changed(struct vfs_state *vfs);
/* ---- walk.c ---- */

enum walk_last { LAST_NAME, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

struct walk_frame {
    const char *rest;       /* what to continue with after the link */
    struct dentry *link;    /* keeps the link's text alive; or */
    char *buffer;           /* its text on the heap */
};

struct walk {
    struct path path;       /* where we are; referenced */
    struct path root;       /* the barrier; mount NULL until needed */
    unsigned flags;
    unsigned links;         /* followed so far */
    unsigned depth;
    const char *rest;
    const char *last;
    size_t last_length;
    enum walk_last last_type;
    bool trailing_slash;
    struct walk_frame frames[VFS_SYMLINKS_MAX];
};

int walk_begin(struct walk *walk, const struct path *start, const char *name, unsigned flags);
void walk_end(struct walk *walk);
/* Walk everything but the last component; last, last_length, last_type describe that. */
int walk_to_last(struct walk *walk);
/* Step into the last component. 0; 1 if it is a symlink that was pushed: walk_to_last again. */
int walk_step_last(struct walk *walk, bool follow);
/* Having `child` below walk->path looked up: enter mounts or push the link. Consumes child. */
int walk_enter(struct walk *walk, struct dentry *child, bool follow, bool trailing);
/* A dentry for a name in a directory, maybe negative. The directory's mutex is held. */
int walk_lookup_locked(struct dentry *dir, const char *name, size_t length, struct dentry **out);
/* Parent directory of a name for creation or removal; on success the walk stays open. */
int walk_parent(struct walk *walk, const struct path *start, const char *name, unsigned flags);

/* ---- mount_forget.c: names with mounts on them, that the caller's namespace does not see ---- */

bool dentry_is_mounted_here(const struct dentry *dentry); /* in the caller's mount namespace */
/* A removed name: what other namespaces have mounted on it goes too. No directory's mutex held. */
void dentry_forget_mounts(struct dentry *dentry);

/* ---- permission.c ---- */

int dir_may_create(struct inode *dir);
int dir_may_delete(struct inode *dir, struct inode *victim, bool want_directory);
uint32_t inode_mode_for_create(struct inode *dir, uint32_t mode);

/* ---- open.c, attributes.c ---- */

int file_alloc(struct kernel *kernel, uint32_t flags, struct file **out);
int inode_write_access_get(struct inode *inode); /* 0 or -ETXTBSY */
void inode_write_access_put(struct inode *inode);
/* RLIMIT_FSIZE against a size: 0, or SIGXFSZ is raised and -EFBIG. */
int file_check_size_limit(uint64_t size);
uint64_t file_size_limit(void);
int inode_truncate(struct inode *inode, uint64_t size, unsigned extra_mask);

/* ---- devices ---- */

int devtmpfs_init(struct kernel *kernel);
int memory_devices_init(struct kernel *kernel);
int tmpfs_init(struct kernel *kernel);
int anon_init(struct kernel *kernel);
/* The operations behind a device number; NULL: -ENXIO. */
const struct file_ops *device_find_ops(struct kernel *kernel, bool block, uint64_t rdev);
extern const struct file_ops kmsg_ops;

#endif
