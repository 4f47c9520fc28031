/* SPDX-License-Identifier: MIT
 *
 * Unused dentries: kept for the next lookup, oldest given up first; and taking whole trees down.
 *
 * A dentry goes to the list at its last put and stays there when it is used again; the scan finds
 * out. A dentry on the list is valid memory: it is freed only after leaving it, under lru_lock.
 */
#include "kernel/fs/dcache_internal.h"
#include "kernel/sched/sched.h"

bool dcache_lru_add(struct vfs_state *vfs, struct dentry *dentry)
{
    if (dentry_has(dentry, DENTRY_ON_LRU)) {
        atomic_fetch_or_relaxed(&dentry->flags, DENTRY_REFERENCED);
        return false;
    }
    spin_lock(&vfs->lru_lock);
    atomic_fetch_or_relaxed(&dentry->flags, DENTRY_ON_LRU);
    list_add_tail(&vfs->lru, &dentry->lru_node);
    bool crowded = atomic_add_fetch_relaxed(&vfs->lru_count, 1) > vfs->lru_max;
    spin_unlock(&vfs->lru_lock);
    return crowded;
}

static void lru_unlink_locked(struct vfs_state *vfs, struct dentry *dentry)
{
    list_remove(&dentry->lru_node);
    atomic_fetch_sub_relaxed(&vfs->lru_count, 1);
    atomic_fetch_and_relaxed(&dentry->flags, (uint16_t) ~(DENTRY_ON_LRU | DENTRY_REFERENCED));
}

void dcache_lru_remove(struct vfs_state *vfs, struct dentry *dentry)
{
    if (!dentry_has(dentry, DENTRY_ON_LRU))
        return;
    spin_lock(&vfs->lru_lock);
    if (dentry_has(dentry, DENTRY_ON_LRU))
        lru_unlink_locked(vfs, dentry);
    spin_unlock(&vfs->lru_lock);
}

/* The oldest dentry that was not used since its last turn, referenced and off the list. */
static struct dentry *lru_take(struct vfs_state *vfs, unsigned *turns)
{
    struct dentry *victim = NULL;
    spin_lock(&vfs->lru_lock);
    while (!victim && *turns > 0 && !list_empty(&vfs->lru)) {
        struct dentry *dentry = list_entry(list_first(&vfs->lru), struct dentry, lru_node);
        (*turns)--;
        if (dentry_has(dentry, DENTRY_REFERENCED)) {
            atomic_fetch_and_relaxed(&dentry->flags, (uint16_t)~DENTRY_REFERENCED);
            list_move_tail(&vfs->lru, &dentry->lru_node);
            continue;
        }
        if (dentry_try_get(dentry))
            victim = dentry;
        lru_unlink_locked(vfs, dentry);
    }
    spin_unlock(&vfs->lru_lock);
    return victim;
}

void dcache_shrink(struct vfs_state *vfs, unsigned keep)
{
    unsigned turns = 2 * vfs->lru_max + 16;
    while (atomic_load_relaxed(&vfs->lru_count) > keep) {
        struct dentry *dentry = lru_take(vfs, &turns);
        if (!dentry)
            return;
        struct dentry_bucket *bucket = dentry_lock_bucket(vfs, dentry);
        if (atomic_load_acquire(&dentry->refs) == 1 && dentry_has(dentry, DENTRY_HASHED)) {
            hlist_remove(&dentry->hash_node);
            atomic_fetch_and_relaxed(&dentry->flags, (uint16_t)~DENTRY_HASHED);
        }
        spin_unlock(&bucket->lock);
        dentry_put(dentry);
    }
}

/* A child that lookups can still find, referenced; NULL if there is none. */
static struct dentry *first_hashed_child(struct dentry *dentry)
{
    struct dentry *child, *found = NULL;
    spin_lock(&dentry->lock);
    list_for_each_entry (child, &dentry->children, sibling_node) {
        if (dentry_has(child, DENTRY_HASHED) && dentry_try_get(child)) {
            found = child;
            break;
        }
    }
    spin_unlock(&dentry->lock);
    return found;
}

void dentry_forget_children(struct dentry *dentry)
{
    struct dentry *at = dentry_get(dentry);
    /* Down to the first leaf that is still visible, which is dropped; then again from its parent.
     */
    for (;;) {
        struct dentry *child = first_hashed_child(at);
        if (child) {
            dentry_drop(child);
            dentry_put(at);
            at = child;
        } else if (at != dentry) {
            struct dentry *parent = dentry_parent(at);
            dentry_put(at);
            at = parent;
        } else {
            break;
        }
    }
    dentry_put(at);
}

void dentry_invalidate(struct dentry *dentry)
{
    dentry_drop(dentry);
    dentry_forget_children(dentry);
}

/* The first child, referenced; false in *out_empty means that one is there but on its way out. */
static struct dentry *first_child(struct dentry *dentry, bool *out_empty)
{
    struct dentry *child = NULL;
    spin_lock(&dentry->lock);
    *out_empty = list_empty(&dentry->children);
    if (!*out_empty) {
        child = list_entry(list_first(&dentry->children), struct dentry, sibling_node);
        if (!dentry_try_get(child))
            child = NULL;
    }
    spin_unlock(&dentry->lock);
    return child;
}

/*
 * Nobody uses the tree but, for moments, LRU scans on other CPUs; those are waited for. A dentry
 * that stays in use is a leaked reference.
 */
void dentry_tree_destroy(struct dentry *root)
{
    struct dentry *at = dentry_get(root);
    for (unsigned waits = 0; waits < 1000000;) {
        bool empty;
        struct dentry *child = first_child(at, &empty);
        if (child) {
            dentry_put(at);
            at = child;
        } else if (!empty) {
            waits++;
            sched_yield_cpu();
        } else if (at != root) {
            struct dentry *parent = dentry_parent(at);
            bool again = dentry_is_unlinked(at);
            dentry_drop(at);
            if (dentry_has(at, DENTRY_PINNED))
                dentry_unpin(at);
            dentry_put(at);
            at = parent;
            if (again) {
                waits++;
                sched_yield_cpu();
            }
        } else if (atomic_load_acquire(&root->refs) > 2) {
            waits++;
            sched_yield_cpu();
        } else {
            dentry_put(at);
            dentry_put(root);
            return;
        }
    }
    unreachable_panic();
}
