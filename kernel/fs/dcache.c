/* SPDX-License-Identifier: MIT
 *
 * The dentry cache: names of files in a hash table, positive and negative; path_resolution(7).
 *
 * Invariants: a dentry holds references on its parent and its inode. It is found by lookups while
 * it is hashed; a dentry that is hashed, not pinned and not in use (refs 0) waits on the LRU list
 * (dcache_lru.c). refs becomes DENTRY_DEAD, for good, when the dentry is about to be freed.
 *
 * Locks: the bucket lock guards the chain and the step of refs from 1 to 0. Name, parent and hash
 * change only while the dentry is unhashed, its parents' mutexes held, under tree_lock and
 * dentry->lock; so whoever holds the bucket lock sees hashed dentries unchanging. A lookup that
 * misses a dentry because it is being renamed looks again with the directory's mutex held.
 */
#include "kernel/core/entropy.h"
#include "kernel/fs/dcache_internal.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/page.h"

int dcache_init(struct kernel *kernel)
{
    struct vfs_state *vfs = kernel->vfs;
    struct page_counts pages;
    page_count(kernel, &pages);
    uint64_t buckets = 256;
    while (buckets < pages.total / 16 && buckets < 65536)
        buckets *= 2;
    vfs->buckets = kmalloc(buckets * sizeof(vfs->buckets[0]));
    if (!vfs->buckets)
        return -ENOMEM;
    for (uint64_t i = 0; i < buckets; i++) {
        spin_lock_init(&vfs->buckets[i].lock, LOCK_RANK_DENTRY_HASH);
        hlist_init(&vfs->buckets[i].chain);
    }
    vfs->bucket_mask = buckets - 1;
    vfs->hash_secret = entropy_u64() | 1;
    spin_lock_init(&vfs->tree_lock, LOCK_RANK_DENTRY_TREE);
    spin_lock_init(&vfs->lru_lock, LOCK_RANK_DENTRY);
    list_init(&vfs->lru);
    vfs->lru_max = (unsigned)CLAMP(pages.total / 16, 256ul, 65536ul);
    return 0;
}

/* Multiply to 128 bits and fold: one step mixes every bit of a word into every bit of the hash. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t dentry_name_hash(struct vfs_state *vfs, const struct dentry *parent, const char *name,
                          size_t length)
{
    uint64_t hash = (uint64_t)(uintptr_t)parent ^ vfs->hash_secret;
    uint64_t word = length;
    for (size_t i = 0; i < length; i++) {
        word = word << 8 | (uint8_t)name[i];
        if ((i & 7) == 7) {
            hash = fold(hash ^ word, 0x9e3779b97f4a7c15ull);
            word = 0;
        }
    }
    return fold(hash ^ word, 0xd6e8feb86659fd93ull ^ vfs->hash_secret);
}

static struct dentry_bucket *bucket_of(struct vfs_state *vfs, uint64_t hash)
{
    return &vfs->buckets[hash & vfs->bucket_mask];
}

/* The bucket of a dentry that may be renamed meanwhile, locked. */
struct dentry_bucket *dentry_lock_bucket(struct vfs_state *vfs, struct dentry *dentry)
{
    for (;;) {
        uint64_t hash = atomic_load_relaxed(&dentry->hash);
        struct dentry_bucket *bucket = bucket_of(vfs, hash);
        spin_lock(&bucket->lock);
        if (likely(atomic_load_relaxed(&dentry->hash) == hash))
            return bucket;
        spin_unlock(&bucket->lock);
    }
}

static bool set_name(struct dentry *dentry, const char *name, size_t length)
{
    char *to = dentry->inline_name;
    if (length >= sizeof(dentry->inline_name)) {
        to = kmalloc(length + 1);
        if (!to)
            return false;
    }
    memcpy(to, name, length);
    to[length] = 0;
    dentry->name = to;
    dentry->length = (uint16_t)length;
    return true;
}

static struct dentry *dentry_new(struct superblock *sb)
{
    struct dentry *dentry = slab_alloc_zeroed(sb->kernel->vfs->dentries);
    if (!dentry)
        return NULL;
    dentry->refs = 1;
    dentry->sb = sb;
    dentry->name = dentry->inline_name;
    spin_lock_init(&dentry->lock, LOCK_RANK_DENTRY);
    list_init(&dentry->children);
    return dentry;
}

