/* SPDX-License-Identifier: MIT
 *
 * Names of AF_UNIX sockets: path names, abstract names, automatic ones (unix(7)).
 *
 * A path name is an inode of type socket, made by bind; inode->object points at the socket, without
 * a reference, as long as the socket is open, and inode->lock guards that. The socket keeps the
 * inode in memory through its path. An abstract name is in a table of the network namespace, by
 * name and type.
 */
#include "kernel/fs/path.h"
#include "kernel/ipc/net_namespace.h"
#include "kernel/ipc/unix_internal.h"
#include "kernel/lib/hash.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

enum { PATH_OFFSET = offsetof(struct linux_sockaddr_un, sun_path), AUTOBIND_NAMES = 1 << 20 };

static bool is_abstract(const struct unix_address *address)
{
    return address->path[0] == '\0';
}

/* ---- addresses ---- */

void unix_address_put(struct unix_address *address)
{
    if (refcount_dec_and_test(&address->refs))
        kfree(address);
}

static int check_address(const struct socket_address *address)
{
    if (address->bytes <= PATH_OFFSET || address->bytes > sizeof(struct linux_sockaddr_un) ||
        address->family != AF_UNIX)
        return -EINVAL;
    return 0;
}

/* The user's address, checked, in its one form: a path name ends with its NUL. */
static void normalize(const struct socket_address *from, struct unix_address *out)
{
    size_t bytes = from->bytes - PATH_OFFSET;
    memset(out, 0, sizeof(*out));
    refcount_init(&out->refs, 1);
    out->family = AF_UNIX;
    memcpy(out->path, from->un.sun_path, bytes);
    if (out->path[0] != '\0')
        bytes = kstrlen(out->path) + 1; /* there is room for a NUL behind the longest */
    out->bytes = (uint32_t)(PATH_OFFSET + bytes);
}

void unix_address_out(const struct unix_address *address, struct socket_address *out)
{
    out->bytes = PATH_OFFSET;
    out->family = AF_UNIX;
    if (!address)
        return;
    out->bytes = address->bytes;
    memcpy(out->raw, &address->family, address->bytes);
}

int unix_name(struct socket *socket, bool peer, struct socket_address *out)
{
    struct unix_socket *u = socket->private;
    if (!peer) {
        unix_address_out(atomic_load_acquire(&u->address), out);
        return 0;
    }
    struct unix_socket *other = unix_peer_get(u);
    if (!other)
        return -ENOTCONN;
    unix_address_out(atomic_load_acquire(&other->address), out);
    unix_put(other);
    return 0;
}

/* ---- abstract names ---- */

struct unix_names *unix_names_create(void)
{
    return kzalloc(sizeof(struct unix_names));
}

void unix_names_destroy(struct unix_names *names)
{
    kfree(names);
}

static struct hlist *name_bucket(struct net_namespace *net, const struct unix_address *address,
                                 int type)
{
    uint64_t hash = (uint64_t)type;
    for (uint32_t i = 0; i < address->bytes - PATH_OFFSET; i++)
        hash = hash * 31 + (uint8_t)address->path[i];
    return &net->unix_names->buckets[hash_u64(hash) % UNIX_NAME_BUCKETS];
}

static bool same_address(const struct unix_address *a, const struct unix_address *b)
{
    return a->bytes == b->bytes && memcmp(a->path, b->path, a->bytes - PATH_OFFSET) == 0;
}

static struct unix_socket *find_name_locked(struct net_namespace *net,
                                            const struct unix_address *address, int type)
{
    struct unix_socket *u;
    hlist_for_each_entry(u, name_bucket(net, address, type), name_node)
    {
        if (u->type == type && same_address(u->address, address))
            return u;
    }
    return NULL;
}

/* The address becomes u's unless somebody has it. */
static int bind_abstract(struct unix_socket *u, struct unix_address *address)
{
    struct unix_state *state = u->state;
    int error = 0;
    spin_lock(&state->lock);
    if (find_name_locked(u->net, address, u->type)) {
        error = -EADDRINUSE;
    } else {
        atomic_store_release(&u->address, address);
        hlist_add_head(name_bucket(u->net, address, u->type), &u->name_node);
    }
    spin_unlock(&state->lock);
    return error;
}

static int find_abstract(struct unix_socket *u, const struct unix_address *address,
                         struct unix_socket **out)
{
    spin_lock(&u->state->lock);
    struct unix_socket *found = find_name_locked(u->net, address, u->type);
    if (found && !refcount_inc_not_zero(&found->refs))
        found = NULL;
    spin_unlock(&u->state->lock);
    *out = found;
    return found ? 0 : -ECONNREFUSED;
}

/* ---- path names ---- */

static void forget_socket(void *object)
{
    (void)object; /* the inode does not own it */
}

