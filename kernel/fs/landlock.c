/* SPDX-License-Identifier: MIT
 *
 * Landlock's questions about paths, landlock(7), answered by walking up from a path to the root of
 * its mount tree and looking at the rules of every directory on the way.
 *
 * mount_lock and tree_lock are held for the length of a walk, so that it sees the tree of one
 * moment.
 */
#include "kernel/fs/landlock.h"

#include "kernel/abi/landlock.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/security/landlock.h"

enum {
    RIGHTS_OF_FILES =
        LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE
};

/* Pipes, memfds, namespaces: in no tree, so no rule can speak of them. */
static bool is_outside(const struct path *path)
{
    const struct vfs_state *vfs = path->mount->kernel->vfs;
    return path->mount == vfs->anon_mount || path->mount == vfs->nsfs_mount ||
           path->mount == vfs->shm_mount;
}

/* From the path up; what is left in `denial` no rule on the way allows. */
static void visit_upwards(const struct landlock_layer *domain, const struct path *path,
                          struct landlock_denial *denial)
{
    struct vfs_state *vfs = path->mount->kernel->vfs;
    const struct mount *mount = path->mount;
    const struct dentry *dentry = path->dentry;

    spin_lock(&vfs->mount_lock);
    spin_lock(&vfs->tree_lock);
    for (;;) {
        landlock_denial_visit(domain, dentry_inode(dentry), denial);
        /* What a mount covers has no say. */
        while (dentry == mount->root && mount->parent) {
            dentry = mount->mountpoint;
            mount = mount->parent;
        }
        if (dentry == mount->root || dentry->parent == dentry)
            break;
        dentry = dentry->parent;
    }
    spin_unlock(&vfs->tree_lock);
    spin_unlock(&vfs->mount_lock);
}

int landlock_check_path(const struct path *path, uint32_t rights)
{
    const struct landlock_layer *domain = current_cred()->landlock;
    struct landlock_denial denial;
    if (!domain || !rights || is_outside(path))
        return 0;
    landlock_denial_init(domain, rights, &denial);
    visit_upwards(domain, path, &denial);
    return landlock_denial_of(&denial, rights) ? -EACCES : 0;
}

int landlock_check_open(const struct file *file)
{
    uint32_t rights = 0;
    if (!landlock_confines())
        return 0;
    if ((file->mode & FILE_READ) && S_ISDIR(inode_mode(file->inode)))
        rights = LANDLOCK_ACCESS_FS_READ_DIR;
    else if (file->mode & FILE_READ)
        rights = LANDLOCK_ACCESS_FS_READ_FILE;
    if (file->mode & FILE_WRITE)
        rights |= LANDLOCK_ACCESS_FS_WRITE_FILE;
    if (file->mode & FILE_EXEC)
        rights |= LANDLOCK_ACCESS_FS_EXECUTE;
    return landlock_check_path(&file->path, rights);
}

static uint32_t right_to_make(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFLNK:
        return LANDLOCK_ACCESS_FS_MAKE_SYM;
    case S_IFDIR:
        return LANDLOCK_ACCESS_FS_MAKE_DIR;
    case S_IFCHR:
        return LANDLOCK_ACCESS_FS_MAKE_CHAR;
    case S_IFBLK:
        return LANDLOCK_ACCESS_FS_MAKE_BLOCK;
    case S_IFIFO:
        return LANDLOCK_ACCESS_FS_MAKE_FIFO;
    case S_IFSOCK:
        return LANDLOCK_ACCESS_FS_MAKE_SOCK;
    default:
        return LANDLOCK_ACCESS_FS_MAKE_REG;
    }
}

int landlock_check_create(const struct path *dir, uint32_t mode)
{
    return landlock_confines() ? landlock_check_path(dir, right_to_make(mode)) : 0;
}

static uint32_t right_to_remove(const struct dentry *dentry)
{
    const struct inode *inode = dentry_inode(dentry);
    if (!inode)
        return 0;
    return S_ISDIR(inode_mode(inode)) ? LANDLOCK_ACCESS_FS_REMOVE_DIR
                                      : LANDLOCK_ACCESS_FS_REMOVE_FILE;
}

/* Would the child, denied less by itself than by the directory it is in, be denied less in the
 * other directory than where it is? */
