/* SPDX-License-Identifier: MIT
 *
 * The file system of POSIX message queues, mq_overview(7): one flat directory a namespace, on an
 * internal mount for mq_open(2) and wherever it is mounted.
 *
 * Names are kept in the superblock's list, which holds the inodes; the dentry cache asks about
 * every name again (revalidate), as mq_open makes queues without it. A queue without a name lives
 * while it is open.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/dirent.h"
#include "kernel/abi/mount.h"
#include "kernel/abi/resource.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/path.h"
#include "kernel/ipc/mqueue_internal.h"
#include "kernel/ipc/user_totals.h"
#include "kernel/lib/strbuf.h"
#include "kernel/security/cred.h"

enum {
    ENTRY_BYTES = 20,    /* of the directory's size, for each name */
    TEXT_BYTES_MAX = 80, /* st_size of a queue */
    FIRST_POSITION = 2,
    HARD_MESSAGES_MAX = 65536,
    HARD_BYTES_MAX = 16 * 1024 * 1024,
    MESSAGE_OVERHEAD = 48, /* what a message and a priority count for, beside its text */
};

static struct mqueue_fs *fs_of(const struct superblock *sb)
{
    return sb->private;
}

/* ---- queues ---- */

/* What the queue counts for RLIMIT_MSGQUEUE: 0 if the attributes are too large to tell. */
static uint64_t charge_of(const struct linux_mq_attr *attr)
{
    uint64_t count = (uint64_t)attr->mq_maxmsg, text;
    if (mul_overflows(count, (uint64_t)attr->mq_msgsize, &text))
        return 0;
    return text + count * MESSAGE_OVERHEAD + MIN(count, (uint64_t)MQ_PRIO_MAX) * MESSAGE_OVERHEAD;
}

static int check_attributes(struct ipc_namespace *ns, const struct linux_mq_attr *attr)
{
    bool privileged = capable(CAP_SYS_RESOURCE);
    int64_t messages_max = privileged ? HARD_MESSAGES_MAX : LIMIT(ns, mq_msg_max);
    int64_t bytes_max = privileged ? HARD_BYTES_MAX : LIMIT(ns, mq_msgsize_max);
    if (attr->mq_maxmsg <= 0 || attr->mq_msgsize <= 0)
        return -EINVAL;
    if (attr->mq_maxmsg > messages_max || attr->mq_msgsize > bytes_max)
        return -EINVAL;
    return 0;
}

/* The name counts in the namespace, the room for messages for the user. */
static int charge(struct mqueue *queue, struct mqueue_fs *fs, struct ipc_namespace *ns,
                  const struct linux_mq_attr *attr)
{
    uint32_t old = atomic_fetch_add_relaxed(&fs->count, 1);
    int error = -ENOSPC;
    if (old >= (uint32_t)LIMIT(ns, mq_queues_max) && !capable(CAP_SYS_RESOURCE))
        goto uncount;
    queue->uid = current_cred()->uid;
    queue->charged = charge_of(attr);
    error = user_total_add(ns->common.kernel, queue->uid, USER_MQ_BYTES, queue->charged,
                           ipc_resource_limit(RLIMIT_MSGQUEUE));
    if (error)
        goto uncount;
    queue->counted_in = fs;
    return 0;

uncount:
    queue->charged = 0;
    atomic_fetch_sub_relaxed(&fs->count, 1);
    return error;
}

static void queue_free(struct kernel *kernel, struct mqueue *queue)
{
    if (queue->counted_in) {
        user_total_sub(kernel, queue->uid, USER_MQ_BYTES, queue->charged);
        atomic_fetch_sub_relaxed(&queue->counted_in->count, 1);
    }
    mqueue_notify_drop(queue);
    mqueue_free_messages(queue);
    kfree(queue);
}

static void evict(struct inode *inode)
{
    if (inode->private)
        queue_free(inode->sb->kernel, inode->private);
}

static const struct inode_ops queue_inode_ops = {.evict = evict};

