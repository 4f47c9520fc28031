/* SPDX-License-Identifier: MIT
 *
 * Path walking: path_resolution(7), symlink(7), openat2(2).
 *
 * A walk holds references on where it stands and on the symbolic links whose text it is reading,
 * and no lock between components. Names found in the cache cost a hash bucket's lock; others are
 * asked of the file system under the directory's mutex.
 *
 * A component is the last one if nothing but slashes follows it, here and in all texts that the
 * walk returns to after the links it is in. Then walk_to_last stops and the caller decides.
 */
#include "kernel/fs/vfs_internal.h"
#include "kernel/sched/thread.h"

static void context_root(struct path *out)
{
    struct fs_context *fs = this_thread()->fs;
    if (fs) {
        fs_context_root(fs, out);
        return;
    }
    struct mount *mount = this_vfs()->root;
    *out = (struct path){.mount = mount, .dentry = mount->root};
    path_get(out);
    while ((mount = mount_at(out))) {
        path_put(out);
        *out = (struct path){.mount = mount, .dentry = dentry_get(mount->root)};
    }
}

static void context_cwd(struct path *out)
{
    struct fs_context *fs = this_thread()->fs;
    if (fs)
        fs_context_cwd(fs, out);
    else
        context_root(out);
}

static const struct path *walk_root(struct walk *walk)
{
    if (!walk->root.mount)
        context_root(&walk->root);
    return &walk->root;
}

int walk_begin(struct walk *walk, const struct path *start, const char *name, unsigned flags)
{
    walk->path = (struct path){0};
    walk->root = (struct path){0};
    walk->flags = flags;
    walk->links = 0;
    walk->depth = 0;
    walk->rest = name;
    walk->last = name;
    walk->last_length = 0;
    walk->last_type = LAST_ROOT;
    walk->trailing_slash = false;
    if (*name && start && start->mount && !S_ISDIR(inode_mode(dentry_inode(start->dentry))))
        return -ENOTDIR;
    if (!*name && !(flags & WALK_EMPTY))
        return -ENOENT;
    if (*name == '/' && (flags & WALK_BENEATH))
        return -EXDEV;
    if (flags & (WALK_BENEATH | WALK_IN_ROOT)) {
        if (start && start->mount) {
            walk->root = *start;
            path_get(&walk->root);
        } else {
            context_cwd(&walk->root);
        }
        walk->path = walk->root;
        path_get(&walk->path);
    } else if (*name == '/') {
        context_root(&walk->path);
        if (flags & WALK_NO_XDEV) {
            walk->root = walk->path;
            path_get(&walk->root);
        }
    } else if (start && start->mount) {
        walk->path = *start;
        path_get(&walk->path);
    } else {
        context_cwd(&walk->path);
    }
    return 0;
}

static void pop_frame(struct walk *walk)
{
    struct walk_frame *frame = &walk->frames[--walk->depth];
    if (frame->link)
        dentry_put(frame->link);
    kfree(frame->buffer);
    walk->rest = frame->rest;
}

void walk_end(struct walk *walk)
{
    while (walk->depth > 0)
        pop_frame(walk);
    path_put(&walk->path);
    path_put(&walk->root);
}

/* Only slashes from `text` on, in this text and the ones to return to? */
static bool is_end(const struct walk *walk, const char *text, bool *out_slash)
{
    *out_slash = *text == '/';
    for (unsigned depth = walk->depth;; text = walk->frames[--depth].rest) {
        if (*text == '/')
            *out_slash = true;
        while (*text == '/')
            text++;
        if (*text)
            return false;
        if (depth == 0)
            return true;
    }
}

static enum walk_last type_of(const char *name, size_t length)
{
    if (likely(name[0] != '.') || length > 2)
        return LAST_NAME;
    if (length == 1)
        return LAST_DOT;
    return name[1] == '.' ? LAST_DOTDOT : LAST_NAME;
}

/* May the walk look for a name where it stands? */
static int may_search(struct walk *walk)
{
    struct inode *inode = dentry_inode(walk->path.dentry);
    if (unlikely(!S_ISDIR(inode_mode(inode))))
        return -ENOTDIR;
    return inode_permission(inode, MAY_EXEC);
}

/* Enter what is mounted where the walk stands. */
static int enter_mounts(struct walk *walk)
{
    struct mount *mount;
    while (unlikely((mount = mount_at(&walk->path)) != NULL)) {
        if (walk->flags & WALK_NO_XDEV) {
            mount_put(mount);
            return -EXDEV;
        }
        path_put(&walk->path);
        walk->path.mount = mount;
        walk->path.dentry = dentry_get(mount->root);
    }
    return 0;
}