static bool gains_rights(const struct landlock_layer *domain, const struct dentry *child,
                         const struct landlock_denial *here, const struct landlock_denial *there)
{
    struct landlock_denial own = *here;
    const struct inode *inode = dentry_inode(child);
    uint32_t matter = S_ISDIR(inode_mode(inode)) ? LANDLOCK_RIGHTS_ALL : RIGHTS_OF_FILES;
    landlock_denial_visit(domain, inode, &own);
    for (unsigned right = 0; right < LANDLOCK_RIGHTS; right++)
        if ((matter & (1u << right)) && (own.layers[right] & ~there->layers[right]))
            return true;
    return false;
}

int landlock_check_refer(const struct path *from_dir, const struct dentry *old,
                         const struct path *to_dir, const struct dentry *new, bool moves,
                         bool exchange)
{
    const struct landlock_layer *domain = current_cred()->landlock;
    struct landlock_denial from, to;
    if (!domain)
        return 0;
    uint32_t from_rights = exchange ? right_to_make(inode_mode(dentry_inode(new))) : 0;
    uint32_t to_rights = right_to_make(inode_mode(dentry_inode(old)));
    if (moves) {
        from_rights |= right_to_remove(old);
        to_rights |= right_to_remove(new);
    }
    if (from_dir->dentry == to_dir->dentry)
        return landlock_check_path(to_dir, from_rights | to_rights);
    if (is_outside(to_dir))
        return 0;

    landlock_denial_init(domain, LANDLOCK_RIGHTS_ALL, &from);
    landlock_denial_init(domain, LANDLOCK_RIGHTS_ALL, &to);
    visit_upwards(domain, from_dir, &from);
    visit_upwards(domain, to_dir, &to);
    if (landlock_denial_of(&from, from_rights) || landlock_denial_of(&to, to_rights))
        return -EACCES;
    if (landlock_denial_of(&from, LANDLOCK_ACCESS_FS_REFER) ||
        landlock_denial_of(&to, LANDLOCK_ACCESS_FS_REFER) ||
        gains_rights(domain, old, &from, &to) ||
        (exchange && gains_rights(domain, new, &to, &from)))
        return -EXDEV;
    return 0;
}

/* ---- rules ---- */

/* A rule keeps its inode, and the file system that this belongs to. */
static void inode_object_get(void *object)
{
    struct inode *inode = object;
    superblock_get(inode->sb);
    inode_get(inode);
}

static void inode_object_put(void *object)
{
    struct inode *inode = object;
    struct superblock *sb = inode->sb;
    inode_put(inode);
    superblock_put(sb);
}

const struct landlock_object_ops landlock_inode_ops = {
    .get = inode_object_get,
    .put = inode_object_put,
};

static bool is_internal(const struct path *path)
{
    const struct mount *mount = path->mount;
    return is_outside(path) || kstr_equal(mount->sb->type->name, "mqueue");
}

int landlock_allow_file(struct landlock_ruleset *ruleset, struct file *file, uint32_t rights)
{
    if (is_internal(&file->path))
        return -EBADFD;
    if (!S_ISDIR(inode_mode(file->inode)) && (rights & ~(uint32_t)RIGHTS_OF_FILES))
        return -EINVAL;
    return landlock_ruleset_allow(ruleset, file->inode, rights);
}

/* ---- rulesets as files ---- */

static void ruleset_release(struct file *file)
{
    landlock_ruleset_put(file->private);
}

/* Readable and writable in mode, which is what its users are asked for, and nothing to read. */
static int64_t ruleset_no_io(struct file *file, struct uio *uio, uint64_t *pos)
{
    (void)file, (void)uio, (void)pos;
    return -EINVAL;
}

static const struct file_ops ruleset_ops = {
    .release = ruleset_release,
    .read = ruleset_no_io,
    .write = ruleset_no_io,
};

int landlock_file_create(struct kernel *kernel, struct landlock_ruleset *ruleset, struct file **out)
{
    return file_create_anon(kernel, "landlock-ruleset", &ruleset_ops, ruleset, O_RDWR, 0, out);
}

int landlock_ruleset_of_fd(int fd, unsigned file_mode, struct landlock_ruleset **out)
{
    struct file *file = fd_get(fd);
    int error = 0;
    if (!file)
        return -EBADF;
    if (file->ops != &ruleset_ops)
        error = -EBADFD;
    else if (!(file->mode & file_mode))
        error = -EPERM;
    else
        *out = landlock_ruleset_get(file->private);
    file_put(file);
    return error;
}