static struct mqueue *find(struct mqueue_fs *fs, const char *name, size_t length)
{
    struct mqueue *queue;
    list_for_each_entry(queue, &fs->queues,
                        node) if (kstr_is(name, length, queue->name)) return queue;
    return NULL;
}

/* A new queue in the root directory, whose mutex is held. *out: a reference of the caller. */
static int create(struct inode *dir, const char *name, size_t length, uint32_t mode,
                  const struct linux_mq_attr *attr, struct inode **out)
{
    struct mqueue_fs *fs = fs_of(dir->sb);
    struct ipc_namespace *ns = atomic_load_acquire(&fs->ns);
    if (!ns)
        return -EACCES;
    const struct linux_mq_attr defaults = {
        .mq_maxmsg = MIN(LIMIT(ns, mq_msg_max), LIMIT(ns, mq_msg_default)),
        .mq_msgsize = MIN(LIMIT(ns, mq_msgsize_max), LIMIT(ns, mq_msgsize_default)),
    };
    if (!attr)
        attr = &defaults;
    int error = check_attributes(ns, attr);
    if (error)
        return error;
    struct mqueue *queue = kzalloc(sizeof(*queue));
    struct inode *inode;
    if (!queue)
        return -ENOMEM;
    mqueue_init_messages(queue, attr);
    memcpy(queue->name, name, length);
    error = charge(queue, fs, ns, attr);
    if (!error)
        error = inode_create(dir->sb, dir, S_IFREG | (mode & 07777), &inode);
    if (error) {
        queue_free(dir->sb->kernel, queue);
        return error;
    }
    inode->ops = &queue_inode_ops;
    inode->file_ops = &mqueue_file_ops;
    inode->private = queue;
    inode->size = TEXT_BYTES_MAX;
    inode->flags |= INODE_NO_TRUNCATE;
    queue->inode = inode; /* the list's reference */
    queue->position = fs->next_position++;
    list_add_tail(&fs->queues, &queue->node);
    atomic_store_release(&dir->size, dir->size + ENTRY_BYTES);
    inode_touch(dir, false, true, true);
    *out = inode_get(inode);
    return 0;
}

/* ---- the directory ---- */

static int dir_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    struct mqueue *queue = find(fs_of(dir->sb), name, length);
    if (!queue)
        return -ENOENT;
    *out = inode_get(queue->inode);
    return 0;
}

static int dir_create(struct inode *dir, struct dentry *dentry, uint32_t mode, struct inode **out)
{
    return create(dir, dentry->name, dentry->length, mode, NULL, out);
}

static void remove_name(struct inode *dir, struct mqueue *queue)
{
    list_remove(&queue->node);
    atomic_store_release(&dir->size, dir->size - ENTRY_BYTES);
}

static int dir_unlink(struct inode *dir, struct dentry *dentry)
{
    struct inode *inode = dentry_inode(dentry);
    struct mqueue *queue = inode->private;
    if (!list_node_linked(&queue->node))
        return -ENOENT;
    remove_name(dir, queue);
    inode_touch(dir, true, true, true);
    inode_set_nlink(inode, -1);
    inode_put(inode); /* the list's; the caller has one */
    return 0;
}

static bool dir_revalidate(struct dentry *dentry)
{
    const struct inode *inode = dentry_inode(dentry);
    const struct mqueue *queue = inode ? inode->private : NULL;
    return queue && list_node_linked(&queue->node);
}

static const struct inode_ops dir_inode_ops = {
    .lookup = dir_lookup,
    .create = dir_create,
    .unlink = dir_unlink,
    .revalidate = dir_revalidate,
};

static int dir_iterate(struct file *file, struct dir_context *context)
{
    struct mqueue *queue;
    if (!dir_emit_dots(file, context))
        return 0;
    list_for_each_entry(queue, &fs_of(file->inode->sb)->queues,
                        node) if (queue->position >= context->pos &&
                                  !dir_emit(context, queue->name, kstrlen(queue->name),
                                            queue->inode->ino, DT_REG, queue->position + 1)) break;
    return 0;
}

