/* SPDX-License-Identifier: MIT
 *
 * Mounts as objects and as a tree; mount_namespaces(7). The operations of mount(2) are in
 * mount_ops.c.
 *
 * Invariants: an attached mount other than the tree's root has a parent and a mountpoint, both
 * referenced, is in the hash under the two and in the parent's list; dentry->mounts counts the
 * mounts on a dentry so that walks look into the hash only where there is something.
 */
#include "kernel/fs/mount_internal.h"
#include "kernel/fs/notify.h"
#include "kernel/lib/hash.h"

int mount_init(struct kernel *kernel)
{
    struct vfs_state *vfs = kernel->vfs;
    mutex_init(&vfs->mount_mutex, LOCK_RANK_MOUNT_TREE);
    spin_lock_init(&vfs->mount_lock, LOCK_RANK_MOUNT);
    for (unsigned i = 0; i < MOUNT_BUCKETS; i++)
        hlist_init(&vfs->mount_hash[i]);
    list_init(&vfs->mounts);
    wait_queue_init(&vfs->mount_changes);
    return 0;
}

int mount_create(struct kernel *kernel, struct superblock *sb, struct dentry *root, unsigned flags,
                 struct mount **out)
{
    struct mount *mount = kzalloc(sizeof(*mount));
    if (!mount)
        return -ENOMEM;
    mount->refs = 1;
    mount->flags = flags;
    mount->kernel = kernel;
    mount->sb = superblock_get(sb);
    mount->root = dentry_get(root);
    list_init(&mount->children);
    mount->id = (int)atomic_add_fetch_relaxed(&kernel->vfs->next_mount_id, 1);
    *out = mount;
    return 0;
}

struct mount *mount_get(struct mount *mount)
{
    uint32_t old = atomic_fetch_add_relaxed(&mount->refs, 1);
    assert(old > 0);
    return mount;
}

void mount_put(struct mount *mount)
{
    if (unlikely(atomic_load_relaxed(&mount->expiring)))
        atomic_store_relaxed(&mount->expiring, false);
    if (atomic_sub_fetch_acq_rel(&mount->refs, 1) != 0)
        return;
    assert(!mount->ns && !mount->parent && list_empty(&mount->children));
    struct superblock *sb = mount->sb;
    fs_notify_mount_gone(mount);
    dentry_put(mount->root);
    kfree(mount);
    superblock_put(sb);
}

void path_get(const struct path *path)
{
    mount_get(path->mount);
    dentry_get(path->dentry);
}

void path_put(struct path *path)
{
    if (!path->mount)
        return;
    struct mount *mount = path->mount;
    struct dentry *dentry = path->dentry;
    path->mount = NULL;
    path->dentry = NULL;
    dentry_put(dentry);
    mount_put(mount);
}

static struct hlist *bucket_of(struct vfs_state *vfs, const struct mount *parent,
                               const struct dentry *mountpoint)
{
    uint64_t hash = hash_combine((uint64_t)(uintptr_t)parent, (uint64_t)(uintptr_t)mountpoint);
    return &vfs->mount_hash[hash % MOUNT_BUCKETS];
}

struct mount *mount_find_locked(struct vfs_state *vfs, const struct mount *parent,
                                const struct dentry *mountpoint)
{
    struct mount *mount;
    hlist_for_each_entry (mount, bucket_of(vfs, parent, mountpoint), hash_node)
        if (mount->parent == parent && mount->mountpoint == mountpoint)
            return mount;
    return NULL;
}

struct mount *mount_at(const struct path *path)
{
    if (likely(atomic_load_acquire(&path->dentry->mounts) == 0))
        return NULL;
    struct vfs_state *vfs = path->mount->kernel->vfs;
    spin_lock(&vfs->mount_lock);
    struct mount *mount = mount_find_locked(vfs, path->mount, path->dentry);
    if (mount)
        mount_get(mount);
    spin_unlock(&vfs->mount_lock);
    return mount;
}

bool mount_up(struct path *path)
{
    struct vfs_state *vfs = path->mount->kernel->vfs;
    struct path up = {0};
    spin_lock(&vfs->mount_lock);
    if (path->mount->parent) {
        up.mount = path->mount->parent;
        up.dentry = path->mount->mountpoint;
        path_get(&up);
    }
    spin_unlock(&vfs->mount_lock);
    if (!up.mount)
        return false;
    path_put(path);
    *path = up;
    return true;
}

bool mount_is_readonly(const struct mount *mount)
{
    return (mount_flags(mount) & MS_RDONLY) || superblock_is_readonly(mount->sb);
}

int mount_want_write(const struct mount *mount)
{
    return mount_is_readonly(mount) ? -EROFS : 0;
}

void mount_changed(struct vfs_state *vfs)
{
    atomic_fetch_add_relaxed(&vfs->mount_sequence, 1);
    wake_all(&vfs->mount_changes);
}

static void list_by_id(struct vfs_state *vfs, struct mount *mount)
{
    struct mount *other;
    list_for_each_entry_reverse (other, &vfs->mounts, all_node) {
        if (other->id < mount->id) {
            list_insert_after(&other->all_node, &mount->all_node);
            return;
        }
    }
    list_add_head(&vfs->mounts, &mount->all_node);
}

