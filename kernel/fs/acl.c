/* SPDX-License-Identifier: MIT
 *
 * POSIX access control lists, acl(5).
 *
 * A list never changes once it hangs on an inode: a change puts another in its place, so a list may
 * hang on many inodes (a default list is handed down) and is counted. inode->lock guards the
 * pointers; inode->mutex serialises who changes them together with the mode. A list that says no
 * more than the mode is not kept.
 */
#include "kernel/fs/acl.h"

#include "kernel/abi/capability.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/security/user_namespace.h"

/* The attribute's value: a version, then entries. */
enum { XATTR_VERSION = 2, XATTR_HEADER_BYTES = 4 };

struct xattr_entry {
    uint16_t tag, permissions;
    uint32_t id;
};

enum acl_tag {
    TAG_USER_OBJ = 0x01,
    TAG_USER = 0x02,
    TAG_GROUP_OBJ = 0x04,
    TAG_GROUP = 0x08,
    TAG_MASK = 0x10,
    TAG_OTHER = 0x20,
};

struct acl_entry {
    uint16_t tag, permissions;
    uint32_t id; /* TAG_USER, TAG_GROUP */
};

struct acl {
    uint32_t refs; /* atomic */
    uint32_t count;
    struct acl_entry entries[];
};

static const char *const names[ACL_TYPES] = {"system.posix_acl_access", "system.posix_acl_default"};

bool acl_type_of(const char *name, enum acl_type *out_type)
{
    for (unsigned type = 0; type < ACL_TYPES; type++) {
        if (kstr_equal(name, names[type])) {
            *out_type = (enum acl_type)type;
            return true;
        }
    }
    return false;
}

static bool has_lists(const struct inode *inode)
{
    return (atomic_load_relaxed(&inode->sb->flags) & MS_POSIXACL) && !S_ISLNK(inode_mode(inode));
}

/* ---- lists ---- */

static struct acl *acl_alloc(uint32_t count)
{
    struct acl *acl = kmalloc(sizeof(*acl) + count * sizeof(acl->entries[0]));
    if (acl) {
        acl->refs = 1;
        acl->count = count;
    }
    return acl;
}

static struct acl *acl_clone(const struct acl *from)
{
    struct acl *acl = acl_alloc(from->count);
    if (acl)
        memcpy(acl->entries, from->entries, from->count * sizeof(from->entries[0]));
    return acl;
}

static void acl_put(struct acl *acl)
{
    if (acl && atomic_sub_fetch_acq_rel(&acl->refs, 1) == 0)
        kfree(acl);
}

static struct acl *acl_get(struct inode *inode, enum acl_type type)
{
    if (!atomic_load_acquire(&inode->acls[type]))
        return NULL;
    spin_lock(&inode->lock);
    struct acl *acl = inode->acls[type];
    if (acl)
        atomic_fetch_add_relaxed(&acl->refs, 1);
    spin_unlock(&inode->lock);
    return acl;
}

/* Hang a list (its reference is consumed) or none on the inode, with the mode's permissions. */
static void acl_store(struct inode *inode, enum acl_type type, struct acl *acl, uint32_t mode)
{
    spin_lock(&inode->lock);
    struct acl *old = inode->acls[type];
    atomic_store_release(&inode->acls[type], acl);
    atomic_store_relaxed(&inode->mode, mode);
    inode->ctime = timestamp_now();
    spin_unlock(&inode->lock);
    acl_put(old);
}

void acl_free(struct inode *inode)
{
    for (unsigned type = 0; type < ACL_TYPES; type++) {
        acl_put(inode->acls[type]);
        inode->acls[type] = NULL;
    }
}

/* The entry that the group bits of the mode show: the mask if there is one. */
static struct acl_entry *group_class(struct acl *acl)
{
    struct acl_entry *group = NULL;
    for (uint32_t i = 0; i < acl->count; i++) {
        if (acl->entries[i].tag == TAG_MASK)
            return &acl->entries[i];
        if (acl->entries[i].tag == TAG_GROUP_OBJ)
            group = &acl->entries[i];
    }
    assert(group); /* a valid list has one */
    return group;
}

static struct acl_entry *find_tag(struct acl *acl, enum acl_tag tag)
{
    uint32_t i = 0;
    while (acl->entries[i].tag != tag)
        i++; /* a valid list has each of those that are looked for */
    return &acl->entries[i];
}

/* The mode's nine bits as a list shows them. */
static uint32_t mode_of(struct acl *acl)
{
    return (uint32_t)find_tag(acl, TAG_USER_OBJ)->permissions << 6 |
           (uint32_t)group_class(acl)->permissions << 3 | find_tag(acl, TAG_OTHER)->permissions;
}

/* Owner, group and others, and nobody else: what a mode says as well. */
static bool is_mode(const struct acl *acl)
{
    return acl->count == 3;
}

/* ---- the form of xattr ---- */

/* Entries must come in order: owner, users, group, groups, mask (needed once anybody is named),
 * others. */