static int walk_up(struct walk *walk)
{
    const struct path *root = walk_root(walk);
    for (;;) {
        if (path_equal(&walk->path, root)) {
            if (walk->flags & WALK_BENEATH)
                return -EXDEV;
            break;
        }
        if (walk->path.dentry != walk->path.mount->root) {
            struct dentry *parent = dentry_parent(walk->path.dentry);
            dentry_put(walk->path.dentry);
            walk->path.dentry = parent;
            break;
        }
        if ((walk->flags & WALK_NO_XDEV) && atomic_load_relaxed(&walk->path.mount->parent))
            return -EXDEV;
        if (!mount_up(&walk->path))
            break;
    }
    return enter_mounts(walk);
}

/* fs.protected_symlinks=1: in a sticky directory that everyone may write, only links of the
 * follower or of the directory's owner are followed. */
static bool link_is_protected(struct inode *dir, struct inode *link)
{
    if ((inode_mode(dir) & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH) ||
        !tunable(protected_symlinks))
        return false;
    uint32_t owner = atomic_load_relaxed(&link->uid);
    return owner != current_cred()->fsuid && owner != atomic_load_relaxed(&dir->uid);
}

static int jump(struct walk *walk, const struct path *to)
{
    if ((walk->flags & WALK_NO_XDEV) && to->mount != walk->path.mount)
        return -EXDEV;
    struct path old = walk->path;
    walk->path = *to;
    path_get(&walk->path);
    path_put(&old);
    return 0;
}

static int follow_magic(struct walk *walk, struct inode *inode)
{
    struct path target;
    if (walk->flags & WALK_NO_MAGICLINKS)
        return -ELOOP;
    int error = inode->ops->follow(inode, &target);
    if (error)
        return error;
    if (walk->flags & (WALK_BENEATH | WALK_IN_ROOT))
        error = -EXDEV;
    else
        error = jump(walk, &target);
    path_put(&target);
    return error;
}

/* The link's text; into *out_buffer if it had to be read. */
static int link_text(struct inode *inode, const char **out, char **out_buffer)
{
    *out_buffer = NULL;
    *out = inode->link;
    if (*out)
        return 0;
    if (!inode->ops || !inode->ops->readlink)
        return -EINVAL;
    char *buffer = kmalloc(VFS_PATH_MAX);
    if (!buffer)
        return -ENOMEM;
    int64_t length = inode->ops->readlink(inode, buffer, VFS_PATH_MAX - 1);
    if (length < 0) {
        kfree(buffer);
        return (int)length;
    }
    buffer[length] = 0;
    *out = *out_buffer = buffer;
    return 0;
}

/* An absolute link. With NO_XDEV a walk that has not met its root yet must not go there, whatever
 * is mounted where; this is how Linux has it. */
static int jump_to_root(struct walk *walk)
{
    if ((walk->flags & WALK_BENEATH) || ((walk->flags & WALK_NO_XDEV) && !walk->root.mount))
        return -EXDEV;
    return jump(walk, walk_root(walk));
}

/* Continue in the text of the link, which is entered below walk->path. Consumes the dentry. */
static int push_link(struct walk *walk, struct dentry *link, bool trailing)
{
    struct inode *inode = dentry_inode(link);
    struct path link_path = {.mount = walk->path.mount, .dentry = link};
    const char *text;
    char *buffer;
    int error = 0;
    if (walk->links++ >= VFS_SYMLINKS_MAX || (walk->flags & WALK_NO_SYMLINKS) ||
        (mount_flags(walk->path.mount) & MS_NOSYMFOLLOW))
        error = -ELOOP;
    else if (trailing && link_is_protected(dentry_inode(walk->path.dentry), inode))
        error = -EACCES;
    if (error)
        goto put_link;
    path_accessed(&link_path, 0);
    if (inode->ops && inode->ops->follow) {
        error = follow_magic(walk, inode);
        goto put_link;
    }
    error = link_text(inode, &text, &buffer);
    if (error)
        goto put_link;
    if (!*text)
        error = -ENOENT;
    else if (*text == '/')
        error = jump_to_root(walk);
    if (error) {
        kfree(buffer);
        goto put_link;
    }
    walk->frames[walk->depth++] =
        (struct walk_frame){.rest = walk->rest, .link = link, .buffer = buffer};
    walk->rest = text;
    return 0;

put_link:
    dentry_put(link);
    return error;
}

int walk_enter(struct walk *walk, struct dentry *child, bool follow, bool trailing)
{
    if (follow && S_ISLNK(inode_mode(dentry_inode(child)))) {
        int error = push_link(walk, child, trailing);
        return error ? error : 1;
    }
    struct dentry *dir = walk->path.dentry;
    walk->path.dentry = child;
    dentry_put(dir);
    return enter_mounts(walk);
}

static bool is_stale(const struct inode *dir, struct dentry *dentry)
{
    if (dir->ops && dir->ops->revalidate)
        return !dir->ops->revalidate(dentry);
    const struct inode *inode = dentry_inode(dentry);
    return inode && inode->ops && inode->ops->revalidate && !inode->ops->revalidate(dentry);
}

