/* SPDX-License-Identifier: MIT
 *
 * The file system cgroup2: the tree of groups as directories. There is one superblock, however
 * often it is mounted; a mount shows it from the root of the mounting task's cgroup namespace on.
 *
 * An inode that was looked up is kept with its group, for its owner and mode, until rmdir.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/dirent.h"
#include "kernel/cgroup/cgroup_internal.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/path.h"
#include "kernel/proc/namespaces.h"
#include "kernel/security/cred.h"

enum { CHILD_POS = 64, WRITE_MAX = 4096 };

static const struct inode_ops dir_inode_ops, file_inode_ops;
static const struct file_ops dir_file_ops, group_file_ops, group_event_file_ops;

static struct cgroup *group_of_inode(const struct inode *inode)
{
    return inode->object;
}

struct cgroup *cgroup_of(const struct file *file)
{
    return group_of_inode(file->inode);
}

const struct cgroup_file *cgroup_file_of(const struct inode *inode)
{
    return &cgroup_files[inode->ino - group_of_inode(inode)->id - 1];
}

struct cgroup *cgroup_of_directory(struct file *file)
{
    return file->inode->ops == &dir_inode_ops ? group_of_inode(file->inode) : NULL;
}

/* In the root of a namespace, with nsdelegate, most is for those outside. */
static bool is_delegated(const struct file *file, const struct cgroup *group)
{
    return atomic_load_relaxed(&group->state->ns_delegate) && group->parent &&
           !cgroup_file_of(file->inode)->delegated && cgroup_namespace_root(file->kernel) == group;
}

int cgroup_lock_live(struct file *file, struct cgroup **out)
{
    struct cgroup *group = cgroup_of(file);
    mutex_lock(&group->state->mutex);
    if (group->dead) {
        mutex_unlock(&group->state->mutex);
        return -ENODEV;
    }
    *out = group;
    return 0;
}

void cgroup_unlock(struct cgroup *group)
{
    mutex_unlock(&group->state->mutex);
}

/* ---- inodes ---- */

static void put_group(void *object)
{
    cgroup_put(object);
}

/* place: 0 the directory, else 1 + index of the file. */
static int make_inode(struct superblock *sb, struct cgroup *group, unsigned place, uint32_t mode,
                      struct inode **out)
{
    const struct cgroup_file *file = place ? &cgroup_files[place - 1] : NULL;
    struct inode *inode;
    int error = inode_create(sb, NULL, file ? S_IFREG | file->mode : mode, &inode);
    if (error)
        return error;
    inode->ino = group->id + place;
    inode->uid = group->uid;
    inode->gid = group->gid;
    inode->object = cgroup_get(group);
    inode->object_put = put_group;
    inode->flags |= INODE_NO_TRUNCATE;
    inode->ops = file ? &file_inode_ops : &dir_inode_ops;
    inode->file_ops = !file ? &dir_file_ops : file->event ? &group_event_file_ops : &group_file_ops;
    if (file)
        inode->private = (void *)&file->text;
    spin_lock(process_tree_lock(sb->kernel));
    group->inodes[place] = inode_get(inode);
    spin_unlock(process_tree_lock(sb->kernel));
    *out = inode;
    return 0;
}

/* Mutex. */
static int find_inode(struct superblock *sb, struct cgroup *group, unsigned place,
                      struct inode **out)
{
    if (group->dead)
        return -ENOENT;
    if (!group->inodes[place])
        return make_inode(sb, group, place, S_IFDIR | 0755, out);
    *out = inode_get(group->inodes[place]);
    return 0;
}

/* The group's own references, for the caller to put without locks. */
static void take_inodes(struct cgroup *group, struct inode *out[CGROUP_FILES_MAX])
{
    spin_lock(process_tree_lock(group->state->kernel));
    memcpy(out, group->inodes, sizeof(group->inodes));
    memset(group->inodes, 0, sizeof(group->inodes));
    spin_unlock(process_tree_lock(group->state->kernel));
}

int cgroup_may_write_procs(struct cgroup *group, const struct cred *cred)
{
    const struct inode *inode = group->inodes[CGROUP_FILE_PROCS];
    uint32_t uid = inode ? atomic_load_relaxed(&inode->uid) : group->uid;
    uint32_t gid = inode ? atomic_load_relaxed(&inode->gid) : group->gid;
    uint32_t mode = inode ? inode_mode(inode) : 0644;
    if (cred->fsuid == uid)
        mode >>= 6;
    else if (cred_in_group(cred, gid))
        mode >>= 3;
    return (mode & MAY_WRITE) || cred_has_cap_over(cred, uid, gid, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
}

/* ---- directories ---- */

static struct cgroup *find_child(struct cgroup *group, const char *name, size_t length)
{
    struct cgroup *child;
    list_for_each_entry(child, &group->children,
                        sibling_node) if (kstr_is(name, length, child->name)) return child;
    return NULL;
}

static int lookup_locked(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    struct cgroup *group = group_of_inode(dir), *child = find_child(group, name, length);
    if (child)
        return find_inode(dir->sb, child, 0, out);
    for (unsigned i = 0; i < cgroup_file_count; i++)
        if (kstr_is(name, length, cgroup_files[i].name) && cgroup_has_file(group, &cgroup_files[i]))
            return find_inode(dir->sb, group, i + 1, out);
    return -ENOENT;
}

static int group_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    struct cgroup_state *state = group_of_inode(dir)->state;
    mutex_lock(&state->mutex);
    int error = lookup_locked(dir, name, length, out);
    mutex_unlock(&state->mutex);
    return error;
}

