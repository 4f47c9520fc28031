/* SPDX-License-Identifier: MIT
 *
 * What a task's path walks start from: root, working directory, umask (chroot(2), chdir(2),
 * umask(2)); shared with CLONE_FS.
 *
 * The pair changes under fs->lock. Every context is in the machine's list so that pivot_root(2) can
 * move those that stand on the old root.
 */
#include "kernel/fs/mount_namespace.h"
#include "kernel/fs/vfs_internal.h"

static int context_alloc(struct kernel *kernel, struct fs_context **out)
{
    struct fs_context *fs = kzalloc(sizeof(*fs));
    if (!fs)
        return -ENOMEM;
    fs->refs = 1;
    fs->umask = 022;
    spin_lock_init(&fs->lock, LOCK_RANK_FILES);
    spin_lock(&kernel->vfs->lock);
    list_add_tail(&kernel->vfs->contexts, &fs->node);
    spin_unlock(&kernel->vfs->lock);
    *out = fs;
    return 0;
}

int fs_context_create(struct kernel *kernel, struct fs_context **out)
{
    int error = context_alloc(kernel, out);
    if (error)
        return error;
    (*out)->mount_ns = kernel->vfs->mount_ns;
    namespace_get(&(*out)->mount_ns->common);
    struct path root = {.mount = kernel->vfs->root, .dentry = kernel->vfs->root->root};
    struct path at = root;
    struct mount *mount;
    path_get(&at);
    while ((mount = mount_at(&at))) {
        path_put(&at);
        at = (struct path){.mount = mount, .dentry = dentry_get(mount->root)};
    }
    spin_lock(&(*out)->lock);
    (*out)->root = at;
    (*out)->cwd = at;
    spin_unlock(&(*out)->lock);
    path_get(&at);
    return 0;
}

int fs_context_copy(struct fs_context *from, struct fs_context **out)
{
    int error = context_alloc(this_kernel(), out);
    if (error)
        return error;
    struct path root, cwd;
    spin_lock(&from->lock);
    root = from->root;
    cwd = from->cwd;
    path_get(&root);
    path_get(&cwd);
    uint32_t umask = from->umask;
    struct mount_namespace *ns = from->mount_ns;
    namespace_get(&ns->common);
    spin_unlock(&from->lock);
    spin_lock(&(*out)->lock);
    (*out)->root = root;
    (*out)->cwd = cwd;
    (*out)->umask = umask;
    (*out)->mount_ns = ns;
    spin_unlock(&(*out)->lock);
    return 0;
}

struct fs_context *fs_context_get(struct fs_context *fs)
{
    uint32_t old = atomic_fetch_add_relaxed(&fs->refs, 1);
    assert(old > 0);
    return fs;
}

void fs_context_put(struct fs_context *fs)
{
    if (!fs || atomic_sub_fetch_acq_rel(&fs->refs, 1) != 0)
        return;
    struct vfs_state *vfs = this_vfs();
    spin_lock(&vfs->lock);
    list_remove(&fs->node);
    spin_unlock(&vfs->lock);
    path_put(&fs->cwd);
    path_put(&fs->root);
    namespace_put(&fs->mount_ns->common);
    kfree(fs);
}

void fs_context_root(struct fs_context *fs, struct path *out)
{
    spin_lock(&fs->lock);
    *out = fs->root;
    path_get(out);
    spin_unlock(&fs->lock);
}

void fs_context_cwd(struct fs_context *fs, struct path *out)
{
    spin_lock(&fs->lock);
    *out = fs->cwd;
    path_get(out);
    spin_unlock(&fs->lock);
}

static void exchange(struct fs_context *fs, struct path *field, const struct path *path)
{
    path_get(path);
    spin_lock(&fs->lock);
    struct path old = *field;
    *field = *path;
    spin_unlock(&fs->lock);
    path_put(&old);
}

void fs_context_set_root(struct fs_context *fs, const struct path *root)
{
    exchange(fs, &fs->root, root);
}

void fs_context_set_cwd(struct fs_context *fs, const struct path *cwd)
{
    exchange(fs, &fs->cwd, cwd);
}

static bool replace_locked(struct path *field, const struct path *old, const struct path *new)
{
    if (!path_equal(field, old))
        return false;
    path_get(new);
    *field = *new;
    return true;
}

/* pivot_root(2): everyone whose root or cwd is `old` goes to `new`. */
void fs_context_move_all(struct kernel *kernel, const struct path *old, const struct path *new)
{
    struct vfs_state *vfs = kernel->vfs;
    struct fs_context *fs;
    unsigned replaced = 0;
    spin_lock(&vfs->lock);
    list_for_each_entry (fs, &vfs->contexts, node) {
        spin_lock(&fs->lock);
        replaced += replace_locked(&fs->root, old, new);
        replaced += replace_locked(&fs->cwd, old, new);
        spin_unlock(&fs->lock);
    }
    spin_unlock(&vfs->lock);
    while (replaced-- > 0) {
        struct path copy = *old;
        path_put(&copy);
    }
}