struct dentry *dentry_alloc(struct dentry *parent, const char *name, size_t length, uint64_t hash)
{
    struct dentry *dentry = dentry_new(parent->sb);
    if (!dentry)
        return NULL;
    if (!set_name(dentry, name, length)) {
        slab_free(parent->sb->kernel->vfs->dentries, dentry);
        return NULL;
    }
    dentry->parent = dentry_get(parent);
    dentry->hash = hash;
    spin_lock(&parent->lock);
    list_add_tail(&parent->children, &dentry->sibling_node);
    spin_unlock(&parent->lock);
    return dentry;
}

struct dentry *dentry_alloc_anon(struct superblock *sb, const char *name, struct inode *inode)
{
    struct dentry *dentry = dentry_new(sb);
    if (!dentry)
        return NULL;
    dentry->name = name;
    dentry->length = (uint16_t)kstrlen(name);
    dentry->parent = dentry;
    dentry->inode = inode;
    dentry->flags = DENTRY_ANON;
    return dentry;
}

struct dentry *dentry_alloc_unlinked(struct dentry *parent, struct inode *inode)
{
    char name[24];
    int length = ksnprintf(name, sizeof(name), "#%llu", (unsigned long long)inode->ino);
    struct dentry *dentry = dentry_alloc(parent, name, (size_t)length, 0);
    if (dentry)
        dentry->inode = inode;
    return dentry;
}

int dentry_create_root(struct superblock *sb, struct inode *inode)
{
    struct dentry *dentry = dentry_new(sb);
    if (!dentry) {
        inode_put(inode);
        return -ENOMEM;
    }
    dentry->parent = dentry;
    dentry->inode = inode;
    dentry->flags = DENTRY_ROOT;
    sb->root = dentry;
    return 0;
}

struct dentry *dentry_get(struct dentry *dentry)
{
    uint32_t old = atomic_fetch_add_relaxed(&dentry->refs, 1);
    assert(old < DENTRY_DEAD);
    return dentry;
}

/* A reference to a dentry whose memory is valid, unless it is being freed. */
bool dentry_try_get(struct dentry *dentry)
{
    uint32_t old = atomic_load_relaxed(&dentry->refs);
    do {
        if (old >= DENTRY_DEAD)
            return false;
    } while (!atomic_cmpxchg_acquire(&dentry->refs, &old, old + 1));
    return true;
}

struct dentry *dentry_lookup(struct dentry *parent, const char *name, size_t length, uint64_t hash)
{
    struct dentry_bucket *bucket = bucket_of(this_vfs(), hash);
    struct dentry *dentry;
    spin_lock(&bucket->lock);
    hlist_for_each_entry (dentry, &bucket->chain, hash_node) {
        if (dentry->hash == hash && dentry->parent == parent && dentry->length == length &&
            memcmp(dentry->name, name, length) == 0) {
            atomic_fetch_add_relaxed(&dentry->refs, 1);
            spin_unlock(&bucket->lock);
            return dentry;
        }
    }
    spin_unlock(&bucket->lock);
    return NULL;
}

static void unhash_locked(struct dentry *dentry)
{
    if (dentry_has(dentry, DENTRY_HASHED)) {
        hlist_remove(&dentry->hash_node);
        atomic_fetch_and_relaxed(&dentry->flags, (uint16_t)~DENTRY_HASHED);
    }
}

static void hash_in(struct vfs_state *vfs, struct dentry *dentry)
{
    struct dentry_bucket *bucket = bucket_of(vfs, dentry->hash);
    spin_lock(&bucket->lock);
    hlist_add_head(&bucket->chain, &dentry->hash_node);
    atomic_fetch_or_relaxed(&dentry->flags, DENTRY_HASHED);
    spin_unlock(&bucket->lock);
}

/* The dentry lets go of its inode, which may have been a removed file's last use. */
static void release_inode(struct inode *inode)
{
    bool watched = atomic_load_relaxed(&inode->marks) || atomic_load_relaxed(&inode->sb->marks);
    if (unlikely(watched) && atomic_load_relaxed(&inode->nlink) == 0)
        fs_notify_inode_removed(inode);
    inode_put(inode);
}

