/* SPDX-License-Identifier: MIT
 *
 * Mount namespaces, mount_namespaces(7).
 *
 * A namespace owns its tree: when the last context, descriptor and link to it is gone, everything
 * in it is unmounted. A context (fs_context.c) holds the namespace that its paths are in.
 */
#include "kernel/fs/mount_namespace.h"

#include "kernel/abi/sched.h"
#include "kernel/fs/mount_internal.h"
#include "kernel/sched/thread.h"

static void free_mount_namespace(struct ns_common *common)
{
    struct mount_namespace *ns = container_of(common, struct mount_namespace, common);
    struct vfs_state *vfs = common->kernel->vfs;
    mutex_lock(&vfs->mount_mutex);
    if (ns->root)
        mount_destroy_tree(ns->root);
    mutex_unlock(&vfs->mount_mutex);
    kfree(ns);
}

static const struct ns_ops mount_ns_ops = {
    .name = "mnt", .type = CLONE_NEWNS, .free = free_mount_namespace};

static struct mount_namespace *create(struct kernel *kernel, struct user_namespace *owner)
{
    struct mount_namespace *ns = kzalloc(sizeof(*ns));
    if (ns)
        namespace_init(&ns->common, kernel, &mount_ns_ops, 0, owner);
    return ns;
}

int mount_namespace_init(struct kernel *kernel)
{
    struct vfs_state *vfs = kernel->vfs;
    vfs->mount_ns = create(kernel, NULL);
    if (!vfs->mount_ns)
        return -ENOMEM;
    const struct path bottom = {.mount = vfs->root, .dentry = vfs->root->root};
    vfs->mount_ns->root = vfs->root;
    spin_lock(&vfs->mount_lock);
    mount_attach_locked(vfs->top, &bottom);
    mount_publish_locked(vfs->root, vfs->mount_ns);
    spin_unlock(&vfs->mount_lock);
    return 0;
}

struct mount_namespace *mount_namespace_current(void)
{
    struct thread *thread = this_thread();
    if (thread && thread->fs && thread->fs->mount_ns)
        return thread->fs->mount_ns;
    return this_vfs()->mount_ns;
}

bool mount_namespace_current_is_initial(void)
{
    return mount_namespace_current() == this_vfs()->mount_ns;
}

struct mount_namespace *fs_context_mount_namespace(struct fs_context *fs)
{
    spin_lock(&fs->lock);
    struct mount_namespace *ns = fs->mount_ns;
    namespace_get(&ns->common);
    spin_unlock(&fs->lock);
    return ns;
}

bool fs_context_is_chrooted(struct fs_context *fs)
{
    struct path root, top;
    fs_context_root(fs, &root);
    struct vfs_state *vfs = root.mount->kernel->vfs;
    mutex_lock(&vfs->mount_mutex);
    struct mount *mount = fs->mount_ns->root;
    top = (struct path){.mount = mount_get(mount), .dentry = dentry_get(mount->root)};
    mutex_unlock(&vfs->mount_mutex);
    mount_enter_top(&top);
    bool same = path_equal(&root, &top);
    path_put(&top);
    path_put(&root);
    return !same;
}

/* Give the context a namespace (consumes the reference) and the two places in it. */
static void install(struct fs_context *fs, struct mount_namespace *ns, const struct path *root,
                    const struct path *cwd)
{
    fs_context_set_root(fs, root);
    fs_context_set_cwd(fs, cwd);
    spin_lock(&fs->lock);
    struct mount_namespace *old = fs->mount_ns;
    fs->mount_ns = ns;
    spin_unlock(&fs->lock);
    namespace_put(&old->common);
}

/* The copy of a place: both trees have the same shape. */
static void translate(struct mount *from, struct mount *copy, struct path *path)
{
    struct mount *source = from, *target = copy;
    while (source && target) {
        if (source == path->mount) {
            mount_get(target);
            mount_put(path->mount);
            path->mount = target;
            return;
        }
        source = mount_next_below(source, from);
        target = mount_next_below(target, copy);
    }
}

/* In a namespace with less privilege nothing that the other one hid may be uncovered. */
static void lock_tree(struct mount *top)
{
    for (struct mount *mount = top; mount; mount = mount_next_below(mount, top)) {
        mount->locked = mount != top;
        mount->locked_flags = MOUNT_LOCKABLE & (mount_flags(mount) | MS_NOATIME | MS_RELATIME);
        mount->atime_locked = true;
        if (mount->propagation == MOUNT_SHARED)
            mount_set_type_locked(mount, MS_SLAVE);
    }
}

int mount_namespace_unshare(struct fs_context *fs, struct user_namespace *owner)
{
    struct mount_namespace *old = fs->mount_ns;
    struct kernel *kernel = old->common.kernel;
    struct vfs_state *vfs = kernel->vfs;
    struct mount_namespace *ns = create(kernel, owner);
    struct path root, cwd;
    struct mount *copy;
    if (!ns)
        return -ENOMEM;
    fs_context_root(fs, &root);
    fs_context_cwd(fs, &cwd);

    mutex_lock(&vfs->mount_mutex);
    int error = mount_copy_tree(old->root, old->root->root, MOUNT_COPY_EVERYTHING, &copy);
    if (!error) {
        ns->root = copy;
        spin_lock(&vfs->mount_lock);
        mount_publish_locked(copy, ns);
        if (owner != old->common.owner)
            lock_tree(copy);
        spin_unlock(&vfs->mount_lock);
        translate(old->root, copy, &root);
        translate(old->root, copy, &cwd);
    }
    mutex_unlock(&vfs->mount_mutex);
    if (error)
        namespace_put(&ns->common);
    else
        install(fs, ns, &root, &cwd);
    path_put(&root);
    path_put(&cwd);
    return error;
}

int mount_namespace_enter(struct fs_context *fs, struct mount_namespace *ns)
{
    struct vfs_state *vfs = ns->common.kernel->vfs;
    mutex_lock(&vfs->mount_mutex);
    struct path root = {.mount = mount_get(ns->root), .dentry = dentry_get(ns->root->root)};
    mutex_unlock(&vfs->mount_mutex);
    mount_enter_top(&root);
    namespace_get(&ns->common);
    install(fs, ns, &root, &root);
    path_put(&root);
    return 0;
}
