/* SPDX-License-Identifier: MIT
 *
 * Renaming dentries. The caller holds the mutexes of both parent directories.
 */
#include "kernel/fs/dcache_internal.h"

int dentry_move_prepare(struct dentry_move *move, const struct dentry *target)
{
    move->long_name = NULL;
    if (target->length < DENTRY_INLINE_NAME)
        return 0;
    move->long_name = kmalloc(target->length + 1u);
    return move->long_name ? 0 : -ENOMEM;
}

void dentry_move_cancel(struct dentry_move *move)
{
    kfree(move->long_name);
    move->long_name = NULL;
}

/* The name of `from` for `dentry`, whose old long name goes to *out_old to be freed. */
static void copy_name(struct dentry *dentry, const struct dentry *from, struct dentry_move *move,
                      const char **out_old)
{
    *out_old = dentry->name != dentry->inline_name ? dentry->name : NULL;
    char *to = dentry->inline_name;
    if (from->length >= DENTRY_INLINE_NAME) {
        to = move->long_name;
        move->long_name = NULL;
    }
    memcpy(to, from->name, from->length + 1u);
    dentry->name = to;
    dentry->length = from->length;
}

static void swap_names(struct dentry *a, struct dentry *b)
{
    char text[DENTRY_INLINE_NAME];
    const char *a_long = a->name != a->inline_name ? a->name : NULL;
    const char *b_long = b->name != b->inline_name ? b->name : NULL;
    memcpy(text, a->inline_name, sizeof(text));
    memcpy(a->inline_name, b->inline_name, sizeof(text));
    memcpy(b->inline_name, text, sizeof(text));
    a->name = b_long ? b_long : a->inline_name;
    b->name = a_long ? a_long : b->inline_name;
    uint16_t length = a->length;
    a->length = b->length;
    b->length = length;
}

/* Hang the dentry below another parent; takes over the caller's reference on it and returns with
 * the one on the old parent. tree_lock held. */
static void change_parent(struct dentry *dentry, struct dentry *parent)
{
    struct dentry *old = dentry->parent;
    spin_lock(&old->lock);
    list_remove(&dentry->sibling_node);
    spin_unlock(&old->lock);
    spin_lock(&parent->lock);
    list_add_tail(&parent->children, &dentry->sibling_node);
    spin_unlock(&parent->lock);
    spin_lock(&dentry->lock);
    dentry->parent = parent;
    spin_unlock(&dentry->lock);
}

static void rehash(struct vfs_state *vfs, struct dentry *dentry)
{
    uint64_t hash = dentry_name_hash(vfs, dentry->parent, dentry->name, dentry->length);
    struct dentry_bucket *bucket = &vfs->buckets[hash & vfs->bucket_mask];
    spin_lock(&bucket->lock);
    atomic_store_relaxed(&dentry->hash, hash);
    hlist_add_head(&bucket->chain, &dentry->hash_node);
    atomic_fetch_or_relaxed(&dentry->flags, DENTRY_HASHED);
    spin_unlock(&bucket->lock);
}

void dentry_move(struct dentry *dentry, struct dentry *target, struct dentry_move *move)
{
    struct vfs_state *vfs = dentry->sb->kernel->vfs;
    struct dentry *old_parent = dentry->parent;
    const char *old_name;
    dentry_drop(dentry);
    dentry_drop(target);
    dentry_get(target->parent);
    spin_lock(&vfs->tree_lock);
    copy_name(dentry, target, move, &old_name);
    if (target->parent != old_parent)
        change_parent(dentry, target->parent);
    spin_unlock(&vfs->tree_lock);
    rehash(vfs, dentry);
    dentry_put(old_parent);
    kfree(old_name);
}

void dentry_exchange(struct dentry *a, struct dentry *b)
{
    struct vfs_state *vfs = a->sb->kernel->vfs;
    struct dentry *a_parent = a->parent, *b_parent = b->parent;
    dentry_drop(a);
    dentry_drop(b);
    spin_lock(&vfs->tree_lock);
    swap_names(a, b);
    if (a_parent != b_parent) {
        change_parent(a, b_parent);
        change_parent(b, a_parent);
    }
    spin_unlock(&vfs->tree_lock);
    rehash(vfs, a);
    rehash(vfs, b);
}

bool dentry_is_below(const struct dentry *dentry, const struct dentry *ancestor)
{
    for (; dentry != ancestor; dentry = dentry->parent)
        if (dentry->parent == dentry)
            return false;
    return true;
}