/* Hang the mount (and what already hangs below it) at a place. Consumes no reference of `at`. */
void mount_attach_locked(struct mount *mount, const struct path *at)
{
    struct vfs_state *vfs = mount->kernel->vfs;
    assert(!mount->parent);
    mount->parent = mount_get(at->mount);
    mount->mountpoint = dentry_get(at->dentry);
    list_add_tail(&at->mount->children, &mount->child_node);
    hlist_add_head(bucket_of(vfs, at->mount, at->dentry), &mount->hash_node);
    atomic_fetch_add_acq_rel(&at->dentry->mounts, 1);
}

void mount_detach_locked(struct mount *mount, struct path *out_at)
{
    out_at->mount = mount->parent;
    out_at->dentry = mount->mountpoint;
    list_remove(&mount->child_node);
    hlist_remove(&mount->hash_node);
    atomic_fetch_sub_relaxed(&mount->mountpoint->mounts, 1);
    mount->parent = NULL;
    mount->mountpoint = NULL;
}

/* Show all mounts from top down in the list of mounts, or take them out. mount_lock held. */
void mount_publish_locked(struct mount *top, struct mount_namespace *ns)
{
    for (struct mount *mount = top; mount; mount = mount_next_below(mount, top)) {
        if (mount->ns)
            continue;
        mount->ns = ns;
        ns->mount_count++;
        list_by_id(mount->kernel->vfs, mount);
    }
}

void mount_withdraw_locked(struct mount *mount)
{
    if (mount->ns) {
        mount->ns->mount_count--;
        mount->ns = NULL;
        mount_leave_groups_locked(mount);
        list_remove(&mount->all_node);
    }
    mount->peer_group = mount->master_group = 0;
    mount->propagation = MOUNT_PRIVATE;
}

/* Preorder. */
struct mount *mount_next_below(struct mount *mount, struct mount *top)
{
    if (!list_empty(&mount->children))
        return list_entry(list_first(&mount->children), struct mount, child_node);
    while (mount != top) {
        struct list_node *next = list_next(&mount->parent->children, &mount->child_node);
        if (next)
            return list_entry(next, struct mount, child_node);
        mount = mount->parent;
    }
    return NULL;
}

bool mount_contains(struct mount *top, const struct mount *mount)
{
    for (; mount; mount = mount->parent)
        if (mount == top)
            return true;
    return false;
}

static void take_apart(struct mount *top, bool propagate)
{
    struct vfs_state *vfs = top->kernel->vfs;
    struct mount *mount = top;
    bool last = false;
    while (!last) {
        struct path at = {0};
        while (!list_empty(&mount->children))
            mount = list_entry(list_first(&mount->children), struct mount, child_node);
        struct mount *parent = mount->parent;
        last = mount == top;
        if (propagate)
            mount_propagate_umount(mount);
        spin_lock(&vfs->mount_lock);
        if (mount->parent)
            mount_detach_locked(mount, &at);
        mount_withdraw_locked(mount);
        spin_unlock(&vfs->mount_lock);
        mount_put(mount);
        mount = parent;
        path_put(&at);
    }
}

/* Take a tree apart from its leaves and drop the tree's references. mount_mutex held. */
void mount_destroy_tree(struct mount *top)
{
    take_apart(top, false);
}

/* The same, and whatever its propagation takes with it. */
void mount_unmount_tree(struct mount *top)
{
    take_apart(top, true);
}

static int clone_mount(struct mount *from, struct dentry *root, struct mount **out)
{
    int error = mount_create(from->kernel, from->sb, root, mount_flags(from), out);
    if (error)
        return error;
    (*out)->propagation = from->propagation;
    (*out)->peer_group = from->peer_group;
    (*out)->master_group = from->master_group;
    (*out)->shared_slave = from->shared_slave;
    (*out)->locked_flags = from->locked_flags;
    (*out)->atime_locked = from->atime_locked;
    return 0;
}

/* A copy of what is visible from `root` of `from`, attached nowhere. mount_mutex held. */
int mount_copy_tree(struct mount *from, struct dentry *root, enum mount_copy what,
                    struct mount **out)
{
    struct mount *top;
    int error = clone_mount(from, root, &top);
    if (error || what == MOUNT_COPY_ONE) {
        *out = error ? NULL : top;
        return error;
    }
    struct mount *source = mount_next_below(from, from);
    struct mount *copy_parent = top, *copied_from = from;
    while (source) {
        /* Back up from the last copied mount to the copy of source's parent. */
        while (copied_from != source->parent && copied_from != from) {
            copied_from = copied_from->parent;
            copy_parent = copy_parent->parent;
        }
        bool visible = source->parent != from || dentry_is_below(source->mountpoint, root);
        bool left_out = what == MOUNT_COPY_TREE && source->propagation == MOUNT_UNBINDABLE;
        if (copied_from != source->parent || left_out || !visible) {
            struct mount *skip = source; /* with everything below it */
            while ((source = mount_next_below(source, from)) && mount_contains(skip, source))
                ;
            continue;
        }
        struct mount *copy;
        error = clone_mount(source, source->root, &copy);
        if (error) {
            mount_destroy_tree(top);
            return error;
        }
        struct path at = {.mount = copy_parent, .dentry = source->mountpoint};
        struct vfs_state *vfs = from->kernel->vfs;
        spin_lock(&vfs->mount_lock);
        mount_attach_locked(copy, &at);
        spin_unlock(&vfs->mount_lock);
        copy_parent = copy;
        copied_from = source;
        source = mount_next_below(source, from);
    }
    *out = top;
    return 0;
}
