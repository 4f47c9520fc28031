/* SPDX-License-Identifier: MIT
 *
 * Names of paths, written backwards from the dentry to the root: getcwd(2), /proc/PID/fd, mounts.
 *
 * mount_lock and tree_lock are held together for the moment of the walk, so the name is one that
 * the file really had.
 */
#include "kernel/fs/mount_internal.h"
#include "kernel/lib/printf.h"

struct tail {
    char *start, *end; /* free space is [start, end) */
};

static bool tail_put(struct tail *tail, const char *text, size_t length)
{
    if ((size_t)(tail->end - tail->start) < length)
        return false;
    tail->end -= length;
    memcpy(tail->end, text, length);
    return true;
}

static bool tail_put_name(struct tail *tail, const struct dentry *dentry)
{
    return tail_put(tail, dentry->name, dentry->length) && tail_put(tail, "/", 1);
}

static int anon_name(const struct dentry *dentry, struct tail *tail, char **out)
{
    char text[96];
    struct inode *inode = dentry_inode(dentry);
    uint32_t type = inode_mode(inode) & S_IFMT;
    bool is_namespace = inode->sb->kernel->vfs->nsfs_mount->sb == inode->sb;
    if (type == S_IFIFO || type == S_IFSOCK || is_namespace)
        ksnprintf(text, sizeof(text), "%s:[%llu]", dentry->name, (unsigned long long)inode->ino);
    else
        ksnprintf(text, sizeof(text), "anon_inode:[%s]", dentry->name);
    if (!tail_put(tail, text, kstrlen(text)))
        return -ENAMETOOLONG;
    *out = tail->end;
    return 0;
}

/* Up to `root`, or to the top of everything. True if root was met. */
static bool put_components(const struct path *path, const struct path *root, struct tail *tail,
                           bool *out_fits)
{
    const struct mount *mount = path->mount;
    const struct dentry *dentry = path->dentry;
    *out_fits = true;
    for (;;) {
        if (root && dentry == root->dentry && mount == root->mount)
            return true;
        if (dentry == mount->root || dentry->parent == dentry) {
            if (!mount->parent)
                return root == NULL;
            dentry = mount->mountpoint;
            mount = mount->parent;
            continue;
        }
        if (!tail_put_name(tail, dentry)) {
            *out_fits = false;
            return false;
        }
        dentry = dentry->parent;
    }
}

int path_name_reachable(const struct path *path, const struct path *root, char *buffer,
                        size_t bytes, char **out, bool *out_reachable)
{
    struct vfs_state *vfs = path->mount->kernel->vfs;
    struct tail tail = {.start = buffer, .end = buffer + bytes};
    *out_reachable = true;
    if (!tail_put(&tail, "", 1))
        return -ENAMETOOLONG;
    if (dentry_has(path->dentry, DENTRY_ANON))
        return anon_name(path->dentry, &tail, out);
    if (dentry_is_unlinked(path->dentry) && !tail_put(&tail, " (deleted)", 10))
        return -ENAMETOOLONG;
    char *suffix = tail.end;
    bool fits;
    spin_lock(&vfs->mount_lock);
    spin_lock(&vfs->tree_lock);
    *out_reachable = put_components(path, root, &tail, &fits);
    spin_unlock(&vfs->tree_lock);
    spin_unlock(&vfs->mount_lock);
    if (!fits || (tail.end == suffix && !tail_put(&tail, "/", 1)))
        return -ENAMETOOLONG;
    *out = tail.end;
    return 0;
}

int path_name(const struct path *path, const struct path *root, char *buffer, size_t bytes,
              char **out)
{
    bool reachable;
    return path_name_reachable(path, root, buffer, bytes, out, &reachable);
}

int mount_point_name(struct mount *mount, const struct path *root, char *buffer, size_t bytes,
                     char **out)
{
    struct path path = {.mount = mount, .dentry = mount->root};
    bool reachable;
    int error = path_name_reachable(&path, root, buffer, bytes, out, &reachable);
    return error ? error : reachable ? 0 : -ENOENT;
}

int mount_root_name(struct mount *mount, char *buffer, size_t bytes, char **out)
{
    struct vfs_state *vfs = mount->kernel->vfs;
    struct tail tail = {.start = buffer, .end = buffer + bytes};
    bool fits = tail_put(&tail, "", 1);
    if (fits && dentry_has(mount->root, DENTRY_ANON))
        return anon_name(mount->root, &tail, out);
    if (fits && dentry_is_unlinked(mount->root))
        fits = tail_put(&tail, "//deleted", 9);
    char *suffix = tail.end;
    spin_lock(&vfs->tree_lock);
    for (struct dentry *dentry = mount->root; fits && dentry->parent != dentry;
         dentry = dentry->parent)
        fits = tail_put_name(&tail, dentry);
    spin_unlock(&vfs->tree_lock);
    if (!fits || (tail.end == suffix && !tail_put(&tail, "/", 1)))
        return -ENAMETOOLONG;
    *out = tail.end;
    return 0;
}