static bool is_valid(const struct acl *acl)
{
    uint32_t expected = TAG_USER_OBJ;
    bool needs_mask = false;
    for (uint32_t i = 0; i < acl->count; i++) {
        const struct acl_entry *entry = &acl->entries[i];
        if (entry->permissions & ~7u)
            return false;
        bool named = entry->tag == TAG_USER || entry->tag == TAG_GROUP;
        uint32_t section = entry->tag == TAG_GROUP_OBJ ? TAG_USER
                           : entry->tag == TAG_MASK    ? TAG_GROUP
                                                       : entry->tag;
        if (section == TAG_OTHER && expected == TAG_GROUP && !needs_mask)
            expected = TAG_OTHER;
        if (section != expected)
            return false;
        needs_mask |= named;
        if (!named)
            expected = entry->tag << 1;
    }
    return expected == TAG_OTHER << 1;
}

static int decode_entry(const struct xattr_entry *from, struct acl_entry *out)
{
    const struct user_namespace *ns = current_user_namespace();
    *out = (struct acl_entry){.tag = from->tag, .permissions = from->permissions};
    switch (from->tag) {
    case TAG_USER:
        out->id = uid_from_user(ns, from->id);
        return out->id == UINT32_MAX ? -EINVAL : 0;
    case TAG_GROUP:
        out->id = gid_from_user(ns, from->id);
        return out->id == UINT32_MAX ? -EINVAL : 0;
    case TAG_USER_OBJ:
    case TAG_GROUP_OBJ:
    case TAG_MASK:
    case TAG_OTHER:
        return 0;
    default:
        return -EINVAL;
    }
}

/* *out is NULL for a value without entries, which removes. Whether the list makes sense is not
 * looked at. */
static int decode(const char *value, size_t bytes, struct acl **out)
{
    uint32_t version;
    *out = NULL;
    if (bytes < XATTR_HEADER_BYTES)
        return -EINVAL;
    memcpy(&version, value, sizeof(version));
    if (version != XATTR_VERSION)
        return -EOPNOTSUPP;
    bytes -= XATTR_HEADER_BYTES;
    if (bytes % sizeof(struct xattr_entry))
        return -EINVAL;
    uint32_t count = (uint32_t)(bytes / sizeof(struct xattr_entry));
    if (!count)
        return 0;
    struct acl *acl = acl_alloc(count);
    if (!acl)
        return -ENOMEM;
    int error = 0;
    for (uint32_t i = 0; i < count && !error; i++) {
        struct xattr_entry entry;
        memcpy(&entry, value + XATTR_HEADER_BYTES + i * sizeof(entry), sizeof(entry));
        error = decode_entry(&entry, &acl->entries[i]);
    }
    if (error)
        acl_put(acl);
    else
        *out = acl;
    return error;
}

static void encode(const struct acl *acl, char *value)
{
    const struct user_namespace *ns = current_user_namespace();
    uint32_t version = XATTR_VERSION;
    memcpy(value, &version, sizeof(version));
    for (uint32_t i = 0; i < acl->count; i++) {
        const struct acl_entry *from = &acl->entries[i];
        struct xattr_entry entry = {
            .tag = from->tag, .permissions = from->permissions, .id = UINT32_MAX};
        if (from->tag == TAG_USER)
            entry.id = uid_to_user(ns, from->id);
        else if (from->tag == TAG_GROUP)
            entry.id = gid_to_user(ns, from->id);
        memcpy(value + XATTR_HEADER_BYTES + i * sizeof(entry), &entry, sizeof(entry));
    }
}

int64_t acl_get_xattr(struct inode *inode, enum acl_type type, void *value, size_t bytes)
{
    if (!has_lists(inode))
        return -EOPNOTSUPP;
    struct acl *acl = acl_get(inode, type);
    if (!acl)
        return -ENODATA;
    size_t needed = XATTR_HEADER_BYTES + acl->count * sizeof(struct xattr_entry);
    int64_t result = bytes && bytes < needed ? -ERANGE : (int64_t)needed;
    if (bytes && result > 0)
        encode(acl, value);
    acl_put(acl);
    return result;
}

int64_t acl_list_xattr(struct inode *inode, char *list, size_t bytes)
{
    size_t used = 0;
    for (unsigned type = 0; type < ACL_TYPES; type++) {
        if (!atomic_load_acquire(&inode->acls[type]))
            continue;
        size_t length = kstrlen(names[type]) + 1;
        if (bytes && used + length > bytes)
            return -ERANGE;
        if (bytes)
            memcpy(list + used, names[type], length);
        used += length;
    }
    return (int64_t)used;
}

/* ---- changes ---- */

/* The mode that an access list brings, without a set-group-ID bit that the caller may not set. */
static uint32_t mode_with(const struct inode *inode, struct acl *acl)
{
    const struct cred *cred = current_cred();
    uint32_t mode = inode->mode;
    if (acl)
        mode = (mode & ~0777u) | mode_of(acl);
    if (!cred_in_group(cred, inode->gid) &&
        !cred_has_cap_over(cred, inode->uid, inode->gid, CAP_FSETID))
        mode &= ~(uint32_t)S_ISGID;
    return mode;
}