static struct dentry *lookup_cached(struct dentry *dir, const char *name, size_t length,
                                    uint64_t hash)
{
    struct dentry *dentry = dentry_lookup(dir, name, length, hash);
    if (dentry && unlikely(is_stale(dentry_inode(dir), dentry))) {
        dentry_invalidate(dentry);
        dentry_put(dentry);
        return NULL;
    }
    return dentry;
}

int walk_lookup_locked(struct dentry *dir, const char *name, size_t length, struct dentry **out)
{
    struct inode *inode = dentry_inode(dir), *found = NULL;
    if (length > VFS_NAME_MAX)
        return -ENAMETOOLONG;
    uint64_t hash = dentry_name_hash(this_vfs(), dir, name, length);
    *out = lookup_cached(dir, name, length, hash);
    if (*out)
        return 0;
    if (inode->flags & INODE_DEAD)
        return -ENOENT;
    if (!inode->ops || !inode->ops->lookup)
        return -ENOTDIR;
    struct dentry *dentry = dentry_alloc(dir, name, length, hash);
    if (!dentry)
        return -ENOMEM;
    int error = inode->ops->lookup(inode, dentry->name, length, &found);
    if (error && error != -ENOENT) {
        dentry_put(dentry);
        return error;
    }
    dentry_add(dentry, error ? NULL : found);
    *out = dentry;
    return 0;
}

static int lookup(struct walk *walk, const char *name, size_t length, struct dentry **out)
{
    struct dentry *dir = walk->path.dentry;
    if (unlikely(length > VFS_NAME_MAX))
        return -ENAMETOOLONG;
    *out = lookup_cached(dir, name, length, dentry_name_hash(this_vfs(), dir, name, length));
    if (likely(*out != NULL))
        return 0;
    if (walk->flags & WALK_CACHED)
        return -EAGAIN;
    struct inode *inode = dentry_inode(dir);
    mutex_lock(&inode->mutex);
    int error = walk_lookup_locked(dir, name, length, out);
    mutex_unlock(&inode->mutex);
    return error;
}

static int step_name(struct walk *walk, const char *name, size_t length, bool follow, bool trailing)
{
    struct dentry *child;
    int error = lookup(walk, name, length, &child);
    if (error)
        return error;
    if (!dentry_inode(child)) {
        dentry_put(child);
        return -ENOENT;
    }
    return walk_enter(walk, child, follow, trailing);
}

int walk_to_last(struct walk *walk)
{
    for (;;) {
        while (*walk->rest == '/')
            walk->rest++;
        if (!*walk->rest) {
            if (walk->depth == 0) {
                walk->last_type = LAST_ROOT;
                return 0;
            }
            pop_frame(walk);
            continue;
        }
        int error = may_search(walk);
        if (error)
            return error;
        const char *name = walk->rest, *end = name + 1;
        while (*end && *end != '/')
            end++;
        size_t length = (size_t)(end - name);
        enum walk_last type = type_of(name, length);
        bool slash;
        walk->rest = end;
        if (is_end(walk, end, &slash)) {
            walk->last = name;
            walk->last_length = length;
            walk->last_type = type;
            walk->trailing_slash = slash;
            return 0;
        }
        if (likely(type == LAST_NAME))
            error = step_name(walk, name, length, true, false);
        else if (type == LAST_DOTDOT)
            error = walk_up(walk);
        if (error < 0)
            return error;
    }
}

int walk_step_last(struct walk *walk, bool follow)
{
    switch (walk->last_type) {
    case LAST_NAME:
        return step_name(walk, walk->last, walk->last_length, follow || walk->trailing_slash, true);
    case LAST_DOTDOT:
        return walk_up(walk);
    default:
        return 0;
    }
}

int path_walk(const struct path *start, const char *name, unsigned flags, struct path *out)
{
    struct walk walk;
    int result = walk_begin(&walk, start, name, flags);
    while (result == 0) {
        result = walk_to_last(&walk);
        if (result == 0) {
            result = walk_step_last(&walk, flags & WALK_FOLLOW);
            if (result == 0)
                break;
            if (result == 1)
                result = 0;
        }
    }
    if (result == 0 && ((flags & WALK_DIRECTORY) || walk.trailing_slash) &&
        !S_ISDIR(inode_mode(dentry_inode(walk.path.dentry))))
        result = -ENOTDIR;
    if (result == 0) {
        *out = walk.path;
        walk.path = (struct path){0};
    }
    walk_end(&walk);
    return result;
}

int walk_parent(struct walk *walk, const struct path *start, const char *name, unsigned flags)
{
    int error = walk_begin(walk, start, name, flags);
    if (!error)
        error = walk_to_last(walk);
    if (error)
        walk_end(walk);
    return error;
}

int vfs_check_parent(const struct path *start, const char *name)
{
    struct walk walk;
    int error = walk_parent(&walk, start, name, 0);
    if (!error)
        walk_end(&walk);
    return error;
}