static int64_t dir_seek(struct file *file, int64_t offset, int whence)
{
    return generic_seek_size(file, offset, whence, fs_of(file->inode->sb)->next_position);
}

static const struct file_ops dir_file_ops = {.iterate = dir_iterate, .seek = dir_seek};

/* ---- a queue as a file ---- */

static int64_t queue_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    char text[TEXT_BYTES_MAX];
    struct strbuf out;
    strbuf_init(&out, text, sizeof(text));
    mqueue_describe(mqueue_of(file), &out);
    if (*pos >= out.length || uio->remaining == 0)
        return 0;
    size_t bytes = uio_copy_to(uio, text + *pos, out.length - *pos);
    *pos += bytes;
    inode_touch(file->inode, true, false, true);
    return bytes ? (int64_t)bytes : -EFAULT;
}

static int64_t queue_seek(struct file *file, int64_t offset, int whence)
{
    return generic_seek_size(file, offset, whence, TEXT_BYTES_MAX);
}

static int queue_flush(struct file *file)
{
    mqueue_notify_close(mqueue_of(file));
    return 0;
}

const struct file_ops mqueue_file_ops = {
    .read = queue_read,
    .no_splice = true,
    .seek = queue_seek,
    .poll = mqueue_poll,
    .flush = queue_flush,
};

int mqueue_check(struct file *file, unsigned mode)
{
    return file->ops == &mqueue_file_ops && (file->mode & mode) == mode ? 0 : -EBADF;
}

/* ---- mq_open, mq_unlink ---- */

static int check_name(const char *name)
{
    size_t length = kstrlen(name);
    if (length == 0)
        return -ENOENT;
    if (kstrchr(name, '/') || kstr_equal(name, ".") || kstr_equal(name, ".."))
        return -EACCES;
    return length > VFS_NAME_MAX ? -ENAMETOOLONG : 0;
}

/* The queue's inode, made if that was asked for. *out: referenced. */
static int find_or_create(struct inode *dir, const char *name, uint32_t flags, uint32_t mode,
                          const struct linux_mq_attr *attr, struct inode **out, bool *out_created)
{
    size_t length = kstrlen(name);
    int error = 0;
    mutex_lock(&dir->mutex);
    struct mqueue *queue = find(fs_of(dir->sb), name, length);
    *out_created = false;
    if (queue) {
        error = (flags & O_CREAT) && (flags & O_EXCL) ? -EEXIST : 0;
        if (!error && (flags & O_ACCMODE) == O_ACCMODE)
            error = -EINVAL;
        if (!error)
            *out = inode_get(queue->inode);
    } else if (!(flags & O_CREAT)) {
        error = -ENOENT;
    } else {
        error = inode_permission(dir, MAY_WRITE | MAY_EXEC);
        if (!error)
            error = create(dir, name, length, mode, attr, out);
        *out_created = !error;
    }
    mutex_unlock(&dir->mutex);
    return error;
}

/* Open the queue that was found; -ESTALE if the name means another one by now, or none. */
static int open_found(const struct path *root, const char *name, const struct inode *inode,
                      uint32_t flags, bool created, struct file **out)
{
    struct path path;
    int error = path_walk(root, name, 0, &path);
    if (error)
        return error == -ENOENT ? -ESTALE : error;
    if (dentry_inode(path.dentry) != inode)
        error = -ESTALE;
    else
        error = created ? vfs_open_created(&path, flags, out) : vfs_open_path(&path, flags, out);
    path_put(&path);
    return error;
}

