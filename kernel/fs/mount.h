/* SPDX-License-Identifier: MIT
 *
 * The mount tree: mount(2), umount2(2), pivot_root(2), mount_namespaces(7).
 *
 * A mount shows the tree below `root` of a superblock at a place (parent, mountpoint). References:
 * the tree holds one on each attached mount, each child one on its parent, each struct path one.
 * The shape of the tree changes under the mount-tree mutex; where a mount hangs (parent,
 * mountpoint, hash) also under the mount spinlock, so that path walks read it cheaply.
 */
#ifndef KERNEL_FS_MOUNT_H
#define KERNEL_FS_MOUNT_H

#include "kernel/fs/vfs.h"

struct mount_namespace;

enum mount_propagation { MOUNT_PRIVATE, MOUNT_SHARED, MOUNT_SLAVE, MOUNT_UNBINDABLE };

struct fs_marks;

struct mount {
    uint32_t refs;               /* atomic */
    uint32_t flags;              /* MS_RDONLY MS_NOSUID MS_NODEV MS_NOEXEC MS_NOATIME MS_NODIRATIME
                                  * MS_RELATIME MS_NOSYMFOLLOW; atomic */
    int id;                      /* of mountinfo; ascending */
    struct kernel *kernel;
    struct superblock *sb;
    struct dentry *root;

    struct mount *parent;        /* NULL: the root of the tree, or not attached */
    struct dentry *mountpoint;   /* in the parent; referenced */
    struct hlist_node hash_node;
    struct list children;
    struct list_node child_node;
    struct list_node all_node;   /* in order of ids */
    struct mount_namespace *ns;  /* that it is visible in; NULL: not attached */
    bool locked;                 /* came with a namespace of more privilege: stays where it is */
    bool atime_locked;
    bool detached;               /* the top of a tree that only a descriptor holds; mount_mutex */
    uint32_t locked_flags;       /* and keeps these */
    struct list_node copy_node;  /* while an event is propagated; the next ones too; mount_mutex */
    struct mount *copy_at;
    bool copy_expands, receives;
    bool expiring;               /* umount2(MNT_EXPIRE) was asked once and nothing used it since */

    enum mount_propagation propagation;
    bool shared_slave;           /* a slave that is shared again */
    int peer_group, master_group; /* ids for mountinfo, 0: none */
    uint32_t writers;            /* files open for writing; atomic */
    struct fs_marks *marks;      /* who watches what is done through it; NULL mostly; atomic */
};

struct mount *mount_get(struct mount *mount);
void mount_put(struct mount *mount);

/* A mount of a superblock that appears in no tree (pipes, memfds). Consumes nothing. */
int mount_create(struct kernel *kernel, struct superblock *sb, struct dentry *root, unsigned flags,
                 struct mount **out);

/* The operations of mount(2), on resolved paths, with all checks but the capability. */
int mount_attach_new(struct kernel *kernel, const struct filesystem *type, const char *source,
                     unsigned flags, const char *options, const struct path *at);
int mount_bind(const struct path *from, const struct path *at, bool recursive);
int mount_move(const struct path *from, const struct path *at);
int mount_remount(const struct path *path, unsigned flags, const char *options);
int mount_reconfigure(const struct path *path, unsigned flags); /* MS_REMOUNT | MS_BIND */
int mount_set_propagation(const struct path *path, unsigned flags);
int mount_detach(struct path *path, int umount_flags); /* umount2; consumes the path */
/* The current task has the right that making a file system of this type takes. */
bool filesystem_may_mount(const struct filesystem *type);

int mount_pivot_root(const struct path *new_root, const struct path *put_old);

/* Trees that hang nowhere (open_tree(2), fsmount(2)): the path is referenced, and its last user calls
 * mount_dissolve, which takes the tree apart unless it was attached meanwhile. */
int mount_clone_detached(const struct path *path, bool recursive, struct path *out);
int mount_new_detached(struct superblock *sb, unsigned flags, struct path *out);
void mount_dissolve(const struct path *path);
/* An O_PATH file on such a tree, which dissolves it at its end. */
int mount_open_detached(const struct path *path, struct file **out);

/* mount_setattr(2): what is in `clear` goes, then what is in `set` comes (MS_* of a mount), and the
 * propagation type (0: as it is). All of them, or none. */
int mount_set_attributes(const struct path *path, bool recursive, unsigned set, unsigned clear,
                         unsigned propagation);
/* MOVE_MOUNT_SET_GROUP: `to`, a private mount, joins the groups that `from` is in. */
int mount_copy_group(const struct path *from, const struct path *to);
/* MS_REMOUNT for the superblock alone. */
int superblock_remount(struct superblock *sb, unsigned flags, const char *options);

/* Walking helpers. mount_at: the mount on this place, referenced, or NULL. */
struct mount *mount_at(const struct path *path);
/* To the mount point that `path`, a mount's root, hangs on; false at the top. References move. */
bool mount_up(struct path *path);

bool mount_is_readonly(const struct mount *mount); /* by itself or by its superblock */
static inline uint32_t mount_flags(const struct mount *mount)
{
    return __atomic_load_n(&mount->flags, __ATOMIC_RELAXED);
}

/* The mounts of a namespace in order of ids: the first with an id > after, referenced, or NULL. For
 * /proc/mounts and mountinfo. mount_sequence changes with every change of the tree, and
 * mount_changes is woken. */
struct mount *mount_next(struct kernel *kernel, const struct mount_namespace *ns, int after);
uint64_t mount_sequence(struct kernel *kernel);
struct wait_queue *mount_changes(struct kernel *kernel);

struct mount_info {
    int id, parent_id;
    uint64_t dev;
    struct path root;            /* this mount's root; mount_root_name names it */
    const char *type, *source;
    unsigned flags, sb_flags;
    int shared_group, master_group;
    bool unbindable;
};
/* A consistent view; strings live as long as the mount. */
void mount_describe(struct mount *mount, struct mount_info *out);
/* Where the mount is, as seen from root, and which part of its file system it shows. As path_name;
 * -ENOENT for a mount that is not below root. */
int mount_point_name(struct mount *mount, const struct path *root, char *buffer, size_t bytes,
                     char **out);
int mount_root_name(struct mount *mount, char *buffer, size_t bytes, char **out);
/* "rw,nosuid,relatime" of the mount; of the superblock with its own options. */
void mount_option_text(const struct mount *mount, struct strbuf *out);
void superblock_option_text(struct superblock *sb, struct strbuf *out);

/* The registered file system types in order, for /proc/filesystems. -ENOENT past the last. */
int vfs_describe_filesystem(struct kernel *kernel, unsigned index, const struct filesystem **out);
const struct filesystem *vfs_find_filesystem(struct kernel *kernel, const char *name);

#endif