/* Tie a fresh socket inode at the path to u. */
static int claim_inode(struct unix_socket *u, const char *name)
{
    struct path path;
    int error = path_walk(NULL, name, 0, &path);
    if (error)
        return error;
    struct inode *inode = dentry_inode(path.dentry);
    spin_lock(&inode->lock);
    if (!S_ISSOCK(inode->mode) || inode->object) {
        error = -EADDRINUSE; /* somebody has put another file there meanwhile */
    } else {
        inode->object = u;
        inode->object_put = forget_socket;
    }
    spin_unlock(&inode->lock);
    if (error)
        path_put(&path);
    else
        u->path = path;
    return error;
}

/* The name is taken first: one that exists is EADDRINUSE even for a socket that has a name. */
static int bind_path(struct unix_socket *u, struct socket *socket, struct unix_address *address)
{
    uint32_t mode = S_IFSOCK | (inode_mode(socket->file->inode) & 0777);
    int error = vfs_mknod(NULL, address->path, mode, 0);
    if (error)
        return error == -EEXIST ? -EADDRINUSE : error;
    if (u->address) {
        vfs_unlink(NULL, address->path);
        return -EINVAL;
    }
    error = claim_inode(u, address->path);
    if (!error)
        atomic_store_release(&u->address, address);
    return error;
}

static int find_path(const char *name, int type, struct unix_socket **out)
{
    struct path path;
    int error = path_walk(NULL, name, WALK_FOLLOW, &path);
    if (error)
        return error;
    struct inode *inode = dentry_inode(path.dentry);
    struct unix_socket *u = NULL;
    error = inode_permission(inode, MAY_WRITE);
    if (!error) {
        spin_lock(&inode->lock);
        if (S_ISSOCK(inode->mode) && inode->object)
            u = unix_get(inode->object);
        spin_unlock(&inode->lock);
        if (!u)
            error = -ECONNREFUSED;
    }
    path_put(&path);
    if (!error && u->type != type) {
        unix_put(u);
        error = -EPROTOTYPE;
    }
    *out = u;
    return error;
}

int unix_find(struct unix_socket *u, const struct socket_address *address, struct unix_socket **out)
{
    struct unix_address wanted;
    int error = check_address(address);
    if (error)
        return error;
    normalize(address, &wanted);
    if (is_abstract(&wanted))
        return find_abstract(u, &wanted, out);
    return find_path(wanted.path, u->type, out);
}

/* ---- bind(2) ---- */

int unix_autobind(struct unix_socket *u)
{
    struct unix_state *state = u->state;
    if (u->address)
        return 0;
    struct unix_address *address = kzalloc(sizeof(*address));
    if (!address)
        return -ENOMEM;
    refcount_init(&address->refs, 1);
    address->family = AF_UNIX;
    address->bytes = PATH_OFFSET + 6;
    for (unsigned i = 0; i < AUTOBIND_NAMES; i++) {
        uint32_t number = atomic_fetch_add_relaxed(&state->next_autobind, 1) % AUTOBIND_NAMES;
        ksnprintf(address->path + 1, 6, "%05x", number);
        if (bind_abstract(u, address) == 0)
            return 0;
    }
    kfree(address);
    return -ENOSPC;
}

int unix_autobind_for_cred(struct unix_socket *u)
{
    if (!atomic_load_relaxed(&u->passcred) || atomic_load_acquire(&u->address))
        return 0;
    int error = mutex_lock_interruptible(&u->setup);
    if (error)
        return error;
    error = unix_autobind(u);
    mutex_unlock(&u->setup);
    return error;
}

static int bind_locked(struct socket *socket, const struct socket_address *address)
{
    struct unix_socket *u = socket->private;
    if (address->bytes == PATH_OFFSET && address->family == AF_UNIX)
        return unix_autobind(u);
    int error = check_address(address);
    if (error)
        return error;
    if (u->address && address->un.sun_path[0] == '\0')
        return -EINVAL;
    struct unix_address *ours = kmalloc(sizeof(*ours));
    if (!ours)
        return -ENOMEM;
    normalize(address, ours);
    error = is_abstract(ours) ? bind_abstract(u, ours) : bind_path(u, socket, ours);
    if (error)
        kfree(ours);
    return error;
}

int unix_bind(struct socket *socket, const struct socket_address *address)
{
    struct unix_socket *u = socket->private;
    int error = mutex_lock_interruptible(&u->setup);
    if (error)
        return error;
    error = bind_locked(socket, address);
    mutex_unlock(&u->setup);
    return error;
}

/* Nobody else uses the socket any more, except to find it by name. */
void unix_unbind(struct unix_socket *u)
{
    spin_lock(&u->state->lock);
    hlist_remove(&u->name_node);
    spin_unlock(&u->state->lock);
    if (!u->path.mount)
        return;
    struct inode *inode = dentry_inode(u->path.dentry);
    spin_lock(&inode->lock);
    inode->object = NULL;
    spin_unlock(&inode->lock);
    path_put(&u->path);
    u->path.mount = NULL;
}