/* Files come and go with controllers; what is not there may be there now. */
static bool group_revalidate(struct dentry *dentry)
{
    const struct inode *inode = dentry_inode(dentry);
    if (!inode)
        return false;
    if (inode->ops == &dir_inode_ops)
        return true;
    return cgroup_has_file(group_of_inode(inode), cgroup_file_of(inode));
}

static int group_mkdir(struct inode *dir, struct dentry *dentry, uint32_t mode, struct inode **out)
{
    struct cgroup *parent = group_of_inode(dir), *group;
    struct cgroup_state *state = parent->state;
    mutex_lock(&state->mutex);
    int error = cgroup_make_locked(parent, dentry->name, &group);
    if (!error) {
        error = make_inode(dir->sb, group, 0, mode, out);
        if (error) {
            cgroup_remove_locked(group);
            cgroup_put(group);
        }
    }
    mutex_unlock(&state->mutex);
    if (error)
        return error;
    inode_set_nlink(dir, 1);
    return 0;
}

static int group_rmdir(struct inode *dir, struct dentry *dentry)
{
    struct cgroup *group = group_of_inode(dentry_inode(dentry));
    struct cgroup_state *state = group->state;
    struct inode *inodes[CGROUP_FILES_MAX];
    mutex_lock(&state->mutex);
    int error = cgroup_remove_locked(group);
    if (!error)
        take_inodes(group, inodes);
    mutex_unlock(&state->mutex);
    if (error)
        return error;
    inode_set_nlink(dir, -1);
    inode_set_nlink(dentry_inode(dentry), -2);
    for (unsigned i = 0; i < CGROUP_FILES_MAX; i++)
        if (inodes[i])
            inode_put(inodes[i]);
    cgroup_put(group); /* the name's; the directory's inode still holds one */
    return 0;
}

static const struct inode_ops dir_inode_ops = {
    .lookup = group_lookup,
    .mkdir = group_mkdir,
    .rmdir = group_rmdir,
    .revalidate = group_revalidate,
};
static const struct inode_ops file_inode_ops = {.revalidate = NULL};

static void emit_children(struct cgroup *group, struct dir_context *context)
{
    struct cgroup *child;
    list_for_each_entry(child, &group->children, sibling_node)
    {
        uint64_t pos = CHILD_POS + child->id;
        if (pos >= context->pos &&
            !dir_emit(context, child->name, kstrlen(child->name), child->id, DT_DIR, pos + 1))
            return;
    }
}

static int group_iterate(struct file *file, struct dir_context *context)
{
    struct cgroup *group = cgroup_of(file);
    if (!dir_emit_dots(file, context))
        return 0;
    while (context->pos < CHILD_POS) {
        unsigned i = (unsigned)context->pos - 2;
        if (i >= cgroup_file_count) {
            context->pos = CHILD_POS;
        } else if (!cgroup_has_file(group, &cgroup_files[i])) {
            context->pos++;
        } else if (!dir_emit(context, cgroup_files[i].name, kstrlen(cgroup_files[i].name),
                             group->id + 1 + i, DT_REG, context->pos + 1)) {
            return 0;
        }
    }
    mutex_lock(&group->state->mutex);
    emit_children(group, context);
    mutex_unlock(&group->state->mutex);
    return 0;
}

static int64_t group_dir_seek(struct file *file, int64_t offset, int whence)
{
    return text_file_operations.seek(file, offset, whence);
}

static const struct file_ops dir_file_ops = {.iterate = group_iterate, .seek = group_dir_seek};

/* ---- files ---- */

static int file_open(struct inode *inode, struct file *file)
{
    return text_file_operations.open(inode, file);
}

static int event_file_open(struct inode *inode, struct file *file)
{
    return text_event_operations.open(inode, file);
}

static void file_release(struct file *file)
{
    text_file_operations.release(file);
}

static int64_t file_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct cgroup *group = cgroup_of(file);
    if (atomic_load_relaxed(&group->dead))
        return -ENODEV;
    return text_file_operations.read(file, uio, pos);
}

static int64_t file_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct cgroup *group = cgroup_of(file);
    if (uio->remaining > WRITE_MAX)
        return -E2BIG;
    if (atomic_load_relaxed(&group->dead))
        return -ENODEV;
    if (is_delegated(file, group))
        return -EPERM;
    return text_file_operations.write(file, uio, pos);
}

