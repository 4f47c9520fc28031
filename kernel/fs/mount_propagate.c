/* SPDX-License-Identifier: MIT
 *
 * Propagation of mount events, mount_namespaces(7), "Shared subtrees".
 *
 * Mounts with one peer_group are peers; one with a master_group is a slave of the mounts with that
 * peer_group. What is mounted below (or unmounted from) one of them appears at all its peers, at
 * their slaves, at the peers of slaves that are shared again, and so on. All with mount_mutex held.
 */
#include "kernel/fs/mount_internal.h"

static bool has_peer(struct vfs_state *vfs, const struct mount *mount)
{
    struct mount *other;
    list_for_each_entry(other, &vfs->mounts,
                        all_node) if (other != mount &&
                                      other->peer_group == mount->peer_group) return true;
    return false;
}

/* The group loses its last member: its slaves become slaves of its masters. */
static void adopt_slaves(struct vfs_state *vfs, const struct mount *mount)
{
    struct mount *other;
    list_for_each_entry(other, &vfs->mounts, all_node)
    {
        if (other->master_group != mount->peer_group)
            continue;
        other->master_group = mount->master_group;
        if (other->propagation == MOUNT_SLAVE && !other->master_group)
            other->propagation = MOUNT_PRIVATE;
        if (!other->master_group)
            other->shared_slave = false;
    }
}

/* Out of the peer group. `alone` says whether it was the last. */
static void leave_group(struct vfs_state *vfs, struct mount *mount, bool *out_alone)
{
    *out_alone = true;
    if (!mount->peer_group)
        return;
    *out_alone = !has_peer(vfs, mount);
    if (*out_alone)
        adopt_slaves(vfs, mount);
}

void mount_set_type_locked(struct mount *mount, unsigned type)
{
    struct vfs_state *vfs = mount->kernel->vfs;
    bool alone;
    if (type == MS_SHARED) {
        if (!mount->peer_group)
            mount->peer_group = ++vfs->next_group_id;
        mount->propagation = MOUNT_SHARED;
        mount->shared_slave = mount->master_group != 0;
        return;
    }
    leave_group(vfs, mount, &alone);
    if (type == MS_SLAVE) {
        if (mount->peer_group && !alone)
            mount->master_group = mount->peer_group;
        mount->propagation = mount->master_group ? MOUNT_SLAVE : MOUNT_PRIVATE;
    } else {
        mount->master_group = 0;
        mount->propagation = type == MS_UNBINDABLE ? MOUNT_UNBINDABLE : MOUNT_PRIVATE;
    }
    mount->peer_group = 0;
    mount->shared_slave = false;
}

void mount_leave_groups_locked(struct mount *mount)
{
    bool alone;
    leave_group(mount->kernel->vfs, mount, &alone);
}

void mount_share_tree_locked(struct mount *top)
{
    for (struct mount *mount = top; mount; mount = mount_next_below(mount, top))
        mount_set_type_locked(mount, MS_SHARED);
}

static void enslave_tree_locked(struct mount *copy, struct mount *source, bool shared)
{
    struct mount *mount = copy, *master = source;
    for (; mount && master; mount = mount_next_below(mount, copy)) {
        mount->master_group = master->peer_group;
        mount->peer_group = 0;
        mount->propagation = MOUNT_SLAVE;
        mount->shared_slave = false;
        if (shared)
            mount_set_type_locked(mount, MS_SHARED);
        master = mount_next_below(master, source);
    }
}

/* ---- mounting ---- */

static bool is_planned(const struct list *copies, int group)
{
    struct mount *copy;
    list_for_each_entry(copy, copies,
                        copy_node) if (copy->copy_at->peer_group == group) return true;
    return false;
}

/* One more copy of `source`, to be attached at `receiver`. */
static int plan_copy(struct mount *source, struct mount *receiver, bool slave, struct list *copies)
{
    struct vfs_state *vfs = source->kernel->vfs;
    struct mount *copy;
    int error = mount_copy_tree(source, source->root, MOUNT_COPY_TREE, &copy);
    if (error)
        return error;
    if (slave) {
        spin_lock(&vfs->mount_lock);
        enslave_tree_locked(copy, source, receiver->peer_group != 0);
        spin_unlock(&vfs->mount_lock);
    }
    copy->copy_at = receiver;
    copy->copy_expands = slave && receiver->peer_group != 0;
    list_add_tail(copies, &copy->copy_node);
    return 0;
}

/* Copies of `source` for the peers of `origin` and for their slaves. */
static int plan_group(struct mount *source, struct mount *origin, const struct dentry *where,
                      struct list *copies)
{
    struct vfs_state *vfs = source->kernel->vfs;
    struct mount *mount;
    int group = origin->peer_group, error = 0;
    list_for_each_entry(mount, &vfs->mounts, all_node)
    {
        bool peer = mount->peer_group == group, slave = mount->master_group == group;
        if (mount == origin || (!peer && !slave) || !dentry_is_below(where, mount->root))
            continue;
        if (!peer && mount->peer_group && is_planned(copies, mount->peer_group))
            continue;
        error = plan_copy(source, mount, !peer, copies);
        if (error)
            break;
    }
    return error;
}