static int set(struct inode *inode, enum acl_type type, struct acl *acl)
{
    if (type == ACL_DEFAULT && !S_ISDIR(inode->mode)) {
        int result = acl ? -EACCES : 0;
        acl_put(acl);
        return result;
    }
    int error = !inode_owner_or_capable(inode) ? -EPERM : acl && !is_valid(acl) ? -EINVAL : 0;
    if (error) {
        acl_put(acl);
        return error;
    }
    uint32_t mode = inode->mode;
    if (type == ACL_ACCESS) {
        mode = mode_with(inode, acl);
        if (acl && is_mode(acl)) {
            acl_put(acl);
            acl = NULL;
        }
    }
    acl_store(inode, type, acl, mode);
    return 0;
}

int acl_set_xattr(struct inode *inode, enum acl_type type, const void *value, size_t bytes)
{
    struct acl *acl = NULL;
    int error = value ? decode(value, bytes, &acl) : 0;
    if (error)
        return error;
    if (!has_lists(inode)) {
        acl_put(acl);
        return -EOPNOTSUPP;
    }
    return set(inode, type, acl);
}

int acl_chmod(struct inode *inode, uint32_t mode)
{
    struct acl *old = inode->acls[ACL_ACCESS];
    if (!old)
        return 0;
    struct acl *acl = acl_clone(old);
    if (!acl)
        return -ENOMEM;
    find_tag(acl, TAG_USER_OBJ)->permissions = (mode >> 6) & 7;
    group_class(acl)->permissions = (mode >> 3) & 7;
    find_tag(acl, TAG_OTHER)->permissions = mode & 7;
    acl_store(inode, ACL_ACCESS, acl, inode->mode);
    return 0;
}

/* ---- inheritance ---- */

bool acl_replaces_umask(const struct inode *dir)
{
    return atomic_load_relaxed(&dir->acls[ACL_DEFAULT]) != NULL;
}

/* Creation takes away what the mode that was asked for does not have. */
static uint32_t mask_by_mode(struct acl *acl, uint32_t mode)
{
    find_tag(acl, TAG_USER_OBJ)->permissions &= (mode >> 6) & 7;
    group_class(acl)->permissions &= (mode >> 3) & 7;
    find_tag(acl, TAG_OTHER)->permissions &= mode & 7;
    return (mode & ~0777u) | mode_of(acl);
}

int acl_inherit(struct inode *dir, struct inode *inode)
{
    struct acl *from = acl_get(dir, ACL_DEFAULT);
    if (!from)
        return 0;
    struct acl *access = acl_clone(from);
    if (!access) {
        acl_put(from);
        return -ENOMEM;
    }
    inode->mode = mask_by_mode(access, inode->mode);
    if (is_mode(access))
        acl_put(access);
    else
        inode->acls[ACL_ACCESS] = access;
    if (S_ISDIR(inode->mode))
        inode->acls[ACL_DEFAULT] = from;
    else
        acl_put(from);
    return 0;
}

/* ---- permission ---- */

/* Does the entry speak of the caller? */
static bool applies(const struct acl_entry *entry, const struct inode *inode,
                    const struct cred *cred)
{
    switch (entry->tag) {
    case TAG_USER_OBJ:
        return atomic_load_relaxed(&inode->uid) == cred->fsuid;
    case TAG_USER:
        return entry->id == cred->fsuid;
    case TAG_GROUP_OBJ:
        return cred_in_group(cred, atomic_load_relaxed(&inode->gid));
    case TAG_GROUP:
        return cred_in_group(cred, entry->id);
    case TAG_OTHER:
        return true;
    default:
        return false;
    }
}

/* The first entry that names the caller as a user decides; of the groups any that grants all of it;
 * others count only for who is in no group. Users and groups are limited by the mask. */
static int check(struct acl *acl, const struct inode *inode, unsigned mask)
{
    const struct cred *cred = current_cred();
    bool in_group = false;
    for (uint32_t i = 0; i < acl->count; i++) {
        const struct acl_entry *entry = &acl->entries[i];
        bool is_group = entry->tag == TAG_GROUP_OBJ || entry->tag == TAG_GROUP;
        if (!applies(entry, inode, cred))
            continue;
        in_group |= is_group;
        if (is_group && (entry->permissions & mask) != mask)
            continue;
        if (entry->tag == TAG_OTHER && in_group)
            return -EACCES;
        unsigned granted = entry->permissions;
        if (is_group || entry->tag == TAG_USER)
            granted &= group_class(acl)->permissions;
        return (granted & mask) == mask ? 0 : -EACCES;
    }
    return -EACCES;
}

int acl_permission(struct inode *inode, unsigned mask)
{
    struct acl *acl = acl_get(inode, ACL_ACCESS);
    if (!acl)
        return -EAGAIN;
    int result = check(acl, inode, mask);
    acl_put(acl);
    return result;
}