static int64_t file_seek(struct file *file, int64_t offset, int whence)
{
    return text_file_operations.seek(file, offset, whence);
}

static uint32_t file_poll(struct file *file, struct poll_table *table)
{
    uint32_t ready = text_event_operations.poll(file, table);
    if (atomic_load_relaxed(&cgroup_of(file)->dead))
        ready |= EPOLLERR | EPOLLPRI;
    return ready;
}

static const struct file_ops group_file_ops = {
    .open = file_open,
    .release = file_release,
    .read = file_read,
    .write = file_write,
    .seek = file_seek,
};
static const struct file_ops group_event_file_ops = {
    .open = event_file_open,
    .release = file_release,
    .read = file_read,
    .write = file_write,
    .seek = file_seek,
    .poll = file_poll,
};

/* ---- the file system ---- */

static void show_options(struct superblock *sb, char *buffer, size_t bytes)
{
    kstrlcpy(buffer,
             atomic_load_relaxed(&cgroup_state_of(sb->kernel)->ns_delegate) ? "nsdelegate" : "",
             bytes);
}

/* Options that hold for the whole tree: only those at home in the initial namespace set them. */
static int parse_options(struct cgroup_state *state, const char *options)
{
    bool delegate = false;
    for (const char *at = options ? options : ""; *at;) {
        size_t length = kstrcspn(at, ",");
        if (kstr_is(at, length, "nsdelegate"))
            delegate = true;
        else if (length && !kstr_is(at, length, "memory_recursiveprot") &&
                 !kstr_is(at, length, "memory_localevents") && !kstr_is(at, length, "favordynmods"))
            return -EINVAL;
        at += length + (at[length] == ',');
    }
    if (cgroup_namespace_root(state->kernel) == state->root)
        atomic_store_relaxed(&state->ns_delegate, delegate);
    return 0;
}

static int group_remount(struct superblock *sb, unsigned flags, const char *options)
{
    (void)flags;
    return parse_options(cgroup_state_of(sb->kernel), options);
}

static const struct superblock_ops sb_ops = {.show_options = show_options,
                                             .remount = group_remount};

/* The superblock and a mount of it that nobody sees and that stays. */
static int create_locked(struct cgroup_state *state, const struct filesystem *type)
{
    struct superblock *sb;
    struct inode *root;
    int error = superblock_create(state->kernel, type, &sb_ops, &sb);
    if (error)
        return error;
    error = make_inode(sb, state->root, 0, S_IFDIR | 0555, &root);
    if (!error) {
        error = dentry_create_root(sb, root);
    }
    if (!error)
        error = mount_create(state->kernel, sb, sb->root, 0, &state->mount);
    if (error) {
        struct inode *inodes[CGROUP_FILES_MAX];
        take_inodes(state->root, inodes);
        if (inodes[0])
            inode_put(inodes[0]);
    }
    superblock_put(sb);
    return error;
}

static int group_mount(struct kernel *kernel, const struct filesystem *type, const char *source,
                       unsigned flags, const char *options, struct superblock **out)
{
    struct cgroup_state *state = cgroup_state_of(kernel);
    (void)source;
    (void)flags;
    int error = parse_options(state, options);
    if (error)
        return error;
    mutex_lock(&state->mutex);
    if (!state->mount)
        error = create_locked(state, type);
    mutex_unlock(&state->mutex);
    if (!error)
        *out = superblock_get(state->mount->sb);
    return error;
}

/* From the superblock's root down by names. */
static int group_mount_root(struct superblock *sb, struct dentry **out)
{
    struct cgroup_state *state = cgroup_state_of(sb->kernel);
    struct cgroup *group = cgroup_namespace_root(sb->kernel);
    const struct path top = {.mount = state->mount, .dentry = sb->root};
    const char *name;
    struct path at;
    if (group == state->root) {
        *out = dentry_get(sb->root);
        return 0;
    }
    char *buffer = kmalloc(VFS_PATH_MAX);
    if (!buffer)
        return -ENOMEM;
    int error = cgroup_path(group, state->root, buffer, &name);
    if (!error)
        error = path_walk(&top, name + 1, WALK_DIRECTORY, &at);
    kfree(buffer);
    if (error)
        return error;
    *out = dentry_get(at.dentry);
    path_put(&at);
    return 0;
}

static bool may_mount(void)
{
    return capable_in(namespaces_current()->cgroup->owner, CAP_SYS_ADMIN);
}

static const struct filesystem cgroup2_type = {
    .name = "cgroup2",
    .magic = CGROUP2_SUPER_MAGIC,
    .mount = group_mount,
    .may_mount = may_mount,
    .mount_root = group_mount_root,
};

int cgroup_fs_init(struct kernel *kernel)
{
    return vfs_register_filesystem(kernel, &cgroup2_type);
}