int mqueue_open(struct ipc_namespace *ns, const char *name, uint32_t flags, uint32_t mode,
                const struct linux_mq_attr *attr, struct file **out)
{
    const struct path root = {.mount = ns->mq_mount, .dentry = ns->mq_mount->root};
    int error = check_name(name);
    if (error)
        return error;
    do {
        struct inode *inode;
        bool created;
        error =
            find_or_create(dentry_inode(root.dentry), name, flags, mode, attr, &inode, &created);
        if (error)
            return error;
        if (flags & O_DIRECT)
            error = -EINVAL;
        else
            error = open_found(&root, name, inode, flags & (O_ACCMODE | O_NONBLOCK), created, out);
        inode_put(inode);
    } while (error == -ESTALE);
    return error;
}

int mqueue_unlink(struct ipc_namespace *ns, const char *name)
{
    const struct path root = {.mount = ns->mq_mount, .dentry = ns->mq_mount->root};
    int error = check_name(name);
    return error ? error : vfs_unlink(&root, name);
}

/* ---- mounting ---- */

static int mqueue_statfs(struct superblock *sb, struct linux_statfs *out)
{
    (void)sb;
    out->f_type = MQUEUE_MAGIC;
    out->f_bsize = PAGE_SIZE;
    out->f_namelen = VFS_NAME_MAX;
    return 0;
}

static void mqueue_unmount(struct superblock *sb)
{
    kfree(sb->private);
}

static const struct superblock_ops mqueue_sb_ops = {
    .statfs = mqueue_statfs,
    .unmount = mqueue_unmount,
};

/* Mounting shows the caller's namespace. */
static int mqueue_mount(struct kernel *kernel, const struct filesystem *type, const char *source,
                        unsigned flags, const char *options, struct superblock **out)
{
    (void)kernel;
    (void)type;
    (void)source;
    (void)flags;
    if (options && *options)
        return -EINVAL;
    *out = superblock_get(ipc_namespace_current()->mq_mount->sb);
    return 0;
}

static bool may_mount_mqueue(void)
{
    return capable_in(ipc_namespace_common(ipc_namespace_current())->owner, CAP_SYS_ADMIN);
}

static const struct filesystem mqueue_type = {
    .name = "mqueue", .magic = MQUEUE_MAGIC, .mount = mqueue_mount, .may_mount = may_mount_mqueue};

static int make_root(struct superblock *sb)
{
    struct inode *root;
    int error = inode_create(sb, NULL, S_IFDIR | S_ISVTX | 0777, &root);
    if (error)
        return error;
    root->ops = &dir_inode_ops;
    root->file_ops = &dir_file_ops;
    root->size = 0;
    return dentry_create_root(sb, root);
}

int mqueue_mount_create(struct ipc_namespace *ns)
{
    struct superblock *sb;
    int error = superblock_create(ns->common.kernel, &mqueue_type, &mqueue_sb_ops, &sb);
    if (error)
        return error;
    struct mqueue_fs *fs = kzalloc(sizeof(*fs));
    sb->private = fs;
    if (!fs) {
        superblock_put(sb);
        return -ENOMEM;
    }
    fs->ns = ns;
    fs->next_position = FIRST_POSITION;
    list_init(&fs->queues);
    kstrlcpy(sb->source, "mqueue", sizeof(sb->source));
    error = make_root(sb);
    if (!error)
        error = mount_create(ns->common.kernel, sb, sb->root, 0, &ns->mq_mount);
    superblock_put(sb);
    return error;
}

void mqueue_mount_destroy(struct ipc_namespace *ns)
{
    struct superblock *sb = ns->mq_mount->sb;
    struct mqueue_fs *fs = fs_of(sb);
    struct inode *dir = dentry_inode(sb->root);
    struct mqueue *queue, *next;

    mutex_lock(&dir->mutex);
    atomic_store_release(&fs->ns, NULL);
    list_for_each_entry_safe(queue, next, &fs->queues, node)
    {
        struct inode *inode = queue->inode;
        remove_name(dir, queue);
        inode_set_nlink(inode, -1);
        inode_put(inode);
    }
    mutex_unlock(&dir->mutex);
    mount_put(ns->mq_mount);
}

int mqueue_init(struct kernel *kernel)
{
    return vfs_register_filesystem(kernel, &mqueue_type);
}
