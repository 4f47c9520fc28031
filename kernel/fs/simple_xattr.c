/* SPDX-License-Identifier: MIT
 *
 * Extended attributes kept in memory with the inode: a list, newest first, under inode->lock.
 */
#include "kernel/abi/capability.h"
#include "kernel/fs/acl.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/fs/xattr.h"

enum { BYTES_PER_INODE_MAX = 1 << 20 };

struct simple_xattr {
    struct simple_xattr *next;
    size_t bytes;      /* of the value */
    size_t name_bytes; /* with the NUL */
    char data[];       /* name, then value */
};

struct simple_xattrs {
    struct simple_xattr *first; /* inode->lock */
    size_t total;
};

static size_t size_of(const struct simple_xattr *attr)
{
    return attr->bytes + attr->name_bytes;
}

static struct simple_xattr **find_locked(struct simple_xattrs *attrs, const char *name)
{
    struct simple_xattr **link = &attrs->first;
    while (*link && !kstr_equal((*link)->data, name))
        link = &(*link)->next;
    return link;
}

int64_t simple_xattr_get(struct inode *inode, const char *name, void *value, size_t bytes)
{
    int64_t result = -ENODATA;
    if (!atomic_load_acquire(&inode->xattrs))
        return result;
    spin_lock(&inode->lock);
    const struct simple_xattr *attr = *find_locked(inode->xattrs, name);
    if (attr) {
        result = (int64_t)attr->bytes;
        if (bytes && attr->bytes > bytes)
            result = -ERANGE;
        else if (bytes)
            memcpy(value, attr->data + attr->name_bytes, attr->bytes);
    }
    spin_unlock(&inode->lock);
    return result;
}

/* inode->mutex is held, so only one caller makes the list. */
static struct simple_xattrs *list_of(struct inode *inode)
{
    if (!inode->xattrs) {
        struct simple_xattrs *attrs = kzalloc(sizeof(*attrs));
        if (attrs)
            atomic_store_release(&inode->xattrs, attrs);
    }
    return inode->xattrs;
}

int simple_xattr_set(struct inode *inode, const char *name, const void *value, size_t bytes,
                     int flags)
{
    struct simple_xattrs *attrs = list_of(inode);
    size_t name_bytes = kstrlen(name) + 1;
    struct simple_xattr *attr = kmalloc(sizeof(*attr) + name_bytes + bytes), *old = NULL;
    if (!attrs || !attr) {
        kfree(attr);
        return -ENOMEM;
    }
    attr->bytes = bytes;
    attr->name_bytes = name_bytes;
    memcpy(attr->data, name, name_bytes);
    if (bytes)
        memcpy(attr->data + name_bytes, value, bytes);
    int error = 0;
    spin_lock(&inode->lock);
    struct simple_xattr **link = find_locked(attrs, name);
    if (*link && (flags & XATTR_CREATE))
        error = -EEXIST;
    else if (!*link && (flags & XATTR_REPLACE))
        error = -ENODATA;
    else if (attrs->total + size_of(attr) > BYTES_PER_INODE_MAX)
        error = -ENOSPC;
    if (!error) {
        old = *link;
        attr->next = old ? old->next : NULL;
        *link = attr;
        attrs->total += size_of(attr) - (old ? size_of(old) : 0);
        inode->ctime = timestamp_now();
    }
    spin_unlock(&inode->lock);
    kfree(error ? attr : old);
    return error;
}

int64_t simple_xattr_list(struct inode *inode, char *list, size_t bytes)
{
    bool privileged = capable(CAP_SYS_ADMIN);
    int64_t result = acl_list_xattr(inode, list, bytes);
    if (result < 0 || !atomic_load_acquire(&inode->xattrs))
        return result;
    size_t used = (size_t)result;
    result = 0;
    spin_lock(&inode->lock);
    for (const struct simple_xattr *attr = inode->xattrs->first; attr; attr = attr->next) {
        if (!privileged && kstr_starts_with(attr->data, "trusted."))
            continue;
        if (bytes && used + attr->name_bytes > bytes) {
            result = -ERANGE;
            break;
        }
        if (bytes)
            memcpy(list + used, attr->data, attr->name_bytes);
        used += attr->name_bytes;
    }
    spin_unlock(&inode->lock);
    return result ? result : (int64_t)used;
}

int simple_xattr_remove(struct inode *inode, const char *name)
{
    struct simple_xattr *attr = NULL;
    if (!atomic_load_acquire(&inode->xattrs))
        return -ENODATA;
    spin_lock(&inode->lock);
    struct simple_xattr **link = find_locked(inode->xattrs, name);
    attr = *link;
    if (attr) {
        *link = attr->next;
        inode->xattrs->total -= size_of(attr);
        inode->ctime = timestamp_now();
    }
    spin_unlock(&inode->lock);
    kfree(attr);
    return attr ? 0 : -ENODATA;
}

void simple_xattr_free(struct inode *inode)
{
    struct simple_xattr *attr = inode->xattrs ? inode->xattrs->first : NULL;
    while (attr) {
        struct simple_xattr *next = attr->next;
        kfree(attr);
        attr = next;
    }
    kfree(inode->xattrs);
    inode->xattrs = NULL;
}