/* Free a dentry that is marked dead and unhashed; returns the parent, whose reference it held. */
static struct dentry *destroy(struct vfs_state *vfs, struct dentry *dentry)
{
    struct dentry *parent = dentry->parent != dentry ? dentry->parent : NULL;
    dcache_lru_remove(vfs, dentry);
    assert(list_empty(&dentry->children));
    if (dentry->inode)
        release_inode(dentry->inode);
    /* Unmounting waits for the parent's list to be empty. */
    if (parent) {
        spin_lock(&parent->lock);
        list_remove(&dentry->sibling_node);
        spin_unlock(&parent->lock);
    }
    if (dentry->name != dentry->inline_name && !dentry_has(dentry, DENTRY_ANON))
        kfree(dentry->name);
    slab_free(vfs->dentries, dentry);
    return parent;
}

/* Drop what may be the last reference. Returns a parent to drop next, or NULL. */
static struct dentry *put_last(struct dentry *dentry)
{
    struct vfs_state *vfs = dentry->sb->kernel->vfs;
    struct dentry_bucket *bucket = dentry_lock_bucket(vfs, dentry);
    if (atomic_sub_fetch_acq_rel(&dentry->refs, 1) != 0) {
        spin_unlock(&bucket->lock);
        return NULL;
    }
    if (dentry_has(dentry, DENTRY_HASHED)) {
        bool crowded = dcache_lru_add(vfs, dentry);
        spin_unlock(&bucket->lock);
        if (unlikely(crowded))
            dcache_shrink(vfs, vfs->lru_max - vfs->lru_max / 16);
        return NULL;
    }
    /* The LRU scan may have taken a reference just now; then it frees the dentry. */
    uint32_t zero = 0;
    bool ours = atomic_cmpxchg_acq_rel(&dentry->refs, &zero, DENTRY_DEAD);
    spin_unlock(&bucket->lock);
    return ours ? destroy(vfs, dentry) : NULL;
}

static bool put_not_last(struct dentry *dentry)
{
    uint32_t old = atomic_load_relaxed(&dentry->refs);
    while (old > 1)
        if (atomic_cmpxchg_order_(&dentry->refs, &old, old - 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            return true;
    return false;
}

void dentry_put(struct dentry *dentry)
{
    while (dentry && !put_not_last(dentry))
        dentry = put_last(dentry);
}

void dentry_add(struct dentry *dentry, struct inode *inode)
{
    atomic_store_release(&dentry->inode, inode);
    hash_in(dentry->sb->kernel->vfs, dentry);
}

void dentry_hash(struct dentry *dentry)
{
    hash_in(dentry->sb->kernel->vfs, dentry);
}

void dentry_instantiate(struct dentry *dentry, struct inode *inode)
{
    assert(dentry->inode == NULL);
    atomic_store_release(&dentry->inode, inode);
}

void dentry_drop(struct dentry *dentry)
{
    struct dentry_bucket *bucket = dentry_lock_bucket(dentry->sb->kernel->vfs, dentry);
    unhash_locked(dentry);
    spin_unlock(&bucket->lock);
}

void dentry_delete(struct dentry *dentry)
{
    struct inode *inode = NULL;
    struct dentry_bucket *bucket = dentry_lock_bucket(dentry->sb->kernel->vfs, dentry);
    if (atomic_load_acquire(&dentry->refs) == 1) {
        inode = dentry->inode;
        atomic_store_release(&dentry->inode, NULL);
    } else {
        unhash_locked(dentry);
    }
    spin_unlock(&bucket->lock);
    if (inode)
        release_inode(inode);
}

void dentry_pin(struct dentry *dentry)
{
    assert(!dentry_has(dentry, DENTRY_PINNED));
    dentry_get(dentry);
    atomic_fetch_or_relaxed(&dentry->flags, DENTRY_PINNED);
}

void dentry_unpin(struct dentry *dentry)
{
    uint16_t old = atomic_fetch_and_relaxed(&dentry->flags, (uint16_t)~DENTRY_PINNED);
    assert(old & DENTRY_PINNED);
    dentry_put(dentry);
}

struct dentry *dentry_parent(struct dentry *dentry)
{
    spin_lock(&dentry->lock);
    struct dentry *parent = dentry_get(dentry->parent);
    spin_unlock(&dentry->lock);
    return parent;
}

bool dentry_is_unlinked(const struct dentry *dentry)
{
    return !dentry_has(dentry, DENTRY_HASHED | DENTRY_ROOT);
}