int mount_propagate_plan(struct mount *top, const struct path *at, struct list *copies)
{
    struct mount *copy;
    int error = plan_group(top, at->mount, at->dentry, copies);
    list_for_each_entry(copy, copies, copy_node)
    { /* grows meanwhile */
        if (error)
            break;
        if (copy->copy_expands)
            error = plan_group(copy, copy->copy_at, at->dentry, copies);
    }
    if (error)
        mount_propagate_forget(copies);
    return error;
}

void mount_propagate_forget(struct list *copies)
{
    while (!list_empty(copies)) {
        struct mount *copy = list_entry(list_first(copies), struct mount, copy_node);
        list_remove(&copy->copy_node);
        mount_destroy_tree(copy);
    }
}

/* Below what is mounted there already. mount_lock held; what has to be put afterwards: *out_old. */
static void attach_beneath_locked(struct mount *copy, struct dentry *where, struct path *out_old)
{
    struct vfs_state *vfs = copy->kernel->vfs;
    struct path at = {.mount = copy->copy_at, .dentry = where};
    struct mount *covered = mount_find_locked(vfs, at.mount, at.dentry);
    if (covered)
        mount_detach_locked(covered, out_old);
    mount_attach_locked(copy, &at);
    mount_publish_locked(copy, at.mount->ns);
    if (covered) {
        struct path top = {.mount = copy, .dentry = copy->root};
        mount_attach_locked(covered, &top);
    }
}

void mount_propagate_commit(struct list *copies, struct dentry *where)
{
    while (!list_empty(copies)) {
        struct mount *copy = list_entry(list_first(copies), struct mount, copy_node);
        struct vfs_state *vfs = copy->kernel->vfs;
        struct path old = {0};
        list_remove(&copy->copy_node);
        spin_lock(&vfs->mount_lock);
        attach_beneath_locked(copy, where, &old);
        spin_unlock(&vfs->mount_lock);
        path_put(&old);
    }
}

/* ---- unmounting ---- */

/* Mark every mount that gets the events of `origin`'s group. */
static void mark_receivers(struct vfs_state *vfs, struct mount *origin)
{
    struct mount *mount, *other;
    bool more = true;
    list_for_each_entry(mount, &vfs->mounts, all_node) mount->receives =
        mount->peer_group == origin->peer_group;
    while (more) {
        more = false;
        list_for_each_entry(mount, &vfs->mounts, all_node)
        {
            if (mount->receives || !mount->master_group)
                continue;
            list_for_each_entry(other, &vfs->mounts, all_node)
            {
                if (!other->receives || !other->peer_group ||
                    (other->peer_group != mount->master_group &&
                     other->peer_group != mount->peer_group))
                    continue;
                mount->receives = more = true;
                break;
            }
        }
    }
}

/* A mount that goes where `mount` goes; NULL: no more. */
static struct mount *next_victim_locked(struct mount *mount)
{
    struct vfs_state *vfs = mount->kernel->vfs;
    struct mount *receiver;
    list_for_each_entry(receiver, &vfs->mounts, all_node)
    {
        if (!receiver->receives || receiver == mount->parent)
            continue;
        struct mount *victim = mount_find_locked(vfs, receiver, mount->mountpoint);
        if (victim && victim != mount && list_empty(&victim->children) && !victim->locked)
            return victim;
    }
    return NULL;
}

bool mount_propagation_is_busy(struct mount *mount)
{
    struct vfs_state *vfs = mount->kernel->vfs;
    struct mount *receiver;
    bool busy = false;
    if (!mount->parent || mount->parent->propagation != MOUNT_SHARED)
        return false;
    mark_receivers(vfs, mount->parent);
    spin_lock(&vfs->mount_lock);
    list_for_each_entry(receiver, &vfs->mounts, all_node)
    {
        if (!receiver->receives || receiver == mount->parent)
            continue;
        struct mount *victim = mount_find_locked(vfs, receiver, mount->mountpoint);
        if (victim && victim != mount && list_empty(&victim->children) &&
            atomic_load_acquire(&victim->refs) > 1)
            busy = true;
    }
    spin_unlock(&vfs->mount_lock);
    return busy;
}

void mount_propagate_umount(struct mount *mount)
{
    struct vfs_state *vfs = mount->kernel->vfs;
    if (!mount->parent || mount->parent->propagation != MOUNT_SHARED)
        return;
    mark_receivers(vfs, mount->parent);
    for (;;) {
        struct path at = {0};
        spin_lock(&vfs->mount_lock);
        struct mount *victim = next_victim_locked(mount);
        if (victim) {
            mount_detach_locked(victim, &at);
            mount_withdraw_locked(victim);
        }
        spin_unlock(&vfs->mount_lock);
        if (!victim)
            return;
        mount_put(victim);
        path_put(&at);
    }
}
